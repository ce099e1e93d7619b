//! The store of one partition.

use std::ops::ControlFlow;
use std::sync::Arc;

use engine::{StateStore, StoreError, StoreStats, Visit, WriteBatch};

use crate::buffer::{Before, Buffer};
use crate::error::{Failure, HomeError};
use crate::home::HomeInner;
use crate::merge;
use crate::meta::{Meta, Totals};
use crate::shelf::Shelf;
use crate::stamp::Stamp;
use crate::tables::LONGEST_KEY;

/// So many times its buffer's bytes are applied at most before the buffer is written, however often the same few keys change:
/// that much of the changelog is read again after a kill.
const TAIL: usize = 4;

/// The state of one partition, on disk.
///
/// What is applied stays in memory until there is enough for a run of tables, or the store is dropped. So after a kill the
/// state is an older one, with the changelog offset that belongs to it.
///
/// [`stats`](StateStore::stats) counts a key that replaces one in the tables twice until its buffer is written; then the
/// figures are exact, and so are those after opening.
pub struct DiskStore {
    home: Arc<HomeInner>,
    partition: i32,
    stamp: Stamp,
    shelf: Arc<Shelf>,
    /// What came last; not given to the keeper yet.
    fresh: Buffer,
    /// What was given to the keeper last. Kept when it has been written, since what was just changed is read again soon.
    resting: Arc<Buffer>,
    meta: Meta,
    /// Bytes applied since the last buffer was given to the keeper.
    applied: usize,
}

impl DiskStore {
    pub(crate) fn new(
        home: Arc<HomeInner>,
        partition: i32,
        stamp: Stamp,
        shelf: Arc<Shelf>,
        meta: Meta,
    ) -> Self {
        let (fresh, resting) = (Buffer::default(), Arc::default());
        Self { home, partition, stamp, shelf, fresh, resting, meta, applied: 0 }
    }

    /// Writes what is only in memory, and waits until it is on the disk. Dropping a store does the same.
    ///
    /// # Errors
    /// The medium failed or holds damaged data: wipe and restore.
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

    /// Gives the fresh buffer to the keeper, as soon as it has written the one before.
    fn seal(&mut self) -> Result<(), Failure> {
        if self.fresh.is_empty() && self.applied == 0 {
            return Ok(());
        }
        let replaced = self.shelf.wait_for_room()?;
        self.meta.totals.add(replaced);
        self.resting = Arc::new(std::mem::take(&mut self.fresh));
        self.applied = 0;
        self.home.keeper.write(&self.shelf, &self.resting, self.meta);
        Ok(())
    }

    /// Gives the keeper work when there is enough of it.
    fn seal_when_full(&mut self) -> Result<(), Failure> {
        let share = self.home.buffer_bytes();
        let full = self.fresh.memory() >= share || self.applied >= share * TAIL;
        // While the keeper writes the one before, this one may grow to its double; then it is waited for.
        let wait = self.fresh.memory() >= share * 2 || self.applied >= share * TAIL * 2;
        if full && (wait || !self.shelf.is_writing()) { self.seal() } else { Ok(()) }
    }

    /// What the buffers say about a key.
    fn buffered(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.fresh.get(key).or_else(|| self.resting.get(key))
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
        if let Some(value) = self.buffered(key) {
            read(value);
        } else {
            read(self.shelf.tables.get(key)?.as_deref());
        }
        Ok(())
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        let tables = self.shelf.tables.from(from)?;
        let mut broken = ControlFlow::Continue(());
        let visit = &mut |key: &[u8], value: &[u8]| {
            broken = visit(key, value);
            broken
        };
        Ok(merge::scan([&self.fresh, &self.resting], tables, (prefix, from), visit)?)
    }

    fn apply(&mut self, batch: &WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError> {
        self.usable()?;
        if batch.iter().any(|(key, _)| key.len() > LONGEST_KEY) {
            let why = format!("a key is longer than {LONGEST_KEY} bytes");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, why).into());
        }
        for (key, value) in batch.iter() {
            let resting = &self.resting;
            let before = || match resting.get(key) {
                Some(value) => Before::Known(value.map(<[u8]>::len)),
                None => Before::Unknown,
            };
            self.fresh.set(key, value, before, &mut self.meta.totals);
        }
        self.applied += batch.bytes() + batch.len();
        if changelog_offset.is_some() {
            self.meta.changelog_offset = changelog_offset;
            self.applied += 1;
        }
        Ok(self.seal_when_full()?)
    }

    fn changelog_offset(&self) -> Result<Option<i64>, StoreError> {
        self.usable()?;
        Ok(self.meta.changelog_offset)
    }

    fn wipe(&mut self) -> Result<(), StoreError> {
        self.shelf.discard();
        self.shelf =
            self.home.begin_anew(self.partition, &self.stamp, self.shelf.generation).map_err(|error| {
                match error {
                    HomeError::Io { source, .. } | HomeError::NotWritable { source, .. } => {
                        StoreError::Io(source)
                    }
                    other => StoreError::Io(std::io::Error::other(other.to_string())),
                }
            })?;
        self.fresh = Buffer::default();
        self.resting = Arc::default();
        self.meta = Meta::default();
        self.applied = 0;
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        let totals: Totals = self.meta.totals;
        totals.into()
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        // It is a cache: what cannot be written is read from the changelog again.
        drop(self.flush());
        self.home.close(self.partition);
    }
}
