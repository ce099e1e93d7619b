// SPDX-License-Identifier: Apache-2.0

//! One task with all processors, on a partition whose lag the test controls. Unlike the driver, it also shows the counters.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{
    InnerTopics, MemoryStore, NoHeaders, Notice, OutputRecord, Phase, Sink, SinkError, SourceRecord, Task,
    Topology,
};
use folds::Settings;
use model::Limits;
use serde_json::Value;

const INNER: InnerTopics<'static> = InnerTopics {
    dead_letters: "cx.dead-letters",
    changelog: "changelog",
    repartition: "repartition",
    erasures: None,
};

/// Begins a message of changes.
const MESSAGE_VERSION: u8 = 2;

/// All processors, each with its topic: the processor's name after `cx.`.
pub(crate) fn topology(settings: &Settings) -> Topology {
    let mut topology = Topology::new(INNER);
    for name in folds::NAMES {
        let processor = folds::by_name(name, settings).unwrap();
        let output = format!("cx.{name}");
        let writes = vec![output.as_str(); processor.products().len()];
        topology.add(processor, &writes).unwrap();
    }
    topology
}

/// The task and the output that consumers of its partition see.
pub(crate) struct OneTask {
    topology: Arc<Topology>,
    task: Task,
    offset: i64,
    changelog: BTreeMap<Vec<u8>, Vec<u8>>,
    outputs: BTreeMap<String, Value>,
    notices: BTreeMap<Notice, u64>,
    /// Messages that the task sent to itself.
    messages: Vec<(Vec<u8>, Vec<u8>)>,
    taken: usize,
    /// Number of records in the last commit, without the changelog.
    emitted: usize,
}

impl OneTask {
    pub(crate) fn new(settings: &Settings) -> Self {
        let topology = Arc::new(topology(settings));
        let task = task(&topology);
        Self {
            topology,
            task,
            offset: 0,
            changelog: BTreeMap::new(),
            outputs: BTreeMap::new(),
            notices: BTreeMap::new(),
            messages: Vec::new(),
            taken: 0,
            emitted: 0,
        }
    }

    /// Lets state expire from now on.
    pub(crate) fn catch_up(&mut self) {
        self.task.caught_up();
    }

    /// Takes events and commits.
    pub(crate) fn take(&mut self, events: &[Value]) {
        for event in events {
            let value = event.to_string();
            let record = SourceRecord {
                topic: "cx.events",
                partition: 0,
                offset: self.offset,
                timestamp_ms: None,
                key: None,
                value: Some(value.as_bytes()),
                headers: &NoHeaders,
                conversation: None,
            };
            self.task.process(&record, 0).unwrap();
            self.offset += 1;
        }
        self.commit();
    }

    /// Takes the next message that the task sent to itself, and commits; `false` if there is none.
    pub(crate) fn take_message(&mut self) -> bool {
        let Some((key, value)) = self.messages.get(self.taken).cloned() else { return false };
        self.taken += 1;
        self.process_message(&key, &value);
        self.commit();
        true
    }

    /// Takes a message of another partition that changes one figure by 1, without a commit.
    pub(crate) fn receive_amount(&mut self, subject: &str, figure: &str, at: i64) {
        let figure =
            (0..=u8::MAX).filter_map(model::Figure::from_code).find(|of| of.as_str() == figure).unwrap();
        // The instant, the cell of the figure with 1 more; no spans.
        let instants = BTreeMap::from([(at, BTreeMap::from([((0_u8, figure.code()), 1_i64)]))]);
        let spans: BTreeMap<(), ()> = BTreeMap::new();
        let mut message = vec![b'm', MESSAGE_VERSION];
        message.extend(postcard::to_stdvec(&(instants, spans)).unwrap());
        self.process_message(subject.as_bytes(), &message);
    }

    fn process_message(&mut self, key: &[u8], value: &[u8]) {
        let record = SourceRecord {
            topic: "repartition",
            partition: 0,
            offset: self.offset,
            timestamp_ms: None,
            key: Some(key),
            value: Some(value),
            headers: &NoHeaders,
            conversation: None,
        };
        self.task.process(&record, 0).unwrap();
        self.offset += 1;
    }

