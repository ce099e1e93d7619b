//! A record on its way to the partition where it belongs: its bytes and its position travel with it, so that it can still
//! become a dead letter exactly as it came.

use serde::{Deserialize, Serialize};

use crate::context::EVENT;
use crate::record::{HeaderSource, SourceRecord};

/// An input record, kept whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp_ms: Option<i64>,
    #[serde(borrow)]
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: Vec<(&'a str, Option<&'a [u8]>)>,
    /// The conversation to fold it with, where the record itself names none.
    conversation: Option<&'a str>,
}

/// Bytes that are no carried record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no carried record: {0}")]
pub struct NotCarried(String);

impl<'a> Carried<'a> {
    /// Packs a record; `conversation` is the one that it is to be folded with, should it name none itself.
    #[must_use]
    pub fn pack(record: &SourceRecord<'_>, conversation: Option<&str>) -> Vec<u8> {
        let mut headers: Vec<(String, Option<Vec<u8>>)> = Vec::new();
        record.headers.visit(&mut |name, value| headers.push((name.to_owned(), value.map(<[u8]>::to_vec))));
        let carried = Carried {
            topic: record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key,
            value: record.value,
            headers: headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect(),
            conversation: conversation.or(record.conversation),
        };
        // Writing plain data into memory cannot fail.
        postcard::to_stdvec(&carried).unwrap_or_default()
    }

    /// Unpacks what [`pack`](Self::pack) gave.
    ///
    /// # Errors
    /// The bytes are something else.
    pub fn unpack(bytes: &'a [u8]) -> Result<Self, NotCarried> {
        postcard::from_bytes(bytes).map_err(|problem| NotCarried(problem.to_string()))
    }

    /// The record that a message of the repartition topic carries; `None` for messages of processors, requests to erase,
    /// and what cannot be read.
    #[must_use]
    pub fn of_message(value: &'a [u8]) -> Option<Self> {
        match value.split_first()? {
            (&EVENT, carried) => Self::unpack(carried).ok(),
            _ => None,
        }
    }

    /// The record, at the position where it was first read.
    #[must_use]
    pub fn record(&'a self) -> SourceRecord<'a> {
        SourceRecord {
            topic: self.topic,
            partition: self.partition,
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
            key: self.key,
            value: self.value,
            headers: self,
            conversation: self.conversation,
        }
    }
}

impl HeaderSource for Carried<'_> {
    fn visit(&self, visit: &mut dyn FnMut(&str, Option<&[u8]>)) {
        for (name, value) in &self.headers {
            visit(name, *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carried_record_comes_out_as_it_went_in() {
        let first = Carried {
            topic: "cx.events",
            partition: 3,
            offset: 17,
            timestamp_ms: Some(5),
            key: None,
            value: Some(b"{\xff"),
            headers: vec![("h", Some(b"1")), ("h", None)],
            conversation: None,
        };
        let packed = Carried::pack(&first.record(), Some("c"));
        let second = Carried::unpack(&packed).unwrap();
        assert_eq!(second, Carried { conversation: Some("c"), ..first.clone() });
        assert_eq!(Carried::unpack(&Carried::pack(&second.record(), None)).unwrap(), second);
    }

    #[test]
    fn only_a_moved_record_is_found_in_a_message() {
        let record = SourceRecord {
            topic: "cx.events",
            partition: 3,
            offset: 17,
            timestamp_ms: None,
            key: None,
            value: Some(b"{}"),
            headers: &crate::NoHeaders,
            conversation: None,
        };
        let packed = Carried::pack(&record, None);
        let message = [&[EVENT], packed.as_slice()].concat();
        assert_eq!(Carried::of_message(&message).unwrap().value, Some(b"{}".as_slice()));
        assert_eq!(Carried::of_message(&packed), None, "its first byte is the topic's length");
        assert_eq!(Carried::of_message(b""), None);
    }

    #[test]
    fn other_bytes_are_refused() {
        assert!(Carried::unpack(b"").is_err());
        assert!(Carried::unpack(b"\xff\xff\xff").is_err());
    }
}
