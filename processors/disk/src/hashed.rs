// SPDX-License-Identifier: Apache-2.0

//! Keys with their hashes. A key is hashed once, for all maps and the filter.

use std::hash::{BuildHasher, RandomState};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A key with its hash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hashed<'k> {
    pub(crate) key: &'k [u8],
    pub(crate) hash: u64,
}

/// The seed of all hashes of a process, so that no producer can choose keys with colliding hashes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed(u64);

impl Default for Seed {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0))
    }
}

impl Seed {
    pub(crate) fn hashed(self, key: &[u8]) -> Hashed<'_> {
        Hashed { key, hash: xxh3_64_with_seed(key, self.0) }
    }
}
