// SPDX-License-Identifier: Apache-2.0

//! Texts, times and durations for people. Texts come from customers: everything that could move the cursor or change colours is
//! escaped.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use chrono::DateTime;
use unicode_width::UnicodeWidthChar;

/// The maximum width of a message in a stream.
pub const TEXT_COLUMNS_MAX: usize = 200;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Text in one colour.
pub fn color(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(color.into()))
}

/// Text that is less important.
pub fn dim() -> Style {
    Style::new().dimmed()
}

/// Text in a style, and plain text after it.
pub fn painted(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
}

/// The number of terminal columns of a text, as far as known.
pub fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text on one line, without control characters, in at most `columns_max` columns.
pub fn safe(text: &str, columns_max: usize) -> String {
    let mut safe = String::new();
    let mut wide = 0;
    // What still leaves a column for the ellipsis.
    let mut fits = 0;
    for c in text.chars() {
        let start = safe.len();
        push_safe(&mut safe, c);
        wide += columns(safe.get(start..).unwrap_or_default());
        if wide > columns_max {
            safe.truncate(fits);
            safe.push('…');
            break;
        }
        if wide < columns_max {
            fits = safe.len();
        }
    }
    safe
}

fn push_safe(safe: &mut String, c: char) {
    match c {
        '\n' | '\r' | '\t' => safe.push(' '),
        // Includes marks that change the text direction, which would reorder neighbouring text.
        c if c.is_control()
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}' | '\u{2029}') =>
        {
            let _ = write!(safe, "{}", c.escape_unicode());
        }
        c => safe.push(c),
    }
}

/// Text as a column of this width: cut, or padded with spaces.
pub fn column(text: &str, width: usize) -> String {
    let mut column = safe(text, width);
    let missing = width.saturating_sub(columns(&column));
    column.extend(std::iter::repeat_n(' ', missing));
    column
}

/// The beginning of an id.
pub fn short(id: &str) -> String {
    safe(id, 12)
}

/// A point in time, in UTC wherever the reader is.
pub fn time(ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(ms);
    time.map_or_else(|| ms.to_string(), |utc| utc.format("%Y-%m-%d %H:%M:%SZ").to_string())
}

/// The time of the day, in UTC.
pub fn clock(ms: i64) -> String {
    let time = time(ms);
    time.split_once(' ').map_or_else(|| time.clone(), |(_, clock)| clock.to_owned())
}

/// The time since the start: `+0:05`, `+1:02:03`, `+2d 01:02:03`.
pub fn elapsed(ms: i64) -> String {
    let (sign, ms) = if ms < 0 { ('-', ms.saturating_neg()) } else { ('+', ms) };
    let (days, hours) = (ms / DAY, ms % DAY / HOUR);
    let (minutes, seconds) = (ms % HOUR / MINUTE, ms % MINUTE / SECOND);
    match (days, hours) {
        (0, 0) => format!("{sign}{minutes}:{seconds:02}"),
        (0, hours) => format!("{sign}{hours}:{minutes:02}:{seconds:02}"),
        (days, hours) => format!("{sign}{days}d {hours:02}:{minutes:02}:{seconds:02}"),
    }
}

/// A duration: `1.2 s`, `3 min 5 s`, `2 h 3 min`, `4 d 5 h`.
pub fn duration(ms: i64) -> String {
    match ms {
        ms if ms < 0 => format!("-{}", duration(ms.saturating_neg())),
        0 => "0 s".to_owned(),
        ms if ms < MINUTE => format!("{}.{} s", ms / SECOND, ms % SECOND / 100),
        ms if ms < HOUR => format!("{} min {} s", ms / MINUTE, ms % MINUTE / SECOND),
        ms if ms < DAY => format!("{} h {} min", ms / HOUR, ms % HOUR / MINUTE),
        ms => format!("{} d {} h", ms / DAY, ms % DAY / HOUR),
    }
}

/// A count: `1 edit`, `2 edits`.
pub fn count(number: i64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// A constant of the contract in words: `CHANNEL_SESSION_STARTED` is `channel session started`.
pub fn in_words(word: &str) -> String {
    let parts = word.split('_').map(|part| match part {
        "SLA" | "MRD" | "IVR" => part.to_owned(),
        _ => part.to_lowercase(),
    });
    safe(&parts.collect::<Vec<_>>().join(" "), 60)
}

/// What is left out of a record, in words; `None` when it is complete.
pub fn omitted_words(omitted: &[(&str, u64)]) -> Option<String> {
    let parts = omitted.iter().filter(|(_, number)| *number > 0).map(|(what, number)| {
        let what = match *what {
            "agents" => "agents' stays",
            "queueVisits" => "queue visits",
            "wrapUps" => "wrap-ups",
            "others" => "other events",
            what => what,
        };
        format!("{number} {what}")
    });
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A line without its colours.
#[cfg(test)]
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        assert_eq!(safe("\u{1b}]0;owned\u{7}\nsecond", 100), "\\u{1b}]0;owned\\u{7} second");
        assert_eq!(safe("\u{202e}drawkcab", 100), "\\u{202e}drawkcab");
    }

    #[test]
    fn a_long_text_is_cut_to_its_columns() {
        assert_eq!(safe(&"x".repeat(500), 100), format!("{}…", "x".repeat(99)));
        assert_eq!(safe("exactly", 7), "exactly");
        assert_eq!(safe("日本語の文", 6), "日本…");
        assert_eq!(columns(&safe(&"👍".repeat(9), 8)), 7);
    }

    #[test]
    fn a_column_has_its_width_whatever_stands_in_it() {
        for text in ["", "a", "日本語", "a much longer text", "e\u{301}"] {
            assert_eq!(columns(&column(text, 10)), 10, "{text:?}");
        }
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(time(1_750_000_000_000), "2025-06-15 15:06:40Z");
    }

    #[test]
    fn elapsed_time_is_a_clock() {
        let said: Vec<String> = [0, 5_999, 92_000, 3_723_000, 180_183_000].map(elapsed).to_vec();
        assert_eq!(said, ["+0:00", "+0:05", "+1:32", "+1:02:03", "+2d 02:03:03"]);
    }

    #[test]
    fn durations_are_as_exact_as_they_are_short() {
        let said: Vec<String> = [0, 1_267, 59_999, 92_000, 7_380_000, 90_000_000].map(duration).to_vec();
        assert_eq!(said, ["0 s", "1.2 s", "59.9 s", "1 min 32 s", "2 h 3 min", "1 d 1 h"]);
        assert_eq!(duration(-1_500), "-1.5 s");
        assert!(!duration(i64::MIN).is_empty());
    }

    #[test]
    fn words_of_the_contract_become_words_of_a_person() {
        assert_eq!(in_words("CHANNEL_SESSION_STARTED"), "channel session started");
        assert_eq!(in_words("AGENT_SLA_EXPIRED"), "agent SLA expired");
    }
}
