//! One transaction: outputs, changelog, dead letters and offsets of all tasks of the worker; and what is done when it
//! fails. The same remedies as the edge's.

use std::collections::VecDeque;

use engine::TaskError;

use super::collected::Collected;
use super::{After, Next, Part, Stage, Worker};
use crate::sim::broker::{Offset, Place, Record, Refused};
use crate::sim::defect::Defect;
use crate::sim::faults::Fault;
use crate::sim::world::World;

impl Worker {
    /// Prepares what is staged, if anything is.
    pub(super) fn begin_commit(&mut self, world: &mut World) -> Result<(), String> {
        self.offsets.clear();
        self.has_sent = false;
        self.changelog_ends.clear();
        if self.is_clean() {
            self.batch = 0;
            return self.come_after(world);
        }
        let mut sink = Collected::new(world.topics.partitions);
        let mut budget = self.effort.budget(&world.budget);
        let mut left = self.lanes.values().filter(|lane| !lane.task.is_clean()).count();
        for lane in self.lanes.values_mut().filter(|lane| !lane.task.is_clean()) {
            let mut part = budget.share(left);
            left -= 1;
            match lane.task.prepare_within(&mut sink, &mut part) {
                Ok(()) => budget.give_back(&part),
                Err(TaskError::StateDamaged { partition, source }) => {
                    self.damaged.insert(partition, source.to_string());
                    self.stage = Stage::Abort;
                    return Ok(());
                }
                Err(error) => return Err(format!("{}: {error}", self.name)),
            }
        }
        if self.siding.mover.prepare(&mut sink).is_err() {
            return Err(format!("{}: a list takes everything", self.name));
        }
        self.offsets = self.staged_offsets(world);
        let (name, offsets) = (&self.name, &self.offsets);
        world.note(format_args!("{name}: begins a transaction up to {offsets:?}"));
        self.stage = Stage::Send(sink.batches(&mut world.rng));
        Ok(())
    }

    /// The offsets that belong into the transaction, each with its mark: so it can be known by them later.
    fn staged_offsets(&self, world: &mut World) -> Vec<(Place, Offset)> {
        world.marks += 1;
        let mark = world.marks;
        let of_lanes = self.lanes.values().flat_map(|lane| lane.task.offsets()).cloned();
        let all = of_lanes.chain(self.siding.mover.offsets());
        all.map(|offset| {
            let topic = world.topics.number(&offset.topic);
            (Place { topic, partition: offset.partition }, Offset { next: offset.next, mark })
        })
        .collect()
    }

    pub(super) fn send(&mut self, mut batches: VecDeque<(Place, Vec<Record>)>, world: &mut World) {
        let Some((place, records)) = batches.pop_front() else {
            self.stage = Stage::Offsets;
            return;
        };
        if world.strikes(Fault::Abort) {
            let name = &self.name;
            world.note(format_args!("{name}: cannot write to {place:?}"));
            // Whether it arrived is not known to the client.
            if world.rng.chance(500) {
                let arrived = world.broker.produce((&self.name, self.epoch), place, records);
                self.has_sent |= arrived.is_ok();
            }
            self.stage = Stage::Abort;
            return;
        }
        match world.broker.produce((&self.name, self.epoch), place, records.clone()) {
            Ok(end) => {
                self.has_sent = true;
                if place.topic == world.topics.changelog() {
                    self.changelog_ends.insert(place.partition, end);
                }
                let name = &self.name;
                world.note(format_args!("{name}: has written to {place:?}"));
                self.stage = Stage::Send(batches);
            }
            Err(Refused::Busy) => {
                batches.push_front((place, records));
                self.stage = Stage::Send(batches);
            }
            Err(refused) => self.fenced(refused, false, world),
        }
    }

