// SPDX-License-Identifier: Apache-2.0

//! A broker, a registry, and pipelines with topics of their own, so that many can run beside each other.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use avro::registry::Settings;
use cx_timelines_tests::{DEAD_LETTERS, OUTPUTS, Program, Records, Watch, block_on, run_to_end, wait_until};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sandbox::kafka::Kafka;
use sandbox::registry::Registry;
use serde_json::Value;

use super::independent;

/// All outputs that have a schema.
pub(super) fn avro_outputs() -> Vec<&'static str> {
    OUTPUTS.iter().copied().filter(|topic| *topic != DEAD_LETTERS).collect()
}

/// Stands for the topics of one conversation each.
pub(super) const OF_CONVERSATIONS: &str = "those of conversations";
const MINUTE: Duration = Duration::from_secs(60);

/// The broker and the registry.
pub(super) struct Ground {
    pub(super) kafka: Kafka,
    pub(super) registry: Registry,
    pub(super) folder: tempfile::TempDir,
}

impl Ground {
    pub(super) fn new() -> Self {
        let registry = std::thread::spawn(|| Registry::start(&mut |_| {}).unwrap());
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { kafka, registry: registry.join().unwrap(), folder }
    }

    /// Our own client of the registry.
    pub(super) fn client(&self) -> avro::registry::Registry {
        avro::registry::Registry::new(Settings { urls: vec![self.registry.url()], ..Settings::default() })
            .unwrap()
    }

    /// A pipeline whose topics begin with its name instead of `cx`; these are avro, [`OF_CONVERSATIONS`] among them.
    pub(super) fn pipeline(&self, name: &str, avro: &[&str]) -> Pipeline<'_> {
        self.pipeline_with(name, avro, "register: true")
    }

    /// The same with a line more of what it knows of the registry.
    pub(super) fn pipeline_with(&self, name: &str, avro: &[&str], more: &str) -> Pipeline<'_> {
        let standard =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml")).unwrap();
        let mut topic = "";
        let mut text = String::new();
        for line in standard.lines() {
            topic = match line.trim_start() {
                pattern if pattern.starts_with("- pattern: ") => OF_CONVERSATIONS,
                line => line.strip_prefix("- name: ").unwrap_or(topic),
            };
            let is_avro = line.trim() == "format: json" && avro.contains(&topic);
            text += &if is_avro { line.replace("json", "avro") } else { line.to_owned() };
            text += "\n";
        }
        // One partition, so that all comes in the order of the file; and nothing expires, as in `fold`.
        text = text.replace("partitions: 8", "partitions: 1");
        // Nor does the broker remove what came with a timestamp of long ago.
        for limit in ["waiting: 24h", "closed: 24h", "idle: 7d", "retention: 7d"] {
            let (key, _) = limit.split_once(' ').unwrap();
            text = text.replace(limit, &format!("{key} 36500d"));
        }
        text = text.replace("cx.", &format!("{name}.")).replace(r"cx\.", &format!(r"{name}\."));
        text += &format!("\nschema_registry:\n  url: {}\n  {more}\n", self.registry.url());
        let config = self.folder.path().join(format!("{name}.yaml"));
        std::fs::write(&config, text).unwrap();
        Pipeline { ground: self, name: name.to_owned(), config }
    }
}

/// The topics of one name, and the program on them.
pub(super) struct Pipeline<'g> {
    ground: &'g Ground,
    name: String,
    config: PathBuf,
}

