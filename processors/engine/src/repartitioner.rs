// SPDX-License-Identifier: Apache-2.0

//! Takes records of topics that are not partitioned like the state — one topic for each conversation, agents' states, and
//! requests to erase — and sends each to the partition where it belongs (contract sections 7 and 9). It has no state.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Home, Limits, NotDecoded, Reason};

use crate::carried::Carried;
use crate::deadletter::{DECODER, DeadLetter};
use crate::erasure;
use crate::outbox::{EVENT, Message, Outbox};
use crate::record::{Sink, SinkError, SourceRecord};
use crate::staged::SourceOffset;
use crate::tally::{EventClass, Tally};
use crate::topology::Topology;

/// Repartitions records; its part of the next transaction is staged, as with a [`crate::Task`].
pub struct Repartitioner {
    topology: Arc<Topology>,
    partitions: i32,
    limits: Limits,
    outbox: Outbox,
    dead_letters: Vec<DeadLetter>,
    dead_letter_bytes: usize,
    /// The next offset of each partition from which a record was taken.
    offsets: BTreeMap<(String, i32), i64>,
    tally: Tally,
    /// Scratch space for the decoder.
    decoding: Vec<u8>,
}

/// A record has a schema that is not known yet, and is not taken. Fetch the schema and take it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the schema of id {0} is not known yet")]
pub struct UnknownSchema(pub u32);

impl Repartitioner {
    /// A repartitioner to the partitions of this topology's tasks.
    #[must_use]
    pub fn new(topology: Arc<Topology>, partitions: i32, limits: Limits) -> Self {
        Self {
            topology,
            partitions,
            limits,
            outbox: Outbox::default(),
            dead_letters: Vec::new(),
            dead_letter_bytes: 0,
            offsets: BTreeMap::new(),
            tally: Tally::default(),
            decoding: Vec::new(),
        }
    }

    /// Takes one record. `now_ms` is the time for a dead letter's header.
    ///
    /// # Errors
    /// Its schema must be fetched first. Nothing of it is staged.
    pub fn process(&mut self, record: &SourceRecord<'_>, now_ms: i64) -> Result<(), UnknownSchema> {
        let class = match record.value {
            None => EventClass::Tombstone,
            Some(value) if self.topology.is_erasures(record.topic) => self.ask(value, record, now_ms),
            Some(value) => self.send_home(value, record, now_ms)?,
        };
        self.tally.event(class);
        self.offsets.insert((record.topic.to_owned(), record.partition), record.offset + 1);
        Ok(())
    }

    /// An event goes to the partition of its key, an agent's state to that of the agent's id.
    fn send_home(
        &mut self,
        value: &[u8],
        record: &SourceRecord<'_>,
        now_ms: i64,
    ) -> Result<EventClass, UnknownSchema> {
        let Self { topology, limits, decoding, outbox, .. } = self;
        let (decoder, origin) = (topology.decoder(), record.origin());
        let mut send = |key: &str| {
            let carried = Carried::pack(record, None, limits.value_bytes_max);
            outbox.message(Message::new(EVENT, key.as_bytes(), &carried));
        };
        let sent = if topology.is_agent_states(record.topic) {
            let decoded = decoder.decode_agent(record.topic, value, origin, limits, decoding);
            decoded.map(|news| send(&news.agent_id))
        } else {
            let decoded = decoder.decode(record.topic, value, origin, limits, decoding);
            decoded.map(|event| {
                let (Home::Conversation(key) | Home::Session(key) | Home::Activity(key)) = event.home();
                send(key);
            })
        };
        match sent {
            Ok(()) => Ok(EventClass::Moved),
            Err(NotDecoded::Invalid(invalid)) => {
                Ok(self.reject(record, invalid.reason, invalid.detail, now_ms))
            }
            Err(NotDecoded::UnknownSchema(id)) => Err(UnknownSchema(id)),
        }
    }

    /// Sends an erasure request to the partitions that may have the data.
    fn ask(&mut self, value: &[u8], record: &SourceRecord<'_>, now_ms: i64) -> EventClass {
        let at_ms = record.timestamp_ms.unwrap_or(now_ms);
        match erasure::messages(value, at_ms, self.partitions) {
            Ok(messages) => {
                messages.into_iter().for_each(|message| self.outbox.message(message));
                EventClass::Erasure
            }
            Err(problem) => self.reject(record, Reason::Malformed, problem, now_ms),
        }
    }

    fn reject(
        &mut self,
        record: &SourceRecord<'_>,
        reason: Reason,
        detail: String,
        now_ms: i64,
    ) -> EventClass {
        let letter =
            DeadLetter::new(record, (DECODER, reason, detail), now_ms, self.topology.letter_bytes_max());
        self.tally.dead_letter(letter.reason);
        self.dead_letter_bytes += letter.bytes();
        self.dead_letters.push(letter);
        EventClass::Invalid
    }

    /// The schema that must be fetched before a value of this topic can be parsed, if any.
    #[must_use]
    pub fn unknown_schema(&self, topic: &str, value: &[u8]) -> Option<u32> {
        self.topology.unknown_schema(topic, value)
    }

    /// Passes everything staged to the transaction.
    ///
    /// # Errors
    /// The sink failed: abort the transaction.
    pub fn prepare(&mut self, sink: &mut dyn Sink) -> Result<(), SinkError> {
        self.outbox.send(self.topology.repartition(), sink, &mut self.tally)?;
        for letter in &self.dead_letters {
            self.tally.output(self.topology.dead_letters().index());
            letter.send(self.topology.letter_topic(), sink)?;
        }
        Ok(())
    }

    /// The offsets for the transaction.
    pub fn offsets(&self) -> impl Iterator<Item = SourceOffset> {
        self.offsets.iter().map(|((topic, partition), next)| SourceOffset {
            topic: topic.clone(),
            partition: *partition,
            next: *next,
        })
    }

    /// Size of the staged records in bytes.
    #[must_use]
    pub fn staged_bytes(&self) -> usize {
        self.outbox.bytes() + self.dead_letter_bytes
    }

    /// Whether nothing is staged.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Called when the transaction is committed. Returns its counts.
    pub fn committed(&mut self) -> Tally {
        let tally = std::mem::take(&mut self.tally);
        self.aborted();
        tally
    }

    /// Called when the transaction is aborted: drops what was staged. The records are read again.
    pub fn aborted(&mut self) {
        *self = Self::new(Arc::clone(&self.topology), self.partitions, self.limits.clone());
    }
}
