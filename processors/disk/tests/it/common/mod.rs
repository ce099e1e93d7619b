// SPDX-License-Identifier: Apache-2.0

//! Shared test code.

use disk::DiskStore;
use engine::{StateStore, StoreError, StoreStats, Visit, WriteBatch};

/// Writes every batch to tables at once, so that every read comes from there.
pub(crate) struct Flushing(pub(crate) DiskStore);

impl StateStore for Flushing {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }
    fn scan_from(&self, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.0.scan_from(prefix, from, visit)
    }
    fn apply(&mut self, batch: &WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError> {
        self.0.apply(batch, changelog_offset)?;
        self.0.flush()
    }
    fn changelog_offset(&self) -> Result<Option<i64>, StoreError> {
        self.0.changelog_offset()
    }
    fn wipe(&mut self) -> Result<(), StoreError> {
        self.0.wipe()
    }
    fn stats(&self) -> StoreStats {
        self.0.stats()
    }
}
