//! A lane: a task and the partitions that it takes its records from. The same steps as the edge's.

use engine::{Phase, SourceOffset, Task, TaskError};

use super::client::Client;
use super::restore::Progress;
use crate::sim::broker::{Offset, Place};
use crate::sim::topology::Topics;

/// A partition that a task reads, and its place in it.
struct Source {
    place: Place,
    committed: Option<i64>,
    next: i64,
    in_place: bool,
    /// The end up to which it is to be read before what is due may be done.
    asked_end: Option<i64>,
}

pub(super) struct Lane {
    pub(super) task: Task,
    /// How far the state is restored; none before and after.
    pub(super) restoring: Option<Progress>,
    sources: [Source; 2],
    /// Whether it stands still for a schema.
    awaits: bool,
    /// When the ends were asked for because something is due.
    asked_ms: Option<i64>,
}

impl Lane {
    /// A lane that reads this partition of the topics `input` and `repartition`.
    pub(super) fn new(task: Task, input: usize, repartition: usize) -> Self {
        let partition = task.partition();
        let source = |topic| Source {
            place: Place { topic, partition },
            committed: None,
            next: 0,
            in_place: false,
            asked_end: None,
        };
        let sources = [source(input), source(repartition)];
        Self { task, restoring: None, sources, awaits: false, asked_ms: None }
    }

    pub(super) fn places(&self) -> [Place; 2] {
        let [input, repartition] = &self.sources;
        [input.place, repartition.place]
    }

    fn source(&mut self, place: Place) -> Option<&mut Source> {
        self.sources.iter_mut().find(|source| source.place == place)
    }

    pub(super) fn is_live(&self) -> bool {
        self.task.phase() == Phase::Running && self.sources.iter().all(|source| source.in_place)
    }

    pub(super) fn is_misplaced(&self) -> bool {
        let is_able = self.task.phase() == Phase::Running && !self.awaits;
        is_able && !self.sources.iter().all(|source| source.in_place)
    }

    /// What was staged is dropped, and nothing is taken until the schema is known.
    pub(super) fn await_schema(&mut self) {
        self.rewind();
        self.awaits = true;
    }

    pub(super) fn awaits_schema(&self) -> bool {
        self.awaits
    }

    /// The schema is known.
    pub(super) fn take_again(&mut self) {
        self.awaits = false;
    }

    /// Whether a record at this offset is the next one of its partition, or lies after it.
    pub(super) fn expects(&self, place: Place, offset: i64) -> bool {
        let source = self.sources.iter().find(|source| source.place == place);
        self.is_live() && source.is_some_and(|source| offset >= source.next)
    }

    pub(super) fn took(&mut self, place: Place, offset: i64) {
        if let Some(source) = self.source(place) {
            source.next = offset + 1;
        }
    }

    /// What was staged is dropped; the consumer has to go back.
    pub(super) fn rewind(&mut self) {
        self.task.aborted();
        self.sources.iter_mut().for_each(|source| source.in_place = false);
    }

    pub(super) fn set_committed(&mut self, place: Place, committed: Option<i64>) {
        if let Some(source) = self.source(place) {
            source.committed = committed;
        }
    }

    /// The partition of the repartition topic, and up to where it is taken: in transactions that are committed, or in any.
    pub(super) fn taken(&self, in_any: bool) -> (Place, i64) {
        let [_, repartition] = &self.sources;
        let committed = repartition.committed.unwrap_or(0);
        (repartition.place, if in_any { repartition.next } else { committed })
    }

    /// The transaction holds all that was staged.
    pub(super) fn committed_to(&mut self, offsets: &[(Place, Offset)]) {
        for (place, offset) in offsets {
            self.set_committed(*place, Some(offset.next));
        }
    }

    /// The state is complete.
    pub(super) fn restored(&mut self, changelog_offset: i64) -> Result<(), TaskError> {
        self.restoring = None;
        self.task.restored(changelog_offset)
    }

    /// Where it goes on in each of its partitions.
    pub(super) fn wanted(&self) -> impl Iterator<Item = (Place, i64)> {
        self.sources.iter().map(|source| (source.place, source.next))
    }

    /// The consumer has to be put in its place again, though nothing was dropped.
    pub(super) fn displace(&mut self) {
        self.sources.iter_mut().for_each(|source| source.in_place = false);
    }

    /// Puts the consumer where the last commit left off, or where the partition begins.
    pub(super) fn put_in_place(&mut self, client: &mut Client, begin_of: impl Fn(Place) -> i64) {
        for source in self.sources.iter_mut().filter(|source| !source.in_place) {
            source.next = source.committed.unwrap_or_else(|| begin_of(source.place));
            client.seek(source.place, source.next);
            source.in_place = true;
        }
    }

    /// Whether something is due by now.
    pub(super) fn is_due(&self, now_ms: i64) -> Result<bool, TaskError> {
        Ok(self.task.next_due()?.is_some_and(|due_ms| due_ms <= now_ms))
    }

    /// Where something is due by now, lets the ends of its partitions be measured.
    pub(super) fn ask_for_ends(
        &mut self,
        now_ms: i64,
        end_of: impl Fn(Place) -> i64,
    ) -> Result<(), TaskError> {
        if !self.is_live() || self.asked_ms.is_some() || !self.is_due(now_ms)? {
            return Ok(());
        }
        for source in &mut self.sources {
            source.asked_end = Some(end_of(source.place));
        }
        self.asked_ms = Some(now_ms);
        Ok(())
    }

    /// Once everything is read and committed that lay there when the ends were asked for, the next commit does what was due
    /// then. `ends`: of each partition the end of the finished transactions, and whether nothing is left to be fetched.
    pub(super) fn ring_when_read(&mut self, topics: &Topics, ends: impl Fn(Place) -> (i64, bool)) {
        if !self.is_live() {
            return;
        }
        for source in &mut self.sources {
            let (stable, is_drained) = ends(source.place);
            let committed = source.committed.unwrap_or(0);
            let is_read =
                |asked| committed >= asked || (is_drained && stable >= asked && source.next == committed);
            if source.asked_end.is_some_and(is_read) {
                source.asked_end = None;
            }
        }
        let is_read = self.sources.iter().all(|source| source.asked_end.is_none());
        let place = self.sources.iter().find_map(|source| Some((source.place, source.committed?)));
        if let Some((place, next)) = place
            && is_read
            && let Some(asked_ms) = self.asked_ms.take()
        {
            let topic = topics.name(place.topic).to_owned();
            self.task.ring(asked_ms, SourceOffset { topic, partition: place.partition, next });
        }
    }

    /// Lets the next commit do what the last one has left, though nothing was taken.
    pub(super) fn go_on(&mut self, topics: &Topics) {
        if !self.has_more() {
            return;
        }
        let place = self.sources.iter().find_map(|source| Some((source.place, source.committed?)));
        if let Some((place, next)) = place {
            let topic = topics.name(place.topic).to_owned();
            self.task.go_on(SourceOffset { topic, partition: place.partition, next });
        }
    }

    /// Whether the last commit has left anything that the next one can do though nothing is taken.
    pub(super) fn has_more(&self) -> bool {
        self.is_live() && self.task.has_more() && self.sources.iter().any(|source| source.committed.is_some())
    }
}
