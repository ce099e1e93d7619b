// SPDX-License-Identifier: Apache-2.0

//! Changes that are not in tables yet.

use std::sync::OnceLock;

use engine::ByHash;

use crate::hashed::Hashed;
use crate::meta::Totals;

/// The overhead of a change: its place in the vector and in the map, both with room to grow; two allocations.
const ENTRY_BYTES: usize = 120;
/// No place: no buffer has so many changes.
const NOWHERE: u32 = u32::MAX;

/// The length of a key's value before the buffer's first change of it, as far as known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// Not looked up in the tables yet; until then it counts as absent.
    Unknown,
    /// It was absent.
    Absent,
    /// Its length; longer ones count as the longest.
    Length(u32),
}

impl Before {
    pub(crate) fn known(length: Option<usize>) -> Self {
        length.map_or(Self::Absent, |length| Self::Length(u32::try_from(length).unwrap_or(u32::MAX)))
    }

    fn totals(self, key: usize) -> Totals {
        match self {
            Self::Unknown | Self::Absent => Totals::default(),
            Self::Length(length) => Totals::of(key, Some(length as usize)),
        }
    }
}

#[derive(Debug)]
struct Change {
    key: Box<[u8]>,
    value: Option<Box<[u8]>>,
    before: Before,
    /// The previous change whose key has the same hash, or [`NOWHERE`].
    next: u32,
}

/// A key and its new value; none if it is removed.
pub(crate) type Pair<'b> = (&'b [u8], Option<&'b [u8]>);

/// What a change did to the buffer, with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// The buffer has a key that it did not have, or had removed without hiding anything.
    Added(u32),
    /// A key is removed that nothing else has: the removal hides nothing.
    Gone,
    /// The key was there.
    Changed,
}

/// Changes of keys; of several changes of a key the last. Keys are found by their hashes, and sorted when they are written.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    changes: Vec<Change>,
    /// The newest change whose key has this hash.
    newest: ByHash<u32>,
    /// Places in the order of the keys, once the buffer is complete.
    order: OnceLock<Vec<u32>>,
    memory: usize,
}

impl Buffer {
    /// The buffer's change of a key: `None` without one, `Some(None)` for a removal.
    pub(crate) fn get(&self, key: Hashed<'_>) -> Option<Option<&[u8]>> {
        let change = self.changes.get(self.find(key)?)?;
        Some(change.value.as_deref())
    }

    fn find(&self, key: Hashed<'_>) -> Option<usize> {
        let mut place = *self.newest.get(&key.hash)?;
        loop {
            let at = place as usize;
            let change = self.changes.get(at)?;
            if *change.key == *key.key {
                return Some(at);
            }
            place = change.next;
        }
    }

    /// Sets or removes a key, and updates `totals`. `before` is called if the buffer does not have the key.
    pub(crate) fn set<K: AsRef<[u8]> + Into<Box<[u8]>>>(
        &mut self,
        (key, hash): (K, u64),
        value: Option<Box<[u8]>>,
        before: impl FnOnce(Hashed<'_>) -> Before,
        totals: &mut Totals,
    ) -> Placed {
        let hashed = Hashed { key: key.as_ref(), hash };
        let (length, value_length) = (hashed.key.len(), value.as_ref().map(|value| value.len()));
        totals.add(Totals::of(length, value_length));
        self.memory += value_length.unwrap_or(0);
        self.order.take();
        let known = self.find(hashed);
        if let Some((place, change)) = known.and_then(|place| Some((place, self.changes.get_mut(place)?))) {
            let is_removal = value.is_none();
            let old = std::mem::replace(&mut change.value, value).map(|old| old.len());
            totals.subtract(Totals::of(length, old));
            self.memory -= old.unwrap_or(0);
            return match (change.before, is_removal, old) {
                (Before::Absent, true, _) => Placed::Gone,
                (Before::Absent, false, None) => Placed::Added(u32::try_from(place).unwrap_or(NOWHERE)),
                _ => Placed::Changed,
            };
        }
        let before = before(hashed);
        totals.subtract(before.totals(length));
        self.memory += length + ENTRY_BYTES;
        let place = u32::try_from(self.changes.len()).unwrap_or(NOWHERE);
        let next = self.newest.insert(hash, place).unwrap_or(NOWHERE);
        let is_gone = value.is_none() && before == Before::Absent;
        self.changes.push(Change { key: key.into(), value, before, next });
        if is_gone { Placed::Gone } else { Placed::Added(place) }
    }

    /// The change at a place.
    pub(crate) fn at(&self, place: u32) -> Option<Pair<'_>> {
        self.changes.get(place as usize).map(|change| (&*change.key, change.value.as_deref()))
    }

    /// The places of all changes, in no order.
    pub(crate) fn places(&self) -> impl Iterator<Item = u32> {
        0..u32::try_from(self.changes.len()).unwrap_or(NOWHERE)
    }

