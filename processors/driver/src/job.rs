//! Jobs, and the purpose of pending answers.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::action::{Action, Answer, GroupOffsets, Position, Range, Rebalance, TopicPartition};
use crate::assignment::{Division, Release};
use crate::error::Damaged;
use crate::gaps::Gone;
use crate::open::Unopened;
use crate::transaction::Step;
use crate::{Driver, DriverError, Event};

/// The result of a job: an action to carry out, or none.
pub(crate) type Outcome<E> = Result<Option<Action<E>>, DriverError<E>>;

/// A piece of work in the queue.
pub(crate) enum Job<E> {
    /// An action that is answered with [`Answer::Done`].
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
    Release(Release),
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

    pub(crate) fn run(&mut self, job: Job<E>) -> Outcome<E> {
        match job {
            Job::Do(action) => self.ask(action, Pending::Done),
            Job::InitProducer => self.init_producer(),
            Job::Joining => self.joining(),
            Job::FollowGroup => self.follow_group(),
            Job::Rebalance(decision) => self.carry_out(decision),
            Job::Assigned(division) => self.assigned(division),
            Job::Release(release) => self.release(release),
            Job::Open => self.open(),
            Job::OpenStore(unopened) => self.open_store(unopened),
            Job::BeginUnaligned => self.begin_unaligned(),
            Job::FetchBeginsOfUnaligned(partitions) => self.fetch_begins_of_unaligned(partitions),
            Job::FetchCommitted => self.fetch_committed_of_tasks(),
            Job::Restore => self.go_on_restoring(),
            Job::AskChangelog(partition) => self.ask_changelog(partition),
            Job::ReadChangelog => self.read_changelog(),
            Job::Seek => self.seek(),
            Job::SeekTasks(begins) => self.seek_tasks(&begins),
            Job::FetchCommittedOfGaps(gone) => self.fetch_committed_of_gaps(gone),
            Job::Commit => self.commit(),
            Job::Transaction(step) => self.go_on_with_transaction(step),
            Job::Damaged(damaged) => self.restore_anew(damaged),
            Job::CatchUp => self.follow_catching_up(),
            Job::Timers => self.look_for_timers(),
            Job::MeasureGoals(partitions) => self.measure_goals(partitions),
            Job::FindDrained(ranges) => self.ask(Action::FindDrained(ranges), Pending::Drained),
            Job::CountPartitions => self.count_partitions(),
            Job::ReadStatistics => self.ask(Action::ReadStatistics, Pending::Statistics),
            Job::TendStores => self.tend_stores(),
            Job::Readiness => self.report_readiness(),
            Job::Report(event) => {
                self.report(event);
                Ok(None)
            }
            Job::Fail(error) => Err(error),
            Job::Leave => self.leave(),
            Job::Left => self.left(),
            Job::Finish => self.finish(),
        }
    }

    /// Takes the answer to the last action.
    ///
    /// An answer of another kind than the action names is a defect of the caller and is ignored.
    pub fn respond(&mut self, answer: Answer<'_, E>, now: crate::Now) {
        self.now = now;
        let Some(pending) = self.pending.take() else { return };
        if let Err(error) = self.take_answer(pending, answer) {
            self.fail(error);
        }
    }

    fn take_answer(&mut self, pending: Pending, answer: Answer<'_, E>) -> Result<(), DriverError<E>> {
        match (pending, answer) {
            (Pending::Poll, Answer::Record(record)) => self.polled(&record),
            (Pending::Poll, Answer::NoRecord) => {
                self.ran_dry();
                Ok(())
            }
            (Pending::Poll, Answer::OffsetOutOfRange) => {
                self.positions.is_out_of_range = true;
                self.end_of_poll();
                Ok(())
            }
            (Pending::Poll, Answer::Failed) => {
                self.end_of_poll();
                Ok(())
            }
            (Pending::Poll, Answer::Done(Err(error))) => Err(DriverError::Caller(error)),
            (Pending::Done, Answer::Done(result)) => result.map_err(DriverError::Caller),
            (Pending::ReadChangelog, Answer::Done(result)) => self.changelog_was_read(result),
            (Pending::Store(unopened), Answer::Store(store)) => self.opened(unopened, store),
            (Pending::Queries, Answer::Queries { has_more, errors }) => self.queried(has_more, errors),
            (Pending::Statistics, Answer::Statistics(ends)) => {
                self.saw_ends(ends);
                Ok(())
            }
            (Pending::Counts, Answer::PartitionCounts(counts)) => {
                self.counted(&counts);
                Ok(())
            }
            (Pending::ChangelogExtent(partition), Answer::ChangelogExtent(extent)) => {
                self.measured(partition, extent)
            }
            (Pending::StableOffset(partition), Answer::StableOffset(offset)) => {
                self.stable(partition, offset)
            }
            (Pending::Seek(positions), Answer::Sought(sought)) => {
                self.sought(&positions, sought);
                Ok(())
            }
            (pending, Answer::Committed(offsets)) => self.committed_offsets(pending, offsets),
            (pending, Answer::Offsets(offsets)) => {
                self.offsets_known(pending, &offsets);
                Ok(())
            }
            (Pending::Extents(wanted), Answer::Extents(extents)) => self.look_for_gaps(wanted, extents),
            (Pending::Partitions, Answer::Partitions(partitions)) => {
                self.goals_listed(partitions);
                Ok(())
            }
            (Pending::Drained, Answer::Drained(drained)) => {
                self.goals_drained(&drained);
                Ok(())
            }
            (pending, answer) => self.take_transaction_answer(pending, answer),
        }
    }

    fn committed_offsets(
        &mut self,
        pending: Pending,
        offsets: Option<GroupOffsets>,
    ) -> Result<(), DriverError<E>> {
        #[cfg(feature = "defects")]
        let offsets = self.take_error_for_nothing(&pending, offsets);
        match pending {
            Pending::CommittedOfTasks => self.committed_of_tasks(offsets),
            Pending::CommittedOfUnaligned => {
                self.committed_of_unaligned(offsets);
                Ok(())
            }
            Pending::CommittedInDoubt => self.decide(offsets),
            Pending::CommittedOfGaps(gone) => self.committed_of_gaps(&gone, offsets),
            Pending::CommittedOfGoals => {
                self.goals_committed(offsets);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn offsets_known(&mut self, pending: Pending, offsets: &BTreeMap<TopicPartition, i64>) {
        match pending {
            Pending::BeginsOfUnaligned(asked) => self.begins_of_unaligned(&asked, offsets),
            Pending::BeginsOfTasks(asked) => self.begins_of_tasks(&asked, offsets),
            Pending::Ends { asked_ms, partitions } => self.ends_known(asked_ms, &partitions, offsets),
            Pending::EndsOfGoals(asked) => self.goals_measured(&asked, offsets),
            _ => {}
        }
    }
}
