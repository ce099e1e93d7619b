// SPDX-License-Identifier: Apache-2.0

//! Records that are staged while events are taken: messages to other partitions, and the output of stateless processors.

use crate::headers::{HEADER_PROCESSOR, HEADER_SCHEMA};
use crate::partitioner::partition_of;
use crate::record::{OutputRecord, Route, Sink, SinkError};
use crate::tally::Tally;
use crate::topic::TopicId;

/// First byte of a carried record in the repartition topic. Every other first byte is the namespace of the processor that takes
/// the message.
pub(crate) const EVENT: u8 = 0;

/// A record for the repartition topic: work for the partition of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    key: Box<[u8]>,
    /// The first byte identifies the receiver.
    value: Vec<u8>,
    to: To,
}

/// Target partition of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    /// The partition of its key.
    Key,
    /// This partition.
    Partition(i32),
}

impl Message {
    pub(crate) fn new(first: u8, key: &[u8], payload: &[u8]) -> Self {
        let mut value = Vec::with_capacity(payload.len() + 1);
        value.push(first);
        value.extend_from_slice(payload);
        Self { key: key.into(), value, to: To::Key }
    }

    pub(crate) fn to(self, to: To) -> Self {
        Self { to, ..self }
    }

    /// The target partition.
    pub(crate) fn partition(&self, partitions: i32) -> i32 {
        match self.to {
            To::Key => partition_of(&self.key, partitions),
            To::Partition(partition) => partition,
        }
    }

    /// Its key and value.
    pub(crate) fn parts(&self) -> (&[u8], &[u8]) {
        (&self.key, &self.value)
    }

    pub(crate) fn send(
        &self,
        topic: TopicId,
        sink: &mut dyn Sink,
        tally: &mut Tally,
    ) -> Result<(), SinkError> {
        tally.output(topic.index());
        let route = match self.to {
            To::Key => Route::Key(&self.key),
            To::Partition(partition) => Route::Partition(partition),
        };
        sink.send(OutputRecord {
            topic,
            route,
            key: Some(&self.key),
            value: Some(&self.value),
            timestamp_ms: None,
            headers: &[],
        })
    }
}

/// A record for an output, sent with the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Emission {
    pub(crate) topic: TopicId,
    pub(crate) processor: &'static str,
    pub(crate) schema: &'static str,
    pub(crate) partition_key: Box<[u8]>,
    pub(crate) key: Box<[u8]>,
    /// `None` for a tombstone.
    pub(crate) value: Option<Vec<u8>>,
}

impl Emission {
    fn send(&self, sink: &mut dyn Sink, tally: &mut Tally) -> Result<(), SinkError> {
        tally.output(self.topic.index());
        sink.send(OutputRecord {
            topic: self.topic,
            route: Route::Key(&self.partition_key),
            key: Some(&self.key),
            value: self.value.as_deref(),
            timestamp_ms: None,
            headers: &[
                (HEADER_PROCESSOR, Some(self.processor.as_bytes())),
                (HEADER_SCHEMA, Some(self.schema.as_bytes())),
            ],
        })
    }
}

/// All of them, in the order of sending.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    messages: Vec<Message>,
    emissions: Vec<Emission>,
    bytes: usize,
}

impl Outbox {
    pub(crate) fn message(&mut self, message: Message) {
        self.bytes += message.key.len() + message.value.len();
        self.messages.push(message);
    }

    pub(crate) fn emission(&mut self, emission: Emission) {
        self.bytes +=
            emission.partition_key.len() + emission.key.len() + emission.value.as_ref().map_or(0, Vec::len);
        self.emissions.push(emission);
    }

    /// Approximate memory use in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn send(
        &self,
        repartition: TopicId,
        sink: &mut dyn Sink,
        tally: &mut Tally,
    ) -> Result<(), SinkError> {
        self.messages.iter().try_for_each(|message| message.send(repartition, sink, tally))?;
        self.emissions.iter().try_for_each(|emission| emission.send(sink, tally))
    }
}