    pub(super) fn send_offsets(&mut self, world: &mut World) -> Result<(), String> {
        if world.has(Defect::OffsetsOutside) {
            world.broker.commit_at_once(&self.offsets)?;
            self.stage = Stage::End;
            return Ok(());
        }
        let asks_client = !world.has(Defect::CommitsWhenLost) && !world.has(Defect::NoGeneration);
        if self.client.is_lost() && asks_client {
            world.faults.count(Fault::LostBeforeOffsets);
            let name = &self.name;
            world.note(format_args!("{name}: has lost its partitions"));
            self.stage = Stage::Abort;
            return Ok(());
        }
        let is_checked = !world.has(Defect::NoGeneration);
        let producer = (self.name.as_str(), self.epoch);
        let answer =
            world.broker.send_offsets(producer, self.client.metadata(), &self.offsets, is_checked)?;
        match answer {
            Ok(()) => {
                self.has_sent = true;
                self.stage = Stage::End;
                if world.has(Defect::StoreBeforeCommit) {
                    for lane in self.lanes.values_mut().filter(|lane| !lane.task.is_clean()) {
                        let end = self.changelog_ends.get(&lane.task.partition()).copied();
                        let _ = lane.task.committed(end);
                    }
                }
            }
            Err(Refused::Busy) => self.stage = Stage::Offsets,
            Err(Refused::StaleMember) => {
                // The coordinator has taken the group into the transaction before it asks the group.
                self.has_sent = true;
                world.faults.count(Fault::RefusedOffsets);
                let name = &self.name;
                world.note(format_args!("{name}: its offsets are refused"));
                self.stage = Stage::Abort;
            }
            Err(refused) => self.fenced(refused, false, world),
        }
        Ok(())
    }

    pub(super) fn end(&mut self, world: &mut World) -> Result<(), String> {
        let producer = (self.name.as_str(), self.epoch);
        let lost = if world.strikes(Fault::LostRequest) {
            true
        } else if world.strikes(Fault::DelayedRequest) {
            world.broker.end_later(producer, true);
            true
        } else {
            false
        };
        if lost {
            self.in_doubt(world);
            return Ok(());
        }
        if world.strikes(Fault::RepeatedRequest) {
            // The client asks again by itself, and is answered.
            world.broker.end_later(producer, true);
            self.is_suspect = !world.has(Defect::TrustsOneCall);
        }
        let answer = world.broker.end(producer, true);
        let name = &self.name;
        world.note(format_args!("{name}: commits, epoch {}: {answer:?}", self.epoch));
        if world.strikes(Fault::LostReply) {
            self.in_doubt(world);
            return Ok(());
        }
        match answer {
            Ok(()) => {
                self.wait_for_reply(world);
                self.stage = Stage::Settle(true);
            }
            Err(Refused::NoTransaction) if world.has(Defect::OffsetsOutside) => {
                self.stage = Stage::Settle(true);
            }
            Err(refused) => self.fenced(refused, true, world),
        }
        Ok(())
    }

    /// The answer may be late.
    fn wait_for_reply(&mut self, world: &mut World) {
        if world.strikes(Fault::DelayedReply) {
            let late_ms = u64::try_from(world.rng.between(10, 600)).unwrap_or(10);
            self.pauses_until_ms = world.broker.now_ms + late_ms;
        }
    }

    /// The answer did not come; to find that out may take long.
    fn in_doubt(&mut self, world: &mut World) {
        self.wait_for_reply(world);
        let name = &self.name;
        world.note(format_args!("{name}: does not know whether the transaction is committed"));
        self.stage = if world.has(Defect::KeepsProducer) {
            Stage::End
        } else if world.has(Defect::TrustsCommit) {
            Stage::Settle(true)
        } else {
            Stage::Init(Next::Doubt)
        };
    }

    /// The producer is finished.
    fn fenced(&mut self, refused: Refused, in_doubt: bool, world: &mut World) {
        world.faults.count(Fault::FencedProducer);
        let name = &self.name;
        world.note(format_args!("{name}: its producer is refused: {refused:?}"));
        self.stage = Stage::Init(if in_doubt { Next::Doubt } else { Next::Aborted });
    }

    /// A new producer under the same name: its first act fences the old one, and ends the transaction that is open.
    pub(super) fn init(&mut self, next: Next, world: &mut World) -> Result<(), String> {
        let Ok(epoch) = world.broker.init_producer(&self.name) else {
            self.stage = Stage::Init(next);
            return Ok(());
        };
        self.is_suspect = false;
        self.epoch = epoch;
        // What the old one had written is known no more: a store is then brought up from where it stood before.
        self.changelog_ends.clear();
        let name = &self.name;
        world.note(format_args!("{name}: has epoch {epoch}"));
        self.stage = match next {
            Next::Turn => Stage::Turn(Part::Group),
            Next::Aborted => Stage::Settle(false),
            Next::Doubt => Stage::Doubt,
            Next::GoOn => return self.come_after(world),
        };
        Ok(())
    }

    /// The group's committed offsets decide.
    pub(super) fn doubt(&mut self, world: &mut World) -> Result<(), String> {
        let Some(committed) = self.was_committed(world) else {
            self.stage = Stage::Doubt;
            return Ok(());
        };
        self.stage = Stage::Settle(committed);
        match (committed, world.broker.decided(&self.name)) {
            (true, Some(false)) => {
                return Err(format!("{} takes an aborted transaction for committed", self.name));
            }
            (false, Some(true)) => world.faults.count(Fault::TakenForAborted),
            _ => {}
        }
        Ok(())
    }

