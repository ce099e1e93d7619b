// SPDX-License-Identifier: Apache-2.0

//! The changelog reader of a worker.

use driver::{Answer, Defect, Extent};

use super::{Error, Worker, has};
use crate::sim::broker::PartitionId;
use crate::sim::faults::Fault;
use crate::sim::world::World;

/// The number of records read in one step.
const A_STEP: usize = 8;

impl Worker {
    pub(super) fn changelog_extent(&self, partition: i32, world: &mut World) -> Answer<'static, Error> {
        if world.strikes(Fault::NoAnswer) {
            return Answer::ChangelogExtent(Ok(None));
        }
        let log = world.broker.log(changelog(partition, world));
        Answer::ChangelogExtent(Ok(Some(Extent { begin: log.begin(), end: log.end() })))
    }

    pub(super) fn stable_offset(&self, partition: i32, world: &mut World) -> Answer<'static, Error> {
        if world.strikes(Fault::NoAnswer) {
            return Answer::StableOffset(Ok(None));
        }
        let log = world.broker.log(changelog(partition, world));
        let is_wrong = has(world, Defect::RestoresUncommitted);
        Answer::StableOffset(Ok(Some(if is_wrong { log.end() } else { log.stable_end() })))
    }

    pub(super) fn read_changelog(&mut self, world: &mut World) -> Answer<'static, Error> {
        let partitions: Vec<i32> = self.reading.keys().copied().collect();
        let Some(partition) = world.rng.pick(&partitions).copied() else { return Answer::Done(Ok(())) };
        let at = changelog(partition, world);
        let mut next = self.reading.get(&partition).copied().unwrap_or(0);
        // A new leader serves only up to the high watermark that it knows.
        let is_behind = world.strikes(Fault::LeaderBehind);
        let records = if is_behind { world.rng.between(0, 2) } else { A_STEP };
        for _ in 0..records {
            let found = if has(world, Defect::RestoresUncommitted) {
                world.broker.fetch_uncommitted(at, next)
            } else {
                world.broker.fetch(at, next)
            };
            let Some((offset, record)) = found else {
                next = next.max(world.broker.log(at).stable_end());
                break;
            };
            next = offset + 1;
            self.driver.restore(
                partition,
                offset,
                record.key.as_deref().unwrap_or_default(),
                record.value.as_deref(),
            );
        }
        self.reading.insert(partition, next);
        let is_at_end = world.broker.fetch(at, next).is_none() && !has(world, Defect::RestoresUncommitted);
        if is_behind || is_at_end || next >= world.broker.log(at).end() {
            self.driver.changelog_ended(partition, Some(next));
        }
        Answer::Done(Ok(()))
    }
}

fn changelog(partition: i32, world: &World) -> PartitionId {
    PartitionId { topic: world.topics.changelog(), partition }
}
