//! From contributions to changes of windows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::amounts::StoredAmount;

/// Begins a message in which spans are not spread yet. A message of the older form begins with the number of its windows, which
/// is never 0.
const WITH_SPANS: u8 = 0;

/// What figures are of: the code of the dimension, and which one.
pub(super) type Subject = (u8, String);

/// Changes of windows: by size and start, the figures' codes with what is added.
pub(super) type Windows = BTreeMap<(i64, i64), BTreeMap<u8, i64>>;

/// The changes of one subject's windows.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    /// Of contributions at one instant.
    pub(super) windows: Windows,
    /// Spans that are yet to be spread over windows: the figure's code, from, to (not in it), and how many times each of the
    /// milliseconds counts.
    pub(super) spans: BTreeMap<(u8, i64, i64), i64>,
}

impl Change {
    /// The bytes of a message.
    pub(super) fn write(&self) -> Vec<u8> {
        // Writing plain data into memory cannot fail.
        crate::stored::behind(WITH_SPANS, self).unwrap_or_default()
    }

    /// Reads what [`write`](Self::write) wrote, and the form before it, which had no spans.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let read = match bytes {
            [WITH_SPANS, change @ ..] => postcard::from_bytes(change),
            windows => postcard::from_bytes(windows).map(|windows| Self { windows, spans: BTreeMap::new() }),
        };
        read.map_err(|problem| problem.to_string())
    }

    /// How many windows it changes at the most.
    pub(super) fn windows_max(&self, sizes_ms: &[i64]) -> u64 {
        let spread = self.spans.keys().map(|(_, from, to)| windows_of((*from, *to), sizes_ms));
        spread.fold(self.windows.len() as u64, u64::saturating_add)
    }

    /// All changes, with the spans spread over the windows of these sizes; and whether the spans' windows add up to the spans.
    pub(super) fn spread(mut self, sizes_ms: &[i64]) -> (Windows, bool) {
        let mut adds_up = true;
        for ((figure, from, to), times) in self.spans {
            for size in sizes_ms.iter().copied().filter(|size| *size > 0) {
                adds_up &=
                    spread(&mut self.windows, (from, to), size, (figure, times)) == times * (to - from);
            }
        }
        drop_zeros(&mut self.windows);
        (self.windows, adds_up)
    }

    /// The same changes in pieces of which none changes more than `most` windows, so that each can be taken by itself: a span
    /// is cut in two as often as it takes, for its milliseconds add up whichever way they are cut.
    pub(super) fn pieces(self, sizes_ms: &[i64], most: u64) -> Vec<Self> {
        let mut pieces = vec![Self::default()];
        let mut room = most;
        let mut place = |count: u64, pieces: &mut Vec<Self>| {
            if count > room && room < most {
                pieces.push(Self::default());
                room = most;
            }
            room = room.saturating_sub(count);
        };
        for (window, figures) in self.windows {
            place(1, &mut pieces);
            if let Some(piece) = pieces.last_mut() {
                piece.windows.insert(window, figures);
            }
        }
        // The later halves wait for their turn.
        let mut spans: Vec<_> = self.spans.into_iter().rev().collect();
        while let Some(((figure, from, to), times)) = spans.pop() {
            let count = windows_of((from, to), sizes_ms);
            let middle = from + (to - from) / 2;
            if count > most && from < middle {
                spans.extend([((figure, middle, to), times), ((figure, from, middle), times)]);
                continue;
            }
            place(count, &mut pieces);
            if let Some(piece) = pieces.last_mut() {
                *piece.spans.entry((figure, from, to)).or_default() += times;
            }
        }
        pieces
    }

    fn is_empty(&self) -> bool {
        self.windows.is_empty() && self.spans.is_empty()
    }
}

/// The changes of one commit.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) subjects: BTreeMap<Subject, Change>,
    /// Spans that are longer than a span may be, and so count nowhere: how many more there are.
    pub(super) too_long: i64,
}

impl Changes {
    /// Adds a contribution to the windows of these sizes. A span of more than `longest_span_ms` is only counted: so what a
    /// commit changes is bounded by its contributions, whatever clocks said.
    pub(super) fn add(&mut self, amount: &StoredAmount<'_>, sizes_ms: &[i64], longest_span_ms: i64) {
        if amount.to.is_some_and(|to| to.saturating_sub(amount.from) > longest_span_ms) {
            self.too_long += amount.value;
            return;
        }
        let change = self.subjects.entry((amount.dimension, amount.id.to_owned())).or_default();
        match amount.to {
            None => {
                for size in sizes_ms.iter().copied().filter(|size| *size > 0) {
                    let window = (size, start_of(amount.from, size));
                    add(&mut change.windows, window, amount.figure, amount.value);
                }
            }
            Some(to) if amount.from < to => {
                *change.spans.entry((amount.figure, amount.from, to)).or_default() += amount.value;
            }
            Some(_) => {}
        }
    }

    /// Leaves only what really changes.
    pub(super) fn drop_zeros(&mut self) {
        self.subjects.retain(|_, change| {
            drop_zeros(&mut change.windows);
            change.spans.retain(|_, times| *times != 0);
            !change.is_empty()
        });
    }
}

fn add(windows: &mut Windows, window: (i64, i64), figure: u8, value: i64) {
    let sum = windows.entry(window).or_default().entry(figure).or_default();
    *sum = sum.saturating_add(value);
}

fn drop_zeros(windows: &mut Windows) {
    windows.retain(|_, figures| {
        figures.retain(|_, value| *value != 0);
        !figures.is_empty()
    });
}

/// The start of the window of an instant. Windows are aligned to the epoch.
fn start_of(at: i64, size: i64) -> i64 {
    at - at.rem_euclid(size)
}

