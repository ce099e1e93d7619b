//! What the driver reports, for logs, metrics, spans and listeners. Nothing depends on it.

use std::sync::Arc;
use std::time::Duration;

use engine::{Phase, Tally};

use crate::action::TopicPartition;

/// A record of the state that was committed; no value: it is gone.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is committed.
    Committed,
    /// It is aborted, and its records are taken again.
    Aborted,
    /// The coordinator did not answer: the committed offsets decide.
    Ambiguous,
}

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// The worker is ready or not, and why.
    Readiness {
        /// Whether all partitions that it has are worked on.
        is_ready: bool,
        /// A sentence for a person.
        detail: String,
    },
    /// The group has given partitions; the driver begins to take them.
    Assigned(Vec<TopicPartition>),
    /// The group takes partitions away; the driver begins to give them up.
    Revoked {
        /// Which.
        partitions: Vec<TopicPartition>,
        /// Whether they belong to another member already.
        is_lost: bool,
    },
    /// The group has its answer.
    Rebalanced,
    /// A task has come to another phase; `None` before it begins and after it is gone.
    Phase {
        /// Its partition.
        partition: i32,
        /// The phase before.
        before: Option<Phase>,
        /// The phase now.
        after: Option<Phase>,
    },
    /// A step that no life of a task has: a mistake in the driver.
    WrongPhase {
        /// The task's partition.
        partition: i32,
        /// The phase that it is in.
        is: Phase,
        /// The phase that it was to come to.
        wanted: Phase,
    },
    /// A restore begins.
    RestoreBegan {
        /// Which partition.
        partition: i32,
    },
    /// The store knows more than the changelog holds: it is wiped.
    StoreStale {
        /// Which partition.
        partition: i32,
    },
    /// A transaction in the changelog stays open for longer than it may.
    RestoreBlocked {
        /// Which partition.
        partition: i32,
        /// The first offset of the open transaction.
        offset: i64,
    },
    /// The leader of a partition of the changelog does not know its end yet.
    LeaderBehind {
        /// Which partition.
        partition: i32,
        /// The offset that was read up to.
        next: i64,
        /// The offset to be read up to.
        end: i64,
    },
    /// Some records of the changelog were read.
    RestoreRead {
        /// How many.
        records: usize,
    },
    /// A state is complete.
    Restored {
        /// Which partition.
        partition: i32,
        /// How many records were read for it.
        read: u64,
        /// How many keys it has.
        records: u64,
    },
    /// A partition is not restored any more: it was given up, or begins anew.
    RestoreDropped {
        /// Which partition.
        partition: i32,
    },
    /// Unread records are gone: retention or a `DeleteRecords` was faster.
    Gap {
        /// Where.
        partition: TopicPartition,
        /// The first offset that is gone.
        from: i64,
        /// The offset after the last one.
        to: i64,
    },
    /// The group reads a partition for the first time.
    Began {
        /// Which.
        partition: TopicPartition,
        /// The first record that is there.
        begin: i64,
    },
    /// A partition is read from its beginning: its topic was deleted and created again, or has lost its end.
    ReadAnew(TopicPartition),
    /// The client handed out a record from before the worker's position.
    WentBack {
        /// Where.
        partition: TopicPartition,
        /// The record's offset.
        offset: i64,
    },
    /// A state cannot be read, and is restored from its changelog.
    StateDamaged {
        /// Which partition.
        partition: i32,
        /// What was found.
        cause: String,
        /// How long the restore waits, in milliseconds.
        wait_ms: u64,
    },
    /// A partition of the input that the state has no partition for: nothing reads it.
    Unreadable {
        /// Which.
        partition: TopicPartition,
        /// Whether the group has given it, or takes it away.
        is_held: bool,
    },
    /// A topic between the processors has another number of partitions than the state.
    PartitionCount {
        /// Which topic.
        topic: Arc<str>,
        /// How many it has.
        count: i32,
    },
    /// Records were taken until there was no more, or it was time to commit.
    Polled {
        /// How long that took, without the waits.
        latency: Duration,
    },
    /// A transaction begins.
    TransactionBegan,
    /// A transaction was committed.
    TransactionCommitted {
        /// How long that took.
        latency: Duration,
    },
    /// A transaction failed; what follows puts it right.
    TransactionFailed {
        /// Why.
        error: String,
        /// What is done about it.
        remedy: crate::Remedy,
        /// Whether the commit had been asked for.
        in_doubt: bool,
    },
    /// How a transaction counts.
    TransactionEnded(Outcome),
    /// The committed offsets have decided about a transaction without an answer.
    Decided {
        /// Whether it was committed.
        is_committed: bool,
    },
    /// An abort had no answer: the producer is built anew.
    AbortFailed {
        /// Why.
        error: String,
    },
    /// A new producer takes the place of the old one.
    ProducerRebuilt,
    /// From now on dead letters have at most so many bytes, since their topic takes no more.
    LettersLimited {
        /// How many.
        bytes: usize,
    },
    /// A transaction of a task is committed.
    Applied {
        /// The task's partition.
        partition: i32,
        /// What it did.
        tally: Tally,
        /// What changed under the watched prefix.
        changes: Vec<Change>,
    },
    /// Records that were sent to other partitions are committed.
    Repartitioned(Tally),
    /// A task is gone.
    Closed {
        /// Its partition.
        partition: i32,
    },
    /// How many records of a partition are there and not committed yet.
    Lag {
        /// Where.
        partition: TopicPartition,
        /// How many.
        records: i64,
    },
    /// The group has read what there was when the partitions were taken over: from now on things may expire.
    CaughtUp,
    /// A question was not answered, or for some partitions only; it is asked again.
    Unanswered {
        /// What was asked.
        what: &'static str,
    },
}
