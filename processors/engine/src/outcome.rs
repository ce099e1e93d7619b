//! What became of an event in a processor.

use model::Reason;

/// What became of an event in a processor.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The state changed.
    Folded,
    /// Known already; nothing changed, and of the processors after this one only those that want to see it.
    Duplicate,
    /// Not of this processor's concern.
    Ignored,
    /// Kept until what it needs is known.
    Held,
    /// Sent to where it belongs, to be taken there; no processor after this one sees it here.
    PassedOn,
    /// It becomes a dead letter.
    Rejected(Rejection),
}

/// Why a record becomes a dead letter.
#[derive(Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The reason.
    pub reason: Reason,
    /// A sentence for a person, with the place in the input.
    pub detail: String,
}
