// SPDX-License-Identifier: Apache-2.0

//! The committed state, which a processor may read between commits.

use std::ops::ControlFlow;

use crate::error::ProcessError;
use crate::store::StateStore;

/// The state of a processor as of the last commit.
pub struct Committed<'t> {
    pub(crate) namespace: u8,
    pub(crate) store: &'t dyn StateStore,
}

impl Committed<'_> {
    /// Passes the first key that begins with `prefix` to `read`; `None` if there is none.
    ///
    /// # Errors
    /// The store failed; propagate the error.
    pub fn first<R>(&self, prefix: &[u8], read: impl Fn(&[u8]) -> R) -> Result<Option<R>, ProcessError> {
        let mut full = Vec::with_capacity(prefix.len() + 1);
        full.push(self.namespace);
        full.extend_from_slice(prefix);
        let mut first = None;
        self.store.scan(&full, &mut |key, _| {
            first = Some(read(key.get(1..).unwrap_or_default()));
            ControlFlow::Break(())
        })?;
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryStore, WriteBatch};

    #[test]
    fn the_first_key_is_the_least_one_of_this_processor() {
        let mut store = MemoryStore::default();
        let mut writes = WriteBatch::default();
        for key in ["at0", "bt3", "bt2", "bu1", "ct1"] {
            writes.put(key.as_bytes(), b"");
        }
        store.apply(&writes, None).unwrap();
        let committed = Committed { namespace: b'b', store: &store };
        assert_eq!(committed.first(b"t", <[u8]>::to_vec).unwrap(), Some(b"t2".to_vec()));
        assert_eq!(committed.first(b"x", <[u8]>::to_vec).unwrap(), None);
    }
}
