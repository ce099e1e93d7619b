// SPDX-License-Identifier: Apache-2.0

//! How soon an instance works again after `kill -9`, with much state; and how much memory it takes.
//!
//! `cargo bench -p cx-timelines-tests --bench restart` prints a table; it takes the program that CX_TIMELINES_BIN names (build
//! it with `cargo build --release -p app`). CX_STATE_MB is how much state there is to be (1000): first a tenth of it, in the end all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark, for a terminal"
)]

use std::fmt::Write;
use std::time::{Duration, Instant};

use cx_timelines_tests::{Program, Watch, run_to_end, wait_until};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use sandbox::kafka::{Kafka, Options};

const TIMEOUT: Duration = Duration::from_secs(900);
const PARTITIONS: i32 = 8;
/// How much of all the state there is at each step: one part of so many.
const STEPS: [usize; 4] = [10, 4, 2, 1];
/// Of each message.
const TEXT_BYTES: usize = 3_000;
/// Of which the state has about a third.
const MEMORY: &str = "128MiB";

struct Ground {
    instance: Option<Program>,
    kafka: Kafka,
    folder: tempfile::TempDir,
    producer: BaseProducer,
    sent: usize,
    lives: usize,
}

impl Ground {
    fn new() -> Self {
        let kafka = Kafka::start(Options { heap_mb: 1024, ..Options::default() }, &mut |_| {}).unwrap();
        let applied = run_to_end(&["topics", "apply", "--bootstrap", kafka.bootstrap()], b"");
        assert!(applied.status.success());
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", kafka.bootstrap()).set("linger.ms", "5");
        Self {
            instance: None,
            producer: client.create().unwrap(),
            folder: tempfile::tempdir().unwrap(),
            kafka,
            sent: 0,
            lives: 0,
        }
    }

    /// Starts the program; gives how long it takes until all its tasks run.
    fn start(&mut self) -> Duration {
        let began = Instant::now();
        let state = self.folder.path().join("state");
        let arguments = [
            "run",
            "--bootstrap",
            self.kafka.bootstrap(),
            "--state-dir",
            state.to_str().unwrap(),
            "--memory",
            MEMORY,
            // A name that the group knows: it has not to wait for the end of the killed one's session.
            "--membership",
            "static",
            "--http",
            "127.0.0.1:0",
        ];
        self.lives += 1;
        let log = self.folder.path().join(format!("run-{}.log", self.lives));
        let mut instance = Program::start(&arguments, log);
        wait_until("all tasks run", TIMEOUT, || (instance.get("/health/ready").0 == 200).then_some(()));
        self.instance = Some(instance);
        began.elapsed()
    }

    fn kill(&mut self) {
        self.instance.take().unwrap().kill();
    }

    fn peak_mb(&self) -> f64 {
        self.instance.as_ref().unwrap().peak_memory_bytes() as f64 / 1e6
    }

    fn figure(&mut self, name: &str) -> f64 {
        self.instance.as_mut().unwrap().figure(name)
    }

    /// Sends so many messages of a customer, ten for each conversation, and waits until they are folded.
    fn fill(&mut self, messages: usize) {
        for number in self.sent..self.sent + messages {
            let conversation = format!("conversation {}", number / 10);
            let value = message(number, &conversation);
            let partition = engine::partition_of(conversation.as_bytes(), PARTITIONS);
            let mut record: BaseRecord<'_, str, str> = BaseRecord::to("cx.events")
                .partition(partition)
                .key(conversation.as_str())
                .payload(value.as_str());
            while let Err((_, back)) = self.producer.send(record) {
                self.producer.poll(Duration::from_millis(20));
                record = back;
            }
        }
        self.producer.flush(TIMEOUT).unwrap();
        self.sent += messages;
        Watch::new(self.kafka.bootstrap(), "cx-timelines", "cx.events").wait_for_all(TIMEOUT);
    }
}

fn message(number: usize, conversation: &str) -> String {
    let mut text = String::with_capacity(TEXT_BYTES + 8);
    let mut random = ChaCha8Rng::seed_from_u64(number as u64);
    while text.len() < TEXT_BYTES {
        let _ = write!(text, "{:016x} ", random.random::<u64>());
    }
    format!(
        r#"{{"id":"e{number}","name":"CUSTOMER_MESSAGE","timestamp":{},"conversationId":"{conversation}","data":{{"id":"m{number}","header":{{"sender":{{"type":"CUSTOMER","id":"x"}}}},"body":{{"type":"PLAIN","markdownText":"{text}"}}}}}}"#,
        1_750_000_000_000_usize + number
    )
}

fn main() {
    let megabytes: usize = std::env::var("CX_STATE_MB").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000);
    let messages = megabytes * 1_000_000 / TEXT_BYTES;
    let mut ground = Ground::new();
    ground.start();
    println!(
        "{:>9} {:>9} {:>8} {:>15} {:>13} {:>15} {:>12} {:>11}",
        "state MB",
        "records",
        "peak MB",
        "ready after s",
        "tail records",
        "full restore s",
        "records/s",
        "peak MB"
    );
    for part in STEPS {
        ground.fill((messages / part).saturating_sub(ground.sent));
        let [bytes, records] =
            ["cx_timelines_state_bytes", "cx_timelines_state_records"].map(|name| ground.figure(name));
        let memory = ground.peak_mb();
        ground.kill();
        let ready = ground.start();
        let tail = ground.figure("cx_timelines_restore_records_total");
        ground.kill();
        std::fs::remove_dir_all(ground.folder.path().join("state/state")).unwrap();
        let full = ground.start();
        let restored = ground.figure("cx_timelines_restore_records_total");
        println!(
            "{:>9.0} {records:>9.0} {:>8.0} {:>15.2} {tail:>13.0} {:>15.1} {:>12.0} {:>11.0}",
            bytes / 1e6,
            memory,
            ready.as_secs_f64(),
            full.as_secs_f64(),
            restored / full.as_secs_f64(),
            ground.peak_mb(),
        );
    }
}
