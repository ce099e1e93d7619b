// SPDX-License-Identifier: Apache-2.0

//! Unaligned topics: one topic per conversation, agents' states, and erasure requests. Their partitions do not match the
//! state's, so no task reads them. Their records are repartitioned in the worker's transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{Repartitioner, SourceOffset, SourceRecord, Tally, UnknownSchema};

use crate::action::{EndOffset, Position, TopicPartition};
use crate::settings::{Settings, TopicKind};

/// One partition of an unaligned topic.
struct Track {
    kind: TopicKind,
    /// Whether its starting position is known.
    is_begun: bool,
    /// The first offset taken since the last commit.
    from: Option<i64>,
    /// The position: records below it were taken.
    next: i64,
    /// Whether the position was reached without a record, and is not committed yet.
    is_moved: bool,
    /// Whether the consumer has to seek.
    wants_seek: bool,
    /// The schema that the next record needs. Until it is known, nothing is taken.
    awaits: Option<u32>,
    /// Records not taken yet, when last checked.
    lag: i64,
}

/// The conversation of a topic's events, unless they name another one.
fn conversation_of(kind: &TopicKind) -> Option<&str> {
    match kind {
        TopicKind::Conversation(id) => Some(id),
        _ => None,
    }
}

/// Where a lag is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// For its own partition: so many records.
    OfItsOwn(i64),
    /// In the sum of all such topics ([`Unaligned::lags`]).
    Summed,
}

/// The result of taking a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It belongs to no unaligned topic.
    NotHere,
    /// It was taken or skipped.
    Done,
    /// It needs this unknown schema.
    Unread(u32),
    /// It was skipped and will need this schema.
    WillNeed(u32),
}

/// All unaligned partitions of a worker.
pub(crate) struct Unaligned {
    pub(crate) repartitioner: Repartitioner,
    tracks: BTreeMap<Arc<str>, BTreeMap<i32, Track>>,
}

impl Unaligned {
    pub(crate) fn new(settings: &Settings) -> Self {
        let Settings { topology, partitions, limits, .. } = settings;
        let repartitioner = Repartitioner::new(Arc::clone(topology), *partitions, limits.clone());
        Self { repartitioner, tracks: BTreeMap::new() }
    }

    /// Adds a partition.
    pub(crate) fn assigned(&mut self, partition: &TopicPartition, kind: TopicKind) {
        let (is_begun, is_moved, wants_seek) = (false, false, true);
        let track = Track { kind, is_begun, from: None, next: 0, is_moved, wants_seek, awaits: None, lag: 0 };
        self.tracks.entry(Arc::clone(&partition.topic)).or_default().insert(partition.partition, track);
    }

    /// Removes a partition.
    pub(crate) fn revoked(&mut self, partition: &TopicPartition) {
        if let Some(partitions) = self.tracks.get_mut(&partition.topic) {
            partitions.remove(&partition.partition);
            if partitions.is_empty() {
                self.tracks.remove(&partition.topic);
            }
        }
    }

    /// Takes a record of one of its partitions.
    pub(crate) fn take(&mut self, record: &SourceRecord<'_>, now_ms: i64) -> Taken {
        if self.tracks.is_empty() {
            return Taken::NotHere;
        }
        let partitions = self.tracks.get_mut(record.topic);
        let Some(track) = partitions.and_then(|partitions| partitions.get_mut(&record.partition)) else {
            return Taken::NotHere;
        };
        if track.wants_seek || record.offset < track.next {
            let awaits = track.awaits.is_some();
            let needed = record.value.filter(|_| awaits);
            let needed = needed.and_then(|value| self.repartitioner.unknown_schema(record.topic, value));
            return needed.map_or(Taken::Done, Taken::WillNeed);
        }
        let record = SourceRecord { conversation: conversation_of(&track.kind), ..*record };
        match self.repartitioner.process(&record, now_ms) {
            Ok(()) => {
                track.from.get_or_insert(record.offset);
                track.next = record.offset + 1;
                Taken::Done
            }
            Err(UnknownSchema(id)) => {
                track.next = record.offset;
                track.wants_seek = true;
                track.awaits = Some(id);
                Taken::Unread(id)
            }
        }
    }

    /// Whether a partition waits for a schema.
    pub(crate) fn awaits_schema(&self) -> bool {
        self.tracks().any(|(_, _, track)| track.awaits.is_some())
    }

    /// Takes records again whose schemas are known by now.
    pub(crate) fn retain_awaited(&mut self, is_awaited: impl Fn(u32) -> bool) {
        self.tracks_mut().for_each(|(_, _, track)| track.awaits = track.awaits.filter(|id| is_awaited(*id)));
    }

    /// All staged records are in the transaction.
    pub(crate) fn committed(&mut self) -> Tally {
        for (_, _, track) in self.tracks_mut() {
            track.from = None;
            track.is_moved = false;
        }
        self.repartitioner.committed()
    }

    /// Drops what is staged; the consumer seeks back.
    pub(crate) fn rewind(&mut self) {
        self.repartitioner.aborted();
        for (_, _, track) in self.tracks_mut() {
            if let Some(from) = track.from.take() {
                track.next = from;
                track.wants_seek = true;
            }
        }
    }

    /// The offsets to commit: of what was taken, and of positions that were reached without a record.
    pub(crate) fn offsets(&self) -> impl Iterator<Item = SourceOffset> {
        let moved = self.tracks().filter(|(_, _, track)| track.is_moved && track.from.is_none());
        let moved = moved.map(|(topic, partition, track)| SourceOffset {
            topic: topic.to_string(),
            partition,
            next: track.next,
        });
        self.repartitioner.offsets().chain(moved)
    }

