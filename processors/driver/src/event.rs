// SPDX-License-Identifier: Apache-2.0

//! What the driver reports for logs, metrics, spans and listeners. The driver never depends on it.

use std::sync::Arc;
use std::time::Duration;

use engine::{Phase, Tally};

use crate::action::{Remedy, TopicPartition};

/// A committed change of the state: key and value; `None` when the key was deleted.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The transaction was committed.
    Committed,
    /// The transaction was aborted; its records are taken again.
    Aborted,
    /// The coordinator did not answer; the committed offsets decide.
    Ambiguous,
}

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// The worker's readiness and its reason.
    Readiness {
        /// Whether all its partitions are being processed.
        is_ready: bool,
        /// A sentence for operators.
        detail: String,
    },
    /// The group assigned partitions; the driver begins to take them over.
    Assigned(Vec<TopicPartition>),
    /// The group revoked partitions; the driver begins to give them up.
    Revoked {
        /// The partitions.
        partitions: Vec<TopicPartition>,
        /// Whether another member owns them already.
        is_lost: bool,
    },
    /// The rebalance is complete on this worker.
    Rebalanced,
    /// A task changed its phase; `None` before it begins and after it ends.
    Phase {
        /// The task's partition.
        partition: i32,
        /// The previous phase.
        before: Option<Phase>,
        /// The new phase.
        after: Option<Phase>,
    },
    /// An invalid phase transition: a defect of the driver.
    WrongPhase {
        /// The task's partition.
        partition: i32,
        /// The current phase.
        is: Phase,
        /// The requested phase.
        wanted: Phase,
    },
    /// A restore began.
    RestoreBegan {
        /// The partition.
        partition: i32,
    },
    /// The store is ahead of the changelog and is wiped.
    StoreStale {
        /// The partition.
        partition: i32,
    },
    /// A transaction in the changelog is open beyond its timeout.
    RestoreBlocked {
        /// The partition.
        partition: i32,
        /// The first offset of the open transaction.
        offset: i64,
    },
    /// The leader of a changelog partition does not know its end yet.
    LeaderBehind {
        /// The partition.
        partition: i32,
        /// The position of the restore.
        next: i64,
        /// The end offset of the restore.
        end: i64,
    },
    /// The restore read records of the changelog.
    RestoreRead {
        /// The number of records.
        records: usize,
    },
    /// A restore is complete.
    Restored {
        /// The partition.
        partition: i32,
        /// The number of records read.
        read: u64,
        /// The number of keys in the state.
        records: u64,
    },
    /// A restore was dropped: the partition was revoked, or the restore starts again.
    RestoreDropped {
        /// The partition.
        partition: i32,
    },
    /// Unread records are lost to retention or a `DeleteRecords`.
    Gap {
        /// The partition.
        partition: TopicPartition,
        /// The first lost offset.
        from: i64,
        /// The offset after the last lost record.
        to: i64,
    },
    /// The group reads a partition for the first time.
    Began {
        /// The partition.
        partition: TopicPartition,
        /// The first available offset.
        begin: i64,
    },
    /// A partition is read again from its beginning: its topic was recreated, or lost its end.
    ReadAnew(TopicPartition),
    /// The client delivered a record from before the worker's position.
    WentBack {
        /// The partition.
        partition: TopicPartition,
        /// The record's offset.
        offset: i64,
    },
    /// A state is damaged and is restored from its changelog.
    StateDamaged {
        /// The partition.
        partition: i32,
        /// The cause.
        cause: String,
        /// The wait before the restore, in milliseconds.
        wait_ms: u64,
    },
    /// A partition of the input without a state partition: no task reads it.
    Unreadable {
        /// The partition.
        partition: TopicPartition,
        /// Whether the group assigned it (`true`) or revoked it.
        is_held: bool,
    },
    /// The partition count of a repartition or changelog topic differs from the state's.
    PartitionCount {
        /// The topic.
        topic: Arc<str>,
        /// Its partition count.
        count: i32,
    },
    /// A batch of records was taken.
    Polled {
        /// The time it took, waits excluded.
        latency: Duration,
    },
    /// A transaction begins.
    TransactionBegan,
    /// A transaction was committed.
    TransactionCommitted {
        /// The time it took.
        latency: Duration,
    },
    /// A transaction failed; the driver recovers.
    TransactionFailed {
        /// The error.
        error: String,
        /// The remedy.
        remedy: Remedy,
        /// Whether the commit had been requested.
        in_doubt: bool,
    },
    /// The outcome of a transaction, for metrics.
    TransactionEnded(Outcome),
    /// The committed offsets decided a transaction without an answer.
    Decided {
        /// Whether it was committed.
        is_committed: bool,
    },
    /// An abort had no answer; the producer is rebuilt.
    AbortFailed {
        /// The error.
        error: String,
    },
    /// The producer was replaced by a new one.
    ProducerRebuilt,
    /// Dead letters are limited to this size, because their topic accepts no more.
    LettersLimited {
        /// The limit in bytes.
        bytes: usize,
    },
    /// A transaction of a task was committed.
    Applied {
        /// The task's partition.
        partition: i32,
        /// What the task did.
        tally: Tally,
        /// Changes below the watched prefix.
        changes: Vec<Change>,
    },
    /// Records sent to other partitions were committed.
    Repartitioned(Tally),
    /// A task was closed.
    Closed {
        /// Its partition.
        partition: i32,
    },
    /// The lag of a partition.
    Lag {
        /// The partition.
        partition: TopicPartition,
        /// Records not committed yet.
        records: i64,
    },
    /// The group has read everything that existed when the partitions were taken over; records may expire from now on.
    CaughtUp,
    /// A request had no answer, or one for some partitions only. It is repeated.
    Unanswered {
        /// The request.
        what: &'static str,
    },
}
