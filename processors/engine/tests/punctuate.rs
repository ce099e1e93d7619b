//! What is due by the clock on the wall, though nothing comes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::sync::Arc;

use engine::{
    Committed, Context, Emitter, InnerTopics, MemoryStore, NoHeaders, Outcome, OutputRecord, Phase,
    ProcessError, Processor, Product, Punctuate, Sink, SinkError, SourceOffset, SourceRecord, Task, Topology,
};
use model::{Event, Home, Limits};
use serde_json::json;

/// Sets a timer for each event, for its own time, and says when it fires.
struct Alarm;

impl Processor for Alarm {
    fn name(&self) -> &'static str {
        "alarm"
    }
    fn namespace(&self) -> u8 {
        b'a'
    }
    fn products(&self) -> &'static [Product] {
        const { &[Product::new("out", "alarm/1")] }
    }

    fn as_punctuate(&self) -> Option<&dyn Punctuate> {
        Some(self)
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
        context.put(&event.at.to_be_bytes(), b"");
        Ok(Outcome::Folded)
    }
}

impl Punctuate for Alarm {
    fn next_due(&self, state: &Committed<'_>) -> Result<Option<i64>, ProcessError> {
        state.first(b"", |key| i64::from_be_bytes(key.try_into().unwrap()))
    }

    fn punctuate(&self, now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let mut due: Vec<Vec<u8>> = Vec::new();
        emitter.scan_all(b"", |key, _| due.push(key.to_vec()))?;
        due.retain(|key| i64::from_be_bytes(key.as_slice().try_into().unwrap()) <= now_ms);
        for key in due {
            emitter.emit(0, b"c", b"fires", Some(&key))?;
            emitter.delete(&key);
        }
        Ok(())
    }
}

/// The topics that were written to.
#[derive(Default)]
struct Written(Vec<usize>);

impl Sink for Written {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        self.0.push(record.topic.index());
        Ok(())
    }
}

/// The number of its output's topic: behind the three that every topology has.
const ALARMS: usize = 3;
const T: i64 = 1_750_000_000_000;

/// A task that has committed events at these times.
fn task(times: &[i64]) -> Task {
    let mut topology = Topology::new(InnerTopics {
        dead_letters: "letters",
        changelog: "changelog",
        repartition: "repartition",
        erasures: Some("erasures"),
    });
    topology.add(Box::new(Alarm), &["alarms"]).unwrap();
    let store = Box::new(MemoryStore::default());
    let mut task = Task::new(0, 1, Arc::new(topology), Limits::default(), store);
    task.become_phase(Phase::Restoring);
    task.restored(0).unwrap();
    for (offset, at) in (0..).zip(times) {
        let event = json!({"id": at.to_string(), "name": "X", "timestamp": at, "conversationId": "c"});
        take(&mut task, "events", offset, &event.to_string());
    }
    commit(&mut task);
    task
}

fn take(task: &mut Task, topic: &str, offset: i64, value: &str) {
    let record = SourceRecord {
        topic,
        partition: 0,
        offset,
        timestamp_ms: None,
        key: None,
        value: Some(value.as_bytes()),
        headers: &NoHeaders,
        conversation: None,
    };
    task.process(&record, 0).unwrap();
}

/// Commits; gives how often the alarm rang.
fn commit(task: &mut Task) -> usize {
    let mut written = Written::default();
    task.prepare(&mut written).unwrap();
    task.committed(None).unwrap();
    written.0.iter().filter(|topic| **topic == ALARMS).count()
}

fn place() -> SourceOffset {
    SourceOffset { topic: "events".to_owned(), partition: 0, next: 2 }
}

#[test]
fn what_is_due_is_done_once_in_a_transaction_with_the_place_where_the_input_is_committed_to() {
    let mut task = task(&[T, T + 10]);
    assert_eq!(task.next_due().unwrap(), Some(T));
    assert!(task.is_clean());
    task.punctuate(T + 5, place());
    assert_eq!(task.offsets(), [place()]);
    assert_eq!(commit(&mut task), 1);
    assert_eq!(task.next_due().unwrap(), Some(T + 10));
    task.punctuate(T + 10, place());
    assert_eq!(commit(&mut task), 1);
    assert_eq!(task.next_due().unwrap(), None);
}

#[test]
fn what_is_taken_besides_moves_the_place_on() {
    let mut task = task(&[T, T + 10]);
    task.punctuate(T + 5, place());
    take(&mut task, "events", 2, "no event");
    task.punctuate(T + 5, place());
    assert_eq!(task.offsets(), [SourceOffset { next: 3, ..place() }]);
}

#[test]
fn what_was_rung_in_a_transaction_that_failed_is_still_due() {
    let mut task = task(&[T]);
    task.punctuate(T, place());
    task.prepare(&mut Written::default()).unwrap();
    task.aborted();
    assert!(task.is_clean());
    assert_eq!(commit(&mut task), 0, "nothing fires by itself");
    assert_eq!(task.next_due().unwrap(), Some(T));
    task.punctuate(T, place());
    assert_eq!(commit(&mut task), 1);
}
