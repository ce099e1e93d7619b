// SPDX-License-Identifier: Apache-2.0

//! The store of one partition.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{StateStore, StoreError, StoreStats, Visit, WriteBatch, check_key};

use crate::buffer::{Before, Buffer};
use crate::counts::count;
use crate::directory::Directory;
use crate::error::{Failure, HomeError};
use crate::fresh::Fresh;
use crate::hashed::{Hashed, Seed};
use crate::heads::{Heads, TableScan};
use crate::merge;
use crate::meta::{self, Meta};
use crate::recent::Recent;
use crate::shelf::Shelf;
use crate::stamp::Stamp;

/// The buffer is written after this many times its size was applied, even if only few keys change: that much of the changelog
/// is read again after a kill.
const TAIL: usize = 4;
/// How long requests to purge are collected, since each queues a buffer.
const WISHES_GATHER: Duration = Duration::from_secs(1);

/// The state of one partition, on disk.
///
/// Applied changes stay in memory until there is enough for a run of tables, or the store is dropped. So after a kill the state
/// is an older one, with its changelog offset.
///
/// [`stats`](StateStore::stats) counts a key that replaces one in the tables twice until its buffer is written, unless it was
/// read shortly before. Then the replaced values are subtracted: counted, or for more than a thousand such keys estimated from
/// one in sixteen.
pub struct DiskStore {
    directory: Arc<Directory>,
    partition: i32,
    stamp: Stamp,
    shelf: Arc<Shelf>,
    /// The latest changes, not queued yet.
    fresh: Fresh,
    /// The last queued buffer. Kept after it is written, since recent changes are often read again.
    resting: Arc<Buffer>,
    /// Cached values of tables, for keys in neither buffer.
    recent: RefCell<Recent>,
    /// The first records of scans that repeat.
    heads: RefCell<Heads>,
    seed: Seed,
    meta: Meta,
    /// Bytes applied since the last buffer was queued.
    applied: usize,
    /// Whether a purge is requested for removals that are not written yet.
    is_wish_unwritten: bool,
    /// Whether keys were removed for an unknown reason before the store was up to date; they may have been erased. `None` once
    /// it is up to date.
    missed_removals: Option<bool>,
    /// When the last buffer was queued for a request.
    wish_written: Option<Instant>,
}

impl DiskStore {
    pub(crate) fn new(
        directory: Arc<Directory>,
        partition: i32,
        stamp: Stamp,
        shelf: Arc<Shelf>,
        meta: Meta,
    ) -> Self {
        let seed = directory.seed();
        Self {
            directory,
            partition,
            stamp,
            shelf,
            fresh: Fresh::default(),
            resting: Arc::default(),
            recent: RefCell::default(),
            heads: RefCell::default(),
            seed,
            meta,
            applied: 0,
            is_wish_unwritten: false,
            missed_removals: Some(false),
            wish_written: None,
        }
    }

    /// Writes what is in memory, and waits until it is on disk. Dropping a store does the same.
    ///
    /// # Errors
    /// The disk failed or its data is damaged: wipe and restore.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.seal()?;
        let replaced = self.shelf.wait_for_writing()?;
        self.meta.totals.add(replaced);
        Ok(())
    }

    /// Bytes of the tables on the disk.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.shelf.tables.disk_bytes()
    }

    /// Queues what is in memory if a purge is requested, unless that would block or happened just now.
    fn write_wished(&mut self) -> Result<(), Failure> {
        let is_soon = self.wish_written.is_some_and(|at| at.elapsed() < WISHES_GATHER);
        if !self.is_wish_unwritten || is_soon || self.shelf.is_busy() {
            return Ok(());
        }
        self.hand_over()
    }

    /// Queues the fresh buffer, once the previous one is written.
    fn seal(&mut self) -> Result<(), Failure> {
        if self.fresh.is_empty() && self.applied == 0 {
            return Ok(());
        }
        self.hand_over()
    }

    fn hand_over(&mut self) -> Result<(), Failure> {
        let replaced = self.shelf.wait_for_room()?;
        self.meta.totals.add(replaced);
        self.resting = Arc::new(self.fresh.seal());
        // What they know of the tables is older than the buffer that is dropped here.
        self.heads.get_mut().clear();
        self.applied = 0;
        if std::mem::take(&mut self.is_wish_unwritten) {
            self.wish_written = Some(Instant::now());
        }
        self.directory.tend_filter(&self.shelf, &self.meta);
        self.directory.keeper.write(&self.shelf, &self.resting, self.meta);
        Ok(())
    }

    /// Queues the buffer when it is full.
    fn seal_when_full(&mut self) -> Result<(), Failure> {
        let share = self.directory.shares().buffer;
        if self.fresh.memory() >= share || self.applied >= share * TAIL { self.seal() } else { Ok(()) }
    }

    /// The buffers' value of a key.
    fn buffered(&self, key: Hashed<'_>) -> Option<Option<&[u8]>> {
        self.fresh.get(key).or_else(|| self.resting.get(key))
    }

    /// Makes room for a batch. After an error nothing of it is visible.
    fn begin_batch(&mut self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.usable()?;
        check_key(batch.longest_key())?;
        self.seal_when_full()?;
        self.applied += batch.bytes() + batch.len();
        Ok(())
    }

    fn end_batch(&mut self, changelog_offset: Option<i64>) {
        if changelog_offset.is_some() {
            self.meta.changelog_offset = changelog_offset;
            self.meta.written_ms = meta::now_ms();
            self.applied += 1;
        }
    }

    fn set<K: AsRef<[u8]> + Into<Box<[u8]>>>(&mut self, key: K, value: Option<Box<[u8]>>) {
        if let Some(missed) = &mut self.missed_removals {
            *missed |= value.is_none();
        }
        let hash = self.seed.hashed(key.as_ref()).hash;
        let (resting, recent) = (&self.resting, self.recent.get_mut());
        let tables = &self.shelf.tables;
        let before = |key: Hashed<'_>| {
            // Cached values must be dropped before the key leaves the buffers again.
            let cached = recent.forget(key);
            let buffered = resting.get(key).map(|value| value.map(<[u8]>::len));
            match buffered.or(cached) {
                Some(length) => Before::known(length),
                None if tables.may_have(key) => Before::Unknown,
                None => Before::Absent,
            }
        };
        self.fresh.set((key, hash), value, before, &mut self.meta.totals);
    }

    /// The records of the tables under a prefix, from a key on.
    fn table_scan<'t>(&'t self, prefix: &'t [u8], from: &[u8]) -> TableScan<'t> {
        let tables = &self.shelf.tables;
        if !tables.may_have_under(prefix) {
            return TableScan::nothing(tables);
        }
        // Prefixes without a slash are few, and each is scanned again and again.
        if from == prefix
            && !prefix.contains(&b'/')
            && let Ok(mut heads) = self.heads.try_borrow_mut()
        {
            let is_hidden = |key: &[u8]| self.buffered(self.seed.hashed(key)).is_some();
            return TableScan::with_head(tables, prefix, heads.take(prefix, is_hidden));
        }
        TableScan::from(tables, prefix, from)
    }

    fn usable(&self) -> Result<(), Failure> {
        self.shelf.failure().map_or(Ok(()), Err)
    }
}

