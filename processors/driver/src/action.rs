//! What the driver asks for, and what it is answered.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use engine::{SourceRecord, StateStore, StoreError};

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
}

impl TopicPartition {
    /// This partition of this topic.
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

/// What statistics say of the end of a partition.
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
    /// The text that was committed beside it.
    pub metadata: String,
}

/// The group's committed offsets; `None` where it has committed none. A partition that the coordinator did not answer for is
/// missing: that says nothing of what is committed.
pub type GroupOffsets = BTreeMap<TopicPartition, Option<GroupOffset>>;

/// A range of offsets of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Where.
    pub partition: TopicPartition,
    /// The first offset; `None` for the beginning of the partition.
    pub from: Option<i64>,
    /// The offset after the last one.
    pub to: i64,
}

/// What the group has decided. Each decision has to be given to the driver in the order in which it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rebalance {
    /// These partitions are added to the worker's.
    Assigned(Vec<TopicPartition>),
    /// These are taken away.
    Revoked {
        /// Which.
        partitions: Vec<TopicPartition>,
        /// Whether another member has them already: nothing of them may be committed.
        is_lost: bool,
    },
}

/// What to do about an error of the Kafka client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Make the very same call again.
    Retry,
    /// Abort the transaction, drop what is staged, take the records again.
    Abort,
    /// This producer is finished, and whether its transaction was committed is not known: build a new one, which fences
    /// whatever the old one still has under way, and let the group's committed offsets decide.
    Rebuild,
    /// No remedy here: stop, and say why.
    Stop,
}

/// A call of the producer that failed.
#[derive(Debug)]
pub struct Failure<E> {
    /// What to do about it.
    pub remedy: Remedy,
    /// The client's error.
    pub error: E,
    /// Whether dead letters were larger than their topic takes.
    pub letters_too_large: bool,
}

/// How a seek went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sought {
    /// The consumer fetches from the offset.
    Done,
    /// The client does not fetch this partition, and no seek makes it: it has to be assigned once more.
    NotFetched,
    /// It did not answer in time, or failed: seek again.
    Failed,
}

/// What the caller has to do next. It is carried out as it is, and answered with [`Driver::respond`](crate::Driver::respond)
/// before the next one is asked for; each variant names its answer.
#[derive(Debug)]
#[must_use = "the driver waits until its action is carried out and answered"]
pub enum Action<E> {
    /// Make a transactional producer, if there is none that is still being made, and let it initialize its transactions: the
    /// coordinator fences the producer before it and aborts what that left open. [`Answer::Producer`].
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
    /// Answer the group: take these partitions, at offset 0, and pause them. Where to begin is decided by [`Action::Seek`].
    /// [`Answer::Done`].
    Assign(Vec<TopicPartition>),
    /// Answer the group: give these partitions up. [`Answer::Done`].
    Unassign(Vec<TopicPartition>),
    /// Fetch nothing of these partitions until the next seek. [`Answer::Done`].
    Pause(Vec<TopicPartition>),
    /// Fetch these partitions from these offsets. [`Answer::Sought`].
    Seek(Vec<Position>),
    /// Assign partitions once more that a seek does not reach, and pause all. [`Answer::Done`].
    Reassign {
        /// Those, and where they go on.
        partitions: Vec<Position>,
        /// All partitions that are read.
        pause: Vec<TopicPartition>,
    },
    /// Ask the coordinator for the group's committed offsets; it answers for a partition only when no open transaction can
    /// change it. [`Answer::Committed`].
    FetchCommitted(Vec<TopicPartition>),
    /// The same, but as they are now, whatever open transactions may make of them: in a busy group there always is one.
    /// [`Answer::Committed`].
    FetchLatestCommitted(Vec<TopicPartition>),
    /// Ask where partitions begin. [`Answer::Offsets`].
    FetchBegins(Vec<TopicPartition>),
    /// Ask where partitions end, with what open transactions have written. [`Answer::Offsets`].
    FetchEnds(Vec<TopicPartition>),
    /// Ask for both. [`Answer::Extents`].
    FetchExtents(Vec<TopicPartition>),
    /// Ask for all partitions of all topics. [`Answer::Partitions`].
    ListPartitions,
    /// Ask how many partitions topics have. [`Answer::PartitionCounts`].
    CountPartitions(Vec<Arc<str>>),
    /// Find out in which of these ranges a consumer that reads what is committed is handed no record, and never will be.
    /// [`Answer::Drained`].
    FindDrained(Vec<Range>),
    /// Read the client's statistics. [`Answer::Statistics`].
    ReadStatistics,
    /// Answer interactive queries, with [`Driver::tasks`](crate::Driver::tasks). [`Answer::Queries`].
    AnswerQueries,
    /// Open the state store of a partition. [`Answer::Store`].
    OpenStore(i32),
    /// Let go of the state store of a partition; its task is dropped already. [`Answer::Done`].
    CloseStore(i32),
    /// Ask where a partition of the changelog begins and ends. [`Answer::ChangelogExtent`].
    FetchChangelogExtent(i32),
    /// Ask for the last stable offset of a partition of the changelog. [`Answer::StableOffset`].
    FetchStableOffset(i32),
    /// Read the changelog's partitions from these offsets on, what is committed, and nothing else of it. [`Answer::Done`].
    AssignChangelog(Vec<(i32, i64)>),
    /// Read some records of the changelog and give them to [`Driver::restore`](crate::Driver::restore), and each end of a
    /// partition to [`Driver::changelog_ended`](crate::Driver::changelog_ended). [`Answer::Done`].
    ReadChangelog,
    /// Begin a transaction. [`Answer::Transaction`].
    BeginTransaction,
    /// Give the producer to [`Driver::send_to`](crate::Driver::send_to). [`Answer::Sent`].
    Send,
    /// Wait until every record of the transaction is acknowledged. [`Answer::Flushed`].
    Flush,
    /// Ask the consumer whether the group has taken its partitions away, and keep the member and generation that it has now.
    /// [`Answer::Membership`].
    FetchMembership,
    /// Put offsets into the transaction, as the member of the last [`Action::FetchMembership`]. [`Answer::Transaction`].
    SendOffsets {
        /// The offsets of the next records to take.
        offsets: Vec<Position>,
        /// The text to commit beside each of them; no other transaction has it.
        metadata: String,
    },
    /// Commit the transaction. [`Answer::Ended`].
    CommitTransaction,
    /// Abort the transaction. [`Answer::Ended`].
    AbortTransaction,
    /// Ask how large a record the topic of dead letters takes. [`Answer::RecordLimit`].
    FetchRecordLimit,
    /// Leave the group, after these partitions, which the group does not know of, are given up. [`Answer::Done`].
    Leave {
        /// The partitions of the repartition topic.
        unassign: Vec<TopicPartition>,
        /// Whether everything that was taken is committed.
        is_committed: bool,
    },
    /// The worker has ended; there is no further action.
    Finish(Result<(), crate::DriverError<E>>),
}