impl Pipeline<'_> {
    fn arguments<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        let flags = [
            "--bootstrap",
            self.bootstrap(),
            "--config",
            self.config.to_str().unwrap(),
            "--group",
            &self.name,
        ];
        [command, &flags].concat()
    }

    fn bootstrap(&self) -> &str {
        self.ground.kafka.bootstrap()
    }

    /// The name that a topic has here.
    pub(super) fn topic(&self, standard: &str) -> String {
        standard.replacen("cx.", &format!("{}.", self.name), 1)
    }

    pub(super) fn start(&self) -> Program {
        self.start_with(&[])
    }

    /// A member that keeps its name, with its state on disk: the one that was killed comes back at once.
    pub(super) fn start_as_member(&self) -> Program {
        let state = self.ground.folder.path().join(format!("{}-state", self.name));
        self.start_with(&["--membership", "static", "--state-dir", state.to_str().unwrap()])
    }

    fn start_with(&self, flags: &[&str]) -> Program {
        let log = self.ground.folder.path().join(format!("{}.log", self.name));
        Program::start(&self.arguments(&[&["run", "--http", "127.0.0.1:0"], flags].concat()), log)
    }

    pub(super) fn run(&self, command: &[&str], input: &[u8]) -> std::process::Output {
        run_to_end(&self.arguments(command), input)
    }

    /// What a command prints that works.
    pub(super) fn ok(&self, command: &[&str], input: &[u8]) -> String {
        let output = self.run(command, input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Creates a topic that is not declared by its name.
    pub(super) fn create(&self, standard: &str) {
        let mut client = ClientConfig::new();
        let admin: AdminClient<DefaultClientContext> =
            client.set("bootstrap.servers", self.bootstrap()).create().unwrap();
        let topic = self.topic(standard);
        let topic = NewTopic::new(&topic, 1, TopicReplication::Fixed(1));
        let created = block_on(admin.create_topics(&[topic], &AdminOptions::new())).unwrap();
        assert!(created.iter().all(Result::is_ok), "{created:?}");
    }

    /// Produces values, in their order.
    pub(super) fn produce(&self, standard: &str, values: &[Vec<u8>]) {
        let mut client = ClientConfig::new();
        let producer: BaseProducer = client
            .set("bootstrap.servers", self.bootstrap())
            .set("enable.idempotence", "true")
            .create()
            .unwrap();
        let topic = self.topic(standard);
        for value in values {
            let record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&topic).payload(value);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(MINUTE).unwrap();
    }

    /// Waits until all input is folded.
    pub(super) fn wait_for_all(&self) {
        Watch::new(self.bootstrap(), &self.name, &self.topic("cx.events")).wait_for_all(MINUTE);
    }

    /// How many records of the input are folded.
    pub(super) fn folded(&self) -> i64 {
        let watch = Watch::new(self.bootstrap(), &self.name, &self.topic("cx.events"));
        watch.progress().map_or(0, |(committed, _)| committed)
    }

    /// The committed records of a topic.
    pub(super) fn records(&self, standard: &'static str) -> Vec<Raw> {
        self.records_of(&[standard])
    }

    /// The committed records of these topics, those of a topic in their order.
    fn records_of(&self, standard: &[&'static str]) -> Vec<Raw> {
        let mut client = ClientConfig::new();
        let consumer: BaseConsumer = client
            .set("bootstrap.servers", self.bootstrap())
            .set("group.id", "independent")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "10")
            .create()
            .unwrap();
        let mut places = TopicPartitionList::new();
        for topic in standard {
            places.add_partition_offset(&self.topic(topic), 0, Offset::Beginning).unwrap();
        }
        consumer.assign(&places).unwrap();
        let deadline = Instant::now() + MINUTE;
        let (mut found, mut open) = (Vec::new(), standard.len());
        while open > 0 {
            match consumer.poll(Duration::from_millis(500)) {
                Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
                Some(Ok(message)) => {
                    let topic = standard.iter().find(|topic| self.topic(topic) == message.topic()).unwrap();
                    found.push(Raw::of(topic, &message));
                }
                Some(Err(_)) | None => assert!(Instant::now() < deadline, "{standard:?} do not end"),
            }
        }
        found
    }

    /// What all outputs hold: what is Avro decoded by fastavro.
    pub(super) fn outputs(&self) -> Records {
        let records = self.records_of(&OUTPUTS);
        let mut found = Records::default();
        let (letters, records): (Vec<Raw>, Vec<Raw>) =
            records.into_iter().partition(|record| record.topic == DEAD_LETTERS);
        letters.iter().for_each(|letter| found.take_letter(letter.header("cx.error.reason")));
        let values: Vec<Vec<u8>> =
            records.iter().filter_map(|record| record.value.clone()).filter(|value| is_avro(value)).collect();
        let mut values = independent::decode(&self.ground.registry.url(), &values).into_iter();
        for record in &records {
            let schema = record.header("cx.schema");
            let released = format!("{}/../schemas/released/{schema}.avsc", env!("CARGO_MANIFEST_DIR"));
            assert!(Path::new(&released).exists(), "{}: {schema} was not released", record.topic);
            let value = match &record.value {
                None => Value::Null,
                Some(value) if is_avro(value) => values.next().unwrap(),
                Some(value) => serde_json::from_slice(value).unwrap(),
            };
            found.take(record.topic, Some(&record.key), value);
        }
        found
    }
}

/// Confluent's wire format begins with a zero byte, which no JSON does.
fn is_avro(value: &[u8]) -> bool {
    value.first() == Some(&0)
}

/// A record as it lies in its topic.
pub(super) struct Raw {
    topic: &'static str,
    pub(super) key: String,
    pub(super) value: Option<Vec<u8>>,
    headers: Vec<(String, String)>,
}

impl Raw {
    fn of(topic: &'static str, message: &impl Message) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        Self {
            topic,
            key: text(message.key().unwrap_or_default()),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers
                .map(|header| (header.key.to_owned(), text(header.value.unwrap_or_default())))
                .collect(),
        }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().rev().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

/// Waits until the program is ready, or is not.
pub(super) fn await_readiness(program: &mut Program, is_ready: bool) {
    let what = if is_ready { "the program is ready" } else { "the program is not ready" };
    wait_until(what, MINUTE, || ((program.get("/health/ready").0 == 200) == is_ready).then_some(()));
}

/// A program that stops in order.
pub(super) fn end(mut program: Program) {
    let (code, took) = program.terminate();
    assert_eq!(code, Some(0), "{}", program.log());
    assert!(took < Duration::from_secs(5), "a stop took {took:?}");
}
