// SPDX-License-Identifier: Apache-2.0

//! Gaps: records lost before they were read, to retention or a `DeleteRecords`. The client reports only that some offset is out
//! of range. The driver finds the partitions, reports the lost records and continues with those that remain.
//!
//! A hole between two offsets is not a loss: transaction markers and compaction leave holes. Lost are unread records below the
//! partition's first offset.

use std::collections::BTreeMap;
use std::fmt::Display;

use engine::SourceOffset;

use crate::Driver;
use crate::action::{Action, Extent, GroupOffsets, TopicPartition};
use crate::error::DriverError;
use crate::event::Event;
use crate::extents::{Gone, PositionState};
use crate::job::{Job, Outcome, Pending};

impl<E: Display> Driver<E> {
    /// Checks all positions once the client has stopped reading a partition; the consumer then seeks in all of them, and takes
    /// nothing before. Called between two transactions: what was taken is committed by now, or dropped.
    pub(crate) fn find_gaps(&mut self) -> Outcome<E> {
        if !self.positions.is_out_of_range {
            return Ok(None);
        }
        self.unposition_all();
        if self.now.elapsed < self.positions.extents_at {
            return Ok(None);
        }
        let restored = self.tasks.values().filter(|task| task.is_restored());
        let mut wanted: BTreeMap<TopicPartition, i64> =
            restored.flat_map(super::assigned::AssignedTask::positions).collect();
        wanted.extend(self.unaligned.positions());
        let partitions = wanted.keys().cloned().collect();
        self.ask(Action::FetchExtents(partitions), Pending::Extents(wanted))
    }

    pub(crate) fn look_for_gaps(
        &mut self,
        wanted: BTreeMap<TopicPartition, i64>,
        extents: BTreeMap<TopicPartition, Extent>,
    ) -> Result<(), DriverError<E>> {
        let gone = Gone::of(wanted, extents);
        if gone.partitions().is_empty() {
            return self.pass_gaps(&gone, &GroupOffsets::new());
        }
        self.do_first([Job::FetchCommittedOfGaps(gone)]);
        Ok(())
    }

    /// Fetches the committed offsets first. If another member has read the lost records meanwhile, this worker has lost the
    /// partition and does not know it yet.
    pub(crate) fn fetch_committed_of_gaps(&mut self, gone: Gone) -> Outcome<E> {
        self.ask(Action::FetchCommitted(gone.partitions()), Pending::CommittedOfGaps(gone))
    }

    pub(crate) fn committed_of_gaps(
        &mut self,
        gone: &Gone,
        offsets: Option<GroupOffsets>,
    ) -> Result<(), DriverError<E>> {
        let offsets = offsets.unwrap_or_default();
        if gone.partitions().iter().all(|partition| offsets.contains_key(partition)) {
            return self.pass_gaps(gone, &offsets);
        }
        self.report(Event::Unanswered { what: "committed offsets" });
        self.look_for_gaps_later();
        Ok(())
    }

    fn look_for_gaps_later(&mut self) {
        // Extents stay unknown while a partition has no leader, and each request costs time.
        self.positions.extents_at = self.now.elapsed + self.settings.pace.error_backoff;
        self.do_first([Job::Readiness]);
    }

    /// Reports lost records and continues after them.
    fn pass_gaps(&mut self, gone: &Gone, committed: &GroupOffsets) -> Result<(), DriverError<E>> {
        let mut shorter = Vec::new();
        for (partition, found) in &gone.found {
            match *found {
                PositionState::There => {}
                PositionState::Gone { begin } => {
                    let next = gone.wanted.get(partition).copied().unwrap_or(0);
                    let committed = committed.get(partition).and_then(Option::as_ref);
                    let from = next.max(committed.map_or(0, |offset| offset.next));
                    if from < begin {
                        self.report_gap(partition, from, begin);
                    }
                    self.skip_to(partition, begin);
                }
                PositionState::Shorter { begin } => shorter.push((partition, begin)),
            }
        }
        let repartition = &self.input_topics.repartition;
        if shorter.iter().any(|(partition, _)| partition.topic == *repartition) {
            return Err(DriverError::RepartitionLost(repartition.to_string()));
        }
        for (partition, begin) in shorter {
            self.read_anew(partition, begin);
        }
        if gone.found.len() < gone.wanted.len() {
            // The next check covers the others.
            self.report(Event::Unanswered { what: "where partitions begin and end" });
            self.look_for_gaps_later();
        } else {
            self.positions.is_out_of_range = false;
            self.do_first([Job::Readiness]);
        }
        Ok(())
    }

    pub(crate) fn report_gap(&mut self, partition: &TopicPartition, from: i64, to: i64) {
        #[cfg(feature = "defects")]
        if self.has(crate::defect::Defect::SkipsGaps) {
            return;
        }
        self.report(Event::Gap { partition: partition.clone(), from, to });
    }

    fn skip_to(&mut self, partition: &TopicPartition, begin: i64) {
        if self.unaligned.skip_to(partition, begin) {
            return;
        }
        let TopicPartition { topic, partition } = partition;
        if let Some(task) = self.tasks.get_mut(partition) {
            task.set_committed(topic, Some(begin));
            // Committed at once. Otherwise the next start would report the loss again if the partition stays idle.
            task.task.go_on(SourceOffset { topic: topic.to_string(), partition: *partition, next: begin });
        }
    }

    /// Reads a recreated topic again from its beginning. All of its partitions have other records at the old offsets, though
    /// only the shorter ones show it. Events that were folded already are known by their ids.
    fn read_anew(&mut self, partition: &TopicPartition, begin: i64) {
        self.report(Event::ReadAnew(partition.clone()));
        if !self.unaligned.skip_to(partition, begin) {
            self.tasks.values_mut().for_each(|task| task.begin_anew(&partition.topic));
        }
    }
}
