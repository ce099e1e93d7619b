// SPDX-License-Identifier: Apache-2.0

//! The state directory of a process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::counts::Counts;
use crate::directory::{Directory, OpenedState};
use crate::error::HomeError;
use crate::shares::{Budget, Shares};
use crate::stamp::Stamp;
use crate::store::DiskStore;

/// A directory that this process owns, with a store for each partition. Clones share it.
#[derive(Clone)]
pub struct Home(Arc<Directory>);

impl Home {
    /// Takes ownership of a directory, which is created if it does not exist.
    ///
    /// # Errors
    /// Another process owns it, it cannot be written, it is no state directory, or the disk fails.
    pub fn open(directory: &Path, budget: Budget) -> Result<Self, HomeError> {
        Ok(Self(Arc::new(Directory::open(directory, Shares::of(budget))?)))
    }

    /// As [`open`](Self::open), with hardly any memory.
    #[cfg(test)]
    pub(crate) fn tiny(directory: &Path) -> Result<Self, HomeError> {
        Ok(Self(Arc::new(Directory::open(directory, Shares::tiny())?)))
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
        let directory = &self.0;
        directory.register.reserve(partition)?;
        let opened = directory.open_partition(partition, stamp, age_max);
        let (shelf, meta, found) = opened.inspect_err(|_| directory.register.close(partition))?;
        directory.register.note(partition, &shelf);
        directory.tend_filter(&shelf, &meta);
        Ok((DiskStore::new(Arc::clone(directory), partition, stamp.clone(), shelf, meta), found))
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

    /// What the stores asked of their tables since the directory was opened.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.counts()
    }

    /// Bytes in the block cache. The stores' buffers and caches of values come on top, within the limit.
    #[must_use]
    pub fn cache_bytes(&self) -> u64 {
        self.0.cache_bytes()
    }
}
