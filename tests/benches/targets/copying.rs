// SPDX-License-Identifier: Apache-2.0

//! The practical limit: copies each record, exactly once, and does nothing else. One thread, with clients as a worker of the
//! program has them, commits when the input runs dry, and at the latest after 100 ms. Unlike the program it does not wait
//! between two transactions.
//!
//! The same with a changelog is the limit of whatever keeps state: it gives each copy the two headers of an output, and writes as
//! many records for an event as the program does with the activities alone.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const INPUT: &str = "cx.events";
const OUTPUT: &str = "cx.activities";
const CHANGELOG: &str = "cx-timelines-changelog";
/// Records of the changelog for five events: `cx_timelines_outputs_total` was 1.39 for each of 400,000 slim events, in all topics.
const CHANGES_OF_FIVE: i64 = 2;
/// The most bytes of such a record, half of them its key.
const CHANGE_BYTES: usize = 160;
const COMMIT_INTERVAL: Duration = Duration::from_millis(100);
const IDLE: Duration = Duration::from_millis(100);
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Between two looks whether all is acknowledged; the client's own waiting spins.
const PAUSE: Duration = Duration::from_micros(250);

/// Copies until it is killed.
pub(crate) fn run(bootstrap: &str, with_changelog: bool) -> ! {
    let copier = Copier { consumer: consumer(bootstrap), producer: producer(bootstrap), with_changelog };
    copier.producer.init_transactions(ANSWER_MAX).unwrap();
    copier.consumer.subscribe(&[INPUT]).unwrap();
    loop {
        if let Some(first) = copier.poll(IDLE) {
            copier.transaction(&first);
        }
    }
}

fn consumer(bootstrap: &str) -> BaseConsumer {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", bootstrap).set("group.id", "copying");
    client.set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
    client.set("isolation.level", "read_committed").set("check.crcs", "false");
    client.set("partition.assignment.strategy", "cooperative-sticky");
    // As a worker of the program with 16 MiB for what is fetched.
    client.set("queued.max.messages.kbytes", "8192").set("fetch.max.bytes", "8388608");
    client.set("fetch.message.max.bytes", "1048576").set("fetch.queue.backoff.ms", "5");
    client.create().unwrap()
}

fn producer(bootstrap: &str) -> BaseProducer {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", bootstrap).set("transactional.id", "copying");
    client.set("linger.ms", "1").set("retry.backoff.ms", "10").set("message.max.bytes", "33554432");
    client.set("queue.buffering.max.kbytes", "65536").set("queue.buffering.max.messages", "500000");
    client.create().unwrap()
}

struct Copier {
    consumer: BaseConsumer,
    producer: BaseProducer,
    with_changelog: bool,
}

impl Copier {
    fn poll(&self, wait: Duration) -> Option<BorrowedMessage<'_>> {
        match self.consumer.poll(wait)? {
            Ok(message) => Some(message),
            Err(error) => {
                eprintln!("reading {INPUT}: {error}");
                None
            }
        }
    }

    /// Copies this record and those that are there, and commits.
    fn transaction(&self, first: &BorrowedMessage<'_>) {
        let begun = Instant::now();
        let mut places = TopicPartitionList::new();
        self.producer.begin_transaction().unwrap();
        self.copy(first, &mut places);
        while begun.elapsed() < COMMIT_INTERVAL {
            let Some(next) = self.poll(Duration::ZERO) else { break };
            self.copy(&next, &mut places);
        }
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::ZERO);
            std::thread::sleep(PAUSE);
        }
        let group = self.consumer.group_metadata().unwrap();
        self.producer.send_offsets_to_transaction(&places, &group, ANSWER_MAX).unwrap();
        self.producer.commit_transaction(ANSWER_MAX).unwrap();
    }

    fn copy(&self, message: &BorrowedMessage<'_>, places: &mut TopicPartitionList) {
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(OUTPUT).partition(message.partition());
        record.key = message.key();
        record.payload = message.payload();
        if self.with_changelog {
            let header = |key| Header { key, value: Some("activities") };
            let headers = OwnedHeaders::new_with_capacity(2).insert(header("cx-processor"));
            record.headers = Some(headers.insert(header("cx-schema")));
            self.write_changes(message);
        }
        self.send(record);
        let next = Offset::Offset(message.offset() + 1);
        if places.set_partition_offset(INPUT, message.partition(), next).is_err() {
            places.add_partition_offset(INPUT, message.partition(), next).unwrap();
        }
    }

    fn write_changes(&self, message: &BorrowedMessage<'_>) {
        let payload = message.payload().unwrap_or_default();
        let change = &payload[..payload.len().min(CHANGE_BYTES)];
        let (key, value) = change.split_at(change.len() / 2);
        let changes_until = |offset: i64| offset * CHANGES_OF_FIVE / 5;
        for _ in changes_until(message.offset())..changes_until(message.offset() + 1) {
            let record = BaseRecord::to(CHANGELOG).partition(message.partition());
            self.send(record.key(key).payload(value));
        }
    }

    fn send(&self, mut record: BaseRecord<'_, [u8], [u8]>) {
        while let Err((error, back)) = self.producer.send(record) {
            let is_full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            assert!(is_full, "writing {}: {error}", back.topic);
            self.producer.poll(Duration::ZERO);
            std::thread::sleep(PAUSE);
            record = back;
        }
    }
}
