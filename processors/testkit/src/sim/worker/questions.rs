// SPDX-License-Identifier: Apache-2.0

//! Requests to the cluster. They may fail, or for some partitions only.

use std::collections::BTreeMap;

use driver::{Action, Answer, Extent, GroupOffset, GroupOffsets, Range, TopicPartition};

use super::{Error, Worker, named, place};
use crate::sim::broker::{Log, PartitionId};
use crate::sim::faults::Fault;
use crate::sim::world::World;

impl Worker {
    pub(super) fn ask(&mut self, action: Action<Error>, world: &mut World) -> Answer<'static, Error> {
        match action {
            Action::FetchCommitted(partitions) => Answer::Committed(committed(&partitions, true, world)),
            Action::FetchLatestCommitted(partitions) => {
                Answer::Committed(committed(&partitions, false, world))
            }
            Action::FetchBegins(partitions) => Answer::Offsets(of_logs(&partitions, world, Log::begin)),
            Action::FetchEnds(partitions) => Answer::Offsets(of_logs(&partitions, world, Log::end)),
            Action::FetchExtents(partitions) => {
                let extent = |log: &Log| Extent { begin: log.begin(), end: log.end() };
                Answer::Extents(of_logs(&partitions, world, extent))
            }
            Action::ListPartitions => Answer::Partitions(partitions(world)),
            Action::CountPartitions(topics) => {
                let count = world.topics.partitions;
                Answer::PartitionCounts(topics.into_iter().map(|topic| (topic, count)).collect())
            }
            Action::FindDrained(ranges) => Answer::Drained(drained(ranges, world)),
            Action::FetchRecordLimit => Answer::RecordLimit(None),
            Action::AnswerQueries => Answer::Queries { has_more: false, errors: Vec::new() },
            _ => Answer::Done(Ok(())),
        }
    }
}

/// The group's committed offsets. With `is_final` the coordinator answers only when no open transaction can change them; it may
/// return errors for single partitions.
fn committed(partitions: &[TopicPartition], is_final: bool, world: &mut World) -> Option<GroupOffsets> {
    if world.strikes(Fault::NoAnswer) {
        return None;
    }
    let mut offsets = GroupOffsets::new();
    for partition in partitions {
        let place = place(&world.topics, partition);
        let found = match is_final {
            true => world.broker.committed(&[place]).ok()?,
            false => vec![world.broker.latest_committed(place)],
        };
        if world.strikes(Fault::OffsetError) {
            continue;
        }
        let offset = found.first().copied().flatten();
        let offset = offset.map(|offset| GroupOffset {
            next: offset.next,
            metadata: world.metadata.get(offset.mark).cloned().unwrap_or_default(),
        });
        offsets.insert(partition.clone(), offset);
    }
    Some(offsets)
}

fn of_logs<T>(
    partitions: &[TopicPartition],
    world: &mut World,
    of: impl Fn(&Log) -> T,
) -> BTreeMap<TopicPartition, T> {
    let mut found = BTreeMap::new();
    for partition in partitions {
        if !world.strikes(Fault::NoAnswer) {
            let log = world.broker.log(place(&world.topics, partition));
            found.insert(partition.clone(), of(log));
        }
    }
    found
}

/// All partitions.
fn partitions(world: &mut World) -> Option<Vec<TopicPartition>> {
    if world.strikes(Fault::NoAnswer) {
        return None;
    }
    let topics = &world.topics;
    let numbers = [topics.input, topics.repartition(), topics.changelog()].into_iter();
    let inner = numbers
        .flat_map(|topic| (0..topics.partitions).map(move |partition| PartitionId { topic, partition }));
    let unaligned = topics.unaligned().map(|topic| PartitionId { topic, partition: 0 });
    Some(inner.chain(unaligned).map(|place| named(topics, place)).collect())
}

fn drained(ranges: Vec<Range>, world: &mut World) -> Vec<TopicPartition> {
    let mut drained = Vec::new();
    for Range { partition, from, to } in ranges {
        let at = place(&world.topics, &partition);
        let is_stable = world.broker.log(at).stable_end() >= to;
        let next = world.broker.fetch(at, from.unwrap_or(0)).map(|(offset, _)| offset);
        if is_stable && next.is_none_or(|offset| offset >= to) && !world.strikes(Fault::NoAnswer) {
            drained.push(partition);
        }
    }
    drained
}
