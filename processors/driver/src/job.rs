// SPDX-License-Identifier: Apache-2.0

//! The queue of jobs, and the purpose of pending answers. `dispatch` runs them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use crate::Driver;
use crate::action::{Action, Position, Range, Rebalance, TopicPartition};
use crate::division::Division;
use crate::error::{Damaged, DriverError};
use crate::event::Event;
use crate::extents::Gone;

/// The result of a job: an action to carry out, or none.
pub(crate) type Outcome<E> = Result<Option<Action<E>>, DriverError<E>>;

/// A partition whose store has to be opened, with its input topic.
#[derive(Debug, Clone)]
pub(crate) struct Unopened {
    pub(crate) partition: i32,
    pub(crate) topic: Arc<str>,
}

/// The next step of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Begin,
    Send,
    Flush,
    /// Fetch the consumer's membership. It comes after the flush, which may take long: the coordinator refuses an old
    /// generation, which fences a zombie.
    Membership,
    Offsets,
    Commit,
    Abort,
    /// The producer was rebuilt; the transaction was not committed.
    NotCommitted,
    /// The producer was rebuilt; it is unknown whether the transaction was committed.
    Doubt,
    /// Fetch the record limit for dead letters.
    RecordLimit,
    /// Create a new producer if the old one's batches may be too large for dead letters.
    Batches,
}

/// A piece of work in the queue.
pub(crate) enum Job<E> {
    /// An action that is answered with [`Answer::Done`](crate::Answer::Done).
    Do(Action<E>),
    /// Create a producer.
    InitProducer,
    /// The consumer has subscribed.
    Joining,
    /// Carry out what the group has decided.
    FollowGroup,
    Rebalance(Rebalance),
    /// The client has carried out an assignment.
    Assigned(Division),
    /// The revoked partitions are committed or lost: give them up.
    Release(Vec<TopicPartition>),
    /// Open the stores that are available.
    Open,
    /// Open one store.
    OpenStore(Unopened),
    /// Find the starting positions of unaligned partitions.
    BeginUnaligned,
    /// Fetch the first offsets of unaligned partitions without a committed offset.
    FetchBeginsOfUnaligned(Vec<TopicPartition>),
    /// Fetch the committed offsets of tasks that do not know theirs.
    FetchCommitted,
    /// Continue the restores.
    Restore,
    /// Fetch the changelog offsets that a restore needs.
    AskChangelog(i32),
    /// Read the changelog.
    ReadChangelog,
    /// Seek where the consumer is off its position.
    Seek,
    /// Seek in these partitions, and in those of tasks known to begin there.
    SeekTasks(BTreeMap<TopicPartition, i64>),
    /// Fetch the committed offsets of positions that are gone.
    FetchCommittedOfGaps(Gone),
    /// Commit what is staged.
    Commit,
    /// Continue the transaction.
    Transaction(Step),
    /// Restore a damaged state.
    Damaged(Damaged),
    /// Check whether the group has caught up.
    CatchUp,
    /// Fetch the end offsets that the group has to reach.
    MeasureGoals(Vec<TopicPartition>),
    /// Find the ranges without a record.
    FindDrained(Vec<Range>),
    /// Compare the partition counts of topics with the state's.
    CountPartitions,
    ReadStatistics,
    /// Let stores do their periodic work.
    TendStores,
    /// Fire due timers.
    Timers,
    /// Report readiness.
    Readiness,
    Report(Event),
    /// The worker cannot go on.
    Fail(DriverError<E>),
    /// Leave the group.
    Leave,
    /// The worker has left the group.
    Left,
    /// No further action follows.
    Finish,
}

/// The purpose of the next answer.
pub(crate) enum Pending {
    Done,
    Poll,
    Producer,
    Store(Unopened),
    CommittedOfTasks,
    CommittedOfUnaligned,
    CommittedInDoubt,
    CommittedOfGaps(Gone),
    CommittedOfGoals,
    BeginsOfUnaligned(Vec<TopicPartition>),
    BeginsOfTasks(Vec<TopicPartition>),
    Extents(BTreeMap<TopicPartition, i64>),
    Ends { asked_ms: i64, partitions: Vec<i32> },
    EndsOfGoals(Vec<TopicPartition>),
    Seek(Vec<Position>),
    Partitions,
    Counts,
    Drained,
    Statistics,
    Queries,
    ChangelogExtent(i32),
    StableOffset(i32),
    ReadChangelog,
    Begin,
    Sent,
    Flushed,
    Membership,
    Offsets,
    Commit,
    Abort,
    RecordLimit,
}

impl<E: Display> Driver<E> {
    /// Asks for an action whose answer is for `pending`.
    pub(crate) fn ask(&mut self, action: Action<E>, pending: Pending) -> Outcome<E> {
        self.pending = Some(pending);
        Ok(Some(action))
    }

    /// Puts jobs before all others, in their order.
    pub(crate) fn do_first(&mut self, jobs: impl IntoIterator<Item = Job<E>, IntoIter: DoubleEndedIterator>) {
        for job in jobs.into_iter().rev() {
            self.jobs.push_front(job);
        }
    }
}
