// SPDX-License-Identifier: Apache-2.0

//! CPU time, for benchmarks: unlike wall time, it does not depend on other load.

use rustix::time::{ClockId, clock_gettime};

/// Microseconds of CPU time of this thread.
#[must_use]
pub fn thread_micros() -> f64 {
    micros(ClockId::ThreadCPUTime)
}

/// Microseconds of CPU time of all threads of this process, ended ones included.
#[must_use]
pub fn process_micros() -> f64 {
    micros(ClockId::ProcessCPUTime)
}

#[allow(clippy::cast_precision_loss, reason = "a double counts nanoseconds for a hundred days")]
fn micros(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}
