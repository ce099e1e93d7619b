//! A lane: a task and the partitions that it takes its records from, which all have the same number.

use engine::{Phase, SourceOffset, Task, TaskError};
use rdkafka::TopicPartitionList;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use std::collections::{BTreeMap, BTreeSet};

use crate::consumer::End;
use crate::metrics::Metrics;
use crate::reading::Place;

/// An end that the cluster does not tell is asked for again after so long: the worker stands still meanwhile.
const ASK_AGAIN_MS: i64 = 10_000;

/// So many records a lane that waits for a schema looks at.
const LOOK_AHEAD: u32 = 1_000;

/// A partition that a task reads, and its place in it.
struct Source {
    topic: String,
    /// The offset after the last record whose effects are committed; `None`: nothing was ever committed.
    committed: Option<i64>,
    /// Where it began, if nothing was committed yet when the consumer was put in its place.
    begin: Option<i64>,
    /// Records below this offset were taken already.
    next: i64,
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
    /// The schema without which its next record cannot be read, and those that records after it need, as far as it has looked.
    /// Until all of them are known, or known not to be, nothing is taken.
    awaits: BTreeSet<u32>,
    /// How many records it looks at while it waits; then its partitions are paused.
    looks: u32,
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
            begin: None,
            next: 0,
            lag: None,
            asked_end: None,
        };
        let sources = vec![source(input), source(repartition)];
        Self {
            task,
            sources,
            in_place: false,
            awaits: BTreeSet::new(),
            looks: 0,
            asked_ms: None,
            ask_again_ms: 0,
            metrics,
        }
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
        self.task.phase() == Phase::Running && self.awaits.is_empty() && !self.in_place
    }

    /// What was staged is dropped, and nothing is taken until this schema is known.
    pub(super) fn await_schema(&mut self, id: u32) {
        self.rewind();
        self.awaits.insert(id);
        self.looks = LOOK_AHEAD;
    }

    /// Looks at a record that comes while it waits for a schema: `unknown` is the one that this record needs, if any. Asked for
    /// together, schemas are waited for once, not once for each record. Says whether it has seen enough.
    pub(super) fn look_ahead(&mut self, unknown: Option<u32>) -> bool {
        let Some(left) = self.looks.checked_sub(1) else { return false };
        self.awaits.extend(unknown);
        self.looks = left;
        left == 0
    }

    /// Whether it stands still for a schema.
    pub(super) fn awaits_schema(&self) -> bool {
        !self.awaits.is_empty()
    }

    /// Takes records again, if what it waited for is known by now.
    pub(super) fn take_again(&mut self, is_awaited: impl Fn(u32) -> bool) {
        self.awaits.retain(|id| is_awaited(*id));
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

    /// A record came that it does not expect. Where the consumer stands in its place that is one of those before: the client went
    /// back, and is put in its place again.
    pub(super) fn refused(&mut self, topic: &str, offset: i64) {
        if self.is_live() {
            tracing::debug!(topic, partition = self.partition(), offset, "the client went back");
            self.rewind();
        }
    }

    /// Whether it knows where it goes on.
    pub(super) fn is_restored(&self) -> bool {
        self.task.phase() == Phase::Running
    }

    /// Where it goes on in each of its partitions.
    pub(super) fn wanted(&self) -> impl Iterator<Item = (Place, i64)> {
        self.sources.iter().filter_map(|source| {
            let next = source.committed.or(source.begin)?;
            Some(((source.topic.clone(), self.partition()), next))
        })
    }

    /// Those of its partitions of which nothing was ever committed.
    pub(super) fn unread(&self) -> impl Iterator<Item = Place> {
        let unread = self.sources.iter().filter(|source| source.committed.is_none());
        unread.map(|source| (source.topic.clone(), self.partition()))
    }

    /// The consumer has to be put in its place again, though nothing was dropped.
    pub(super) fn displace(&mut self) {
        self.in_place = false;
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

    /// Up to where all of a topic is taken, in transactions that are committed; none where nothing ever was.
    pub(super) fn committed(&self, topic: &str) -> Option<i64> {
        self.sources.iter().find(|source| source.topic == topic)?.committed
    }

    /// The transaction holds all that was staged.
    pub(super) fn committed_to(&mut self, offsets: &[SourceOffset]) {
        for offset in offsets {
            self.set_committed(&offset.topic, Some(offset.next));
        }
    }

    /// Puts the consumer where the last commit left off, or, where there was none, where the partition `begins`, by letting it `seek`
    /// each partition. Where one cannot be had all are put back once more: what comes of the others meanwhile is passed over.
    pub(super) fn put_in_place(
        &mut self,
        begins: &BTreeMap<Place, i64>,
        mut seek: impl FnMut(&str, i32, i64) -> KafkaResult<()>,
    ) -> KafkaResult<()> {
        let partition = self.partition();
        let unknown = KafkaError::OffsetFetch(RDKafkaErrorCode::NoOffset);
        for source in &mut self.sources {
            source.begin = begins.get(&(source.topic.clone(), partition)).copied();
            let next = source.committed.or(source.begin).ok_or_else(|| unknown.clone())?;
            seek(&source.topic, partition, next)?;
            source.next = next;
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

    /// Lets the next commit do what the last one has left, though nothing was taken.
    pub(super) fn go_on(&mut self) {
        if !self.has_more() {
            return;
        }
        let place = self.sources.iter().find_map(|source| Some((source.topic.clone(), source.committed?)));
        if let Some((topic, next)) = place {
            self.task.go_on(SourceOffset { topic, partition: self.partition(), next });
        }
    }

    /// Whether the last commit has left anything that the next one can do though nothing is taken: not before anything was ever
    /// committed.
    pub(super) fn has_more(&self) -> bool {
        self.is_live() && self.task.has_more() && self.sources.iter().any(|source| source.committed.is_some())
    }

    /// Leaves no trace in the metrics.
    pub(super) fn close(self) {
        self.metrics.task_moved(Some(self.task.phase()), None);
        self.metrics.forget_partition(self.partition());
    }
}

#[cfg(test)]
mod tests;
