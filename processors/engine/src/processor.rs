//! What a processor is: pure functions from an event and the state to a new state, and from the state to records.

use std::collections::BTreeSet;

use model::{Event, Home, Reason};

use crate::record::{OutputRecord, Route, Sink, SinkError, SourceRecord};
use crate::store::{StateStore, StoreError, WriteBatch};
use crate::tally::Tally;
use crate::topology::TopicId;

/// What became of an event in a processor.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The state changed.
    Folded,
    /// Known already; nothing changed.
    Duplicate,
    /// Not of this processor's concern.
    Ignored,
    /// Kept until what it needs is known.
    Held,
    /// It becomes a dead letter.
    Rejected(Rejection),
}

/// Why a record becomes a dead letter.
#[derive(Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The reason.
    pub reason: Reason,
    /// A sentence for a person, with the place in the input.
    pub detail: String,
}

/// A processor could not do its work. Neither is the record's fault, so neither makes a dead letter.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// Remedy: wipe the store and restore it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the state holds cannot be read. Remedy: the same.
    #[error("processor {processor} cannot read its state of {key:?}: {problem}")]
    Corrupt {
        /// Whose state it is.
        processor: &'static str,
        /// The key, lossily as text.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// A record for an output that topics.yaml does not give. A programming error; stop.
    #[error("processor emits to its output {0}, which it does not have")]
    UndeclaredOutput(usize),
    /// Remedy: abort the transaction.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// A processor. It has no state of its own: all it remembers goes through [`Context`], all it says through [`Emitter`], so
/// a transaction that fails leaves no trace in it.
///
/// Each key that [`process`](Self::process) marks is emitted once for each commit, however many events changed it.
pub trait Processor: Send + Sync {
    /// Its name in topics.yaml, in headers, metrics and logs.
    fn name(&self) -> &'static str;

    /// The byte that all its state's keys begin with; no two processors may share one.
    fn namespace(&self) -> u8;

    /// How many topics it writes.
    fn outputs(&self) -> usize;

    /// Whether events that live there concern it.
    fn wants(&self, home: &Home<'_>) -> bool;

    /// Takes an event into the state.
    ///
    /// # Errors
    /// The state cannot be read. The caller drops what was staged, restores the state and takes the event again.
    fn process(
        &self,
        event: &Event<'_>,
        record: &SourceRecord<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError>;

    /// Says what a key's state now is.
    ///
    /// # Errors
    /// The state cannot be read, or the sink failed. The caller aborts the transaction.
    fn emit(&self, key: &[u8], emitter: &mut Emitter<'_>) -> Result<(), ProcessError>;
}

/// The state as a processor sees it: what is staged lies over what is committed.
pub struct Context<'t> {
    pub(crate) namespace: u8,
    pub(crate) store: &'t dyn StateStore,
    pub(crate) writes: &'t mut WriteBatch,
    pub(crate) marks: &'t mut BTreeSet<(usize, Box<[u8]>)>,
    pub(crate) node: usize,
    pub(crate) scratch: &'t mut Vec<u8>,
}

fn full_key<'k>(scratch: &'k mut Vec<u8>, namespace: u8, key: &[u8]) -> &'k [u8] {
    scratch.clear();
    scratch.push(namespace);
    scratch.extend_from_slice(key);
    scratch
}

fn read_state<R>(
    store: &dyn StateStore,
    writes: &WriteBatch,
    key: &[u8],
    read: impl FnOnce(Option<&[u8]>) -> R,
) -> Result<Option<R>, StoreError> {
    if let Some(staged) = writes.get(key) {
        return Ok(Some(read(staged)));
    }
    let mut read = Some(read);
    let mut result = None;
    store.with(key, &mut |value| result = read.take().map(|read| read(value)))?;
    Ok(result)
}

impl Context<'_> {
    /// Lets `read` see the state of a key.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn read<R>(&mut self, key: &[u8], read: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, ProcessError> {
        let full = full_key(self.scratch, self.namespace, key);
        read_state(self.store, self.writes, full, read)?.ok_or_else(|| no_answer(key))
    }

    /// Sets the state of a key.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        let full = full_key(self.scratch, self.namespace, key);
        self.writes.put(full, value);
    }

    /// Removes the state of a key.
    pub fn delete(&mut self, key: &[u8]) {
        let full = full_key(self.scratch, self.namespace, key);
        self.writes.delete(full);
    }

    /// Asks for [`Processor::emit`] of this key at the next commit.
    pub fn mark(&mut self, key: &[u8]) {
        self.marks.insert((self.node, key.into()));
    }
}

fn no_answer(key: &[u8]) -> ProcessError {
    let key = String::from_utf8_lossy(key);
    ProcessError::Store(StoreError::Corrupt(format!("the store gave no answer for {key:?}")))
}

/// What a processor says when its changes are committed.
pub struct Emitter<'t> {
    pub(crate) namespace: u8,
    pub(crate) processor: &'static str,
    pub(crate) store: &'t dyn StateStore,
    pub(crate) writes: &'t WriteBatch,
    pub(crate) outputs: &'t [TopicId],
    pub(crate) sink: &'t mut dyn Sink,
    pub(crate) tally: &'t mut Tally,
    pub(crate) scratch: &'t mut Vec<u8>,
}

impl Emitter<'_> {
    /// Lets `read` see the state of a key.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn read<R>(&mut self, key: &[u8], read: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, ProcessError> {
        let full = full_key(self.scratch, self.namespace, key);
        read_state(self.store, self.writes, full, read)?.ok_or_else(|| no_answer(key))
    }

    /// Emits a record to the processor's output number `output`, with the headers that every output record has
    /// (contract section 10). `partition_key` decides the partition; `value` absent is a tombstone.
    ///
    /// # Errors
    /// The output is not declared, or the sink failed: give the error on.
    pub fn emit(
        &mut self,
        output: usize,
        schema: &str,
        partition_key: &[u8],
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), ProcessError> {
        let topic = *self.outputs.get(output).ok_or(ProcessError::UndeclaredOutput(output))?;
        self.tally.output(topic.index());
        let headers = [
            (crate::HEADER_PROCESSOR, Some(self.processor.as_bytes())),
            (crate::HEADER_SCHEMA, Some(schema.as_bytes())),
        ];
        let route = Route::Key(partition_key);
        self.sink.send(OutputRecord {
            topic,
            route,
            key: Some(key),
            value,
            timestamp_ms: None,
            headers: &headers,
        })?;
        Ok(())
    }
}
