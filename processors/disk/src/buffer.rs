// SPDX-License-Identifier: Apache-2.0

//! Sorted changes that are not in tables yet.

use engine::KeyMap;

use crate::meta::Totals;

/// The overhead of an entry in a sorted map: pointers to key and value, their allocations, the key's prefix, its share of a
/// node.
const ENTRY_BYTES: usize = 120;

/// The length of a key's value before the buffer's first change of it, as far as known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// Not looked up in the tables yet; until then it counts as absent.
    Unknown,
    Known(Option<usize>),
}

#[derive(Debug)]
struct BufferedChange {
    value: Option<Box<[u8]>>,
    before: Before,
}

/// Changes of keys; of several changes of a key the last.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    changes: KeyMap<BufferedChange>,
    memory: usize,
}

impl Buffer {
    /// The buffer's change of a key: `None` without one, `Some(None)` for a removal.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.changes.get(key).map(|change| change.value.as_deref())
    }

    /// Sets or removes a key, and updates `totals`. `before` is called if the buffer does not have the key.
    pub(crate) fn set(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        before: impl FnOnce() -> Before,
        totals: &mut Totals,
    ) {
        totals.add(Totals::of(key.len(), value.map(<[u8]>::len)));
        self.memory += value.map_or(0, <[u8]>::len);
        if let Some(change) = self.changes.get_mut(key) {
            let old = change.value.as_ref().map(|old| old.len());
            totals.subtract(Totals::of(key.len(), old));
            self.memory -= old.unwrap_or(0);
            match (value, &mut change.value) {
                // The common case of a counter: no new allocation.
                (Some(new), Some(old)) if new.len() == old.len() => old.copy_from_slice(new),
                (new, old) => *old = new.map(Into::into),
            }
        } else {
            let before = before();
            if let Before::Known(old) = before {
                totals.subtract(Totals::of(key.len(), old));
            }
            self.memory += key.len() + ENTRY_BYTES;
            self.changes.insert(key, BufferedChange { value: value.map(Into::into), before });
        }
    }

    /// The changes from a key on, in key order.
    pub(crate) fn from(&self, key: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.changes.from(key).map(|(key, change)| (key, change.value.as_deref()))
    }

    /// Keys whose previous value was not looked up.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &[u8]> {
        self.changes.iter().filter(|(_, change)| change.before == Before::Unknown).map(|(key, _)| key)
    }

    /// The approximate memory of the buffer.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_follow_every_change_of_a_key() {
        let (mut buffer, mut totals) = (Buffer::default(), Totals::default());
        let absent = || Before::Known(None);
        buffer.set(b"ab", Some(b"123"), absent, &mut totals);
        assert_eq!(totals, Totals { records: 1, bytes: 5 });
        buffer.set(b"ab", Some(b"1"), absent, &mut totals);
        assert_eq!(totals, Totals { records: 1, bytes: 3 });
        buffer.set(b"ab", None, absent, &mut totals);
        buffer.set(b"ab", None, absent, &mut totals);
        assert_eq!(totals, Totals::default());
        assert_eq!(buffer.get(b"ab"), Some(None));
    }

    #[test]
    fn a_replaced_value_that_is_known_is_taken_off_at_once() {
        let (mut buffer, mut totals) = (Buffer::default(), Totals { records: 1, bytes: 10 });
        buffer.set(b"ab", None, || Before::Known(Some(8)), &mut totals);
        assert_eq!(totals, Totals::default());
        assert_eq!(buffer.unknown().count(), 0);
    }

    #[test]
    fn memory_grows_and_shrinks_with_the_values() {
        let (mut buffer, mut totals) = (Buffer::default(), Totals::default());
        buffer.set(b"a", Some(&[0; 100]), || Before::Unknown, &mut totals);
        let full = buffer.memory();
        buffer.set(b"a", Some(&[0; 40]), || Before::Unknown, &mut totals);
        assert_eq!(buffer.memory(), full - 60);
    }
}
