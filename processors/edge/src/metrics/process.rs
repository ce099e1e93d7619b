//! Figures of this process from `/proc`; none on systems without it.

/// The kernel reports process times in hundredths of a second, independent of its own clock rate.
const TICKS_PER_SECOND: f64 = 100.0;

/// Figures of one measurement.
pub(super) struct Usage {
    /// Seconds since the epoch.
    pub(super) started_at: f64,
    pub(super) resident_bytes: i64,
    pub(super) cpu_seconds: f64,
}

pub(super) fn usage() -> Option<Usage> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    parse(&read("/proc/self/stat")?, &read("/proc/self/status")?, &read("/proc/stat")?)
}

fn parse(own: &str, status: &str, system: &str) -> Option<Usage> {
    // The second field, the program's name, is in parentheses and may contain anything. The first field after it is the third
    // of proc(5), so user time (14) is at index 11, system time at 12, the start time (22) at 19.
    let (_, fields) = own.rsplit_once(')')?;
    let ticks = |index: usize| fields.split_ascii_whitespace().nth(index)?.parse::<f64>().ok();
    // In kilobytes, so that the page size is not needed.
    let resident = first_number(status, "VmRSS:")?;
    let booted = first_number(system, "btime ")?;
    Some(Usage {
        #[expect(clippy::cast_precision_loss, reason = "seconds since the epoch are exact in a double")]
        started_at: booted as f64 + ticks(19)? / TICKS_PER_SECOND,
        resident_bytes: resident.checked_mul(1024)?,
        cpu_seconds: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND,
    })
}

fn first_number(text: &str, start: &str) -> Option<i64> {
    text.lines().find_map(|line| line.strip_prefix(start))?.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_a_program_name_with_spaces_and_brackets() {
        let own = "42 (a) b (c) R 1 1 1 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 6000 1000000 2000";
        let usage = parse(own, "Name:\ta) b\nVmRSS:\t    2048 kB\n", "cpu 1 2\nbtime 1700000000\n").unwrap();
        assert!((usage.cpu_seconds - 3.0).abs() < 1e-9);
        assert!((usage.started_at - 1_700_000_060.0).abs() < 1e-9);
        assert_eq!(usage.resident_bytes, 2 * 1024 * 1024);
    }

    #[test]
    fn what_cannot_be_read_gives_no_figures_instead_of_wrong_ones() {
        assert!(parse("", "", "").is_none());
        assert!(parse("1 (x) R 1 2", "VmRSS: 1 kB", "btime 1").is_none());
    }
}
