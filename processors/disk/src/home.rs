//! The state directory of a process.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lsm_tree::{Cache, DescriptorTable};

use crate::care::refuse_foreign;
use crate::error::{Failure, HomeError};
use crate::keeper::Keeper;
use crate::meta::{self, Meta};
use crate::purge::Record;
use crate::register::Register;
use crate::shelf::Shelf;
use crate::stamp::{self, Stamp, Stamped};
use crate::store::DiskStore;
use crate::tables::{Shared, Tables};

/// The file that marks a directory as ours, so that its content may be deleted.
pub(crate) const MARK: &str = "cx-timelines-state";
pub(crate) const LOCK: &str = "lock";
/// The prefix of partitions' directories.
pub(crate) const PARTITION: &str = "partition-";
const LEAST_MEMORY: u64 = 32 * 1024 * 1024;
/// The memory for writing and merging, independent of the state's size.
const WORK_BYTES: u64 = 16 * 1024 * 1024;
const LEAST_BUFFER: usize = 64 * 1024;
const OPEN_FILES: usize = 256;

/// The memory limit of a process's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Memory for all partitions: 16 MiB for work, and about half of the rest each for cached tables and for changes that are
    /// not written yet. Values below 32 MiB count as 32 MiB.
    pub memory_bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { memory_bytes: 64 * 1024 * 1024 }
    }
}

/// What was found when a store was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenedState {
    /// No state.
    Nothing,
    /// A state up to this changelog offset, exclusive.
    State {
        /// The changelog offset to continue from.
        changelog_offset: i64,
    },
    /// A state that could not be used and was discarded. The store is empty.
    Discarded {
        /// The reason, as a sentence about "it".
        why: String,
    },
}

/// A directory that this process owns, with a store for each partition. Clones share it.
#[derive(Clone)]
pub struct Home(Arc<HomeInner>);

pub(crate) struct HomeInner {
    pub(crate) register: Arc<Register>,
    shared: Shared,
    buffers: usize,
    recent: usize,
    // The keeper ends before the lock is released: fields are dropped in this order.
    pub(crate) keeper: Keeper,
    _lock: File,
}

impl Home {
    /// Takes ownership of a directory, which is created if it does not exist.
    ///
    /// # Errors
    /// Another process owns it, it cannot be written, it is no state directory, or the disk fails.
    pub fn open(directory: &Path, budget: Budget) -> Result<Self, HomeError> {
        let fails = |source| HomeError::of(directory, source);
        fs::create_dir_all(directory).map_err(fails)?;
        // Lock first: files that another process is writing must not be judged.
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(directory.join(LOCK))
            .map_err(fails)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => HomeError::InUse { directory: directory.to_owned() },
            TryLockError::Error(source) => fails(source),
        })?;
        mark(directory)?;
        // In tenths: four for buffers, three for blocks, two for values; one for memory that the allocator cannot return.
        let tenth = (budget.memory_bytes.max(LEAST_MEMORY) - WORK_BYTES) / 10;
        let tenths = |count| usize::try_from(tenth * count).unwrap_or(usize::MAX);
        let shared = Shared {
            cache: Arc::new(Cache::with_capacity_bytes(tenth * 3)),
            files: Arc::new(DescriptorTable::new(OPEN_FILES)),
            is_stopping: Arc::default(),
        };
        let register = Arc::new(Register::new(directory));
        Ok(Self(Arc::new(HomeInner {
            keeper: Keeper::start(&register, &shared.is_stopping).map_err(fails)?,
            register,
            shared,
            buffers: tenths(4),
            recent: tenths(2),
            _lock: lock,
        })))
    }

    /// Opens a partition's store, and returns what was found. State that does not match the stamp or cannot be read is
    /// discarded.
    ///
    /// # Errors
    /// The store is already open, or the disk fails.
    pub fn store(&self, partition: i32, stamp: &Stamp) -> Result<(DiskStore, OpenedState), HomeError> {
        self.store_within(partition, stamp, Duration::MAX)
    }

    /// Like [`store`](Self::store), and also discards state older than `age_max`: the changelog keeps tombstones for a limited
    /// time, so an older state would miss them.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub fn store_within(
        &self,
        partition: i32,
        stamp: &Stamp,
        age_max: Duration,
    ) -> Result<(DiskStore, OpenedState), HomeError> {
        let home = &self.0;
        home.register.reserve(partition)?;
        let opened = home.open_partition(partition, stamp, age_max);
        let (shelf, meta, found) = opened.inspect_err(|_| home.register.close(partition))?;
        home.register.note(partition, &shelf);
        Ok((DiskStore::new(Arc::clone(home), partition, stamp.clone(), shelf, meta), found))
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.0.register.directory()
    }

    /// Deletes partitions that were unused for this time, and returns their number. The keeper does the same for those unused
    /// for half a day.
    ///
    /// # Errors
    /// The disk fails.
    pub fn sweep(&self, unused_for: Duration) -> Result<usize, HomeError> {
        self.0.register.sweep(unused_for).map_err(|source| self.0.fails(source))
    }

    /// Bytes in the block cache. The stores' buffers and caches of values come on top, within the limit.
    #[must_use]
    pub fn cache_bytes(&self) -> u64 {
        self.0.shared.cache.size()
    }
}