impl StateStore for DiskStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut found = None;
        self.with(key, &mut |value| found = value.map(<[u8]>::to_vec))?;
        Ok(found)
    }

    fn with(&self, key: &[u8], read: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), StoreError> {
        check_key(key.len())?;
        let key = self.seed.hashed(key);
        if let Some(value) = self.buffered(key) {
            read(value);
            return Ok(());
        }
        // It is already borrowed when `read` looks at another key: then the tables are read.
        let share = self.directory.shares().recent;
        let mut recent = self.recent.try_borrow_mut().ok();
        if let Some(value) = recent.as_mut().and_then(|recent| recent.get(key, share)) {
            read(value);
            return Ok(());
        }
        if !self.shelf.tables.may_have(key) {
            read(None);
            return Ok(());
        }
        let value = self.shelf.tables.get(key.key)?;
        if let Some(mut recent) = recent {
            recent.remember(key, value.as_deref(), share);
        }
        read(value.as_deref());
        Ok(())
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        check_key(from.len())?;
        count(&self.shelf.tables.counters.scans, 1);
        let mut found = self.table_scan(prefix, from);
        let resting = if self.resting.is_empty() { None } else { Some(self.resting.from(from)) };
        let newest = self.fresh.under(prefix, from);
        merge::scan(newest, resting.into_iter().flatten(), &mut found, prefix, visit)?;
        if let Some(head) = found.into_head()
            && let Ok(mut heads) = self.heads.try_borrow_mut()
        {
            heads.keep(head);
        }
        Ok(())
    }

    fn apply(&mut self, batch: &WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError> {
        self.begin_batch(batch)?;
        for (key, value) in batch.iter() {
            self.set(key, value.map(Into::into));
        }
        self.end_batch(changelog_offset);
        Ok(())
    }

    fn take(&mut self, batch: WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError> {
        self.begin_batch(&batch)?;
        for (key, value) in batch.into_changes() {
            self.set(key, value);
        }
        self.end_batch(changelog_offset);
        Ok(())
    }

    fn purge(&mut self) -> Result<(), StoreError> {
        self.usable()?;
        self.shelf.wish(meta::now_ms());
        self.is_wish_unwritten = true;
        Ok(self.write_wished()?)
    }

    fn tend(&mut self) -> Result<(), StoreError> {
        self.usable()?;
        if self.missed_removals.take() == Some(true) || self.shelf.is_purge_due(meta::now_ms()) {
            return self.purge();
        }
        Ok(self.write_wished()?)
    }

    fn changelog_offset(&self) -> Result<Option<i64>, StoreError> {
        self.usable()?;
        Ok(self.meta.changelog_offset)
    }

    fn wipe(&mut self) -> Result<(), StoreError> {
        self.shelf.discard();
        self.shelf = self.directory.begin_anew(self.partition, &self.stamp, self.shelf.generation).map_err(
            |error| match error {
                HomeError::Io { source, .. } | HomeError::NotWritable { source, .. } => {
                    StoreError::Io(source)
                }
                other => StoreError::Io(std::io::Error::other(other.to_string())),
            },
        )?;
        self.fresh = Fresh::default();
        self.resting = Arc::default();
        self.recent = RefCell::default();
        self.heads = RefCell::default();
        self.meta = Meta::default();
        self.applied = 0;
        self.is_wish_unwritten = false;
        self.missed_removals = Some(false);
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        self.meta.totals.into()
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        // It is a cache: what cannot be written is read from the changelog again.
        drop(self.flush());
        self.directory.register.close(self.partition);
    }
}
