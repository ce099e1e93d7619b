// SPDX-License-Identifier: Apache-2.0

//! Turns contributions into changes of windows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::grid::{Grid, Span};
use crate::amounts::{Cell, StoredAmount};

/// Begins a message: the version of its form.
const VERSION: u8 = 2;
/// One message changes no more windows than this.
pub(crate) const MESSAGE_MAX: u64 = 1_000;
/// One message says of no more cells than this how they change; but a single grain's are never taken apart.
pub(crate) const MESSAGE_CELLS_MAX: usize = 16_000;

/// Subject of figures: dimension code and id.
pub(super) type Subject = (u8, String);

/// By how much cells change; none by 0.
pub(super) type Cells = BTreeMap<Cell, i64>;

/// Changes of windows.
pub(super) type Windows = BTreeMap<Span, Cells>;

/// Changes of one subject's windows.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    /// Of contributions at one instant, by the first instant of their grain: they fall into the same windows of every size.
    grains: BTreeMap<i64, Cells>,
    /// Spans that are yet to be spread over windows: the cell, from, to (not in it), and how many times each of the milliseconds
    /// counts.
    spans: BTreeMap<(Cell, i64, i64), i64>,
}

impl Change {
    /// Serializes a message.
    pub(super) fn write(&self) -> Vec<u8> {
        // Serializing plain data into memory cannot fail.
        crate::stored::behind(VERSION, self).unwrap_or_default()
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        match bytes {
            [VERSION, change @ ..] => postcard::from_bytes(change).map_err(|problem| problem.to_string()),
            _ => Err(format!("not version {VERSION} of its form")),
        }
    }

    /// Maximum number of windows that it changes.
    pub(super) fn windows_max(&self, grid: &Grid) -> u64 {
        let at_instants = grid.count().saturating_mul(self.grains.len() as u64);
        let spread = self.spans.keys().map(|(_, from, to)| grid.count_of(*from, *to));
        spread.fold(at_instants, u64::saturating_add)
    }

    /// What contributions at instants change, by their grains.
    pub(super) fn at_instants(&self) -> impl Iterator<Item = &Cells> {
        self.grains.values()
    }

    /// All changes, with the spans spread over the windows; and whether the windows of each size add up to the changes.
    pub(super) fn spread(self, grid: &Grid) -> (Windows, bool) {
        let mut windows = Windows::new();
        let mut adds_up = true;
        for (at, cells) in &self.grains {
            let mut count = 0;
            for window in grid.windows_at(*at) {
                let sums = windows.entry(window).or_default();
                cells.iter().for_each(|(cell, value)| add(sums, *cell, *value));
                count += 1;
            }
            adds_up &= count == grid.count();
        }
        for ((cell, from, to), times) in self.spans {
            let mut sum = 0;
            for (window, from, to) in grid.overlaps(from, to) {
                add(windows.entry(window).or_default(), cell, times * (to - from));
                sum += to - from;
            }
            adds_up &= Some(sum) == i64::try_from(grid.count()).ok().map(|count| count * (to - from));
        }
        drop_zeros(&mut windows);
        (windows, adds_up)
    }

    /// Splits the changes so that no piece changes more than `most` windows and each can be applied on its own. A span is
    /// halved as often as necessary, because its milliseconds add up however they are split.
    pub(super) fn pieces(self, grid: &Grid, most: u64) -> Vec<Self> {
        let mut pieces = Pieces { done: Vec::new(), piece: Self::default(), room: most, cells: 0, most };
        for (at, cells) in self.grains {
            pieces.make_room(grid.count(), cells.len());
            pieces.piece.grains.insert(at, cells);
        }
        // The later halves follow.
        let mut spans: Vec<_> = self.spans.into_iter().rev().collect();
        while let Some(((cell, from, to), times)) = spans.pop() {
            let count = grid.count_of(from, to);
            let middle = from + (to - from) / 2;
            if count > most && from < middle {
                spans.extend([((cell, middle, to), times), ((cell, from, middle), times)]);
                continue;
            }
            pieces.make_room(count, 1);
            *pieces.piece.spans.entry((cell, from, to)).or_default() += times;
        }
        pieces.done.push(pieces.piece);
        pieces.done
    }

    fn is_empty(&self) -> bool {
        self.grains.is_empty() && self.spans.is_empty()
    }
}

/// A change while it is taken apart.
struct Pieces {
    done: Vec<Change>,
    /// The one that is being filled: so many windows still fit, and so many cells are in it.
    piece: Change,
    room: u64,
    cells: usize,
    most: u64,
}

