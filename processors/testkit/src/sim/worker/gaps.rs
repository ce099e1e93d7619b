//! Records that are gone before anybody has read them: found, said, passed over. The same steps as the edge's.

use std::collections::BTreeMap;

use super::Worker;
use crate::sim::broker::Place;
use crate::sim::defect::Defect;
use crate::sim::faults::Fault;
use crate::sim::world::World;

impl Worker {
    /// Whether the client stands where there is nothing any more. It says only that it does so somewhere.
    pub(super) fn is_off(&mut self, place: Place, world: &World) -> bool {
        let begin = world.broker.log(place).begin();
        let is_off = self.client.position(place) < begin;
        if is_off && world.has(Defect::SkipsGaps) {
            self.client.seek(place, begin);
        } else {
            self.is_displaced |= is_off;
        }
        is_off
    }

    /// Looks at all that is read. Called between two transactions.
    pub(super) fn find_places(&mut self, world: &mut World) {
        if !self.is_displaced {
            return;
        }
        let lanes = self.lanes.values().filter(|lane| lane.is_live() && lane.task.is_clean());
        let mut wanted: BTreeMap<Place, i64> = lanes.flat_map(super::Lane::wanted).collect();
        if self.siding.mover.is_clean() {
            wanted.extend(self.siding.wanted());
        }
        let gone = |(place, next): &(&Place, &i64)| **next < world.broker.log(**place).begin();
        let gone: Vec<Place> = wanted.iter().filter(gone).map(|(place, _)| *place).collect();
        // Others may have read it meanwhile.
        let Ok(committed) = world.broker.committed(&gone) else { return };
        for (place, committed) in gone.into_iter().zip(committed) {
            let begin = world.broker.log(place).begin();
            let next = wanted.get(&place).copied().unwrap_or(0);
            let from = next.max(committed.map_or(0, |offset| offset.next));
            if from < begin {
                world.said.insert((place, from, begin));
                world.faults.count(Fault::Gap);
                let name = &self.name;
                world.note(format_args!("{name}: {place:?} is gone from {from} up to {begin}"));
            }
            self.pass_over(place, begin);
        }
        wanted.keys().for_each(|place| self.displace(*place));
        self.is_displaced = false;
    }

    fn pass_over(&mut self, place: Place, begin: i64) {
        if self.siding.pass_over(place, begin) {
            return;
        }
        if let Some(lane) = self.lanes.get_mut(&place.partition) {
            lane.set_committed(place, Some(begin));
        }
    }

    fn displace(&mut self, place: Place) {
        if self.siding.displace(place) {
            return;
        }
        if let Some(lane) = self.lanes.get_mut(&place.partition) {
            lane.displace();
        }
    }
}
