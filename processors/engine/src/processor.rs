//! What a processor is: pure functions from an event and the state to a new state, and from the state to records.

use model::{Event, Home};

use crate::capabilities::{Expire, Forget, HandleErasures, Punctuate, TakeAgents};
use crate::context::Context;
use crate::counter::Counter;
use crate::emitter::Emitter;
use crate::error::ProcessError;
use crate::news::News;
use crate::outcome::Outcome;
use crate::record::SourceRecord;

/// A processor. It has no state of its own: all it remembers goes through [`Context`] and [`Emitter`], so a transaction
/// that fails leaves no trace in it.
///
/// While records are taken, [`process`](Self::process) stages state and marks keys. When the transaction is prepared,
/// [`flush`](Self::flush) is called once with all the marks, in the order of the topology: so a key is emitted once for
/// each commit, however many events changed it, and a processor can build upon those that it follows.
pub trait Processor: Send + Sync {
    /// Its name in topics.yaml, in headers, metrics and logs.
    fn name(&self) -> &'static str;

    /// The byte that all its state's keys begin with; no two processors may share one. Not 0.
    fn namespace(&self) -> u8;

    /// How many topics it writes.
    fn outputs(&self) -> usize;

    /// Its expiry, if anything of its state expires.
    fn as_expire(&self) -> Option<&dyn Expire> {
        None
    }

    /// Its timers, if it has work that is due by the wall clock.
    fn as_punctuate(&self) -> Option<&dyn Punctuate> {
        None
    }

    /// How it forgets, if it keeps state or records of conversations.
    fn as_forget(&self) -> Option<&dyn Forget> {
        None
    }

    /// How it handles requests to erase, if it decides what belongs to them.
    fn as_handle_erasures(&self) -> Option<&dyn HandleErasures> {
        None
    }

    /// How it takes agents' states, if it does.
    fn as_take_agents(&self) -> Option<&dyn TakeAgents> {
        None
    }

    /// Whether it keeps any state. One that keeps none may be added to a state that others made, or be left out: it says what is
    /// new from then on.
    fn keeps_state(&self) -> bool {
        true
    }

    /// The counters that it moves ([`crate::State::notice`]), for the metrics to show from the start.
    fn counters(&self) -> Vec<&'static Counter> {
        Vec::new()
    }

    /// The rules that it watches while it works; each must stay at 0 in `cx_timelines_invariant_violations_total`.
    fn rules(&self) -> &'static [&'static str] {
        &[]
    }

    /// The processors whose notes it hears and whose state it reads. They have to come before it in the topology.
    fn follows(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether events that live there concern it. Those that only follow others take none.
    fn wants(&self, _home: &Home<'_>) -> bool {
        false
    }

    /// Whether it sees events that a processor before it has called duplicates.
    fn wants_duplicates(&self) -> bool {
        false
    }

    /// Takes an event into the state.
    ///
    /// # Errors
    /// The state cannot be read. The caller drops what was staged, restores the state and takes the event again.
    fn process(
        &self,
        _event: &Event<'_>,
        _record: &SourceRecord<'_>,
        _context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        Ok(Outcome::Ignored)
    }

    /// Takes a message that this processor sent from another partition ([`Context::send`], [`Emitter::send`]).
    ///
    /// # Errors
    /// The state cannot be read, or the message is none of its own.
    fn receive(&self, _key: &[u8], _payload: &[u8], _context: &mut Context<'_>) -> Result<(), ProcessError> {
        Err(ProcessError::UnknownMessage(format!("processor {} takes none", self.name())))
    }

    /// Says what is new. By default, emits each marked key.
    ///
    /// # Errors
    /// The state cannot be read, or the sink failed. The caller aborts the transaction.
    fn flush(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        news.marked().try_for_each(|key| self.emit(key, emitter))
    }

    /// Says what a key's state now is.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    fn emit(&self, _key: &[u8], _emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        Ok(())
    }
}
