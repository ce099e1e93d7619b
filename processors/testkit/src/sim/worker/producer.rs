// SPDX-License-Identifier: Apache-2.0

//! Producer actions.

use driver::{Answer, Defect, Position, Remedy};

use super::collected::Collected;
use super::{Error, Worker, failure, has, place, refused};
use crate::sim::broker::{Offset, Refused};
use crate::sim::faults::Fault;
use crate::sim::world::World;

impl Worker {
    /// A new producer with the same id, which fences the old one and ends its open transaction.
    pub(super) fn init_producer(&mut self, world: &mut World) -> Answer<'static, Error> {
        match world.broker.init_producer(&self.name) {
            Ok(epoch) => {
                self.epoch = epoch;
                self.batches.clear();
                self.changelog_ends.clear();
                Answer::Producer(Ok(usize::MAX))
            }
            Err(_) => Answer::Producer(Err(failure("the coordinator is busy", Remedy::Retry))),
        }
    }

    pub(super) fn send(&mut self, world: &mut World) -> Answer<'static, Error> {
        let mut sink = Collected::new(world.topics.partitions);
        self.driver.send_to(&mut sink);
        self.batches = sink.batches(&mut world.rng);
        self.changelog_ends.clear();
        self.is_inferred = false;
        Answer::Sent(Ok(()))
    }

    /// Writes one batch; `None` while more are left.
    pub(super) fn flush(&mut self, world: &mut World) -> Option<Answer<'static, Error>> {
        let Some((to, records)) = self.batches.pop_front() else {
            let is_written = !self.is_inferred || has(world, Defect::TrustsInferredDeliveries);
            let ends = std::mem::take(&mut self.changelog_ends);
            let lost = || failure("a record came back without an offset", Remedy::Abort);
            return Some(Answer::Flushed(if is_written { Ok(ends) } else { Err(lost()) }));
        };
        let name = &self.name;
        if world.strikes(Fault::Abort) {
            world.note(format_args!("{name}: cannot write to {to:?}"));
            // The client does not know whether it arrived.
            if world.rng.chance(500) {
                let arrived = world.broker.produce((name, self.epoch), to, records);
                self.has_sent |= arrived.is_ok();
            }
            return Some(Answer::Flushed(Err(failure("a record cannot be written", Remedy::Abort))));
        }
        // A new leader refuses the first of two requests and accepts any sequence number with the second.
        let has_more = self.batches.iter().any(|(other, _)| *other == to);
        if has_more && world.strikes(Fault::InferredDelivery) {
            world.note(format_args!("{name}: a batch to {to:?} is in no log"));
            self.is_inferred = true;
            return None;
        }
        match world.broker.produce((name, self.epoch), to, records.clone()) {
            Ok(end) => {
                self.has_sent = true;
                if to.topic == world.topics.changelog() {
                    self.changelog_ends.insert(to.partition, end);
                }
                world.note(format_args!("{name}: has written to {to:?}"));
                None
            }
            Err(Refused::Busy) => {
                self.batches.push_front((to, records));
                None
            }
            Err(why) => {
                world.faults.count(Fault::FencedProducer);
                Some(Answer::Flushed(Err(refused(why))))
            }
        }
    }

    pub(super) fn send_offsets(
        &mut self,
        offsets: &[Position],
        metadata: String,
        world: &mut World,
    ) -> Result<Answer<'static, Error>, String> {
        let mark = world.metadata.len();
        world.metadata.push(metadata);
        let offsets: Vec<_> = offsets
            .iter()
            .map(|(partition, next)| (place(&world.topics, partition), Offset { next: *next, mark }))
            .collect();
        if has(world, Defect::OffsetsOutside) {
            world.broker.commit_at_once(&offsets)?;
            return Ok(Answer::Transaction(Ok(())));
        }
        let is_checked = !has(world, Defect::NoGeneration);
        let producer = (self.name.as_str(), self.epoch);
        let answer =
            world.broker.send_offsets(producer, self.client.kept_membership(), &offsets, is_checked)?;
        let name = &self.name;
        world.note(format_args!("{name}: sends offsets {offsets:?}: {answer:?}"));
        Ok(Answer::Transaction(match answer {
            Ok(()) => {
                self.has_sent = true;
                Ok(())
            }
            Err(why) => {
                match why {
                    // The coordinator has added the group to the transaction before it asks the group.
                    Refused::StaleMember => {
                        self.has_sent = true;
                        world.faults.count(Fault::RefusedOffsets);
                    }
                    Refused::Busy => {}
                    _ => world.faults.count(Fault::FencedProducer),
                }
                Err(refused(why))
            }
        }))
    }

    pub(super) fn commit(&mut self, world: &mut World) -> Answer<'static, Error> {
        let Some((answer, is_broken)) = self.end(true, world) else { return self.unanswered(world) };
        if world.strikes(Fault::LostReply) {
            return self.unanswered(world);
        }
        self.wait_for_reply(world);
        let result = match answer {
            Err(Refused::NoTransaction) if has(world, Defect::OffsetsOutside) => Ok(()),
            Err(why) => {
                world.faults.count(Fault::FencedProducer);
                Err(refused(why))
            }
            Ok(()) => Ok(()),
        };
        Answer::Ended { result, is_broken }
    }

    /// Sends the request to end the transaction. Returns the response, and whether the client repeated the request; `None` if
    /// the request is lost or delayed.
    fn end(&mut self, commit: bool, world: &mut World) -> Option<(Result<(), Refused>, bool)> {
        let producer = (self.name.as_str(), self.epoch);
        if world.strikes(Fault::LostRequest) {
            return None;
        }
        if world.strikes(Fault::DelayedRequest) {
            world.broker.end_later(producer, commit);
            return None;
        }
        let is_broken = world.strikes(Fault::RepeatedRequest);
        if is_broken {
            world.broker.end_later(producer, commit);
        }
        let answer = world.broker.end(producer, commit);
        let (name, epoch) = producer;
        world.note(format_args!("{name}: ends its transaction, epoch {epoch}, commit {commit}: {answer:?}"));
        Some((answer, is_broken))
    }

    /// The response may be delayed.
    fn wait_for_reply(&mut self, world: &mut World) {
        if world.strikes(Fault::DelayedReply) {
            let late_ms = u64::try_from(world.rng.between(10, 600)).unwrap_or(10);
            self.pauses_until_ms = world.broker.now_ms + late_ms;
        }
    }

    /// There was no response. The client repeats the request when it is called again, or is replaced.
    fn unanswered(&mut self, world: &mut World) -> Answer<'static, Error> {
        self.wait_for_reply(world);
        let name = &self.name;
        world.note(format_args!("{name}: has no answer"));
        let remedy = if world.rng.chance(400) { Remedy::Retry } else { Remedy::Rebuild };
        Answer::Ended { result: Err(failure("no answer", remedy)), is_broken: true }
    }

    pub(super) fn abort(&mut self, world: &mut World) -> Answer<'static, Error> {
        self.batches.clear();
        if !self.has_sent {
            return Answer::Ended { result: Ok(()), is_broken: false };
        }
        match self.end(false, world) {
            None => self.unanswered(world),
            Some((answer, is_broken)) => Answer::Ended { result: answer.map_err(refused), is_broken },
        }
    }
}
