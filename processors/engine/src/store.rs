// SPDX-License-Identifier: Apache-2.0

//! State stores: the interface of a task's state.

use std::ops::ControlFlow;

pub use crate::batch::WriteBatch;
use crate::key_map::KeyMap;

/// A store operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The medium failed. Remedy: wipe the store and restore it from its changelog.
    #[error("the state store failed: {0}")]
    Io(#[from] std::io::Error),
    /// The data differs from what was written. Remedy: wipe the store and restore it from its changelog.
    #[error("the state store holds damaged data: {0}")]
    Corrupt(String),
    /// A key that is too long for any store. No event has identifiers that could produce one, so restoring the state does not
    /// help: stop.
    #[error(
        "a key of the state has {bytes} bytes, the longest may have {KEY_BYTES_MAX}: the program is wrong, or its changelog was \
         written by an older one (see docs/upgrade.md)"
    )]
    KeyTooLong {
        /// Its length.
        bytes: usize,
    },
}

/// Maximum length of a state key in bytes, with its processor's namespace. A store on disk could take 65,534. Keys consist of
/// at most four identifiers, each of at most [`model::IDENTIFIER_BYTES_MAX`] bytes and three times as many when escaped, and of
/// times and short words. No key comes near the limit, which a test of all processors checks.
pub const KEY_BYTES_MAX: usize = 16 << 10;

/// Checks that a store can hold keys of this length. Every store checks each key that is read or written before anything else.
///
/// # Errors
/// [`StoreError::KeyTooLong`]; nothing was done.
pub fn check_key(bytes: usize) -> Result<(), StoreError> {
    if bytes > KEY_BYTES_MAX { Err(StoreError::KeyTooLong { bytes }) } else { Ok(()) }
}

/// Size of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Number of keys.
    pub records: u64,
    /// Size of keys and values in bytes, without the store's overhead.
    pub bytes: u64,
}

/// A range of a task's state. Keys are those of the changelog, with the processor's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// This key only.
    Key(Vec<u8>),
    /// All keys with this prefix.
    Under(Vec<u8>),
}

impl Place {
    /// The first possible key.
    #[must_use]
    pub fn first(&self) -> &[u8] {
        match self {
            Place::Key(bytes) | Place::Under(bytes) => bytes,
        }
    }
}

/// Visitor of keys and values; it returns whether to continue.
pub type Visit<'v> = &'v mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

/// State of a task: keys and values in byte order of the keys. It is a cache of the changelog topic, which is the source of
/// truth: a store may be discarded and rebuilt at any time. A key of more than [`KEY_BYTES_MAX`] bytes is an error in every
/// method ([`check_key`]).
///
/// `testkit::store_contract` holds the tests that every implementation has to pass.
pub trait StateStore: Send {
    /// The value of a key.
    ///
    /// # Errors
    /// The medium failed or holds damaged data: wipe and restore.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Passes the value of a key to `read`, without copying it if the store can.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn with(&self, key: &[u8], read: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), StoreError> {
        read(self.get(key)?.as_deref());
        Ok(())
    }

    /// Visits all keys that begin with `prefix`, in order, until `visit` breaks.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.scan_from(prefix, prefix, visit)
    }

    /// Like [`scan`](Self::scan), starting at `from`, which must begin with `prefix`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn scan_from(&self, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError>;

    /// Applies a batch atomically, with the (exclusive) changelog offset of the resulting state, if known.
    ///
    /// # Errors
    /// As [`get`](Self::get); nothing of the batch is then visible.
    fn apply(&mut self, batch: &WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError>;

    /// Like [`apply`](Self::apply), taking ownership of the batch: a store in memory moves its keys and values.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    fn take(&mut self, batch: WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError> {
        self.apply(&batch, changelog_offset)
    }

    /// The changelog offset of the last [`apply`](Self::apply) that had one.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn changelog_offset(&self) -> Result<Option<i64>, StoreError>;

    /// Makes sure that removed data soon leaves the medium too (contract section 9).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn purge(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Does background work that is due, without blocking. Call it about once a second while the state is complete. A store in
    /// memory has nothing to do.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn tend(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Deletes everything, including the changelog offset.
    ///
    /// # Errors
    /// The medium failed; the store must not be used any more.
    fn wipe(&mut self) -> Result<(), StoreError>;

    /// Size of the store. A store on disk may count replaced records late, as an estimate: nothing may depend on these figures.
    fn stats(&self) -> StoreStats;
}

/// State in memory: fast, lost with the process, restored completely from the changelog.
#[derive(Debug, Default)]
pub struct MemoryStore {
    records: KeyMap<Box<[u8]>>,
    changelog_offset: Option<i64>,
    bytes: u64,
}

impl StateStore for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(key.len())?;
        Ok(self.records.get(key).map(|value| value.to_vec()))
    }

    fn with(&self, key: &[u8], read: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), StoreError> {
        check_key(key.len())?;
        read(self.records.get(key).map(|value| &**value));
        Ok(())
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        check_key(from.len())?;
        for (key, value) in self.records.from(from).take_while(|(key, _)| key.starts_with(prefix)) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&mut self, batch: &WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError> {
        self.take(batch.clone(), changelog_offset)
    }

    fn take(&mut self, batch: WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError> {
        check_key(batch.longest_key())?;
        for (key, value) in batch.into_taken() {
            let key_bytes = key.len();
            let size = |value: &[u8]| (key_bytes + value.len()) as u64;
            let old = match value {
                Some(value) => {
                    self.bytes += size(&value);
                    self.records.insert_taken(key, value)
                }
                None => self.records.remove_taken(&key),
            };
            self.bytes -= old.map_or(0, |old| size(&old));
        }
        if changelog_offset.is_some() {
            self.changelog_offset = changelog_offset;
        }
        Ok(())
    }

    fn changelog_offset(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.changelog_offset)
    }

    fn wipe(&mut self) -> Result<(), StoreError> {
        *self = Self::default();
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        StoreStats { records: self.records.len() as u64, bytes: self.bytes }
    }
}
