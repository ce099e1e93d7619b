//! From contributions to changes of windows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::amounts::StoredAmount;

/// A span is spread over so many windows at most, the last ones: a clock that was decades off would make millions. What lies
/// before is counted as expired.
const SPAN_WINDOWS_MAX: i64 = 100_000;

/// What figures are of: the code of the dimension, and which one.
pub(super) type Subject = (u8, String);

/// The changes of one subject's windows: by size and start, the figures' codes with what is added.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Windows(pub(super) BTreeMap<(i64, i64), BTreeMap<u8, i64>>);

impl Windows {
    /// The bytes of a message.
    pub(super) fn write(&self) -> Vec<u8> {
        // Writing plain data into memory cannot fail.
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        postcard::from_bytes(bytes).map_err(|problem| problem.to_string())
    }

    fn add(&mut self, (size, start): (i64, i64), figure: u8, value: i64) {
        let figures = self.0.entry((size, start)).or_default();
        let sum = figures.entry(figure).or_default();
        *sum = sum.saturating_add(value);
    }

    fn drop_zeros(&mut self) {
        self.0.retain(|_, figures| {
            figures.retain(|_, value| *value != 0);
            !figures.is_empty()
        });
    }
}

/// The changes of one commit.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) subjects: BTreeMap<Subject, Windows>,
    /// Spans that were cut.
    pub(super) cut: u64,
    /// For each size, what all contributions add up to.
    sums: BTreeMap<i64, i64>,
}

impl Changes {
    /// Spreads a contribution over the windows of these sizes.
    pub(super) fn add(&mut self, amount: &StoredAmount<'_>, sizes_ms: &[i64]) {
        let windows = self.subjects.entry((amount.dimension, amount.id.to_owned())).or_default();
        for size in sizes_ms.iter().copied().filter(|size| *size > 0) {
            let whole = match amount.to {
                None => {
                    windows.add((size, start_of(amount.from, size)), amount.figure, amount.value);
                    amount.value
                }
                Some(to) => {
                    let from = amount.from.max(start_of(to, size) - SPAN_WINDOWS_MAX * size);
                    self.cut += u64::from(from > amount.from);
                    spread(windows, (from, to), size, (amount.figure, amount.value));
                    amount.value * (to - from).max(0)
                }
            };
            *self.sums.entry(size).or_default() += whole;
        }
    }

    /// Leaves only what really changes.
    pub(super) fn drop_zeros(&mut self) {
        self.subjects.retain(|_, windows| {
            windows.drop_zeros();
            !windows.0.is_empty()
        });
    }

    /// Whether for each size the windows add up to the contributions.
    pub(super) fn add_up(&self) -> bool {
        let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
        for windows in self.subjects.values() {
            for ((size, _), figures) in &windows.0 {
                *sums.entry(*size).or_default() += figures.values().sum::<i64>();
            }
        }
        self.sums.iter().all(|(size, sum)| sums.get(size).copied().unwrap_or(0) == *sum)
    }
}

/// The start of the window of an instant. Windows are aligned to the epoch.
fn start_of(at: i64, size: i64) -> i64 {
    at - at.rem_euclid(size)
}

/// Gives each window the milliseconds of the span that lie in it, so many times.
fn spread(windows: &mut Windows, (from, to): (i64, i64), size: i64, (figure, times): (u8, i64)) {
    let mut at = from;
    while at < to {
        let start = start_of(at, size);
        let end = (start + size).min(to);
        windows.add((size, start), figure, times * (end - at));
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(from: i64, to: Option<i64>, value: i64) -> StoredAmount<'static> {
        StoredAmount { dimension: 1, id: "q", figure: 7, from, to, value }
    }

    fn changes(amounts: &[StoredAmount<'_>], sizes: &[i64]) -> Changes {
        let mut changes = Changes::default();
        amounts.iter().for_each(|amount| changes.add(amount, sizes));
        changes.drop_zeros();
        changes
    }

    fn windows(changes: &Changes) -> Vec<(i64, i64, i64)> {
        let windows = changes.subjects.values().flat_map(|windows| &windows.0);
        windows.map(|((size, start), figures)| (*size, *start, figures[&7])).collect()
    }

    #[test]
    fn an_instant_belongs_to_the_window_that_begins_at_or_before_it() {
        let changes = changes(&[amount(99, None, 1), amount(100, None, 5)], &[100, 50]);
        assert_eq!(windows(&changes), [(50, 50, 1), (50, 100, 5), (100, 0, 1), (100, 100, 5)]);
    }

    #[test]
    fn a_span_gives_each_window_what_lies_in_it() {
        let changes = changes(&[amount(90, Some(310), 1)], &[100]);
        assert_eq!(windows(&changes), [(100, 0, 10), (100, 100, 100), (100, 200, 100), (100, 300, 10)]);
        assert!(changes.add_up());
    }

    #[test]
    fn what_is_added_and_taken_back_is_no_change() {
        let changes =
            changes(&[amount(90, Some(310), 1), amount(90, Some(310), -1), amount(5, Some(5), 1)], &[100]);
        assert!(changes.subjects.is_empty() && changes.add_up());
    }

    #[test]
    fn a_span_of_decades_is_cut_to_its_last_windows() {
        let changes = changes(&[amount(0, Some(1_000_000_000), 1)], &[1_000]);
        assert_eq!(changes.subjects[&(1, "q".to_owned())].0.len(), 100_000);
        assert!(changes.cut == 1 && changes.add_up());
    }

    #[test]
    fn a_message_reads_back_as_it_was_written() {
        let changes = changes(&[amount(90, Some(310), -2)], &[100, 7]);
        let windows = &changes.subjects[&(1, "q".to_owned())];
        assert_eq!(Windows::read(&windows.write()).as_ref(), Ok(windows));
        assert!(Windows::read(b"\xff").is_err());
    }

    proptest! {
        #[test]
        fn over_all_windows_a_figure_is_the_sum_of_its_contributions(
            amounts in proptest::collection::vec((0_i64..5_000, 0_i64..2_000, any::<bool>(), -3_i64..4), 0..12),
            size in 1_i64..900,
        ) {
            let amounts: Vec<_> = amounts
                .into_iter()
                .map(|(from, length, span, value)| amount(from, span.then_some(from + length), value))
                .collect();
            let changes = changes(&amounts, &[size, 900]);
            prop_assert!(changes.add_up());
            let expected: i64 = amounts.iter().map(|a| a.to.map_or(1, |to| to - a.from) * a.value).sum();
            let of_size = windows(&changes).into_iter().filter(|(of, ..)| *of == size);
            prop_assert_eq!(of_size.map(|(.., value)| value).sum::<i64>(), expected);
        }
    }
}
