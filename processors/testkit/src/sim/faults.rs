//! What goes wrong, by name, how often, and which of it this seed knows.

use std::collections::BTreeMap;

use super::rng::Rng;

/// A kind of fault. Those of the second half are what faults lead to; they are counted, not chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// An instance is gone between two steps, and comes back later.
    Crash,
    /// A worker stands still for longer than sessions and transactions live, and goes on as if nothing had been.
    Zombie,
    /// An instance leaves the group in order, and joins again later.
    Rebalance,
    /// A record of the transaction cannot be written.
    Abort,
    /// An input record is produced again.
    DuplicateInput,
    /// The client hands out records that it handed out before.
    Redelivery,
    /// The end of a transaction never reaches the coordinator.
    LostRequest,
    /// The coordinator's answer to the end of a transaction never comes.
    LostReply,
    /// The coordinator's answer comes late.
    DelayedReply,
    /// The end of a transaction reaches the coordinator later, whatever happens till then.
    DelayedRequest,
    /// What was applied to the store did not reach the disk before a crash.
    SlowDisk,
    /// Half of a batch reached the disk before a crash.
    TornWrite,
    /// The store cannot be read or written, once.
    StoreFailure,
    /// The same, several times one after the other.
    LastingFailure,
    /// An instance comes back as a program that keeps its state in another form.
    OtherForm,
    /// The changelog is compacted.
    Compaction,
    /// Nothing happens for a while.
    Standstill,
    /// Somebody writes into the input what is aborted then.
    AbortedInput,
    /// The schema of a record, or of one that waited and comes with it, is not known yet.
    UnknownSchema,
    /// What the group has read of a partition is removed.
    Retention,
    /// Records are removed before anybody has read them.
    UnreadRemoved,
    /// The coordinator answers with an error for single partitions when it is asked for committed offsets.
    OffsetError,
    /// The cluster does not answer a question, or not for every partition.
    NoAnswer,
    /// A seek does not come about.
    FailedSeek,
    /// A partition is not fetched, and refuses a seek.
    RefusedSeek,
    /// The leader of a partition of the changelog serves only up to an older high watermark.
    LeaderBehind,
    /// The client infers that a batch was written, which is in no log.
    InferredDelivery,
    /// A partition is added to the input.
    AddedPartition,
    /// A partition of the input loses its end, which was read and committed.
    Truncation,
    /// The wall clock of all workers jumps.
    ClockJump,
    /// The client sends the end of a transaction again by itself; the first request comes later, whatever happens till then.
    RepeatedRequest,
    /// The coordinator ended a transaction that was open for too long.
    TransactionTimeout,
    /// A member's session ended.
    SessionTimeout,
    /// A request of a producer was refused for its old epoch.
    FencedProducer,
    /// Offsets were refused for an old generation or a member unknown.
    RefusedOffsets,
    /// A delayed end of a transaction reached the coordinator.
    LateEnd,
    /// The same, and it was not refused.
    LateEndActed,
    /// A task began with the state that an earlier life left on the disk.
    StaleStore,
    /// A damaged state had to wait until it was restored.
    DelayedRestore,
    /// A program refused a state of another form, and ended.
    RefusedForm,
    /// A partition was lost without having been given up.
    LostPartitions,
    /// A task, or an unaligned topic, had to wait for a schema.
    UnreadRecord,
    /// A worker has said that records were removed before they were read.
    Gap,
    /// A worker was about to commit though the group had taken its partitions away.
    LostBeforeOffsets,
    /// After a commit without an answer it was taken for aborted, since somebody else had gone on from there.
    TakenForAborted,
    /// A worker found a partition shorter than what it had read, and read its topic anew.
    ReadAnew,
    /// A restore was not done where the client said "end of partition".
    BelievedEnd,
    /// A worker ended since its store is broken.
    BrokenStore,
    /// A worker holds a partition that the state has no place for.
    UnreadablePartition,
}

/// Those that are chosen.
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
    Fault::Standstill,
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
    /// Those that a few hundred runs are enough for; to be wrong about a commit takes more.
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
        Fault::Standstill,
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

    /// Its name, as the report prints it.
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
            Fault::Standstill => "standstill",
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
            Fault::ReadAnew => "→ topic that was read anew",
            Fault::BelievedEnd => "→ end that was not believed",
            Fault::BrokenStore => "→ broken store",
            Fault::UnreadablePartition => "→ unreadable partition",
        }
    }
}

/// How often each fault happened.
pub type Counts = BTreeMap<Fault, u64>;

/// Adds the faults of another run.
pub fn add_counts(all: &mut Counts, more: &Counts) {
    for (fault, count) in more {
        *all.entry(*fault).or_default() += count;
    }
}

/// The faults of one run.
pub(super) struct Faults {
    /// How often each kind happens in a thousand chances; what is missing does not happen in this run.
    rates: BTreeMap<Fault, usize>,
    counts: Counts,
    is_on: bool,
}

impl Faults {
    /// Some kinds, some often and some rarely: a run with all of them would never come to the rarer meetings of two.
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut rates = BTreeMap::new();
        for fault in CHOSEN {
            if rng.chance(600) {
                // What can happen only in a crash has few chances.
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

    /// Whether the fault happens now, where it could.
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
