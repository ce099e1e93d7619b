// SPDX-License-Identifier: Apache-2.0

//! Errors of processors and tasks, grouped by remedy.

use crate::record::SinkError;
use crate::store::StoreError;

/// A processor failed. The record is not the cause, so it does not become a dead letter.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// Remedy: wipe the store and restore it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state cannot be parsed. Remedy: wipe the store and restore it.
    #[error("processor {processor} cannot read its state of {key:?}: {problem}")]
    Corrupt {
        /// The processor that owns the state.
        processor: &'static str,
        /// The key, lossily as text.
        key: String,
        /// The problem.
        problem: String,
    },
    /// A record for an output that topics.yaml does not have. Programming error: stop.
    #[error("processor emits to its output {0}, which it does not have")]
    UndeclaredOutput(usize),
    /// A read of the state of a processor that is not upstream. Programming error: stop.
    #[error("processor {0} is not followed, its state cannot be read")]
    NotFollowed(&'static str),
    /// The state was made with settings that are incompatible with the current ones. Stop: the operator decides.
    #[error(
        "the state of processor {processor} was made with other settings ({was}) than topics.yaml says now ({is}): set \
         them back, or begin a new --group, which reads all input again"
    )]
    SettingsChanged {
        /// The processor that owns the state.
        processor: &'static str,
        /// The settings of the state.
        was: String,
        /// The current settings.
        is: String,
    },
    /// The state has a format that this version cannot read. Stop: the operator decides.
    #[error(
        "the changelog holds a state {}, and this program reads and writes form {wanted}. Nothing was changed. Run the program \
         that wrote it; or stop all instances of the group and run `cx-timelines reset`, after which this one reads all input \
         again (docs/upgrade.md, \"When the form of the state changes\")",
        of_form(*.found)
    )]
    OtherForm {
        /// The format of the state; `None` if its version did not store it.
        found: Option<u32>,
        /// The format of this version.
        wanted: u32,
    },
    /// The state was made by other processors. Stop: the operator decides.
    #[error(
        "the state was made by the processors {was}, and these are {is}: what one of them has not folded cannot be made up for. Run \
         the same --processors with the same topics.yaml again; or begin a new --group, or run `cx-timelines reset`, which both \
         read all input again"
    )]
    ProcessorsChanged {
        /// The processors with state that made it.
        was: String,
        /// The current processors with state.
        is: String,
    },
    /// The task is in the wrong phase for the call. Programming error: stop.
    #[error("the task is {0}, and takes no records before its state is restored")]
    NotRunning(&'static str),
    /// A message for no processor of this topology. Stop: another version, or other processors, wrote it.
    #[error("a message in the repartition topic cannot be read: {0}; was it written by another version?")]
    UnknownMessage(String),
    /// A record has a schema that is not known yet. Remedy: fetch the schema, then take the records again.
    #[error("the schema of id {0} is not known yet")]
    UnknownSchema(u32),
    /// The sink failed. Remedy: abort the transaction.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

fn of_form(found: Option<u32>) -> String {
    found.map_or_else(
        || "that does not say its form, as older versions wrote it".to_owned(),
        |form| format!("of form {form}"),
    )
}

/// A task cannot continue. The variants are named by remedy.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The state is not reliable: drop what is staged, wipe the store, restore it from the changelog.
    #[error("the state of partition {partition} is damaged: {source}")]
    StateDamaged {
        /// The task's partition.
        partition: i32,
        /// The cause.
        source: ProcessError,
    },
    /// The transaction did not take the records: abort it and take the records again.
    #[error("the transaction of partition {partition} could not be written: {source}")]
    Abort {
        /// The task's partition.
        partition: i32,
        /// The cause.
        source: ProcessError,
    },
    /// A record has a schema that is not known yet: drop what is staged, because the record may have staged a part of its
    /// effects; fetch the schema; take the records again.
    #[error("a record for partition {partition} was written with a schema that is not known yet, of id {id}")]
    UnknownSchema {
        /// The task's partition.
        partition: i32,
        /// The schema's id.
        id: u32,
    },
    /// A programming error: stop.
    #[error("partition {partition}: {source}")]
    Fatal {
        /// The task's partition.
        partition: i32,
        /// The cause.
        source: ProcessError,
    },
}
