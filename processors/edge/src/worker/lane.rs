//! A lane: a task and the input partition that it takes its records from.

use engine::{Phase, Task};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;

use crate::consumer::Notes;
use crate::metrics::Metrics;

const SEEK_TIMEOUT: Duration = Duration::from_secs(1);

/// A task with its place in the input.
pub(super) struct Lane {
    pub(super) task: Task,
    pub(super) topic: String,
    /// The offset after the last record whose effects are committed; `None`: nothing was ever committed.
    pub(super) committed: Option<i64>,
    /// Records below this offset were taken already.
    next: i64,
    /// Whether the consumer stands where the task expects it; until then nothing is taken.
    in_place: bool,
    metrics: Metrics,
}

impl Lane {
    pub(super) fn new(task: Task, topic: &str, metrics: Metrics) -> Self {
        metrics.task_moved(None, Some(task.phase()));
        Self { task, topic: topic.to_owned(), committed: None, next: 0, in_place: false, metrics }
    }

    pub(super) fn partition(&self) -> i32 {
        self.task.partition()
    }

    /// Whether records can be taken.
    pub(super) fn is_live(&self) -> bool {
        self.in_place && self.task.phase() == Phase::Running
    }

    /// Whether it runs, but the consumer has still to be put in its place.
    pub(super) fn is_misplaced(&self) -> bool {
        !self.in_place && self.task.phase() == Phase::Running
    }

    /// Whether a record at this offset is the next one, or lies after it.
    pub(super) fn expects(&self, offset: i64) -> bool {
        self.is_live() && offset >= self.next
    }

    pub(super) fn took(&mut self, offset: i64) {
        self.next = offset + 1;
    }

    /// Moves the task to another phase, and tells the metrics.
    pub(super) fn become_phase(&mut self, next: Phase) {
        let before = self.task.phase();
        if self.task.become_phase(next) {
            self.metrics.task_moved(Some(before), Some(next));
        } else {
            tracing::error!(partition = self.partition(), ?before, ?next, "no such step in a task's life");
        }
    }

    /// The state is complete.
    pub(super) fn restored(&mut self, changelog_offset: i64) -> Result<(), engine::TaskError> {
        let before = self.task.phase();
        self.task.restored(changelog_offset)?;
        self.metrics.task_moved(Some(before), Some(self.task.phase()));
        Ok(())
    }

    /// What was staged is dropped; the consumer has to go back.
    pub(super) fn rewind(&mut self) {
        self.task.aborted();
        self.in_place = false;
    }

    /// The transaction holds all that was staged.
    pub(super) fn committed_to(&mut self, next: i64) {
        self.committed = Some(next);
    }

    /// Puts the consumer where the last commit left off, and lets it fetch.
    pub(super) fn put_in_place(&mut self, consumer: &BaseConsumer<Notes>) -> KafkaResult<()> {
        let mut place = TopicPartitionList::new();
        place.add_partition(&self.topic, self.partition());
        consumer.resume(&place)?;
        let offset = self.committed.map_or(Offset::Beginning, Offset::Offset);
        consumer.seek(&self.topic, self.partition(), offset, SEEK_TIMEOUT)?;
        self.next = self.committed.unwrap_or(0);
        self.in_place = true;
        Ok(())
    }

    /// Leaves no trace in the metrics.
    pub(super) fn close(self) {
        self.metrics.task_moved(Some(self.task.phase()), None);
        self.metrics.forget_partition(self.partition());
    }
}
