// SPDX-License-Identifier: Apache-2.0

//! A sorted map for long byte keys with common beginnings.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Number of leading key bytes stored in the map's nodes.
const HEAD: usize = 16;

/// A map from byte strings, in byte order.
///
/// State keys begin with a processor's letter and a conversation id. Comparing whole keys reads other memory at each step down
/// the tree; the leading bytes in the nodes decide most steps without that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMap<V>(BTreeMap<Key, V>);

impl<V> Default for KeyMap<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V> KeyMap<V> {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        probing(key, |probe| self.0.get(probe))
    }

    /// The mutable value of a key.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        probing(key, |probe| self.0.get_mut(probe))
    }

    /// Sets a key; returns its previous value.
    pub fn insert(&mut self, key: &[u8], value: V) -> Option<V> {
        self.0.insert(Key::of(key), value)
    }

    /// Moves in a key of another map without copying it.
    pub(crate) fn insert_taken(&mut self, key: TakenKey, value: V) -> Option<V> {
        self.0.insert(key.0, value)
    }

    /// Removes a key of another map.
    pub(crate) fn remove_taken(&mut self, key: &TakenKey) -> Option<V> {
        self.0.remove(&key.0)
    }

    /// Removes a key; returns its previous value.
    pub fn remove(&mut self, key: &[u8]) -> Option<V> {
        probing(key, |probe| self.0.remove(probe))
    }

    /// All keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        self.0.iter().map(|(key, value)| (&*key.bytes, value))
    }

    /// All keys and values from a key on, in order.
    pub fn from(&self, key: &[u8]) -> impl Iterator<Item = (&[u8], &V)> {
        let range = probing(key, |probe| self.0.range((Bound::Included(probe), Bound::Unbounded)));
        range.map(|(key, value)| (&*key.bytes, value))
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the map is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes all keys.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<V> FromIterator<(Key, V)> for KeyMap<V> {
    fn from_iter<I: IntoIterator<Item = (Key, V)>>(pairs: I) -> Self {
        Self(BTreeMap::from_iter(pairs))
    }
}

/// Sorts keys by their heads. Equal heads are rare; only then `compare` looks at the bytes.
pub(crate) fn sort_by_head<T>(keys: &mut [(u128, T)], compare: impl Fn(&T, &T) -> Ordering) {
    keys.sort_unstable_by_key(|(head, _)| *head);
    for equal in keys.chunk_by_mut(|(one, _), (other, _)| one == other).filter(|equal| equal.len() > 1) {
        equal.sort_unstable_by(|(_, one), (_, other)| compare(one, other));
    }
}

/// The leading bytes as a number in the same order. A shorter key is padded with zeros; if heads are equal, the bytes decide.
pub(crate) fn head(key: &[u8]) -> u128 {
    let mut head = [0; HEAD];
    match key.first_chunk::<HEAD>() {
        Some(first) => head = *first,
        None => head.iter_mut().zip(key).for_each(|(to, from)| *to = *from),
    }
    u128::from_be_bytes(head)
}

/// A key that is moved from one map to another.
pub(crate) struct TakenKey(pub(crate) Key);

impl TakenKey {
    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.bytes.len()
    }
}

/// A key. The order of its fields is the byte order.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) head: u128,
    pub(crate) bytes: Vec<u8>,
}

impl Key {
    pub(crate) fn of(key: &[u8]) -> Self {
        Self { head: head(key), bytes: key.to_vec() }
    }
}

thread_local! {
    /// Buffer for lookups: the map needs its own key type, and this avoids an allocation for each lookup.
    static PROBE: RefCell<Key> = const { RefCell::new(Key { head: 0, bytes: Vec::new() }) };
}

/// Calls `look` with a key for the lookup. `look` must not start another lookup.
fn probing<R>(key: &[u8], look: impl FnOnce(&Key) -> R) -> R {
    PROBE.with_borrow_mut(|probe| {
        probe.head = head(key);
        probe.bytes.clear();
        probe.bytes.extend_from_slice(key);
        look(probe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys() -> impl Strategy<Value = Vec<Vec<u8>>> {
        // Short keys, equal beginnings, and zeros, with which shorter keys are padded.
        let key = prop_oneof![
            prop::collection::vec(0..3_u8, 0..20),
            prop::collection::vec(0..2_u8, 0..4).prop_map(|tail| [
                b"the same first bytes/".as_slice(),
                &tail
            ]
            .concat()),
        ];
        prop::collection::vec(key, 0..40)
    }

    proptest! {
        #[test]
        fn it_is_in_the_order_of_the_bytes_and_finds_each(keys in keys(), probe in prop::collection::vec(0..3_u8, 0..20)) {
            let mut map = KeyMap::default();
            let mut plain = BTreeMap::new();
            for (index, key) in keys.iter().enumerate() {
                prop_assert_eq!(map.insert(key, index), plain.insert(key.clone(), index));
            }
            if let Some(key) = keys.first() {
                prop_assert_eq!(map.remove(key), plain.remove(key));
                prop_assert_eq!(map.get(key), None);
            }
            for (key, index) in &plain {
                prop_assert_eq!(map.get(key), Some(index));
                prop_assert_eq!(map.get_mut(key).copied(), Some(*index));
            }
            let all: Vec<_> = plain.iter().map(|(key, index)| (key.as_slice(), index)).collect();
            prop_assert_eq!(map.iter().collect::<Vec<_>>(), all);
            let from: Vec<_> = plain.range(probe.clone()..).map(|(key, index)| (key.as_slice(), index)).collect();
            prop_assert_eq!(map.from(&probe).collect::<Vec<_>>(), from);
            prop_assert_eq!((map.len(), map.is_empty()), (plain.len(), plain.is_empty()));
        }
    }
}
