// SPDX-License-Identifier: Apache-2.0

//! Interface of a processor while it takes an event or a message.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};

use model::{Home, Record};

use crate::carried::Carried;
use crate::ending::{self, Ending, How};
use crate::erasure::Erasure;
use crate::error::ProcessError;
use crate::marks::Marks;
use crate::outbox::{EVENT, Message, Outbox, Way};
use crate::recent::RecentIds;
use crate::record::SourceRecord;
use crate::requests::Scope;
use crate::state::State;
use crate::tally::Notice;
use crate::topic::Output;

/// Work of a processor for the same task, done right after the record that caused it.
#[derive(Debug)]
pub(crate) enum Local {
    /// A carried record to be folded here.
    Event(Vec<u8>),
    /// A message for the processor with this namespace.
    Message { namespace: u8, key: Box<[u8]>, payload: Vec<u8> },
    /// A conversation to be erased.
    Erasure(String),
}

/// Interface of a processor while it takes a record: its [`State`], and work for other partitions.
pub struct Context<'t> {
    pub(crate) state: State<'t>,
    pub(crate) marks: &'t mut Marks,
    pub(crate) outbox: &'t mut Outbox,
    pub(crate) local: &'t mut VecDeque<Local>,
    /// Time of the latest erasure request for a customer.
    pub(crate) asked_ms: Option<i64>,
    /// Maximum size of the key and headers of a stored or repartitioned record, in bytes.
    pub(crate) beside_bytes_max: usize,
    pub(crate) recent: &'t mut RecentIds,
}

impl<'t> Deref for Context<'t> {
    type Target = State<'t>;

    fn deref(&self) -> &State<'t> {
        &self.state
    }
}

impl<'t> DerefMut for Context<'t> {
    fn deref_mut(&mut self) -> &mut State<'t> {
        &mut self.state
    }
}

impl Context<'_> {
    /// Marks a key dirty: the next commit passes it to [`crate::Processor::flush`].
    pub fn mark(&mut self, key: &[u8]) {
        self.marks.add(key);
    }

    /// Packs the record for a message to a partition, or to store it until it can be folded. `conversation` is the one to fold
    /// it with, if it names none itself.
    #[must_use]
    pub fn carried(&self, record: &SourceRecord<'_>, conversation: Option<&str>) -> Vec<u8> {
        Carried::pack(record, conversation, self.beside_bytes_max)
    }

    /// Claims an event's id for the event's home. Returns `false`, without a change, if one of the last events of this
    /// partition had the same id and another home.
    pub fn claim_id(&mut self, id: &str, home: &Home<'_>) -> bool {
        let is_free = self.recent.claim(id, home);
        if !is_free {
            self.state.notice(Notice::EventIdConflict);
        }
        is_free
    }

    /// Asks all processors to erase a conversation, or a standalone activity, from the next commit on:
    /// [`crate::Forget::erase`].
    pub fn erase(&mut self, scope: &Scope<'_>) {
        self.state.writes.put(&ending::key(scope), &Ending::begin(How::Erase).write());
    }

    /// Asks for the erasure of a conversation in any partition.
    pub fn ask_to_erase(&mut self, conversation: &str) {
        if self.is_here(conversation.as_bytes()) {
            self.local.push_back(Local::Erasure(conversation.to_owned()));
        } else {
            self.outbox.message(Erasure::Conversation(conversation).message());
        }
    }

    /// Whether an erasure request of this customer covers data of this time: the record's Kafka timestamp, in epoch
    /// milliseconds.
    ///
    /// # Errors
    /// The store failed; propagate the error.
    pub fn is_asked(&self, customer: &str, at_ms: i64) -> Result<bool, ProcessError> {
        if self.asked_ms.is_none_or(|asked_ms| asked_ms < at_ms) {
            return Ok(false);
        }
        self.state.is_customer_asked(customer, at_ms)
    }

    /// Sends a message to this processor on the partition of `key`, exactly once: [`crate::Processor::receive`] takes it there,
    /// or right after this record if that is this task.
    pub fn send(&mut self, key: &[u8], payload: &[u8]) {
        if self.is_here(key) {
            let local = Local::Message {
                namespace: self.state.namespace,
                key: key.into(),
                payload: payload.to_vec(),
            };
            self.local.push_back(local);
        } else {
            self.outbox.message(Message::new(self.state.namespace, key, payload));
        }
    }

    /// Sends a message through the repartition topic even if the partition is this task's own, so that it arrives in a later
    /// commit, after everything taken so far is committed.
    pub fn send_on(&mut self, key: &[u8], payload: &[u8]) {
        self.outbox.message(Message::new(self.state.namespace, key, payload));
    }

    /// Has a carried record folded with its conversation, on that conversation's partition, exactly once.
    pub fn fold_with(&mut self, conversation: &str, carried: Vec<u8>) {
        if self.is_here(conversation.as_bytes()) {
            self.local.push_back(Local::Event(carried));
        } else {
            self.outbox.message(Message::new(EVENT, conversation.as_bytes(), &carried));
        }
    }

    /// Emits a record immediately, as a processor without state does: to output number `output`, with the headers that every
    /// output record has. A `record` of `None` is a tombstone.
    ///
    /// # Errors
    /// The output is not declared; propagate the error.
    pub fn emit(
        &mut self,
        output: usize,
        partition_key: &[u8],
        key: &[u8],
        record: Option<&dyn Record>,
    ) -> Result<(), ProcessError> {
        let Some(outputs) = self.state.outputs else { return Ok(()) };
        let Output { topic, schema, format, .. } =
            outputs.get(output).ok_or(ProcessError::UndeclaredOutput(output))?;
        let way = Way { topic: *topic, processor: self.state.processor, schema };
        let write = record.map(|record| |out: &mut Vec<u8>| format.write(record, out));
        self.outbox.emission(way, (partition_key, key), write);
        Ok(())
    }
}