/// The answer to an [`Action`].
pub enum Answer<'r, E> {
    /// It is done, or there is no remedy.
    Done(Result<(), E>),
    /// A record was polled.
    Record(SourceRecord<'r>),
    /// The time-out passed without a record, so all decisions of the group that lay in the client's queue were given to the
    /// driver.
    NoRecord,
    /// The offset at which some partition was to be read is not there.
    OffsetOutOfRange,
    /// The poll failed in a way that passes.
    Failed,
    /// The bytes that a batch of the new producer may have, or why it is not ready yet.
    Producer(Result<usize, Failure<E>>),
    /// What became of each seek.
    Sought(Vec<(TopicPartition, Sought)>),
    /// The committed offsets; `None` where the coordinator did not answer at all.
    Committed(Option<GroupOffsets>),
    /// The offsets that are known by now.
    Offsets(BTreeMap<TopicPartition, i64>),
    /// The extents that are known by now.
    Extents(BTreeMap<TopicPartition, Extent>),
    /// All partitions; `None` where the cluster did not answer.
    Partitions(Option<Vec<TopicPartition>>),
    /// How many partitions each topic has; those of which it is not known are missing.
    PartitionCounts(BTreeMap<Arc<str>, i32>),
    /// The ranges without a record; those of which it is not known yet are missing.
    Drained(Vec<TopicPartition>),
    /// The ends of partitions as the statistics since the last answer tell them.
    Statistics(Vec<(TopicPartition, EndOffset)>),
    /// Whether there is more to tell, and the state that turned out to be damaged, if one did.
    Queries {
        /// A listener has not been sent everything.
        has_more: bool,
        /// What the tasks' errors were.
        errors: Vec<engine::TaskError>,
    },
    /// The store; `None` while another worker has it.
    Store(Result<Option<Box<dyn StateStore>>, StoreError>),
    /// The extent; `None` where the cluster did not answer.
    ChangelogExtent(Result<Option<Extent>, E>),
    /// The last stable offset; `None` where the cluster did not answer.
    StableOffset(Result<Option<i64>, E>),
    /// The transaction has begun, or holds the offsets, or why not.
    Transaction(Result<(), Failure<E>>),
    /// Why a record could not be handed to the producer, where one could not.
    Sent(Result<(), Failure<E>>),
    /// The offsets after the last record of each partition of the changelog, or why a record was not written.
    Flushed(Result<BTreeMap<i32, i64>, Failure<E>>),
    /// What the consumer knows of the group.
    Membership {
        /// Whether it is a member at all.
        is_known: bool,
        /// Whether the group has taken its partitions away.
        is_lost: bool,
    },
    /// The transaction has ended. `is_broken`: the connection to its coordinator broke, so the client may have sent the request
    /// once more by itself, and the first one may still be under way.
    Ended {
        /// Why it did not.
        result: Result<(), Failure<E>>,
        /// See above.
        is_broken: bool,
    },
    /// How many bytes a record of the topic may have; `None` where it does not say.
    RecordLimit(Option<usize>),
}