    /// Whether nothing is to be committed.
    pub(crate) fn is_clean(&self) -> bool {
        self.repartitioner.is_clean() && !self.tracks().any(|(_, _, track)| track.is_moved)
    }

    /// Partitions without a known starting position.
    pub(crate) fn to_begin(&self) -> Vec<TopicPartition> {
        self.tracks().filter(|(_, _, track)| !track.is_begun).map(named).collect()
    }

    /// Whether such partitions exist.
    pub(crate) fn is_beginning(&self) -> bool {
        self.tracks().any(|(_, _, track)| !track.is_begun)
    }

    /// A partition of which nothing was ever committed starts at its first offset. If records before it were removed, the next
    /// commit includes it: the partition may stay empty, and its lag would never end.
    pub(crate) fn begin_uncommitted(&mut self, partition: &TopicPartition, first: i64) {
        self.begin(partition, first);
        if let Some(track) = self.track(partition) {
            track.is_moved = first > 0;
        }
    }

    /// Sets the starting position of a partition.
    pub(crate) fn begin(&mut self, partition: &TopicPartition, next: i64) {
        if let Some(track) = self.track(partition) {
            track.next = next;
            track.is_begun = true;
            track.wants_seek = true;
        }
    }

    /// The position of each partition.
    pub(crate) fn positions(&self) -> impl Iterator<Item = Position> {
        let begun = self.tracks().filter(|(_, _, track)| track.is_begun);
        begun.map(|found| (named(found), found.2.next))
    }

    /// Moves a partition to another offset, which the next commit includes even without a record. Otherwise the next start would
    /// report the loss again if the partition stays idle. `false` when it is not one of its own.
    pub(crate) fn skip_to(&mut self, partition: &TopicPartition, next: i64) -> bool {
        let Some(track) = self.track(partition) else { return false };
        track.next = next;
        track.is_moved = true;
        true
    }

    /// Where the consumer has to seek. Partitions that wait for a schema seek once it is known; records that arrive before are
    /// skipped.
    pub(crate) fn seeks(&self) -> Vec<Position> {
        let wanting = |track: &Track| track.wants_seek && track.is_begun && track.awaits.is_none();
        let found = self.tracks().filter(|(_, _, track)| wanting(track));
        found.map(|found| (named(found), found.2.next)).collect()
    }

    /// The consumer reached the position of a partition.
    pub(crate) fn positioned(&mut self, partition: &TopicPartition) {
        if let Some(track) = self.track(partition) {
            track.wants_seek = false;
        }
    }

    /// Whether it reads this partition.
    pub(crate) fn holds(&self, partition: &TopicPartition) -> bool {
        self.tracks.get(&partition.topic).is_some_and(|found| found.contains_key(&partition.partition))
    }

    /// All partitions it reads.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = TopicPartition> {
        self.tracks().map(named)
    }

    /// Makes the consumer seek again in all partitions.
    pub(crate) fn unposition_all(&mut self) {
        self.tracks_mut().for_each(|(_, _, track)| track.wants_seek = true);
    }

    /// Takes the end offset from statistics; `None` for a partition it does not read.
    pub(crate) fn saw_end(&mut self, partition: &TopicPartition, end: EndOffset) -> Option<Seen> {
        let track = self.track(partition)?;
        track.lag = if end.is_drained { 0 } else { (end.stable - track.next).max(0) };
        Some(if track.kind == TopicKind::AgentStates { Seen::OfItsOwn(track.lag) } else { Seen::Summed })
    }

    /// Records not taken yet, of events and of erasure requests; `None` where no such partition is read.
    pub(crate) fn lags(&self) -> UnalignedLags {
        let mut lags = UnalignedLags::default();
        for (_, _, track) in self.tracks() {
            let sum = match track.kind {
                TopicKind::Conversation(_) => &mut lags.events,
                TopicKind::Erasures => &mut lags.erasures,
                TopicKind::AgentStates | TopicKind::Input | TopicKind::Other => continue,
            };
            *sum = Some(sum.unwrap_or(0) + track.lag);
        }
        lags
    }

    /// Whether the consumer is at the position of every partition.
    pub(crate) fn is_live(&self) -> bool {
        self.tracks().all(|(_, _, track)| track.is_begun && !track.wants_seek)
    }

    fn track(&mut self, partition: &TopicPartition) -> Option<&mut Track> {
        self.tracks.get_mut(&partition.topic)?.get_mut(&partition.partition)
    }

    fn tracks(&self) -> impl Iterator<Item = (&Arc<str>, i32, &Track)> {
        let all = self.tracks.iter();
        all.flat_map(|(topic, partitions)| {
            partitions.iter().map(move |(number, track)| (topic, *number, track))
        })
    }

    fn tracks_mut(&mut self) -> impl Iterator<Item = (&Arc<str>, i32, &mut Track)> {
        let all = self.tracks.iter_mut();
        all.flat_map(|(topic, partitions)| {
            partitions.iter_mut().map(move |(number, track)| (topic, *number, track))
        })
    }
}

/// Records of unaligned topics not taken yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnalignedLags {
    /// Events, from topics of one conversation each.
    pub events: Option<i64>,
    /// Erasure requests.
    pub erasures: Option<i64>,
}

fn named((topic, partition, _): (&Arc<str>, i32, &Track)) -> TopicPartition {
    TopicPartition::new(Arc::clone(topic), partition)
}
