// SPDX-License-Identifier: Apache-2.0

//! Partition of a key, as Java clients compute it (contract section 7).

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;
const SHIFT: u32 = 24;

/// Java's `Utils.murmur2`, so that Kafka Streams, ksqlDB and Kafka Connect compute the same partition.
#[must_use]
pub fn murmur2(data: &[u8]) -> u32 {
    // Java hashes the low 32 bits of the length.
    #[expect(clippy::cast_possible_truncation, reason = "Java's length is an int; keys are far below 4 GiB")]
    let mut hash = SEED ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in words.by_ref() {
        if let &[a, b, c, d] = word {
            let mut k = u32::from_le_bytes([a, b, c, d]).wrapping_mul(MULTIPLIER);
            k = (k ^ (k >> SHIFT)).wrapping_mul(MULTIPLIER);
            hash = hash.wrapping_mul(MULTIPLIER) ^ k;
        }
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (place, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

/// The partition of `key` in a topic with `partitions` partitions; 0 if the topic has none.
#[must_use]
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    if partitions <= 1 {
        return 0;
    }
    let positive = (murmur2(key) & 0x7fff_ffff).cast_signed();
    positive % partitions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_gives_what_kafkas_own_tests_demand() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn a_partition_is_always_within_the_topic() {
        for n in 0..1000 {
            let key = format!("conversation-{n}");
            assert!((0..7).contains(&partition_of(key.as_bytes(), 7)));
            assert_eq!(partition_of(key.as_bytes(), 1), 0);
            assert_eq!(partition_of(key.as_bytes(), 0), 0);
        }
    }
}
