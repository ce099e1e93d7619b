// SPDX-License-Identifier: Apache-2.0

//! Why a record becomes a dead letter (contract, sections 1 and 8).

/// Why a record becomes a dead letter: the constant in the header `cx.error.reason`.
///
/// The first nine depend on the record alone, and are declared in the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// `too-large`: the value has more bytes than the limit.
    TooLarge,
    /// `malformed`: the value is not JSON, or not the expected Avro.
    Malformed,
    /// `not-an-event`: the value has none of the three forms of an event.
    NotAnEvent,
    /// `missing-field`: the event has no id or no name.
    MissingField,
    /// `bad-timestamp`: the event's time is absent, invalid, out of range, or too far past its record's.
    BadTimestamp,
    /// `identifier-too-long`: an identifier that the event's rules read has more than 512 bytes.
    IdentifierTooLong,
    /// `missing-identifier`: an identifier that events of this name need is absent.
    MissingIdentifier,
    /// `bad-relation`: the event's change of an activity is invalid.
    BadRelation,
    /// `no-key`: nothing names the event's conversation or note.
    NoKey,
    /// `conflicting-duplicate`: an earlier event with the same id has other content.
    ConflictingDuplicate,
    /// `target-not-found`: the activity that the event changes did not arrive in time.
    TargetNotFound,
    /// `unresolved-session`: the conversation of the event's session did not become known in time.
    UnresolvedSession,
    /// `conversation-expired`: the event's conversation has expired.
    ConversationExpired,
    /// `conversation-full`: the event's conversation has reached the limit of events.
    ConversationFull,
    /// `erased`: the event's conversation was erased on request.
    Erased,
}

impl Reason {
    /// All reasons, by [`Reason::index`].
    pub const ALL: &[Reason] = &[
        Reason::TooLarge,
        Reason::Malformed,
        Reason::NotAnEvent,
        Reason::MissingField,
        Reason::BadTimestamp,
        Reason::IdentifierTooLong,
        Reason::MissingIdentifier,
        Reason::BadRelation,
        Reason::NoKey,
        Reason::ConflictingDuplicate,
        Reason::TargetNotFound,
        Reason::UnresolvedSession,
        Reason::ConversationExpired,
        Reason::ConversationFull,
        Reason::Erased,
    ];

    /// The contract's constant.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::TooLarge => "too-large",
            Reason::Malformed => "malformed",
            Reason::NotAnEvent => "not-an-event",
            Reason::MissingField => "missing-field",
            Reason::BadTimestamp => "bad-timestamp",
            Reason::IdentifierTooLong => "identifier-too-long",
            Reason::MissingIdentifier => "missing-identifier",
            Reason::BadRelation => "bad-relation",
            Reason::NoKey => "no-key",
            Reason::ConflictingDuplicate => "conflicting-duplicate",
            Reason::TargetNotFound => "target-not-found",
            Reason::UnresolvedSession => "unresolved-session",
            Reason::ConversationExpired => "conversation-expired",
            Reason::ConversationFull => "conversation-full",
            Reason::Erased => "erased",
        }
    }

    /// The index in [`Reason::ALL`], for arrays of counters. Not for stored state: it may change between versions.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// An invalid record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", .reason.as_str())]
pub struct Invalid {
    /// The first reason that applies.
    pub reason: Reason,
    /// A sentence for people, with the position: a path, or line and column, or a byte. It never quotes the input, which may be
    /// a customer's text.
    pub detail: String,
}

impl Invalid {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Invalid { reason, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own_and_stands_at_its_index() {
        let words: std::collections::HashSet<_> = Reason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!((words.len(), Reason::ALL.len()), (15, 15));
        for (place, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), place);
        }
    }

    #[test]
    fn an_invalid_record_reads_as_its_reason_and_a_sentence() {
        let invalid = Invalid::new(Reason::NoKey, "nothing to key it by");
        assert_eq!(invalid.to_string(), "no-key: nothing to key it by");
    }
}
