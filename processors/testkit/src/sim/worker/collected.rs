// SPDX-License-Identifier: Apache-2.0

//! Collects a transaction's writes, and sends them partition by partition.

use std::collections::{BTreeMap, VecDeque};

use engine::{OutputRecord, Route, Sink, SinkError, partition_of};

use crate::sim::broker::{PartitionId, Record};
use crate::sim::rng::Rng;

/// The timestamp of records without one.
const SENT_MS: i64 = 1_750_000_000_000;

pub(super) struct Collected {
    partitions: i32,
    batches: BTreeMap<PartitionId, Vec<Record>>,
}

impl Collected {
    pub(super) fn new(partitions: i32) -> Self {
        Self { partitions, batches: BTreeMap::new() }
    }

    /// The batches in random order, since a producer guarantees none across partitions; some are split.
    pub(super) fn batches(self, rng: &mut Rng) -> VecDeque<(PartitionId, Vec<Record>)> {
        let mut batches: Vec<(PartitionId, Vec<Record>)> = self.batches.into_iter().collect();
        rng.shuffle(&mut batches);
        let mut all = VecDeque::new();
        for (place, mut records) in batches {
            if records.len() > 1 && rng.chance(200) {
                let rest = records.split_off(rng.between(1, records.len() - 1));
                all.push_back((place, records));
                all.push_back((place, rest));
            } else {
                all.push_back((place, records));
            }
        }
        all
    }
}

impl Sink for Collected {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        let partition = match record.route {
            Route::Key(key) => partition_of(key, self.partitions),
            Route::Partition(partition) => partition,
            Route::Source(partition) => partition % self.partitions.max(1),
        };
        let place = PartitionId { topic: record.topic.index(), partition };
        let headers = record.headers.iter();
        self.batches.entry(place).or_default().push(Record {
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: headers.map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec))).collect(),
            timestamp_ms: record.timestamp_ms.unwrap_or(SENT_MS),
        });
        Ok(())
    }
}
