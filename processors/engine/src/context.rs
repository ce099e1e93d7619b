//! What a processor sees and may change while it takes an event or a message.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};

use model::Home;

use crate::carried::Carried;
use crate::ending::{self, Ending, How};
use crate::erasure::Erasure;
use crate::error::ProcessError;
use crate::marks::Marks;
use crate::outbox::{EVENT, Message, Outbox, Product};
use crate::recent::RecentIds;
use crate::record::SourceRecord;
use crate::requests::Scope;
use crate::state::State;
use crate::tally::Notice;

/// Work that a processor leaves for the same task, done right after the record that caused it.
#[derive(Debug)]
pub(crate) enum Local {
    /// A carried record, to be folded here.
    Event(Vec<u8>),
    /// A message for the processor of this namespace.
    Message { namespace: u8, key: Box<[u8]>, payload: Vec<u8> },
    /// A conversation that is to be erased.
    Erasure(String),
}

/// What a processor sees and may change while it takes a record: its [`State`], and work for other partitions.
pub struct Context<'t> {
    pub(crate) state: State<'t>,
    pub(crate) marks: &'t mut Marks,
    pub(crate) outbox: &'t mut Outbox,
    pub(crate) local: &'t mut VecDeque<Local>,
    /// The time of the newest request to erase a customer.
    pub(crate) asked_ms: Option<i64>,
    /// Key and headers of a record that is kept or moved have at most so many bytes together.
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
    /// Marks a key: [`crate::Processor::flush`] is told of it at the next commit.
    pub fn mark(&mut self, key: &[u8]) {
        self.marks.add(key);
    }

    /// The record as a message of this partition or another carries it, or as it is kept until it can be folded. `conversation` is
    /// the one to fold it with, should it name none itself.
    #[must_use]
    pub fn carried(&self, record: &SourceRecord<'_>, conversation: Option<&str>) -> Vec<u8> {
        Carried::pack(record, conversation, self.beside_bytes_max)
    }

    /// Takes an event's id for what the event belongs to. `false`: one of the last events of this partition had the same id, and
    /// belongs to something else; nothing changes then.
    pub fn claim_id(&mut self, id: &str, home: &Home<'_>) -> bool {
        let is_free = self.recent.claim(id, home);
        if !is_free {
            self.state.notice(Notice::EventIdConflict);
        }
        is_free
    }

    /// Asks all processors to erase a conversation, or an activity that belongs to none, from the next commit on:
    /// [`crate::Forget::erase`].
    pub fn erase(&mut self, scope: &Scope<'_>) {
        self.state.writes.put(&ending::key(scope), &Ending::begin(How::Erase).write());
    }

    /// Asks for the erasure of a conversation that lies with any task.
    pub fn ask_to_erase(&mut self, conversation: &str) {
        if self.is_here(conversation.as_bytes()) {
            self.local.push_back(Local::Erasure(conversation.to_owned()));
        } else {
            self.outbox.message(Erasure::Conversation(conversation).message());
        }
    }

    /// Whether the erasure of this customer was asked for by a request that counts for what came at this time: by its record's
    /// Kafka timestamp, in epoch milliseconds.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn is_asked(&self, customer: &str, at_ms: i64) -> Result<bool, ProcessError> {
        if self.asked_ms.is_none_or(|asked_ms| asked_ms < at_ms) {
            return Ok(false);
        }
        self.state.is_customer_asked(customer, at_ms)
    }

    /// Sends a message to this same processor on the partition of `key`, exactly once: it comes to
    /// [`crate::Processor::receive`] there, right after this record where that is this very task.
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

    /// The same, with a record of its own in the repartition topic also where that is this very task: so it comes in a later
    /// commit, once what was taken until then is committed.
    pub fn send_on(&mut self, key: &[u8], payload: &[u8]) {
        self.outbox.message(Message::new(self.state.namespace, key, payload));
    }

    /// Lets a carried record be folded with its conversation, on that conversation's partition, exactly once.
    pub fn fold_with(&mut self, conversation: &str, carried: Vec<u8>) {
        if self.is_here(conversation.as_bytes()) {
            self.local.push_back(Local::Event(carried));
        } else {
            self.outbox.message(Message::new(EVENT, conversation.as_bytes(), &carried));
        }
    }

    /// Emits a record at once, as a product without state does: to output number `output`, with the headers that every
    /// output record has. `value` absent is a tombstone.
    ///
    /// # Errors
    /// The output is not declared: give the error on.
    pub fn emit(
        &mut self,
        output: usize,
        schema: &'static str,
        partition_key: &[u8],
        key: &[u8],
        value: Option<Vec<u8>>,
    ) -> Result<(), ProcessError> {
        let Some(outputs) = self.state.outputs else { return Ok(()) };
        let topic = outputs.get(output).ok_or(ProcessError::UndeclaredOutput(output))?.topic;
        let processor = self.state.processor;
        let (partition_key, key) = (partition_key.into(), key.into());
        self.outbox.product(Product { topic, processor, schema, partition_key, key, value });
        Ok(())
    }
}
