// SPDX-License-Identifier: Apache-2.0

//! Format record of the state: one record says how all others are encoded and which program wrote them.
//!
//! It is stored under the engine's own namespace, byte 0. It goes into the changelog with the first record of a partition's
//! state, and sorts before all others of that transaction. A state without it was written by an older version.
//!
//! The layout of the value, on which other programs may rely:
//!
//! ```text
//! byte 0       the layout of this record: 1
//! bytes 1 to 4 the number of the form, big-endian
//! then fields, each:
//!   byte 0       its tag; no tag twice, in ascending order
//!   bytes 1, 2   its length, big-endian
//!   then         its bytes
//! ```
//!
//! Tag 1 holds the names of the processors with state, sorted and separated by `, `: the state belongs to them.
//!
//! A reader skips unknown tags. A field can therefore be added without a new layout if older programs may ignore it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::store::{StateStore, StoreError, WriteBatch};

/// Its key in the state; 0 is no processor's namespace.
const KEY: &[u8] = b"\0form";
const LAYOUT: u8 = 1;
/// Tag of the field with the processors that made the state.
pub(crate) const PROCESSORS: u8 = 1;

/// Format of a state and other properties that a program must know to continue with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateForm {
    number: u32,
    fields: BTreeMap<u8, Vec<u8>>,
}

/// The format that a state declares.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is no state.
    Nothing,
    /// The state has no format record, like that of older programs, or one with another layout.
    Unknown,
    /// The state has this format.
    Form(StateForm),
}

impl StateForm {
    /// A format with this number and no fields.
    #[must_use]
    pub fn new(number: u32) -> Self {
        Self { number, fields: BTreeMap::new() }
    }

    /// Adds a field, cut off after 65,535 bytes.
    #[must_use]
    pub fn with(mut self, tag: u8, mut bytes: Vec<u8>) -> Self {
        bytes.truncate(usize::from(u16::MAX));
        self.fields.insert(tag, bytes);
        self
    }

    /// The format's number. A state of one format cannot be read as another.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The value of a field, if present.
    #[must_use]
    pub fn field(&self, tag: u8) -> Option<&[u8]> {
        self.fields.get(&tag).map(Vec::as_slice)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![LAYOUT];
        bytes.extend(self.number.to_be_bytes());
        for (tag, field) in &self.fields {
            bytes.push(*tag);
            bytes.extend(u16::try_from(field.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend(field);
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Found> {
        let (&layout, rest) = bytes.split_first()?;
        if layout != LAYOUT {
            return Some(Found::Unknown);
        }
        let (number, mut rest) = rest.split_first_chunk::<4>()?;
        let mut form = Self::new(u32::from_be_bytes(*number));
        while let Some((&tag, after)) = rest.split_first() {
            let (length, after) = after.split_first_chunk::<2>()?;
            let (field, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            form.fields.insert(tag, field.to_vec());
            rest = after;
        }
        Some(Found::Form(form))
    }

    /// Writes it with the first record of a state.
    pub(crate) fn stage(&self, writes: &mut WriteBatch) {
        if !writes.is_empty() {
            writes.put(KEY, &self.encode());
        }
    }

    /// Whether this batch writes it.
    pub(crate) fn is_staged(writes: &WriteBatch) -> bool {
        writes.get(KEY).is_some()
    }

    /// Reads the format record of a state.
    ///
    /// # Errors
    /// The store failed, or the record cannot be parsed: wipe and restore.
    pub(crate) fn of(store: &dyn StateStore) -> Result<Found, StoreError> {
        if let Some(bytes) = store.get(KEY)? {
            let unreadable = || StoreError::Corrupt("the record of its form cannot be read".to_owned());
            return Self::decode(&bytes).ok_or_else(unreadable);
        }
        let mut found = Found::Nothing;
        store.scan(b"", &mut |_, _| {
            found = Found::Unknown;
            ControlFlow::Break(())
        })?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    fn store(key: &[u8], value: &[u8]) -> MemoryStore {
        let mut store = MemoryStore::default();
        let mut batch = WriteBatch::default();
        batch.put(key, value);
        store.apply(&batch, None).unwrap();
        store
    }

    #[test]
    fn a_form_is_written_as_these_bytes_and_read_back() {
        let form = StateForm::new(5).with(2, b"xy".to_vec()).with(1, vec![]);
        assert_eq!(form.encode(), [1, 0, 0, 0, 5, 1, 0, 0, 2, 0, 2, b'x', b'y']);
        assert_eq!(StateForm::of(&store(KEY, &form.encode())).unwrap(), Found::Form(form));
    }

    #[test]
    fn a_state_without_a_form_is_told_from_no_state() {
        assert_eq!(StateForm::of(&MemoryStore::default()).unwrap(), Found::Nothing);
        assert_eq!(StateForm::of(&store(b"a", b"1")).unwrap(), Found::Unknown);
    }

    #[test]
    fn a_record_that_is_no_form_is_damage() {
        let whole = StateForm::new(5).with(1, b"ab".to_vec()).encode();
        for length in (0..whole.len()).filter(|length| *length != 5) {
            assert!(StateForm::of(&store(KEY, &whole[..length])).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_form_of_another_layout_is_no_form_that_is_known() {
        assert_eq!(StateForm::of(&store(KEY, &[9, 5])).unwrap(), Found::Unknown);
    }

    #[test]
    fn it_is_written_only_with_a_state() {
        let mut writes = WriteBatch::default();
        StateForm::new(5).stage(&mut writes);
        assert!(!StateForm::is_staged(&writes));
        writes.put(b"a", b"1");
        StateForm::new(5).stage(&mut writes);
        assert_eq!(writes.iter().next().map(|(key, _)| key), Some(KEY), "and before all other records");
    }
}
