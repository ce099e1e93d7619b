// SPDX-License-Identifier: Apache-2.0

//! Figures of this process; none on systems without `/proc`.
//!
//! Not by the collector of the `prometheus` crate: it counts processor time in whole seconds.

/// Figures of one measurement.
pub(super) struct Usage {
    /// Seconds since the epoch.
    pub(super) started_at: f64,
    pub(super) resident_bytes: i64,
    pub(super) cpu_seconds: f64,
}

#[cfg(target_os = "linux")]
#[expect(clippy::cast_precision_loss, reason = "ticks, and seconds since the epoch, are exact in a double")]
pub(super) fn usage() -> Option<Usage> {
    let process = procfs::process::Process::myself().ok()?;
    let stat = process.stat().ok()?;
    let ticks_per_second = procfs::ticks_per_second() as f64;
    // `stat` has the resident memory too, but in pages, and on some kernels only approximately.
    let resident_kib = process.status().ok()?.vmrss?;
    Some(Usage {
        started_at: procfs::boot_time_secs().ok()? as f64 + stat.starttime as f64 / ticks_per_second,
        resident_bytes: i64::try_from(resident_kib).ok()?.checked_mul(1024)?,
        cpu_seconds: stat.utime.checked_add(stat.stime)? as f64 / ticks_per_second,
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn usage() -> Option<Usage> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::time::{ClockId, clock_gettime};

    fn seconds(clock: ClockId) -> f64 {
        let time = clock_gettime(clock);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    }

    #[test]
    fn the_figures_agree_with_the_systems_clocks() {
        let before = seconds(ClockId::ProcessCPUTime);
        let usage = usage().unwrap();
        // The kernel reports hundredths.
        assert!(usage.cpu_seconds >= before - 0.05, "{} of {before}", usage.cpu_seconds);
        assert!(
            usage.cpu_seconds <= seconds(ClockId::ProcessCPUTime) + 0.05,
            "{} of {before}",
            usage.cpu_seconds
        );
        let age = seconds(ClockId::Realtime) - usage.started_at;
        // The time of the boot has whole seconds.
        assert!((-2.0..3600.0).contains(&age), "started {age} s ago");
        assert!(usage.resident_bytes > 1 << 20, "{}", usage.resident_bytes);
    }
}
