//! Records as the engine sees them: borrowed on the way in, borrowed on the way out.

use model::Origin;
use serde::{Deserialize, Serialize};

use crate::topic::TopicId;

/// A record's headers. They are read only where a record is kept, moved or becomes a dead letter: the client copies them out of
/// each message that it is asked for.
pub trait HeaderSource {
    /// Calls `visit` with each header, in their order.
    fn visit(&self, visit: &mut dyn FnMut(&str, Option<&[u8]>));

    /// What was left out of the record on its way here.
    fn left_out(&self) -> LeftOut {
        LeftOut::default()
    }
}

/// What is left out of a record that is kept or moved, in bytes; 0 where nothing is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Bytes of all its headers.
    pub header_bytes: u32,
    /// Bytes of its key, of which the beginning is left.
    pub key_bytes: u32,
}

/// A record without headers.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHeaders;

impl HeaderSource for NoHeaders {
    fn visit(&self, _visit: &mut dyn FnMut(&str, Option<&[u8]>)) {}
}

/// One record of an input topic, borrowed from the client's buffer; its position travels with it.
#[derive(Clone, Copy)]
pub struct SourceRecord<'a> {
    /// The topic it was read from.
    pub topic: &'a str,
    /// The partition it was read from.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Kafka's timestamp, in epoch milliseconds.
    pub timestamp_ms: Option<i64>,
    /// Its key, as it came.
    pub key: Option<&'a [u8]>,
    /// Its value; absent for a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: &'a dyn HeaderSource,
    /// The conversation captured from the topic's name, where the topic is one conversation's (contract section 10).
    pub conversation: Option<&'a str>,
}

impl<'a> SourceRecord<'a> {
    /// What of it counts for its event, besides the value.
    #[must_use]
    pub fn origin(&self) -> Origin<'a> {
        Origin { conversation: self.conversation, timestamp_ms: self.timestamp_ms }
    }
}

/// Which partition of its topic an output record goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// The partition of this key by Java's murmur2 (contract section 7).
    Key(&'a [u8]),
    /// This very partition (changelogs).
    Partition(i32),
    /// The partition of the source, folded into those that the topic has (dead letters).
    Source(i32),
}

/// One record to write, borrowed from the task that emits it.
#[derive(Debug, Clone, Copy)]
pub struct OutputRecord<'a> {
    /// Where to.
    pub topic: TopicId,
    /// Which partition.
    pub route: Route<'a>,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value; absent for a tombstone.
    pub value: Option<&'a [u8]>,
    /// Kafka's timestamp in epoch milliseconds; absent: the time of sending.
    pub timestamp_ms: Option<i64>,
    /// Headers, in their order.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// What Kafka writes around a record that is alone in its batch: 61 bytes, and 36 of the record's own at the most (KIP-98); rounded
/// up.
pub(crate) const FRAME_BYTES: usize = 128;
/// What it writes around a header: two lengths of at most 5 bytes.
const HEADER_FRAME_BYTES: usize = 10;

/// What headers take in a record, in bytes.
pub(crate) fn header_bytes(headers: &[(&str, Option<&[u8]>)]) -> usize {
    headers.iter().map(|(name, value)| HEADER_FRAME_BYTES + name.len() + value.map_or(0, <[u8]>::len)).sum()
}

impl OutputRecord<'_> {
    /// How many bytes it has at the most where it is alone in its batch, before compression: what the brokers compare with a
    /// topic's `max.message.bytes`.
    #[must_use]
    pub fn framed_bytes(&self) -> usize {
        let of = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        FRAME_BYTES + of(self.key) + of(self.value) + header_bytes(self.headers)
    }
}

/// Where the records of a transaction go: a Kafka producer, a file, a test's list.
pub trait Sink {
    /// Takes one record into the open transaction.
    ///
    /// # Errors
    /// The record could not be taken. The caller gives up the transaction and lets the task drop what it staged.
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError>;
}

/// The sink could not take a record; it knows why, the task only has to abort.
#[derive(Debug, thiserror::Error)]
#[error("the sink could not take the record")]
pub struct SinkError;
