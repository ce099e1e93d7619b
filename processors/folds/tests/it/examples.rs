// SPDX-License-Identifier: Apache-2.0

//! The examples in `schemas/examples` are the records that the real task makes of the events there, with the same fields in the
//! same order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{MemoryStore, NoHeaders, OutputRecord, Phase, Sink, SinkError, SourceRecord, Task};
use model::Limits;
use serde_json::Value;

/// The example record of each topic.
const EXAMPLES: [(&str, &str); 9] = [
    ("cx.activities", "conversation-1/message-1"),
    ("cx.timelines", "conversation-1/event-6"),
    ("cx.conversations", "conversation-1"),
    ("cx.customers", "customer-1"),
    ("cx.metrics", "queue/support/900000/1749999600000"),
    ("cx.audit", "conversation-1/event-2"),
    ("cx.bot-training", "conversation-1/message-1"),
    ("cx.alerts", "conversation-1/customer-inactive/event-6/session-1"),
    ("cx.agents", "agent-1"),
];

fn schemas() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas")).to_owned()
}

fn text_of(file: &str) -> String {
    std::fs::read_to_string(schemas().join(file)).unwrap_or_else(|error| panic!("schemas/{file}: {error}"))
}

fn example(topic: &str) -> String {
    text_of(&format!("examples/{topic}.json"))
}

/// The last value of each topic and key, as text.
struct Last {
    topics: Vec<String>,
    records: BTreeMap<(String, String), String>,
}

impl Sink for Last {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        let topic = self.topics[record.topic.index()].clone();
        if topic.starts_with("cx.") {
            let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
            self.records.insert((topic, text(record.key)), text(record.value));
        }
        Ok(())
    }
}

/// The records of the examples: topic and value.
fn inputs() -> Vec<(&'static str, String)> {
    let events = text_of("examples/events.ndjson");
    let states = text_of("examples/agent-states.ndjson");
    let state = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["topic"], testkit::AGENT_STATES);
        (testkit::AGENT_STATES, record["value"].as_str().unwrap().to_owned())
    };
    let events = events.lines().map(|line| ("cx.events", line.to_owned()));
    events.chain(states.lines().skip(1).map(state)).collect()
}

/// What the real task makes of the events and of the agents' states.
fn records() -> BTreeMap<(String, String), String> {
    let topology = Arc::new(testkit::topology());
    let store = Box::new(MemoryStore::default());
    let mut task = Task::new(0, 1, Arc::clone(&topology), Limits::default(), store);
    task.become_phase(Phase::Restoring);
    task.restored(0).unwrap();
    for (offset, (topic, line)) in (0..).zip(inputs()) {
        let record = SourceRecord {
            topic,
            partition: 0,
            offset,
            timestamp_ms: None,
            key: None,
            value: Some(line.as_bytes()),
            headers: &NoHeaders,
            conversation: None,
        };
        task.process(&record, 0).unwrap();
    }
    let mut last = Last { topics: topology.topics().to_vec(), records: BTreeMap::new() };
    task.prepare(&mut last).unwrap();
    last.records
}

/// The same JSON without whitespace between tokens.
fn compact(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let is_token = |c: &char| {
        let was_in_text = in_text;
        in_text ^= *c == '"' && !escaped;
        escaped = was_in_text && *c == '\\' && !escaped;
        was_in_text || !c.is_ascii_whitespace()
    };
    json.chars().filter(is_token).collect()
}

#[test]
fn each_example_is_the_record_that_the_events_give() {
    let records = records();
    for (topic, key) in EXAMPLES {
        let record = records.get(&(topic.to_owned(), key.to_owned()));
        assert_eq!(
            compact(&example(topic)),
            *record.unwrap_or_else(|| panic!("{topic} has no record {key}")),
            "schemas/examples/{topic}.json is not what cx-timelines fold prints for {key} of the inputs in schemas/examples"
        );
    }
}

#[test]
fn the_tables_name_every_field_of_the_products() {
    let readme = text_of("README.md");
    for topic in ["cx.audit", "cx.bot-training", "cx.alerts", "cx.agents"] {
        let section = readme.split("\n## ").find(|section| section.starts_with(topic)).unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let documented: BTreeSet<String> = rows.map(|(field, _)| field.to_owned()).collect();
        let mut fields = BTreeSet::new();
        collect("", &serde_json::from_str(&example(topic)).unwrap(), &mut fields);
        assert_eq!(documented, fields, "the table of {topic} in schemas/README.md, and its example");
    }
}

/// All fields, nested ones as `outer.inner`, and those in lists as `outer[].inner`. Bodies may have any fields.
fn collect(prefix: &str, value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                // The actor has the same fields everywhere.
                if !matches!(name.as_str(), "body" | "actor" | "channel") {
                    collect(&path, value, fields);
                }
                fields.insert(path);
            }
        }
        Value::Array(list) => list.iter().for_each(|item| collect(&format!("{prefix}[]"), item, fields)),
        _ => {}
    }
}
