//! A lane: a task and the partitions that it takes its records from, which all have the same number.

use engine::{Phase, SourceOffset, Task, TaskError};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;

use crate::consumer::End;
use crate::metrics::Metrics;

/// An end that the cluster does not tell is asked for again after so long: the worker stands still meanwhile.
const ASK_AGAIN_MS: i64 = 10_000;

/// A partition that a task reads, and its place in it.
struct Source {
    topic: String,
    /// The offset after the last record whose effects are committed; `None`: nothing was ever committed.
    committed: Option<i64>,
    /// Records below this offset were taken already.
    next: i64,
    /// Whether a record came again though the consumer was in its place.
    went_back: bool,
    /// Records that are there and not committed yet; none where that is not known yet.
    lag: Option<i64>,
    /// The end up to which it is to be read before what is due may be done.
    asked_end: Option<i64>,
}

impl Source {
    /// Whether all is read and committed up to the end that was asked for. Behind the last record there may be markers of
    /// transactions; statistics count only once they know that end.
    fn is_read(&self, end: End) -> bool {
        let committed = self.committed.unwrap_or(0);
        let is_drained = |asked| end.is_drained && end.stable >= asked && self.next == committed;
        self.asked_end.is_some_and(|asked| committed >= asked || is_drained(asked))
    }
}

/// A task with its places in the input and in the repartition topic.
pub(super) struct Lane {
    pub(super) task: Task,
    sources: Vec<Source>,
    /// Whether the consumer stands where the task expects it in all of its partitions. Until then nothing is taken of any, and
    /// what comes is passed over: so the consumer is always put back in all of them together.
    in_place: bool,
    /// The schema without which its next record cannot be read. Until it is known nothing is taken.
    awaits: Option<u32>,
    /// When the ends were asked for because something is due; none while nothing is, or they are not known.
    asked_ms: Option<i64>,
    /// They are not asked for before this time.
    ask_again_ms: i64,
    metrics: Metrics,
}

impl Lane {
    /// A lane that reads this partition of `input` and of `repartition`.
    pub(super) fn new(task: Task, input: &str, repartition: &str, metrics: Metrics) -> Self {
        metrics.task_moved(None, Some(task.phase()));
        let source = |topic: &str| Source {
            topic: topic.to_owned(),
            committed: None,
            next: 0,
            went_back: false,
            lag: None,
            asked_end: None,
        };
        let sources = vec![source(input), source(repartition)];
        Self { task, sources, in_place: false, awaits: None, asked_ms: None, ask_again_ms: 0, metrics }
    }

    pub(super) fn partition(&self) -> i32 {
        self.task.partition()
    }

    /// The input topic.
    pub(super) fn input(&self) -> &str {
        self.sources.first().map_or("", |source| &source.topic)
    }

    /// All partitions that it reads.
    pub(super) fn places(&self) -> TopicPartitionList {
        let mut places = TopicPartitionList::new();
        for source in &self.sources {
            places.add_partition(&source.topic, self.partition());
        }
        places
    }

    fn source(&mut self, topic: &str) -> Option<&mut Source> {
        self.sources.iter_mut().find(|source| source.topic == topic)
    }

    /// Records that are there and not committed yet, by topic.
    pub(super) fn lags(&self) -> BTreeMap<String, i64> {
        self.sources.iter().filter_map(|source| Some((source.topic.clone(), source.lag?))).collect()
    }

    /// Whether records can be taken.
    pub(super) fn is_live(&self) -> bool {
        self.task.phase() == Phase::Running && self.in_place
    }

    /// Whether it runs, and the consumer can and has still to be put in its place.
    pub(super) fn is_misplaced(&self) -> bool {
        self.task.phase() == Phase::Running && self.awaits.is_none() && !self.in_place
    }

    /// What was staged is dropped, and nothing is taken until this schema is known.
    pub(super) fn await_schema(&mut self, id: u32) {
        self.rewind();
        self.awaits = Some(id);
    }

    /// Whether it stands still for a schema.
    pub(super) fn awaits_schema(&self) -> bool {
        self.awaits.is_some()
    }

    /// Goes on, if what it waited for is known by now.
    pub(super) fn go_on(&mut self, is_awaited: impl Fn(u32) -> bool) {
        self.awaits = self.awaits.filter(|id| is_awaited(*id));
    }

    /// Whether a record at this offset is the next one of its topic, or lies after it.
    pub(super) fn expects(&self, topic: &str, offset: i64) -> bool {
        let source = self.sources.iter().find(|source| source.topic == topic);
        self.is_live() && source.is_some_and(|source| offset >= source.next)
    }