impl Pieces {
    /// Begins another piece where this one has no room for so many windows and cells.
    fn make_room(&mut self, windows: u64, cells: usize) {
        let is_full = windows > self.room || self.cells + cells > MESSAGE_CELLS_MAX;
        if is_full && !self.piece.is_empty() {
            self.done.push(std::mem::take(&mut self.piece));
            (self.room, self.cells) = (self.most, 0);
        }
        self.room = self.room.saturating_sub(windows);
        self.cells += cells;
    }
}

/// The changes of one commit.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) subjects: BTreeMap<Subject, Change>,
    /// Difference in the number of spans that exceed the maximum length and count in no window.
    pub(super) too_long: i64,
}

impl Changes {
    /// Adds a contribution. A span of more than `longest_span_ms` is only counted: so what a commit changes is bounded by its
    /// contributions, whatever clocks said.
    pub(super) fn add(&mut self, amount: &StoredAmount<'_>, grid: &Grid, longest_span_ms: i64) {
        if amount.to.is_some_and(|to| to.saturating_sub(amount.from) > longest_span_ms) {
            self.too_long += amount.value;
            return;
        }
        let change = self.subjects.entry((amount.dimension, amount.id.to_owned())).or_default();
        match amount.to {
            None => {
                let cells = change.grains.entry(grid.grain_of(amount.from)).or_default();
                add(cells, amount.cell, amount.value);
            }
            Some(to) if amount.from < to => {
                *change.spans.entry((amount.cell, amount.from, to)).or_default() += amount.value;
            }
            Some(_) => {}
        }
    }

    /// Removes differences of 0.
    pub(super) fn drop_zeros(&mut self) {
        self.subjects.retain(|_, change| {
            drop_zeros(&mut change.grains);
            change.spans.retain(|_, times| *times != 0);
            !change.is_empty()
        });
    }
}

fn add(cells: &mut Cells, cell: Cell, value: i64) {
    let sum = cells.entry(cell).or_default();
    *sum = sum.saturating_add(value);
}

fn drop_zeros<K: Ord>(changes: &mut BTreeMap<K, Cells>) {
    changes.retain(|_, cells| {
        cells.retain(|_, value| *value != 0);
        !cells.is_empty()
    });
}

#[cfg(test)]
mod tests {
    use super::super::grid::fixed;
    use super::super::{Calendar, Unit, WindowSize};
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    const NO_LIMIT: i64 = i64::MAX;
    const CELL: Cell = Cell::Figure(7);

