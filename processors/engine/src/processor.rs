//! What a processor is: pure functions from an event and the state to a new state, and from the state to records.

use model::{Event, Home, Reason};

use crate::committed::Committed;
use crate::context::Context;
use crate::emitter::{Emitter, News};
use crate::record::{SinkError, SourceRecord};
use crate::requests::{Retracted, Scope, Slice};
use crate::store::StoreError;

/// What became of an event in a processor.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The state changed.
    Folded,
    /// Known already; nothing changed, and of the processors after this one only those that want to see it.
    Duplicate,
    /// Not of this processor's concern.
    Ignored,
    /// Kept until what it needs is known.
    Held,
    /// Sent to where it belongs, to be taken there; no processor after this one sees it here.
    PassedOn,
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
    /// A look at the state of a processor that is not followed. A programming error; stop.
    #[error("processor {0} is not followed, its state cannot be read")]
    NotFollowed(&'static str),
    /// The state was made with settings that do not go together with those of now. Stop: the operator decides.
    #[error(
        "the state of processor {processor} was made with other settings ({was}) than topics.yaml says now ({is}): set \
         them back, or begin a new --group, which reads all input again"
    )]
    SettingsChanged {
        /// Whose state it is.
        processor: &'static str,
        /// The settings then.
        was: String,
        /// The settings now.
        is: String,
    },
    /// The state was written in a form that this program cannot read. Stop: the operator decides.
    #[error(
        "the changelog holds a state {}, and this program reads and writes form {wanted}. Nothing was changed. Run the program \
         that wrote it; or stop all instances of the group and run `cx-timelines reset`, after which this one reads all input \
         again (docs/upgrade.md, \"When the form of the state changes\")",
        of_form(*.found)
    )]
    OtherForm {
        /// The form that was found; none: of a program that did not write it down yet.
        found: Option<u32>,
        /// The form of this program.
        wanted: u32,
    },
    /// Other processors than now made the state. Stop: the operator decides.
    #[error(
        "the state was made by the processors {was}, and these are {is}: what one of them has not folded cannot be made up for. Run \
         the same --processors with the same topics.yaml again; or begin a new --group, or run `cx-timelines reset`, which both \
         read all input again"
    )]
    ProcessorsChanged {
        /// Those with a state that made it.
        was: String,
        /// Those with a state that run now.
        is: String,
    },
    /// The task has not come as far in its life as what was asked of it takes. A programming error; stop.
    #[error("the task is {0}, and takes no records before its state is restored")]
    NotRunning(&'static str),
    /// A message that no processor of this topology takes. Stop: another version, or other processors, wrote it.
    #[error("a message in the repartition topic cannot be read: {0}; was it written by another version?")]
    UnknownMessage(String),
    /// A record was written with a schema that is not known yet. Remedy: learn it, then take the records again.
    #[error("the schema of id {0} is not known yet")]
    UnknownSchema(u32),
    /// Remedy: abort the transaction.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

fn of_form(found: Option<u32>) -> String {
    found.map_or_else(
        || "that does not say its form, as older versions wrote it".to_owned(),
        |form| format!("of form {form}"),
    )
}

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

    /// Whether it keeps any state. One that keeps none may be added to a state that others made, or be left out: it says what is
    /// new from then on.
    fn keeps_state(&self) -> bool {
        true
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

    /// Hears of an event that another processor has refused because it, or its conversation, was to be erased. Nothing that it says
    /// may be kept; who it belongs to may.
    ///
    /// # Errors
    /// The state cannot be read: give the error on.
    fn refused(&self, _event: &Event<'_>, _context: &mut Context<'_>) -> Result<(), ProcessError> {
        Ok(())
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

    /// Called before [`flush`](Self::flush) in each commit in which things may expire: lets go of what has waited, or
    /// been kept, for too long by the stream time, as far as the budget goes ([`Emitter::has_budget`]). It is called again soon
    /// where that was not far enough.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    fn expire(&self, _now_ms: i64, _emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        Ok(())
    }

    /// The time on the wall at which it has something to do though nothing comes; none: nothing ever. Asked every now and then,
    /// so it is to be found without looking at much.
    ///
    /// # Errors
    /// The state cannot be read: give the error on.
    fn next_due(&self, _state: &Committed<'_>) -> Result<Option<i64>, ProcessError> {
        Ok(None)
    }

    /// Does what is due at this time on the wall, by which all that lay in the input has been taken. Called after
    /// [`flush`](Self::flush), in a commit of which [`next_due`](Self::next_due) was the reason, as far as the budget goes; what
    /// is left stays due.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    fn punctuate(&self, _now_ms: i64, _emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        Ok(())
    }

    /// Forgets all state of a conversation, or of an activity that belongs to none ([`Emitter::forget`]), as far as the budget
    /// goes. Called after all have settled, last processors first: those that follow still find the state of those that they
    /// follow. `from` is where it stopped in the commit before; empty at first. A processor that stops must have left nothing that
    /// could be taken for the whole: what others find it by goes first.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    fn forget(
        &self,
        _scope: &Scope<'_>,
        _from: &[u8],
        _emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        Ok(Slice::Last)
    }

    /// Takes a request to erase a conversation. The processor that lets events pass lets none of it pass from now on, and lists it
    /// ([`Context::erase`]).
    ///
    /// # Errors
    /// The state cannot be read: give the error on.
    fn asked_to_erase(&self, _conversation: &str, _context: &mut Context<'_>) -> Result<(), ProcessError> {
        Ok(())
    }

    /// Looks for what belongs to customers whose erasure was asked for ([`Emitter::is_asked`]), as far as the budget goes, and
    /// sees to it that it is erased ([`Emitter::erase`]). `from` is where it stopped in the commit before; empty at first. What
    /// comes while it looks, or later, is not its concern: each event is compared with the requests when it comes.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    fn look_for_asked(&self, _from: &[u8], _emitter: &mut Emitter<'_>) -> Result<Slice, ProcessError> {
        Ok(Slice::Last)
    }

    /// Erases a conversation: its state, and by tombstones every record of it in this processor's outputs. Called as
    /// [`forget`](Self::forget) is, and by default the same.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
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
    /// As [`flush`](Self::flush).
    fn retract(&self, _event: &Retracted<'_>, _emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        Ok(())
    }

    /// Says what a key's state now is.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    fn emit(&self, _key: &[u8], _emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        Ok(())
    }
}
