// SPDX-License-Identifier: Apache-2.0

//! The program on a real broker, with a topics.yaml in which nothing expires, so that its records are those of `fold`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cx_timelines_tests::{Instance, Program, Watch, run_to_end};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use sandbox::kafka::Kafka;

/// How long one step of a story may take, on a slow machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(240);

/// Times in topics.yaml after which something goes: generated events are of long ago.
const LIMITS: [&str; 5] = ["waiting: 24h", "closed: 24h", "idle: 7d", "retention: 7d", "retention: 90d"];

/// A broker, the topics, and an instance of the program.
pub(crate) struct Pipeline {
    // First: its log is printed when a test fails, while the folder exists.
    instance: Option<Program>,
    pub(crate) kafka: Kafka,
    pub(crate) folder: tempfile::TempDir,
    config: PathBuf,
}

impl Pipeline {
    /// Starts the broker, creates the topics, and starts the program. The values of these topics are Avro.
    pub(crate) fn start(avro: &[&str], registry: Option<&str>) -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("topics.yaml");
        std::fs::write(&config, topics_yaml(avro, registry)).unwrap();
        let mut pipeline = Self { instance: None, kafka, folder, config };
        pipeline.ok(&["topics", "apply"], b"");
        pipeline.start_instance();
        pipeline
    }

    pub(crate) fn bootstrap(&self) -> &str {
        self.kafka.bootstrap()
    }

    /// What a command prints that has to succeed.
    pub(crate) fn ok(&self, command: &[&str], input: &[u8]) -> String {
        let flags = ["--bootstrap", self.bootstrap(), "--config", self.config.to_str().unwrap()];
        let output = run_to_end(&[command, &flags].concat(), input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Waits until all of `cx.events` is folded.
    pub(crate) fn wait_for_all(&self) {
        Watch::new(self.bootstrap(), "cx-timelines", "cx.events").wait_for_all(TIMEOUT);
    }

    /// Writes a record to each of these topics in a transaction that is aborted: a consumer that reads only what is committed
    /// does not see them.
    pub(crate) fn write_and_abort(&self, topics: &[&str], key: &str) {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.bootstrap()).set("transactional.id", "aborted");
        let producer: BaseProducer = client.create().unwrap();
        producer.init_transactions(TIMEOUT).unwrap();
        producer.begin_transaction().unwrap();
        for topic in topics {
            let record = BaseRecord::to(topic).key(key).payload("{}");
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(TIMEOUT).unwrap();
        producer.abort_transaction(TIMEOUT).unwrap();
    }

    /// kill -9 of the instance, and another one with its state.
    pub(crate) fn kill_instance(&mut self) {
        self.instance.take().unwrap().kill();
        self.start_instance();
    }

    fn start_instance(&mut self) {
        let instance = Instance {
            bootstrap: self.kafka.bootstrap(),
            config: &self.config,
            state: &self.folder.path().join("state"),
            session_timeout: Duration::from_secs(6),
        };
        self.instance = Some(instance.start(&[], self.folder.path().join("run.log")));
    }
}

fn topics_yaml(avro: &[&str], registry: Option<&str>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../topics.yaml");
    let mut text = std::fs::read_to_string(path).unwrap().replace("partitions: 8", "partitions: 2");
    for limit in LIMITS {
        assert!(text.contains(limit), "{limit}");
        text = text.replace(limit, &format!("{} 36500d", limit.split_once(' ').unwrap().0));
    }
    for topic in avro {
        let begin = text.find(&format!("- name: {topic}\n")).unwrap();
        let format = begin + text[begin..].find("format: json").unwrap();
        text.replace_range(format..format + "format: json".len(), "format: avro");
    }
    if let Some(url) = registry {
        text += &format!("\nschema_registry:\n  url: {url}\n");
    }
    text
}
