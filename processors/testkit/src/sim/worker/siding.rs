//! The siding: topics of one conversation each, and requests to erase, whose records are moved to where they belong.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{Mover, Topology};
use model::Limits;

use super::client::Client;
use crate::sim::broker::Place;

struct Track {
    /// The first offset taken since the last commit.
    from: Option<i64>,
    next: i64,
    is_misplaced: bool,
    /// Whether it stands still for a schema.
    awaits: bool,
    /// Whether it is known where it begins.
    is_begun: bool,
}

pub(super) struct Siding {
    pub(super) mover: Mover,
    tracks: BTreeMap<Place, Track>,
}

impl Siding {
    pub(super) fn new(topology: &Arc<Topology>, partitions: i32) -> Self {
        let mover = Mover::new(Arc::clone(topology), partitions, Limits::default());
        Self { mover, tracks: BTreeMap::new() }
    }

    pub(super) fn assigned(&mut self, place: Place) {
        let track = Track { from: None, next: 0, is_misplaced: true, awaits: false, is_begun: false };
        self.tracks.insert(place, track);
    }

    pub(super) fn revoked(&mut self, place: Place) {
        self.tracks.remove(&place);
    }

    /// Partitions of which the consumer does not know yet where to begin.
    pub(super) fn to_begin(&self) -> Vec<Place> {
        self.tracks.iter().filter(|(_, track)| !track.is_begun).map(|(place, _)| *place).collect()
    }

    /// It is known by now where a partition begins.
    pub(super) fn begin(&mut self, place: Place, next: i64) {
        if let Some(track) = self.tracks.get_mut(&place) {
            track.next = next;
            track.is_begun = true;
            track.is_misplaced = true;
        }
    }

    /// Where it goes on in each partition.
    pub(super) fn wanted(&self) -> impl Iterator<Item = (Place, i64)> {
        let begun = self.tracks.iter().filter(|(_, track)| track.is_begun);
        begun.map(|(place, track)| (*place, track.next))
    }

    /// A partition goes on at another offset; `false` if it is none of its own.
    pub(super) fn pass_over(&mut self, place: Place, next: i64) -> bool {
        self.tracks.get_mut(&place).map(|track| track.next = next).is_some()
    }

    /// The consumer has to be put in its place again; `false` if the partition is none of its own.
    pub(super) fn displace(&mut self, place: Place) -> bool {
        self.tracks.get_mut(&place).map(|track| track.is_misplaced = true).is_some()
    }

    /// Partitions that can be read.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.tracks.iter().filter(|(_, track)| track.is_begun).map(|(place, _)| *place)
    }

    /// Whether this record is to be taken.
    pub(super) fn expects(&self, place: Place, offset: i64) -> bool {
        self.tracks.get(&place).is_some_and(|track| !track.is_misplaced && offset >= track.next)
    }

    pub(super) fn took(&mut self, place: Place, offset: i64) {
        if let Some(track) = self.tracks.get_mut(&place) {
            track.from.get_or_insert(offset);
            track.next = offset + 1;
        }
    }

    /// The record at this offset cannot be read before its schema is known.
    pub(super) fn await_schema(&mut self, place: Place, offset: i64) {
        if let Some(track) = self.tracks.get_mut(&place) {
            track.next = offset;
            track.is_misplaced = true;
            track.awaits = true;
        }
    }

    pub(super) fn awaits_schema(&self) -> bool {
        self.tracks.values().any(|track| track.awaits)
    }

    /// All schemas are known.
    pub(super) fn go_on(&mut self) {
        self.tracks.values_mut().for_each(|track| track.awaits = false);
    }

    pub(super) fn committed(&mut self) {
        self.tracks.values_mut().for_each(|track| track.from = None);
        self.mover.committed();
    }

    pub(super) fn rewind(&mut self) {
        self.mover.aborted();
        for track in self.tracks.values_mut() {
            if let Some(from) = track.from.take() {
                track.next = from;
                track.is_misplaced = true;
            }
        }
    }

    pub(super) fn put_in_place(&mut self, client: &mut Client) {
        let misplaced = |track: &Track| track.is_begun && track.is_misplaced && !track.awaits;
        for (place, track) in self.tracks.iter_mut().filter(|(_, track)| misplaced(track)) {
            client.seek(*place, track.next);
            track.is_misplaced = false;
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.tracks.values().all(|track| track.is_begun && !track.is_misplaced)
    }
}
