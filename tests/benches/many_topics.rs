// SPDX-License-Identifier: Apache-2.0

//! One topic for each conversation, thousands of them on one broker: how soon a new one is read, what it costs in memory,
//! and what it costs the broker.
//!
//! `cargo bench -p cx-timelines-tests --bench many_topics` prints a table; it builds the program first with
//! `cargo build --release -p app`, or takes the one that CX_TIMELINES_BIN names. CX_TOPICS is how many topics (2000).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark, for a terminal"
)]

use std::time::{Duration, Instant};

use cx_timelines_tests::{Program, run_to_end, wait_until};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use sandbox::kafka::{Kafka, Options};

const TIMEOUT: Duration = Duration::from_secs(120);
const STEPS: usize = 4;
/// How long the idle pipeline is watched.
const IDLE: Duration = Duration::from_secs(20);

fn event(topic: usize, number: usize) -> String {
    format!(
        r#"{{"id":"e{number}-{topic}","name":"CUSTOMER_MESSAGE","timestamp":{},"data":{{"id":"m{number}","header":{{"sender":{{"type":"CUSTOMER","id":"x"}}}},"body":{{"type":"PLAIN","markdownText":"hello"}}}}}}"#,
        1_750_000_000_000_usize + number
    )
}

struct Ground {
    kafka: Kafka,
    admin: AdminClient<DefaultClientContext>,
    producer: BaseProducer,
}

impl Ground {
    fn new() -> Self {
        // Thousands of topics are thousands of open files and index maps.
        let kafka = Kafka::start(Options { heap_mb: 1024, ..Options::default() }, &mut |_| {}).unwrap();
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", kafka.bootstrap());
        Self { admin: client.create().unwrap(), producer: client.create().unwrap(), kafka }
    }

    /// Creates topics, and puts one event into each.
    fn grow(&self, from: usize, to: usize) {
        let names: Vec<String> = (from..to).map(|topic| format!("cx.conversation.c{topic}")).collect();
        for names in names.chunks(250) {
            let topics: Vec<NewTopic<'_>> =
                names.iter().map(|name| NewTopic::new(name, 1, TopicReplication::Fixed(1))).collect();
            let options = AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            for created in runtime.block_on(self.admin.create_topics(&topics, &options)).unwrap() {
                created.unwrap();
            }
        }
        (from..to).for_each(|topic| self.send(topic, 1));
        self.producer.flush(TIMEOUT).unwrap();
    }

    fn send(&self, topic: usize, number: usize) {
        let (name, value) = (format!("cx.conversation.c{topic}"), event(topic, number));
        let record: BaseRecord<'_, [u8], str> = BaseRecord::to(&name).payload(&value);
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
        self.producer.poll(Duration::ZERO);
    }
}

/// Requests sent and bytes received so far.
fn traffic(instance: &mut Program) -> (f64, f64) {
    let [requests, received] = [
        r#"cx_timelines_client_requests_total{client="consumer"}"#,
        r#"cx_timelines_client_received_bytes_total{client="consumer"}"#,
    ]
    .map(|name| instance.figure(name));
    (requests, received)
}

/// Waits until so many events of messages are folded; gives how long that took.
fn folded(instance: &mut Program, events: f64) -> Duration {
    let began = Instant::now();
    wait_until("all events are folded", TIMEOUT, || {
        (instance.figure("cx_timelines_events_total{kind=\"primary\"}") >= events).then_some(())
    });
    began.elapsed()
}

fn main() {
    let topics: usize = std::env::var("CX_TOPICS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let ground = Ground::new();
    let folder = tempfile::tempdir().unwrap();
    let bootstrap = ground.kafka.bootstrap();
    assert!(run_to_end(&["topics", "apply", "--bootstrap", bootstrap], b"").status.success());
    let mut instance = Program::start(
        &["run", "--bootstrap", bootstrap, "--http", "127.0.0.1:0"],
        folder.path().join("run.log"),
    );
    println!(
        "{:>7} {:>12} {:>14} {:>10} {:>13} {:>12}",
        "topics", "read after s", "one more, ms", "RSS MB", "requests/s", "KB in/s"
    );
    let (mut there, mut sent) = (0, 0_usize);
    for step in 1..=STEPS {
        let next = topics * step / STEPS;
        ground.grow(there, next);
        sent += next - there;
        there = next;
        let picked_up = folded(&mut instance, sent as f64);
        // One event more, in a topic that is known.
        ground.send(there / 2, 1 + step);
        sent += 1;
        let one_more = folded(&mut instance, sent as f64);
        let before = traffic(&mut instance);
        std::thread::sleep(IDLE);
        let after = traffic(&mut instance);
        let rate = |before: f64, after: f64| (after - before) / IDLE.as_secs_f64();
        println!(
            "{there:>7} {:>12.1} {:>14.0} {:>10.0} {:>13.1} {:>12.1}",
            picked_up.as_secs_f64(),
            one_more.as_secs_f64() * 1e3,
            instance.figure("process_resident_memory_bytes") / 1e6,
            rate(before.0, after.0),
            rate(before.1, after.1) / 1e3,
        );
    }
}
