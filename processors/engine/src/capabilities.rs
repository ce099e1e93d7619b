// SPDX-License-Identifier: Apache-2.0

//! What only some processors do: expire, punctuate, forget, handle requests to erase, take agents' states. [`crate::Processor`]
//! says which it does.

use model::{AgentNews, Event};

use crate::committed::Committed;
use crate::context::Context;
use crate::emitter::Emitter;
use crate::error::ProcessError;
use crate::outcome::Outcome;
use crate::requests::{Retracted, Scope, Slice};

/// Expiry by stream time (contract section 9).
pub trait Expire {
    /// Removes state that has expired by stream time, within the budget ([`Emitter::has_budget`]). Called before
    /// [`flush`](crate::Processor::flush) in each commit in which state may expire, and again soon if the budget was not
    /// enough.
    ///
    /// # Errors
    /// As [`flush`](crate::Processor::flush).
    fn expire(&self, now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError>;
}

/// Work that is due by wall-clock time, even without records.
pub trait Punctuate {
    /// The wall-clock time at which the processor has work to do without a record; `None` if there is none. It is called often,
    /// so it must be cheap.
    ///
    /// # Errors
    /// The state cannot be read; propagate the error.
    fn next_due(&self, state: &Committed<'_>) -> Result<Option<i64>, ProcessError>;

    /// Does the work that is due at this wall-clock time, within the budget; the rest stays due. All input up to that time has
    /// been taken. Called after [`flush`](crate::Processor::flush), in a commit caused by [`next_due`](Self::next_due).
    ///
    /// # Errors
    /// As [`flush`](crate::Processor::flush).
    fn punctuate(&self, now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError>;
}

/// Forgets and erases the state of conversations.
pub trait Forget {
    /// Forgets all state of a conversation, or of a standalone activity ([`Emitter::forget`]), within the budget. Called after
    /// the flush of all processors, in reverse order, so that downstream processors still find the upstream state. `from` is
    /// the position at which it stopped in the previous commit, or empty at first. A processor that stops must not leave
    /// partial state that looks complete: it first removes the record by which others find it.
    ///
    /// # Errors
    /// As [`flush`](crate::Processor::flush).
    fn forget(
        &self,
        _scope: &Scope<'_>,
        _from: &[u8],
        _emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        Ok(Slice::Last)
    }

    /// Erases a conversation: its state, and by tombstones every record of it in this processor's outputs. Called like
    /// [`forget`](Self::forget), which is the default implementation.
    ///
    /// # Errors
    /// As [`flush`](crate::Processor::flush).
    fn erase(
        &self,
        scope: &Scope<'_>,
        from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        self.forget(scope, from, emitter)
    }

    /// Retracts an event that waited too long ([`Emitter::retract`]), as if it had never arrived.
    ///
    /// # Errors
    /// As [`flush`](crate::Processor::flush).
    fn retract(&self, _event: &Retracted<'_>, _emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        Ok(())
    }
}

/// Handles erasure requests: for a conversation, or for all data of a customer.
pub trait HandleErasures {
    /// Takes an erasure request for a conversation. The admission processor rejects all further events of it and lists it for
    /// erasure ([`Context::erase`]).
    ///
    /// # Errors
    /// The state cannot be read; propagate the error.
    fn asked_to_erase(&self, _conversation: &str, _context: &mut Context<'_>) -> Result<(), ProcessError> {
        Ok(())
    }

    /// Notifies the processor of an event that another processor rejected because it, or its conversation, is to be erased. The
    /// processor must not store the event's data, but may store its owner.
    ///
    /// # Errors
    /// The state cannot be read; propagate the error.
    fn refused(&self, _event: &Event<'_>, _context: &mut Context<'_>) -> Result<(), ProcessError> {
        Ok(())
    }

    /// Searches for data of customers with erasure requests ([`Emitter::is_asked`]), within the budget, and erases it
    /// ([`Emitter::erase`]). `from` is the position at which it stopped in the previous commit, or empty at first. Events that
    /// arrive during the search or later are not its concern: each is compared with the requests on arrival.
    ///
    /// # Errors
    /// As [`flush`](crate::Processor::flush).
    fn look_for_asked(&self, _from: &[u8], _emitter: &mut Emitter<'_>) -> Result<Slice, ProcessError> {
        Ok(Slice::Last)
    }
}

/// Agents' states (contract section 6.1).
pub trait TakeAgents {
    /// Takes an agent's state. It lies with the task of the agent's id.
    ///
    /// # Errors
    /// As [`process`](crate::Processor::process).
    fn process_agent(&self, news: &AgentNews<'_>, context: &mut Context<'_>)
    -> Result<Outcome, ProcessError>;
}
