// SPDX-License-Identifier: Apache-2.0

//! A dead letter, as its headers describe it.

use rdkafka::message::{Headers, Message};

use crate::cli::dead_letters::Position;
use crate::render::lines::text;

/// The prefix of dead letters' own headers.
pub const HEADER_PREFIX: &str = "cx.error.";
/// The letter's previous offset, before an erasure rewrote it at the end of the partition.
pub const HEADER_MOVED: &str = "cx.moved.from";

/// A dead letter's origin and reason, without the value, which may be large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The letter's position.
    pub position: Position,
    /// Its original position, before an erasure moved it.
    pub first: Position,
    /// When it was written, in epoch milliseconds.
    pub at_ms: Option<i64>,
    /// The record's own Kafka timestamp, in epoch milliseconds.
    pub record_ms: Option<i64>,
    /// What was left out of it, in words; empty when it is complete.
    pub left_out: String,
    /// The reason code; empty when the record is none of our dead letters.
    pub reason: String,
    /// The reason in a sentence.
    pub detail: String,
    /// The processor that rejected it.
    pub processor: String,
    /// The record's topic.
    pub topic: Option<String>,
    /// The record's partition.
    pub partition: Option<i32>,
    /// The record's offset.
    pub offset: Option<i64>,
}

impl Letter {
    /// Reads the headers.
    pub fn of(message: &impl Message) -> Self {
        let header = |name: &str| header(message, name);
        let number = |name: &str| header(name)?.parse().ok();
        let position = Position { partition: message.partition(), offset: message.offset() };
        let first = moved_from(message).filter(|offset| *offset < position.offset);
        Self {
            position,
            first: Position { offset: first.unwrap_or(position.offset), ..position },
            at_ms: number("at"),
            // Letters of earlier versions have their record's timestamp.
            record_ms: number("timestamp").or_else(|| message.timestamp().to_millis()),
            left_out: left_out(&header),
            reason: header("reason").unwrap_or_default(),
            detail: header("detail").unwrap_or_default(),
            processor: header("processor").unwrap_or_default(),
            topic: header("topic").filter(|topic| !topic.is_empty()),
            partition: header("partition").and_then(|partition| partition.parse().ok()),
            offset: number("offset"),
        }
    }

    /// The origin: `cx.events/3@17`.
    pub fn origin(&self) -> String {
        let number = |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        format!(
            "{}/{}@{}",
            self.topic.as_deref().unwrap_or("?"),
            number(self.partition.map(i64::from)),
            number(self.offset)
        )
    }
}

/// The letter's original offset. Only headers after our own are ours: a record may carry any header.
fn moved_from(message: &impl Message) -> Option<i64> {
    let is_ours = |name: &str| name.starts_with(HEADER_PREFIX) || name == HEADER_MOVED;
    let last = message.headers()?.iter().filter(|header| is_ours(header.key)).last()?;
    if last.key == HEADER_MOVED { text(last.value?).parse().ok() } else { None }
}

/// Whether a header has the record's own timestamp; letters of earlier versions have it as their own.
pub fn says_record_time(message: &impl Message) -> bool {
    header(message, "timestamp").is_some()
}

/// One of our headers. A record may carry the same names; ours begin with the last reason.
fn header(message: &impl Message, name: &str) -> Option<String> {
    let is_it = |key: &str, name: &str| key.strip_prefix(HEADER_PREFIX) == Some(name);
    let headers = message.headers()?;
    let first = headers.iter().enumerate().filter(|(_, header)| is_it(header.key, "reason")).last();
    let ours = headers.iter().skip(first.map_or(0, |(index, _)| index));
    let found = ours.filter(|header| is_it(header.key, name)).last()?;
    Some(text(found.value?))
}

/// What was left out, from the headers.
fn left_out(header: &dyn Fn(&str) -> Option<String>) -> String {
    let parts = [
        ("truncated", "its value, which had"),
        ("truncated.headers", "its headers, which had"),
        ("truncated.key", "most of its key, which had"),
    ];
    let parts = parts.iter().filter_map(|(name, words)| Some(format!("{words} {} bytes", header(name)?)));
    parts.collect::<Vec<_>>().join(", and ")
}

