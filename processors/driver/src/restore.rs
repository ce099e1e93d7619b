// SPDX-License-Identifier: Apache-2.0

//! Restore: reads state back from the changelog, a little in each turn, so that the member stays in the group and restored
//! tasks make progress meanwhile.
//!
//! A restore is complete when the reader has passed the last record that the changelog held when the partition was taken over.
//! That record may belong to an open transaction of the previous owner, so the reader is assigned only after the last stable
//! offset has reached it. The restore ends when the client reports the end of the partition, behind control records that are
//! never delivered, and its position has reached the requested end. The report alone is not enough: a new leader serves only up
//! to the high watermark that it knows, which may be below records that the previous leader committed.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use engine::{Phase, TaskError};

use crate::Driver;
use crate::action::{Action, Extent, GroupOffsets, TopicPartition};
use crate::error::DriverError;
use crate::event::Event;
use crate::job::{Job, Outcome, Pending};

/// The progress of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The changelog's end offset is unknown.
    Measure,
    /// The changelog ends with an open transaction.
    AwaitStable { end: i64 },
    /// The changelog is being read.
    Read { end: i64 },
}

#[derive(Debug)]
struct RestoreProgress {
    next: i64,
    stage: Stage,
    read: u64,
    /// When the wait for an open transaction is reported; `None` when there is none, or it was reported.
    impatient_at: Option<Duration>,
}

/// The restores of one worker.
#[derive(Default)]
pub(crate) struct Restores {
    partitions: BTreeMap<i32, RestoreProgress>,
    ask_at: Duration,
    heard_at: Duration,
    /// The assignment of the reader has to change.
    is_stale: bool,
    /// Records read since the last report.
    records: usize,
    /// Errors of tasks during the restore.
    errors: Vec<TaskError>,
}

impl Restores {
    /// Whether records are being read, so that a turn waits for them.
    pub(crate) fn is_reading(&self) -> bool {
        self.partitions.values().any(|progress| matches!(progress.stage, Stage::Read { .. }))
    }

    /// Records left to read for each partition, as far as known.
    pub(crate) fn remaining(&self) -> impl Iterator<Item = (i32, i64)> {
        self.partitions.iter().map(|(partition, progress)| match progress.stage {
            Stage::Measure => (*partition, 0),
            Stage::AwaitStable { end } | Stage::Read { end } => (*partition, (end - progress.next).max(0)),
        })
    }

    /// The complete assignment of the changelog reader.
    fn assignment(&self) -> Vec<(i32, i64)> {
        let reading =
            self.partitions.iter().filter(|(_, progress)| matches!(progress.stage, Stage::Read { .. }));
        reading.map(|(partition, progress)| (*partition, progress.next)).collect()
    }
}

impl<E: Display> Driver<E> {
    /// Fetches the committed offsets of new tasks. The coordinator answers only when no open transaction can change them, so an
    /// answer also means that the previous owner has finished.
    pub(crate) fn fetch_committed_of_tasks(&mut self) -> Outcome<E> {
        let created = self.tasks.values().filter(|task| task.task.phase() == Phase::Created);
        let partitions: Vec<TopicPartition> =
            created.flat_map(super::assigned::AssignedTask::partitions).collect();
        if partitions.is_empty() || self.now.elapsed < self.positions.offsets_at {
            return Ok(None);
        }
        self.ask(Action::FetchCommitted(partitions), Pending::CommittedOfTasks)
    }

    /// Begins to restore tasks whose offsets are known. An error for a partition says nothing about its committed offset, so it
    /// must not count as "nothing committed".
    pub(crate) fn committed_of_tasks(&mut self, offsets: Option<GroupOffsets>) -> Result<(), DriverError<E>> {
        let Some(offsets) = offsets else {
            self.report(Event::Unanswered { what: "committed offsets" });
            self.positions.offsets_at = self.now.elapsed + self.settings.pace.offsets_backoff;
            return Ok(());
        };
        let mut errors = Vec::new();
        let mut begun = Vec::new();
        for task in self.tasks.values_mut().filter(|task| task.task.phase() == Phase::Created) {
            let of =
                |partition: &TopicPartition| Some(offsets.get(partition)?.as_ref().map(|offset| offset.next));
            let known: Vec<(TopicPartition, Option<i64>)> = task
                .partitions()
                .filter_map(|partition| Some((partition.clone(), of(&partition)?)))
                .collect();
            if known.len() < task.partitions().count() {
                self.positions.offsets_at = self.now.elapsed + self.settings.pace.error_backoff;
                continue;
            }
            known.iter().for_each(|(partition, next)| task.set_committed(&partition.topic, *next));
            match task.task.restore_from() {
                Ok(from) => begun.push((task.partition(), from)),
                Err(error) => errors.push(error),
            }
        }
        begun.into_iter().for_each(|(partition, from)| self.begin_restore(partition, from));
        self.restore_those(errors)
    }

