//! What a processor sees and may say when its changes are about to be committed.

use std::ops::ControlFlow;

use model::{Format, JsonFormat};

use crate::asked;
use crate::budget::Budget;
use crate::carried::Carried;
use crate::deadletter::DeadLetter;
use crate::ending::{self, Ending, How};
use crate::marks::Marks;
use crate::outbox::Message;
use crate::overlay;
use crate::partitioner::partition_of;
use crate::processor::{ProcessError, Rejection};
use crate::record::{OutputRecord, Route, Sink};
use crate::requests::{OwnedScope, Request, Retracted, Scope};
use crate::store::{StateStore, WriteBatch};
use crate::tally::{Notice, Tally};
use crate::topology::{Output, TopicId};

/// Something that a processor says to those that follow it, within one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) key: Box<[u8]>,
    pub(crate) text: Box<[u8]>,
}

/// A processor that another one follows: where its state lies, and what it said.
#[derive(Clone, Copy)]
pub(crate) struct Leader<'t> {
    pub(crate) name: &'static str,
    pub(crate) namespace: u8,
    pub(crate) said: &'t [Said],
}

/// One thing that a followed processor said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note<'n> {
    /// Who said it.
    pub from: &'static str,
    /// About which key.
    pub key: &'n [u8],
    /// What; its form is the speaker's.
    pub text: &'n [u8],
}

/// What has happened since the last commit, for one processor.
pub struct News<'n> {
    pub(crate) marked: &'n Marks,
    pub(crate) leaders: &'n [Leader<'n>],
}

impl<'n> News<'n> {
    /// The keys that it marked, in the order of their bytes, each once.
    pub fn marked(&self) -> impl Iterator<Item = &'n [u8]> {
        self.marked.iter()
    }

    /// What the processors that it follows said, in their order and in the order in which they said it.
    pub fn heard(&self) -> impl Iterator<Item = Note<'n>> {
        self.leaders.iter().flat_map(|leader| {
            let note = |said: &'n Said| Note { from: leader.name, key: &said.key, text: &said.text };
            leader.said.iter().map(note)
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.marked.is_empty() && self.leaders.iter().all(|leader| leader.said.is_empty())
    }
}

/// What a processor says when its changes are committed.
pub struct Emitter<'t> {
    pub(crate) namespace: u8,
    pub(crate) processor: &'static str,
    pub(crate) partition: i32,
    pub(crate) partitions: i32,
    pub(crate) stream_time_ms: Option<i64>,
    pub(crate) clock_ms: i64,
    pub(crate) leaders: &'t [Leader<'t>],
    pub(crate) store: &'t dyn StateStore,
    pub(crate) writes: &'t mut WriteBatch,
    /// Where its outputs go; none: what it emits is not wanted.
    pub(crate) outputs: Option<&'t [Output]>,
    pub(crate) repartition: TopicId,
    pub(crate) said: &'t mut Vec<Said>,
    pub(crate) requests: &'t mut Vec<Request>,
    pub(crate) dead_letters: &'t mut Vec<DeadLetter>,
    pub(crate) now_ms: i64,
    pub(crate) is_followed: bool,
    pub(crate) budget: &'t mut Budget,
    /// Whether something was listed at the last commit that is to be forgotten or erased.
    pub(crate) is_ending: bool,
    pub(crate) sink: &'t mut dyn Sink,
    pub(crate) tally: &'t mut Tally,
    pub(crate) scratch: &'t mut Vec<u8>,
}

