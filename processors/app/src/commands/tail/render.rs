// SPDX-License-Identifier: Apache-2.0

//! Lines for records without a conversation page.

use anstyle::{AnsiColor, Style};

use crate::render::text::{TEXT_COLUMNS_MAX, color, dim, painted, safe, time};

/// One dead letter on one line.
pub(super) fn dead_letter(at_ms: i64, reason: &str, detail: &str, place: &str) -> String {
    let red: Style = color(AnsiColor::Red).bold();
    format!(
        "{} {} {} {}\n",
        painted(dim(), &time(at_ms)),
        painted(red, &format!("dead letter: {}", safe(reason, 40))),
        safe(detail, 200),
        painted(dim(), &safe(place, 80))
    )
}

/// A tombstone.
pub(super) fn tombstone(topic: &str, key: &str) -> String {
    format!("{} {} removed\n", safe(topic, 60), safe(key, 100))
}

/// Any other record.
pub(super) fn other(topic: &str, key: &str, value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    format!("{} {} {}\n", safe(topic, 60), safe(key, 100), safe(&text, TEXT_COLUMNS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::text::plain;

    #[test]
    fn a_dead_letter_says_why_and_where() {
        let line = plain(&dead_letter(0, "malformed", "line 1 column 2", "cx.events/3@17"));
        assert_eq!(line, "1970-01-01 00:00:00Z dead letter: malformed line 1 column 2 cx.events/3@17\n");
    }

    #[test]
    fn any_other_record_is_one_line_that_cannot_steer_the_terminal() {
        let line = other("cx.metrics", "k\u{1b}[1m", b"{\"a\":\n1}");
        assert_eq!(line, "cx.metrics k\\u{1b}[1m {\"a\": 1}\n");
    }
}
