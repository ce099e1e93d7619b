//! Errors of processors and tasks, by their remedy.

use crate::record::SinkError;
use crate::store::StoreError;

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

/// A task cannot go on. Named by remedy.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Its state cannot be trusted: drop what is staged, wipe the store, restore it from the changelog.
    #[error("the state of partition {partition} is damaged: {source}")]
    StateDamaged {
        /// The task's partition.
        partition: i32,
        /// What was found.
        source: ProcessError,
    },
    /// The records could not be handed to the transaction: abort it, take the records again.
    #[error("the transaction of partition {partition} could not be written: {source}")]
    Abort {
        /// The task's partition.
        partition: i32,
        /// What failed.
        source: ProcessError,
    },
    /// A record was written with a schema that is not known yet: drop what is staged, since the record may have left a part
    /// of its effects there; have the schema learnt; take the records again.
    #[error("a record for partition {partition} was written with a schema that is not known yet, of id {id}")]
    UnknownSchema {
        /// The task's partition.
        partition: i32,
        /// The schema's id.
        id: u32,
    },
    /// The program is wrong: stop.
    #[error("partition {partition}: {source}")]
    Fatal {
        /// The task's partition.
        partition: i32,
        /// What is wrong.
        source: ProcessError,
    },
}