#[cfg(test)]
pub(in crate::commands) mod tests {
    use super::*;
    use rdkafka::Timestamp;
    use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};

    /// A dead letter at 3:17 with this reason and time.
    pub(crate) fn letter(reason: &str, at_ms: Option<i64>) -> Letter {
        let at = at_ms.map(|at| at.to_string());
        let mut headers = vec![
            ("cx.error.reason", reason),
            ("cx.error.detail", "line 1 column 2"),
            ("cx.error.topic", "cx.events"),
            ("cx.error.partition", "2"),
            ("cx.error.offset", "5"),
            ("cx.error.processor", "decode"),
        ];
        headers.extend(at.as_deref().map(|at| ("cx.error.at", at)));
        Letter::of(&message(&headers))
    }

    /// A record at 3:17 with these headers.
    pub(crate) fn message(headers: &[(&str, &str)]) -> OwnedMessage {
        let headers = headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| {
            all.insert(Header { key, value: Some(value.as_bytes()) })
        });
        let value = Some(b"value".to_vec());
        OwnedMessage::new(value, None, "letters".to_owned(), Timestamp::CreateTime(7), 3, 17, Some(headers))
    }

    #[test]
    fn a_letter_is_what_its_last_headers_say() {
        let twice = message(&[("cx.error.reason", "no-key"), ("cx.error.reason", "malformed")]);
        assert_eq!(Letter::of(&twice).reason, "malformed");
        let letter = letter("malformed", Some(5));
        assert_eq!((letter.origin().as_str(), letter.at_ms), ("cx.events/2@5", Some(5)));
        assert_eq!(letter.position.to_string(), "3:17");
    }

    #[test]
    fn what_a_record_came_with_is_not_taken_for_ours() {
        let forged = message(&[
            ("cx.error.truncated", "9"),
            ("cx.error.timestamp", "5"),
            ("cx.error.reason", "no-key"),
        ]);
        assert_eq!((Letter::of(&forged).left_out, Letter::of(&forged).record_ms), (String::new(), Some(7)));
    }

    #[test]
    fn the_record_s_own_time_is_in_a_header_and_a_letter_of_an_earlier_version_had_it_itself() {
        let timed = message(&[("cx.error.reason", "no-key"), ("cx.error.timestamp", "5")]);
        assert_eq!(Letter::of(&timed).record_ms, Some(5));
        assert_eq!(letter("no-key", None).record_ms, Some(7));
    }

    #[test]
    fn what_had_to_be_left_out_is_said_in_words() {
        let cut = message(&[
            ("cx.error.reason", "too-large"),
            ("cx.error.truncated", "9"),
            ("cx.error.truncated.key", "8"),
        ]);
        assert_eq!(
            Letter::of(&cut).left_out,
            "its value, which had 9 bytes, and most of its key, which had 8 bytes"
        );
    }

    #[test]
    fn a_letter_that_was_moved_says_where_it_lay_first() {
        let first = |headers: &[(&str, &str)]| Letter::of(&message(headers)).first.offset;
        assert_eq!(first(&[("cx.error.at", "1"), ("cx.processor", "decode"), ("cx.moved.from", "5")]), 5);
        assert_eq!(first(&[("cx.moved.from", "5"), ("cx.error.at", "1")]), 17, "the record came with it");
        assert_eq!(
            first(&[("cx.error.at", "1"), ("cx.moved.from", "17")]),
            17,
            "no letter comes from itself"
        );
    }

    #[test]
    fn a_record_that_is_no_dead_letter_says_nothing() {
        let letter = Letter::of(&message(&[("cx.error.at", "yesterday")]));
        assert_eq!((letter.reason.as_str(), letter.at_ms, letter.topic.as_deref()), ("", None, None));
        assert_eq!(letter.origin(), "?/?@?");
    }
}
