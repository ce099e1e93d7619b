// SPDX-License-Identifier: Apache-2.0

//! Contributions of a conversation to the metrics windows (contract section 6).

use model::{Dimension, Figure, Histogram};

use crate::amounts::Cell;

/// A contribution. Subtracting it again removes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount<'a> {
    pub(crate) dimension: Dimension,
    /// The queue's name, the agent's or bot's id, the channel's type, [`model::queue_agent_id`].
    pub(crate) id: &'a str,
    pub(crate) cell: Cell,
    pub(crate) when: When,
    /// The value; for a span all its milliseconds, which are distributed over the windows it overlaps.
    pub(crate) value: i64,
}

/// When a contribution counts, in epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// In the window of this instant.
    At(i64),
    /// Distributed over the windows that the span overlaps.
    Over { from: i64, to: i64 },
}

/// Receives contributions.
pub(crate) type Amounts<'m> = dyn FnMut(Amount<'_>) + 'm;

impl<'a> Amount<'a> {
    pub(crate) fn at(dimension: Dimension, id: &'a str, figure: Figure, at: i64, value: i64) -> Self {
        Self { dimension, id, cell: Cell::of(figure), when: When::At(at), value }
    }

    pub(super) fn one(dimension: Dimension, id: &'a str, figure: Figure, at: i64) -> Self {
        Self::at(dimension, id, figure, at, 1)
    }

    /// A value that a histogram counts.
    pub(super) fn counted(
        dimension: Dimension,
        id: &'a str,
        histogram: Histogram,
        at: i64,
        value: i64,
    ) -> Self {
        Self { dimension, id, cell: Cell::counting(histogram, value), when: When::At(at), value: 1 }
    }

    pub(crate) fn over(dimension: Dimension, id: &'a str, figure: Figure, from: i64, to: i64) -> Self {
        Self { dimension, id, cell: Cell::of(figure), when: When::Over { from, to }, value: to - from }
    }
}
