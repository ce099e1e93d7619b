// SPDX-License-Identifier: Apache-2.0

//! An assigned task: a task and the partitions it reads. All of them have the same number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::{Phase, SourceOffset, Task, TaskError};

use crate::action::{EndOffset, Position, TopicPartition};

/// How long to wait before asking again for an end offset that the cluster did not report.
const ASK_AGAIN_MS: i64 = 10_000;

/// How many records a waiting task inspects for schemas it will need.
const LOOK_AHEAD: u32 = 1_000;

/// A partition that a task reads, and the position in it.
struct Source {
    partition: TopicPartition,
    /// The committed position; `None` when nothing was ever committed.
    committed: Option<i64>,
    /// The first offset of the partition, when nothing was committed at the last seek.
    begin: Option<i64>,
    /// The committed position when the topic began to be read again: records from there on were never read.
    read_before: Option<i64>,
    /// The position: records below it were taken.
    next: i64,
    /// Whether the consumer's position is `next`.
    is_positioned: bool,
    /// Records not committed yet, when known.
    lag: Option<i64>,
    /// The end offset up to which the source is read before a due timer fires.
    asked_end: Option<i64>,
    /// The end offset in the latest statistics; 0 when nothing was left to read then.
    known_end: i64,
}

impl Source {
    fn new(topic: &Arc<str>, partition: i32) -> Self {
        let partition = TopicPartition::new(Arc::clone(topic), partition);
        Self {
            partition,
            committed: None,
            begin: None,
            read_before: None,
            next: 0,
            is_positioned: false,
            lag: None,
            asked_end: None,
            known_end: 0,
        }
    }

    /// Where reading starts: at the committed position, or at the beginning of the partition.
    fn start(&self) -> Option<i64> {
        self.committed.or(self.begin)
    }

    /// Whether everything up to the requested end is read and committed. Transaction markers may follow the last record, and
    /// statistics count only once they include that end.
    fn is_read(&self, end: EndOffset) -> bool {
        let committed = self.committed.unwrap_or(0);
        let is_drained = |asked| end.is_drained && end.stable >= asked && self.next == committed;
        self.asked_end.is_some_and(|asked| committed >= asked || is_drained(asked))
    }
}

/// A task with its positions in the input and in the repartition topic.
pub struct AssignedTask {
    pub(crate) task: Task,
    /// The two sources. While the consumer is not at the position of one of them, the task takes nothing of either and skips
    /// what arrives. Therefore it always seeks in both.
    sources: [Source; 2],
    /// Schemas that the next record and the records inspected after it need. The task takes nothing until each is known, or
    /// known not to exist.
    awaits: BTreeSet<u32>,
    /// How many records to inspect while the task waits; after that its partitions are paused.
    looks: u32,
    /// When the end offsets were requested for a due timer; `None` while no timer is due or the end offsets are unknown.
    asked_ms: Option<i64>,
    /// The earliest time for the next request for end offsets.
    ask_again_ms: i64,
}

impl AssignedTask {
    /// A task that reads its partition of `input` and of `repartition`.
    pub(crate) fn new(task: Task, input: &Arc<str>, repartition: &Arc<str>) -> Self {
        let partition = task.partition();
        Self {
            task,
            sources: [Source::new(input, partition), Source::new(repartition, partition)],
            awaits: BTreeSet::new(),
            looks: 0,
            asked_ms: None,
            ask_again_ms: 0,
        }
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The number of its partitions.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.task.partition()
    }

    /// Records not committed yet, by topic, when known.
    pub fn lags(&self) -> impl Iterator<Item = (&str, i64)> {
        self.sources.iter().filter_map(|source| Some((&*source.partition.topic, source.lag?)))
    }

