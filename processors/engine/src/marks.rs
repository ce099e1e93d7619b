// SPDX-License-Identifier: Apache-2.0

//! Keys that a processor has marked dirty since the last commit.

use crate::key_map::{head, sort_by_head};
use crate::pile::{Piece, Pile};

/// Dirty keys, sorted and without duplicates once they are [`tidy`](Marks::tidy).
///
/// A processor marks a key with almost every event, but the keys are read once, at the commit: until then they are only
/// appended.
#[derive(Debug, Default, Clone)]
pub(crate) struct Marks {
    bytes: Pile,
    keys: Vec<Piece>,
    /// Number of keys after the last tidying.
    tidy: usize,
}

/// Number of keys that may be appended before tidying, or as many as remained last time; so one key marked repeatedly takes no
/// more space than that.
const UNTIDY_MAX: usize = 4_096;

impl Marks {
    pub(crate) fn add(&mut self, key: &[u8]) {
        if self.keys.len() - self.tidy >= UNTIDY_MAX.max(self.tidy) {
            self.tidy();
        }
        self.keys.push(self.bytes.add(|out| out.extend_from_slice(key)));
    }

    /// Sorts the keys and removes duplicates.
    pub(crate) fn tidy(&mut self) {
        if self.tidy == self.keys.len() {
            return;
        }
        let mut keys: Vec<_> = self.keys.iter().map(|key| (head(self.bytes.get(*key)), *key)).collect();
        sort_by_head(&mut keys, |one, other| self.bytes.get(*one).cmp(self.bytes.get(*other)));
        keys.dedup_by(|(head, one), (other_head, other)| {
            head == other_head && self.bytes.get(*one) == self.bytes.get(*other)
        });
        if keys.len() == self.keys.len() {
            self.keys = keys.into_iter().map(|(_, key)| key).collect();
        } else {
            let mut bytes = Pile::default();
            let again = |key| bytes.add(|out| out.extend_from_slice(self.bytes.get(key)));
            self.keys = keys.into_iter().map(|(_, key)| key).map(again).collect();
            self.bytes = bytes;
        }
        self.tidy = self.keys.len();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|key| self.bytes.get(*key))
    }

    /// Size of the keys in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.bytes()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
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
        assert!(marks.keys.len() <= UNTIDY_MAX + 2);
        marks.tidy();
        assert_eq!(marks.iter().collect::<Vec<_>>(), [b"another".as_slice(), b"one"]);
    }
}
