// SPDX-License-Identifier: Apache-2.0

//! Events that come all the while, each acknowledged by all replicas in sync.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientContext, Message as _};
use sandbox::conversations::{Disorder, Options, Planned, Size, disturb, events};

const BEGINS_MS: i64 = 1_750_000_000_000;
/// The number of events generated at a time, with their disorder.
const CHUNK: usize = 1_000;
/// Chunks begin so far apart.
const CHUNK_MS: i64 = 60_000;
/// Every so many events one lies in any partition, and has to be moved to its own.
const MISPLACED_EVERY: usize = 10;
/// How long the last acknowledgements may take.
const LAST_ACKS: Duration = Duration::from_secs(120);

/// Counts what the cluster has not taken.
#[derive(Default)]
struct Refused(AtomicUsize);

impl ClientContext for Refused {}

impl ProducerContext for Refused {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            eprintln!("an event for partition {} was not taken: {error}", message.partition());
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A producer that runs until it is stopped.
pub(super) struct Input {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<String>>>,
}

impl Input {
    pub(super) fn start(bootstrap: &str, topic: &str, partitions: i32, seed: u64, rate: u32) -> Self {
        let producer: BaseProducer<Refused> = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            // Each exactly once, and only what no loss of one broker can take back counts.
            .set("enable.idempotence", "true")
            // A partition that knows nothing of a producer takes any sequence number (KIP-360): where the first of several requests
            // on their way finds no leader yet and a later one does, the first counts as written before and is lost.
            .set("max.in.flight.requests.per.connection", "1")
            .set("acks", "all")
            .set("linger.ms", "5")
            .set("message.timeout.ms", "300000")
            .set("reconnect.backoff.max.ms", "1000")
            .create_with_context(Refused::default())
            .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let topic = topic.to_owned();
        let is_over = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut sent = Vec::new();
            let begun = Instant::now();
            for planned in endless(seed) {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                send(&producer, &topic, place(&planned, sent.len(), partitions), &planned.value);
                sent.push(planned.value);
                pace(&producer, begun, sent.len(), rate);
            }
            finish(&producer);
            sent
        });
        Self { stop, thread: Some(thread) }
    }

    /// No more; gives all events that were sent, when all are acknowledged.
    pub(super) fn stop(&mut self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Conversations without end, in disorder, some of it invalid.
fn endless(seed: u64) -> impl Iterator<Item = Planned> {
    (0_u64..).zip(0_i64..).flat_map(move |(number, begins)| {
        // Far apart, so that neighbouring runs share no events.
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(number);
        let options = Options {
            seed,
            start_ms: BEGINS_MS + begins * CHUNK_MS,
            size: Size::Slim,
            session_keyed: true,
            ..Options::default()
        };
        let disorder = Disorder {
            late_share: 0.1,
            duplicate_share: 0.05,
            invalid_share: 0.01,
            late_ms_max: 600_000,
            seed,
        };
        disturb(events(&options, CHUNK), &disorder)
    })
}

/// The partition of its conversation, as a rule.
fn place(planned: &Planned, number: usize, partitions: i32) -> i32 {
    if number.is_multiple_of(MISPLACED_EVERY) {
        engine::partition_of(&number.to_be_bytes(), partitions)
    } else {
        engine::partition_of(planned.conversation.as_bytes(), partitions)
    }
}

fn send(producer: &BaseProducer<Refused>, topic: &str, partition: i32, value: &str) {
    let mut record: BaseRecord<'_, str, str> = BaseRecord::to(topic).partition(partition).payload(value);
    while let Err((error, back)) = producer.send(record) {
        assert!(
            matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)),
            "an event cannot be sent: {error}"
        );
        producer.poll(Duration::from_millis(10));
        record = back;
    }
}

fn pace(producer: &BaseProducer<Refused>, begun: Instant, sent: usize, rate: u32) {
    let due = begun + Duration::from_secs(1) / rate * u32::try_from(sent).unwrap();
    producer.poll(Duration::ZERO);
    std::thread::sleep(due.saturating_duration_since(Instant::now()));
}

fn finish(producer: &BaseProducer<Refused>) {
    producer.flush(LAST_ACKS).unwrap();
    let refused = producer.context().0.load(Ordering::Relaxed);
    assert_eq!(refused, 0, "the cluster did not take {refused} events");
}