impl<'t> Emitter<'t> {
    /// Lets `read` see the state of a key.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn read<R>(&mut self, key: &[u8], read: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, ProcessError> {
        let full = overlay::full_key(self.scratch, self.namespace, key);
        Ok(overlay::read(self.store, self.writes, full, read)?)
    }

    /// The same, as of the last commit.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn read_committed<R>(
        &mut self,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, ProcessError> {
        let full = overlay::full_key(self.scratch, self.namespace, key);
        Ok(overlay::read_committed(self.store, full, read)?)
    }

    /// Lets `visit` see every key that begins with `prefix`, and its value, in the order of the keys' bytes.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn scan(&mut self, prefix: &[u8], visit: impl FnMut(&[u8], &[u8])) -> Result<(), ProcessError> {
        self.scan_in(self.namespace, prefix, prefix, visit)
    }

    /// Lets `visit` see what lies under a prefix from `from` on, as [`scan_from`](Self::scan_from) does, as long as it wants to go on.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn scan_until(
        &mut self,
        prefix: &[u8],
        from: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ProcessError> {
        let mut full_from = Vec::with_capacity(from.len() + 1);
        let from = overlay::full_key(&mut full_from, self.namespace, from);
        let full = overlay::full_key(self.scratch, self.namespace, prefix);
        overlay::scan(self.store, self.writes, full, from, &mut |key, value| {
            visit(key.get(1..).unwrap_or_default(), value)
        })?;
        Ok(())
    }

    /// As [`scan`](Self::scan), leaving out keys that come before `from`, which begins with `prefix`.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn scan_from(
        &mut self,
        prefix: &[u8],
        from: &[u8],
        visit: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), ProcessError> {
        self.scan_in(self.namespace, prefix, from, visit)
    }

    /// The same as of the last commit, until `visit` breaks.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn scan_committed(
        &mut self,
        prefix: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ProcessError> {
        let full = overlay::full_key(self.scratch, self.namespace, prefix);
        self.store.scan(full, &mut |key, value| visit(key.get(1..).unwrap_or_default(), value))?;
        Ok(())
    }

    fn scan_in(
        &mut self,
        namespace: u8,
        prefix: &[u8],
        from: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), ProcessError> {
        let mut full_from = Vec::with_capacity(from.len() + 1);
        let from = overlay::full_key(&mut full_from, namespace, from);
        let full = overlay::full_key(self.scratch, namespace, prefix);
        overlay::scan(self.store, self.writes, full, from, &mut |key, value| {
            visit(key.get(1..).unwrap_or_default(), value);
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    /// Lets `read` see the state that a followed processor has of a key.
    ///
    /// # Errors
    /// It is not followed, or the store failed: give the error on.
    pub fn read_of<R>(
        &mut self,
        leader: &'static str,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, ProcessError> {
        let full = overlay::full_key(self.scratch, self.namespace_of(leader)?, key);
        Ok(overlay::read(self.store, self.writes, full, read)?)
    }

    /// The same, as of the last commit.
    ///
    /// # Errors
    /// As [`read_of`](Self::read_of).
    pub fn read_committed_of<R>(
        &mut self,
        leader: &'static str,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, ProcessError> {
        let full = overlay::full_key(self.scratch, self.namespace_of(leader)?, key);
        Ok(overlay::read_committed(self.store, full, read)?)
    }

    /// Lets `visit` see all the state that a followed processor has under `prefix`.
    ///
    /// # Errors
    /// As [`read_of`](Self::read_of).
    pub fn scan_of(
        &mut self,
        leader: &'static str,
        prefix: &[u8],
        visit: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), ProcessError> {
        let namespace = self.namespace_of(leader)?;
        self.scan_in(namespace, prefix, prefix, visit)
    }

    /// The same from a key on, until `visit` breaks.
    ///
    /// # Errors
    /// As [`read_of`](Self::read_of).
    pub fn scan_of_from(
        &mut self,
        leader: &'static str,
        (prefix, from): (&[u8], &[u8]),
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ProcessError> {
        let namespace = self.namespace_of(leader)?;
        let mut full_from = Vec::with_capacity(from.len() + 1);
        let from = overlay::full_key(&mut full_from, namespace, from);
        let full = overlay::full_key(self.scratch, namespace, prefix);
        overlay::scan(self.store, self.writes, full, from, &mut |key, value| {
            visit(key.get(1..).unwrap_or_default(), value)
        })?;
        Ok(())
    }

    /// The state that a followed processor has under `prefix`, as of the last commit.
    ///
    /// # Errors
    /// As [`read_of`](Self::read_of).
    pub fn scan_committed_of(
        &mut self,
        leader: &'static str,
        prefix: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), ProcessError> {
        let full = overlay::full_key(self.scratch, self.namespace_of(leader)?, prefix);
        self.store.scan(full, &mut |key, value| {
            visit(key.get(1..).unwrap_or_default(), value);
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    fn namespace_of(&self, leader: &'static str) -> Result<u8, ProcessError> {
        let found = self.leaders.iter().find(|other| other.name == leader);
        found.map(|leader| leader.namespace).ok_or(ProcessError::NotFollowed(leader))
    }

    /// Sets the state of a key.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.budget.spend(key.len() + value.len());
        let full = overlay::full_key(self.scratch, self.namespace, key);
        self.writes.put(full, value);
    }

    /// Removes the state of a key.
    pub fn delete(&mut self, key: &[u8]) {
        self.budget.spend(key.len());
        let full = overlay::full_key(self.scratch, self.namespace, key);
        self.writes.delete(full);
    }

    /// Whether the budget of this commit allows one thing more, of what no record has caused. All that a processor writes counts;
    /// what is left goes on in the next commit.
    pub fn has_budget(&mut self) -> bool {
        self.budget.has_any()
    }

    /// Says that there is more to be done, which better waits for the next commit.
    pub fn put_off(&mut self) {
        self.budget.put_off();
    }

    /// How many keys can be dealt with at most.
    #[must_use]
    pub fn keys_max(&self) -> usize {
        self.budget.records()
    }

    /// Whether any processor follows this one; else there is nobody to [`tell`](Self::tell).
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.is_followed
    }

    /// Whether what this processor emits goes anywhere. It does not where it runs only because another one follows it.
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.outputs.is_some()
    }

    /// Says something to the processors that follow this one. They hear it within the same commit.
    pub fn tell(&mut self, key: &[u8], text: &[u8]) {
        if self.is_followed {
            self.said.push(Said { key: key.into(), text: text.into() });
        }
    }

    /// Asks all processors to forget a conversation, or an activity that belongs to none, once all have settled: in this commit and
    /// the next ones, as far as their budgets go. Nothing of it may be folded from now on.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn forget(&mut self, scope: &Scope<'_>) -> Result<(), ProcessError> {
        if !self.is_ending(scope)? {
            self.list(scope, How::Forget);
        }
        Ok(())
    }

    /// Asks all processors to erase it, in the same way.
    pub fn erase(&mut self, scope: &Scope<'_>) {
        self.list(scope, How::Erase);
    }

    fn list(&mut self, scope: &Scope<'_>, how: How) {
        let (key, ending) = (ending::key(scope), Ending::begin(how).write());
        self.budget.spend(key.len() + ending.len());
        self.writes.put(&key, &ending);
    }

    /// Whether something is being forgotten or erased, and not all of it is gone yet.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn is_ending(&self, scope: &Scope<'_>) -> Result<bool, ProcessError> {
        Ok(overlay::read(self.store, self.writes, &ending::key(scope), |ending| ending.is_some())?)
    }

    /// Whether it is being erased.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn is_being_erased(&self, scope: &Scope<'_>) -> Result<bool, ProcessError> {
        let ending = overlay::read(self.store, self.writes, &ending::key(scope), |ending| {
            ending.map(Ending::read).transpose()
        })?;
        Ok(ending?.is_some_and(|ending| ending.how == How::Erase))
    }

    /// Whether what was to be forgotten or erased at the last commit has not gone yet: better not to begin with more.
    #[must_use]
    pub fn is_anything_ending(&self) -> bool {
        self.is_ending
    }

    /// Whether the erasure of this customer was asked for by a request that counts for what came at this time.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn is_asked(&self, customer: &str, at_ms: i64) -> Result<bool, ProcessError> {
        Ok(asked::is_asked(self.store, self.writes, customer, at_ms)?)
    }

    /// Asks all processors to forget an event that has waited in vain.
    pub fn retract(&mut self, event: &Retracted<'_>) {
        self.requests.push(Request { scope: OwnedScope::of(&event.scope), event_id: event.event_id.into() });
    }

    /// Makes a record that was kept whole a dead letter, with the position where it was first read.
    pub fn dead_letter(&mut self, carried: &Carried<'_>, rejection: Rejection) {
        let Rejection { reason, detail } = rejection;
        let letter =
            DeadLetter::new(&carried.record(), (self.processor, reason, detail), self.now_ms, usize::MAX);
        self.budget.spend(letter.bytes());
        self.tally.dead_letter(reason);
        self.dead_letters.push(letter);
    }

    /// Removes all of its own state under a prefix, as far as the budget goes; `false`: there is more.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn delete_under(&mut self, prefix: &[u8]) -> Result<bool, ProcessError> {
        self.drain(prefix, |key, emitter| {
            emitter.delete(key);
            Ok(())
        })
    }

    /// Lets `each` deal with every key under a prefix, and remove it, as far as the budget goes; `false`: there are more.
    ///
    /// # Errors
    /// Those of `each`, or the store failed: give the error on.
    pub fn drain(
        &mut self,
        prefix: &[u8],
        mut each: impl FnMut(&[u8], &mut Self) -> Result<(), ProcessError>,
    ) -> Result<bool, ProcessError> {
        let most = self.keys_max();
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let mut is_all = true;
        let full = overlay::full_key(self.scratch, self.namespace, prefix);
        overlay::scan(self.store, self.writes, full, full, &mut |key, _| {
            if keys.len() > most {
                is_all = false;
                return ControlFlow::Break(());
            }
            keys.extend(key.get(1..).map(<[u8]>::to_vec));
            ControlFlow::Continue(())
        })?;
        for key in keys {
            if !self.has_budget() {
                return Ok(false);
            }
            each(&key, self)?;
        }
        Ok(is_all)
    }

    /// Lets `visit` see some of what was committed under a prefix, after the key `from`, with the values as they will be. What is
    /// looked at counts by its bytes. Gives the key after which to go on; none: it has seen all.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn look_on(
        &mut self,
        prefix: &[u8],
        from: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]),
    ) -> Result<Option<Vec<u8>>, ProcessError> {
        /// So many keys at once: what is found is dealt with before more is looked at.
        const AT_ONCE: usize = 256;
        let Self { store, writes, budget, namespace, .. } = self;
        let full = |key: &[u8]| [&[*namespace], key].concat();
        let is_after = from.len() > prefix.len() && from.starts_with(prefix);
        let from = if is_after { from } else { prefix };
        let (mut last, mut seen) = (None, 0);
        store.scan_from(&full(prefix), &full(from), &mut |key, value| {
            let own = key.get(1..).unwrap_or_default();
            if is_after && own == from {
                return ControlFlow::Continue(());
            }
            if seen == AT_ONCE {
                return ControlFlow::Break(());
            }
            match writes.get(key) {
                Some(Some(staged)) => visit(own, staged),
                Some(None) => {}
                None => visit(own, value),
            }
            budget.look(key.len() + value.len());
            seen += 1;
            last = Some(own.to_vec());
            ControlFlow::Continue(())
        })?;
        Ok(last.filter(|_| seen == AT_ONCE))
    }

    /// Whether the state of this key lies with this very task.
    #[must_use]
    pub fn is_here(&self, key: &[u8]) -> bool {
        partition_of(key, self.partitions) == self.partition
    }

    /// Sends a message to this same processor on the partition of `key`, within this transaction.
    ///
    /// # Errors
    /// The sink failed: give the error on.
    pub fn send(&mut self, key: &[u8], payload: &[u8]) -> Result<(), ProcessError> {
        self.budget.spend(key.len() + payload.len());
        Message::new(self.namespace, key, payload).send(self.repartition, self.sink, self.tally)?;
        Ok(())
    }

    /// The stream time (contract section 9), where things may expire; none where nothing may.
    #[must_use]
    pub fn stream_time_ms(&self) -> Option<i64> {
        self.stream_time_ms
    }

    /// The stream time, whether or not anything may expire yet. 0 while there is none.
    #[must_use]
    pub fn clock_ms(&self) -> i64 {
        self.clock_ms
    }

    /// Counts something that an operator should know of.
    pub fn notice(&mut self, notice: Notice) {
        self.notice_many(notice, 1);
    }

    /// Counts something so many times; not at all where that is 0.
    pub fn notice_many(&mut self, notice: Notice, count: u64) {
        if count > 0 {
            self.tally.notice(notice, count);
        }
    }

    /// What the records of output number `output` are to be written as, for [`emit`](Self::emit).
    #[must_use]
    pub fn format(&self, output: usize) -> &'t dyn Format {
        let output = self.outputs.and_then(|outputs| outputs.get(output));
        // What goes nowhere may be written as anything.
        output.map_or(&JsonFormat, |output| &*output.format)
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
        let Some(outputs) = self.outputs else { return Ok(()) };
        let topic = outputs.get(output).ok_or(ProcessError::UndeclaredOutput(output))?.topic;
        self.tally.output(topic.index());
        self.budget.spend(key.len() + value.map_or(0, <[u8]>::len));
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
