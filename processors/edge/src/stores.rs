// SPDX-License-Identifier: Apache-2.0

//! The stores of all partitions in this process: of tasks, and of standby copies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use engine::{Damages, StateStore, StoreError, WriteBatch};

/// Opens the store of a partition, with its previous content if that is still usable.
pub type StoreFactory = Arc<dyn Fn(i32) -> Result<Box<dyn StateStore>, StoreError> + Send + Sync>;

/// The stores of one process. Each store is open once: for a task, or as a standby copy.
#[derive(Clone)]
pub struct Stores {
    factory: StoreFactory,
    open: Arc<Mutex<Open>>,
    started: Instant,
}

#[derive(Default)]
struct Open {
    with_tasks: BTreeSet<i32>,
    warm: BTreeMap<i32, Box<dyn StateStore>>,
    /// Damaged standby copies, and when they may start again.
    damages: Damages,
}

/// The progress of a standby copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Warm {
    pub(crate) partition: i32,
    /// The changelog offset to continue from.
    pub(crate) next: i64,
}

impl Stores {
    /// Stores opened by this function.
    #[must_use]
    pub fn new(factory: StoreFactory) -> Self {
        Self { factory, open: Arc::default(), started: Instant::now() }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store for a task, which ends its standby copy. `None` while another worker holds it.
    ///
    /// # Errors
    /// The store cannot be opened. Stop and report the reason.
    pub(crate) fn for_task(&self, partition: i32) -> Result<Option<Box<dyn StateStore>>, StoreError> {
        let mut open = self.open();
        if open.with_tasks.contains(&partition) {
            return Ok(None);
        }
        drop(open.warm.remove(&partition));
        let store = (self.factory)(partition)?;
        open.with_tasks.insert(partition);
        Ok(Some(store))
    }

    /// The task of this partition has closed its store.
    pub(crate) fn closed(&self, partition: i32) {
        self.open().with_tasks.remove(&partition);
    }

    /// Keeps standby copies of exactly these partitions, except for those that tasks hold. Returns all copies.
    ///
    /// # Errors
    /// A store cannot be opened.
    pub(crate) fn keep_warm(&self, wanted: &BTreeSet<i32>) -> Result<Vec<Warm>, StoreError> {
        let now_ms = self.running_ms();
        let mut open = self.open();
        let Open { with_tasks, warm, damages } = &mut *open;
        warm.retain(|partition, _| wanted.contains(partition));
        for partition in wanted.difference(with_tasks) {
            if !warm.contains_key(partition) && damages.may_restore(*partition, now_ms) {
                warm.insert(*partition, (self.factory)(*partition)?);
            }
        }
        let mut places = Vec::with_capacity(warm.len());
        let mut given_up = Vec::new();
        for (partition, store) in warm.iter_mut() {
            let next = match store.tend().and_then(|()| store.changelog_offset()) {
                Err(StoreError::Corrupt(why)) => {
                    if !begin_anew(*partition, &mut **store, damages.note(*partition, &why, now_ms), &why)? {
                        given_up.push(*partition);
                        continue;
                    }
                    None
                }
                place => place?,
            };
            places.push(Warm { partition: *partition, next: next.unwrap_or(0) });
        }
        given_up.iter().for_each(|partition| drop(warm.remove(partition)));
        Ok(places)
    }

    /// Applies changes to a standby copy; `false` when it does not exist any more, or was damaged and starts again.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) fn bring_on(&self, partition: i32, batch: WriteBatch, next: i64) -> Result<bool, StoreError> {
        let now_ms = self.running_ms();
        let mut open = self.open();
        let Open { warm, damages, .. } = &mut *open;
        let Some(store) = warm.get_mut(&partition) else { return Ok(false) };
        match store.take(batch, Some(next)) {
            Err(StoreError::Corrupt(why)) => {
                if !begin_anew(partition, &mut **store, damages.note(partition, &why, now_ms), &why)? {
                    drop(warm.remove(&partition));
                }
                Ok(false)
            }
            applied => applied.map(|()| true),
        }
    }

