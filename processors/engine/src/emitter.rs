//! What a processor sees and may do at the flush, when its changes are about to be committed.

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
use crate::topic::TopicId;

/// What a processor sees and may do at the flush: its [`State`], the state of those that it follows, and the transaction.
pub struct Emitter<'t> {
    pub(crate) state: State<'t>,
    pub(crate) leaders: &'t [Leader<'t>],
    pub(crate) repartition: TopicId,
    pub(crate) said: &'t mut Vec<Said>,
    pub(crate) requests: &'t mut Vec<Request>,
    pub(crate) dead_letters: &'t mut Vec<DeadLetter>,
    pub(crate) now_ms: i64,
    pub(crate) is_followed: bool,
    /// Whether something was listed at the last commit that is to be forgotten or erased.
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
    /// Lets `read` see the value that a followed processor has for a key.
    ///
    /// # Errors
    /// It is not followed, or the store failed: give the error on.
    pub fn read_of<R>(
        &mut self,
        leader: &'static str,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, ProcessError> {
        let namespace = self.namespace_of(leader)?;
        self.state.read_in(namespace, key, read)
    }

    /// The same as of the last commit.
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

    /// Lets `visit` see what a followed processor has under `prefix`, from the key `from` on, until it breaks.
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

    /// Lets `visit` see what a followed processor has under `prefix`, as of the last commit, until it breaks.
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

    /// Whether the budget of this commit allows one thing more, of what no record has caused. All that a processor writes counts;
    /// what is left goes on in the next commit.
    pub fn has_budget(&mut self) -> bool {
        self.state.budget.has_any()
    }

    /// Says that there is more to be done, which better waits for the next commit.
    pub fn put_off(&mut self) {
        self.state.budget.put_off();
    }

    /// How many keys can be dealt with at most.
    #[must_use]
    pub fn keys_max(&self) -> usize {
        self.state.budget.records()
    }

    /// Whether any processor follows this one; else there is nobody to [`tell`](Self::tell).
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.is_followed
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
        self.state.budget.spend(key.len() + ending.len());
        self.state.writes.put(&key, &ending);
    }

    /// Whether something is being forgotten or erased, and not all of it is gone yet.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn is_ending(&self, scope: &Scope<'_>) -> Result<bool, ProcessError> {
        Ok(overlay::read(self.state.store, self.state.writes, &ending::key(scope), |ending| {
            ending.is_some()
        })?)
    }

    /// Whether it is being erased.
    ///
    /// # Errors
    /// The store failed: give the error on.
    pub fn is_being_erased(&self, scope: &Scope<'_>) -> Result<bool, ProcessError> {
        let ending = overlay::read(self.state.store, self.state.writes, &ending::key(scope), |ending| {
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
        self.state.is_customer_asked(customer, at_ms)
    }

    /// Asks all processors to forget an event that has waited in vain.
    pub fn retract(&mut self, event: &Retracted<'_>) {
        self.requests.push(Request { scope: OwnedScope::of(&event.scope), event_id: event.event_id.into() });
    }

    /// Makes a record that was kept whole a dead letter, with the position where it was first read.
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

    /// Sends a message to this same processor on the partition of `key`, within this transaction.
    ///
    /// # Errors
    /// The sink failed: give the error on.
    pub fn send(&mut self, key: &[u8], payload: &[u8]) -> Result<(), ProcessError> {
        self.state.budget.spend(key.len() + payload.len());
        Message::new(self.state.namespace, key, payload).send(
            self.repartition,
            self.sink,
            self.state.tally,
        )?;
        Ok(())
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
        let Some(outputs) = self.state.outputs else { return Ok(()) };
        let topic = outputs.get(output).ok_or(ProcessError::UndeclaredOutput(output))?.topic;
        self.state.tally.output(topic.index());
        self.state.budget.spend(key.len() + value.map_or(0, <[u8]>::len));
        let headers = [
            (HEADER_PROCESSOR, Some(self.state.processor.as_bytes())),
            (HEADER_SCHEMA, Some(schema.as_bytes())),
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
