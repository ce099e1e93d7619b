// SPDX-License-Identifier: Apache-2.0

//! fjall as a state store: one keyspace, its journal not synchronised, and where possible the same settings as ours.

use std::ops::ControlFlow;
use std::path::Path;

use engine::{StateStore, StoreError, StoreStats, Visit, WriteBatch};
use fjall::config::{CompressionPolicy, PartitioningPolicy, PinningPolicy};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions};

/// No key of the workload begins like this.
const OFFSET: &[u8] = b"\0offset";
/// The smallest that fjall accepts.
const JOURNAL_BYTES: u64 = 64 << 20;

/// A keyspace, and its database.
pub(crate) struct FjallStore {
    database: Database,
    records: Keyspace,
}

impl FjallStore {
    /// Half of the memory for the cache, a quarter for the memtable that is written to, a quarter for the one being flushed.
    pub(crate) fn open(directory: &Path, memory: u64) -> Self {
        let database = Database::builder(directory)
            .cache_size(memory / 2)
            .max_journaling_size(JOURNAL_BYTES)
            .journal_compression(CompressionType::None)
            .worker_threads(1)
            .open()
            .unwrap();
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(memory / 4)
                .index_block_pinning_policy(PinningPolicy::all(false))
                .filter_block_pinning_policy(PinningPolicy::all(false))
                .index_block_partitioning_policy(PartitioningPolicy::all(true))
                .filter_block_partitioning_policy(PartitioningPolicy::all(true))
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
        };
        let records = database.keyspace("records", options).unwrap();
        Self { database, records }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the argument of map_err")]
fn failed(error: fjall::Error) -> StoreError {
    StoreError::Corrupt(error.to_string())
}

impl StateStore for FjallStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.records.get(key).map_err(failed)?.map(|value| value.to_vec()))
    }

    fn with(&self, key: &[u8], read: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), StoreError> {
        read(self.records.get(key).map_err(failed)?.as_deref());
        Ok(())
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        for record in self.records.range(from..) {
            let (key, value) = record.into_inner().map_err(failed)?;
            if !key.starts_with(prefix) || visit(&key, &value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn apply(&mut self, batch: &WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError> {
        let mut changes = self.database.batch();
        for (key, value) in batch.iter() {
            match value {
                Some(value) => changes.insert(&self.records, key, value),
                None => changes.remove(&self.records, key),
            }
        }
        if let Some(offset) = changelog_offset {
            changes.insert(&self.records, OFFSET, offset.to_be_bytes());
        }
        changes.commit().map_err(failed)
    }

    fn changelog_offset(&self) -> Result<Option<i64>, StoreError> {
        let value = self.records.get(OFFSET).map_err(failed)?;
        Ok(value.and_then(|value| Some(i64::from_be_bytes(value.as_ref().try_into().ok()?))))
    }

    fn wipe(&mut self) -> Result<(), StoreError> {
        self.records.clear().map_err(failed)
    }

    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
}
