//! The total order of events (contract, section 0).

use std::cmp::Ordering;

/// Compares two events by `(at, eventId)`: `at` in epoch milliseconds, the id as UTF-8 bytes. "First", "last",
/// "before" and "after" are meant in this order everywhere.
#[must_use]
pub fn compare(a: (i64, &str), b: (i64, &str)) -> Ordering {
    // `str` compares by bytes; comparing `char`s or UTF-16 units would sort some scripts differently.
    a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_decides_before_the_id() {
        assert_eq!(compare((1, "b"), (2, "a")), Ordering::Less);
        assert_eq!(compare((2, "a"), (1, "b")), Ordering::Greater);
    }

    #[test]
    fn at_the_same_time_the_ids_bytes_decide() {
        assert_eq!(compare((1, "a"), (1, "b")), Ordering::Less);
        assert_eq!(compare((1, "10"), (1, "9")), Ordering::Less);
        assert_eq!(compare((1, "Z"), (1, "a")), Ordering::Less);
        assert_eq!(compare((1, "x"), (1, "x")), Ordering::Equal);
    }

    #[test]
    fn ids_beyond_the_basic_plane_sort_by_bytes_and_not_by_utf16_units() {
        // In UTF-16 the emoji's surrogate (0xD83D) is less than U+FF5E.
        assert_eq!(compare((1, "\u{ff5e}"), (1, "\u{1f600}")), Ordering::Less);
    }
}
