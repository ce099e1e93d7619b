// SPDX-License-Identifier: Apache-2.0

//! Maps whose keys are hashes already.

use std::hash::Hasher;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A hasher for keys that are hashes.
#[derive(Debug, Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