    fn running_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Restarts a standby copy: its changelog is a different one.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) fn wipe_warm(&self, partition: i32) -> Result<(), StoreError> {
        self.open().warm.get_mut(&partition).map_or(Ok(()), |store| store.wipe())
    }
}

/// Restarts a damaged copy; the changelog has all of it. Returns whether it may start at once.
fn begin_anew(
    partition: i32,
    store: &mut dyn StateStore,
    wait_ms: u64,
    why: &str,
) -> Result<bool, StoreError> {
    tracing::warn!(partition, why, wait_ms, "a standby copy is damaged and starts again");
    store.wipe().map(|()| wait_ms == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{MemoryStore, StoreStats, Visit};

    fn stores() -> Stores {
        Stores::new(Arc::new(|_| Ok(Box::new(MemoryStore::default()))))
    }

    #[test]
    fn a_store_is_open_once() {
        let stores = stores();
        assert!(stores.for_task(1).unwrap().is_some());
        assert!(stores.for_task(1).unwrap().is_none());
        stores.closed(1);
        assert!(stores.for_task(1).unwrap().is_some());
    }

    #[test]
    fn a_warm_copy_ends_when_a_task_takes_its_store_and_begins_when_the_task_is_gone() {
        let stores = stores();
        let both = BTreeSet::from([1, 2]);
        assert_eq!(stores.keep_warm(&both).unwrap().len(), 2);
        assert!(stores.bring_on(1, WriteBatch::default(), 7).unwrap());
        assert!(stores.for_task(1).unwrap().is_some());
        assert!(!stores.bring_on(1, WriteBatch::default(), 9).unwrap());
        assert_eq!(stores.keep_warm(&both).unwrap(), [Warm { partition: 2, next: 0 }]);
        stores.closed(1);
        assert_eq!(stores.keep_warm(&both).unwrap().len(), 2);
        assert_eq!(stores.keep_warm(&BTreeSet::new()).unwrap(), []);
    }

    /// Damaged until it is wiped.
    struct Damaged(bool, MemoryStore);

    impl StateStore for Damaged {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            self.1.get(key)
        }

        fn scan_from(&self, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
            self.1.scan_from(prefix, from, visit)
        }

        fn apply(&mut self, batch: &WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError> {
            self.whole()?;
            self.1.apply(batch, changelog_offset)
        }

        fn changelog_offset(&self) -> Result<Option<i64>, StoreError> {
            self.whole()?;
            self.1.changelog_offset()
        }

        fn wipe(&mut self) -> Result<(), StoreError> {
            self.0 = false;
            self.1.wipe()
        }

        fn stats(&self) -> StoreStats {
            self.1.stats()
        }
    }

    impl Damaged {
        fn whole(&self) -> Result<(), StoreError> {
            if self.0 { Err(StoreError::Corrupt("a flipped bit".to_owned())) } else { Ok(()) }
        }
    }

    #[test]
    fn a_damaged_warm_copy_begins_anew_instead_of_ending_the_program() {
        let stores = Stores::new(Arc::new(|_| Ok(Box::new(Damaged(true, MemoryStore::default())))));
        let wanted = BTreeSet::from([1]);
        assert_eq!(stores.keep_warm(&wanted).unwrap(), [Warm { partition: 1, next: 0 }]);
        assert!(stores.bring_on(1, WriteBatch::default(), 7).unwrap());
        assert_eq!(stores.keep_warm(&wanted).unwrap(), [Warm { partition: 1, next: 7 }]);
        // The second time it waits.
        stores.open().warm.insert(1, Box::new(Damaged(true, MemoryStore::default())));
        assert_eq!(stores.keep_warm(&wanted).unwrap(), []);
        let found_when_written =
            Stores::new(Arc::new(|_| Ok(Box::new(Damaged(true, MemoryStore::default())))));
        found_when_written.open().warm.insert(1, Box::new(Damaged(true, MemoryStore::default())));
        assert!(!found_when_written.bring_on(1, WriteBatch::default(), 7).unwrap());
        assert_eq!(found_when_written.keep_warm(&wanted).unwrap(), [Warm { partition: 1, next: 0 }]);
    }
}
