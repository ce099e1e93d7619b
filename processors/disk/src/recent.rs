// SPDX-License-Identifier: Apache-2.0

//! A cache of values read from tables. A read from a table has to search a block.

use std::collections::HashMap;

/// The overhead of an entry.
const ENTRY_BYTES: usize = 96;

type Values = HashMap<Box<[u8]>, Option<Box<[u8]>>>;

/// Two halves: values read go into the young one; when it is full, it becomes the old one, and the previous old one is dropped.
#[derive(Default)]
pub(crate) struct Recent {
    young: Values,
    old: Values,
    young_bytes: usize,
}

impl Recent {
    /// The tables' value of a key, if it is cached. A missing key is cached too.
    pub(crate) fn get(&mut self, key: &[u8], most_bytes: usize) -> Option<Option<&[u8]>> {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.insert(key, value, most_bytes);
        }
        self.young.get(key).map(Option::as_deref)
    }

    /// Caches a value of the tables. Values that would evict many others are not cached.
    pub(crate) fn remember(&mut self, key: &[u8], value: Option<&[u8]>, most_bytes: usize) {
        if value.map_or(0, <[u8]>::len) <= most_bytes / 64 {
            self.insert(key.into(), value.map(Into::into), most_bytes);
        }
    }

    fn insert(&mut self, key: Box<[u8]>, value: Option<Box<[u8]>>, most_bytes: usize) {
        self.young_bytes += key.len() + value.as_ref().map_or(0, |value| value.len()) + ENTRY_BYTES;
        if self.young_bytes > most_bytes / 2 {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.young_bytes = key.len() + value.as_ref().map_or(0, |value| value.len()) + ENTRY_BYTES;
        }
        self.young.insert(key, value);
    }

    /// Removes a key that is about to change, and returns its value's length, if known.
    pub(crate) fn forget(&mut self, key: &[u8]) -> Option<Option<usize>> {
        let known = self.young.remove(key).or_else(|| self.old.remove(key));
        known.map(|value| value.map(|value| value.len()))
    }

    /// The maximum of bytes held.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        let of = |values: &Values| -> usize {
            values
                .iter()
                .map(|(key, value)| key.len() + value.as_ref().map_or(0, |v| v.len()) + ENTRY_BYTES)
                .sum()
        };
        of(&self.young) + of(&self.old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 64 * 200;

    #[test]
    fn what_was_read_is_known_and_what_is_about_to_change_is_not() {
        let mut recent = Recent::default();
        recent.remember(b"a", Some(b"123"), MOST);
        recent.remember(b"b", None, MOST);
        assert_eq!(recent.get(b"a", MOST), Some(Some(b"123".as_slice())));
        assert_eq!(recent.get(b"b", MOST), Some(None));
        assert_eq!(recent.forget(b"a"), Some(Some(3)));
        assert_eq!(recent.get(b"a", MOST), None);
    }

    #[test]
    fn it_keeps_what_is_read_again_and_never_more_than_it_may() {
        let mut recent = Recent::default();
        recent.remember(b"again", Some(b"1"), MOST);
        for number in 0..1000_u32 {
            recent.remember(&number.to_be_bytes(), Some(&[0; 100]), MOST);
            assert!(recent.get(b"again", MOST).is_some(), "after {number}");
            assert!(recent.bytes() <= MOST);
        }
        assert_eq!(recent.get(&0_u32.to_be_bytes(), MOST), None);
    }

    #[test]
    fn a_large_value_drives_nothing_out() {
        let mut recent = Recent::default();
        recent.remember(b"a", Some(b"1"), MOST);
        recent.remember(b"large", Some(&[0; MOST]), MOST);
        assert_eq!(recent.get(b"large", MOST), None);
        assert!(recent.get(b"a", MOST).is_some());
    }
}
