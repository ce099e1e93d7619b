// SPDX-License-Identifier: Apache-2.0

//! What is due by the clock on the wall, though nothing comes.

use crate::common::{AT, FIRST_OUTPUT, committed, prepared, record, running, topology};
use engine::{
    Committed, Context, Emitter, Outcome, ProcessError, Processor, Product, Punctuate, SourceOffset,
    SourceRecord, Task,
};
use model::{Event, Home};
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

/// A task that has committed events at these times.
fn task(times: &[i64]) -> Task {
    let mut topology = topology();
    topology.add(Box::new(Alarm), &["alarms"]).unwrap();
    let mut task = running(topology);
    for (offset, at) in (0..).zip(times) {
        let event = json!({"id": at.to_string(), "name": "X", "timestamp": at, "conversationId": "c"});
        take(&mut task, "events", offset, &event.to_string());
    }
    commit(&mut task);
    task
}

fn take(task: &mut Task, topic: &str, offset: i64, value: &str) {
    task.process(&SourceRecord { offset, ..record(topic, value.as_bytes()) }, 0).unwrap();
}

/// Commits; gives how often the alarm rang.
fn commit(task: &mut Task) -> usize {
    committed(task).to(FIRST_OUTPUT).len()
}

fn place() -> SourceOffset {
    SourceOffset { topic: "events".to_owned(), partition: 0, next: 2 }
}

#[test]
fn what_is_due_is_done_once_in_a_transaction_with_the_place_where_the_input_is_committed_to() {
    let mut task = task(&[AT, AT + 10]);
    assert_eq!(task.next_due().unwrap(), Some(AT));
    assert!(task.is_clean());
    task.punctuate(AT + 5, place());
    assert_eq!(task.offsets(), [place()]);
    assert_eq!(commit(&mut task), 1);
    assert_eq!(task.next_due().unwrap(), Some(AT + 10));
    task.punctuate(AT + 10, place());
    assert_eq!(commit(&mut task), 1);
    assert_eq!(task.next_due().unwrap(), None);
}

#[test]
fn what_is_taken_besides_moves_the_place_on() {
    let mut task = task(&[AT, AT + 10]);
    task.punctuate(AT + 5, place());
    take(&mut task, "events", 2, "no event");
    task.punctuate(AT + 5, place());
    assert_eq!(task.offsets(), [SourceOffset { next: 3, ..place() }]);
}

#[test]
fn what_was_rung_in_a_transaction_that_failed_is_still_due() {
    let mut task = task(&[AT]);
    task.punctuate(AT, place());
    prepared(&mut task);
    task.aborted();
    assert!(task.is_clean());
    assert_eq!(commit(&mut task), 0, "nothing fires by itself");
    assert_eq!(task.next_due().unwrap(), Some(AT));
    task.punctuate(AT, place());
    assert_eq!(commit(&mut task), 1);
}
