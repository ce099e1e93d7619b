//! How a conversation's contributions to the metrics change: what was is taken back, what is is added. What is both
//! cancels out, so a change costs what it changes.

use std::collections::BTreeMap;

use crate::metrics::amounts::{StoredAmount, write_amounts};
use crate::scan::{Amount, When};

/// Dimension, id, figure, and the instant or the span.
type Place = (u8, Box<str>, u8, i64, Option<i64>);

/// The changes of one conversation.
#[derive(Debug, Default)]
pub(super) struct Ledger(BTreeMap<Place, i64>);

impl Ledger {
    /// Adds a contribution.
    pub(super) fn add(&mut self, amount: &Amount<'_>) {
        self.enter(amount, 1);
    }

    /// Takes a contribution back.
    pub(super) fn take_back(&mut self, amount: &Amount<'_>) {
        self.enter(amount, -1);
    }

    fn enter(&mut self, amount: &Amount<'_>, sign: i64) {
        let (from, to, value) = match amount.when {
            When::At(at) => (at, None, amount.value),
            // The value of a span is its length, which the windows share.
            When::Over { from, to } => (from, Some(to), i64::from(from < to)),
        };
        if value != 0 {
            let place = (amount.dimension.code(), amount.id.into(), amount.figure.code(), from, to);
            *self.0.entry(place).or_default() += sign * value;
        }
    }

    /// The changes, as `metrics` reads them; none where all has cancelled out.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        let changed = self.0.iter().filter(|(_, value)| **value != 0);
        let amounts: Vec<StoredAmount<'_>> = changed
            .map(|((dimension, id, figure, from, to), value)| StoredAmount {
                dimension: *dimension,
                id,
                figure: *figure,
                from: *from,
                to: *to,
                value: *value,
            })
            .collect();
        if amounts.is_empty() { None } else { Some(write_amounts(&amounts)) }
    }
}
