// SPDX-License-Identifier: Apache-2.0

//! Checks that the state stays flat while conversations come and go for half a year.
//!
//! `cargo bench -p folds --bench soak` folds 200,000 short conversations, four and a half minutes apart by event time, with all
//! processors and the limits of topics.yaml. It prints the size of the state as it grows and levels off, and the time to
//! restore it. The metrics windows (90 days) are kept longest, then the records of forgotten conversations (30 days).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark, for a terminal"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use engine::{
    MemoryStore, NoHeaders, OutputRecord, Phase, Sink, SinkError, SourceRecord, Task, TopicId, Topology,
};
use model::Limits;
use serde_json::{Value, json};

const CONVERSATIONS: i64 = 200_000;
const SHOW_EVERY: i64 = 20_000;
const APART_MS: i64 = 180 * 86_400_000 / CONVERSATIONS;
const COMMIT_EVERY: i64 = 100;

/// Discards all outputs except the changelog, of which it keeps the last record of each key, as Kafka does.
struct Changelog {
    topic: TopicId,
    records: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Sink for Changelog {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        if record.topic == self.topic {
            let key = record.key.unwrap_or_default();
            match record.value {
                Some(value) => self.records.insert(key.to_vec(), value.to_vec()),
                None => self.records.remove(key),
            };
        }
        Ok(())
    }
}

fn new_task(topology: &Arc<Topology>) -> Task {
    let store = Box::new(MemoryStore::default());
    let mut task = Task::new(0, 1, Arc::clone(topology), Limits::default(), store);
    task.become_phase(Phase::Restoring);
    task
}

/// The time to restore all of it, in milliseconds.
fn restore(topology: &Arc<Topology>, changelog: &Changelog) -> f64 {
    let began = Instant::now();
    let mut task = new_task(topology);
    for (offset, (key, value)) in (0..).zip(&changelog.records) {
        task.restore(offset, key, Some(value)).unwrap();
    }
    task.restored(0).unwrap();
    began.elapsed().as_secs_f64() * 1e3
}

/// A short chat with a queue, an agent, a reaction to a message that never arrives, and an event with only a session.
fn conversation(number: i64) -> Vec<(i64, Value)> {
    let at = |second: i64| 1_750_000_000_000 + number * APART_MS + second * 1000;
    let session = json!({"id": format!("s{number}"), "channel": {"channelType": {"name": "WEB"}}});
    let event = |id: &str, name: &str, second: i64, data: Value| {
        let event = json!({"id": format!("{id}-{number}"), "name": name, "timestamp": at(second), "data": data,
            "conversationId": format!("c{number}"), "channelSession": session});
        (at(second), event)
    };
    let message = |actor: &str, id: &str| json!({"id": format!("m{id}"), "header": {"sender": {"type": actor, "id": "x"}}, "body": {"type": "PLAIN", "text": "hello"}});
    let agent = json!({"agentParticipant": {"role": "PRIMARY", "participant": {"id": format!("agent {}", number % 40)}}});
    let nowhere =
        json!({"header": {"originalMessageId": "nowhere"}, "body": {"kind": "EMOJI", "value": "!"}});
    let mut by_session = event("recording", "ANYTHING", 6, json!({}));
    by_session.1.as_object_mut().unwrap().remove("conversationId");
    vec![
        event("start", "CHANNEL_SESSION_STARTED", 0, json!({})),
        event("ask", "CUSTOMER_MESSAGE", 1, message("CUSTOMER", "1")),
        event("queue", "TASK_ENQUEUED", 2, json!({"queue": {"name": "sales"}})),
        event("join", "AGENT_SUBSCRIBED", 3, agent),
        event("answer", "AGENT_MESSAGE", 4, message("AGENT", "2")),
        event("lost", "REACTION", 5, nowhere),
        by_session,
        event("close", "CONVERSATION_CLOSED", 7, json!({})),
    ]
}

fn main() {
    let topology = Arc::new(testkit::topology());
    let mut changelog = Changelog { topic: topology.changelog(), records: BTreeMap::new() };
    let mut task = new_task(&topology);
    task.become_phase(Phase::Running);
    task.caught_up();
    println!(
        "{:>14} {:>6} {:>14} {:>12} {:>10} {:>11}",
        "conversations", "days", "state records", "state MB", "µs/event", "restore ms"
    );
    let (mut offset, mut began, mut events) = (0, Instant::now(), 0_u32);
    for number in 1..=CONVERSATIONS {
        for (at, event) in conversation(number) {
            let value = event.to_string().into_bytes();
            let record = SourceRecord {
                topic: "events",
                partition: 0,
                offset,
                timestamp_ms: Some(at),
                key: None,
                value: Some(&value),
                headers: &NoHeaders,
                conversation: None,
            };
            task.process(&record, at).unwrap();
            offset += 1;
            events += 1;
        }
        if number % COMMIT_EVERY == 0 {
            task.prepare(&mut changelog).unwrap();
            task.committed(None).unwrap();
        }
        if number % SHOW_EVERY == 0 {
            let state = task.state();
            let each = began.elapsed().as_secs_f64() * 1e6 / f64::from(events);
            let days = number * APART_MS / 86_400_000;
            println!(
                "{number:>14} {days:>6} {:>14} {:>12.1} {each:>10.1} {:>11.0}",
                state.records,
                state.bytes as f64 / 1e6,
                restore(&topology, &changelog)
            );
            (began, events) = (Instant::now(), 0);
        }
    }
}
