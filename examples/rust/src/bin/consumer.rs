// SPDX-License-Identifier: Apache-2.0

//! Keeps the newest record of each key of an output topic in a map: `consumer [TOPIC] [--follow]`.
//!
//! It prints all of them once it has read the topic to its end; with `--follow` then each change. A line has the key, a tab, and
//! the record, or null for one that was deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

fn main() -> anyhow::Result<()> {
    let (flags, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument == "--follow");
    let follow = !flags.is_empty();
    let topic = names.first().map_or("cx.conversations", String::as_str);

    let consumer: BaseConsumer = ClientConfig::new()
        .set(
            "bootstrap.servers",
            std::env::var("CX_BOOTSTRAP").unwrap_or_else(|_| "127.0.0.1:9092".to_owned()),
        )
        // Records of aborted transactions are not read. Every consumer of cx-timelines needs this.
        .set("isolation.level", "read_committed")
        // The map is in memory, so each start reads the topic from its beginning: the partitions are assigned here, and no offset
        // is committed. The client wants a name of a group all the same.
        .set("group.id", "examples")
        .set("enable.auto.commit", "false")
        // Reports the end of a partition, to know when the map is complete.
        .set("enable.partition.eof", "true")
        .create()?;
    let partitions = partitions(&consumer, topic)?;
    let mut beginnings = TopicPartitionList::new();
    for partition in &partitions {
        beginnings.add_partition_offset(topic, *partition, Offset::Beginning)?;
    }
    consumer.assign(&beginnings)?;

    let mut table = BTreeMap::new();
    let mut behind = partitions;
    while follow || !behind.is_empty() {
        match consumer.poll(Duration::from_secs(1)) {
            None => {}
            Some(Ok(record)) => {
                let key = apply(&mut table, &record)?;
                if behind.is_empty() {
                    show(&key, table.get(&key));
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                let is_complete = behind.remove(&partition) && behind.is_empty();
                if is_complete {
                    table.iter().for_each(|(key, record)| show(key, Some(record)));
                }
            }
            // The client connects again by itself.
            Some(Err(error)) => eprintln!("{error}"),
        }
    }
    Ok(())
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> anyhow::Result<BTreeSet<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(30))?;
    let found = metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions);
    let partitions: BTreeSet<i32> = found.map(rdkafka::metadata::MetadataPartition::id).collect();
    if partitions.is_empty() {
        bail!("there is no topic {topic}: does the pipeline run?");
    }
    Ok(partitions)
}

/// Takes a record into the map; returns its key.
fn apply(table: &mut BTreeMap<String, String>, record: &BorrowedMessage<'_>) -> anyhow::Result<String> {
    let key = record.key_view::<str>().context("a record without a key")??.to_owned();
    match record.payload_view::<str>().transpose()? {
        // An upsert: the newest record of a key replaces the older ones.
        Some(value) => table.insert(key.clone(), value.to_owned()),
        // A tombstone: the record of this key is deleted, for example because the conversation was erased.
        None => table.remove(&key),
    };
    Ok(key)
}

fn show(key: &str, record: Option<&String>) {
    println!("{key}\t{}", record.map_or("null", String::as_str));
}
