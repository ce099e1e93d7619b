// SPDX-License-Identifier: Apache-2.0

//! Shared code of the folds benchmarks: a task with all processors, an endless chat, and a sink for the outputs.
#![allow(dead_code, unreachable_pub, reason = "each benchmark uses its part")]

use std::path::Path;
use std::sync::Arc;

use disk::{Budget, Home, Stamp};
use engine::{NoHeaders, OutputRecord, Phase, Sink, SinkError, SourceRecord, StateStore, Task, Topology};
use model::Limits;
use serde_json::{Value, json};

/// Counts bytes and discards them, including the messages of `metrics` to its second stage.
#[derive(Default)]
pub struct Nowhere(pub usize);

impl Sink for Nowhere {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        self.0 += record.value.map_or(0, <[u8]>::len);
        Ok(())
    }
}

/// A running task with all processors and this store.
pub fn task_on(store: Box<dyn StateStore>) -> Task {
    task_of(Arc::new(testkit::topology()), store)
}

/// A running task with this topology and store.
pub fn task_of(topology: Arc<Topology>, store: Box<dyn StateStore>) -> Task {
    let mut task = Task::new(0, 1, topology, Limits::default(), store);
    task.become_phase(Phase::Restoring);
    task.become_phase(Phase::Running);
    task
}

/// Memory that remains for the state with `run --memory 192MiB`, the default.
const STATE_MEMORY: u64 = 66 << 20;

/// An empty store as the program uses it, in this directory.
pub fn disk_store(directory: &Path) -> Box<dyn StateStore> {
    let home = Home::open(directory, Budget { memory_bytes: STATE_MEMORY }).unwrap();
    let (store, _) = home.store(0, &Stamp::default()).unwrap();
    Box::new(store)
}

/// An event of a chat: a customer and an agent take turns, and messages are delivered.
pub fn event(number: usize, step: usize) -> Vec<u8> {
    let id = format!("event-{number}-{step}");
    let at = 1_750_000_000_000 + i64::try_from(step).unwrap() * 1_000;
    let session = json!({"id": format!("session-{number}"), "channel": {"channelType": {"name": "WEB"}}, "customer": {"_id": "cy"}});
    let (name, data) = match step {
        0 => ("CHANNEL_SESSION_STARTED", json!({})),
        1 => ("TASK_ENQUEUED", json!({"task": {"id": "task"}, "queue": {"name": "sales"}})),
        2 => (
            "AGENT_SUBSCRIBED",
            json!({"agentParticipant": {"role": "PRIMARY", "participant": {"id": "ann"}}}),
        ),
        step => match step % 3 {
            0 => ("CUSTOMER_MESSAGE", message(&id, "CUSTOMER", "cy")),
            1 => ("AGENT_MESSAGE", message(&id, "AGENT", "ann")),
            _ => (
                "MESSAGE_DELIVERY_NOTIFICATION",
                json!({"body": {"messageId": format!("m-event-{number}-{}", step - 1), "status": "DELIVERED"}}),
            ),
        },
    };
    let conversation = format!("conversation-{number}");
    let event = json!({"id": id, "name": name, "timestamp": at, "conversationId": conversation, "channelSession": session, "data": data});
    event.to_string().into_bytes()
}

fn message(event: &str, actor_type: &str, id: &str) -> Value {
    let header = json!({"sender": {"type": actor_type, "id": id, "senderName": id}});
    json!({"id": format!("m-{event}"), "header": header, "body": {"type": "PLAIN", "markdownText": "What was said here is not long."}})
}

/// A record of the input.
pub fn record(value: &[u8], offset: i64) -> SourceRecord<'_> {
    SourceRecord {
        topic: "events",
        partition: 0,
        offset,
        timestamp_ms: None,
        key: None,
        value: Some(value),
        headers: &NoHeaders,
        conversation: None,
    }
}