    fn begin_restore(&mut self, partition: i32, from: i64) {
        self.move_phase(partition, Phase::Restoring);
        self.report(Event::RestoreBegan { partition });
        let progress = RestoreProgress { next: from, stage: Stage::Measure, read: 0, impatient_at: None };
        self.restores.partitions.insert(partition, progress);
        self.restores.ask_at = self.now.elapsed;
        #[cfg(feature = "defects")]
        if self.has(crate::defect::Defect::TrustsDisk) && from > 0 {
            self.complete(partition, from);
        }
    }

    fn move_phase(&mut self, partition: i32, wanted: Phase) {
        let Some(task) = self.tasks.get_mut(&partition) else { return };
        let before = task.task.phase();
        let event = if task.task.become_phase(wanted) {
            Event::Phase { partition, before: Some(before), after: Some(wanted) }
        } else {
            Event::WrongPhase { partition, is: before, wanted }
        };
        self.report(event);
    }

    /// Drops restores. The job removes them from the reader's assignment.
    pub(crate) fn forget_restores(&mut self, partitions: impl IntoIterator<Item = i32>) -> Option<Job<E>> {
        let mut is_any = false;
        for partition in partitions {
            if self.restores.partitions.remove(&partition).is_some() {
                is_any = true;
                self.report(Event::RestoreDropped { partition });
            }
        }
        // All at once: the client aborts the process when an assignment is replaced before the previous replacement has taken
        // effect.
        is_any.then(|| Job::Do(Action::AssignChangelog(self.restores.assignment())))
    }

    /// Advances all restores: asks for offsets, then reads.
    pub(crate) fn go_on_restoring(&mut self) -> Outcome<E> {
        let mut jobs = Vec::new();
        if self.now.elapsed >= self.restores.ask_at {
            let waiting = self.restores.partitions.iter();
            let waiting = waiting.filter(|(_, progress)| !matches!(progress.stage, Stage::Read { .. }));
            jobs.extend(waiting.map(|(partition, _)| Job::AskChangelog(*partition)));
            self.restores.ask_at = self.now.elapsed + self.settings.pace.restore_backoff;
        }
        jobs.push(Job::ReadChangelog);
        self.do_first(jobs);
        Ok(None)
    }

    pub(crate) fn ask_changelog(&mut self, partition: i32) -> Outcome<E> {
        let Some(progress) = self.restores.partitions.get(&partition) else { return Ok(None) };
        match progress.stage {
            Stage::Measure => {
                self.ask(Action::FetchChangelogExtent(partition), Pending::ChangelogExtent(partition))
            }
            Stage::AwaitStable { end } if progress.next >= end => {
                self.complete(partition, progress.next);
                self.take_restore_errors()?;
                Ok(None)
            }
            Stage::AwaitStable { .. } => {
                self.ask(Action::FetchStableOffset(partition), Pending::StableOffset(partition))
            }
            Stage::Read { .. } => Ok(None),
        }
    }

    /// Takes the first and end offset of a changelog partition.
    pub(crate) fn measured(
        &mut self,
        partition: i32,
        extent: Result<Option<Extent>, E>,
    ) -> Result<(), DriverError<E>> {
        let Some(Extent { begin, end }) = extent.map_err(DriverError::Caller)? else {
            self.report(Event::Unanswered { what: "the end of the changelog" });
            return Ok(());
        };
        let Some(progress) = self.restores.partitions.get_mut(&partition) else { return Ok(()) };
        let from = progress.next;
        let is_stale = from > end;
        if is_stale || from < begin {
            progress.next = begin;
        }
        progress.stage = Stage::AwaitStable { end };
        progress.impatient_at = Some(self.now.elapsed + self.settings.pace.unfinished_timeout);
        self.do_first([Job::AskChangelog(partition)]);
        if is_stale {
            self.report(Event::StoreStale { partition });
            let wiped = self.tasks.get_mut(&partition).map_or(Ok(()), |task| task.task.wipe());
            self.restore_those(wiped.err().into_iter().collect())?;
        } else if from < begin {
            let changelog = TopicPartition::new(self.input_topics.changelog.clone(), partition);
            self.report(Event::Gap { partition: changelog, from, to: begin });
        }
        Ok(())
    }

