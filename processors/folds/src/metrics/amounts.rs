//! Contributions on their way from the timelines to the metrics, within one commit.

use serde::{Deserialize, Serialize};

/// How a contribution changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredAmount<'a> {
    /// The code of a [`model::Dimension`].
    pub(crate) dimension: u8,
    /// The queue's name, the agent's or bot's id, the channel's type.
    pub(crate) id: &'a str,
    /// The code of a [`model::Figure`].
    pub(crate) figure: u8,
    /// The instant, or the first one of a span; epoch milliseconds.
    pub(crate) from: i64,
    /// The end of a span, not in it.
    pub(crate) to: Option<i64>,
    /// How much more, or less where it is negative. Of a span: how many times its milliseconds.
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
