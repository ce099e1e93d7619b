// SPDX-License-Identifier: Apache-2.0

//! Contributions for the metrics within one commit: what a conversation or an agent's state adds to windows or subtracts.

use model::{Bucket, Figure, Histogram};
use serde::{Deserialize, Serialize};

use crate::compact;

/// The part of a window that a contribution changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Cell {
    /// A figure, by its [`Figure`] code.
    Figure(u8),
    /// Number of values in a histogram's bucket: [`Histogram`] code and [`Bucket`] index.
    Count(u8, u16),
}

impl Cell {
    /// The cell of a figure.
    pub(crate) fn of(figure: Figure) -> Self {
        Cell::Figure(figure.code())
    }

    /// The cell in which a histogram counts a value.
    pub(crate) fn counting(histogram: Histogram, value: i64) -> Self {
        Cell::Count(histogram.code(), Bucket::of(value).place())
    }
}

/// Change of a contribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredAmount<'a> {
    /// Code of a [`model::Dimension`].
    pub(crate) dimension: u8,
    /// The queue's name, the agent's or bot's id, the channel's type, or a [`model::queue_agent_id`].
    pub(crate) id: &'a str,
    pub(crate) cell: Cell,
    /// The instant, or the start of a span; epoch milliseconds.
    pub(crate) from: i64,
    /// The end of a span, exclusive.
    pub(crate) to: Option<i64>,
    /// Difference; negative for a decrease. For a histogram it is the number of values, for a span the factor for each of its
    /// milliseconds.
    pub(crate) value: i64,
}

/// Serializes changes after a byte that says what they are.
pub(crate) fn write_amounts(first: u8, amounts: &[StoredAmount<'_>]) -> Vec<u8> {
    // Serializing plain data into memory cannot fail.
    compact::write(first, &amounts).unwrap_or_default()
}

/// Parses what [`write_amounts`] wrote after its first byte.
///
/// # Errors
/// The bytes are invalid; returns why.
pub(crate) fn read_amounts(bytes: &[u8]) -> Result<Vec<StoredAmount<'_>>, String> {
    compact::read(bytes).map_err(|problem| problem.to_string())
}
