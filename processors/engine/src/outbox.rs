// SPDX-License-Identifier: Apache-2.0

//! Records that are staged while events are taken: messages to other partitions, and the output of stateless processors.

use crate::headers::{HEADER_PROCESSOR, HEADER_SCHEMA};
use crate::partitioner::partition_of;
use crate::pile::{Piece, Pile};
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

/// What a processor writes to one of its outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) topic: TopicId,
    pub(crate) processor: &'static str,
    pub(crate) schema: &'static str,
}

/// A record for an output, sent with the transaction: the key for its partition, its key and its value lie one behind the
/// other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Emission {
    way: Way,
    bytes: Piece,
    /// End of the first key.
    key: usize,
    /// End of the second one.
    value: usize,
    /// The end; `None` for a tombstone.
    end: Option<usize>,
}

impl Emission {
    fn send(&self, pile: &Pile, sink: &mut dyn Sink, tally: &mut Tally) -> Result<(), SinkError> {
        let Way { topic, processor, schema } = self.way;
        tally.output(topic.index());
        sink.send(OutputRecord {
            topic,
            route: Route::Key(pile.part(self.bytes, 0..self.key)),
            key: Some(pile.part(self.bytes, self.key..self.value)),
            value: self.end.map(|end| pile.part(self.bytes, self.value..end)),
            timestamp_ms: None,
            headers: &[
                (HEADER_PROCESSOR, Some(processor.as_bytes())),
                (HEADER_SCHEMA, Some(schema.as_bytes())),
            ],
        })
    }
}

/// All of them, in the order of sending.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    messages: Vec<Message>,
    emissions: Vec<Emission>,
    /// The keys and values of the emissions. A processor without state emits one for each event.
    emitted: Pile,
    bytes: usize,
}

impl Outbox {
    pub(crate) fn message(&mut self, message: Message) {
        self.bytes += message.key.len() + message.value.len();
        self.messages.push(message);
    }

    /// Adds a record; `write` appends its value. Without one it is a tombstone.
    pub(crate) fn emission(
        &mut self,
        way: Way,
        (partition_key, key): (&[u8], &[u8]),
        write: Option<impl FnOnce(&mut Vec<u8>)>,
    ) {
        let (before, has_value) = (self.emitted.bytes(), write.is_some());
        let bytes = self.emitted.add(|out| {
            out.extend_from_slice(partition_key);
            out.extend_from_slice(key);
            if let Some(write) = write {
                write(out);
            }
        });
        let added = self.emitted.bytes() - before;
        self.bytes += added;
        let (key, value) = (partition_key.len(), partition_key.len() + key.len());
        self.emissions.push(Emission { way, bytes, key, value, end: has_value.then_some(added) });
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
        self.emissions.iter().try_for_each(|emission| emission.send(&self.emitted, sink, tally))
    }
}
