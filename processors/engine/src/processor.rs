// SPDX-License-Identifier: Apache-2.0

//! Interface of a processor: pure functions from an event and state to new state, and from state to records.

use model::{Event, Home};

use crate::capabilities::{Expire, Forget, HandleErasures, Punctuate, TakeAgents};
use crate::context::Context;
use crate::counter::Counter;
use crate::emitter::Emitter;
use crate::error::ProcessError;
use crate::news::News;
use crate::outcome::Outcome;
use crate::product::Product;
use crate::record::SourceRecord;

/// A processor. It has no state of its own: everything it stores goes through [`Context`] and [`Emitter`], so a failed
/// transaction leaves no trace in it.
///
/// While records are taken, [`process`](Self::process) stages state and marks keys dirty. When the transaction is prepared,
/// [`flush`](Self::flush) is called once with all dirty keys, in the order of the topology: a key is emitted once for each
/// commit, however many events changed it, and a processor can use the results of its upstream processors.
pub trait Processor: Send + Sync {
    /// Name in topics.yaml, headers, metrics and logs.
    fn name(&self) -> &'static str;

    /// First byte of all its state keys; unique among processors, and not 0.
    fn namespace(&self) -> u8;

    /// What it publishes, by the number of the output.
    fn products(&self) -> &'static [Product] {
        &[]
    }

    /// Expiry, if any of its state expires.
    fn as_expire(&self) -> Option<&dyn Expire> {
        None
    }

    /// Timers, if it has work that is due by wall-clock time.
    fn as_punctuate(&self) -> Option<&dyn Punctuate> {
        None
    }

    /// Forgetting, if it has state or records of conversations.
    fn as_forget(&self) -> Option<&dyn Forget> {
        None
    }

    /// Handling of erasure requests, if it decides what belongs to them.
    fn as_handle_erasures(&self) -> Option<&dyn HandleErasures> {
        None
    }

    /// How it takes agents' states, if it does.
    fn as_take_agents(&self) -> Option<&dyn TakeAgents> {
        None
    }

    /// Whether it has state. One without state may be added to an existing state or removed: it emits what is new from then on.
    fn keeps_state(&self) -> bool {
        true
    }

    /// Its counters ([`State::notice`](crate::State::notice)), exported as 0 from the start.
    fn counters(&self) -> Vec<&'static Counter> {
        Vec::new()
    }

    /// The invariants that it checks; each must stay at 0 in `cx_timelines_invariant_violations_total`.
    fn rules(&self) -> &'static [&'static str] {
        &[]
    }

    /// Its upstream processors, whose notes it receives and whose state it reads. They must precede it in the topology.
    fn follows(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether it takes events with this home. A processor that only follows others takes none.
    fn wants(&self, _home: &Home<'_>) -> bool {
        false
    }

    /// Whether it sees events that an earlier processor reported as duplicates.
    fn wants_duplicates(&self) -> bool {
        false
    }

    /// Takes an event into the state.
    ///
    /// # Errors
    /// The state cannot be read. The caller drops the staged changes, restores the state and takes the event again.
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
    /// The state cannot be read, or the message is not this processor's.
    fn receive(&self, _key: &[u8], _payload: &[u8], _context: &mut Context<'_>) -> Result<(), ProcessError> {
        Err(ProcessError::UnknownMessage(format!("processor {} takes none", self.name())))
    }

    /// Emits what changed. By default, emits each dirty key.
    ///
    /// # Errors
    /// The state cannot be read, or the sink failed. The caller aborts the transaction.
    fn flush(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        news.marked().try_for_each(|key| self.emit(key, emitter))
    }

    /// Emits a key's current state.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    fn emit(&self, _key: &[u8], _emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        Ok(())
    }
}
