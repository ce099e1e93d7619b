// SPDX-License-Identifier: Apache-2.0

//! Batch of key changes that are applied together.

use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::hashed::ByHash;
use crate::key_map::{Key, KeyMap, TakenKey, sort_by_head};

/// Changes that become visible together; the last change of a key wins.
///
/// While events are taken, keys are looked up often, but their order matters only for scans. Keys are therefore found by hash
/// and sorted once at the end. Keys under scanned prefixes are kept sorted in addition.
#[derive(Debug, Default, Clone)]
pub struct WriteBatch {
    /// In the order of arrival.
    changes: Vec<Change>,
    /// Index of the newest change whose key has this hash.
    places: ByHash<usize>,
    seed: Seed,
    regions: Vec<Region>,
    /// Indexes in the order of the keys; valid until another key arrives.
    order: Vec<usize>,
    bytes: usize,
    longest_key: usize,
}

#[derive(Debug, Clone)]
struct Change {
    key: Key,
    value: Option<Box<[u8]>>,
    /// Index of the previous change whose key has the same hash, or [`NOWHERE`].
    before: usize,
}

/// No index: no vector is this long.
const NOWHERE: usize = usize::MAX;

/// Seed of all hashes, so that no producer can choose keys with colliding hashes.
#[derive(Debug, Clone, Copy)]
struct Seed(u64);

impl Default for Seed {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0))
    }
}

/// Indexes of all keys that begin with the same two bytes, sorted: a processor's namespace and a kind of record.
#[derive(Debug, Clone)]
struct Region {
    first: [u8; REGION],
    places: KeyMap<usize>,
}

const REGION: usize = 2;

