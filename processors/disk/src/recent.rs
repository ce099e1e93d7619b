// SPDX-License-Identifier: Apache-2.0

//! A cache of values read from tables. A read from a table has to search a block.

use engine::ByHash;

use crate::hashed::Hashed;

/// The overhead of an entry.
const ENTRY_BYTES: usize = 96;

struct Entry {
    key: Box<[u8]>,
    value: Option<Box<[u8]>>,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, |value| value.len()) + ENTRY_BYTES
    }
}

/// One entry for each hash: of two keys with the same one, the last.
type Entries = ByHash<Entry>;

/// Two halves: values read go into the young one; when it is full, it becomes the old one, and the previous old one is dropped.
#[derive(Default)]
pub(crate) struct Recent {
    young: Entries,
    old: Entries,
    young_bytes: usize,
}

impl Recent {
    /// The tables' value of a key, if it is cached. A missing key is cached too.
    pub(crate) fn get(&mut self, key: Hashed<'_>, most_bytes: usize) -> Option<Option<&[u8]>> {
        if !self.young.contains_key(&key.hash)
            && let Some(entry) = self.old.remove(&key.hash)
        {
            self.insert(key.hash, entry, most_bytes);
        }
        let entry = self.young.get(&key.hash).filter(|entry| *entry.key == *key.key)?;
        Some(entry.value.as_deref())
    }

    /// Caches a value of the tables. Values that would evict many others are not cached.
    pub(crate) fn remember(&mut self, key: Hashed<'_>, value: Option<&[u8]>, most_bytes: usize) {
        if value.map_or(0, <[u8]>::len) <= most_bytes / 64 {
            let entry = Entry { key: key.key.into(), value: value.map(Into::into) };
            self.insert(key.hash, entry, most_bytes);
        }
    }

    fn insert(&mut self, hash: u64, entry: Entry, most_bytes: usize) {
        self.young_bytes += entry.bytes();
        if self.young_bytes > most_bytes / 2 {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.young_bytes = entry.bytes();
        }
        self.old.remove(&hash);
        if let Some(replaced) = self.young.insert(hash, entry) {
            self.young_bytes -= replaced.bytes();
        }
    }

    /// Removes a key that is about to change, and returns its value's length, if known.
    pub(crate) fn forget(&mut self, key: Hashed<'_>) -> Option<Option<usize>> {
        let take = |entries: &mut Entries| {
            let is_it = entries.get(&key.hash).is_some_and(|entry| *entry.key == *key.key);
            if is_it { entries.remove(&key.hash) } else { None }
        };
        let young = take(&mut self.young);
        self.young_bytes -= young.as_ref().map_or(0, Entry::bytes);
        let known = young.or_else(|| take(&mut self.old));
        known.map(|entry| entry.value.map(|value| value.len()))
    }

    /// The maximum of bytes held.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.young.values().chain(self.old.values()).map(Entry::bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashed::Seed;

    const MOST: usize = 64 * 200;

    #[test]
    fn what_was_read_is_known_and_what_is_about_to_change_is_not() {
        let (mut recent, seed) = (Recent::default(), Seed::default());
        recent.remember(seed.hashed(b"a"), Some(b"123"), MOST);
        recent.remember(seed.hashed(b"b"), None, MOST);
        assert_eq!(recent.get(seed.hashed(b"a"), MOST), Some(Some(b"123".as_slice())));
        assert_eq!(recent.get(seed.hashed(b"b"), MOST), Some(None));
        assert_eq!(recent.forget(seed.hashed(b"a")), Some(Some(3)));
        assert_eq!(recent.get(seed.hashed(b"a"), MOST), None);
    }

    #[test]
    fn it_keeps_what_is_read_again_and_never_more_than_it_may() {
        let (mut recent, seed) = (Recent::default(), Seed::default());
        recent.remember(seed.hashed(b"again"), Some(b"1"), MOST);
        for number in 0..1000_u32 {
            recent.remember(seed.hashed(&number.to_be_bytes()), Some(&[0; 100]), MOST);
            assert!(recent.get(seed.hashed(b"again"), MOST).is_some(), "after {number}");
            assert!(recent.bytes() <= MOST);
        }
        assert_eq!(recent.get(seed.hashed(&0_u32.to_be_bytes()), MOST), None);
    }

    #[test]
    fn a_large_value_drives_nothing_out() {
        let (mut recent, seed) = (Recent::default(), Seed::default());
        recent.remember(seed.hashed(b"a"), Some(b"1"), MOST);
        recent.remember(seed.hashed(b"large"), Some(&[0; MOST]), MOST);
        assert_eq!(recent.get(seed.hashed(b"large"), MOST), None);
        assert!(recent.get(seed.hashed(b"a"), MOST).is_some());
    }
}
