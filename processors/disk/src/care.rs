// SPDX-License-Identifier: Apache-2.0

//! State directories for commands: inspecting them, and deleting them.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::error::HomeError;
use crate::layout::{LOCK, partition_directory, partitions, refuse_foreign, remove};
use crate::register::Register;
use crate::stamp::{self, Stamp, Stamped};

/// Whether a partition's state can be used with a stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateCheck {
    /// It can be used.
    Usable,
    /// It will be discarded and restored completely.
    Unusable {
        /// The fact of the stamp that differs; `None` when the stamp is missing, damaged or foreign.
        fact: Option<String>,
        /// The reason, as a sentence about "it".
        why: String,
    },
}

/// Inspects the partitions of a state directory without changes; empty if the directory does not exist.
///
/// # Errors
/// It contains other files, or cannot be read.
pub fn look(directory: &Path, stamp: &Stamp) -> Result<BTreeMap<i32, StateCheck>, HomeError> {
    let fails = |source| HomeError::of(directory, source);
    let partitions = match partitions(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        partitions => partitions.map_err(fails)?,
    };
    refuse_foreign(directory)?;
    let kept = |partition: i32| {
        let folder = partition_directory(directory, partition);
        let kept = match stamp::read(&folder, stamp).map_err(fails)? {
            Stamped::Ours(_) => StateCheck::Usable,
            Stamped::Nothing => StateCheck::Unusable { fact: None, why: "its stamp is missing".to_owned() },
            Stamped::NotOurs(fact, why) => StateCheck::Unusable { fact, why },
        };
        Ok((partition, kept))
    };
    partitions.into_iter().map(kept).collect()
}

/// Deletes the state of all partitions, under the directory's lock; returns their number.
///
/// # Errors
/// Another process uses the directory, it contains other files, or the disk fails.
pub fn wipe(directory: &Path) -> Result<usize, HomeError> {
    let fails = |source| HomeError::of(directory, source);
    let lock = match File::options().write(true).open(directory.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        lock => lock.map_err(fails)?,
    };
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => HomeError::InUse { directory: directory.to_owned() },
        TryLockError::Error(source) => fails(source),
    })?;
    refuse_foreign(directory)?;
    let partitions = partitions(directory).map_err(fails)?;
    Register::new(directory).delete_rest().map_err(fails)?;
    for partition in &partitions {
        remove(&partition_directory(directory, *partition)).map_err(fails)?;
    }
    Ok(partitions.len())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{Budget, Home};

    fn stamp(cluster: &str) -> Stamp {
        Stamp::default().with("cluster", cluster).with("format", 1)
    }

    fn used(directory: &Path) {
        let home = Home::open(directory, Budget::default()).unwrap();
        drop(home.store(3, &stamp("a")).unwrap());
    }

    #[test]
    fn a_state_is_usable_for_its_own_stamp_and_names_the_fact_that_differs() {
        let directory = tempfile::tempdir().unwrap();
        used(directory.path());
        assert_eq!(look(directory.path(), &stamp("a")).unwrap(), BTreeMap::from([(3, StateCheck::Usable)]));
        let other = look(directory.path(), &stamp("b")).unwrap();
        let expected = StateCheck::Unusable {
            fact: Some("cluster".to_owned()),
            why: "its cluster was a and is now b".to_owned(),
        };
        assert_eq!(other, BTreeMap::from([(3, expected)]));
    }

    #[test]
    fn a_state_that_was_wiped_is_gone_and_the_directory_can_be_used_again() {
        let directory = tempfile::tempdir().unwrap();
        used(directory.path());
        assert_eq!(wipe(directory.path()).unwrap(), 1);
        assert!(look(directory.path(), &stamp("a")).unwrap().is_empty());
        used(directory.path());
        assert_eq!(look(directory.path(), &stamp("a")).unwrap().len(), 1);
    }

    #[test]
    fn a_directory_in_use_is_not_wiped() {
        let directory = tempfile::tempdir().unwrap();
        used(directory.path());
        let held = Home::open(directory.path(), Budget::default()).unwrap();
        assert!(matches!(wipe(directory.path()), Err(HomeError::InUse { .. })));
        drop(held);
        assert_eq!(look(directory.path(), &stamp("a")).unwrap().len(), 1);
    }

    #[test]
    fn what_is_not_ours_is_neither_looked_at_nor_wiped_and_what_is_not_there_is_empty() {
        let directory = tempfile::tempdir().unwrap();
        let nowhere = directory.path().join("nowhere");
        assert!(look(&nowhere, &stamp("a")).unwrap().is_empty());
        assert_eq!(wipe(&nowhere).unwrap(), 0);
        fs::write(directory.path().join("thesis.txt"), "precious").unwrap();
        fs::write(directory.path().join(LOCK), "").unwrap();
        assert!(matches!(look(directory.path(), &stamp("a")), Err(HomeError::Foreign { .. })));
        assert!(matches!(wipe(directory.path()), Err(HomeError::Foreign { .. })));
    }
}
