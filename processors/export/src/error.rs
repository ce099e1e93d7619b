// SPDX-License-Identifier: Apache-2.0

//! What can go wrong, by what helps.

use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

/// Why an export fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory has other files, and no manifest.
    #[error(
        "{} is not empty, and has no export: name an empty directory, or one that does not exist yet",
        dir.display()
    )]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// Another export is running in the directory.
    #[error("another export writes to {}: wait until it has ended", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory has an export of something else.
    #[error("{} has an export {difference}: repeat the flags of that export, or name another directory", dir.display())]
    Differs {
        /// The directory.
        dir: PathBuf,
        /// What differs.
        difference: Difference,
    },
    /// Another version of the program wrote the manifest.
    #[error(
        "{} was written by another version of cx-timelines (format {found}, this version writes {expected}): export to another \
         directory, or remove this one",
        file.display()
    )]
    Format {
        /// The manifest.
        file: PathBuf,
        /// Its format.
        found: u64,
        /// The format of this version.
        expected: u64,
    },
    /// The manifest is no manifest.
    #[error(
        "{} cannot be understood (line {line}): export to another directory, or remove this one",
        file.display()
    )]
    Manifest {
        /// The manifest.
        file: PathBuf,
        /// The line with the mistake.
        line: usize,
    },
    /// A topic was exported with another version of its schema.
    #[error(
        "{} was exported with the columns of {found}, and this version writes {expected}: remove this folder, and the topic is \
         exported again whole",
        folder.display()
    )]
    Schema {
        /// The topic's folder.
        folder: PathBuf,
        /// The schema with its version, as the files have it.
        found: String,
        /// The current one.
        expected: String,
    },
    /// A file of a day cannot be read.
    #[error("{} cannot be read ({source}): remove it, and the topic is exported again whole", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: ParquetError,
    },
    /// A file of a day cannot be written.
    #[error("{} cannot be written", file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: ParquetError,
    },
    /// The system refuses.
    #[error("{} cannot be {what}", path.display())]
    System {
        /// What was tried: created, read, written, locked, removed.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A schema has a type that no column can have.
    #[error("schema {schema}: {problem}")]
    NoTable {
        /// The schema.
        schema: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// What was written to a temporary file is not what is read back.
    #[error("a temporary file in the directory is damaged: check the disk, then run the command again")]
    Temporary,
    /// Columns do not match their schema, which is a mistake of the program.
    #[error("records cannot be made columns")]
    Columns(#[from] arrow_schema::ArrowError),
}

impl Error {
    pub(crate) fn system(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { what, path: path.to_owned(), source }
    }

    /// Whether the command line or the directory is wrong, so that trying again does not help.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NotEmpty { .. }
                | Self::Differs { .. }
                | Self::Format { .. }
                | Self::Manifest { .. }
                | Self::Schema { .. }
        )
    }
}

/// What an export in a directory was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Another cluster.
    Cluster {
        /// The cluster's id in the manifest.
        found: String,
        /// The id of the cluster that answers.
        expected: String,
    },
    /// Another consumer group.
    Group {
        /// The group in the manifest.
        found: String,
        /// The group of this run.
        expected: String,
    },
    /// Another flag.
    Flag {
        /// The flag.
        flag: &'static str,
        /// Its value in the manifest; `None` without the flag.
        found: Option<String>,
    },
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cluster { found, expected } => {
                write!(f, "of the cluster {found}, not of {expected}, which --bootstrap names")
            }
            Self::Group { found, expected } => write!(f, "of the group {found}, not of {expected}"),
            Self::Flag { flag, found: Some(found) } => write!(f, "with {flag} {found}"),
            Self::Flag { flag, found: None } => write!(f, "without {flag}"),
        }
    }
}
