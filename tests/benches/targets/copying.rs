//! The practical limit: copies each record, exactly once, and does nothing else. One thread, with clients as a worker of the
//! program has them, commits as it does: when the input runs dry, and at the latest after 100 ms.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const INPUT: &str = "cx.events";
const OUTPUT: &str = "cx.activities";
const COMMIT_INTERVAL: Duration = Duration::from_millis(100);
const IDLE: Duration = Duration::from_millis(100);
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Between two looks whether all is acknowledged; the client's own waiting spins.
const PAUSE: Duration = Duration::from_micros(250);

/// Copies until it is killed.
pub(crate) fn run(bootstrap: &str) -> ! {
    let copier = Copier { consumer: consumer(bootstrap), producer: producer(bootstrap) };
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
        while let Err((error, back)) = self.producer.send(record) {
            let is_full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            assert!(is_full, "writing {OUTPUT}: {error}");
            self.producer.poll(Duration::ZERO);
            std::thread::sleep(PAUSE);
            record = back;
        }
        let next = Offset::Offset(message.offset() + 1);
        if places.set_partition_offset(INPUT, message.partition(), next).is_err() {
            places.add_partition_offset(INPUT, message.partition(), next).unwrap();
        }
    }
}
