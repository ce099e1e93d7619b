// SPDX-License-Identifier: Apache-2.0

//! A state directory that this process owns: its lock, the memory of its stores, and the states of its partitions.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lsm_tree::{Cache, DescriptorTable};

use crate::counts::Counts;
use crate::error::{Failure, HomeError};
use crate::hashed::Seed;
use crate::keeper::Keeper;
use crate::layout::{LOCK, generation_directory, generations, mark, remove};
use crate::meta::{self, Meta};
use crate::purge::Record;
use crate::register::Register;
use crate::shares::Shares;
use crate::shelf::Shelf;
use crate::stamp::{self, Stamp, Stamped};
use crate::tables::{Shared, Tables};

const OPEN_FILES: usize = 256;

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

/// The directory, its partitions and its threads.
pub(crate) struct Directory {
    pub(crate) register: Arc<Register>,
    shared: Shared,
    shares: Shares,
    // The keeper ends before the lock is released: fields are dropped in this order.
    pub(crate) keeper: Keeper,
    _lock: File,
}

impl Directory {
    /// Takes ownership of a directory, which is created if it does not exist.
    pub(crate) fn open(directory: &Path, shares: Shares) -> Result<Self, HomeError> {
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
        let shared = Shared {
            cache: Arc::new(Cache::with_capacity_bytes(shares.blocks)),
            files: Arc::new(DescriptorTable::new(OPEN_FILES)),
            is_stopping: Arc::default(),
            counters: Arc::default(),
            seed: Seed::default(),
        };
        let register = Arc::new(Register::new(directory));
        Ok(Self {
            keeper: Keeper::start(&register, &shared.is_stopping).map_err(fails)?,
            register,
            shared,
            shares,
            _lock: lock,
        })
    }

    /// Bytes in the block cache.
    pub(crate) fn cache_bytes(&self) -> u64 {
        self.shared.cache.size()
    }

    /// What reached the tables.
    pub(crate) fn counts(&self) -> Counts {
        self.shared.counters.counts()
    }

    /// The seed of the hashes of keys.
    pub(crate) fn seed(&self) -> Seed {
        self.shared.seed
    }

    /// What each open store may take of the memory.
    pub(crate) fn shares(&self) -> Shares {
        self.shares.among(self.register.open_stores())
    }

    /// Has a filter built of a store's tables, if they have none or have outgrown it.
    pub(crate) fn tend_filter(&self, shelf: &Arc<Shelf>, meta: &Meta) {
        let most_bytes = self.shares().filter;
        let records = u64::try_from(meta.totals.records).unwrap_or_default();
        if let Some(items) = shelf.tables.begin_filter(records, most_bytes) {
            self.keeper.filter(shelf, items, most_bytes);
        }
    }

    /// Opens a partition's state, and returns what was found. A state that does not match the stamp, is older than `age_max` or
    /// cannot be read is discarded.
    pub(crate) fn open_partition(
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
            let shelf = Arc::new(self.shelf(partition, generation, |path, shared| {
                Tables::create(path, shared, self.shares().filter)
            })?);
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
        states
            .iter()
            .filter(is_former)
            .try_for_each(|state| remove(&generation_directory(&directory, *state)))
    }

    fn shelf(
        &self,
        partition: i32,
        generation: u64,
        tables: impl FnOnce(&Path, &Shared) -> Result<Tables, Failure>,
    ) -> Result<Shelf, Failure> {
        let directory = generation_directory(&self.register.partition_directory(partition), generation);
        let tables = tables(&directory, &self.shared)?;
        let purges = Record::read(&self.register.partition_directory(partition), generation);
        Ok(Shelf::new(tables, generation, directory, purges))
    }

    pub(crate) fn fails(&self, source: io::Error) -> HomeError {
        HomeError::of(self.register.directory(), source)
    }
}