    /// Takes the last stable offset of a changelog partition.
    pub(crate) fn stable(
        &mut self,
        partition: i32,
        offset: Result<Option<i64>, E>,
    ) -> Result<(), DriverError<E>> {
        let Some(stable) = offset.map_err(DriverError::Caller)? else {
            self.report(Event::Unanswered { what: "the stable end of the changelog" });
            return Ok(());
        };
        let now = self.now.elapsed;
        let Some(progress) = self.restores.partitions.get_mut(&partition) else { return Ok(()) };
        let Stage::AwaitStable { end } = progress.stage else { return Ok(()) };
        if stable >= end {
            progress.stage = Stage::Read { end };
            self.restores.is_stale = true;
        } else if progress.impatient_at.is_some_and(|at| now >= at) {
            // Reported once: the driver cannot end the transaction.
            progress.impatient_at = None;
            self.report(Event::RestoreBlocked { partition, offset: stable });
        }
        Ok(())
    }

    pub(crate) fn read_changelog(&mut self) -> Outcome<E> {
        if !self.restores.is_reading() {
            return Ok(None);
        }
        let silence = self.now.elapsed.saturating_sub(self.restores.heard_at);
        if self.restores.is_stale || silence > self.settings.pace.restore_silence {
            self.restores.is_stale = false;
            self.restores.heard_at = self.now.elapsed;
            let assign = Action::AssignChangelog(self.restores.assignment());
            self.do_first([Job::Do(assign), Job::ReadChangelog]);
            return Ok(None);
        }
        self.ask(Action::ReadChangelog, Pending::ReadChangelog)
    }

    /// Takes a changelog record, during [`Action::ReadChangelog`].
    pub fn restore(&mut self, partition: i32, offset: i64, key: &[u8], value: Option<&[u8]>) {
        self.restores.heard_at = self.now.elapsed;
        let Some(progress) = self.restores.partitions.get_mut(&partition) else { return };
        if offset < progress.next {
            return;
        }
        progress.next = offset + 1;
        progress.read += 1;
        self.restores.records += 1;
        if let Some(task) = self.tasks.get_mut(&partition)
            && let Err(error) = task.task.restore(offset, key, value)
        {
            self.restores.errors.push(error);
        }
    }

    /// Takes the client's report of the end of a changelog partition, during [`Action::ReadChangelog`]. `position` is the
    /// client's position, control records included.
    pub fn changelog_ended(&mut self, partition: i32, position: Option<i64>) {
        self.restores.heard_at = self.now.elapsed;
        let Some(&RestoreProgress { next, stage: Stage::Read { end }, .. }) =
            self.restores.partitions.get(&partition)
        else {
            return;
        };
        #[cfg(feature = "defects")]
        let position =
            if self.has(crate::defect::Defect::TrustsEndOfPartition) { Some(end) } else { position };
        if next < end && position.is_none_or(|position| position < end) {
            self.report(Event::LeaderBehind { partition, next, end });
            return;
        }
        self.restores.is_stale = true;
        self.complete(partition, next.max(end));
    }

    fn complete(&mut self, partition: i32, offset: i64) {
        let Some(progress) = self.restores.partitions.remove(&partition) else { return };
        let Some(task) = self.tasks.get_mut(&partition) else { return };
        let before = task.task.phase();
        match task.task.restored(offset) {
            Ok(()) => {
                let (after, records) = (task.task.phase(), task.task.state().records);
                self.report(Event::Phase { partition, before: Some(before), after: Some(after) });
                self.report(Event::Restored { partition, read: progress.read, records });
            }
            Err(error) => {
                self.report(Event::RestoreDropped { partition });
                self.restores.errors.push(error);
            }
        }
    }

    pub(crate) fn changelog_was_read(&mut self, result: Result<(), E>) -> Result<(), DriverError<E>> {
        let records = std::mem::take(&mut self.restores.records);
        if records > 0 {
            self.report(Event::RestoreRead { records });
        }
        result.map_err(DriverError::Caller)?;
        if self.restores.is_stale {
            self.restores.is_stale = false;
            self.restores.heard_at = self.now.elapsed;
            self.do_first([Job::Do(Action::AssignChangelog(self.restores.assignment()))]);
        }
        self.take_restore_errors()
    }

    fn take_restore_errors(&mut self) -> Result<(), DriverError<E>> {
        let errors = std::mem::take(&mut self.restores.errors);
        self.restore_those(errors)
    }
}
