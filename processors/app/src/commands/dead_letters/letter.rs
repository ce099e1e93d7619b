//! A dead letter, as far as its headers tell of it.

use std::fmt;
use std::str::FromStr;

use rdkafka::message::{Headers, Message};

use crate::commands::lines::text;

/// What dead letters' own headers begin with.
pub const HEADER_PREFIX: &str = "cx.error.";
/// Where in its partition a letter lay before an erasure wrote it anew at the end.
pub const HEADER_MOVED: &str = "cx.moved.from";

/// Where a dead letter lies in its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let position = text.split_once(':').and_then(|(partition, offset)| {
            let partition = partition.parse().ok().filter(|partition| *partition >= 0)?;
            let offset = offset.parse().ok().filter(|offset| *offset >= 0)?;
            Some(Position { partition, offset })
        });
        position
            .ok_or_else(|| "write PARTITION:OFFSET as `dead-letters list` prints it, like 3:17".to_owned())
    }
}

/// Where a record came from, and why it is a dead letter. Not its value, which may be large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Where the letter lies.
    pub position: Position,
    /// Where it lay first, if it was moved; else the same.
    pub first: Position,
    /// When it became one, in epoch milliseconds.
    pub at_ms: Option<i64>,
    /// Why, in a word; empty where a record is no dead letter of ours.
    pub reason: String,
    /// Why, in a sentence.
    pub detail: String,
    /// Who refused it.
    pub processor: String,
    /// The topic that the record came from.
    pub topic: Option<String>,
    /// The partition that it came from.
    pub partition: Option<i32>,
    /// The offset that it had there.
    pub offset: Option<i64>,
}

impl Letter {
    /// What the headers say.
    pub fn of(message: &impl Message) -> Self {
        let header = |name: &str| header(message, name);
        let position = Position { partition: message.partition(), offset: message.offset() };
        let first = moved_from(message).filter(|offset| *offset < position.offset);
        Self {
            position,
            first: Position { offset: first.unwrap_or(position.offset), ..position },
            at_ms: header("at").and_then(|at| at.parse().ok()),
            reason: header("reason").unwrap_or_default(),
            detail: header("detail").unwrap_or_default(),
            processor: header("processor").unwrap_or_default(),
            topic: header("topic").filter(|topic| !topic.is_empty()),
            partition: header("partition").and_then(|partition| partition.parse().ok()),
            offset: header("offset").and_then(|offset| offset.parse().ok()),
        }
    }

    /// Where the record came from: `cx.events/3@17`.
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

/// Where the letter lay first. Only what stands behind our own headers is ours: a record may come with anything.
fn moved_from(message: &impl Message) -> Option<i64> {
    let is_ours = |name: &str| name.starts_with(HEADER_PREFIX) || name == HEADER_MOVED;
    let last = message.headers()?.iter().filter(|header| is_ours(header.key)).last()?;
    if last.key == HEADER_MOVED { text(last.value?).parse().ok() } else { None }
}

fn header(message: &impl Message, name: &str) -> Option<String> {
    let is_it = |key: &str| key.strip_prefix(HEADER_PREFIX) == Some(name);
    // A record that came with such headers has them twice: the last is ours.
    let found = message.headers()?.iter().filter(|header| is_it(header.key)).last()?;
    Some(text(found.value?))
}

#[cfg(test)]
pub(in crate::commands) mod tests {
    use super::*;
    use rdkafka::Timestamp;
    use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};

    /// A dead letter at 3:17 of this reason and time.
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
    fn a_position_is_read_as_it_is_printed() {
        let position = Position { partition: 3, offset: 17 };
        assert_eq!(position.to_string().parse(), Ok(position));
        for other in ["", "3", "3:", ":17", "-1:2", "1:-2", "a:b", "3:17:1"] {
            assert!(other.parse::<Position>().unwrap_err().contains("3:17"), "{other}");
        }
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
