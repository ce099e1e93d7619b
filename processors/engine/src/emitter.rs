// SPDX-License-Identifier: Apache-2.0

//! Interface of a processor during the flush, just before its changes are committed.

use std::ops::{ControlFlow, Deref, DerefMut};

use crate::carried::Carried;
use crate::deadletter::DeadLetter;
use crate::ending::{self, Ending, How};
use crate::error::ProcessError;
use crate::headers::{HEADER_PROCESSOR, HEADER_SCHEMA};
use crate::news::{Leader, Said};
use crate::outbox::Message;
use crate::outcome::Rejection;
use crate::overlay;
use crate::record::{OutputRecord, Route, Sink};
use crate::requests::{OwnedScope, Request, Retracted, Scope};
use crate::state::State;
use crate::topic::{Output, TopicId};

/// Interface of a processor during the flush: its [`State`], the state of its upstream processors, and the transaction.
pub struct Emitter<'t> {
    pub(crate) state: State<'t>,
    pub(crate) leaders: &'t [Leader<'t>],
    pub(crate) repartition: TopicId,
    pub(crate) said: &'t mut Vec<Said>,
    pub(crate) requests: &'t mut Vec<Request>,
    pub(crate) dead_letters: &'t mut Vec<DeadLetter>,
    pub(crate) now_ms: i64,
    pub(crate) is_followed: bool,
    /// Whether the last commit listed something to be forgotten or erased.
    pub(crate) is_ending: bool,
    pub(crate) sink: &'t mut dyn Sink,
}

impl<'t> Deref for Emitter<'t> {
    type Target = State<'t>;

    fn deref(&self) -> &State<'t> {
        &self.state
    }
}

impl<'t> DerefMut for Emitter<'t> {
    fn deref_mut(&mut self) -> &mut State<'t> {
        &mut self.state
    }
}