    pub(super) fn took(&mut self, topic: &str, offset: i64) {
        if let Some(source) = self.source(topic) {
            source.next = offset + 1;
        }
    }

    /// A record came that it does not expect. Before the consumer is in its place that is as it should be.
    pub(super) fn refused(&mut self, topic: &str) {
        let is_live = self.is_live();
        if let Some(source) = self.source(topic) {
            source.went_back |= is_live;
        }
    }

    /// A topic that ends before what was taken of it: it was deleted and created again, or has lost records. Only one that
    /// went back is asked for its end.
    pub(super) fn shortened(&mut self, end_of: impl Fn(&str, i32) -> Option<i64>) -> Option<String> {
        let partition = self.partition();
        let source = self.sources.iter_mut().find(|source| source.went_back)?;
        let end = end_of(&source.topic, partition)?;
        source.went_back = false;
        (end < source.next).then(|| source.topic.clone())
    }

    /// Reads a topic from its beginning; the other one goes on where its last commit left off.
    pub(super) fn begin_anew(&mut self, topic: &str) {
        self.asked_ms = None;
        if let Some(source) = self.source(topic) {
            source.committed = None;
            self.rewind();
        }
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
    pub(super) fn restored(&mut self, changelog_offset: i64) -> Result<(), TaskError> {
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

    /// What the group has committed of a topic.
    pub(super) fn set_committed(&mut self, topic: &str, committed: Option<i64>) {
        if let Some(source) = self.source(topic) {
            source.committed = committed;
        }
    }

    /// The transaction holds all that was staged.
    pub(super) fn committed_to(&mut self, offsets: &[SourceOffset]) {
        for offset in offsets {
            self.set_committed(&offset.topic, Some(offset.next));
        }
    }

    /// Puts the consumer where the last commit left off, by letting it `seek` each partition. Where one cannot be had all are put
    /// back once more: what comes of the others meanwhile is passed over.
    pub(super) fn put_in_place(
        &mut self,
        mut seek: impl FnMut(&str, i32, Offset) -> KafkaResult<()>,
    ) -> KafkaResult<()> {
        let partition = self.partition();
        for source in &mut self.sources {
            seek(&source.topic, partition, source.committed.map_or(Offset::Beginning, Offset::Offset))?;
            source.next = source.committed.unwrap_or(0);
        }
        self.in_place = true;
        Ok(())
    }

    /// The end of one of its partitions has been told: shows the lag.
    pub(super) fn saw_end(&mut self, topic: &str, end: End) {
        let partition = self.partition();
        let in_place = self.in_place;
        let Some(source) = self.source(topic) else { return };
        let committed = source.committed.unwrap_or(0);
        if in_place && source.is_read(end) {
            source.asked_end = None;
        }
        // Behind the last record there may be markers of transactions; nobody will ever commit those.
        let last = if end.is_drained { source.next } else { end.stable };
        let lag = (last - committed).max(0);
        source.lag = Some(lag);
        self.metrics.lag(topic, partition, lag);
    }

    /// Where something is due by now, lets the ends of its partitions be measured: up to there everything is to be read first,
    /// since what would have ended a timer may lie there.
    pub(super) fn ask_for_ends(
        &mut self,
        now_ms: i64,
        end_of: impl Fn(&str, i32) -> Option<i64>,
    ) -> Result<(), TaskError> {
        if !self.is_live() || self.asked_ms.is_some() || now_ms < self.ask_again_ms {
            return Ok(());
        }
        if self.task.next_due()?.is_none_or(|due_ms| due_ms > now_ms) {
            return Ok(());
        }
        let partition = self.partition();
        for source in &mut self.sources {
            let Some(end) = end_of(&source.topic, partition) else {
                self.ask_again_ms = now_ms.saturating_add(ASK_AGAIN_MS);
                return Ok(());
            };
            source.asked_end = Some(end);
        }
        self.asked_ms = Some(now_ms);
        Ok(())
    }

    /// Once everything is read and committed that lay there when the ends were asked for, the next commit does what was due
    /// then.
    pub(super) fn ring_when_read(&mut self) {
        let is_read = self.is_live() && self.sources.iter().all(|source| source.asked_end.is_none());
        let place = self.sources.iter().find_map(|source| Some((source.topic.clone(), source.committed?)));
        if let Some((topic, next)) = place
            && is_read
            && let Some(asked_ms) = self.asked_ms.take()
        {
            self.task.ring(asked_ms, SourceOffset { topic, partition: self.partition(), next });
        }
    }

    /// Leaves no trace in the metrics.
    pub(super) fn close(self) {
        self.metrics.task_moved(Some(self.task.phase()), None);
        self.metrics.forget_partition(self.partition());
    }
}

#[cfg(test)]
mod tests;
