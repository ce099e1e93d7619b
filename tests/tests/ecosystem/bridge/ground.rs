// SPDX-License-Identifier: Apache-2.0

//! A Kafka, an ActiveMQ and a bridge between them; what came out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cx_timelines_tests::{Program, partitions_of, run_to_end, wait_until};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use sandbox::activemq::{ActiveMq, Client, Kind, PASSWORD, Publisher, USER};
use sandbox::kafka::{Cluster, Options};
use serde_json::Value;

use super::jms::Jms;

/// Longer than anything takes here, also on a busy machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(180);

pub(crate) struct Ground {
    pub(crate) kafka: Cluster,
    pub(crate) activemq: ActiveMq,
    folder: tempfile::TempDir,
    logs: AtomicU32,
}

impl Ground {
    /// Both brokers, and the topics.
    pub(crate) fn new(kind: Kind) -> Self {
        let kafka = Cluster::start(1, Options::default(), &mut |_| {}).unwrap();
        let activemq = ActiveMq::start(kind, &mut |line| eprintln!("{line}")).unwrap();
        let applied = run_to_end(&["topics", "apply", "--bootstrap", kafka.bootstrap()], b"");
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        Self { kafka, activemq, folder: tempfile::tempdir().unwrap(), logs: AtomicU32::new(0) }
    }

    pub(crate) fn bootstrap(&self) -> &str {
        self.kafka.bootstrap()
    }

    /// A JMS client.
    pub(crate) fn publisher(&self, client: Client) -> Publisher {
        Publisher::start(&self.activemq, client).unwrap()
    }

    /// A file with the password.
    pub(crate) fn password(&self) -> PathBuf {
        let file = self.folder.path().join("password");
        std::fs::write(&file, PASSWORD).unwrap();
        file
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The arguments of a bridge with the right user.
    pub(crate) fn arguments(&self, flags: &[&str]) -> Vec<String> {
        let mut all = self::flags(self.bootstrap(), &self.activemq.url(), &self.password());
        // The test's brokers come back quickly.
        let quick = ["--kafka", "reconnect.backoff.max.ms=500"];
        all.extend(quick.iter().chain(flags).map(|&word| word.to_owned()));
        all
    }

    /// Starts a bridge.
    pub(crate) fn start(&self, flags: &[&str]) -> Program {
        let number = self.logs.fetch_add(1, Ordering::Relaxed);
        let arguments = self.arguments(flags);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Program::start(&arguments, self.file(&format!("bridge-{number}.log")))
    }

    /// Starts a bridge and waits until it is subscribed.
    pub(crate) fn start_ready(&self, flags: &[&str]) -> Program {
        let mut bridge = self.start(flags);
        await_ready(&mut bridge);
        bridge
    }

    /// Everything in a topic.
    pub(crate) fn records(&self, topic: &str) -> Vec<Record> {
        read(self.bootstrap(), topic)
    }

    /// The ids of the events in `cx.events`, with how often each is there.
    pub(crate) fn ids(&self) -> BTreeMap<String, usize> {
        let mut ids = BTreeMap::new();
        for record in self.records("cx.events") {
            if let Ok(Value::String(id)) =
                serde_json::from_slice(&record.value).map(|event: Value| event["id"].clone())
            {
                *ids.entry(id).or_default() += 1;
            }
        }
        ids
    }

    /// Waits until each of these events is in `cx.events`.
    pub(crate) fn await_ids(&self, wanted: &BTreeSet<String>) -> BTreeMap<String, usize> {
        wait_until(&format!("{} events are in Kafka", wanted.len()), TIMEOUT, || {
            let ids = self.ids();
            wanted.iter().all(|id| ids.contains_key(id)).then_some(ids)
        })
    }
}

/// The flags of a bridge between these brokers, with the right user, whose password is in a file.
pub(crate) fn flags(bootstrap: &str, activemq: &str, password: &Path) -> Vec<String> {
    let password = password.to_str().unwrap();
    let brokers = ["bridge", "--bootstrap", bootstrap, "--activemq", activemq];
    let rest = ["--activemq-user", USER, "--activemq-password-file", password, "--http", "127.0.0.1:0"];
    brokers.iter().chain(&rest).map(|&word| word.to_owned()).collect()
}

/// Waits until a bridge is subscribed to everything.
pub(crate) fn await_ready(bridge: &mut Program) {
    wait_until("the bridge is ready", TIMEOUT, || {
        assert!(bridge.is_running(), "the bridge ended: {}", bridge.log());
        (bridge.get("/health/ready").0 == 200).then_some(())
    });
}

/// Waits until nothing is unsettled.
pub(crate) fn await_settled(bridge: &mut Program) {
    wait_until("all messages are settled", TIMEOUT, || {
        (bridge.figure("cx_timelines_bridge_unsettled_messages") < 0.5).then_some(())
    });
}

/// A record as it is.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) partition: i32,
    pub(crate) key: Option<String>,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: BTreeMap<String, String>,
}

fn read(bootstrap: &str, topic: &str) -> Vec<Record> {
    const ANSWER: Duration = Duration::from_secs(20);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "bridge-test")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "20")
        .create()
        .unwrap();
    let (mut places, mut left) = (TopicPartitionList::new(), 0);
    for partition in 0..partitions_of(bootstrap, topic) {
        // A broker that has just come back may not lead the partition yet, and the client remembers that it found none.
        let (_, end) = wait_until(&format!("{topic}/{partition} has a leader"), TIMEOUT, || {
            let found = consumer.fetch_watermarks(topic, partition, ANSWER);
            found.inspect_err(|_| drop(consumer.fetch_metadata(Some(topic), ANSWER))).ok()
        });
        left += end;
        places.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&places).unwrap();
    let mut records = Vec::new();
    while left > 0 {
        let message = consumer.poll(ANSWER).expect("a record").unwrap();
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        records.push(Record {
            partition: message.partition(),
            key: message.key().map(text),
            value: message.payload().expect("no tombstones").to_vec(),
            headers: headers
                .map(|header| (header.key.to_owned(), text(header.value.unwrap_or_default())))
                .collect(),
        });
        left -= 1;
    }
    records
}

/// An event with this number, and its message.
pub(crate) fn event(number: usize) -> (String, Jms) {
    let id = format!("event-{number:05}");
    let name = if number.is_multiple_of(3) { "AGENT_MESSAGE" } else { "CUSTOMER_MESSAGE" };
    let text = format!(
        r#"{{"id":"{id}","name":"{name}","timestamp":{},"conversationId":"conversation-{}","data":{{"id":"message-{number}","header":{{"sender":{{"type":"CUSTOMER","id":"cy","senderName":"Cy"}}}},"body":{{"type":"PLAIN","markdownText":"Grüße {number}"}}}}}}"#,
        1_750_000_000_000_u64 + u64::try_from(number).unwrap() * 1_000,
        number % 17,
    );
    (id, Jms { jms_type: Some(name.to_owned()), text })
}

/// Events with these numbers: the ids, and the messages.
pub(crate) fn events(numbers: std::ops::Range<usize>) -> (BTreeSet<String>, Vec<Jms>) {
    numbers.map(event).unzip()
}