impl WriteBatch {
    /// Sets a key.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.set(key, Some(value.into()));
    }

    /// Sets a key without copying the value, if its buffer has no spare capacity.
    pub fn put_owned(&mut self, key: &[u8], value: Vec<u8>) {
        self.set(key, Some(value.into_boxed_slice()));
    }

    /// Removes a key.
    pub fn delete(&mut self, key: &[u8]) {
        self.set(key, None);
    }

    fn set(&mut self, key: &[u8], value: Option<Box<[u8]>>) {
        self.set_hashed(self.hash(key), key, value);
    }

    fn set_hashed(&mut self, hash: u64, key: &[u8], value: Option<Box<[u8]>>) {
        self.bytes += length(value.as_deref());
        let place = self.changes.len();
        let before = match self.places.entry(hash) {
            Entry::Vacant(vacant) => {
                vacant.insert(place);
                NOWHERE
            }
            Entry::Occupied(mut newest) => {
                if let Some(known) = find(&self.changes, *newest.get(), key)
                    && let Some(change) = self.changes.get_mut(known)
                {
                    self.bytes -= length(change.value.as_deref());
                    change.value = value;
                    return;
                }
                newest.insert(place)
            }
        };
        self.bytes += key.len();
        self.longest_key = self.longest_key.max(key.len());
        for region in self.regions.iter_mut().filter(|region| key.starts_with(&region.first)) {
            region.places.insert(key, place);
        }
        self.changes.push(Change { key: Key::of(key), value, before });
    }

    fn hash(&self, key: &[u8]) -> u64 {
        xxh3_64_with_seed(key, self.seed.0)
    }

    /// The batch's change of a key: `None` if unchanged, `Some(None)` if removed.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.get_hashed(self.hash(key), key)
    }

    fn get_hashed(&self, hash: u64, key: &[u8]) -> Option<Option<&[u8]>> {
        let place = find(&self.changes, *self.places.get(&hash)?, key)?;
        self.changes.get(place).map(|change| change.value.as_deref())
    }

    /// Sorts the changes, so that [`iter`](Self::iter) need not do it each time.
    pub(crate) fn arrange(&mut self) {
        if !self.is_arranged() {
            self.order = self.ordered();
        }
    }

    /// Keys are never removed from the batch.
    fn is_arranged(&self) -> bool {
        self.order.len() == self.changes.len()
    }

    fn ordered(&self) -> Vec<usize> {
        let head = |(place, change): (usize, &Change)| (change.key.head, place);
        let mut places: Vec<_> = self.changes.iter().enumerate().map(head).collect();
        let bytes = |place: &usize| self.changes.get(*place).map(|change| change.key.bytes.as_slice());
        sort_by_head(&mut places, |one, other| bytes(one).cmp(&bytes(other)));
        places.into_iter().map(|(_, place)| place).collect()
    }

    /// The changes, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let (known, found) = match self.is_arranged() {
            true => (self.order.as_slice(), Vec::new()),
            false => ([].as_slice(), self.ordered()),
        };
        let places = known.iter().copied().chain(found);
        places.filter_map(|place| self.changes.get(place)).map(Change::as_pair)
    }

    /// All keys and values, sorted, to be moved into another map.
    pub(crate) fn into_taken(mut self) -> impl Iterator<Item = (TakenKey, Option<Box<[u8]>>)> {
        self.arrange();
        let mut changes = self.changes;
        self.order.into_iter().filter_map(move |place| {
            let change = changes.get_mut(place)?;
            Some((TakenKey(std::mem::take(&mut change.key)), change.value.take()))
        })
    }

    /// All keys and values, in no order, to be moved into a store.
    pub fn into_changes(self) -> impl Iterator<Item = (Vec<u8>, Option<Box<[u8]>>)> {
        self.changes.into_iter().map(|change| (change.key.bytes, change.value))
    }

    /// Keeps keys that begin with the same two bytes as `prefix` sorted from now on, so that [`under`](Self::under) finds them
    /// without looking at the others.
    pub(crate) fn keep_in_order(&mut self, prefix: &[u8]) {
        let Some(first) = prefix.first_chunk::<REGION>().filter(|_| self.region(prefix).is_none()) else {
            return;
        };
        let changes = self.changes.iter().enumerate();
        let of_region = changes.filter(|(_, change)| change.key.bytes.starts_with(first));
        let places = of_region.map(|(place, change)| (change.key.clone(), place)).collect();
        self.regions.push(Region { first: *first, places });
    }

    /// The region of all keys that begin with `prefix`, if it is kept sorted.
    fn region(&self, prefix: &[u8]) -> Option<&Region> {
        self.regions.iter().find(|region| prefix.starts_with(&region.first))
    }

    /// The changes of keys that begin with `prefix` and are not before `from`, which must begin with `prefix`; sorted by key.
    pub fn under<'b>(
        &'b self,
        prefix: &'b [u8],
        from: &[u8],
    ) -> impl Iterator<Item = (&'b [u8], Option<&'b [u8]>)> {
        let region = self.region(prefix);
        let known = region.map(|region| {
            let places = region.places.from(from).take_while(move |(key, _)| key.starts_with(prefix));
            places.filter_map(|(_, place)| self.changes.get(*place))
        });
        let mut found = Vec::new();
        if region.is_none() {
            let is_in = |key: &[u8]| key.starts_with(prefix) && key >= from;
            found.extend(self.changes.iter().filter(|change| is_in(&change.key.bytes)));
            found.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        }
        known.into_iter().flatten().chain(found).map(Change::as_pair)
    }

    /// Size of the keys and values in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Size of the longest changed key in bytes.
    #[must_use]
    pub fn longest_key(&self) -> usize {
        self.longest_key
    }

    /// Number of changed keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Removes all changes.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Compares the resulting changes, regardless of the order in which they were made.
impl PartialEq for WriteBatch {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.changes.iter().map(Change::as_pair).all(|(key, value)| other.get(key) == Some(value))
    }
}

impl Eq for WriteBatch {}

impl Change {
    fn as_pair(&self) -> (&[u8], Option<&[u8]>) {
        (&self.key.bytes, self.value.as_deref())
    }
}

fn length(value: Option<&[u8]>) -> usize {
    value.map_or(0, <[u8]>::len)
}

