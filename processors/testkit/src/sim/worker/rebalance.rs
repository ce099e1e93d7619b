//! Partitions come and go, and lanes come up: the committed offset, the state, the consumer's place.

use std::collections::BTreeSet;

use engine::{Phase, ProcessError, TaskError};

use super::client::Decision;
use super::lane::Lane;
use super::restore::{self, Progress};
use super::{After, Worker};
use crate::sim::broker::{Offset, Place};
use crate::sim::defect::Defect;
use crate::sim::faults::Fault;
use crate::sim::world::World;

/// In a thousand: how often a schema is known the next time it is looked for.
const ANSWERS: usize = 300;

impl Worker {
    /// Carries out what the group has decided.
    pub(super) fn carry_out(&mut self, world: &mut World) -> Result<(), String> {
        match self.client.next_decision() {
            None => Ok(()),
            Some(Decision::Assigned(places)) => {
                self.assigned(&places, world);
                Ok(())
            }
            Some(Decision::Revoked { places, lost: true }) => {
                self.lost(&places, world);
                Ok(())
            }
            // What goes away is committed first.
            Some(Decision::Revoked { places, lost: false }) => {
                self.after = After::GiveUp(places);
                self.begin_commit(world)
            }
        }
    }

    fn assigned(&mut self, places: &BTreeSet<Place>, world: &mut World) {
        let name = &self.name;
        world.note(format_args!("{name}: is assigned {places:?}"));
        self.client.assign(places);
        for place in places {
            if world.topics.of_siding().contains(&place.topic) {
                self.siding.assigned(*place);
            } else {
                self.unopened.insert(place.partition);
            }
        }
        self.open_lanes(world);
    }

    /// Opens the lanes whose stores can be had by now.
    fn open_lanes(&mut self, world: &mut World) {
        for partition in std::mem::take(&mut self.unopened) {
            if !self.damages.may_restore(partition, world.broker.now_ms) {
                self.unopened.insert(partition);
                continue;
            }
            match self.new_task(partition, world) {
                Some(task) => {
                    let lane = Lane::new(task, world.topics.input, world.topics.repartition());
                    self.lanes.insert(partition, lane);
                    self.catch_up.begin();
                }
                None => {
                    self.unopened.insert(partition);
                }
            }
        }
    }

    /// Lets go of a lane, and then of its store.
    pub(super) fn close_lane(&self, lane: Lane) {
        let partition = lane.task.partition();
        drop(lane);
        self.disk.closed(partition);
    }

    fn lost(&mut self, places: &BTreeSet<Place>, world: &mut World) {
        world.faults.count(Fault::LostPartitions);
        if !self.siding.mover.is_clean() {
            // Nothing of what was lost may be committed; what was not is taken again.
            self.siding.rewind();
        }
        self.give_up(places, world);
    }

    pub(super) fn give_up(&mut self, places: &BTreeSet<Place>, world: &mut World) {
        let name = &self.name;
        world.note(format_args!("{name}: gives up {places:?}"));
        for place in places {
            if world.topics.of_siding().contains(&place.topic) {
                self.siding.revoked(*place);
                continue;
            }
            self.unopened.remove(&place.partition);
            if let Some(mut lane) = self.lanes.remove(&place.partition) {
                lane.task.aborted();
                self.close_lane(lane);
            }
        }
        self.client.unassign(places);
    }

    pub(super) fn bring_lanes_up(&mut self, world: &mut World) -> Result<(), String> {
        self.learn_schemas(world);
        for place in self.siding.to_begin() {
            if let Some(committed) = committed_of(place, world) {
                let begin = || world.broker.log(place).begin();
                self.siding.begin(place, committed.map_or_else(begin, |offset| offset.next));
            }
        }
        self.siding.put_in_place(&mut self.client);
        self.open_lanes(world);
        let outcome = self.ask_committed_offsets(world).and_then(|()| self.restore_some(world));
        if let Err(error) = outcome {
            return self.begin_anew_after(error, world);
        }
        if self.is_foreign && self.lanes.values().any(|lane| lane.task.phase() == Phase::Running) {
            return Err(format!("{}: takes a state of another form for its own", self.name));
        }
        let misplaced = self.lanes.values_mut().filter(|lane| lane.is_misplaced());
        for lane in misplaced {
            lane.put_in_place(&mut self.client, |place| world.broker.log(place).begin());
            let (name, partition) = (&self.name, lane.task.partition());
            world.note(format_args!("{name}: lane {partition} is in its place"));
        }
        Ok(())
    }

