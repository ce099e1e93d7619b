// SPDX-License-Identifier: Apache-2.0

//! Why a worker stops, and which states are restored instead.

use engine::{ProcessError, StoreError, TaskError};

/// Why a worker stops.
#[derive(Debug, thiserror::Error)]
pub enum DriverError<E> {
    /// The caller's error, which has no remedy. Its text says what an operator can do.
    #[error("{0}")]
    Caller(E),
    /// A task failed, and a restore does not help.
    #[error(transparent)]
    Task(TaskError),
    /// The store of a partition cannot be opened, read or written: the disk failed or is full.
    #[error("the state of partition {partition} cannot be used: {source}")]
    Store {
        /// The partition.
        partition: i32,
        /// The store's error.
        source: StoreError,
    },
    /// The repartition topic ends before the committed position. Its window changes carry no id: reading them again would add
    /// them twice.
    #[error("topic {0} ends before what was taken of it")]
    RepartitionLost(String),
}

/// A partition whose state has to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// The partition.
    pub partition: i32,
    /// The cause.
    pub cause: String,
}

/// Maps a task's error to the partition to restore, if that is the remedy.
///
/// # Errors
/// The disk failed or is full, the state has another format, or the program is wrong. Stop.
pub fn damaged_by<E>(error: TaskError) -> Result<Damaged, DriverError<E>> {
    match error {
        TaskError::StateDamaged { partition, source: ProcessError::Store(source @ StoreError::Io(_)) } => {
            Err(DriverError::Store { partition, source })
        }
        TaskError::StateDamaged { partition, source } => Ok(Damaged { partition, cause: source.to_string() }),
        // Only a polled record carries a schema, and an unknown one makes the task wait. Anywhere else it is a defect.
        TaskError::UnknownSchema { .. } | TaskError::Abort { .. } | TaskError::Fatal { .. } => {
            Err(DriverError::Task(error))
        }
    }
}