impl HomeInner {
    /// The maximum size of a store's buffer. A store's share is two of them, the fresh and the resting one.
    pub(crate) fn buffer_bytes(&self) -> usize {
        (self.buffers / self.register.open_stores() / 2).max(LEAST_BUFFER)
    }

    /// The maximum size of a store's cache of values.
    pub(crate) fn recent_bytes(&self) -> usize {
        self.recent / self.register.open_stores()
    }

    fn open_partition(
        &self,
        partition: i32,
        stamp: &Stamp,
        age_max: Duration,
    ) -> Result<(Arc<Shelf>, Meta, OpenedState), HomeError> {
        let directory = self.register.partition_directory(partition);
        fs::create_dir_all(&directory).map_err(|source| self.fails(source))?;
        let generation = match stamp::read(&directory, stamp).map_err(|source| self.fails(source))? {
            Stamped::Ours(generation) => {
                // A kill may have left a discarded state, which may contain text erased since.
                let states = generations(&directory).map_err(|source| self.fails(source))?;
                self.remove_former(partition, &states, generation).map_err(|source| self.fails(source))?;
                generation
            }
            Stamped::Nothing if generations(&directory).map_err(|source| self.fails(source))?.is_empty() => {
                return Ok((self.begin_anew(partition, stamp, 0)?, Meta::default(), OpenedState::Nothing));
            }
            Stamped::Nothing => return self.discard(partition, stamp, 0, "its stamp is missing".to_owned()),
            Stamped::NotOurs(_, why) => return self.discard(partition, stamp, 0, why),
        };
        match self.read_partition(partition, generation) {
            Ok((shelf, None)) => Ok((shelf, Meta::default(), OpenedState::Nothing)),
            Ok((shelf, Some(meta))) if meta.age() > age_max => {
                shelf.discard();
                let (hours, most) = (meta.age().as_secs() / 3600, age_max.as_secs() / 3600);
                let why = format!(
                    "it was brought on {hours} hours ago; after {most} the changelog may have forgotten what was removed"
                );
                self.discard(partition, stamp, generation, why)
            }
            Ok((shelf, Some(meta))) => match meta.changelog_offset {
                Some(changelog_offset) => Ok((shelf, meta, OpenedState::State { changelog_offset })),
                None => {
                    shelf.discard();
                    let why = "it does not know how far in its changelog it is".to_owned();
                    self.discard(partition, stamp, generation, why)
                }
            },
            Err(failure) => match failure.of_disk() {
                Some(source) => Err(self.fails(source)),
                None => self.discard(partition, stamp, generation, failure.to_string()),
            },
        }
    }

