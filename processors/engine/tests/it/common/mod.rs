// SPDX-License-Identifier: Apache-2.0

//! Shared test code: a task with given processors, the records that it takes, and what it sends.
#![allow(dead_code, reason = "not every test needs everything")]

use std::sync::Arc;

use engine::{
    InnerTopics, MemoryStore, NoHeaders, OutputRecord, Phase, Route, Sink, SinkError, SourceRecord, Task,
    Topology,
};
use model::Limits;
use serde_json::json;

/// The time of all events.
pub(crate) const AT: i64 = 1_750_000_000_000;
/// The index of the first output's topic: dead letters, changelog and repartition topic come first.
pub(crate) const FIRST_OUTPUT: usize = 3;

/// A topology without processors and without erasure requests.
pub(crate) fn topology() -> Topology {
    Topology::new(InnerTopics {
        dead_letters: "letters",
        changelog: "changelog",
        repartition: "repartition",
        erasures: None,
    })
}

/// A new task of one of so many partitions.
pub(crate) fn created(topology: impl Into<Arc<Topology>>, partition: i32, partitions: i32) -> Task {
    let store = Box::new(MemoryStore::default());
    Task::new(partition, partitions, topology.into(), Limits::default(), store)
}

/// The only task of a topology, while it restores its state.
pub(crate) fn restoring(topology: impl Into<Arc<Topology>>) -> Task {
    let mut task = created(topology, 0, 1);
    assert!(task.become_phase(Phase::Restoring));
    task
}

/// A task of one of so many partitions, with an empty state.
pub(crate) fn running_in(topology: impl Into<Arc<Topology>>, partition: i32, partitions: i32) -> Task {
    let mut task = created(topology, partition, partitions);
    assert!(task.become_phase(Phase::Restoring));
    task.restored(0).unwrap();
    task
}

/// The only task of a topology, with an empty state.
pub(crate) fn running(topology: impl Into<Arc<Topology>>) -> Task {
    running_in(topology, 0, 1)
}

/// An event of a conversation.
pub(crate) fn event(id: &str, name: &str, conversation: &str) -> String {
    json!({"id": id, "name": name, "timestamp": AT, "conversationId": conversation}).to_string()
}

/// The first record of a topic, without a key.
pub(crate) fn record<'a>(topic: &'a str, value: &'a [u8]) -> SourceRecord<'a> {
    SourceRecord {
        topic,
        partition: 0,
        offset: 0,
        timestamp_ms: None,
        key: None,
        value: Some(value),
        headers: &NoHeaders,
        conversation: None,
    }
}

/// What a task sent, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent(pub(crate) Vec<SentRecord>);

/// A record that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentRecord {
    /// The index of its topic.
    pub(crate) topic: usize,
    /// The key that chooses its partition, if one does.
    pub(crate) routed_by: Option<Vec<u8>>,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
    /// Each as NAME=VALUE.
    pub(crate) headers: Vec<String>,
}

impl SentRecord {
    /// Its value, which is no tombstone.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.value.as_deref().unwrap()
    }

    /// Its key and value as text.
    pub(crate) fn texts(&self) -> (&str, &str) {
        (str::from_utf8(&self.key).unwrap(), str::from_utf8(self.bytes()).unwrap())
    }
}

impl Sent {
    /// What went to the topic of this index.
    pub(crate) fn to(&self, topic: usize) -> Vec<&SentRecord> {
        self.0.iter().filter(|record| record.topic == topic).collect()
    }
}

impl Sink for Sent {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        let header = |(name, value): &(&str, Option<&[u8]>)| {
            format!("{name}={}", String::from_utf8_lossy(value.unwrap_or_default()))
        };
        self.0.push(SentRecord {
            topic: record.topic.index(),
            routed_by: match record.route {
                Route::Key(key) => Some(key.to_vec()),
                Route::Partition(_) | Route::Source(_) => None,
            },
            key: record.key.unwrap_or_default().to_vec(),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.iter().map(header).collect(),
        });
        Ok(())
    }
}

/// What a task sends in its next transaction, which stays open.
pub(crate) fn prepared(task: &mut Task) -> Sent {
    let mut sent = Sent::default();
    task.prepare(&mut sent).unwrap();
    sent
}

/// What a task sends in its next transaction, which is committed.
pub(crate) fn committed(task: &mut Task) -> Sent {
    let sent = prepared(task);
    task.committed(None).unwrap();
    sent
}
