// SPDX-License-Identifier: Apache-2.0

//! Faults by name, their frequencies, and those enabled for a seed.

use std::collections::BTreeMap;

use super::rng::Rng;

/// A kind of fault. Those of the second half are consequences; they are counted, not chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// An instance crashes between two steps and restarts later.
    Crash,
    /// A worker pauses for longer than the session and transaction timeouts, then continues.
    Zombie,
    /// An instance leaves the group properly and rejoins later.
    Rebalance,
    /// A record of the transaction cannot be written.
    Abort,
    /// An input record is produced again.
    DuplicateInput,
    /// The client delivers records again.
    Redelivery,
    /// A request to end a transaction is lost.
    LostRequest,
    /// The response to ending a transaction is lost.
    LostReply,
    /// The response is delayed.
    DelayedReply,
    /// A request to end a transaction is delayed.
    DelayedRequest,
    /// A crash loses writes to the store.
    SlowDisk,
    /// Half of a batch reached the disk before a crash.
    TornWrite,
    /// The store fails once.
    StoreFailure,
    /// The store fails several times in a row.
    LastingFailure,
    /// An instance restarts as a program with another state format.
    OtherForm,
    /// The changelog is compacted.
    Compaction,
    /// A pause of everything.
    Pause,
    /// Another producer aborts records in the input.
    AbortedInput,
    /// The schema of a record, or of a waiting one that comes with it, is not known yet.
    UnknownSchema,
    /// Records that the group has read are removed.
    Retention,
    /// Unread records are removed.
    UnreadRemoved,
    /// The coordinator returns errors for single partitions' committed offsets.
    OffsetError,
    /// The cluster does not answer, or not for every partition.
    NoAnswer,
    /// A seek fails.
    FailedSeek,
    /// A partition is not fetched and refuses a seek.
    RefusedSeek,
    /// A new leader of a changelog partition serves only up to an older high watermark.
    LeaderBehind,
    /// The client infers the delivery of a batch that is in no log.
    InferredDelivery,
    /// A partition is added to the input.
    AddedPartition,
    /// An input partition loses records that were read and committed.
    Truncation,
    /// The workers' wall clock jumps.
    ClockJump,
    /// The client repeats a request to end a transaction; the first one arrives later.
    RepeatedRequest,
    /// The coordinator timed out a transaction.
    TransactionTimeout,
    /// A member's session timed out.
    SessionTimeout,
    /// A producer's request was fenced.
    FencedProducer,
    /// Offsets were refused because of an old generation or an unknown member.
    RefusedOffsets,
    /// A delayed request to end a transaction arrived.
    LateEnd,
    /// It arrived and took effect.
    LateEndActed,
    /// A task began with an earlier process's state on disk.
    StaleStore,
    /// The restore of a damaged state had to wait.
    DelayedRestore,
    /// A program refused a state of another format and ended.
    RefusedForm,
    /// A partition was lost without revocation.
    LostPartitions,
    /// A task or an unaligned topic waited for a schema.
    UnreadRecord,
    /// A worker reported unread records as lost.
    Gap,
    /// A worker was about to commit after its partitions were lost.
    LostBeforeOffsets,
    /// A commit without an answer counted as aborted, because another member continued from there.
    TakenForAborted,
    /// A worker found a partition shorter than its position, and read the topic again.
    ReadAnew,
    /// A restore continued after the client's "end of partition".
    BelievedEnd,
    /// A worker ended because of a broken store.
    BrokenStore,
    /// A worker got a partition without a state partition.
    UnreadablePartition,
}

/// The chosen faults.
const CHOSEN: [Fault; 31] = [
    Fault::Crash,
    Fault::Zombie,
    Fault::Rebalance,
    Fault::Abort,
    Fault::DuplicateInput,
    Fault::Redelivery,
    Fault::LostRequest,
    Fault::LostReply,
    Fault::DelayedReply,
    Fault::DelayedRequest,
    Fault::SlowDisk,
    Fault::TornWrite,
    Fault::StoreFailure,
    Fault::LastingFailure,
    Fault::OtherForm,
    Fault::Compaction,
    Fault::Pause,
    Fault::AbortedInput,
    Fault::UnknownSchema,
    Fault::Retention,
    Fault::UnreadRemoved,
    Fault::OffsetError,
    Fault::RepeatedRequest,
    Fault::NoAnswer,
    Fault::FailedSeek,
    Fault::RefusedSeek,
    Fault::LeaderBehind,
    Fault::InferredDelivery,
    Fault::AddedPartition,
    Fault::Truncation,
    Fault::ClockJump,
];

