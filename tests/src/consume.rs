// SPDX-License-Identifier: Apache-2.0

//! Consumers of the outputs: they read only what is committed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use edge::{ReadsToTheEnd, has_passed};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;

use crate::compare::{DEAD_LETTERS, Records};

const TIMEOUT: Duration = Duration::from_secs(10);

/// What a topic holds for a consumer that reads only what is committed.
#[derive(Debug, Default)]
pub struct Consumed {
    /// The final records.
    pub records: Records,
    /// How often each source position was dead-lettered.
    pub letters: BTreeMap<(String, String, String), usize>,
    /// The last record of each key of each topic, null for a tombstone; dead letters left out.
    pub last: BTreeMap<(String, String), Value>,
    /// How many records each key of each topic has had, tombstones too; dead letters left out.
    pub written: BTreeMap<(String, String), usize>,
    /// Records without one of the headers that each must have.
    pub without_headers: usize,
}

fn consumer(bootstrap: &str, isolation: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "tests")
        .set("enable.auto.commit", "false")
        .set("isolation.level", isolation)
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "50")
        .create()
        .unwrap()
}

/// How many partitions a topic has.
#[must_use]
pub fn partitions_of(bootstrap: &str, topic: &str) -> i32 {
    let metadata = consumer(bootstrap, "read_committed").fetch_metadata(Some(topic), TIMEOUT).unwrap();
    i32::try_from(metadata.topics()[0].partitions().len()).unwrap()
}

/// Whether every replica of every partition is in sync.
#[must_use]
pub fn is_in_sync(bootstrap: &str) -> Option<()> {
    let metadata = consumer(bootstrap, "read_committed").fetch_metadata(None, TIMEOUT).ok()?;
    let mut partitions = metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions);
    partitions.all(|partition| partition.isr().len() == partition.replicas().len()).then_some(())
}

/// Waits until every transaction on these topics is finished: the end of the finished ones is the very last record.
pub fn await_finished(bootstrap: &str, topics: &[&str]) {
    let reader = consumer(bootstrap, "read_committed");
    let ends = consumer(bootstrap, "read_uncommitted");
    for topic in topics {
        for partition in 0..partitions_of(bootstrap, topic) {
            // A topic that is new may have no leader yet.
            let (_, end) = crate::wait_until(&format!("{topic}/{partition} has a leader"), TIMEOUT, || {
                ends.fetch_watermarks(topic, partition, TIMEOUT).ok()
            });
            crate::wait_until(
                &format!("every transaction on {topic}/{partition} is finished"),
                TIMEOUT * 3,
                || {
                    let (_, stable) = reader.fetch_watermarks(topic, partition, TIMEOUT).ok()?;
                    (stable >= end).then_some(())
                },
            );
        }
    }
}

/// Reads topics from their beginnings to their ends.
///
/// The end is the very last record, of unfinished transactions too: one that hangs makes this fail.
#[must_use]
pub fn consume(bootstrap: &str, topics: &[&str]) -> Consumed {
    await_finished(bootstrap, topics);
    let reader = consumer(bootstrap, "read_committed");
    let mut places = TopicPartitionList::new();
    for topic in topics {
        for partition in 0..partitions_of(bootstrap, topic) {
            places.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
    }
    let mut open = places.count();
    reader.assign(&places).unwrap();
    let mut consumed = Consumed::default();
    let mut heard = Instant::now();
    while open > 0 {
        assert!(heard.elapsed() < TIMEOUT * 3, "{open} partitions never end");
        match reader.poll(Duration::from_millis(500)) {
            None => continue,
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) => eprintln!("reading outputs: {error}"),
            Some(Ok(message)) => take(&mut consumed, &message),
        }
        heard = Instant::now();
    }
    consumed
}

fn take(consumed: &mut Consumed, message: &rdkafka::message::BorrowedMessage<'_>) {
    let header = |name: &str| {
        let all = message.headers()?;
        let found = all.iter().filter(|header| header.key == name).last()?;
        Some(String::from_utf8_lossy(found.value?).into_owned())
    };
    if header("cx.processor").is_none() || header("cx.schema").is_none() {
        consumed.without_headers += 1;
    }
    if message.topic() == DEAD_LETTERS {
        let field = |name: &str| header(name).unwrap();
        consumed.records.take_letter(&field("cx.error.reason"));
        let position = (field("cx.error.topic"), field("cx.error.partition"), field("cx.error.offset"));
        *consumed.letters.entry(position).or_default() += 1;
        return;
    }
    let key = message.key().map(|key| String::from_utf8_lossy(key).into_owned());
    let written = (message.topic().to_owned(), key.clone().unwrap_or_default());
    *consumed.written.entry(written.clone()).or_default() += 1;
    let value = message.payload().map_or(Value::Null, |value| serde_json::from_slice(value).unwrap());
    consumed.last.insert(written, value.clone());
    consumed.records.take(message.topic(), key.as_deref(), value);
}

