//! One task with all processors, on a partition that a test may let catch up, and where it sees what the driver does not
//! show: what was counted.

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

/// All processors, each with its topic: the processor's name after `cx.`.
pub(crate) fn topology(settings: &Settings) -> Topology {
    let mut topology = Topology::new(INNER);
    for name in folds::NAMES {
        let processor = folds::by_name(name, settings).unwrap();
        let output = format!("cx.{name}");
        let writes = vec![output.as_str(); processor.outputs()];
        topology.add(processor, &writes).unwrap();
    }
    topology
}

/// The task, and what its partition's consumers see.
pub(crate) struct OneTask {
    topology: Arc<Topology>,
    task: Task,
    offset: i64,
    changelog: BTreeMap<Vec<u8>, Vec<u8>>,
    outputs: BTreeMap<String, Value>,
    notices: BTreeMap<Notice, u64>,
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
        }
    }

    /// From now on things may expire.
    pub(crate) fn catch_up(&mut self) {
        self.task.caught_up();
    }

    /// Takes events, and commits.
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
        let topics = self.topology.topics().to_vec();
        let mut sent = Sent { topics, records: Vec::new() };
        self.task.prepare(&mut sent).unwrap();
        for (topic, key, value) in sent.records {
            match (topic.as_str(), value) {
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

    /// The task is restored elsewhere; there it has not caught up yet.
    pub(crate) fn move_elsewhere(&mut self) {
        self.task = task(&self.topology);
        for (key, value) in &self.changelog {
            self.task.restore(0, key, Some(value)).unwrap();
        }
        self.task.restored(0).unwrap();
    }

    /// The task is restored under other settings and takes an event: why it refuses to commit, if it does.
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

    /// The last record of a key; null is a tombstone, or nothing was ever emitted.
    pub(crate) fn record(&self, topic: &str, key: &str) -> Value {
        self.outputs.get(&format!("{topic}: {key}")).cloned().unwrap_or(Value::Null)
    }

    /// Whether anything was ever emitted of a key, tombstones included.
    pub(crate) fn has_emitted(&self, topic: &str, key: &str) -> bool {
        self.outputs.contains_key(&format!("{topic}: {key}"))
    }

    /// How often something was counted.
    pub(crate) fn count(&self, notice: Notice) -> u64 {
        self.notices.get(&notice).copied().unwrap_or(0)
    }

    /// How many keys of the state have this text in them.
    pub(crate) fn keys_with(&self, text: &str) -> usize {
        let keys = self.changelog.keys().map(|key| String::from_utf8_lossy(key).into_owned());
        keys.filter(|key| key.contains(text)).count()
    }
}

fn task(topology: &Arc<Topology>) -> Task {
    let store = Box::new(MemoryStore::default());
    let mut task = Task::new(0, 1, Arc::clone(topology), Limits::default(), store);
    task.become_phase(Phase::Restoring);
    task.become_phase(Phase::Running);
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
