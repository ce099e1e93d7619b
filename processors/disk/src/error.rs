// SPDX-License-Identifier: Apache-2.0

//! Errors, by remedy.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use engine::StoreError;

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Another process uses it.
    #[error(
        "the state directory {} is in use by another process: stop that one, or give this one a directory of its own",
        directory.display()
    )]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// It cannot be created or written.
    #[error(
        "the state directory {} cannot be written ({source}): give it to the user that runs this, or name another one",
        directory.display()
    )]
    NotWritable {
        /// The directory.
        directory: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It contains files of other programs, which would have to be deleted.
    #[error(
        "{} holds other files and is no state directory: name an empty directory, or one that does not exist",
        directory.display()
    )]
    Foreign {
        /// The directory.
        directory: PathBuf,
    },
    /// The partition's store is already open.
    #[error("the state of partition {partition} is open already: drop its store before it is opened again")]
    PartitionInUse {
        /// The partition.
        partition: i32,
    },
    /// The disk failed or is full.
    #[error("the state directory {} failed ({source}): free space or repair the disk, then start again", directory.display())]
    Io {
        /// The directory.
        directory: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl HomeError {
    /// The meaning of a failure to create or write something in a directory.
    pub(crate) fn of(directory: &Path, source: io::Error) -> Self {
        use io::ErrorKind::{AlreadyExists, NotADirectory, PermissionDenied, ReadOnlyFilesystem};
        let directory = directory.to_owned();
        match source.kind() {
            PermissionDenied | ReadOnlyFilesystem | NotADirectory | AlreadyExists => {
                Self::NotWritable { directory, source }
            }
            _ => Self::Io { directory, source },
        }
    }
}

/// Why a store cannot be used any more. Kept, because each later call returns it again.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    Io(io::ErrorKind, String),
    Corrupt(String),
}

impl Failure {
    /// The system's error, if the disk failed rather than its content is damaged: the disk may recover, and the state may be
    /// intact.
    pub(crate) fn of_disk(&self) -> Option<io::Error> {
        use io::ErrorKind::{InvalidInput, NotFound, UnexpectedEof};
        match self {
            // A missing directory or file is damage, and so are a truncated file and a seek before its beginning.
            Self::Io(NotFound | UnexpectedEof | InvalidInput, _) | Self::Corrupt(_) => None,
            Self::Io(kind, why) => Some(io::Error::new(*kind, why.clone())),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(_, why) | Self::Corrupt(why) => f.write_str(why),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind(), error.to_string())
    }
}

impl From<lsm_tree::Error> for Failure {
    fn from(error: lsm_tree::Error) -> Self {
        match error {
            lsm_tree::Error::Io(error) => error.into(),
            lsm_tree::Error::ChecksumMismatch { .. } => {
                Self::Corrupt("a block does not match its checksum".into())
            }
            other => Self::Corrupt(format!("a table cannot be read: {other:?}")),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        // Only a failure of the disk is reported as such; in all other cases the state is restored.
        match failure.of_disk() {
            Some(error) => Self::Io(error),
            None => Self::Corrupt(failure.to_string()),
        }
    }
}

/// Calls the table library. Its own consistency checks may panic, which counts as damage: it must not end a worker or the
/// keeper.
pub(crate) fn guarded<T>(what: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(what))
        .unwrap_or_else(|_| Err(Failure::Corrupt("the tables contradict themselves".into())))
}