    /// Whether the group's offsets carry the mark of the transaction in doubt: any of them, as they came there together.
    /// The offsets alone would not tell: whoever has taken a partition over comes to the same ones. Where all of them have
    /// been committed anew meanwhile, all partitions are lost, and what is believed makes no difference. Asked when no
    /// transaction of this worker is open, so the answer is final.
    fn was_committed(&self, world: &mut World) -> Option<bool> {
        if world.strikes(Fault::OffsetError) {
            return world.has(Defect::TakesErrorForNothing).then_some(false);
        }
        let places: Vec<Place> = self.offsets.iter().map(|(place, _)| *place).collect();
        let found = world.broker.committed(&places).ok()?;
        let mut pairs = self.offsets.iter().map(|(_, offset)| *offset).zip(found);
        Some(if world.has(Defect::TrustsOffsets) {
            pairs.all(|(ours, found)| found.is_some_and(|found| found.next == ours.next))
        } else {
            pairs.any(|(ours, found)| found == Some(ours))
        })
    }

    /// Aborts what was sent, and takes the records again.
    pub(super) fn abort(&mut self, world: &mut World) {
        let producer = (self.name.as_str(), self.epoch);
        let aborted = if !self.has_sent {
            true
        } else if world.strikes(Fault::LostRequest) {
            false
        } else if world.strikes(Fault::DelayedRequest) {
            world.broker.end_later(producer, false);
            false
        } else if world.strikes(Fault::RepeatedRequest) {
            world.broker.end_later(producer, false);
            world.broker.end(producer, false).is_ok() && world.has(Defect::TrustsOneCall)
        } else {
            world.broker.end(producer, false).is_ok()
        };
        let name = &self.name;
        world.note(format_args!("{name}: aborts, epoch {}: {aborted}", self.epoch));
        self.stage = if aborted { Stage::Settle(false) } else { Stage::Init(Next::Aborted) };
    }

    /// The transaction is committed, or is not: the tasks follow.
    pub(super) fn settle(&mut self, committed: bool, world: &mut World) -> Result<(), String> {
        let name = &self.name;
        world.note(format_args!("{name}: settles, committed: {committed}"));
        let batch = std::mem::take(&mut self.batch);
        if committed {
            self.effort.succeeded();
        } else {
            self.effort.failed(batch);
        }
        if committed {
            self.siding.committed();
        } else {
            self.siding.rewind();
        }
        for (partition, lane) in &mut self.lanes {
            let offsets: Vec<(Place, Offset)> =
                self.offsets.iter().filter(|(place, _)| lane.places().contains(place)).copied().collect();
            let is_clean = lane.task.is_clean();
            if world.has(Defect::DeletesUncommitted) {
                let (place, before) = lane.taken(true);
                world.broker.delete(place, before);
            }
            match committed {
                true if is_clean => lane.committed_to(&offsets),
                true => match lane.task.committed(self.changelog_ends.get(partition).copied()) {
                    Ok(_) => lane.committed_to(&offsets),
                    Err(error) => {
                        self.damaged.insert(*partition, error.to_string());
                    }
                },
                false if world.defect == Some(Defect::StaysAfterAbort) => lane.task.aborted(),
                false if is_clean && offsets.is_empty() => {}
                false => lane.rewind(),
            }
            // Nobody reads again what was taken of the repartition topic.
            let (place, before) = lane.taken(false);
            world.broker.delete(place, before);
        }
        for (partition, cause) in std::mem::take(&mut self.damaged) {
            self.restore_anew(partition, &cause, world)?;
        }
        self.come_after(world)
    }

    /// What was to come after the transaction.
    fn come_after(&mut self, world: &mut World) -> Result<(), String> {
        if self.is_suspect {
            // A new producer shuts out whatever the old one may still have on its way.
            self.stage = Stage::Init(Next::GoOn);
            return Ok(());
        }
        self.stage = Stage::Turn(Part::Group);
        match std::mem::take(&mut self.after) {
            After::Nothing => {}
            After::GiveUp(places) => {
                self.give_up(&places, world);
                return self.carry_out(world);
            }
            After::Leave => {
                self.client.leave(&mut world.broker);
                for (_, lane) in std::mem::take(&mut self.lanes) {
                    self.close_lane(lane);
                }
                self.stage = Stage::Gone;
                let name = &self.name;
                world.note(format_args!("{name}: has left"));
            }
        }
        Ok(())
    }
}