/// How far a group has come in a topic, and in its own repartition topic.
pub struct Watch {
    consumer: BaseConsumer<ReadsToTheEnd>,
    reader: BaseConsumer<ReadsToTheEnd>,
    topic: String,
    repartition: String,
    partitions: i32,
    timeout: Duration,
}

impl Watch {
    /// Watches this group without joining it.
    #[must_use]
    pub fn new(bootstrap: &str, group: &str, topic: &str) -> Self {
        let client = |isolation: &str| {
            let mut client = ClientConfig::new();
            client.set("bootstrap.servers", bootstrap).set("group.id", group);
            client.set("isolation.level", isolation).set("enable.partition.eof", "true");
            client.set("enable.auto.commit", "false").create_with_context(ReadsToTheEnd).unwrap()
        };
        Self {
            // What is committed by now, without waiting for transactions that a killed instance left open.
            consumer: client("read_uncommitted"),
            reader: client("read_committed"),
            topic: topic.to_owned(),
            repartition: format!("{group}-repartition"),
            partitions: partitions_of(bootstrap, topic),
            timeout: TIMEOUT,
        }
    }

    /// Gives a question up after this time.
    #[must_use]
    pub fn answering_within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How many partitions are watched.
    #[must_use]
    pub fn partitions(&self) -> usize {
        usize::try_from(self.partitions).unwrap()
    }

    /// What is committed, and the end, of each partition.
    #[must_use]
    pub fn places(&self) -> Option<Vec<(i64, i64)>> {
        let committed = self.committed(&self.topic)?;
        Some(committed.into_iter().zip(self.ends(&self.topic)?).collect())
    }

    /// The number of records committed, and the number there are.
    #[must_use]
    pub fn progress(&self) -> Option<(i64, i64)> {
        let places = self.places()?;
        Some(
            places.into_iter().fold((0, 0), |(committed, ends), place| (committed + place.0, ends + place.1)),
        )
    }

    /// The number of records committed. Asks the broker one question only.
    #[must_use]
    pub fn done(&self) -> Option<i64> {
        Some(self.committed(&self.topic)?.into_iter().sum())
    }

    fn ends(&self, topic: &str) -> Option<Vec<i64>> {
        let end = |partition| {
            let Ok((_, end)) = self.consumer.fetch_watermarks(topic, partition, self.timeout) else {
                // Asked of a broker that is gone, maybe: who leads the partition now has to be asked for.
                let _ = self.consumer.fetch_metadata(Some(topic), self.timeout);
                return None;
            };
            Some(end)
        };
        (0..self.partitions).map(end).collect()
    }

    fn committed(&self, topic: &str) -> Option<Vec<i64>> {
        let mut question = TopicPartitionList::new();
        for partition in 0..self.partitions {
            question.add_partition(topic, partition);
        }
        let offsets = self.consumer.committed_offsets(question, self.timeout).ok()?;
        let committed = |partition| match offsets.find_partition(topic, partition)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => Some(0),
        };
        (0..self.partitions).map(committed).collect()
    }

    /// Whether nothing is left in the repartition topic. Its log ends with transaction markers, which are never
    /// delivered: so it is read from the committed offsets on, to see whether a record comes.
    fn repartition_is_done(&self) -> Option<()> {
        let ends = self.ends(&self.repartition)?;
        let mut places = TopicPartitionList::new();
        let mut open = 0;
        for (partition, committed) in (0..self.partitions).zip(self.committed(&self.repartition)?) {
            if committed < ends[usize::try_from(partition).unwrap()] {
                places.add_partition_offset(&self.repartition, partition, Offset::Offset(committed)).unwrap();
                open += 1;
            }
        }
        self.reader.assign(&places).unwrap();
        let passed = |partition: i32| {
            let end = ends[usize::try_from(partition).unwrap()];
            has_passed(&self.reader, &self.repartition, partition, end)
        };
        while open > 0 {
            match self.reader.poll(self.timeout)? {
                Ok(_) => return None,
                // Not the end yet: more lies behind a transaction that a killed instance has left open, or the leader is new.
                Err(KafkaError::PartitionEOF(partition)) if !passed(partition) => return None,
                Err(KafkaError::PartitionEOF(_)) => open -= 1,
                // Pending events: each broker that was down may have caused many.
                Err(_) => {}
            }
        }
        // What was taken meanwhile may have sent more.
        (self.ends(&self.repartition)? == ends).then_some(())
    }

    /// Waits until everything is committed.
    pub fn wait_for_all(&self, at_most: Duration) {
        crate::wait_until("the group has committed all input", at_most, || {
            let (committed, end) = self.progress()?;
            if committed < end {
                return None;
            }
            self.repartition_is_done()
        });
    }
}
