// SPDX-License-Identifier: Apache-2.0

//! Erasure requests for customers (contract section 9), stored in the state of every partition. A request covers all events
//! with a Kafka timestamp up to its own, whichever of the two is read first.
//!
//! Each customer has one small record with the latest time of a request; there are as many as the compacted topic of requests
//! has keys. An event newer than all requests needs no lookup, because the latest request time is kept in memory.

use crate::overlay;
use crate::store::{StateStore, StoreError, WriteBatch};

/// Key prefix of customers, in the engine's own namespace.
pub(crate) const CUSTOMER: &[u8] = b"\0u";
/// Key of the latest time of all requests.
const NEWEST: &[u8] = b"\0n";
/// Key of the progress of the search for the data of these customers.
const LOOK: &[u8] = b"\0l";

/// The key of a customer's request.
pub(crate) fn key(customer: &str) -> Vec<u8> {
    [CUSTOMER, customer.as_bytes()].concat()
}

/// Whether a request covers data of this customer with this time.
pub(crate) fn is_asked(
    store: &dyn StateStore,
    writes: &WriteBatch,
    customer: &str,
    at_ms: i64,
) -> Result<bool, StoreError> {
    let asked = overlay::read(store, writes, &key(customer), |asked| asked.map(time).transpose())??;
    Ok(asked.is_some_and(|asked| at_ms <= asked))
}

/// The time of a request, in epoch milliseconds.
pub(crate) fn time(bytes: &[u8]) -> Result<i64, StoreError> {
    let bytes = <[u8; size_of::<i64>()]>::try_from(bytes);
    bytes.map(i64::from_be_bytes).map_err(|_| StoreError::Corrupt("the time of a request is none".to_owned()))
}

/// The latest request time, kept in memory so that most events need no state lookup.
#[derive(Debug, Default)]
pub(crate) struct Newest {
    committed_ms: Option<i64>,
}

impl Newest {
    /// The latest time, including a staged one.
    pub(crate) fn ms(&self, staged: Option<i64>) -> Option<i64> {
        self.committed_ms.max(staged)
    }

    /// Stages a request; returns the latest staged time.
    pub(crate) fn stage(&self, staged: Option<i64>, at_ms: i64, writes: &mut WriteBatch) -> Option<i64> {
        let newest = self.ms(staged).max(Some(at_ms));
        if newest != self.ms(staged)
            && let Some(newest) = newest
        {
            writes.put(NEWEST, &newest.to_be_bytes());
        }
        newest
    }

    pub(crate) fn committed(&mut self, staged: Option<i64>) {
        self.committed_ms = self.ms(staged);
    }

    /// Reads the latest time from the state.
    pub(crate) fn read(&mut self, store: &dyn StateStore) -> Result<(), StoreError> {
        self.committed_ms = store.get(NEWEST)?.as_deref().map(time).transpose()?;
        Ok(())
    }
}

/// Progress of the search through the whole state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// Namespace of the processor that searches; 0 means the first one.
    pub(crate) next: u8,
    /// Position at which it stopped.
    pub(crate) from: Vec<u8>,
    /// Whether another request arrived since the search began; if so, it starts again after its end.
    pub(crate) again: bool,
}

impl Look {
    pub(crate) const KEY: &'static [u8] = LOOK;

    pub(crate) fn begin() -> Self {
        Self { next: 0, from: Vec::new(), again: false }
    }

    /// Whether it has not searched anything yet.
    pub(crate) fn is_at_beginning(&self) -> bool {
        self.next == 0
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        [&[u8::from(self.again), self.next], self.from.as_slice()].concat()
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        match bytes {
            [again @ (0 | 1), next, from @ ..] => {
                Ok(Self { next: *next, from: from.to_vec(), again: *again == 1 })
            }
            _ => Err(StoreError::Corrupt("it is no place of a look at everything".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[test]
    fn the_newest_request_is_known_with_what_is_staged_and_read_back_with_the_state() {
        let newest = Newest::default();
        let mut writes = WriteBatch::default();
        let staged = newest.stage(None, 70, &mut writes);
        let staged = newest.stage(staged, 50, &mut writes);
        assert_eq!((staged, newest.ms(None)), (Some(70), None));
        let mut store = MemoryStore::default();
        store.apply(&writes, None).unwrap();
        let mut restored = Newest::default();
        restored.read(&store).unwrap();
        assert_eq!(restored.ms(None), Some(70));
        let mut again = WriteBatch::default();
        assert_eq!(restored.stage(None, 60, &mut again), Some(70));
        assert!(again.is_empty(), "an older request says nothing new");
    }

    #[test]
    fn a_look_goes_on_where_it_stopped() {
        let look = Look { next: b'g', from: b"lc1".to_vec(), again: true };
        assert_eq!(Look::read(&look.write()).unwrap(), look);
        assert!(Look::begin().is_at_beginning() && !look.is_at_beginning());
        assert!(Look::read(b"").is_err());
    }
}
