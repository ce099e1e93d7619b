// SPDX-License-Identifier: Apache-2.0

//! Which keys may have changed: a Bloom filter of fixed size. Rows of files whose key has certainly not changed are not looked at
//! again. With very many changed keys it lets all pass, which costs time and changes no result.

use xxhash_rust::xxh64::xxh64;

/// The size: of seven million keys one in a hundred others passes.
const BITS: u64 = 1 << 26;
const PROBES: u64 = 5;

/// The filter.
pub(crate) struct ChangedKeys {
    words: Vec<u64>,
    is_empty: bool,
}

impl ChangedKeys {
    /// Without a key.
    pub(crate) fn new() -> Self {
        Self { words: Vec::new(), is_empty: true }
    }

    /// Whether no key was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Adds a key of a partition.
    pub(crate) fn add(&mut self, partition: i32, key: &str) {
        if self.words.is_empty() {
            self.words = vec![0; usize::try_from(BITS / 64).unwrap_or_default()];
        }
        self.is_empty = false;
        for (word, bit) in probes(partition, key) {
            if let Some(word) = self.words.get_mut(word) {
                *word |= bit;
            }
        }
    }

    /// Whether a key may have been added; never false for one that was.
    pub(crate) fn may_have(&self, partition: i32, key: &str) -> bool {
        probes(partition, key).all(|(word, bit)| self.words.get(word).is_some_and(|word| word & bit != 0))
    }
}

/// Words and bits of a key.
fn probes(partition: i32, key: &str) -> impl Iterator<Item = (usize, u64)> {
    let seed = u64::from(partition.unsigned_abs());
    let (first, step) = (xxh64(key.as_bytes(), seed), xxh64(key.as_bytes(), !seed) | 1);
    (0..PROBES).map(move |number| {
        let bit = first.wrapping_add(step.wrapping_mul(number)) % BITS;
        (usize::try_from(bit / 64).unwrap_or_default(), 1 << (bit % 64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_added_passes_and_hardly_any_other() {
        let mut keys = ChangedKeys::new();
        assert!(keys.is_empty() && !keys.may_have(0, "a"));
        (0..10_000).for_each(|number| keys.add(number % 8, &format!("c{number}/a")));
        assert!((0..10_000).all(|number| keys.may_have(number % 8, &format!("c{number}/a"))));
        let others = (0..10_000).filter(|number| keys.may_have(number % 8, &format!("d{number}/a")));
        assert!(others.count() < 10);
    }
}
