// SPDX-License-Identifier: Apache-2.0

//! Finds ranges of offsets without records: only transaction markers and the like, which are never delivered.

use std::time::{Duration, Instant};

use driver::{Range, TopicPartition};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Message, Offset, TopicPartitionList};

use super::names::listed;
use crate::clients;
use crate::reading::{ReadsToTheEnd, ends, has_passed};
use crate::settings::Settings;

const QUESTION_TIMEOUT: Duration = Duration::from_millis(500);
/// The time limit of one check.
const LOOK: Duration = Duration::from_millis(100);

/// The partitions whose ranges hold no record, now or later.
pub(super) fn find(settings: &Settings, worker: &str, ranges: &[Range]) -> Vec<TopicPartition> {
    // Uses a new client for each check, because the client aborts the process when an assignment is replaced too soon.
    let client = clients::consumer(&settings.reader(worker, true), ReadsToTheEnd);
    let found = client.and_then(|client| look(&client, ranges));
    found.unwrap_or_else(|error| {
        tracing::debug!(%error, "the progress of the group is not known yet");
        Vec::new()
    })
}

fn look(client: &BaseConsumer<ReadsToTheEnd>, ranges: &[Range]) -> KafkaResult<Vec<TopicPartition>> {
    let mut open: Vec<&Range> = Vec::new();
    let mut list = TopicPartitionList::new();
    let partitions = ranges.iter().map(|range| &range.partition);
    for ((topic, number), stable) in ends(client, listed(partitions), QUESTION_TIMEOUT)? {
        let is_it = |range: &&Range| *range.partition.topic == *topic && range.partition.partition == number;
        let Some(range) = ranges.iter().find(is_it) else { continue };
        // At the end of a partition the client reports only its number.
        let is_known = open.iter().any(|other| other.partition.partition == number);
        if is_known || stable? < range.to {
            continue;
        }
        let from = range.from.map_or(Offset::Beginning, Offset::Offset);
        list.add_partition_offset(&topic, number, from)?;
        open.push(range);
    }
    let mut drained = Vec::new();
    if open.is_empty() {
        return Ok(drained);
    }
    client.assign(&list)?;
    let until = Instant::now() + LOOK;
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|_| !open.is_empty()) {
        let (number, is_drained) = match client.poll(left) {
            None => break,
            Some(Ok(message)) => {
                let number = message.partition();
                let passed = open.iter().find(|range| range.partition.partition == number);
                (number, passed.is_some_and(|range| message.offset() >= range.to))
            }
            Some(Err(KafkaError::PartitionEOF(number))) => {
                let ended = open.iter().find(|range| range.partition.partition == number);
                let passed = ended.is_some_and(|Range { partition, to, .. }| {
                    has_passed(client, &partition.topic, number, *to)
                });
                if !passed {
                    continue;
                }
                (number, true)
            }
            Some(Err(error)) => return Err(error),
        };
        let ended: Vec<&Range> = open.extract_if(.., |range| range.partition.partition == number).collect();
        drained.extend(ended.into_iter().filter(|_| is_drained).map(|range| range.partition.clone()));
    }
    Ok(drained)
}
