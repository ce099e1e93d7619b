// SPDX-License-Identifier: Apache-2.0

//! The number of input records that the group has processed: those of committed transactions.

use std::time::Duration;

use anyhow::Context;
use rdkafka::consumer::Consumer;
use rdkafka::metadata::Metadata;
use rdkafka::{ClientConfig, TopicPartitionList};

use crate::exit::Failure;
use crate::kafka::{self, Reading};

const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Reads a group's offsets without joining it.
pub struct Taken {
    consumer: Reading,
    places: TopicPartitionList,
}

impl Taken {
    /// For a topic that was empty when the test began.
    ///
    /// # Errors
    /// The client's configuration is invalid.
    pub fn of(client: &ClientConfig, group: &str, topic: &str, metadata: &Metadata) -> Result<Self, Failure> {
        let mut client = client.clone();
        client.set("group.id", group);
        client.set("enable.auto.commit", "false");
        let mut places = TopicPartitionList::new();
        for partition in 0..kafka::partitions(metadata, topic).unwrap_or(0) {
            places.add_partition(topic, partition);
        }
        Ok(Self { consumer: kafka::consumer(&client)?, places })
    }

    /// The current number.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub fn count(&self) -> anyhow::Result<u64> {
        let committed = self
            .consumer
            .committed_offsets(self.places.clone(), ANSWER_MAX)
            .context("the committed offsets cannot be fetched")?;
        let mut taken = 0;
        for place in committed.elements() {
            let offset = edge::committed_offset(&place).context("the committed offsets cannot be fetched")?;
            taken += u64::try_from(offset.unwrap_or(0)).unwrap_or(0);
        }
        Ok(taken)
    }
}
