// SPDX-License-Identifier: Apache-2.0

//! Ledger of the changes of a conversation's contributions to the metrics, and of its spans that ended too late. Old values are
//! subtracted, new ones added, and equal ones cancel out, so the cost depends on the change only.

use std::collections::BTreeMap;

use model::{Dimension, Figure};

use crate::activities::LegFigures;
use crate::amounts::{Cell, StoredAmount, write_amounts};
use crate::scan::{Amount, When};
use crate::watches::{Changed, Changes, Span};

/// Dimension, id, cell, and the instant or the span.
type Place = (u8, Box<str>, Cell, i64, Option<i64>);

/// The changes of one conversation.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    amounts: BTreeMap<Place, i64>,
    late: Changed,
}

/// Whether the current state of the conversation is entered, or the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Is,
    Was,
}

impl Sight {
    fn sign(self) -> i64 {
        match self {
            Sight::Is => 1,
            Sight::Was => -1,
        }
    }
}

impl Ledger {
    /// Adds or subtracts a contribution.
    pub(super) fn enter(&mut self, amount: &Amount<'_>, sight: Sight) {
        let sign = sight.sign();
        let (from, to, value) = match amount.when {
            When::At(at) => (at, None, amount.value),
            // The value of a span is its length, which is distributed over the windows.
            When::Over { from, to } => (from, Some(to), i64::from(from < to)),
        };
        if value != 0 {
            let place = (amount.dimension.code(), amount.id.into(), amount.cell, from, to);
            *self.amounts.entry(place).or_default() += sign * value;
        }
    }

    /// A call leg has ended, or had.
    pub(super) fn enter_leg(&mut self, leg: &LegFigures, sight: Sight) {
        for (figure, value) in leg.figures() {
            self.enter(&Amount::at(Dimension::Agent, &leg.agent, figure, leg.ended_at, value), sight);
        }
    }

    /// Adds or subtracts a span that ended too late.
    pub(super) fn enter_late(&mut self, span: Span, sight: Sight) {
        self.late.enter(span, sight.sign());
    }

    /// The changes of spans that ended too late, with the spans that run now.
    pub(super) fn watched(&mut self, standing: Vec<Span>) -> Changes {
        std::mem::take(&mut self.late).into_changes(standing)
    }

    /// The changes of queues' figures: the queue, the figure, and by how much it changes.
    pub(super) fn of_queues(&self) -> impl Iterator<Item = (&str, Figure, i64)> {
        self.amounts.iter().filter_map(|((dimension, queue, cell, ..), change)| match cell {
            Cell::Figure(code) if *dimension == Dimension::Queue.code() => {
                Some((&**queue, Figure::from_code(*code)?, *change))
            }
            _ => None,
        })
    }

    /// The changes in the format of `metrics`, after a first byte; `None` if all cancel out.
    pub(super) fn bytes(&self, first: u8) -> Option<Vec<u8>> {
        let changed = self.amounts.iter().filter(|(_, value)| **value != 0);
        let amounts: Vec<StoredAmount<'_>> = changed
            .map(|((dimension, id, cell, from, to), value)| StoredAmount {
                dimension: *dimension,
                id,
                cell: *cell,
                from: *from,
                to: *to,
                value: *value,
            })
            .collect();
        if amounts.is_empty() { None } else { Some(write_amounts(first, &amounts)) }
    }
}
