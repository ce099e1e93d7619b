// SPDX-License-Identifier: Apache-2.0

//! The files of a state directory: their names, and what may be deleted.
//!
//! ```text
//! cx-timelines-state      marks the directory as ours
//! lock                    held by the process that owns it
//! partition-3/            a partition: its stamp, when it was purged, and its states
//!   state-7/              a state: the tables
//! gone-3/                 a partition that is being deleted
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::HomeError;

/// The file that marks a directory as ours, so that its content may be deleted.
const MARK: &str = "cx-timelines-state";
pub(crate) const LOCK: &str = "lock";
/// The prefix of partitions' directories.
const PARTITION: &str = "partition-";
/// The prefix of directories that are being deleted.
pub(crate) const GONE: &str = "gone-";
/// The prefix of states' directories.
const GENERATION: &str = "state-";

/// The directory of a partition.
pub(crate) fn partition_directory(directory: &Path, partition: i32) -> PathBuf {
    directory.join(format!("{PARTITION}{partition}"))
}

/// The partitions with a directory, in order.
pub(crate) fn partitions(directory: &Path) -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let number: Option<i32> = name.to_str().and_then(|name| name.strip_prefix(PARTITION)?.parse().ok());
        found.extend(number);
    }
    found.sort_unstable();
    Ok(found)
}

/// The directory of a state.
pub(crate) fn generation_directory(partition_directory: &Path, generation: u64) -> PathBuf {
    partition_directory.join(format!("{GENERATION}{generation}"))
}

/// The states with a directory, referenced or not.
pub(crate) fn generations(partition_directory: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(partition_directory)? {
        let name = entry?.file_name();
        let number: Option<u64> = name.to_str().and_then(|name| name.strip_prefix(GENERATION)?.parse().ok());
        found.extend(number);
    }
    Ok(found)
}

/// Marks a directory as ours. A directory with other files and no mark is not touched.
pub(crate) fn mark(directory: &Path) -> Result<(), HomeError> {
    let fails = |source| HomeError::of(directory, source);
    let mark = directory.join(MARK);
    if mark.try_exists().map_err(fails)? {
        return Ok(());
    }
    refuse_foreign(directory)?;
    fs::write(
        mark,
        "State of cx-timelines, a cache of its changelog topics. It may be deleted while nothing runs.\n",
    )
    .map_err(fails)
}

/// Refuses a directory without our mark, unless it is empty.
pub(crate) fn refuse_foreign(directory: &Path) -> Result<(), HomeError> {
    let fails = |source| HomeError::of(directory, source);
    if directory.join(MARK).try_exists().map_err(fails)? {
        return Ok(());
    }
    for entry in fs::read_dir(directory).map_err(fails)? {
        if entry.map_err(fails)?.file_name() != LOCK {
            return Err(HomeError::Foreign { directory: directory.to_owned() });
        }
    }
    Ok(())
}

/// Deletes a directory, which its last user may be deleting too.
pub(crate) fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
