//! What an event costs in a short, a long and a very long conversation: in order, and with one event in a hundred late.
//!
//! `cargo bench -p folds --bench long_conversations` prints microseconds for each event, with all processors on and the
//! state in memory. A late event makes its conversation be scanned anew, once for each commit.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark, for a terminal"
)]

use std::sync::Arc;
use std::time::Instant;

use engine::{MemoryStore, NoHeaders, OutputRecord, Phase, Sink, SinkError, SourceRecord, Task};
use model::Limits;
use serde_json::json;

const LENGTHS: [usize; 3] = [200, 2_000, 20_000];
const BATCHES: [usize; 3] = [1, 20, 500];
/// So many events are folded for each figure, in as many conversations as that takes.
const EVENTS: usize = 20_000;
const ROUNDS: usize = 3;

/// Counts bytes and forgets them.
struct Nowhere(usize);

impl Sink for Nowhere {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        self.0 += record.value.map_or(0, <[u8]>::len);
        Ok(())
    }
}

/// A chat: a customer and an agent take turns, messages are delivered.
fn conversation(number: usize, length: usize) -> Vec<Vec<u8>> {
    let conversation = format!("conversation-{number}");
    let at = |step: usize| 1_750_000_000_000 + i64::try_from(step).unwrap() * 1_000;
    let session = json!({"id": format!("session-{number}"), "channel": {"channelType": {"name": "WEB"}}, "customer": {"_id": "cy"}});
    let event = |step: usize| {
        let id = format!("event-{number}-{step}");
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
        let event = json!({"id": id, "name": name, "timestamp": at(step), "conversationId": conversation, "channelSession": session, "data": data});
        event.to_string().into_bytes()
    };
    (0..length).map(event).collect()
}

fn message(event: &str, actor_type: &str, id: &str) -> serde_json::Value {
    let header = json!({"sender": {"type": actor_type, "id": id, "senderName": id}});
    json!({"id": format!("m-{event}"), "header": header, "body": {"type": "PLAIN", "markdownText": "What was said here is not long."}})
}

/// Every hundredth event comes ten places later.
fn with_late_ones(events: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut order: Vec<usize> = (0..events.len()).collect();
    order.sort_by_key(|place| if place % 100 == 50 { place + 10 } else { *place });
    order.into_iter().map(|place| events[place].clone()).collect()
}

/// Microseconds for each event.
fn fold(conversations: &[Vec<Vec<u8>>], batch: usize) -> f64 {
    let topology = Arc::new(testkit::topology());
    let mut task = Task::new(0, 1, topology, Limits::default(), Box::new(MemoryStore::default()));
    task.become_phase(Phase::Restoring);
    task.become_phase(Phase::Running);
    let mut sink = Nowhere(0);
    let began = Instant::now();
    let mut offset = 0;
    for events in conversations {
        for chunk in events.chunks(batch) {
            for value in chunk {
                task.process(&record(value, offset), 0).unwrap();
                offset += 1;
            }
            task.prepare(&mut sink).unwrap();
            task.committed(None).unwrap();
        }
    }
    assert!(sink.0 > 0);
    began.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(offset).unwrap())
}

fn record(value: &[u8], offset: i64) -> SourceRecord<'_> {
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

fn main() {
    println!("microseconds for each event, least of {ROUNDS} rounds");
    println!("{:>8} {:>12} {:>12} {:>12}", "events", "a commit for", "in order", "1 % late");
    for length in LENGTHS {
        let in_order: Vec<Vec<Vec<u8>>> =
            (0..EVENTS / length).map(|number| conversation(number, length)).collect();
        let late: Vec<Vec<Vec<u8>>> = in_order.iter().map(|events| with_late_ones(events)).collect();
        for batch in BATCHES {
            let least = |events: &[Vec<Vec<u8>>]| {
                (0..ROUNDS).map(|_| fold(events, batch)).fold(f64::INFINITY, f64::min)
            };
            println!("{length:>8} {batch:>12} {:>12.1} {:>12.1}", least(&in_order), least(&late));
        }
    }
}
