// SPDX-License-Identifier: Apache-2.0

//! A broker with the topics and an instance that can be killed, and what lies on the broker's disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cx_timelines_tests::{Instance, OUTPUTS, Program, consume, run_to_end, wait_until};
use edge::Deliveries;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sandbox::kafka::Kafka;
use serde_json::{Value, json};

pub(super) const TIMEOUT: Duration = Duration::from_secs(120);
pub(super) const PARTITIONS: i32 = 2;
pub(super) const GONE: &str = "forget-what-i-said";
pub(super) const KEPT: &str = "remember-what-i-said";
pub(super) const LETTERS: &str = "cx.dead-letters";
/// Topics whose records are overwritten by newer ones.
pub(super) const COMPACTED: [&str; 7] = [
    "cx.activities",
    "cx.timelines",
    "cx.conversations",
    "cx.customers",
    "cx.audit",
    "cx.bot-training",
    "cx-timelines-changelog",
];

/// topics.yaml with few partitions, and in which things are forgotten soon.
pub(super) fn config(folder: &Path) -> PathBuf {
    let standard = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml")).unwrap();
    let mut text = standard;
    for (old, new) in
        [("partitions: 8", "partitions: 2"), ("waiting: 24h", "waiting: 1m"), ("closed: 24h", "closed: 1m")]
    {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    let file = folder.join("topics.yaml");
    std::fs::write(&file, text).unwrap();
    file
}

pub(super) fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

pub(super) fn partition_of(conversation: &str) -> i32 {
    engine::partition_of(conversation.as_bytes(), PARTITIONS)
}

/// An id beginning so, of a conversation of this partition.
pub(super) fn conversation_in(partition: i32, beginning: &str) -> String {
    let mut ids = (0..).map(|number| format!("{beginning}-{number}"));
    ids.find(|id| partition_of(id) == partition).unwrap()
}

/// A broker with the topics, and a folder for the instance.
pub(super) struct Ground {
    // First: it is printed when a test fails, while the folder exists.
    pub(super) instance: Option<Program>,
    producer: BaseProducer<Deliveries>,
    pub(super) admin: AdminClient<DefaultClientContext>,
    kafka: Kafka,
    config: PathBuf,
    pub(super) folder: tempfile::TempDir,
    start_ms: i64,
    sent: u64,
}

impl Ground {
    pub(super) fn new() -> Self {
        let extra = [("log.retention.check.interval.ms", "500"), ("log.segment.delete.delay.ms", "100")];
        let options = sandbox::kafka::Options {
            extra_properties: extra.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ..sandbox::kafka::Options::default()
        };
        let kafka = Kafka::start(options, &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", kafka.bootstrap());
        let ground = Self {
            instance: None,
            producer: client.create_with_context(Deliveries::default()).unwrap(),
            admin: client.create().unwrap(),
            kafka,
            config: config(folder.path()),
            folder,
            // Ahead of the clock by less than counts as ahead: so stream time runs as the events say.
            start_ms: now_ms() - 60_000,
            sent: 0,
        };
        ground.ok(&["topics", "apply"]);
        ground
    }

    pub(super) fn run(&mut self) {
        let instance = Instance {
            bootstrap: self.kafka.bootstrap(),
            config: &self.config,
            state: &self.folder.path().join("state"),
            session_timeout: Duration::from_secs(2),
        };
        self.instance = Some(instance.start(&[], self.folder.path().join("run.log")));
    }

    pub(super) fn kill(&mut self) {
        self.instance.take().unwrap().kill();
    }

    pub(super) fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let config = self.config.to_str().unwrap();
        [arguments, &["--bootstrap", self.kafka.bootstrap(), "--config", config]].concat()
    }

    pub(super) fn output(&self, arguments: &[&str]) -> Output {
        run_to_end(&self.arguments(arguments), b"")
    }

    /// What a command prints that has to succeed.
    pub(super) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command says that has to end with this code.
    pub(super) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    pub(super) fn send(&mut self, topic: &str, partition: i32, value: &str) {
        let record = BaseRecord::<str, str, ()>::to(topic).partition(partition).payload(value);
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
        self.producer.flush(TIMEOUT).unwrap();
        assert_eq!(self.producer.context().take_failed(), None);
        self.sent += 1;
    }

    /// Many events, each in its conversation's partition.
    pub(super) fn place_all(&mut self, events: &[(String, Value)]) {
        for (conversation, event) in events {
            let value = event.to_string();
            let partition = partition_of(conversation);
            let record = BaseRecord::<str, str, ()>::to("cx.events").partition(partition).payload(&value);
            self.producer.send(record).map_err(|(error, _)| error).unwrap();
            self.sent += 1;
        }
        self.producer.flush(TIMEOUT).unwrap();
        assert_eq!(self.producer.context().take_failed(), None);
    }

    /// A request to erase, as any program may write it.
    pub(super) fn ask(&mut self, key: &str, value: &str) {
        let record = BaseRecord::<str, str, ()>::to("cx.erasures").key(key).payload(value);
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
        self.producer.flush(TIMEOUT).unwrap();
        assert_eq!(self.producer.context().take_failed(), None);
    }

    /// Changes topics.yaml for what is started from now on.
    pub(super) fn configure(&self, old: &str, new: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        assert!(text.contains(old), "{old}");
        std::fs::write(&self.config, text.replace(old, new)).unwrap();
    }

    /// How many keys the changelog holds.
    pub(super) fn state_keys(&self) -> usize {
        let settings = [("bootstrap.servers", self.kafka.bootstrap()), ("group.id", "of no group")];
        let mut client = ClientConfig::new();
        settings.iter().for_each(|(key, value)| {
            client.set(*key, *value);
        });
        client.set("enable.partition.eof", "true").set("isolation.level", "read_committed");
        let reader: BaseConsumer = client.create().unwrap();
        let mut places = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            places.add_partition_offset("cx-timelines-changelog", partition, Offset::Beginning).unwrap();
        }
        reader.assign(&places).unwrap();
        let (mut keys, mut open) = (BTreeSet::new(), PARTITIONS);
        while open > 0 {
            match reader.poll(TIMEOUT).unwrap() {
                Ok(message) => {
                    let key = (message.partition(), message.key().unwrap().to_vec());
                    match message.payload() {
                        Some(_) => keys.insert(key),
                        None => keys.remove(&key),
                    };
                }
                Err(KafkaError::PartitionEOF(_)) => open -= 1,
                Err(error) => panic!("{error}"),
            }
        }
        keys.len()
    }

    /// The last record of each key of a topic.
    pub(super) fn records(&self, topic: &str) -> BTreeMap<String, Value> {
        let consumed = consume(self.kafka.bootstrap(), &[topic]);
        consumed.records.finals.into_iter().map(|((_, key), value)| (key, value)).collect()
    }

    /// An event at this second.
    pub(super) fn event(&self, id: &str, name: &str, second: i64, rest: &Value) -> Value {
        let mut event =
            json!({"id": id, "name": name, "timestamp": self.start_ms + second * 1000, "data": {}});
        for (key, value) in rest.as_object().unwrap() {
            event[key] = value.clone();
        }
        event
    }

    /// A customer's message; `rest` says whose.
    pub(super) fn message(&self, id: &str, second: i64, text: &str, rest: &Value) -> Value {
        let mut event = self.event(id, "CUSTOMER_MESSAGE", second, rest);
        event["data"] = json!({
            "id": format!("m-{id}"),
            "header": {"sender": {"type": "CUSTOMER", "id": "a-customer"}},
            "body": {"type": "PLAIN", "markdownText": text},
        });
        event
    }

    /// What is suggested as an answer to a message.
    pub(super) fn suggestion(&self, id: &str, second: i64, message: &str, text: &str, rest: &Value) -> Value {
        let mut event = self.event(id, "BOT_SUGGESTION", second, rest);
        event["data"] = json!({
            "requestedMessage": {"id": format!("m-{message}")},
            "suggestions": [{"messageBody": {"markdownText": text}}],
        });
        event
    }

    pub(super) fn place(&mut self, conversation: &str, event: &Value) {
        self.send("cx.events", partition_of(conversation), &event.to_string());
    }

    /// What becomes a dead letter of each partition, and is there when this returns: so the letters' order is known.
    pub(super) fn send_letters(&mut self, value: impl Fn(i32) -> String) {
        let before = self.letters("malformed");
        for partition in 0..PARTITIONS {
            self.send("cx.events", partition, &value(partition));
        }
        let wanted = before + usize::try_from(PARTITIONS).unwrap();
        wait_until("they are dead letters", TIMEOUT, || (self.letters("malformed") >= wanted).then_some(()));
    }

    /// Life goes on: something new for every partition of every topic, but for the dead letters.
    pub(super) fn tick(&mut self) {
        let tick = self.sent;
        for partition in 0..PARTITIONS {
            let id = conversation_in(partition, "tick");
            let name = |kind: &str| format!("{kind}-{partition}-{tick}");
            let of = json!({"conversationId": id});
            let second = i64::try_from(tick).unwrap() / 10;
            let mut said = self.message(&name("said"), second, "tick", &of);
            // Ids of customers find their partition as those of conversations do.
            said["data"]["header"]["customer"] = json!({"id": conversation_in(partition, "regular")});
            let suggested = self.suggestion(&name("suggested"), second, &name("said"), "tock", &of);
            let misplaced = self.message(&name("misplaced"), second, "tick", &of);
            self.place(&id, &said);
            self.place(&id, &suggested);
            self.send("cx.events", (partition + 1) % PARTITIONS, &misplaced.to_string());
        }
    }

    pub(super) fn set(&self, topic: &str, settings: &[(&str, &str)]) {
        let resource = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let resource = settings.iter().fold(resource, |resource, (key, value)| resource.set(key, value));
        let answer = block_on(self.admin.alter_configs([&resource], &AdminOptions::new())).unwrap();
        assert!(answer.iter().all(Result::is_ok), "{topic}: {answer:?}");
    }

    /// The topics on whose partitions' disks this text lies; and the folder of the instance's own state, if it lies there.
    pub(super) fn on_disk(&self, text: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![self.kafka.data_dir().to_owned(), self.folder.path().join("state")];
        while let Some(folder) = open.pop() {
            // Files come and go while the broker cleans, and the instance merges.
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                } else if std::fs::read(&path).is_ok_and(|bytes| contains(&bytes, text.as_bytes())) {
                    let partition = folder.file_name().unwrap().to_string_lossy().into_owned();
                    found.insert(
                        partition.rsplit_once('-').map_or(partition.clone(), |(topic, _)| topic.to_owned()),
                    );
                }
            }
        }
        found
    }

    /// The last record of a key.
    pub(super) fn record(&self, topic: &str, key: &str) -> Option<Value> {
        let mut consumed = consume(self.kafka.bootstrap(), &[topic]);
        consumed.records.finals.remove(&(topic.to_owned(), key.to_owned()))
    }

    /// How many dead letters of this reason there are.
    pub(super) fn letters(&self, reason: &str) -> usize {
        consume(self.kafka.bootstrap(), &[LETTERS]).records.reasons.get(reason).copied().unwrap_or(0)
    }

    /// The conversations that have a record, or are listed in a customer's.
    pub(super) fn conversations(&self) -> BTreeSet<String> {
        let consumed = consume(self.kafka.bootstrap(), &OUTPUTS);
        assert_eq!(consumed.without_headers, 0);
        let records = consumed.records.finals.values();
        let listed = |value: &Value| value["conversations"].as_array().cloned().unwrap_or_default();
        let all = records.flat_map(|value| [vec![value.clone()], listed(value)].concat());
        all.filter_map(|value| value["conversationId"].as_str().map(str::to_owned)).collect()
    }
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(super) fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
