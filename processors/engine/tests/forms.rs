//! Tests of the format record of a state, which is written with it and checked before anything else is read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::sync::Arc;

use engine::{
    Context, InnerTopics, MemoryStore, NoHeaders, Outcome, OutputRecord, Phase, ProcessError, Processor,
    Sink, SinkError, SourceRecord, StateForm, Task, TaskError, Topology,
};
use model::{Event, Home, Limits};
use serde_json::json;

const KEY: &[u8] = b"\0form";
const OURS: u32 = 7;

/// Stores each event.
struct Memory;

impl Processor for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }
    fn namespace(&self) -> u8 {
        b'm'
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
        context.put(event.id.as_bytes(), b"");
        Ok(Outcome::Folded)
    }
}

/// The records written to the changelog.
#[derive(Default)]
struct Changelog(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Sink for Changelog {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        self.0.push((record.key.unwrap().to_vec(), record.value.map(<[u8]>::to_vec)));
        Ok(())
    }
}

fn task() -> Task {
    let mut topology = Topology::new(InnerTopics {
        dead_letters: "letters",
        changelog: "changelog",
        repartition: "repartition",
        erasures: None,
    });
    topology.add(Box::new(Memory), &[]).unwrap();
    topology.set_state_form(StateForm::new(OURS));
    let store = Box::new(MemoryStore::default());
    let mut task = Task::new(0, 1, Arc::new(topology), Limits::default(), store);
    task.become_phase(Phase::Restoring);
    task
}

fn restored(changelog: &Changelog) -> Result<Task, TaskError> {
    let mut task = task();
    for (offset, (key, value)) in (0..).zip(&changelog.0) {
        task.restore(offset, key, value.as_deref())?;
    }
    task.restored(i64::try_from(changelog.0.len()).unwrap())?;
    Ok(task)
}

/// Takes an event and prepares the transaction; adds its changelog records.
fn prepare(task: &mut Task, id: &str, changelog: &mut Changelog) {
    let event = json!({"id": id, "name": "X", "timestamp": 1_750_000_000_000_i64, "conversationId": "c"});
    let value = event.to_string();
    let record = SourceRecord {
        topic: "events",
        partition: 0,
        offset: 0,
        timestamp_ms: None,
        key: None,
        value: Some(value.as_bytes()),
        headers: &NoHeaders,
        conversation: None,
    };
    task.process(&record, 0).unwrap();
    task.prepare(changelog).unwrap();
}

/// The same, and the transaction is committed.
fn fold(task: &mut Task, id: &str, changelog: &mut Changelog) {
    prepare(task, id, changelog);
    task.committed(None).unwrap();
}

/// The record of this program's form: its number, and the processors that keep a state.
fn ours() -> Vec<u8> {
    [&[1, 0, 0, 0, 7, 1, 0, 6][..], b"memory"].concat()
}

fn refused(changelog: &Changelog) -> String {
    let error = restored(changelog).err().expect("it is refused");
    assert!(matches!(error, TaskError::Fatal { source: ProcessError::OtherForm { .. }, .. }), "{error}");
    error.to_string()
}

#[test]
fn a_changelog_begins_with_its_form_and_says_it_once() {
    let mut changelog = Changelog::default();
    let mut task = restored(&changelog).unwrap();
    fold(&mut task, "a", &mut changelog);
    assert_eq!(changelog.0[0], (KEY.to_vec(), Some(ours())));
    fold(&mut task, "b", &mut changelog);
    fold(&mut restored(&changelog).unwrap(), "c", &mut changelog);
    assert_eq!(changelog.0.iter().filter(|(key, _)| key == KEY).count(), 1);
}

#[test]
fn a_form_whose_transaction_is_aborted_is_written_with_the_next_one() {
    let mut task = restored(&Changelog::default()).unwrap();
    let mut aborted = Changelog::default();
    prepare(&mut task, "a", &mut aborted);
    task.aborted();
    assert_eq!(aborted.0[0].0, KEY);
    let mut changelog = Changelog::default();
    fold(&mut task, "a", &mut changelog);
    assert_eq!(changelog.0[0].0, KEY);
}

#[test]
fn a_changelog_of_another_form_is_refused_with_what_to_do() {
    let changelog = Changelog(vec![
        (KEY.to_vec(), Some(vec![1, 0, 0, 0, 6])),
        (b"ma".to_vec(), Some(b"of another form".to_vec())),
    ]);
    let said = refused(&changelog);
    for words in ["partition 0", "form 6", "form 7", "cx-timelines reset", "docs/upgrade.md"] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
}

#[test]
fn a_changelog_that_does_not_say_its_form_is_refused() {
    let said = refused(&Changelog(vec![(b"ma".to_vec(), Some(Vec::new()))]));
    assert!(said.contains("does not say its form"), "{said}");
}

#[test]
fn what_a_reset_removed_is_no_state_whatever_form_it_had() {
    let mut changelog = Changelog(vec![
        (KEY.to_vec(), Some(vec![1, 0, 0, 0, 6])),
        (b"ma".to_vec(), Some(b"of another form".to_vec())),
        (KEY.to_vec(), None),
        (b"ma".to_vec(), None),
    ]);
    fold(&mut restored(&changelog).unwrap(), "b", &mut changelog);
    assert_eq!(changelog.0[4], (KEY.to_vec(), Some(ours())));
    assert!(restored(&changelog).is_ok());
}
