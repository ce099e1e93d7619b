// SPDX-License-Identifier: Apache-2.0

//! The instance's name, which its state directory keeps. One process uses it at a time.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, anyhow, bail};

const LOCK: &str = "lock";

/// The instance's name, reserved while the process lives.
pub struct Instance {
    /// The name.
    pub name: String,
    _lock: Option<File>,
}

impl Instance {
    /// Reserves the name in the state directory for this process; without a directory it creates a new name.
    ///
    /// # Errors
    /// The directory cannot be used, or another process uses it.
    pub fn claim(state_dir: Option<&Path>) -> anyhow::Result<Self> {
        let Some(folder) = state_dir else {
            return Ok(Self { name: uuid::Uuid::new_v4().simple().to_string(), _lock: None });
        };
        let unusable = || format!("--state-dir {} cannot be used", folder.display());
        std::fs::create_dir_all(folder).with_context(unusable)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(LOCK))
            .with_context(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let process = match holder(folder) {
                    Ok(Holder::Process(Some(process))) => format!("process {process}"),
                    _ => "another process".to_owned(),
                };
                bail!(
                    "--state-dir {} is in use by {process}: stop it, or give this instance a directory of its own",
                    folder.display()
                )
            }
            Err(TryLockError::Error(error)) => return Err(anyhow!(error).context(unusable())),
        }
        let file = folder.join("instance-id");
        let known = std::fs::read_to_string(&file).unwrap_or_default();
        let known = known.trim();
        let name = if known.is_empty() || !known.chars().all(|c| c.is_ascii_alphanumeric()) {
            let name = uuid::Uuid::new_v4().simple().to_string();
            let mut file = File::create(&file).with_context(unusable)?;
            file.write_all(name.as_bytes()).and_then(|()| file.sync_all()).with_context(unusable)?;
            name
        } else {
            known.to_owned()
        };
        Ok(Self { name, _lock: Some(lock) })
    }
}

/// The user of a state directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// No process.
    Free,
    /// A process; its id is not always known.
    Process(Option<u32>),
}

/// Finds the user of a state directory, without changing it.
///
/// # Errors
/// The lock cannot be read.
pub fn holder(folder: &Path) -> std::io::Result<Holder> {
    let lock = match File::open(folder.join(LOCK)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Holder::Free),
        lock => lock?,
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(Holder::Free),
        Err(TryLockError::Error(error)) => Err(error),
        Err(TryLockError::WouldBlock) => {
            let inode = lock.metadata()?.ino();
            let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
            Ok(Holder::Process(holder_in(&locks, inode)))
        }
    }
}

/// The process that holds the lock of this file in the kernel's list: number, kind, type, access, process, device and inode. A
/// process in another container has no id here.
fn holder_in(locks: &str, inode: u64) -> Option<u32> {
    let suffix = format!(":{inode}");
    let fields = locks.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let mut held = fields.filter_map(|fields| match fields.as_slice() {
        [_, "FLOCK", _, "WRITE", process, file, ..] if file.ends_with(&suffix) => process.parse().ok(),
        _ => None,
    });
    held.find(|process| *process > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_keeps_its_name_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let first = Instance::claim(Some(folder.path())).unwrap().name;
        assert_eq!(Instance::claim(Some(folder.path())).unwrap().name, first);
    }

    #[test]
    fn a_state_directory_belongs_to_one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let _held = Instance::claim(Some(folder.path())).unwrap();
        let error = Instance::claim(Some(folder.path())).err().unwrap();
        assert!(error.to_string().contains("in use"), "{error}");
    }

    #[test]
    fn a_state_directory_that_is_a_file_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Instance::claim(Some(file.path())).is_err());
    }

    #[test]
    fn who_uses_a_state_directory_is_told_without_taking_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(holder(folder.path()).unwrap(), Holder::Free);
        let held = Instance::claim(Some(folder.path())).unwrap();
        assert!(matches!(holder(folder.path()).unwrap(), Holder::Process(_)));
        drop(held);
        assert_eq!(holder(folder.path()).unwrap(), Holder::Free);
        assert!(Instance::claim(Some(folder.path())).is_ok());
    }

    #[test]
    fn the_process_is_that_of_the_locked_file_alone() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 fd:01:70 0 EOF\n2: FLOCK  ADVISORY  WRITE 12 fd:01:7 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 13 fd:01:70 0 EOF\n4: -> FLOCK  ADVISORY  WRITE 14 fd:01:70 0 EOF\n";
        assert_eq!(holder_in(locks, 70), Some(13));
        assert_eq!(holder_in(locks, 71), None);
        assert_eq!(holder_in("1: FLOCK  ADVISORY  WRITE 0 fd:01:70 0 EOF\n", 70), None);
    }
}
