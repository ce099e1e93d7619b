//! Whether the group has read what there was when partitions were taken over: the same rounds as the edge's.

use crate::sim::broker::Place;
use crate::sim::world::World;

/// The input, then twice what is on its way to other partitions.
const ROUNDS: usize = 3;

pub(super) struct CatchUp {
    round: usize,
    /// The ends that the round has still to see.
    goals: Option<Vec<(Place, i64)>>,
}

impl CatchUp {
    /// Nothing to see.
    pub(super) fn done() -> Self {
        Self { round: ROUNDS, goals: None }
    }

    pub(super) fn begin(&mut self) {
        *self = Self { round: 0, goals: None };
    }

    pub(super) fn is_done(&self) -> bool {
        self.round == ROUNDS
    }

    /// Looks how far the group is; `true` once, as soon as it has caught up.
    pub(super) fn turn(&mut self, world: &World) -> bool {
        while !self.is_done() {
            let mut goals = self.goals.take().unwrap_or_else(|| measured(self.round, world));
            goals.retain(|(place, end)| !is_reached(*place, *end, world));
            if !goals.is_empty() {
                self.goals = Some(goals);
                return false;
            }
            self.round += 1;
            if self.is_done() {
                return true;
            }
        }
        false
    }
}

fn measured(round: usize, world: &World) -> Vec<(Place, i64)> {
    let topics = &world.topics;
    let places = if round == 0 {
        let input = std::iter::once(topics.input).chain(topics.of_conversations());
        input.flat_map(|topic| world.broker.places_of(topic)).collect()
    } else {
        world.broker.places_of(topics.repartition())
    };
    places.into_iter().map(|place| (place, world.broker.log(place).end())).collect()
}

/// Whether the group's offset is at the end, or nothing that is handed out lies in between.
fn is_reached(place: Place, end: i64, world: &World) -> bool {
    let Ok(committed) = world.broker.committed(&[place]) else { return false };
    let committed = committed.into_iter().next().flatten().map_or(0, |offset| offset.next);
    let is_stable = world.broker.log(place).stable_end() >= end;
    let next = || world.broker.fetch(place, committed).map(|(offset, _)| offset);
    committed >= end || (is_stable && next().is_none_or(|offset| offset >= end))
}