impl Emitter<'_> {
    /// Passes the value of a key in an upstream processor's state to `read`.
    ///
    /// # Errors
    /// The processor is not upstream, or the store failed; propagate the error.
    pub fn read_of<R>(
        &mut self,
        leader: &'static str,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, ProcessError> {
        let namespace = self.namespace_of(leader)?;
        self.state.read_in(namespace, key, read)
    }

    /// Like [`read_of`](Self::read_of), as of the last commit.
    ///
    /// # Errors
    /// As [`read_of`](Self::read_of).
    pub fn read_committed_of<R>(
        &mut self,
        leader: &'static str,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, ProcessError> {
        let namespace = self.namespace_of(leader)?;
        self.state.read_committed_in(namespace, key, read)
    }

    /// Passes the records of an upstream processor under `prefix` to `visit`, from the key `from`, until it breaks.
    ///
    /// # Errors
    /// As [`read_of`](Self::read_of).
    pub fn scan_of_from(
        &mut self,
        leader: &'static str,
        range: (&[u8], &[u8]),
        visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ProcessError> {
        let namespace = self.namespace_of(leader)?;
        self.state.scan_in(namespace, range, visit)
    }

    /// Passes the committed records of an upstream processor under `prefix` to `visit`, until it breaks.
    ///
    /// # Errors
    /// As [`read_of`](Self::read_of).
    pub fn scan_committed_of(
        &mut self,
        leader: &'static str,
        prefix: &[u8],
        visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ProcessError> {
        let namespace = self.namespace_of(leader)?;
        self.state.scan_committed_in(namespace, prefix, visit)
    }

    fn namespace_of(&self, leader: &'static str) -> Result<u8, ProcessError> {
        let found = self.leaders.iter().find(|other| other.name == leader);
        found.map(|leader| leader.namespace).ok_or(ProcessError::NotFollowed(leader))
    }

    /// Whether this commit's budget allows one more item of work that no record caused. All writes of a processor count; the
    /// rest continues in the next commit.
    pub fn has_budget(&mut self) -> bool {
        self.state.budget.has_any()
    }

    /// Records that work is left for the next commit.
    pub fn put_off(&mut self) {
        self.state.budget.put_off();
    }

    /// Maximum number of keys that the budget allows.
    #[must_use]
    pub fn keys_max(&self) -> usize {
        self.state.budget.records()
    }

    /// Whether any processor is downstream of this one; otherwise [`tell`](Self::tell) has no effect.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.is_followed
    }

    /// Notifies the downstream processors, which receive the note within the same commit.
    pub fn tell(&mut self, key: &[u8], text: &[u8]) {
        if self.is_followed {
            self.said.push(Said { key: key.into(), text: text.into() });
        }
    }

    /// Asks all processors to forget a conversation, or a standalone activity, after the flush: in this commit and the next
    /// ones, within their budgets. No further event of it may be folded.
    ///
    /// # Errors
    /// The store failed; propagate the error.
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
        self.state.budget.spend(key.len() + ending.len());
        self.state.writes.put(&key, &ending);
    }

    /// Whether something is still being forgotten or erased.
    ///
    /// # Errors
    /// The store failed; propagate the error.
    pub fn is_ending(&self, scope: &Scope<'_>) -> Result<bool, ProcessError> {
        Ok(overlay::read(self.state.store, self.state.writes, &ending::key(scope), |ending| {
            ending.is_some()
        })?)
    }

    /// Whether it is being erased.
    ///
    /// # Errors
    /// The store failed; propagate the error.
    pub fn is_being_erased(&self, scope: &Scope<'_>) -> Result<bool, ProcessError> {
        let ending = overlay::read(self.state.store, self.state.writes, &ending::key(scope), |ending| {
            ending.map(Ending::read).transpose()
        })?;
        Ok(ending?.is_some_and(|ending| ending.how == How::Erase))
    }

    /// Whether work listed by the last commit is left: better not to start more.
    #[must_use]
    pub fn is_anything_ending(&self) -> bool {
        self.is_ending
    }

    /// Whether an erasure request of this customer covers data of this time.
    ///
    /// # Errors
    /// The store failed; propagate the error.
    pub fn is_asked(&self, customer: &str, at_ms: i64) -> Result<bool, ProcessError> {
        self.state.is_customer_asked(customer, at_ms)
    }

    /// Asks all processors to retract an event that waited too long.
    pub fn retract(&mut self, event: &Retracted<'_>) {
        self.requests.push(Request { scope: OwnedScope::of(&event.scope), event_id: event.event_id.into() });
    }

    /// Turns a stored record into a dead letter, with the position at which it was first read.
    pub fn dead_letter(&mut self, carried: &Carried<'_>, rejection: Rejection) {
        let Rejection { reason, detail } = rejection;
        let letter = DeadLetter::new(
            &carried.record(),
            (self.state.processor, reason, detail),
            self.now_ms,
            usize::MAX,
        );
        self.state.budget.spend(letter.bytes());
        self.state.tally.dead_letter(reason);
        self.dead_letters.push(letter);
    }

    /// Removes its own state under a prefix, within the budget; `false` if some remains.
    ///
    /// # Errors
    /// The store failed; propagate the error.
    pub fn delete_under(&mut self, prefix: &[u8]) -> Result<bool, ProcessError> {
        self.drain(prefix, |key, emitter| {
            emitter.delete(key);
            Ok(())
        })
    }

    /// Calls `each` with every key under a prefix and removes it, within the budget; `false` if some remain.
    ///
    /// # Errors
    /// Those of `each`, or the store failed; propagate the error.
    pub fn drain(
        &mut self,
        prefix: &[u8],
        mut each: impl FnMut(&[u8], &mut Self) -> Result<(), ProcessError>,
    ) -> Result<bool, ProcessError> {
        let most = self.keys_max();
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let mut is_all = true;
        let full = overlay::full_key(self.state.scratch, self.state.namespace, prefix);
        overlay::scan(self.state.store, self.state.writes, full, full, &mut |key, _| {
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

    /// Passes committed records under a prefix to `visit`, after the key `from`, with their staged values. The bytes read count
    /// against the budget. Returns the key after which to continue; `None` after the last one.
    ///
    /// # Errors
    /// The store failed; propagate the error.
    pub fn look_on(
        &mut self,
        prefix: &[u8],
        from: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]),
    ) -> Result<Option<Vec<u8>>, ProcessError> {
        /// Number of keys read at once, each batch being processed before the next is read.
        const AT_ONCE: usize = 256;
        let State { store, writes, budget, namespace, .. } = &mut self.state;
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

    /// Sends a message to this processor on the partition of `key`, within this transaction.
    ///
    /// # Errors
    /// The sink failed; propagate the error.
    pub fn send(&mut self, key: &[u8], payload: &[u8]) -> Result<(), ProcessError> {
        self.state.budget.spend(key.len() + payload.len());
        Message::new(self.state.namespace, key, payload).send(
            self.repartition,
            self.sink,
            self.state.tally,
        )?;
        Ok(())
    }

    /// Emits a record to the processor's output number `output`, with the headers that every output record has (contract
    /// section 10). `partition_key` determines the partition; a `value` of `None` is a tombstone.
    ///
    /// # Errors
    /// The output is not declared, or the sink failed; propagate the error.
    pub fn emit(
        &mut self,
        output: usize,
        partition_key: &[u8],
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), ProcessError> {
        let Some(outputs) = self.state.outputs else { return Ok(()) };
        let Output { topic, schema, .. } =
            outputs.get(output).ok_or(ProcessError::UndeclaredOutput(output))?;
        self.state.tally.output(topic.index());
        self.state.budget.spend(key.len() + value.map_or(0, <[u8]>::len));
        let headers = [
            (HEADER_PROCESSOR, Some(self.state.processor.as_bytes())),
            (HEADER_SCHEMA, Some(schema.as_bytes())),
        ];
        let route = Route::Key(partition_key);
        self.sink.send(OutputRecord {
            topic: *topic,
            route,
            key: Some(key),
            value,
            timestamp_ms: None,
            headers: &headers,
        })?;
        Ok(())
    }
}