    fn commit(&mut self) {
        let topics = self.topology.topics().to_vec();
        let mut sent = Sent { topics, records: Vec::new() };
        self.task.prepare(&mut sent).unwrap();
        self.emitted = sent.records.iter().filter(|(topic, ..)| topic != "changelog").count();
        for (topic, key, value) in sent.records {
            match (topic.as_str(), value) {
                ("repartition", value) => self.messages.push((key, value.unwrap())),
                ("changelog", Some(value)) => drop(self.changelog.insert(key, value)),
                ("changelog", None) => drop(self.changelog.remove(&key)),
                (_, value) => {
                    let name = format!("{topic}: {}", String::from_utf8(key).unwrap());
                    let value = value.map_or(Value::Null, |value| serde_json::from_slice(&value).unwrap());
                    self.outputs.insert(name, value);
                }
            }
        }
        for (notice, count) in self.task.committed(None).unwrap().notices() {
            *self.notices.entry(notice).or_default() += count;
        }
    }

    /// Restores the task on another instance, where it has not caught up yet.
    pub(crate) fn move_elsewhere(&mut self) {
        self.task = new_task(&self.topology);
        for (key, value) in &self.changelog {
            self.task.restore(0, key, Some(value)).unwrap();
        }
        self.task.restored(0).unwrap();
    }

    /// Restores the task with other settings and takes an event; returns why the commit is rejected, if it is.
    pub(crate) fn refusal(&mut self, settings: &Settings, event: &Value) -> Option<String> {
        self.topology = Arc::new(topology(settings));
        self.move_elsewhere();
        let value = event.to_string();
        let record = SourceRecord {
            topic: "cx.events",
            partition: 0,
            offset: self.offset,
            timestamp_ms: None,
            key: None,
            value: Some(value.as_bytes()),
            headers: &NoHeaders,
            conversation: None,
        };
        self.task.process(&record, 0).unwrap();
        let mut sent = Sent { topics: self.topology.topics().to_vec(), records: Vec::new() };
        self.task.prepare(&mut sent).err().map(|error| error.to_string())
    }

    /// The last record of a key; null if it is a tombstone or was never emitted.
    pub(crate) fn record(&self, topic: &str, key: &str) -> Value {
        self.outputs.get(&format!("{topic}: {key}")).cloned().unwrap_or(Value::Null)
    }

    /// The last records of all keys with this prefix.
    pub(crate) fn records(&self, topic: &str, prefix: &str) -> impl Iterator<Item = &Value> {
        let prefix = format!("{topic}: {prefix}");
        let of =
            self.outputs.iter().filter(move |(name, value)| name.starts_with(&prefix) && !value.is_null());
        of.map(|(_, value)| value)
    }

    /// Number of records in the last commit, without the changelog.
    pub(crate) fn emitted(&self) -> usize {
        self.emitted
    }

    /// Number of violated invariants.
    pub(crate) fn violations(&self) -> usize {
        self.notices.keys().filter(|notice| matches!(notice, Notice::Violation(_))).count()
    }

    /// Whether any record of a key was ever emitted, including tombstones.
    pub(crate) fn has_emitted(&self, topic: &str, key: &str) -> bool {
        self.outputs.contains_key(&format!("{topic}: {key}"))
    }

    /// Value of a counter.
    pub(crate) fn count(&self, notice: impl Into<Notice>) -> u64 {
        self.notices.get(&notice.into()).copied().unwrap_or(0)
    }

    /// Number of state keys that contain this text.
    pub(crate) fn keys_with(&self, text: &str) -> usize {
        let keys = self.changelog.keys().map(|key| String::from_utf8_lossy(key).into_owned());
        keys.filter(|key| key.contains(text)).count()
    }
}

fn task(topology: &Arc<Topology>) -> Task {
    let mut task = new_task(topology);
    task.restored(0).unwrap();
    task
}

/// A task in the restoring state.
fn new_task(topology: &Arc<Topology>) -> Task {
    let store = Box::new(MemoryStore::default());
    let mut task = Task::new(0, 1, Arc::clone(topology), Limits::default(), store);
    task.become_phase(Phase::Restoring);
    task
}

struct Sent {
    topics: Vec<String>,
    records: Vec<(String, Vec<u8>, Option<Vec<u8>>)>,
}

impl Sink for Sent {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        let topic = self.topics[record.topic.index()].clone();
        self.records.push((topic, record.key.unwrap_or_default().to_vec(), record.value.map(<[u8]>::to_vec)));
        Ok(())
    }
}
