// SPDX-License-Identifier: Apache-2.0

//! Actions: what the driver asks its caller to do, and the answers to them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use engine::{SourceRecord, StateStore, StoreError};

use crate::error::DriverError;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
}

impl TopicPartition {
    /// The given partition of a topic.
    #[must_use]
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.topic, self.partition)
    }
}

/// A partition and an offset in it.
pub type Position = (TopicPartition, i64);

/// The offsets between which a partition holds records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The first offset that was not removed.
    pub begin: i64,
    /// The offset after the last record, of open transactions too.
    pub end: i64,
}

/// The end of a partition, as the client's statistics report it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndOffset {
    /// The last stable offset: all transactions before it are finished.
    pub stable: i64,
    /// Whether the consumer has handed out every record before it. The log may end with transaction markers, which are never
    /// handed out.
    pub is_drained: bool,
}

/// An offset that the group has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOffset {
    /// The offset of the next record to take.
    pub next: i64,
    /// The metadata committed with it.
    pub metadata: String,
}

/// The group's committed offsets; `None` for a partition without one. A partition is missing when the coordinator did not
/// answer for it: its committed offset is then unknown.
pub type GroupOffsets = BTreeMap<TopicPartition, Option<GroupOffset>>;

/// A range of offsets of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The partition.
    pub partition: TopicPartition,
    /// The first offset; `None` for the beginning of the partition.
    pub from: Option<i64>,
    /// The offset after the last one.
    pub to: i64,
}

/// A decision of the group. Pass decisions to the driver in the order in which they arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rebalance {
    /// Partitions added to the worker.
    Assigned(Vec<TopicPartition>),
    /// Partitions taken away from the worker.
    Revoked {
        /// The partitions.
        partitions: Vec<TopicPartition>,
        /// Whether another member owns them already, so that nothing of them may be committed.
        is_lost: bool,
    },
}

/// What to do about an error of the Kafka client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Retry the same call.
    Retry,
    /// Abort the transaction, drop what is staged and take the records again.
    Abort,
    /// Build a new producer, which fences the old one and its requests in flight. Whether the transaction was committed is
    /// unknown: the group's committed offsets decide.
    Rebuild,
    /// Stop and report the error: no remedy is known here.
    Stop,
}

/// A call of the producer that failed.
#[derive(Debug)]
pub struct Failure<E> {
    /// What to do about it.
    pub remedy: Remedy,
    /// The client's error.
    pub error: E,
    /// Whether dead letters exceeded the topic's record limit.
    pub letters_too_large: bool,
}

/// How a seek went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sought {
    /// The consumer fetches from the offset.
    Done,
    /// The client does not fetch this partition and a seek does not start it. Assign the partition again.
    NotFetched,
    /// The seek timed out or failed. Seek again.
    Failed,
}

/// What the caller has to do next. Carry it out as it is and answer with [`Driver::respond`](crate::Driver::respond) before
/// asking for the next one. Each variant names its answer.
#[derive(Debug)]
#[must_use = "the driver waits until its action is carried out and answered"]
pub enum Action<E> {
    /// Create a transactional producer, unless one is being created, and initialize its transactions. The coordinator fences
    /// the previous producer and aborts its open transaction. [`Answer::Producer`].
    InitProducer,
    /// Subscribe to the input topics. [`Answer::Done`].
    Subscribe,
    /// Poll the consumer once. [`Answer::Record`], [`Answer::NoRecord`], [`Answer::OffsetOutOfRange`] or [`Answer::Failed`].
    Poll {
        /// The longest wait for a record.
        timeout: Duration,
    },
    /// Wait. [`Answer::Done`].
    Sleep(Duration),
    /// Confirm the assignment: assign these partitions at offset 0, paused. [`Action::Seek`] sets the position later.
    /// [`Answer::Done`].
    Assign(Vec<TopicPartition>),
    /// Confirm the revocation: give these partitions up. [`Answer::Done`].
    Unassign(Vec<TopicPartition>),
    /// Pause these partitions until the next seek. [`Answer::Done`].
    Pause(Vec<TopicPartition>),
    /// Fetch these partitions from these offsets. [`Answer::Sought`].
    Seek(Vec<Position>),
    /// Assign partitions again that a seek does not reach, and pause all partitions. [`Answer::Done`].
    Reassign {
        /// The partitions and their positions.
        partitions: Vec<Position>,
        /// All partitions that are read.
        pause: Vec<TopicPartition>,
    },
    /// Fetch the group's stable committed offsets. The coordinator answers for a partition only when no open transaction can
    /// change its offset. [`Answer::Committed`].
    FetchCommitted(Vec<TopicPartition>),
    /// Fetch the group's latest committed offsets, even while transactions are open. A busy group always has an open
    /// transaction. [`Answer::Committed`].
    FetchLatestCommitted(Vec<TopicPartition>),
    /// Fetch the first offsets of partitions. [`Answer::Offsets`].
    FetchBegins(Vec<TopicPartition>),
    /// Fetch the end offsets of partitions, records of open transactions included. [`Answer::Offsets`].
    FetchEnds(Vec<TopicPartition>),
    /// Fetch first and end offsets. [`Answer::Extents`].
    FetchExtents(Vec<TopicPartition>),
    /// List all partitions of all topics. [`Answer::Partitions`].
    ListPartitions,
    /// Fetch the partition counts of topics. [`Answer::PartitionCounts`].
    CountPartitions(Vec<Arc<str>>),
    /// Find the ranges that hold no record for a `read_committed` consumer, now or later. [`Answer::Drained`].
    FindDrained(Vec<Range>),
    /// Read the client's statistics. [`Answer::Statistics`].
    ReadStatistics,
    /// Answer interactive queries from [`Driver::tasks`](crate::Driver::tasks). [`Answer::Queries`].
    AnswerQueries,
    /// Open the state store of a partition. [`Answer::Store`].
    OpenStore(i32),
    /// Close the state store of a partition. Its task is dropped already. [`Answer::Done`].
    CloseStore(i32),
    /// Fetch the first and end offset of a changelog partition. [`Answer::ChangelogExtent`].
    FetchChangelogExtent(i32),
    /// Fetch the last stable offset of a changelog partition. [`Answer::StableOffset`].
    FetchStableOffset(i32),
    /// Assign exactly these changelog partitions at these offsets, with `read_committed`. [`Answer::Done`].
    AssignChangelog(Vec<(i32, i64)>),
    /// Read some records of the changelog. Pass each record to [`Driver::restore`](crate::Driver::restore) and each end of a
    /// partition to [`Driver::changelog_ended`](crate::Driver::changelog_ended). [`Answer::Done`].
    ReadChangelog,
    /// Begin a transaction. [`Answer::Transaction`].
    BeginTransaction,
    /// Pass the producer to [`Driver::send_to`](crate::Driver::send_to). [`Answer::Sent`].
    Send,
    /// Wait until every record of the transaction is acknowledged. [`Answer::Flushed`].
    Flush,
    /// Check whether the consumer has lost its partitions, and keep its current member id and generation.
    /// [`Answer::Membership`].
    FetchMembership,
    /// Add offsets to the transaction, with the membership of the last [`Action::FetchMembership`]. [`Answer::Transaction`].
    SendOffsets {
        /// The offsets of the next records to take.
        offsets: Vec<Position>,
        /// The metadata to commit with each offset. It is unique to this transaction.
        metadata: String,
    },
    /// Commit the transaction. [`Answer::Ended`].
    CommitTransaction,
    /// Abort the transaction. [`Answer::Ended`].
    AbortTransaction,
    /// Fetch the record limit of the dead-letter topic. [`Answer::RecordLimit`].
    FetchRecordLimit,
    /// Give these repartition partitions up, which the group does not assign, then leave the group. [`Answer::Done`].
    Leave {
        /// The partitions of the repartition topic.
        unassign: Vec<TopicPartition>,
        /// Whether everything that was taken is committed.
        is_committed: bool,
    },
    /// The worker has ended; no further action follows.
    Finish(Result<(), DriverError<E>>),
}

