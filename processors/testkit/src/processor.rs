//! What the processor worked: for benchmarks, since it does not depend on who else keeps the machine busy.

use rustix::time::{ClockId, clock_gettime};

/// Microseconds that the processor has worked for this thread.
#[must_use]
pub fn thread_micros() -> f64 {
    micros(ClockId::ThreadCPUTime)
}

/// Microseconds that it has worked for all threads of this process, those that have ended too.
#[must_use]
pub fn process_micros() -> f64 {
    micros(ClockId::ProcessCPUTime)
}

#[allow(clippy::cast_precision_loss, reason = "a double counts nanoseconds for a hundred days")]
fn micros(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}