impl Fault {
    /// Those that occur within a few hundred runs; being wrong about a commit takes more.
    pub const COMMON: [Fault; 48] = [
        Fault::Crash,
        Fault::Zombie,
        Fault::Rebalance,
        Fault::Abort,
        Fault::DuplicateInput,
        Fault::Redelivery,
        Fault::LostRequest,
        Fault::LostReply,
        Fault::DelayedReply,
        Fault::DelayedRequest,
        Fault::SlowDisk,
        Fault::TornWrite,
        Fault::StoreFailure,
        Fault::LastingFailure,
        Fault::OtherForm,
        Fault::Compaction,
        Fault::Pause,
        Fault::AbortedInput,
        Fault::UnknownSchema,
        Fault::Retention,
        Fault::UnreadRemoved,
        Fault::OffsetError,
        Fault::RepeatedRequest,
        Fault::TransactionTimeout,
        Fault::SessionTimeout,
        Fault::FencedProducer,
        Fault::RefusedOffsets,
        Fault::LateEnd,
        Fault::LateEndActed,
        Fault::StaleStore,
        Fault::DelayedRestore,
        Fault::RefusedForm,
        Fault::LostPartitions,
        Fault::UnreadRecord,
        Fault::Gap,
        Fault::LostBeforeOffsets,
        Fault::NoAnswer,
        Fault::FailedSeek,
        Fault::RefusedSeek,
        Fault::LeaderBehind,
        Fault::InferredDelivery,
        Fault::AddedPartition,
        Fault::Truncation,
        Fault::ReadAnew,
        Fault::ClockJump,
        Fault::BelievedEnd,
        Fault::BrokenStore,
        Fault::UnreadablePartition,
    ];

    /// The name in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Crash => "crash",
            Fault::Zombie => "zombie",
            Fault::Rebalance => "rebalance",
            Fault::Abort => "abort",
            Fault::DuplicateInput => "duplicate input",
            Fault::Redelivery => "redelivery",
            Fault::LostRequest => "lost EndTxn",
            Fault::LostReply => "lost reply to EndTxn",
            Fault::DelayedReply => "delayed reply to EndTxn",
            Fault::DelayedRequest => "delayed EndTxn",
            Fault::SlowDisk => "slow disk",
            Fault::TornWrite => "torn write",
            Fault::StoreFailure => "store failure",
            Fault::LastingFailure => "store failure that lasts",
            Fault::OtherForm => "program of another form",
            Fault::Compaction => "compaction",
            Fault::Pause => "pause",
            Fault::AbortedInput => "aborted input",
            Fault::UnknownSchema => "unknown schema",
            Fault::Retention => "retention",
            Fault::UnreadRemoved => "removed before it was read",
            Fault::OffsetError => "error for a committed offset",
            Fault::RepeatedRequest => "EndTxn sent twice",
            Fault::NoAnswer => "no answer to a question",
            Fault::FailedSeek => "failed seek",
            Fault::RefusedSeek => "refused seek",
            Fault::LeaderBehind => "leader behind",
            Fault::InferredDelivery => "inferred delivery",
            Fault::AddedPartition => "added partition",
            Fault::Truncation => "truncation",
            Fault::ClockJump => "clock jump",
            Fault::TransactionTimeout => "→ transaction time-out",
            Fault::SessionTimeout => "→ session time-out",
            Fault::FencedProducer => "→ fenced producer",
            Fault::RefusedOffsets => "→ refused offsets",
            Fault::LateEnd => "→ late EndTxn",
            Fault::LateEndActed => "→ late EndTxn that acted",
            Fault::StaleStore => "→ kept store used again",
            Fault::DelayedRestore => "→ restore that waited",
            Fault::RefusedForm => "→ refused form",
            Fault::LostPartitions => "→ lost partitions",
            Fault::UnreadRecord => "→ record that waited for its schema",
            Fault::Gap => "→ gap that was said",
            Fault::LostBeforeOffsets => "→ lost before offsets were sent",
            Fault::TakenForAborted => "→ taken for aborted",
            Fault::ReadAnew => "→ topic that was read again",
            Fault::BelievedEnd => "→ end that was not believed",
            Fault::BrokenStore => "→ broken store",
            Fault::UnreadablePartition => "→ unreadable partition",
        }
    }
}

/// The number of occurrences.
pub type Counts = BTreeMap<Fault, u64>;

/// Adds the counts of another run.
pub fn add_counts(all: &mut Counts, more: &Counts) {
    for (fault, count) in more {
        *all.entry(*fault).or_default() += count;
    }
}

/// The faults of one run.
pub(super) struct Faults {
    /// Occurrences in a thousand opportunities; missing kinds are disabled in this run.
    rates: BTreeMap<Fault, usize>,
    counts: Counts,
    is_on: bool,
}

impl Faults {
    /// Some kinds, some frequent and some rare: with all of them, rare combinations would never occur.
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut rates = BTreeMap::new();
        for fault in CHOSEN {
            if rng.chance(600) {
                // Faults that need a crash have few opportunities.
                let common = match fault {
                    Fault::SlowDisk | Fault::TornWrite => [200, 400, 600, 900],
                    _ => [20, 60, 150, 300],
                };
                rates.insert(fault, rng.pick(&common).copied().unwrap_or(20));
            }
        }
        Self { rates, counts: Counts::new(), is_on: true }
    }

    pub(super) fn switch(&mut self, is_on: bool) {
        self.is_on = is_on;
    }

    /// Whether the fault occurs at this opportunity.
    pub(super) fn strikes(&mut self, fault: Fault, rng: &mut Rng) -> bool {
        let rate = self.rates.get(&fault).copied().unwrap_or(0);
        let strikes = self.is_on && rate > 0 && rng.chance(rate);
        if strikes {
            self.count(fault);
        }
        strikes
    }

    pub(super) fn count(&mut self, fault: Fault) {
        *self.counts.entry(fault).or_default() += 1;
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }
}
