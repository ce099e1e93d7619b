// SPDX-License-Identifier: Apache-2.0

//! Durations and sizes as people write them: `7d`, `100ms`, `1MiB`.

const DAY_MS: i64 = 86_400_000;
const DURATIONS: &[(&str, i64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", DAY_MS)];
const SIZES: &[(&str, i64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Milliseconds of a whole number with a unit: `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// A sentence for a person that says how to write it.
pub fn duration_ms(text: &str) -> Result<i64, String> {
    let how = "write a whole number with a unit, as in 100ms, 30s, 15m, 24h or 7d";
    parse(text, DURATIONS).map_err(|problem| match problem {
        Problem::Form => format!("{text:?} is no duration; {how}"),
        Problem::TooLarge => {
            format!("{text:?} is longer than can be counted; write {}d or less", i64::MAX / DAY_MS)
        }
    })
}

/// Bytes of a whole number with a unit: `B`, `KiB`, `MiB` or `GiB`.
///
/// # Errors
/// A sentence for a person that says how to write it.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    let how = "write a whole number with a unit, as in 512B, 64KiB or 1MiB";
    let size = parse(text, SIZES).and_then(|size| usize::try_from(size).map_err(|_| Problem::TooLarge));
    size.map_err(|problem| match problem {
        Problem::Form => format!("{text:?} is no size; {how}"),
        Problem::TooLarge => {
            format!("{text:?} is more than can be counted; write {}GiB or less", i64::MAX >> 30)
        }
    })
}

/// What is wrong with a number.
enum Problem {
    /// It is none, or has no unit that is known.
    Form,
    /// Nothing can be so large.
    TooLarge,
}

fn parse(text: &str, units: &[(&str, i64)]) -> Result<i64, Problem> {
    let (number, unit) = text
        .find(|c: char| !c.is_ascii_digit())
        .and_then(|end| text.split_at_checked(end))
        .ok_or(Problem::Form)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start()).ok_or(Problem::Form)?;
    if number.is_empty() {
        return Err(Problem::Form);
    }
    // Digits alone: all that can be wrong with them is that there are too many.
    number.parse::<i64>().ok().and_then(|number| number.checked_mul(*factor)).ok_or(Problem::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_every_unit() {
        for (text, milliseconds) in [
            ("0ms", 0),
            ("100ms", 100),
            ("30s", 30_000),
            ("15m", 900_000),
            ("24h", 86_400_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(duration_ms(text), Ok(milliseconds), "{text}");
        }
    }

    #[test]
    fn a_duration_without_a_unit_or_a_whole_number_is_refused_with_what_to_write() {
        for text in ["", "7", "d", "-1s", "1.5h", "7days", "7D", "1d12h", "٣d"] {
            assert!(duration_ms(text).unwrap_err().contains("24h or 7d"), "{text}");
        }
    }

    #[test]
    fn a_number_that_is_too_large_is_refused_with_the_greatest() {
        for text in ["9223372036854775807d", "106751991168d", "99999999999999999999ms"] {
            assert!(duration_ms(text).unwrap_err().ends_with("write 106751991167d or less"), "{text}");
        }
        assert_eq!(duration_ms("106751991167d"), Ok(106_751_991_167 * DAY_MS));
        for text in ["8589934592GiB", "99999999999999999999B"] {
            assert!(bytes(text).unwrap_err().ends_with("write 8589934591GiB or less"), "{text}");
        }
        assert!(bytes("8589934591GiB").is_ok());
    }

    #[test]
    fn sizes_are_read_in_every_unit_and_nothing_else() {
        assert_eq!(bytes("512B"), Ok(512));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("1MiB"), Ok(1_048_576));
        assert_eq!(bytes("2GiB"), Ok(2_147_483_648));
        assert!(bytes("1MB").unwrap_err().contains("1MiB"));
        assert!(bytes("1048576").is_err());
    }
}
