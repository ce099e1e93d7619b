// SPDX-License-Identifier: Apache-2.0

//! Records in the engine: borrowed on input and on output.

use model::Origin;
use serde::{Deserialize, Serialize};

use crate::topic::TopicId;

/// Headers of a record. They are read only if a record is stored, repartitioned or becomes a dead letter, because the client
/// copies them out of each message on access.
pub trait HeaderSource {
    /// Calls `visit` with each header, in order.
    fn visit(&self, visit: &mut dyn FnMut(&str, Option<&[u8]>));

    /// The parts that were already left out of the record.
    fn left_out(&self) -> LeftOut {
        LeftOut::default()
    }
}

/// Sizes of the parts left out of a stored or repartitioned record, in bytes; 0 if none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Size of all its headers.
    pub header_bytes: u32,
    /// Size of its key, of which the beginning is left.
    pub key_bytes: u32,
}

/// A record without headers.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHeaders;

impl HeaderSource for NoHeaders {
    fn visit(&self, _visit: &mut dyn FnMut(&str, Option<&[u8]>)) {}
}

/// A record of an input topic with its position, borrowed from the client's buffer.
#[derive(Clone, Copy)]
pub struct SourceRecord<'a> {
    /// The source topic.
    pub topic: &'a str,
    /// The source partition.
    pub partition: i32,
    /// The source offset.
    pub offset: i64,
    /// Kafka's timestamp, in epoch milliseconds.
    pub timestamp_ms: Option<i64>,
    /// Its key, unchanged.
    pub key: Option<&'a [u8]>,
    /// Its value; `None` for a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: &'a dyn HeaderSource,
    /// The conversation in the topic's name, if the topic belongs to one conversation (contract section 10).
    pub conversation: Option<&'a str>,
}

impl<'a> SourceRecord<'a> {
    /// Properties of the record that matter to its event, besides the value.
    #[must_use]
    pub fn origin(&self) -> Origin<'a> {
        Origin { conversation: self.conversation, timestamp_ms: self.timestamp_ms }
    }
}

/// Target partition of an output record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// The partition of this key by Java's murmur2 (contract section 7).
    Key(&'a [u8]),
    /// This partition (changelogs).
    Partition(i32),
    /// The source partition, modulo the topic's number of partitions (dead letters).
    Source(i32),
}

/// A record to write, borrowed from the task that emits it.
#[derive(Debug, Clone, Copy)]
pub struct OutputRecord<'a> {
    /// The topic.
    pub topic: TopicId,
    /// The partition.
    pub route: Route<'a>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; `None` for a tombstone.
    pub value: Option<&'a [u8]>,
    /// Kafka's timestamp in epoch milliseconds; `None` for the time of sending.
    pub timestamp_ms: Option<i64>,
    /// The headers, in order.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// Kafka's overhead of a record that is alone in its batch: 61 bytes, and at most 36 of the record's own (KIP-98); rounded up.
pub(crate) const FRAME_BYTES: usize = 128;
/// Kafka's overhead of a header: two lengths of at most 5 bytes.
const HEADER_FRAME_BYTES: usize = 10;

/// Size of headers in a record, in bytes.
pub(crate) fn header_bytes(headers: &[(&str, Option<&[u8]>)]) -> usize {
    headers.iter().map(|(name, value)| HEADER_FRAME_BYTES + name.len() + value.map_or(0, <[u8]>::len)).sum()
}

impl OutputRecord<'_> {
    /// Maximum size if it is alone in its batch, before compression: brokers compare it with a topic's `max.message.bytes`.
    #[must_use]
    pub fn framed_bytes(&self) -> usize {
        let of = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        FRAME_BYTES + of(self.key) + of(self.value) + header_bytes(self.headers)
    }
}

/// Receives the records of a transaction: a Kafka producer, a file, or a test's list.
pub trait Sink {
    /// Takes one record into the open transaction.
    ///
    /// # Errors
    /// The record could not be taken. The caller aborts the transaction and lets the task drop its staged changes.
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError>;
}

/// The sink could not take a record. The sink knows the cause; the task only has to abort.
#[derive(Debug, thiserror::Error)]
#[error("the sink could not take the record")]
pub struct SinkError;
