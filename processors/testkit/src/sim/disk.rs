// SPDX-License-Identifier: Apache-2.0

//! The disk of an instance: it survives crashes, and its content may lag behind the writes, or be torn.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{MemoryStore, StateStore, StoreError, StoreStats, Visit, WriteBatch};

use super::faults::{Fault, Faults};
use super::rng::Rng;

/// Keys and values.
pub(super) type Content = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Default, Clone)]
struct Image {
    content: Content,
    offset: Option<i64>,
    /// Whether the checksum fails: half of a batch is there.
    is_torn: bool,
}

enum Write {
    Batch(WriteBatch, Option<i64>),
    Wipe,
}

impl Image {
    fn apply(&mut self, write: &Write) {
        match write {
            Write::Wipe => *self = Self::default(),
            Write::Batch(batch, offset) => {
                batch.iter().for_each(|(key, value)| self.set(key, value));
                self.offset = offset.or(self.offset);
            }
        }
    }

    fn set(&mut self, key: &[u8], value: Option<&[u8]>) {
        match value {
            Some(value) => self.content.insert(key.to_vec(), value.to_vec()),
            None => self.content.remove(key),
        };
    }
}

/// One partition's files.
#[derive(Default)]
struct Files {
    durable: Image,
    /// Writes that a crash may lose.
    queue: VecDeque<Write>,
    /// Whether a task has opened it.
    is_open: bool,
    /// The number of uses that will fail.
    fails: usize,
    /// Whether they fail because the disk is broken, rather than its content damaged.
    is_broken: bool,
}

impl Files {
    fn now(&self) -> Image {
        let mut image = self.durable.clone();
        self.queue.iter().for_each(|write| image.apply(write));
        image
    }
}

/// All files of an instance.
#[derive(Default, Clone)]
pub(super) struct Disk(Arc<Mutex<BTreeMap<i32, Files>>>);

impl Disk {
    fn files(&self) -> MutexGuard<'_, BTreeMap<i32, Files>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a partition's store, with its content if that is `kept` and intact. `None` while another worker of the instance
    /// has it open.
    pub(super) fn open(&self, partition: i32, kept: bool, faults: &mut Faults) -> Option<Store> {
        let mut all = self.files();
        let files = all.entry(partition).or_default();
        if files.is_open {
            return None;
        }
        if !kept || files.now().is_torn {
            files.queue.clear();
            files.durable = Image::default();
        }
        files.is_open = true;
        let image = files.now();
        let mut batch = WriteBatch::default();
        image.content.iter().for_each(|(key, value)| batch.put(key, value));
        let mut memory = MemoryStore::default();
        // A store in memory takes everything.
        let _ = memory.apply(&batch, image.offset);
        if image.offset.is_some() {
            faults.count(Fault::StaleStore);
        }
        Some(Store { memory, disk: self.clone(), partition })
    }

    /// The task of this partition has closed its store.
    pub(super) fn closed(&self, partition: i32) {
        if let Some(files) = self.files().get_mut(&partition) {
            files.is_open = false;
        }
    }

    /// The process is gone.
    pub(super) fn close_all(&self) {
        self.files().values_mut().for_each(|files| files.is_open = false);
    }

    /// Makes the next write of some partition durable.
    pub(super) fn flush(&self, rng: &mut Rng) {
        let mut all = self.files();
        let waiting: Vec<i32> = all
            .iter()
            .filter(|(_, files)| !files.queue.is_empty())
            .map(|(partition, _)| *partition)
            .collect();
        if let Some(partition) = rng.pick(&waiting)
            && let Some(files) = all.get_mut(partition)
            && let Some(write) = files.queue.pop_front()
        {
            files.durable.apply(&write);
        }
    }

    /// Makes the next `uses` of some partition's store fail.
    pub(super) fn fail(&self, uses: usize, rng: &mut Rng) -> Option<i32> {
        let mut all = self.files();
        let partitions: Vec<i32> = all.keys().copied().collect();
        let partition = *rng.pick(&partitions)?;
        let is_broken = rng.chance(200);
        let files = all.get_mut(&partition)?;
        (files.fails, files.is_broken) = (uses, is_broken);
        Some(partition)
    }

    /// Ends all failures.
    pub(super) fn repair(&self) {
        self.files().values_mut().for_each(|files| files.fails = 0);
    }

    /// A crash. Earlier writes are durable, unless the disk was slow; then only some are, and perhaps half of the next batch.
    pub(super) fn crash(&self, rng: &mut Rng, faults: &mut Faults) {
        for files in self.files().values_mut() {
            files.fails = 0;
            let is_slow = !files.queue.is_empty() && faults.strikes(Fault::SlowDisk, rng);
            let safe = if is_slow { rng.below(files.queue.len()) } else { files.queue.len() };
            for write in files.queue.drain(..safe) {
                files.durable.apply(&write);
            }
            if let Some(Write::Batch(batch, _)) = files.queue.pop_front()
                && batch.len() > 1
                && faults.strikes(Fault::TornWrite, rng)
            {
                let half = rng.between(1, batch.len() - 1);
                batch.iter().take(half).for_each(|(key, value)| files.durable.set(key, value));
                files.durable.is_torn = true;
            }
            files.queue.clear();
        }
    }

    /// The content of a partition's store.
    pub(super) fn content(&self, partition: i32) -> Content {
        self.files().get(&partition).map(|files| files.now().content).unwrap_or_default()
    }
}

/// A task's store: reads from memory, writes to the disk.
pub(super) struct Store {
    memory: MemoryStore,
    disk: Disk,
    partition: i32,
}

impl Store {
    fn write(&self, write: Write) {
        if let Some(files) = self.disk.files().get_mut(&self.partition) {
            files.queue.push_back(write);
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        let mut all = self.disk.files();
        if let Some(files) = all.get_mut(&self.partition)
            && files.fails > 0
        {
            files.fails -= 1;
            return Err(match files.is_broken {
                true => StoreError::Io(io::Error::other("the simulated disk fails")),
                false => StoreError::Corrupt("the simulated disk gives other bytes".to_owned()),
            });
        }
        Ok(())
    }
}

impl StateStore for Store {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.check()?;
        self.memory.get(key)
    }

    fn with(&self, key: &[u8], read: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), StoreError> {
        self.check()?;
        self.memory.with(key, read)
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.check()?;
        self.memory.scan_from(prefix, from, visit)
    }

    fn apply(&mut self, batch: &WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError> {
        self.check()?;
        self.memory.apply(batch, changelog_offset)?;
        self.write(Write::Batch(batch.clone(), changelog_offset));
        Ok(())
    }

    fn changelog_offset(&self) -> Result<Option<i64>, StoreError> {
        self.memory.changelog_offset()
    }

    fn wipe(&mut self) -> Result<(), StoreError> {
        self.memory.wipe()?;
        self.write(Write::Wipe);
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        self.memory.stats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulated_store_keeps_the_stores_contract() {
        let mut faults = Faults::new(&mut Rng::new(0));
        crate::store_contract(|| Box::new(Disk::default().open(0, true, &mut faults).unwrap()));
    }
}
