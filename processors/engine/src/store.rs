//! State: what a task remembers, behind one trait.

use std::ops::ControlFlow;

pub use crate::batch::WriteBatch;
use crate::key_map::KeyMap;

/// A store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The medium failed. Remedy: wipe the store and restore it from its changelog.
    #[error("the state store failed: {0}")]
    Io(#[from] std::io::Error),
    /// What was read is not what was written. Remedy: the same.
    #[error("the state store holds damaged data: {0}")]
    Corrupt(String),
    /// A key that no store takes. No event has identifiers of which one could be made, so to restore the state does not help: stop.
    #[error(
        "a key of the state has {bytes} bytes, the longest may have {KEY_BYTES_MAX}: the program is wrong, or its changelog was \
         written by an older one (see docs/upgrade.md)"
    )]
    KeyTooLong {
        /// How many it has.
        bytes: usize,
    },
}

/// Bytes that a key of the state may have, with its processor's namespace. A store on disk could take 65,534. Keys are made of
/// identifiers, of which each has at most [`model::IDENTIFIER_BYTES_MAX`] bytes, and three times as many where it is escaped; of
/// those at most four; and of times and short words. So none comes near, which a test of all processors watches over.
pub const KEY_BYTES_MAX: usize = 16 << 10;

/// Whether keys of so many bytes can be in a store. Every store asks it of each key, read or written, before anything else.
///
/// # Errors
/// [`StoreError::KeyTooLong`]: nothing was done.
pub fn check_key(bytes: usize) -> Result<(), StoreError> {
    if bytes > KEY_BYTES_MAX { Err(StoreError::KeyTooLong { bytes }) } else { Ok(()) }
}

/// How much a store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Number of keys.
    pub records: u64,
    /// Bytes of keys and values, without the store's own overhead.
    pub bytes: u64,
}

/// What of a task's state is to be looked at. Keys are those of the changelog, with the processor's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// This key alone.
    Key(Vec<u8>),
    /// All keys that begin so.
    Under(Vec<u8>),
}

impl Place {
    /// The first key that there can be.
    #[must_use]
    pub fn first(&self) -> &[u8] {
        match self {
            Place::Key(bytes) | Place::Under(bytes) => bytes,
        }
    }
}

/// What looks at a key and its value, and says whether to go on.
pub type Visit<'v> = &'v mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

/// A task's state: keys and values in the order of the keys' bytes. A cache of its changelog topic, which alone is the
/// truth: a store may be thrown away at any time and be rebuilt. A key of more than [`KEY_BYTES_MAX`] bytes is an error
/// wherever it is given ([`check_key`]).
///
/// `testkit::store_contract` holds the tests that every implementation has to pass.
pub trait StateStore: Send {
    /// The value of a key.
    ///
    /// # Errors
    /// The medium failed or holds damaged data: wipe and restore.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Lets `read` see the value of a key without copying it where the store can.
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

    /// The same, leaving out keys that come before `from`, without looking at them. `from` begins with `prefix`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn scan_from(&self, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError>;

    /// Applies a batch whole or not at all, together with the changelog offset up to which (exclusively) the state then
    /// stands, where it is known.
    ///
    /// # Errors
    /// As [`get`](Self::get); nothing of the batch is then visible.
    fn apply(&mut self, batch: &WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError>;

    /// The same, for a batch that nobody needs any more: a store in memory makes its keys and values its own.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    fn take(&mut self, batch: WriteBatch, changelog_offset: Option<i64>) -> Result<(), StoreError> {
        self.apply(&batch, changelog_offset)
    }

    /// The changelog offset that the last [`apply`](Self::apply) which named one gave.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn changelog_offset(&self) -> Result<Option<i64>, StoreError>;

    /// Sees to it that what was removed is soon not on the medium any more either (contract section 9).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn purge(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Does what is due by the clock, without waiting for anything. To be called about once a second, while nothing of the state
    /// is missing. A store in memory has nothing to do.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn tend(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Forgets everything, the changelog offset too.
    ///
    /// # Errors
    /// The medium failed; the store must not be used any more.
    fn wipe(&mut self) -> Result<(), StoreError>;

    /// How much is held. A store on disk may count what many changes replace later than the changes, and estimate it, and then
    /// says so: nothing may depend on these figures.
    fn stats(&self) -> StoreStats;
}

/// State in memory: fast, gone with the process, restored whole from the changelog.
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
