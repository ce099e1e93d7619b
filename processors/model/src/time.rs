// SPDX-License-Identifier: Apache-2.0

//! Times in the formats of events (contract, section 1): epoch milliseconds or RFC 3339, converted to epoch milliseconds.

use chrono::DateTime;

/// The earliest valid time: 2000-01-01T00:00:00Z, in epoch milliseconds, inclusive.
pub const AT_MIN: i64 = 946_684_800_000;
/// The latest valid time: 2100-01-01T00:00:00Z, in epoch milliseconds, inclusive.
pub const AT_MAX: i64 = 4_102_444_800_000;

/// The number of digits of [`AT_MAX`]: longer integers are out of range.
const DIGITS_MAX: usize = 13;

/// Parses a time from text: digits with or without a fraction, or an RFC 3339 date and time (`T`, `t` or a space between them,
/// any offset, second 60 as the next minute's first). A fraction is truncated. Returns epoch milliseconds; `None` for other
/// text or a time outside [`AT_MIN`] to [`AT_MAX`].
#[must_use]
pub fn parse_time_text(text: &str) -> Option<i64> {
    digits(text).or_else(|| rfc3339(text)).filter(|at| in_range(*at))
}

/// Below this, a message's time is in seconds, as some senders write (contract section 1, `sentAt`).
const SECONDS_BELOW: i64 = 100_000_000_000;

/// Parses a message's time from text, like [`parse_time_text`]; a small number is in seconds.
pub(crate) fn parse_sent_text(text: &str) -> Option<i64> {
    digits(text).map(sent).or_else(|| rfc3339(text)).filter(|at| in_range(*at))
}

/// Parses a message's time from a JSON number; a small one is in seconds.
pub(crate) fn parse_sent_number(number: &str) -> Option<i64> {
    whole_part(number).map(sent).filter(|at| in_range(*at))
}

fn sent(number: i64) -> i64 {
    if number < SECONDS_BELOW { number.saturating_mul(1000) } else { number }
}

/// Parses a time from a JSON number: its integer part, exact even where a double would round up.
pub(crate) fn parse_time_number(number: &str) -> Option<i64> {
    whole_part(number).filter(|at| in_range(*at))
}

/// The integer part of a non-negative JSON number; `None` if it is longer than any time.
fn whole_part(number: &str) -> Option<i64> {
    // Nearly all are plain integers.
    if let Ok(at) = number.parse() {
        return Some(at);
    }
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let zeros = whole.bytes().chain(fraction.bytes()).take_while(|b| *b == b'0').count();
    // The number of digits before the point, without leading zeros, after applying the exponent.
    let places =
        i64::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_sub(i64::try_from(zeros).ok()?)?;
    let places = usize::try_from(places).ok().filter(|places| *places <= DIGITS_MAX)?;
    let mut significant = whole.bytes().chain(fraction.bytes()).skip(zeros);
    let mut at = 0;
    for _ in 0..places {
        // A sign is no digit, which is right: a negative number is out of range.
        at = at * 10 + digit(significant.next().unwrap_or(b'0'))?;
    }
    Some(at)
}

