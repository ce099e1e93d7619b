// SPDX-License-Identifier: Apache-2.0

//! Histograms of `cx.metrics` (contract, section 6): counts of values by upper bound. Counts can be subtracted, so histograms
//! stay correct when a late event corrects a value.

/// Number of bounds. The last one is beyond any time between two events.
pub const BUCKETS: usize = 384;
/// Number of bounds that are the integers from 0.
const EXACT: usize = 11;

const BOUNDS: [i64; BUCKETS] = bounds();

/// The integers from 0 to 10; then each bound is the previous one times 1.1, rounded down.
#[expect(clippy::indexing_slicing, reason = "checked when the program is compiled")]
const fn bounds() -> [i64; BUCKETS] {
    let mut bounds = [0; BUCKETS];
    let mut place = 1;
    while place < BUCKETS {
        let last = bounds[place - 1];
        // Equals last * 11 / 10, without the large product.
        bounds[place] = if place < EXACT { last + 1 } else { last + last / 10 };
        place += 1;
    }
    bounds
}

/// A bucket of a histogram: the values up to its bound and above the previous bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u16);

impl Bucket {
    /// The bucket that counts a value: that of the smallest bound that is not below it. Values below 0 count as 0; values above
    /// the last bound, which no two event times are apart, count as that bound.
    #[must_use]
    pub fn of(value: i64) -> Self {
        let place = BOUNDS.partition_point(|bound| *bound < value).min(BUCKETS - 1);
        Self(u16::try_from(place).unwrap_or(u16::MAX))
    }

    /// The bucket of a number from [`Bucket::place`]; `None` for any other number.
    #[must_use]
    pub fn at(place: u16) -> Option<Self> {
        (usize::from(place) < BUCKETS).then_some(Self(place))
    }

    /// Its number in stored state: the number of smaller bounds. It never changes.
    #[must_use]
    pub fn place(self) -> u16 {
        self.0
    }

    /// Its upper bound: the largest value it counts.
    #[must_use]
    pub fn bound(self) -> i64 {
        BOUNDS.get(usize::from(self.0)).copied().unwrap_or(i64::MAX)
    }
}

/// The given percentile of the counted values, by nearest rank: a bound, so at most a tenth above the exact value. `counts` are
/// a histogram's counts by bound; `None` if nothing is counted.
#[must_use]
pub fn percentile(counts: &[(i64, i64)], percent: f64) -> Option<i64> {
    let mut sorted: Vec<(i64, i64)> = counts.iter().copied().filter(|(_, count)| *count > 0).collect();
    sorted.sort_unstable();
    let total = sorted.iter().fold(0_i64, |sum, (_, count)| sum.saturating_add(*count));
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "counts are small")]
    let rank = ((percent.clamp(0.0, 100.0) / 100.0 * total as f64).ceil() as i64).max(1);
    let mut seen = 0_i64;
    sorted.into_iter().find_map(|(bound, count)| {
        seen = seen.saturating_add(count);
        (seen >= rank).then_some(bound)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_are_the_contracts() {
        let known = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 24];
        assert_eq!(BOUNDS[..known.len()], known);
        for pair in BOUNDS[EXACT - 1..].windows(2) {
            assert_eq!(i128::from(pair[1]), i128::from(pair[0]) * 11 / 10);
        }
        let years_100_ms = 100 * 366 * 86_400_000;
        assert!(BOUNDS[BUCKETS - 1] > years_100_ms);
    }

    #[test]
    fn values_beyond_the_bounds_are_counted_at_the_first_and_the_last() {
        assert_eq!(Bucket::of(-5), Bucket::of(0));
        assert_eq!(Bucket::of(i64::MAX).bound(), BOUNDS[BUCKETS - 1]);
        assert_eq!(Bucket::at(u16::try_from(BUCKETS).unwrap()), None);
    }

    #[test]
    fn a_percentile_is_the_bound_at_its_rank() {
        let counts = [(20, 2), (5, 7), (400, 1), (3, 0)];
        let at = |percent| percentile(&counts, percent);
        assert_eq!(
            [at(0.0), at(70.0), at(71.0), at(90.0), at(91.0), at(100.0)].map(Option::unwrap),
            [5, 5, 20, 20, 400, 400]
        );
        assert_eq!(percentile(&[(5, 0)], 50.0), None);
    }

    proptest! {
        #[test]
        fn a_value_is_counted_at_the_least_bound_that_is_not_below_it_and_at_most_a_tenth_above(value in 0_i64..10_000_000_000_000) {
            let bucket = Bucket::of(value);
            prop_assert!(bucket.bound() >= value && bucket.bound() - value <= value / 10);
            prop_assert!(bucket.place() == 0 || Bucket(bucket.place() - 1).bound() < value);
            prop_assert_eq!(Bucket::at(bucket.place()), Some(bucket));
        }
    }
}
