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
    /// Called before [`flush`](crate::Processor::flush) in each commit in which things may expire: lets go of what has waited, or
    /// been kept, for too long by the stream time, as far as the budget goes ([`Emitter::has_budget`]). It is called again soon
    /// where that was not far enough.
    ///
    /// # Errors
    /// As [`flush`](crate::Processor::flush).
    fn expire(&self, now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError>;
}

/// Work that is due by the wall clock, though no record comes.
pub trait Punctuate {
    /// The time on the wall at which it has something to do though nothing comes; none: nothing ever. Asked every now and then,
    /// so it is to be found without looking at much.
    ///
    /// # Errors
    /// The state cannot be read: give the error on.
    fn next_due(&self, state: &Committed<'_>) -> Result<Option<i64>, ProcessError>;

    /// Does what is due at this time on the wall, by which all that lay in the input has been taken. Called after
    /// [`flush`](crate::Processor::flush), in a commit of which [`next_due`](Self::next_due) was the reason, as far as the budget goes; what
    /// is left stays due.
    ///
    /// # Errors
    /// As [`flush`](crate::Processor::flush).
    fn punctuate(&self, now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError>;
}

/// Forgetting and erasing what belongs to a conversation.
pub trait Forget {
    /// Forgets all state of a conversation, or of an activity that belongs to none ([`Emitter::forget`]), as far as the budget
    /// goes. Called after all have settled, last processors first: those that follow still find the state of those that they
    /// follow. `from` is where it stopped in the commit before; empty at first. A processor that stops must have left nothing that
    /// could be taken for the whole: what others find it by goes first.
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

    /// Erases a conversation: its state, and by tombstones every record of it in this processor's outputs. Called as
    /// [`forget`](Self::forget) is, and by default the same.
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

    /// Forgets an event that has waited in vain ([`Emitter::retract`]), as if it had never come.
    ///
    /// # Errors
    /// As [`flush`](crate::Processor::flush).
    fn retract(&self, _event: &Retracted<'_>, _emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        Ok(())
    }
}

/// Requests to erase: of a conversation, or of all that belongs to a customer.
pub trait HandleErasures {
    /// Takes a request to erase a conversation. The processor that lets events pass lets none of it pass from now on, and lists it
    /// ([`Context::erase`]).
    ///
    /// # Errors
    /// The state cannot be read: give the error on.
    fn asked_to_erase(&self, _conversation: &str, _context: &mut Context<'_>) -> Result<(), ProcessError> {
        Ok(())
    }

    /// Hears of an event that another processor has refused because it, or its conversation, was to be erased. Nothing that it says
    /// may be kept; who it belongs to may.
    ///
    /// # Errors
    /// The state cannot be read: give the error on.
    fn refused(&self, _event: &Event<'_>, _context: &mut Context<'_>) -> Result<(), ProcessError> {
        Ok(())
    }

    /// Looks for what belongs to customers whose erasure was asked for ([`Emitter::is_asked`]), as far as the budget goes, and
    /// sees to it that it is erased ([`Emitter::erase`]). `from` is where it stopped in the commit before; empty at first. What
    /// comes while it looks, or later, is not its concern: each event is compared with the requests when it comes.
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