/// The answer to an [`Action`].
pub enum Answer<'r, E> {
    /// Success, or an error without a remedy.
    Done(Result<(), E>),
    /// A record was polled.
    Record(SourceRecord<'r>),
    /// The poll timed out without a record. The client's queue was empty, so the driver has received every decision of the
    /// group.
    NoRecord,
    /// The position of some partition is out of range.
    OffsetOutOfRange,
    /// The poll failed with a transient error.
    Failed,
    /// The producer's batch size in bytes, or why it is not ready yet.
    Producer(Result<usize, Failure<E>>),
    /// The outcome of each seek.
    Sought(Vec<(TopicPartition, Sought)>),
    /// The committed offsets; `None` when the coordinator did not answer.
    Committed(Option<GroupOffsets>),
    /// The offsets known so far.
    Offsets(BTreeMap<TopicPartition, i64>),
    /// The extents known so far.
    Extents(BTreeMap<TopicPartition, Extent>),
    /// All partitions; `None` when the cluster did not answer.
    Partitions(Option<Vec<TopicPartition>>),
    /// The partition count of each topic. Topics with an unknown count are missing.
    PartitionCounts(BTreeMap<Arc<str>, i32>),
    /// The ranges without a record. Ranges that are not decided yet are missing.
    Drained(Vec<TopicPartition>),
    /// End offsets reported by statistics since the last answer.
    Statistics(Vec<(TopicPartition, EndOffset)>),
    /// The result of answering queries.
    Queries {
        /// Whether a listener still has changes to receive.
        has_more: bool,
        /// Errors of tasks, such as damaged state.
        errors: Vec<engine::TaskError>,
    },
    /// The store; `None` while another worker holds it.
    Store(Result<Option<Box<dyn StateStore>>, StoreError>),
    /// The extent; `None` when the cluster did not answer.
    ChangelogExtent(Result<Option<Extent>, E>),
    /// The last stable offset; `None` when the cluster did not answer.
    StableOffset(Result<Option<i64>, E>),
    /// Success of beginning the transaction or of adding offsets to it, or the failure.
    Transaction(Result<(), Failure<E>>),
    /// Success, or why the producer refused a record.
    Sent(Result<(), Failure<E>>),
    /// The end offset of each changelog partition after the transaction's records, or why a record was not written.
    Flushed(Result<BTreeMap<i32, i64>, Failure<E>>),
    /// What the consumer knows about its membership.
    Membership {
        /// Whether it is a member of the group.
        is_known: bool,
        /// Whether the group has taken its partitions away.
        is_lost: bool,
    },
    /// The transaction has ended. With `is_broken` the connection to the coordinator broke: the client may have repeated the
    /// request, and the first one may still be in flight.
    Ended {
        /// Success, or the failure.
        result: Result<(), Failure<E>>,
        /// Whether the connection to the coordinator broke.
        is_broken: bool,
    },
    /// The topic's record limit in bytes; `None` when it is unknown.
    RecordLimit(Option<usize>),
}
