// SPDX-License-Identifier: Apache-2.0

//! Measures the cost of a `READ` in conversations of 10, 1,000 and 10,000 messages: it covers the messages since the last one
//! (contract A7), and must not depend on the conversation's length.
//!
//! `cargo bench -p folds --bench reads` prints microseconds for each `READ`, with a commit for each, all processors and the
//! state in memory: on the newest message, by the number of messages since the last `READ`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark, for a terminal")]

mod common;

use std::time::{Duration, Instant};

use common::{Nowhere, record, task_on};
use engine::{MemoryStore, Task};
use serde_json::json;

const LENGTHS: [usize; 3] = [10, 1_000, 10_000];
const SINCE: [usize; 3] = [1, 10, 100];
/// Number of measurements; the minimum counts.
const ROUNDS: usize = 30;

/// A conversation that continues.
struct Chat {
    task: Task,
    messages: usize,
    events: i64,
}

impl Chat {
    fn new(messages: usize) -> Self {
        let mut chat = Self { task: task_on(Box::new(MemoryStore::default())), messages: 0, events: 0 };
        (0..messages).for_each(|_| chat.say());
        chat.commit();
        chat.read();
        chat
    }

    fn take(&mut self, name: &str, data: &serde_json::Value) {
        let at = 1_750_000_000_000 + self.events * 1_000;
        let id = format!("event-{}", self.events);
        let event = json!({"id": id, "name": name, "timestamp": at, "conversationId": "c", "data": data});
        self.task.process(&record(event.to_string().as_bytes(), self.events), 0).unwrap();
        self.events += 1;
    }

    fn say(&mut self) {
        self.messages += 1;
        let header = json!({"sender": {"type": "AGENT", "id": "ann"}});
        let id = format!("m-{}", self.messages);
        self.take("AGENT_MESSAGE", &json!({"id": id, "header": header, "body": {"type": "PLAIN"}}));
    }

    /// Marks the newest message as read; returns the time that takes, including the commit.
    fn read(&mut self) -> Duration {
        let began = Instant::now();
        let id = format!("m-{}", self.messages);
        self.take("MESSAGE_DELIVERY_NOTIFICATION", &json!({"body": {"messageId": id, "status": "READ"}}));
        self.commit();
        began.elapsed()
    }

    fn commit(&mut self) {
        self.task.prepare(&mut Nowhere::default()).unwrap();
        self.task.committed(None).unwrap();
    }
}

fn main() {
    println!("microseconds for a READ, least of {ROUNDS}");
    println!("{:>8} {:>12} {:>12} {:>12}", "messages", "1 since", "10 since", "100 since");
    for length in LENGTHS {
        let mut chat = Chat::new(length);
        let least = SINCE.map(|since| {
            let rounds = (0..ROUNDS).map(|_| {
                (0..since).for_each(|_| chat.say());
                chat.commit();
                chat.read()
            });
            rounds.min().unwrap_or_default().as_secs_f64() * 1e6
        });
        let [one, ten, hundred] = least;
        println!("{length:>8} {one:>12.0} {ten:>12.0} {hundred:>12.0}");
    }
}
