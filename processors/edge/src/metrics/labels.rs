// SPDX-License-Identifier: Apache-2.0

//! Label values.

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Kafka confirmed it.
    Committed,
    /// It was aborted; its input is read again.
    Aborted,
    /// The commit had no answer; the group's committed offsets decided.
    Ambiguous,
}

impl Outcome {
    pub(super) const ALL: [Self; 3] = [Self::Committed, Self::Aborted, Self::Ambiguous];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// The effect of a rebalance on a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebalance {
    /// Partitions were assigned.
    Assigned,
    /// Partitions were revoked.
    Revoked,
    /// Partitions were lost without a revocation.
    Lost,
}

impl Rebalance {
    pub(super) const ALL: [Self; 3] = [Self::Assigned, Self::Revoked, Self::Lost];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Revoked => "revoked",
            Self::Lost => "lost",
        }
    }
}

/// Declared label values; any other is counted as `undeclared`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Labels<'l> {
    /// The words of `model::Reason`.
    pub dead_letter_reasons: &'l [&'l str],
    /// The words of `engine::EventClass`.
    pub event_kinds: &'l [&'l str],
    /// The invariants that the processors check.
    pub rules: &'l [&'l str],
    /// The counters that the processors declare.
    pub counters: &'l [&'static engine::Counter],
    /// The queues that have series of their own, in the order in which the processors count them.
    pub listed_queues: &'l [String],
}