fn in_range(at: i64) -> bool {
    (AT_MIN..=AT_MAX).contains(&at)
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

/// Digits with or without a fraction, which is truncated.
fn digits(text: &str) -> Option<i64> {
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if is_digits(fraction) => whole,
        Some(_) => return None,
        None => text,
    };
    if !is_digits(whole) {
        return None;
    }
    let significant = whole.trim_start_matches('0');
    if significant.len() > DIGITS_MAX { None } else { significant.parse().ok() }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// A date and time of RFC 3339. Second 60 counts as the next minute's first, because `chrono` keeps it as second 59 with more than
/// a second's milliseconds.
fn rfc3339(text: &str) -> Option<i64> {
    // `chrono` also reads the sign U+2212 before an offset, which RFC 3339 does not have.
    let text = Some(text).filter(|text| text.is_ascii())?;
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_epoch_milliseconds_and_a_fraction_is_cut() {
        assert_eq!(parse_time_text("1750000003000"), Some(1_750_000_003_000));
        assert_eq!(parse_time_text("1750000009000.5"), Some(1_750_000_009_000));
        assert_eq!(parse_time_text("1750000009000.99999999999999999999"), Some(1_750_000_009_000));
        assert_eq!(parse_time_text("00001750000003000"), Some(1_750_000_003_000));
    }

    #[test]
    fn a_small_number_is_in_seconds_where_a_message_was_sent_and_its_fraction_is_cut_first() {
        assert_eq!(parse_sent_number("1750000003"), Some(1_750_000_003_000));
        assert_eq!(parse_sent_number("1750000003.9"), Some(1_750_000_003_000));
        assert_eq!(parse_sent_number("1.7500000039e9"), Some(1_750_000_003_000));
        assert_eq!(parse_sent_number("1750000003000"), Some(1_750_000_003_000));
        assert_eq!(parse_sent_text("1750000003.999"), Some(1_750_000_003_000));
        assert_eq!(parse_sent_text("2025-06-15T15:06:48Z"), Some(1_750_000_008_000));
        assert_eq!(parse_sent_number("99999999999"), None);
        assert_eq!(parse_sent_number("100000000000"), None);
        assert_eq!((parse_sent_number("7"), parse_sent_text("")), (None, None));
    }

    #[test]
    fn rfc_3339_is_read_with_any_separator_offset_and_fraction() {
        for (text, at) in [
            ("2025-06-15T15:06:48Z", 1_750_000_008_000),
            ("2025-06-15 15:06:48z", 1_750_000_008_000),
            ("2025-06-15t15:06:48+00:00", 1_750_000_008_000),
            ("2025-06-15T15:06:48-00:00", 1_750_000_008_000),
            ("2025-06-15T20:06:44.000999+05:00", 1_750_000_004_000),
            ("2025-06-15T15:06:48.9996Z", 1_750_000_008_999),
            ("2025-06-15T15:06:48.1Z", 1_750_000_008_100),
            ("2025-06-15T15:06:48.12Z", 1_750_000_008_120),
            ("2025-06-15T05:36:48-09:30", 1_750_000_008_000),
            ("2025-06-16T15:05:48+23:59", 1_750_000_008_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("2016-12-31T23:59:60.5Z", 1_483_228_800_500),
            ("2025-06-15T15:06:60Z", 1_750_000_020_000),
        ] {
            assert_eq!(parse_time_text(text), Some(at), "{text}");
        }
    }

    #[test]
    fn the_range_includes_both_ends() {
        for (text, at) in [
            ("946684800000", Some(AT_MIN)),
            ("946684799999", None),
            ("946684799999.9", None),
            ("4102444800000", Some(AT_MAX)),
            ("4102444800000.9", Some(AT_MAX)),
            ("4102444800001", None),
            ("2000-01-01T00:00:00Z", Some(AT_MIN)),
            ("1999-12-31T23:59:59.999Z", None),
            ("1999-12-31T23:59:60Z", Some(AT_MIN)),
            ("2000-01-01T00:00:00+00:01", None),
            ("2100-01-01T00:00:00Z", Some(AT_MAX)),
            ("2100-01-01T00:00:00.001Z", None),
            ("2100-01-01T00:00:00.0009Z", Some(AT_MAX)),
            ("0000-01-01T00:00:00Z", None),
            ("9999-12-31T23:59:59Z", None),
        ] {
            assert_eq!(parse_time_text(text), at, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            " ",
            "yesterday",
            "1750000000000.",
            ".5",
            "1750000000000.5.5",
            "+1750000000000",
            "-1750000000000",
            "1.75e12",
            " 1750000000000",
            "1750000000000 ",
            "١٧٥٠٠٠٠٠٠٠٠٠٠",
            "99999999999999999999999999",
            "2025-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2025-04-31T00:00:00Z",
            "2025-00-01T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-01-00T00:00:00Z",
            "2025-06-15T24:00:00Z",
            "2025-06-15T15:60:00Z",
            "2025-06-15T15:06:61Z",
            "2025-06-15T15:06:48",
            "2025-06-15T15:06Z",
            "2025-06-15T15:06:48.Z",
            "2025-06-15T15:06:48,5Z",
            "2025-06-15T15:06:48+0500",
            "2025-06-15T15:06:48+05",
            "2025-06-15T15:06:48+24:00",
            "2025-06-15T15:06:48+05:60",
            "2025-06-15T15:06:48Zx",
            "2025-06-15_15:06:48Z",
            "25-06-15T15:06:48Z",
            "2025-6-15T15:06:48Z",
            "2025-06-15",
            "2025-06-15T15:06:48−05:00",
        ] {
            assert_eq!(parse_time_text(text), None, "{text}");
        }
    }

    #[test]
    fn a_numbers_whole_part_is_exact_in_every_spelling() {
        for (number, at) in [
            ("1750000006000", Some(1_750_000_006_000)),
            ("1750000006000.9", Some(1_750_000_006_000)),
            ("1750000006000.99999999999999", Some(1_750_000_006_000)),
            ("1.75e12", Some(1_750_000_000_000)),
            ("1.7500000060009E+12", Some(1_750_000_006_000)),
            ("17500000060009e-1", Some(1_750_000_006_000)),
            ("0.00175e15", Some(1_750_000_000_000)),
            ("175e10", Some(1_750_000_000_000)),
            ("946684800000", Some(AT_MIN)),
            ("946684799999.999", None),
            ("4102444800000.999", Some(AT_MAX)),
            ("4102444800001", None),
            ("-1750000000000", None),
            ("-0", None),
            ("0", None),
            ("0.0e5", None),
            ("0e13", None),
            ("1e300", None),
            ("1e-300", None),
            ("1e99999999999999999999", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(parse_time_number(number), at, "{number}");
        }
    }
}
