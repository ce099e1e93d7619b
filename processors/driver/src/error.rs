//! Why a worker cannot go on, and which states are to be restored anew instead.

use engine::{ProcessError, StoreError, TaskError};

/// The worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DriverError<E> {
    /// The caller's error, which has no remedy. The text says what an operator can do.
    #[error("{0}")]
    Caller(E),
    /// A task cannot go on, and restoring does not help.
    #[error(transparent)]
    Task(TaskError),
    /// The store of a partition cannot be opened, read or written: the medium failed or is full.
    #[error("the state of partition {partition} cannot be used: {source}")]
    Store {
        /// Which partition.
        partition: i32,
        /// What the store says.
        source: StoreError,
    },
    /// The repartition topic ends before what was taken of it. Its changes of windows have no id: read again, they would be
    /// added again.
    #[error("topic {0} ends before what was taken of it")]
    RepartitionLost(String),
}

/// A partition whose state has to be restored anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Which.
    pub partition: i32,
    /// What was found.
    pub cause: String,
}

/// The partition whose state has to be restored anew, if that is the remedy for what a task met.
///
/// # Errors
/// It is not: the disk itself fails or is full, the state is of another form, or the program is wrong. Stop.
pub fn damaged_by<E>(error: TaskError) -> Result<Damaged, DriverError<E>> {
    match error {
        TaskError::StateDamaged { partition, source: ProcessError::Store(source @ StoreError::Io(_)) } => {
            Err(DriverError::Store { partition, source })
        }
        TaskError::StateDamaged { partition, source } => Ok(Damaged { partition, cause: source.to_string() }),
        // Only records that are taken have schemas, and then the worker waits; anywhere else it is a mistake in the program.
        TaskError::UnknownSchema { .. } | TaskError::Abort { .. } | TaskError::Fatal { .. } => {
            Err(DriverError::Task(error))
        }
    }
}
