// SPDX-License-Identifier: Apache-2.0

//! Consumer positions. The consumer seeks to the committed offset once a partition is assigned and its state restored, after an
//! aborted transaction, and when the client has stopped fetching.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use crate::action::{Action, GroupOffsets, Position, Sought, TopicPartition};
use crate::event::Event;
use crate::job::{Job, Outcome, Pending};
use crate::{Driver, Now};

/// What is unknown about positions, and when to ask for it.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    /// The client has stopped reading a partition because its offset is out of range. It does not say which partition.
    pub(crate) is_out_of_range: bool,
    /// A partition was assigned again. The client thereby forgets that the group may have revoked everything meanwhile, and the
    /// worker would commit as a member that the group has removed. The revocation is still in the client's queue, so nothing is
    /// taken before the queue is empty.
    pub(crate) is_reassigned: bool,
    /// The earliest time to ask for extents.
    pub(crate) extents_at: Duration,
    /// The earliest time to ask where partitions begin.
    begins_at: Duration,
    /// The earliest time to ask for committed offsets.
    pub(crate) offsets_at: Duration,
}

impl Positions {
    /// Whether the consumer may seek.
    pub(crate) fn is_certain(&self) -> bool {
        !self.is_out_of_range && !self.is_reassigned
    }

    pub(crate) fn ask_offsets_now(&mut self, now: Now) {
        self.offsets_at = now.elapsed;
    }
}

impl<E: Display> Driver<E> {
    /// Seeks in all partitions that can be processed. Partitions without a committed offset need their first offset before
    /// that.
    pub(crate) fn seek(&mut self) -> Outcome<E> {
        if !self.positions.is_certain() {
            return Ok(None);
        }
        let wanting = self.tasks.values().filter(|task| task.wants_seek());
        let unknown: Vec<TopicPartition> =
            wanting.flat_map(super::assigned::AssignedTask::never_committed).collect();
        if unknown.is_empty() || self.now.elapsed < self.positions.begins_at {
            return self.seek_tasks(&BTreeMap::new());
        }
        self.ask(Action::FetchBegins(unknown.clone()), Pending::BeginsOfTasks(unknown))
    }

    pub(crate) fn begins_of_tasks(
        &mut self,
        asked: &[TopicPartition],
        begins: &BTreeMap<TopicPartition, i64>,
    ) {
        self.note_begins(asked, begins);
        self.do_first([Job::SeekTasks(begins.clone())]);
    }

    /// Notes the answers; questions without one are repeated later.
    fn note_begins(&mut self, asked: &[TopicPartition], begins: &BTreeMap<TopicPartition, i64>) {
        if asked.iter().any(|partition| !begins.contains_key(partition)) {
            self.positions.begins_at = self.now.elapsed + self.settings.pace.error_backoff;
            self.report(Event::Unanswered { what: "where partitions begin" });
        }
        for (partition, begin) in begins {
            let task = self.tasks.get_mut(&partition.partition);
            match task.and_then(|task| task.begins_at(&partition.topic, *begin)) {
                Some(unread) => self.report_gap(partition, unread, *begin),
                // Records before it are no loss: a new group begins with what is available.
                None if *begin > 0 => {
                    self.report(Event::Began { partition: partition.clone(), begin: *begin });
                }
                None => {}
            }
        }
    }

    pub(crate) fn seek_tasks(&mut self, begins: &BTreeMap<TopicPartition, i64>) -> Outcome<E> {
        let mut seeks = self.unaligned.seeks();
        #[cfg(feature = "defects")]
        let is_apart = self.has(crate::defect::Defect::SeeksApart);
        #[cfg(not(feature = "defects"))]
        let is_apart = false;
        for task in self.tasks.values_mut().filter(|task| task.wants_seek()) {
            seeks.extend(task.seeks(begins, is_apart).unwrap_or_default());
        }
        if seeks.is_empty() {
            return Ok(None);
        }
        self.ask(Action::Seek(seeks.clone()), Pending::Seek(seeks))
    }

    pub(crate) fn sought(&mut self, seeks: &[Position], sought: Vec<(TopicPartition, Sought)>) {
        let sought: BTreeMap<TopicPartition, Sought> = sought.into_iter().collect();
        let of = |partition: &TopicPartition| sought.get(partition).copied().unwrap_or(Sought::Failed);
        for (partition, _) in seeks {
            let is_done = of(partition) == Sought::Done;
            let is_unaligned = self.unaligned.holds(partition);
            if is_unaligned && is_done {
                self.unaligned.positioned(partition);
            } else if !is_unaligned && let Some(task) = self.tasks.get_mut(&partition.partition) {
                task.sought(&partition.topic, is_done);
            }
        }
        let stopped = seeks.iter().filter(|(partition, _)| of(partition) == Sought::NotFetched);
        let stopped: Vec<Position> = stopped.cloned().collect();
        if !stopped.is_empty() {
            self.assign_again(stopped);
        }
    }

    /// Assigns partitions again that refuse a seek: the client has stopped reading them, which no seek changes, or has not
    /// begun yet. Nothing is staged between two transactions, and records that arrive now are skipped.
    fn assign_again(&mut self, partitions: Vec<Position>) {
        self.unposition_all();
        self.positions.is_reassigned = true;
        let pause = self.unaligned.partitions();
        let pause =
            pause.chain(self.tasks.values().flat_map(super::assigned::AssignedTask::partitions)).collect();
        self.do_first([Job::Do(Action::Reassign { partitions, pause })]);
    }

    /// The consumer has to seek in all partitions.
    pub(crate) fn unposition_all(&mut self) {
        self.tasks.values_mut().for_each(super::assigned::AssignedTask::unposition);
        self.unaligned.unposition_all();
    }

    /// Finds the starting position of unaligned partitions: the committed offset, or the first available record.
    pub(crate) fn begin_unaligned(&mut self) -> Outcome<E> {
        if !self.unaligned.is_beginning() || self.now.elapsed < self.positions.begins_at {
            return Ok(None);
        }
        self.ask(Action::FetchCommitted(self.unaligned.to_begin()), Pending::CommittedOfUnaligned)
    }

    pub(crate) fn committed_of_unaligned(&mut self, offsets: Option<GroupOffsets>) {
        let offsets = offsets.unwrap_or_default();
        let (mut never, mut is_missing) = (Vec::new(), false);
        for partition in self.unaligned.to_begin() {
            match offsets.get(&partition) {
                Some(Some(offset)) => self.unaligned.begin(&partition, offset.next),
                Some(None) => never.push(partition),
                None => is_missing = true,
            }
        }
        if is_missing {
            self.positions.begins_at = self.now.elapsed + self.settings.pace.offsets_backoff;
            self.report(Event::Unanswered { what: "committed offsets" });
        }
        if !never.is_empty() {
            self.do_first([Job::FetchBeginsOfUnaligned(never)]);
        }
    }

    pub(crate) fn fetch_begins_of_unaligned(&mut self, partitions: Vec<TopicPartition>) -> Outcome<E> {
        self.ask(Action::FetchBegins(partitions.clone()), Pending::BeginsOfUnaligned(partitions))
    }

    pub(crate) fn begins_of_unaligned(
        &mut self,
        asked: &[TopicPartition],
        begins: &BTreeMap<TopicPartition, i64>,
    ) {
        self.note_begins(asked, begins);
        for (partition, begin) in begins {
            self.unaligned.begin_uncommitted(partition, *begin);
        }
    }
}
