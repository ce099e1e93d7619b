// SPDX-License-Identifier: Apache-2.0

//! The partitions of a state directory in use, and the deletion of unused ones: text erased elsewhere would never be removed
//! from a partition that moved to another process.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use crate::error::HomeError;
use crate::layout::{self, GONE, partitions, remove};
use crate::shelf::Shelf;

/// A partition's tables while in use, and whether by a store.
#[derive(Default)]
struct Entry {
    shelf: Weak<Shelf>,
    is_open: bool,
    closed_at: Option<SystemTime>,
}

/// The partitions of a directory.
pub(crate) struct Register {
    directory: PathBuf,
    entries: Mutex<BTreeMap<i32, Entry>>,
    open: AtomicUsize,
}

impl Register {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), entries: Mutex::default(), open: AtomicUsize::new(0) }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<i32, Entry>> {
        // Nothing that can panic runs under this lock.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn partition_directory(&self, partition: i32) -> PathBuf {
        layout::partition_directory(&self.directory, partition)
    }

    /// The number of open stores, at least 1.
    pub(crate) fn open_stores(&self) -> usize {
        self.open.load(Ordering::Relaxed).max(1)
    }

    /// Reserves a partition for one user.
    pub(crate) fn reserve(&self, partition: i32) -> Result<(), HomeError> {
        let mut entries = self.entries();
        let entry = entries.entry(partition).or_default();
        if entry.is_open {
            return Err(HomeError::PartitionInUse { partition });
        }
        entry.is_open = true;
        self.open.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn close(&self, partition: i32) {
        if let Some(entry) = self.entries().get_mut(&partition) {
            entry.is_open = false;
            entry.closed_at = Some(SystemTime::now());
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn note(&self, partition: i32, shelf: &Arc<Shelf>) {
        if let Some(entry) = self.entries().get_mut(&partition) {
            entry.shelf = Arc::downgrade(shelf);
        }
    }

    /// The tables that are still in use.
    pub(crate) fn shelf(&self, partition: i32) -> Option<Arc<Shelf>> {
        self.entries().get(&partition).and_then(|entry| entry.shelf.upgrade())
    }

    /// Deletes the partitions that were unused for this time; returns their number.
    pub(crate) fn sweep(&self, unused_for: Duration) -> io::Result<usize> {
        self.delete_rest()?;
        let mut swept = 0;
        for partition in partitions(&self.directory)? {
            let folder = self.partition_directory(partition);
            // The file system's clock and ours belong to one machine; a time in the future counts as just used.
            let unused = newest(&folder)?.elapsed().unwrap_or_default();
            if unused >= unused_for && self.set_aside(partition, &folder, unused_for)? {
                swept += 1;
            }
        }
        self.delete_rest()?;
        Ok(swept)
    }

    /// Renames a partition's directory, so that it can be deleted while the partition is opened again.
    fn set_aside(&self, partition: i32, folder: &Path, unused_for: Duration) -> io::Result<bool> {
        let mut entries = self.entries();
        let is_used = entries.get(&partition).is_some_and(|entry| {
            let closed = entry.closed_at.map(|at| at.elapsed().unwrap_or_default());
            entry.is_open
                || entry.shelf.strong_count() > 0
                || closed.is_some_and(|closed| closed < unused_for)
        });
        if is_used {
            return Ok(false);
        }
        fs::rename(folder, self.directory.join(format!("{GONE}{partition}")))?;
        entries.remove(&partition);
        Ok(true)
    }

    /// Deletes renamed directories, also those of an earlier process.
    pub(crate) fn delete_rest(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(GONE)) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// When a file below a directory was last written.
fn newest(folder: &Path) -> io::Result<SystemTime> {
    let mut newest = fs::metadata(folder)?.modified()?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let modified = if entry.file_type()?.is_dir() {
            newest_below(&entry.path())?
        } else {
            entry.metadata()?.modified()?
        };
        newest = newest.max(modified);
    }
    Ok(newest)
}

/// Like [`newest`], for a state: its own files, and the directory of its tables.
fn newest_below(folder: &Path) -> io::Result<SystemTime> {
    let mut newest = fs::metadata(folder)?.modified()?;
    for entry in fs::read_dir(folder)? {
        newest = newest.max(entry?.metadata()?.modified()?);
    }
    Ok(newest)
}
