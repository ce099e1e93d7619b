// SPDX-License-Identifier: Apache-2.0

//! Consumer actions.

use driver::{Action, Answer, EndOffset, Position, Rebalance, Sought, TopicPartition};
use engine::SourceRecord;

use super::client::Decision;
use super::{Error, Worker, named, place};
use crate::sim::broker::PartitionId;
use crate::sim::faults::Fault;
use crate::sim::world::World;

/// In a thousand: polls that return nothing although there is a record.
const EMPTY_POLLS: usize = 100;
/// In a thousand: polls during which statistics are updated.
const STATISTICS: usize = 300;

impl Worker {
    /// Polls once: decisions of the group, and a record.
    pub(super) fn poll(&mut self, world: &mut World) -> Result<(), String> {
        self.client.follow(&mut world.broker);
        if let Some(decision) = self.client.next_decision() {
            let decision = self.named_decision(decision, world);
            self.driver.rebalance(decision);
        }
        if world.rng.chance(STATISTICS) {
            self.client.renew_statistics(&world.broker);
        }
        let now = self.now(world);
        let readable = self.client.readable(&world.broker);
        let is_empty = world.rng.chance(EMPTY_POLLS);
        let Some(from) = world.rng.pick(&readable).copied().filter(|_| !is_empty) else {
            let answer = if self.client.has_news() { Answer::Failed } else { Answer::NoRecord };
            self.driver.respond(answer, now);
            return Ok(());
        };
        let is_gone = self.client.is_out_of_range(from, &world.broker);
        if !is_gone && world.strikes(Fault::Redelivery) {
            let back = i64::try_from(world.rng.between(1, 3)).unwrap_or(1);
            self.client.fall_back(from, back);
        }
        if self.client.is_out_of_range(from, &world.broker) {
            self.driver.respond(Answer::OffsetOutOfRange, now);
            return Ok(());
        }
        self.hand_out(from, world);
        Ok(())
    }

    fn hand_out(&mut self, from: PartitionId, world: &mut World) {
        let until_unknown = world.strikes(Fault::UnknownSchema).then(|| world.rng.between(0, 1));
        world.topics.schemas.forget_after(until_unknown);
        let now = self.now(world);
        let Some((offset, record)) = world.broker.fetch(from, self.client.position(from)) else {
            self.driver.respond(Answer::Failed, now);
            return;
        };
        self.client.advance(from, offset + 1);
        let record = SourceRecord {
            topic: world.topics.name(from.topic),
            partition: from.partition,
            offset,
            timestamp_ms: Some(record.timestamp_ms),
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: record,
            conversation: None,
        };
        self.driver.respond(Answer::Record(record), now);
        if world.topics.schemas.has_refused() {
            world.faults.count(Fault::UnreadRecord);
        }
        world.topics.schemas.forget_after(None);
        let name = &self.name;
        world.note(format_args!("{name}: is handed {from:?} offset {offset}"));
        self.delete_consumed(world);
    }

    fn named_decision(&self, decision: Decision, world: &mut World) -> Rebalance {
        let name = &self.name;
        world.note(format_args!("{name}: {decision:?}"));
        let all = |places: std::collections::BTreeSet<PartitionId>| {
            places.into_iter().map(|place| named(&world.topics, place)).collect()
        };
        match decision {
            Decision::Assigned(places) => Rebalance::Assigned(all(places)),
            Decision::Revoked { places, lost } => {
                Rebalance::Revoked { partitions: all(places), is_lost: lost }
            }
        }
    }

    pub(super) fn ask_consumer(
        &mut self,
        action: Action<Error>,
        world: &mut World,
    ) -> Answer<'static, Error> {
        match action {
            Action::Assign(partitions) => self.client.assign(&places(&partitions, world), &world.topics),
            Action::Unassign(partitions) => self.client.unassign(&places(&partitions, world), &world.topics),
            Action::Pause(partitions) => self.client.pause(&places(&partitions, world)),
            Action::Reassign { partitions, pause } => {
                self.client.reassign(&positions(&partitions, world));
                self.client.pause(&places(&pause, world));
            }
            Action::Seek(wanted) => return self.seek(wanted, world),
            Action::ReadStatistics => return self.statistics(world),
            Action::Leave { .. } => self.client.leave(&mut world.broker),
            Action::Subscribe => {}
            action => return self.ask(action, world),
        }
        Answer::Done(Ok(()))
    }

    /// Seeks may fail individually.
    fn seek(&mut self, wanted: Vec<Position>, world: &mut World) -> Answer<'static, Error> {
        let mut sought = Vec::new();
        for (partition, offset) in wanted {
            let answer = if world.strikes(Fault::FailedSeek) {
                Sought::Failed
            } else if world.strikes(Fault::RefusedSeek) {
                Sought::NotFetched
            } else {
                self.client.seek(place(&world.topics, &partition), offset);
                Sought::Done
            };
            sought.push((partition, answer));
        }
        Answer::Sought(sought)
    }

    fn statistics(&mut self, world: &mut World) -> Answer<'static, Error> {
        self.delete_consumed(world);
        let ends = self.client.take_statistics();
        let named = |(place, end): (PartitionId, EndOffset)| (named(&world.topics, place), end);
        Answer::Statistics(ends.into_iter().map(named).collect())
    }

    pub(super) fn membership(&mut self, world: &mut World) -> Answer<'static, Error> {
        self.client.keep_membership();
        let is_lost = self.client.is_lost();
        if is_lost {
            world.faults.count(Fault::LostBeforeOffsets);
        }
        Answer::Membership { is_known: true, is_lost }
    }
}

fn places(partitions: &[TopicPartition], world: &World) -> Vec<PartitionId> {
    partitions.iter().map(|partition| place(&world.topics, partition)).collect()
}

fn positions(partitions: &[Position], world: &World) -> Vec<(PartitionId, i64)> {
    partitions.iter().map(|(partition, offset)| (place(&world.topics, partition), *offset)).collect()
}
