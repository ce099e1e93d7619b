// SPDX-License-Identifier: Apache-2.0

//! redb as a state store: one table; every 200th commit is durable, with quick repair, so that it opens quickly after a crash.

use std::ops::ControlFlow;
use std::path::Path;

use engine::{StateStore, StoreError, StoreStats, Visit, WriteBatch};
use redb::{Database, Durability, ReadableDatabase, TableDefinition};

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
const OFFSET: TableDefinition<'_, (), i64> = TableDefinition::new("offset");
/// A durable commit writes all changed pages and synchronises the file, so not every commit is one.
const DURABLE_EVERY: u64 = 200;

/// A database, and its number of commits.
pub(crate) struct RedbStore {
    database: Database,
    commits: u64,
}

impl RedbStore {
    /// All of the memory for the cache: redb has no other buffer.
    pub(crate) fn open(directory: &Path, memory: u64) -> Self {
        let file = directory.join("state.redb");
        let database = Database::builder().set_cache_size(memory as usize).create(file).unwrap();
        let mut store = Self { database, commits: 0 };
        // A reader needs the tables to exist.
        store.apply(&WriteBatch::default(), None).unwrap();
        store
    }
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Corrupt(error.into().to_string())
}

impl StateStore for RedbStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut found = None;
        self.with(key, &mut |value| found = value.map(<[u8]>::to_vec))?;
        Ok(found)
    }

    fn with(&self, key: &[u8], read: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), StoreError> {
        let table = self.database.begin_read().map_err(failed)?.open_table(RECORDS).map_err(failed)?;
        let value = table.get(key).map_err(failed)?;
        read(value.as_ref().map(redb::AccessGuard::value));
        Ok(())
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        let table = self.database.begin_read().map_err(failed)?.open_table(RECORDS).map_err(failed)?;
        for record in table.range(from..).map_err(failed)? {
            let (key, value) = record.map_err(failed)?;
            if !key.value().starts_with(prefix) || visit(key.value(), value.value()) == ControlFlow::Break(())
            {
                break;
            }
        }
        Ok(())
    }

    fn apply(&mut self, batch: &WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write().map_err(failed)?;
        if self.commits.is_multiple_of(DURABLE_EVERY) {
            transaction.set_quick_repair(true);
        } else {
            transaction
                .set_durability(Durability::None)
                .map_err(|error| StoreError::Corrupt(error.to_string()))?;
        }
        self.commits += 1;
        {
            let mut table = transaction.open_table(RECORDS).map_err(failed)?;
            for (key, value) in batch.iter() {
                match value {
                    Some(value) => drop(table.insert(key, value).map_err(failed)?),
                    None => drop(table.remove(key).map_err(failed)?),
                }
            }
            let mut offsets = transaction.open_table(OFFSET).map_err(failed)?;
            if let Some(offset) = changelog_offset {
                offsets.insert((), offset).map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)
    }

    fn changelog_offset(&self) -> Result<Option<i64>, StoreError> {
        let table = self.database.begin_read().map_err(failed)?.open_table(OFFSET).map_err(failed)?;
        Ok(table.get(()).map_err(failed)?.map(|offset| offset.value()))
    }

    fn wipe(&mut self) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(failed)?;
        transaction.delete_table(RECORDS).map_err(failed)?;
        transaction.delete_table(OFFSET).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        self.apply(&WriteBatch::default(), None)
    }

    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
}
