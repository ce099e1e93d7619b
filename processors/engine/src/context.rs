//! What a processor sees and may change while it takes an event or a message.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use model::{Format, Home, JsonFormat};

use crate::asked;
use crate::carried::Carried;
use crate::ending::{self, Ending, How};
use crate::erasure::Erasure;
use crate::marks::Marks;
use crate::outbox::{Message, Outbox, Product};
use crate::overlay;
use crate::partitioner::partition_of;
use crate::processor::ProcessError;
use crate::recent::RecentIds;
use crate::record::SourceRecord;
use crate::requests::Scope;
use crate::store::{StateStore, WriteBatch};
use crate::tally::{Notice, Tally};
use crate::topology::Output;

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

/// Marks a carried record in the repartition topic; every other first byte is the namespace of the processor that the
/// message is for.
pub(crate) const EVENT: u8 = 0;

/// The state as a processor sees it: what is staged lies over what is committed.
pub struct Context<'t> {
    pub(crate) namespace: u8,
    pub(crate) processor: &'static str,
    /// Where its outputs go; none: what it emits is not wanted.
    pub(crate) outputs: Option<&'t [Output]>,
    pub(crate) partition: i32,
    pub(crate) partitions: i32,
    pub(crate) stream_time_ms: Option<i64>,
    pub(crate) clock_ms: i64,
    pub(crate) store: &'t dyn StateStore,
    pub(crate) writes: &'t mut WriteBatch,
    pub(crate) marks: &'t mut Marks,
    pub(crate) outbox: &'t mut Outbox,
    pub(crate) local: &'t mut VecDeque<Local>,
    /// The time of the newest request to erase a customer.
    pub(crate) asked_ms: Option<i64>,
    /// Key and headers of a record that is kept or moved have at most so many bytes together.
    pub(crate) beside_bytes_max: usize,
    pub(crate) recent: &'t mut RecentIds,
    pub(crate) tally: &'t mut Tally,
    pub(crate) scratch: &'t mut Vec<u8>,
}

impl<'t> Context<'t> {
    /// Lets `read` see the state of a key.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn read<R>(&mut self, key: &[u8], read: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, ProcessError> {
        let full = overlay::full_key(self.scratch, self.namespace, key);
        Ok(overlay::read(self.store, self.writes, full, read)?)
    }

    /// Lets `visit` see every key that begins with `prefix`, and its value, until it breaks.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn scan(
        &mut self,
        prefix: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ProcessError> {
        let full = overlay::full_key(self.scratch, self.namespace, prefix);
        overlay::scan(self.store, self.writes, full, full, &mut |key, value| {
            visit(key.get(1..).unwrap_or_default(), value)
        })?;
        Ok(())
    }

    /// Sets the state of a key.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        let full = overlay::full_key(self.scratch, self.namespace, key);
        self.writes.put(full, value);
    }

    /// The same, of a value that is not copied where its buffer has no room left.
    pub fn put_owned(&mut self, key: &[u8], value: Vec<u8>) {
        let full = overlay::full_key(self.scratch, self.namespace, key);
        self.writes.put_owned(full, value);
    }

    /// Removes the state of a key.
    pub fn delete(&mut self, key: &[u8]) {
        let full = overlay::full_key(self.scratch, self.namespace, key);
        self.writes.delete(full);
    }

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
            self.tally.notice(Notice::EventIdConflict, 1);
        }
        is_free
    }

    /// Asks all processors to erase a conversation, or an activity that belongs to none, from the next commit on:
    /// [`crate::Processor::erase`].
    pub fn erase(&mut self, scope: &Scope<'_>) {
        self.writes.put(&ending::key(scope), &Ending::begin(How::Erase).write());
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
        Ok(asked::is_asked(self.store, self.writes, customer, at_ms)?)
    }

    /// Sends a message to this same processor on the partition of `key`, exactly once: it comes to
    /// [`crate::Processor::receive`] there, right after this record where that is this very task.
    pub fn send(&mut self, key: &[u8], payload: &[u8]) {
        if self.is_here(key) {
            let local =
                Local::Message { namespace: self.namespace, key: key.into(), payload: payload.to_vec() };
            self.local.push_back(local);
        } else {
            self.outbox.message(Message::new(self.namespace, key, payload));
        }
    }

    /// The same, with a record of its own in the repartition topic also where that is this very task: so it comes in a later
    /// commit, once what was taken until then is committed.
    pub fn send_on(&mut self, key: &[u8], payload: &[u8]) {
        self.outbox.message(Message::new(self.namespace, key, payload));
    }

    /// Lets a carried record be folded with its conversation, on that conversation's partition, exactly once.
    pub fn fold_with(&mut self, conversation: &str, carried: Vec<u8>) {
        if self.is_here(conversation.as_bytes()) {
            self.local.push_back(Local::Event(carried));
        } else {
            self.outbox.message(Message::new(EVENT, conversation.as_bytes(), &carried));
        }
    }

    /// What the records of output number `output` are to be written as, for [`emit`](Self::emit).
    #[must_use]
    pub fn format(&self, output: usize) -> &'t dyn Format {
        let output = self.outputs.and_then(|outputs| outputs.get(output));
        // What goes nowhere may be written as anything.
        output.map_or(&JsonFormat, |output| &*output.format)
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
        let Some(outputs) = self.outputs else { return Ok(()) };
        let topic = outputs.get(output).ok_or(ProcessError::UndeclaredOutput(output))?.topic;
        let processor = self.processor;
        let (partition_key, key) = (partition_key.into(), key.into());
        self.outbox.product(Product { topic, processor, schema, partition_key, key, value });
        Ok(())
    }

    /// The stream time (contract section 9), where things may expire; none where nothing may.
    #[must_use]
    pub fn stream_time_ms(&self) -> Option<i64> {
        self.stream_time_ms
    }

    /// The stream time, whether or not anything may expire yet: what comes now came at this time. 0 while there is none.
    #[must_use]
    pub fn clock_ms(&self) -> i64 {
        self.clock_ms
    }

    /// Counts something that an operator should know of, once this is committed.
    pub fn notice(&mut self, notice: Notice) {
        self.tally.notice(notice, 1);
    }

    fn is_here(&self, key: &[u8]) -> bool {
        partition_of(key, self.partitions) == self.partition
    }
}