/// Index of a key, searched from the newest one with its hash.
fn find(changes: &[Change], mut place: usize, key: &[u8]) -> Option<usize> {
    loop {
        let change = changes.get(place)?;
        if change.key.bytes == key {
            return Some(place);
        }
        place = change.before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Plain = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

    #[derive(Debug, Clone)]
    enum Step {
        Put(Vec<u8>, Vec<u8>),
        Delete(Vec<u8>),
        Get(Vec<u8>),
        /// The changes under a prefix, from a key on; `true` keeps these keys sorted from then on.
        Under(Vec<u8>, Vec<u8>, bool),
        All,
        Arrange,
    }

    /// Short keys, so that keys repeat and share prefixes, and zeros, which pad the head of short keys; some longer than a
    /// head.
    fn keys() -> impl Strategy<Value = Vec<u8>> {
        let short = prop::collection::vec(0..3_u8, 0..4);
        let long = prop::collection::vec(0..2_u8, 0..3).prop_map(|tail| {
            let mut key = vec![1; 16];
            key.extend(tail);
            key
        });
        prop_oneof![3 => short, 1 => long]
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let value = || prop::collection::vec(0..3_u8, 0..3);
        let step = prop_oneof![
            4 => (keys(), value()).prop_map(|(key, value)| Step::Put(key, value)),
            2 => keys().prop_map(Step::Delete),
            2 => keys().prop_map(Step::Get),
            3 => (keys(), value(), any::<bool>()).prop_map(|(prefix, more, keep)| Step::Under(prefix, more, keep)),
            1 => Just(Step::All),
            1 => Just(Step::Arrange),
        ];
        prop::collection::vec(step, 0..80)
    }

    fn owned<'b>(
        pairs: impl Iterator<Item = (&'b [u8], Option<&'b [u8]>)>,
    ) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        pairs.map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))).collect()
    }

    fn check(batch: &WriteBatch, plain: &Plain) -> Result<(), TestCaseError> {
        let all: Vec<_> = plain.clone().into_iter().collect();
        prop_assert_eq!(owned(batch.iter()), all);
        prop_assert_eq!((batch.len(), batch.is_empty()), (plain.len(), plain.is_empty()));
        let bytes = plain.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
        prop_assert_eq!(batch.bytes(), bytes.sum::<usize>());
        prop_assert_eq!(batch.longest_key(), plain.keys().map(Vec::len).max().unwrap_or(0));
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        /// With few different hashes, keys collide, which real keys almost never do.
        #[test]
        fn it_is_a_sorted_map(steps in steps(), hashes in prop_oneof![Just(u64::MAX), Just(3), Just(1)]) {
            let (mut batch, mut plain) = (WriteBatch::default(), Plain::new());
            for step in steps {
                match step {
                    Step::Put(key, value) => {
                        let hash = batch.hash(&key) % hashes;
                        batch.set_hashed(hash, &key, Some(value.as_slice().into()));
                        plain.insert(key, Some(value));
                    }
                    Step::Delete(key) => {
                        let hash = batch.hash(&key) % hashes;
                        batch.set_hashed(hash, &key, None);
                        plain.insert(key, None);
                    }
                    Step::Get(key) => {
                        let found = batch.get_hashed(batch.hash(&key) % hashes, &key);
                        prop_assert_eq!(found, plain.get(&key).map(Option::as_deref));
                    }
                    Step::Under(prefix, more, keep) => {
                        if keep {
                            batch.keep_in_order(&prefix);
                        }
                        let from = [prefix.as_slice(), &more].concat();
                        let under = plain.range(from.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
                        let under: Vec<_> = under.map(|(key, value)| (key.clone(), value.clone())).collect();
                        prop_assert_eq!(owned(batch.under(&prefix, &from)), under);
                    }
                    Step::All => check(&batch, &plain)?,
                    Step::Arrange => batch.arrange(),
                }
            }
            check(&batch, &plain)?;
            let mut taken = KeyMap::default();
            let mut order = Vec::new();
            for (number, (key, value)) in batch.clone().into_taken().enumerate() {
                taken.insert_taken(key, (number, value));
            }
            for (key, (number, value)) in taken.iter() {
                prop_assert_eq!(*number, order.len());
                order.push((key.to_vec(), value.as_deref().map(<[u8]>::to_vec)));
            }
            prop_assert_eq!(order, plain.into_iter().collect::<Vec<_>>());
            batch.clear();
            prop_assert_eq!(batch, WriteBatch::default());
        }

        #[test]
        fn batches_are_equal_that_say_the_same(steps in steps(), other in prop::option::of(keys())) {
            let put = |batch: &mut WriteBatch, step: &Step| match step {
                Step::Put(key, value) => batch.put(key, value),
                Step::Delete(key) => batch.delete(key),
                _ => {}
            };
            let (mut one, mut two) = (WriteBatch::default(), WriteBatch::default());
            steps.iter().for_each(|step| put(&mut one, step));
            let all = owned(one.iter());
            for (key, value) in all.iter().rev() {
                put(&mut two, &match value {
                    Some(value) => Step::Put(key.clone(), value.clone()),
                    None => Step::Delete(key.clone()),
                });
            }
            prop_assert_eq!(&one, &two);
            prop_assert_eq!(&one.clone(), &two);
            if let Some(key) = other {
                two.put(&key, b"something else");
                prop_assert_ne!(one, two);
            }
        }
    }
}