    /// A partition's tables: those that the keeper still uses, or those on disk.
    fn read_partition(&self, partition: i32, generation: u64) -> Result<(Arc<Shelf>, Option<Meta>), Failure> {
        let in_use = self.register.shelf(partition);
        let same = |shelf: &Arc<Shelf>| shelf.generation == generation && !shelf.is_discarded();
        let shelf = match in_use.filter(same) {
            Some(shelf) => match shelf.failure() {
                None => shelf,
                Some(failure) => {
                    shelf.discard();
                    return Err(Failure::Corrupt(failure.to_string()));
                }
            },
            None => Arc::new(self.shelf(partition, generation, Tables::open)?),
        };
        let meta = shelf.tables.meta()?;
        Ok((shelf, meta))
    }

    fn discard(
        &self,
        partition: i32,
        stamp: &Stamp,
        generation: u64,
        why: String,
    ) -> Result<(Arc<Shelf>, Meta, OpenedState), HomeError> {
        let shelf = self.begin_anew(partition, stamp, generation)?;
        Ok((shelf, Meta::default(), OpenedState::Discarded { why }))
    }

    /// Creates an empty state for a partition in an unused directory, and deletes its unused former states.
    pub(crate) fn begin_anew(
        &self,
        partition: i32,
        stamp: &Stamp,
        generation: u64,
    ) -> Result<Arc<Shelf>, HomeError> {
        let directory = self.register.partition_directory(partition);
        let begin = || -> Result<Arc<Shelf>, Failure> {
            let before = generations(&directory)?;
            let generation = before.iter().copied().max().unwrap_or(0).max(generation) + 1;
            // An empty state needs no purge.
            Record { purged_ms: meta::now_ms(), wished_ms: 0 }.write(&directory, generation)?;
            // Tables before the stamp, which never refers to missing tables.
            let shelf = Arc::new(self.shelf(partition, generation, Tables::create)?);
            stamp::write(&directory, generation, stamp)?;
            self.remove_former(partition, &before, generation)?;
            Ok(shelf)
        };
        let shelf = begin().map_err(|failure| match failure {
            Failure::Io(kind, why) => self.fails(io::Error::new(kind, why)),
            Failure::Corrupt(why) => self.fails(io::Error::other(why)),
        })?;
        self.register.note(partition, &shelf);
        Ok(shelf)
    }

    /// Deletes unused former states of a partition.
    fn remove_former(&self, partition: i32, states: &[u64], current: u64) -> io::Result<()> {
        let in_use = self.register.shelf(partition);
        let is_former = |state: &&u64| {
            **state != current && in_use.as_ref().is_none_or(|shelf| shelf.generation != **state)
        };
        let directory = self.register.partition_directory(partition);
        states.iter().filter(is_former).try_for_each(|state| remove(&directory.join(generation_name(*state))))
    }

    fn shelf(
        &self,
        partition: i32,
        generation: u64,
        tables: impl FnOnce(&Path, &Shared) -> Result<Tables, Failure>,
    ) -> Result<Shelf, Failure> {
        let directory = self.register.partition_directory(partition).join(generation_name(generation));
        let tables = tables(&directory, &self.shared)?;
        let purges = Record::read(&self.register.partition_directory(partition), generation);
        Ok(Shelf::new(tables, generation, directory, purges))
    }

    fn fails(&self, source: io::Error) -> HomeError {
        HomeError::of(self.register.directory(), source)
    }
}

/// Marks a directory as ours. A directory with other files and no mark is not touched.
fn mark(directory: &Path) -> Result<(), HomeError> {
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

/// Deletes a directory, which its last user may be deleting too.
pub(crate) fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn generation_name(generation: u64) -> String {
    format!("state-{generation}")
}

/// The states with a directory, referenced or not.
fn generations(directory: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let number: Option<u64> = name.to_str().and_then(|name| name.strip_prefix("state-")?.parse().ok());
        found.extend(number);
    }
    Ok(found)
}
