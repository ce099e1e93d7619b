// SPDX-License-Identifier: Apache-2.0

//! Keys that a processor has marked dirty since the last commit.

use crate::key_map::{head, sort_by_head};

/// Dirty keys, sorted and without duplicates once they are [`tidy`](Marks::tidy).
///
/// A processor marks a key with almost every event, but the keys are read once, at the commit: until then they are only
/// appended.
#[derive(Debug, Default, Clone)]
pub(crate) struct Marks {
    bytes: Vec<u8>,
    /// End of each key in `bytes`, where the next one begins.
    ends: Vec<usize>,
    /// Number of keys after the last tidying.
    tidy: usize,
}

/// Number of keys that may be appended before tidying, or as many as remained last time; so one key marked repeatedly takes no
/// more space than that.
const UNTIDY_MAX: usize = 4_096;

impl Marks {
    pub(crate) fn add(&mut self, key: &[u8]) {
        if self.ends.len() - self.tidy >= UNTIDY_MAX.max(self.tidy) {
            self.tidy();
        }
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }

    /// Sorts the keys and removes duplicates.
    pub(crate) fn tidy(&mut self) {
        if self.tidy == self.ends.len() {
            return;
        }
        let mut keys: Vec<_> = self.iter().map(|key| (head(key), key)).collect();
        sort_by_head(&mut keys, Ord::cmp);
        keys.dedup();
        let mut tidy = Self { bytes: Vec::with_capacity(self.bytes.len()), ..Self::default() };
        tidy.ends.reserve(keys.len());
        for (_, key) in keys {
            tidy.bytes.extend_from_slice(key);
            tidy.ends.push(tidy.bytes.len());
        }
        tidy.tidy = tidy.ends.len();
        *self = tidy;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).filter_map(|(start, end)| self.bytes.get(*start..*end))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn each_key_is_there_once_and_in_order(
            keys in prop::collection::vec((prop::collection::vec(0..3_u8, 0..20), prop::bool::weighted(0.1)), 0..60)
        ) {
            let (mut marks, mut plain) = (Marks::default(), BTreeSet::new());
            for (key, is_tidied) in keys {
                marks.add(&key);
                plain.insert(key);
                if is_tidied {
                    marks.tidy();
                }
            }
            marks.tidy();
            prop_assert_eq!(marks.is_empty(), plain.is_empty());
            prop_assert_eq!(marks.iter().map(<[u8]>::to_vec).collect::<Vec<_>>(), plain.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_key_that_is_marked_over_and_over_takes_little_room() {
        let mut marks = Marks::default();
        for number in 0..100_000 {
            marks.add(if number % 2 == 0 { b"one" } else { b"another" });
        }
        assert!(marks.ends.len() <= UNTIDY_MAX + 2);
        marks.tidy();
        assert_eq!(marks.iter().collect::<Vec<_>>(), [b"another".as_slice(), b"one"]);
    }
}
