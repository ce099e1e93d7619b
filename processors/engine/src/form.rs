//! The form of the state: one record of it says how all the others are to be read, and by which program they were written.
//!
//! It lies in the state under the engine's own namespace, byte 0, so it goes into the changelog with the first record of a
//! partition's state and sorts before all others of that transaction. A state without it was written by a program that did not
//! know it yet.
//!
//! The value, whose layout other programs may rely on:
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
//! Tag 1 holds the names of the processors that keep a state, sorted, with `, ` between them: the state belongs to those.
//!
//! A tag that a reader does not know is passed over. So a field can be added without another layout, where a program that
//! does not know it may go on all the same.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::store::{StateStore, StoreError, WriteBatch};

/// Its key in the state; 0 is no processor's namespace.
const KEY: &[u8] = b"\0form";
const LAYOUT: u8 = 1;
/// The tag of the field that names the processors that made the state.
pub(crate) const PROCESSORS: u8 = 1;

/// How a state is written, and what else whoever goes on with it has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateForm {
    number: u32,
    fields: BTreeMap<u8, Vec<u8>>,
}

/// What a state says of its form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is no state.
    Nothing,
    /// There is one that does not say it, as older programs wrote it, or says it in another layout.
    Unknown,
    /// This one.
    Form(StateForm),
}

impl StateForm {
    /// The form of this number, without any field.
    #[must_use]
    pub fn new(number: u32) -> Self {
        Self { number, fields: BTreeMap::new() }
    }

    /// With a field. What is longer than 65,535 bytes is cut off.
    #[must_use]
    pub fn with(mut self, tag: u8, mut bytes: Vec<u8>) -> Self {
        bytes.truncate(usize::from(u16::MAX));
        self.fields.insert(tag, bytes);
        self
    }

    /// The number of the form. What was written in one cannot be read in another.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The bytes of a field, where there is one.
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

    /// Writes it down with the first record of a state.
    pub(crate) fn stage(&self, writes: &mut WriteBatch) {
        if !writes.is_empty() {
            writes.put(KEY, &self.encode());
        }
    }

    /// Whether this batch writes it down.
    pub(crate) fn is_staged(writes: &WriteBatch) -> bool {
        writes.get(KEY).is_some()
    }

    /// What a state says of its form.
    ///
    /// # Errors
    /// The store failed, or the record cannot be read: wipe and restore.
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
