// SPDX-License-Identifier: Apache-2.0

//! Reads the output with `read_committed`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use engine::HEADER_REASON;
use rdkafka::consumer::Consumer;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::metadata::Metadata;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::latency::Latencies;
use crate::exit::Failure;
use crate::kafka::{self, Reading};

const POLL: Duration = Duration::from_millis(100);
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// Records of activities.
    pub activities: u64,
    /// Dead letters by their reasons.
    pub dead_letters: BTreeMap<String, u64>,
    /// Errors while reading, with counts.
    pub errors: BTreeMap<String, u64>,
}

/// A consumer of activities and dead letters, from their end offsets at its creation.
pub struct Reader<'t> {
    consumer: Reading,
    activities: &'t str,
}

impl<'t> Reader<'t> {
    /// Fetches the topics' end offsets.
    ///
    /// # Errors
    /// The cluster does not answer, or the client's configuration is invalid.
    pub fn new(
        client: &ClientConfig,
        metadata: &Metadata,
        (activities, dead_letters): (&'t str, &str),
    ) -> Result<Self, Failure> {
        let mut client = client.clone();
        client.set("group.id", "cx-timelines-bench");
        client.set("enable.auto.commit", "false");
        client.set("isolation.level", "read_committed");
        client.set("queued.max.messages.kbytes", "16384");
        let consumer = kafka::consumer(&client)?;
        let mut places = TopicPartitionList::new();
        for topic in [activities, dead_letters] {
            for partition in 0..kafka::partitions(metadata, topic).unwrap_or(0) {
                let (_, end) = consumer
                    .fetch_watermarks(topic, partition, ANSWER_MAX)
                    .with_context(|| format!("the end offset of {topic}/{partition} cannot be fetched"))?;
                places.add_partition_offset(topic, partition, Offset::Offset(end))?;
            }
        }
        consumer.assign(&places)?;
        Ok(Self { consumer, activities })
    }

    /// Reads until `is_done`.
    pub fn read(&self, latencies: &Latencies, is_done: &AtomicBool) -> Read {
        let mut read = Read::default();
        while !is_done.load(Ordering::Relaxed) {
            match self.consumer.poll(POLL) {
                None => {}
                Some(Ok(message)) => self.take(&message, latencies, &mut read),
                Some(Err(error)) => *read.errors.entry(error.to_string()).or_default() += 1,
            }
        }
        read
    }

    fn take(&self, message: &BorrowedMessage<'_>, latencies: &Latencies, read: &mut Read) {
        if message.topic() == self.activities {
            read.activities += 1;
            if let Some(key) = message.key().and_then(|key| std::str::from_utf8(key).ok()) {
                latencies.seen(key, Instant::now());
            }
            return;
        }
        let headers = message.headers();
        let reason = headers.and_then(|all| all.iter().find(|header| header.key == HEADER_REASON));
        let reason = reason.and_then(|header| header.value).map(String::from_utf8_lossy);
        *read.dead_letters.entry(reason.unwrap_or_default().into_owned()).or_default() += 1;
    }
}