    /// Whether records can be taken.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.is_restored() && self.is_positioned()
    }

    fn is_positioned(&self) -> bool {
        self.sources.iter().all(|source| source.is_positioned)
    }

    /// The input topic.
    pub(crate) fn input(&self) -> Arc<str> {
        let [input, _] = &self.sources;
        Arc::clone(&input.partition.topic)
    }

    /// All partitions that it reads.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = TopicPartition> {
        self.sources.iter().map(|source| source.partition.clone())
    }

    fn source(&mut self, topic: &str) -> Option<&mut Source> {
        self.sources.iter_mut().find(|source| &*source.partition.topic == topic)
    }

    /// Whether the state is complete.
    pub(crate) fn is_restored(&self) -> bool {
        self.task.phase() == Phase::Running
    }

    /// Whether the task is restored and its consumer can and must still seek.
    pub(crate) fn wants_seek(&self) -> bool {
        self.is_restored() && self.awaits.is_empty() && !self.is_positioned()
    }

    /// What was staged is dropped, and nothing is taken until this schema is known.
    pub(crate) fn await_schema(&mut self, id: u32) {
        self.rewind();
        self.awaits.insert(id);
        self.looks = LOOK_AHEAD;
    }

    /// Looks at a record that comes while it waits for a schema: `unknown` is the one that this record needs, if any. Requested
    /// together, schemas are waited for once, not once for each record. `true` once it has looked at enough.
    pub(crate) fn look_ahead(&mut self, unknown: Option<u32>) -> bool {
        let Some(left) = self.looks.checked_sub(1) else { return false };
        self.awaits.extend(unknown);
        self.looks = left;
        left == 0
    }

    /// Whether it waits for a schema.
    pub(crate) fn awaits_schema(&self) -> bool {
        !self.awaits.is_empty()
    }

    /// Takes records again once nothing that it waits for is outstanding.
    pub(crate) fn retain_awaited(&mut self, is_awaited: impl Fn(u32) -> bool) {
        self.awaits.retain(|id| is_awaited(*id));
    }

    /// Whether a record at this offset is the next one of its topic, or lies after it.
    pub(crate) fn expects(&self, topic: &str, offset: i64) -> bool {
        let source = self.sources.iter().find(|source| &*source.partition.topic == topic);
        self.is_live() && source.is_some_and(|source| offset >= source.next)
    }

    pub(crate) fn took(&mut self, topic: &str, offset: i64) {
        if let Some(source) = self.source(topic) {
            source.next = offset + 1;
        }
    }

    /// Where it goes on in each of its partitions.
    pub(crate) fn positions(&self) -> impl Iterator<Item = Position> {
        self.sources.iter().filter_map(|source| Some((source.partition.clone(), source.start()?)))
    }

    /// Those of its partitions of which nothing was ever committed.
    pub(crate) fn never_committed(&self) -> impl Iterator<Item = TopicPartition> {
        let sources = self.sources.iter().filter(|source| source.committed.is_none());
        sources.map(|source| source.partition.clone())
    }

    /// The consumer has to seek again, though nothing was dropped.
    pub(crate) fn unposition(&mut self) {
        self.sources.iter_mut().for_each(|source| source.is_positioned = false);
    }

    /// Reads a topic from its beginning; the other one goes on at its last commit.
    pub(crate) fn begin_anew(&mut self, topic: &str) {
        self.asked_ms = None;
        if let Some(source) = self.source(topic) {
            source.read_before = source.committed.take().or(source.read_before);
            self.rewind();
        }
    }

    /// A topic without a committed position begins here. If it is read again, or records before were removed, the next commit
    /// includes that, even without a record: another member would go on at the old position, which may exist again by then, and
    /// the lag of a partition that stays empty would never end. Returns the first unread offset if records from there on were
    /// removed since the topic was read before.
    pub(crate) fn begins_at(&mut self, topic: &str, begin: i64) -> Option<i64> {
        let source = self.source(topic).filter(|source| source.committed.is_none())?;
        let unread = source.read_before;
        source.read_before = unread.map(|unread| unread.max(begin));
        if unread.is_some() || begin > 0 {
            let TopicPartition { topic, partition } = source.partition.clone();
            self.task.go_on(SourceOffset { topic: topic.to_string(), partition, next: begin });
        }
        unread.filter(|unread| *unread < begin)
    }

    /// What was staged is dropped; the consumer has to go back.
    pub(crate) fn rewind(&mut self) {
        self.task.aborted();
        self.unposition();
    }

    /// What the group has committed of a topic.
    pub(crate) fn set_committed(&mut self, topic: &str, committed: Option<i64>) {
        if let Some(source) = self.source(topic) {
            source.committed = committed;
            source.read_before = source.read_before.filter(|_| committed.is_none());
        }
    }

    /// The committed position in a topic; `None` when nothing was ever committed.
    pub(crate) fn committed(&self, topic: &str) -> Option<i64> {
        self.sources.iter().find(|source| &*source.partition.topic == topic)?.committed
    }

    /// The offset after the last record of a topic that was taken in any transaction.
    #[cfg(feature = "defects")]
    pub(crate) fn taken(&self, topic: &str) -> Option<i64> {
        self.sources.iter().find(|source| &*source.partition.topic == topic).map(|source| source.next)
    }

    /// All staged changes are in the transaction.
    pub(crate) fn committed_to(&mut self, offsets: &[SourceOffset]) {
        for offset in offsets {
            self.set_committed(&offset.topic, Some(offset.next));
        }
    }

    /// The positions to seek to: the committed position, or the beginning of a partition without one. `None` while such a
    /// beginning is missing in `begins`. The seek covers both partitions, because records of one were skipped while the
    /// consumer was not at the position of the other. (`is_apart` is a defect: it seeks only in the partition that is off its
    /// position.)
    pub(crate) fn seeks(
        &mut self,
        begins: &BTreeMap<TopicPartition, i64>,
        is_apart: bool,
    ) -> Option<Vec<Position>> {
        let seek = |source: &mut Source| {
            source.begin = begins.get(&source.partition).copied();
            let start = source.start()?;
            source.next = start;
            source.is_positioned = false;
            Some((source.partition.clone(), start))
        };
        let sources = self.sources.iter_mut();
        sources.filter(|source| !(is_apart && source.is_positioned)).map(seek).collect()
    }

    /// A seek in a partition of the task has ended, successfully or not.
    pub(crate) fn sought(&mut self, topic: &str, is_done: bool) {
        if let Some(source) = self.source(topic) {
            source.is_positioned = is_done;
        }
    }

    /// Statistics report the end of one of its partitions. Returns the lag.
    pub(crate) fn saw_end(&mut self, topic: &str, end: EndOffset) -> Option<i64> {
        let is_positioned = self.is_positioned();
        let source = self.source(topic)?;
        if is_positioned && source.is_read(end) {
            source.asked_end = None;
        }
        source.known_end = if end.is_drained { 0 } else { end.stable };
        // Transaction markers may follow the last record; no commit goes past them.
        let last = if end.is_drained { source.next } else { end.stable };
        let lag = (last - source.committed.unwrap_or(0)).max(0);
        source.lag = Some(lag);
        Some(lag)
    }

    /// Whether more records exist than it has taken, by the latest statistics.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_live() && self.sources.iter().any(|source| source.next < source.known_end)
    }

    /// Whether a timer is due and the end offsets are needed. Everything up to them is read first, because a record there may
    /// cancel the timer.
    pub(crate) fn needs_ends(&self, now_ms: i64) -> Result<bool, TaskError> {
        if !self.is_live() || self.asked_ms.is_some() || now_ms < self.ask_again_ms {
            return Ok(false);
        }
        self.is_due(now_ms)
    }

    /// Whether a timer is due by now.
    pub(crate) fn is_due(&self, now_ms: i64) -> Result<bool, TaskError> {
        Ok(self.task.next_due()?.is_some_and(|due_ms| due_ms <= now_ms))
    }

    /// Sets the end offsets of its partitions, requested at `now_ms`.
    pub(crate) fn set_ends(&mut self, ends: &BTreeMap<TopicPartition, i64>, now_ms: i64) {
        let found = self.sources.iter().map(|source| ends.get(&source.partition).copied());
        let found: Option<Vec<i64>> = found.collect();
        let Some(found) = found else {
            self.ask_again_ms = now_ms.saturating_add(ASK_AGAIN_MS);
            return;
        };
        for (source, end) in self.sources.iter_mut().zip(found) {
            source.asked_end = Some(end);
        }
        self.asked_ms = Some(now_ms);
    }

    /// The committed position in the input, for a transaction without a new record.
    fn committed_offset(&self) -> Option<SourceOffset> {
        self.sources.iter().find_map(
            |Source { partition: TopicPartition { topic, partition }, committed, .. }| {
                Some(SourceOffset { topic: topic.to_string(), partition: *partition, next: (*committed)? })
            },
        )
    }

    /// Lets the next commit fire due timers, once everything up to the requested ends is read and committed.
    pub(crate) fn punctuate_when_read(&mut self) {
        let is_read = self.is_live() && self.sources.iter().all(|source| source.asked_end.is_none());
        if let Some(offset) = self.committed_offset()
            && is_read
            && let Some(asked_ms) = self.asked_ms.take()
        {
            self.task.punctuate(asked_ms, offset);
        }
    }

    /// Lets the next commit continue the work that the last one left, even without a new record.
    pub(crate) fn go_on(&mut self) {
        if self.has_more()
            && let Some(offset) = self.committed_offset()
        {
            self.task.go_on(offset);
        }
    }

    /// Whether the last commit left work that the next one can do without a new record. Requires an earlier commit.
    pub(crate) fn has_more(&self) -> bool {
        self.is_live() && self.task.has_more() && self.committed_offset().is_some()
    }
}

#[cfg(test)]
mod tests;