    fn amount(from: i64, to: Option<i64>, value: i64) -> StoredAmount<'static> {
        StoredAmount { dimension: 1, id: "q", cell: CELL, from, to, value }
    }

    fn changes(amounts: &[StoredAmount<'_>], sizes: &[i64], longest: i64) -> Changes {
        let mut changes = Changes::default();
        let grid = fixed(sizes);
        amounts.iter().for_each(|amount| changes.add(amount, &grid, longest));
        changes.drop_zeros();
        changes
    }

    fn windows(amounts: &[StoredAmount<'_>], sizes: &[i64]) -> Vec<(i64, i64, i64)> {
        let changes = changes(amounts, sizes, NO_LIMIT);
        let spread = changes.subjects.into_values().flat_map(|change| {
            let (windows, adds_up) = change.spread(&fixed(sizes));
            assert!(adds_up);
            windows
        });
        spread.map(|(window, cells)| (window.end - window.start, window.start, cells[&CELL])).collect()
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
        assert_eq!(change.spans.keys().collect::<Vec<_>>(), [&(CELL, 0, 1_000)]);
    }

    #[test]
    fn an_instant_that_a_size_has_no_window_for_does_not_add_up() {
        let day = WindowSize::Calendar(Calendar::new(Unit::Day, "Europe/Berlin").unwrap());
        let grid = Grid::new(&[WindowSize::Fixed(900_000), day]);
        for (at, has_both) in [(1_750_000_000_000, true), (-900_000, false)] {
            let mut changes = Changes::default();
            changes.add(&amount(at, None, 1), &grid, NO_LIMIT);
            let mut spread = changes.subjects.into_values().map(|change| change.spread(&grid));
            let (windows, adds_up) = spread.next().unwrap();
            assert_eq!((windows.len(), adds_up), (1 + usize::from(has_both), has_both));
        }
    }

    #[test]
    fn a_message_reads_back_as_it_was_written() {
        let changes = changes(&[amount(90, Some(310), -2), amount(3, None, 1)], &[100, 7], NO_LIMIT);
        let change = &changes.subjects[&(1, "q".to_owned())];
        assert_eq!(Change::read(&change.write()).as_ref(), Ok(change));
        assert!(Change::read(b"\xff").is_err());
    }

    #[test]
    fn changes_of_many_cells_are_sent_in_several_messages() {
        let grid = fixed(&[100]);
        let mut changes = Changes::default();
        for at in 0..100 {
            for count in 0..200 {
                let cell = Cell::Count(3, count);
                let amount = StoredAmount { cell, ..amount(at * 100, None, 1) };
                changes.add(&amount, &grid, NO_LIMIT);
            }
        }
        let pieces = changes.subjects.remove(&(1, "q".to_owned())).unwrap().pieces(&grid, MESSAGE_MAX);
        let cells = pieces.iter().map(|piece| piece.at_instants().map(Cells::len).sum::<usize>());
        assert_eq!(cells.collect::<Vec<_>>(), [MESSAGE_CELLS_MAX, 20_000 - MESSAGE_CELLS_MAX]);
    }

    /// What a window holds after these changes more.
    fn take(window: &mut Cells, amounts: &[(i64, i64)], grid: &Grid) {
        let mut changes = Changes::default();
        for (wait, times) in amounts {
            let cell = Cell::counting(model::Histogram::AnsweredWaitMs, *wait);
            changes.add(&StoredAmount { cell, ..amount(0, None, *times) }, grid, NO_LIMIT);
        }
        changes.drop_zeros();
        for change in changes.subjects.into_values() {
            for (cell, count) in change.spread(grid).0.into_values().flatten() {
                add(window, cell, count);
            }
        }
        window.retain(|_, count| *count != 0);
    }

    #[test]
    fn the_99th_percentile_of_a_million_waits_is_within_a_tenth_after_a_third_was_taken_back() {
        let grid = fixed(&[900_000]);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        // From milliseconds to hours, most of them short: as many digits as it happens.
        let mut wait = |_| {
            let digits = random.random_range(5..=24);
            random.random_range(0..1_i64 << digits)
        };
        let waits: Vec<i64> = (0..1_000_000).map(&mut wait).collect();
        let mut window = Cells::new();
        for some in waits.chunks(50_000) {
            take(&mut window, &some.iter().map(|wait| (*wait, 1)).collect::<Vec<_>>(), &grid);
        }
        let (gone, mut stayed): (Vec<i64>, Vec<i64>) = {
            let (gone, stayed): (Vec<_>, Vec<_>) = waits.iter().enumerate().partition(|(n, _)| n % 3 == 0);
            let values = |of: Vec<(usize, &i64)>| of.into_iter().map(|(_, wait)| *wait).collect();
            (values(gone), values(stayed))
        };
        for some in gone.chunks(50_000) {
            take(&mut window, &some.iter().map(|wait| (*wait, -1)).collect::<Vec<_>>(), &grid);
        }
        let counts: Vec<(i64, i64)> = window
            .iter()
            .map(|(cell, count)| match cell {
                Cell::Count(_, place) => (model::Bucket::at(*place).unwrap().bound(), *count),
                Cell::Figure(_) => panic!("no figure was added"),
            })
            .collect();
        assert_eq!(counts.iter().map(|(_, count)| *count).sum::<i64>(), i64::try_from(stayed.len()).unwrap());
        stayed.sort_unstable();
        for percent in [50_usize, 90, 99] {
            let exact = stayed[(stayed.len() * percent).div_ceil(100) - 1];
            let read = model::percentile(&counts, percent as f64).unwrap();
            assert!(exact <= read && read - exact <= exact / 10, "p{percent}: {read}, exactly {exact}");
        }
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
            let grid = fixed(&sizes);
            for change in changes(&amounts, &sizes, NO_LIMIT).subjects.into_values() {
                let (whole, _) = change.clone().spread(&grid);
                let mut sum = Windows::new();
                for piece in change.pieces(&grid, most) {
                    prop_assert!(piece.windows_max(&grid) <= most, "{:?}", piece);
                    let (windows, adds_up) = piece.spread(&grid);
                    prop_assert!(adds_up);
                    for (window, cells) in windows {
                        let sums = sum.entry(window).or_default();
                        cells.into_iter().for_each(|(cell, value)| add(sums, cell, value));
                    }
                }
                drop_zeros(&mut sum);
                prop_assert_eq!(sum, whole);
            }
        }
    }
}
