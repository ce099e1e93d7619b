// SPDX-License-Identifier: Apache-2.0

//! Runs jobs, and passes answers to their purpose.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::action::{Action, Answer, GroupOffsets, TopicPartition};
use crate::error::DriverError;
use crate::job::{Job, Outcome, Pending};
use crate::{Driver, Now};

impl<E: Display> Driver<E> {
    pub(crate) fn run(&mut self, job: Job<E>) -> Outcome<E> {
        match job {
            Job::Do(action) => self.ask(action, Pending::Done),
            Job::InitProducer => self.init_producer(),
            Job::Joining => self.joining(),
            Job::FollowGroup => self.follow_group(),
            Job::Rebalance(decision) => self.carry_out(decision),
            Job::Assigned(division) => self.assigned(division),
            Job::Release(partitions) => self.release(partitions),
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
    pub fn respond(&mut self, answer: Answer<'_, E>, now: Now) {
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
