//! A lane: a task and the partitions that it takes its records from. The same steps as the edge's.

use engine::{Phase, Task, TaskError};

use super::client::Client;
use super::restore::Progress;
use crate::sim::broker::{Offset, Place};

/// A partition that a task reads, and its place in it.
struct Source {
    place: Place,
    committed: Option<i64>,
    next: i64,
    in_place: bool,
}

pub(super) struct Lane {
    pub(super) task: Task,
    /// How far the state is restored; none before and after.
    pub(super) restoring: Option<Progress>,
    sources: [Source; 2],
    /// Whether it stands still for a schema.
    awaits: bool,
}

impl Lane {
    /// A lane that reads this partition of the topics `input` and `repartition`.
    pub(super) fn new(task: Task, input: usize, repartition: usize) -> Self {
        let partition = task.partition();
        let source =
            |topic| Source { place: Place { topic, partition }, committed: None, next: 0, in_place: false };
        Self { task, restoring: None, sources: [source(input), source(repartition)], awaits: false }
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
    pub(super) fn go_on(&mut self) {
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

    /// Puts the consumer where the last commit left off.
    pub(super) fn put_in_place(&mut self, client: &mut Client) {
        for source in self.sources.iter_mut().filter(|source| !source.in_place) {
            source.next = source.committed.unwrap_or(0);
            client.seek(source.place, source.next);
            source.in_place = true;
        }
    }
}