    /// The places of all changes, in the order of their keys. Sorts them once: for a buffer that is complete.
    pub(crate) fn order(&self) -> &[u32] {
        self.order.get_or_init(|| {
            let mut order: Vec<(u128, u32)> =
                self.places().filter_map(|place| Some((head(self.at(place)?.0), place))).collect();
            order.sort_unstable_by(|(one, a), (other, b)| {
                one.cmp(other).then_with(|| self.at(*a).cmp(&self.at(*b)))
            });
            order.into_iter().map(|(_, place)| place).collect()
        })
    }

    /// The changes from a key on, in the order of their keys. Sorts them once: for a buffer that is complete.
    pub(crate) fn from(&self, key: &[u8]) -> impl Iterator<Item = Pair<'_>> {
        let order = self.order();
        let first = order.partition_point(|place| self.at(*place).is_some_and(|(at, _)| at < key));
        order.get(first..).unwrap_or_default().iter().filter_map(|place| self.at(*place))
    }

    /// What has to be written, in the order of the keys: without removals of keys that no table has.
    pub(crate) fn to_write(&self) -> impl Iterator<Item = Pair<'_>> {
        let changes = self.order().iter().filter_map(|place| self.changes.get(*place as usize));
        let changes = changes.filter(|change| change.value.is_some() || change.before != Before::Absent);
        changes.map(|change| (&*change.key, change.value.as_deref()))
    }

    /// Keys that tables will have and, as far as known, do not have yet, in order.
    pub(crate) fn additions(&self) -> impl Iterator<Item = &[u8]> {
        let changes = self.order().iter().filter_map(|place| self.changes.get(*place as usize));
        let is_added =
            |change: &&Change| change.value.is_some() && !matches!(change.before, Before::Length(_));
        changes.filter(is_added).map(|change| &*change.key)
    }

    /// Keys whose previous value was not looked up.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &[u8]> {
        self.changes.iter().filter(|change| change.before == Before::Unknown).map(|change| &*change.key)
    }

    /// The approximate memory of the buffer.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// The leading bytes as a number, in the same order: they decide most comparisons without a look at the keys.
fn head(key: &[u8]) -> u128 {
    let mut head = [0; 16];
    head.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    u128::from_be_bytes(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_follow_every_change_of_a_key() {
        let (mut buffer, mut totals) = (Buffer::default(), Totals::default());
        let mut set = |value: Option<&[u8]>, totals: &mut Totals| {
            buffer.set((b"ab".as_slice(), 1), value.map(Into::into), |_| Before::Absent, totals);
        };
        set(Some(b"123"), &mut totals);
        assert_eq!(totals, Totals { records: 1, bytes: 5 });
        set(Some(b"1"), &mut totals);
        assert_eq!(totals, Totals { records: 1, bytes: 3 });
        set(None, &mut totals);
        set(None, &mut totals);
        assert_eq!(totals, Totals::default());
        assert_eq!(buffer.get(Hashed { key: b"ab", hash: 1 }), Some(None));
        assert_eq!(buffer.to_write().count(), 0, "no table has the key");
    }

    #[test]
    fn a_replaced_value_that_is_known_is_taken_off_at_once() {
        let (mut buffer, mut totals) = (Buffer::default(), Totals { records: 1, bytes: 10 });
        buffer.set((b"ab".as_slice(), 1), None, |_| Before::known(Some(8)), &mut totals);
        assert_eq!(totals, Totals::default());
        assert_eq!(buffer.unknown().count(), 0);
        assert_eq!(buffer.to_write().collect::<Vec<_>>(), [(b"ab".as_slice(), None)]);
    }

    #[test]
    fn memory_grows_and_shrinks_with_the_values() {
        let (mut buffer, mut totals) = (Buffer::default(), Totals::default());
        let mut set = |length: usize| {
            buffer.set((b"a".to_vec(), 1), Some(vec![0; length].into()), |_| Before::Unknown, &mut totals);
            buffer.memory()
        };
        let full = set(100);
        assert_eq!(set(40), full - 60);
    }

    #[test]
    fn keys_with_the_same_hash_are_found_and_all_are_in_order() {
        let (mut buffer, mut totals) = (Buffer::default(), Totals::default());
        let keys: Vec<Vec<u8>> = (0..200_u8)
            .map(|number| [b"the same first bytes".as_slice(), &[number % 100]].concat())
            .collect();
        for (number, key) in keys.iter().rev().enumerate() {
            let value = number.to_string().into_bytes().into_boxed_slice();
            buffer.set((key.clone(), 1), Some(value), |_| Before::Unknown, &mut totals);
        }
        assert_eq!(buffer.get(Hashed { key: &keys[7], hash: 1 }), Some(Some(b"192".as_slice())));
        assert_eq!(buffer.get(Hashed { key: b"the same", hash: 1 }), None);
        let sorted: Vec<&[u8]> = buffer.from(&keys[3]).map(|(key, _)| key).collect();
        assert_eq!(sorted, keys[3..100].iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(buffer.to_write().count(), 100);
    }
}
