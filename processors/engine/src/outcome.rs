// SPDX-License-Identifier: Apache-2.0

//! Outcome of an event in a processor.

use model::Reason;

/// Outcome of an event in a processor.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The state changed.
    Folded,
    /// Known already: nothing changed, and only downstream processors that want duplicates see it.
    Duplicate,
    /// Not relevant to this processor.
    Ignored,
    /// Stored until what it needs is known.
    Held,
    /// Sent to its own partition; no further processor sees it here.
    PassedOn,
    /// Becomes a dead letter.
    Rejected(Rejection),
}

/// Why a record becomes a dead letter.
#[derive(Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The reason.
    pub reason: Reason,
    /// The reason in words, with the position in the input.
    pub detail: String,
}