    /// The registry answers, sooner or later.
    fn learn_schemas(&mut self, world: &mut World) {
        let awaits = self.siding.awaits_schema() || self.lanes.values().any(Lane::awaits_schema);
        if awaits && world.rng.chance(ANSWERS) {
            self.siding.go_on();
            self.lanes.values_mut().for_each(Lane::take_again);
        }
    }

    fn begin_anew_after(&mut self, error: TaskError, world: &mut World) -> Result<(), String> {
        match error {
            TaskError::StateDamaged { partition, source } => {
                self.restore_anew(partition, &source.to_string(), world)
            }
            TaskError::Fatal { partition, source: source @ ProcessError::OtherForm { .. } }
                if self.is_foreign =>
            {
                world.faults.count(Fault::RefusedForm);
                let name = &self.name;
                world.note(format_args!("{name}: refuses the state of {partition}: {source}"));
                self.has_refused = true;
                self.stop();
                Ok(())
            }
            other => Err(format!("{}: {other}", self.name)),
        }
    }

    /// The group's offsets are told only when no transaction that could still change them is open.
    fn ask_committed_offsets(&mut self, world: &mut World) -> Result<(), TaskError> {
        let mut created: BTreeSet<i32> = self
            .lanes
            .iter()
            .filter(|(_, lane)| lane.task.phase() == Phase::Created)
            .map(|(p, _)| *p)
            .collect();
        let places: Vec<Place> =
            created.iter().filter_map(|partition| self.lanes.get(partition)).flat_map(Lane::places).collect();
        if world.broker.committed(&places).is_err() {
            return Ok(());
        }
        for place in places {
            match committed_of(place, world) {
                Some(committed) => {
                    if let Some(lane) = self.lanes.get_mut(&place.partition) {
                        lane.set_committed(place, committed.map(|offset| offset.next));
                    }
                }
                None => {
                    created.remove(&place.partition);
                }
            }
        }
        for partition in created {
            let Some(lane) = self.lanes.get_mut(&partition) else { continue };
            let from = lane.task.restore_from()?;
            lane.task.become_phase(Phase::Restoring);
            if world.has(Defect::TrustsDisk) && from > 0 {
                lane.restored(from)?;
            } else {
                lane.restoring = Some(Progress::new(from));
            }
        }
        Ok(())
    }

    fn restore_some(&mut self, world: &mut World) -> Result<(), TaskError> {
        let topic = world.topics.changelog();
        for (partition, lane) in &mut self.lanes {
            let changelog = Place { topic, partition: *partition };
            if restore::step(lane, changelog, &world.broker, world.defect)? && lane.restoring.is_none() {
                let name = &self.name;
                world.note(format_args!("{name}: lane {partition} is restored"));
            }
        }
        Ok(())
    }

    /// The state of a partition cannot be trusted any more: everything of it begins anew. What was damaged before waits first.
    pub(super) fn restore_anew(
        &mut self,
        partition: i32,
        cause: &str,
        world: &mut World,
    ) -> Result<(), String> {
        let Some(mut lane) = self.lanes.remove(&partition) else { return Ok(()) };
        if self.damages.note(partition, cause, world.broker.now_ms) > 0 {
            world.faults.count(Fault::DelayedRestore);
        }
        lane.task.wipe().map_err(|error| format!("{}: {error}", self.name))?;
        self.close_lane(lane);
        self.unopened.insert(partition);
        self.open_lanes(world);
        let name = &self.name;
        world.note(format_args!("{name}: lane {partition} begins anew"));
        Ok(())
    }
}

/// What the group has committed of a partition; none where the answer for it is an error.
fn committed_of(place: Place, world: &mut World) -> Option<Option<Offset>> {
    if world.strikes(Fault::OffsetError) {
        return world.has(Defect::TakesErrorForNothing).then_some(None);
    }
    world.broker.committed(&[place]).ok()?.first().copied()
}
