// SPDX-License-Identifier: Apache-2.0

//! Reference implementation of the metrics windows: the sums of the conversations' contributions.

use std::collections::BTreeMap;

use model::{Dimension, Figure};

use super::super::{Amount, When};
use crate::amounts::Cell;

const SIZE_MS: i64 = 15 * 60 * 1000;

/// The figures of each window, by key.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Windows(pub(super) BTreeMap<String, BTreeMap<Cell, i64>>);

impl Windows {
    pub(super) fn add(&mut self, amount: &Amount<'_>) {
        match amount.when {
            When::At(at) => self.add_at(amount, at, amount.value),
            When::Over { from, to } => {
                assert_eq!(amount.value, to - from, "the value of a span is its length");
                let mut at = from;
                while at < to {
                    let end = to.min(start_of(at) + SIZE_MS);
                    self.add_at(amount, at, end - at);
                    at = end;
                }
            }
        }
    }

    fn add_at(&mut self, amount: &Amount<'_>, at: i64, value: i64) {
        let key = model::window_key(amount.dimension, amount.id, &SIZE_MS.to_string(), start_of(at));
        if value != 0 {
            *self.0.entry(key).or_default().entry(amount.cell).or_default() += value;
        }
    }

    /// Leaves out what has cancelled out.
    pub(super) fn drop_zeros(&mut self) {
        self.0.retain(|_, cells| {
            cells.retain(|_, value| *value != 0);
            !cells.is_empty()
        });
    }

    /// Adds the contributions of another conversation.
    pub(super) fn join(&mut self, other: Self) {
        for (key, figures) in other.0 {
            let own = self.0.entry(key).or_default();
            for (figure, value) in figures {
                *own.entry(figure).or_default() += value;
            }
        }
    }

    /// The sum of a figure over all windows of an id.
    pub(super) fn sum(&self, dimension: Dimension, id: &str, figure: Figure) -> i64 {
        let prefix = format!("{}/{}/", dimension.as_str(), model::escape(id));
        let windows = self.0.iter().filter(|(key, _)| key.starts_with(&prefix));
        windows.filter_map(|(_, figures)| figures.get(&Cell::of(figure))).sum()
    }
}

fn start_of(at: i64) -> i64 {
    at - at.rem_euclid(SIZE_MS)
}

#[test]
fn a_span_is_shared_by_the_windows_that_it_overlaps() {
    let mut windows = Windows::default();
    windows.add(&Amount::over(Dimension::Agent, "a/b", Figure::EngagedMs, SIZE_MS - 1, 2 * SIZE_MS + 5));
    let values: Vec<_> =
        windows.0.into_iter().map(|(key, figures)| (key, figures[&Cell::of(Figure::EngagedMs)])).collect();
    let expected = [("0", 1), ("1800000", 5), ("900000", SIZE_MS)];
    assert_eq!(values, expected.map(|(start, value)| (format!("agent/a%2Fb/900000/{start}"), value)));
}
