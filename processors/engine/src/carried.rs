// SPDX-License-Identifier: Apache-2.0

//! A record that is stored or repartitioned, with its bytes and position, so that it can still become a dead letter unchanged;
//! except that a key and headers larger than a value may be are cut.

use serde::{Deserialize, Serialize, Serializer};

use crate::deadletter::KEY_BYTES_LEFT;
use crate::outbox::EVENT;
use crate::record::{HeaderSource, LeftOut, SourceRecord};

/// An input record that is stored or repartitioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp_ms: Option<i64>,
    #[serde(borrow, serialize_with = "at_once")]
    key: Option<&'a [u8]>,
    #[serde(borrow, serialize_with = "at_once")]
    value: Option<&'a [u8]>,
    headers: Vec<(&'a str, Option<&'a [u8]>)>,
    /// The conversation to fold it with, if the record itself names none.
    conversation: Option<&'a str>,
    left_out: LeftOut,
}

/// Size of a carried record without its key, value and headers.
const REST_BYTES: usize = 128;

/// Serializes bytes in one call, instead of one byte at a time as serde does. The result is the same.
fn at_once<S: Serializer>(bytes: &Option<&[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    struct Bytes<'b>(&'b [u8]);

    impl Serialize for Bytes<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }

    bytes.map(Bytes).serialize(serializer)
}

/// The bytes are not a carried record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no carried record: {0}")]
pub struct NotCarried(String);

impl<'a> Carried<'a> {
    /// Packs a record; `conversation` is the one to fold it with, if it names none itself. Key and headers may have
    /// `beside_bytes_max` bytes together; above that the headers are left out, the key is cut, or both. Neither affects the
    /// fold.
    #[must_use]
    pub(crate) fn pack(
        record: &SourceRecord<'_>,
        conversation: Option<&str>,
        beside_bytes_max: usize,
    ) -> Vec<u8> {
        let mut headers: Vec<(String, Option<Vec<u8>>)> = Vec::new();
        record.headers.visit(&mut |name, value| headers.push((name.to_owned(), value.map(<[u8]>::to_vec))));
        let (key_bytes, header_bytes) =
            (record.key.map_or(0, <[u8]>::len), headers.iter().map(bytes_of).sum::<usize>());
        let is_key_cut = key_bytes > beside_bytes_max;
        let key_left = if is_key_cut { key_bytes.min(KEY_BYTES_LEFT) } else { key_bytes };
        let are_headers_cut = key_left + header_bytes > beside_bytes_max;
        let mut left_out = record.headers.left_out();
        if is_key_cut {
            left_out.key_bytes = saturated(key_bytes);
        }
        if are_headers_cut {
            left_out.header_bytes = saturated(header_bytes);
            headers.clear();
        }
        let carried = Carried {
            topic: record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(|key| key.get(..key_left).unwrap_or(key)),
            value: record.value,
            headers: headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect(),
            conversation: conversation.or(record.conversation),
            left_out,
        };
        let bytes = key_left + record.value.map_or(0, <[u8]>::len) + header_bytes + REST_BYTES;
        // Serializing plain data into memory cannot fail.
        postcard::to_extend(&carried, Vec::with_capacity(bytes)).unwrap_or_default()
    }

    /// Unpacks the result of [`crate::Context::carried`].
    ///
    /// # Errors
    /// The bytes are something else.
    pub fn unpack(bytes: &'a [u8]) -> Result<Self, NotCarried> {
        postcard::from_bytes(bytes).map_err(|problem| NotCarried(problem.to_string()))
    }

    /// The record in a message of the repartition topic; `None` for messages of processors, erasure requests and unreadable
    /// messages.
    #[must_use]
    pub fn of_message(value: &'a [u8]) -> Option<Self> {
        match value.split_first()? {
            (&EVENT, carried) => Self::unpack(carried).ok(),
            _ => None,
        }
    }

    /// The record, with the position at which it was first read.
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

    fn left_out(&self) -> LeftOut {
        self.left_out
    }
}

fn bytes_of((name, value): &(String, Option<Vec<u8>>)) -> usize {
    name.len() + value.as_ref().map_or(0, Vec::len)
}

fn saturated(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
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
            left_out: LeftOut::default(),
        };
        let packed = Carried::pack(&first.record(), Some("c"), 5);
        // As serde serializes it by default: such records are in topics and in the state.
        let plainly = (
            ("cx.events", 3, 17_i64, Some(5_i64), None::<&[u8]>, Some(b"{\xff".as_slice())),
            first.headers.clone(),
        );
        assert!(packed.starts_with(&postcard::to_stdvec(&plainly).unwrap()));
        let second = Carried::unpack(&packed).unwrap();
        assert_eq!(second, Carried { conversation: Some("c"), ..first.clone() });
        assert_eq!(Carried::unpack(&Carried::pack(&second.record(), None, 5)).unwrap(), second);
    }

    #[test]
    fn a_key_and_headers_that_are_too_large_are_left_out_and_their_sizes_stay_known() {
        let (key, value) = (vec![b'k'; 3000], vec![b'h'; 2000]);
        let whole = Carried {
            topic: "cx.events",
            partition: 3,
            offset: 17,
            timestamp_ms: None,
            key: Some(&key),
            value: Some(b"{}"),
            headers: vec![("h", Some(&value))],
            conversation: None,
            left_out: LeftOut::default(),
        };
        for (beside_bytes_max, key_left, headers_left, header_bytes, key_bytes) in [
            (5001, 3000, 1, 0, 0),
            (5000, 3000, 0, 2001, 0),
            (2999, 1024, 0, 2001, 3000),
            (1024, 1024, 0, 2001, 3000),
        ] {
            let packed = Carried::pack(&whole.record(), None, beside_bytes_max);
            let cut = Carried::unpack(&packed).unwrap();
            assert_eq!(
                (cut.key.unwrap().len(), cut.headers.len()),
                (key_left, headers_left),
                "{beside_bytes_max}"
            );
            assert_eq!(cut.left_out, LeftOut { header_bytes, key_bytes }, "{beside_bytes_max}");
            assert_eq!(Carried::pack(&cut.record(), None, beside_bytes_max), packed, "it can be moved again");
        }
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
        let packed = Carried::pack(&record, None, 5);
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
