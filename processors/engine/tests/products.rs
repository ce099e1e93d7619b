//! Products without state: what they emit while records are taken is staged like all else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::sync::Arc;

use engine::{
    Context, HEADER_PROCESSOR, HEADER_SCHEMA, InnerTopics, MemoryStore, NoHeaders, Outcome, OutputRecord,
    Phase, ProcessError, Processor, Product, Route, Sink, SinkError, SourceRecord, Task, TaskError, Topology,
};
use model::{Event, Home, Limits};
use serde_json::json;

/// Repeats each event's name, under its id. The output is given.
struct Echo(usize);

impl Processor for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }
    fn namespace(&self) -> u8 {
        b'e'
    }
    fn products(&self) -> &'static [Product] {
        const { &[Product::new("out", "echo/1")] }
    }
    fn wants(&self, _home: &Home<'_>) -> bool {
        true
    }
    fn process(
        &self,
        event: &Event<'_>,
        _record: &SourceRecord<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        context.emit(self.0, b"place", event.id.as_bytes(), Some(event.name.as_bytes().to_vec()))?;
        Ok(Outcome::Ignored)
    }
}

fn topology() -> Topology {
    Topology::new(InnerTopics {
        dead_letters: "letters",
        changelog: "changelog",
        repartition: "repartition",
        erasures: None,
    })
}

fn published(output: usize) -> Topology {
    let mut topology = topology();
    topology.add(Box::new(Echo(output)), &["echoes"]).unwrap();
    topology
}

fn task(topology: Topology) -> Task {
    let store = Box::new(MemoryStore::default());
    let mut task = Task::new(0, 1, Arc::new(topology), Limits::default(), store);
    task.become_phase(Phase::Restoring);
    task.restored(0).unwrap();
    task
}

fn take(task: &mut Task, id: &str, name: &str) -> Result<(), TaskError> {
    let event = json!({"id": id, "name": name, "timestamp": 1_750_000_000_000_i64, "conversationId": "c"})
        .to_string();
    let record = SourceRecord {
        topic: "events",
        partition: 0,
        offset: 0,
        timestamp_ms: None,
        key: None,
        value: Some(event.as_bytes()),
        headers: &NoHeaders,
        conversation: None,
    };
    task.process(&record, 0)
}

/// What reaches topic `echoes`: key, value and headers.
#[derive(Default)]
struct Echoes(Vec<String>);

impl Sink for Echoes {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
        if record.topic.index() < topology().topics().len() {
            return Ok(());
        }
        assert_eq!(record.route, Route::Key(b"place"));
        let headers: Vec<String> =
            record.headers.iter().map(|(name, value)| format!("{name}={}", text(*value))).collect();
        self.0.push(format!("{} {} {}", text(record.key), text(record.value), headers.join(" ")));
        Ok(())
    }
}

fn prepared(task: &mut Task) -> Vec<String> {
    let mut echoes = Echoes::default();
    task.prepare(&mut echoes).unwrap();
    echoes.0
}

#[test]
fn all_that_was_emitted_leaves_with_the_transaction_in_order_and_with_its_headers() {
    let mut task = task(published(0));
    for (id, name) in [("e2", "B"), ("e1", "A"), ("e2", "C")] {
        take(&mut task, id, name).unwrap();
    }
    let headers = format!("{HEADER_PROCESSOR}=echo {HEADER_SCHEMA}=echo/1");
    let expected = ["e2 B", "e1 A", "e2 C"].map(|record| format!("{record} {headers}"));
    assert_eq!(prepared(&mut task), expected);
    task.committed(None).unwrap();
    assert_eq!(prepared(&mut task), Vec::<String>::new());
}

#[test]
fn what_an_aborted_transaction_emitted_is_dropped() {
    let mut task = task(published(0));
    take(&mut task, "e1", "A").unwrap();
    task.aborted();
    assert_eq!(prepared(&mut task), Vec::<String>::new());
}

#[test]
fn what_is_emitted_counts_in_the_size_of_the_transaction() {
    let mut silent = topology();
    silent.add_silent(Box::new(Echo(0))).unwrap();
    let (mut silent, mut loud) = (task(silent), task(published(0)));
    for task in [&mut silent, &mut loud] {
        take(task, "e1", "NAME").unwrap();
    }
    assert_eq!(loud.staged_bytes(), silent.staged_bytes() + "place".len() + "e1".len() + "NAME".len());
}

#[test]
fn what_a_silent_processor_emits_goes_nowhere() {
    let mut silent = topology();
    silent.add_silent(Box::new(Echo(0))).unwrap();
    let mut task = task(silent);
    take(&mut task, "e1", "A").unwrap();
    assert_eq!(prepared(&mut task), Vec::<String>::new());
}

#[test]
fn an_output_that_is_not_declared_stops_the_task() {
    let refused = take(&mut task(published(1)), "e1", "A");
    assert!(matches!(refused, Err(TaskError::Fatal { .. })), "{refused:?}");
}