/// How many windows of these sizes a span overlaps at the most.
fn windows_of((from, to): (i64, i64), sizes_ms: &[i64]) -> u64 {
    let of_size = |size: &i64| (to.saturating_sub(from).max(0) / size).unsigned_abs() + 2;
    sizes_ms.iter().filter(|size| **size > 0).map(of_size).fold(0, u64::saturating_add)
}

/// How many windows the longest span changes, at the most: what one stay may cost.
pub(crate) fn longest_span_windows(longest_span_ms: i64, sizes_ms: &[i64]) -> u64 {
    windows_of((0, longest_span_ms), sizes_ms)
}

/// Gives each window the milliseconds of the span that lie in it, so many times; gives how much that was together.
fn spread(windows: &mut Windows, (from, to): (i64, i64), size: i64, (figure, times): (u8, i64)) -> i64 {
    let (mut at, mut sum) = (from, 0);
    while at < to {
        let start = start_of(at, size);
        let end = (start + size).min(to);
        add(windows, (size, start), figure, times * (end - at));
        sum += times * (end - at);
        at = end;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NO_LIMIT: i64 = i64::MAX;

    fn amount(from: i64, to: Option<i64>, value: i64) -> StoredAmount<'static> {
        StoredAmount { dimension: 1, id: "q", figure: 7, from, to, value }
    }

    fn changes(amounts: &[StoredAmount<'_>], sizes: &[i64], longest: i64) -> Changes {
        let mut changes = Changes::default();
        amounts.iter().for_each(|amount| changes.add(amount, sizes, longest));
        changes.drop_zeros();
        changes
    }

    fn windows(amounts: &[StoredAmount<'_>], sizes: &[i64]) -> Vec<(i64, i64, i64)> {
        let changes = changes(amounts, sizes, NO_LIMIT);
        let spread = changes.subjects.into_values().flat_map(|change| {
            let (windows, adds_up) = change.spread(sizes);
            assert!(adds_up);
            windows
        });
        spread.map(|((size, start), figures)| (size, start, figures[&7])).collect()
    }

    #[test]
    fn an_instant_belongs_to_the_window_that_begins_at_or_before_it() {
        assert_eq!(
            windows(&[amount(99, None, 1), amount(100, None, 5)], &[100, 50]),
            [(50, 50, 1), (50, 100, 5), (100, 0, 1), (100, 100, 5)]
        );
    }

    #[test]
    fn a_span_gives_each_window_what_lies_in_it() {
        assert_eq!(
            windows(&[amount(90, Some(310), 1)], &[100]),
            [(100, 0, 10), (100, 100, 100), (100, 200, 100), (100, 300, 10)]
        );
    }

    #[test]
    fn what_is_added_and_taken_back_is_no_change() {
        let amounts = [amount(90, Some(310), 1), amount(90, Some(310), -1), amount(5, Some(5), 1)];
        assert!(changes(&amounts, &[100], NO_LIMIT).subjects.is_empty());
    }

    #[test]
    fn a_span_that_is_longer_than_the_longest_is_counted_and_changes_no_window() {
        let changes = changes(&[amount(0, Some(1_001), 1), amount(0, Some(1_000), 1)], &[100], 1_000);
        assert_eq!(changes.too_long, 1);
        let change = &changes.subjects[&(1, "q".to_owned())];
        assert_eq!(change.spans.keys().collect::<Vec<_>>(), [&(7, 0, 1_000)]);
    }

    #[test]
    fn a_message_reads_back_as_it_was_written() {
        let changes = changes(&[amount(90, Some(310), -2), amount(3, None, 1)], &[100, 7], NO_LIMIT);
        let change = &changes.subjects[&(1, "q".to_owned())];
        assert_eq!(Change::read(&change.write()).as_ref(), Ok(change));
        assert!(Change::read(b"\xff").is_err());
    }

    #[test]
    fn a_message_of_the_form_before_spans_reads_as_the_windows_that_it_was() {
        let windows: Windows = [((100, 0), [(7, 5)].into()), ((100, 300), [(7, -2)].into())].into();
        let before = postcard::to_stdvec(&windows).unwrap();
        assert_eq!(Change::read(&before), Ok(Change { windows, spans: BTreeMap::new() }));
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
            let windows = windows(&amounts, &[size, 900]);
            let expected: i64 = amounts.iter().map(|a| a.to.map_or(1, |to| to - a.from) * a.value).sum();
            let of_size = windows.into_iter().filter(|(of, ..)| *of == size);
            prop_assert_eq!(of_size.map(|(.., value)| value).sum::<i64>(), expected);
        }

        #[test]
        fn pieces_are_bounded_and_add_up_to_the_whole(
            amounts in proptest::collection::vec((0_i64..50_000, 0_i64..20_000, any::<bool>(), -3_i64..4), 0..12),
            size in 1_i64..900,
            most in 10_u64..200,
        ) {
            let amounts: Vec<_> = amounts
                .into_iter()
                .map(|(from, length, span, value)| amount(from, span.then_some(from + length), value))
                .collect();
            let sizes = [size, 900];
            for change in changes(&amounts, &sizes, NO_LIMIT).subjects.into_values() {
                let (whole, _) = change.clone().spread(&sizes);
                let mut sum = Windows::new();
                for piece in change.pieces(&sizes, most) {
                    prop_assert!(piece.windows_max(&sizes) <= most, "{:?}", piece);
                    let (windows, adds_up) = piece.spread(&sizes);
                    prop_assert!(adds_up);
                    for (window, figures) in windows {
                        figures.into_iter().for_each(|(figure, value)| add(&mut sum, window, figure, value));
                    }
                }
                drop_zeros(&mut sum);
                prop_assert_eq!(sum, whole);
            }
        }
    }
}
