// SPDX-License-Identifier: Apache-2.0

//! Dead letters refused as too large: their topic accepts less than at the start, or did not report its limit.

use engine::LETTER_BYTES_LEAST;

/// The sizes of a transaction's dead letters, with Kafka's framing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentSizes {
    largest: usize,
    sum: usize,
}

impl SentSizes {
    /// Counts a dead letter of this size.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.largest = self.largest.max(bytes);
        self.sum = self.sum.saturating_add(bytes);
    }

    /// The largest batch of dead letters that a broker may have received, where a batch has at most `batch_bytes`.
    fn at_once(self, batch_bytes: usize) -> usize {
        self.largest.max(self.sum.min(batch_bytes))
    }
}

/// The remedy for refused dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Smaller {
    /// Limit dead letters to this size.
    Limit(usize),
    /// The limit is known already; only this producer's batches have to become smaller.
    Batches,
    /// A dead letter without its optional parts was refused: the topic cannot hold dead letters.
    Hopeless,
}

/// Chooses the remedy. `takes` is the topic's own limit, when known. If it does not help, try half of the refused size.
pub(crate) fn smaller(limit: usize, sent: SentSizes, batch_bytes: usize, takes: Option<usize>) -> Smaller {
    let refused = sent.at_once(batch_bytes);
    if refused > limit {
        return Smaller::Batches;
    }
    let next = takes.filter(|takes| *takes < refused).unwrap_or(refused / 2);
    if next < LETTER_BYTES_LEAST { Smaller::Hopeless } else { Smaller::Limit(next) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn sent(letters: &[usize]) -> SentSizes {
        let mut sent = SentSizes::default();
        letters.iter().for_each(|bytes| sent.add(*bytes));
        sent
    }

    #[test]
    fn the_limit_becomes_what_the_topic_takes_or_half_of_what_it_refused() {
        let large = sent(&[3 * MIB, 100]);
        assert_eq!(smaller(32 * MIB, large, MIB, Some(2 * MIB)), Smaller::Limit(2 * MIB));
        assert_eq!(
            smaller(32 * MIB, large, MIB, Some(4 * MIB)),
            Smaller::Limit(3 * MIB / 2),
            "it takes less all the same"
        );
        assert_eq!(smaller(32 * MIB, large, MIB, None), Smaller::Limit(3 * MIB / 2));
    }

    #[test]
    fn small_letters_that_are_refused_together_go_in_smaller_batches() {
        let many = sent(&[100_000; 20]);
        assert_eq!(smaller(32 * MIB, many, 1_000_000, Some(200_000)), Smaller::Limit(200_000));
        assert_eq!(
            smaller(200_000, many, 1_000_000, Some(200_000)),
            Smaller::Batches,
            "another worker has found out"
        );
    }

    #[test]
    fn it_ends_however_little_the_topic_takes() {
        let (mut limit, mut tries) = (32 * MIB, 0);
        while let Smaller::Limit(next) = smaller(limit, sent(&[limit]), MIB, None) {
            assert!(next < limit);
            (limit, tries) = (next, tries + 1);
        }
        assert!(tries < 16 && smaller(limit, sent(&[limit]), MIB, None) == Smaller::Hopeless);
    }
}
