//! Contributions on their way to the metrics, within one commit: what a conversation, or an agent's state, adds to windows or takes
//! back.

use model::{Bucket, Figure, Histogram};
use serde::{Deserialize, Serialize};

/// What of a window a contribution changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Cell {
    /// A figure, by the code of its [`Figure`].
    Figure(u8),
    /// How many values a histogram has in one of its buckets: the code of the [`Histogram`], and the [`Bucket`]'s place.
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

/// How a contribution changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredAmount<'a> {
    /// The code of a [`model::Dimension`].
    pub(crate) dimension: u8,
    /// The queue's name, the agent's or bot's id, the channel's type, [`model::queue_agent_id`].
    pub(crate) id: &'a str,
    pub(crate) cell: Cell,
    /// The instant, or the first one of a span; epoch milliseconds.
    pub(crate) from: i64,
    /// The end of a span, not in it.
    pub(crate) to: Option<i64>,
    /// How much more, or less where it is negative; of a histogram, how many values. Of a span: how many times its milliseconds.
    pub(crate) value: i64,
}

/// Their bytes.
pub(crate) fn write_amounts(amounts: &[StoredAmount<'_>]) -> Vec<u8> {
    // Writing plain data into memory cannot fail.
    postcard::to_stdvec(amounts).unwrap_or_default()
}

/// Reads what [`write_amounts`] wrote.
///
/// # Errors
/// The bytes are something else: what is wrong with them.
pub(crate) fn read_amounts(bytes: &[u8]) -> Result<Vec<StoredAmount<'_>>, String> {
    postcard::from_bytes(bytes).map_err(|problem| problem.to_string())
}
