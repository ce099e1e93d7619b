//! Which partitions of a state directory are in use, and an end to those that have not been for long: of a partition that moved
//! to another process nobody would ever remove what is erased there.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use crate::care::partitions;
use crate::error::HomeError;
use crate::home::{PARTITION, remove};
use crate::shelf::Shelf;

/// What the names of directories begin with that are being deleted.
const GONE: &str = "gone-";

/// A partition's tables, as long as anybody uses them, and whether that is a store.
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
        self.directory.join(format!("{PARTITION}{partition}"))
    }

    /// How many stores are open, and 1 where none is.
    pub(crate) fn open_stores(&self) -> usize {
        self.open.load(Ordering::Relaxed).max(1)
    }

    /// Opens a partition, for one at a time.
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

    /// The tables that somebody still has in his hands.
    pub(crate) fn shelf(&self, partition: i32) -> Option<Arc<Shelf>> {
        self.entries().get(&partition).and_then(|entry| entry.shelf.upgrade())
    }

    /// Deletes the partitions that nothing has used for so long; gives how many.
    pub(crate) fn sweep(&self, unused_for: Duration) -> io::Result<usize> {
        self.delete_rest()?;
        let mut swept = 0;
        for partition in partitions(&self.directory)? {
            let folder = self.partition_directory(partition);
            // The file system's clock and ours are one machine's; what seems to be of the future was just used.
            let unused = newest(&folder)?.elapsed().unwrap_or_default();
            if unused >= unused_for && self.set_aside(partition, &folder, unused_for)? {
                swept += 1;
            }
        }
        self.delete_rest()?;
        Ok(swept)
    }

    /// Takes a partition's directory away, so that it can be deleted while the partition is opened again.
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

    /// Deletes what was set aside, by whatever life of the process.
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

/// When anything under a directory was last written.
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

/// The same, of a state: its own files, and the directory of its tables.
fn newest_below(folder: &Path) -> io::Result<SystemTime> {
    let mut newest = fs::metadata(folder)?.modified()?;
    for entry in fs::read_dir(folder)? {
        newest = newest.max(entry?.metadata()?.modified()?);
    }
    Ok(newest)
}
