// SPDX-License-Identifier: Apache-2.0

//! Tests of the format record of a state, which is written with it and checked before anything else is read.

use crate::common::{event, prepared, record, restoring, topology};
use engine::{Context, Outcome, ProcessError, Processor, SourceRecord, StateForm, Task, TaskError};
use model::{Event, Home};

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
type Changelog = Vec<(Vec<u8>, Option<Vec<u8>>)>;

fn task() -> Task {
    let mut topology = topology();
    topology.add(Box::new(Memory), &[]).unwrap();
    topology.set_state_form(StateForm::new(OURS));
    restoring(topology)
}

fn restored(changelog: &Changelog) -> Result<Task, TaskError> {
    let mut task = task();
    for (offset, (key, value)) in (0..).zip(changelog) {
        task.restore(offset, key, value.as_deref())?;
    }
    task.restored(i64::try_from(changelog.len()).unwrap())?;
    Ok(task)
}

/// Takes an event and prepares the transaction; adds its changelog records.
fn prepare(task: &mut Task, id: &str, changelog: &mut Changelog) {
    task.process(&record("events", event(id, "X", "c").as_bytes()), 0).unwrap();
    changelog.extend(prepared(task).0.into_iter().map(|record| (record.key, record.value)));
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
    assert_eq!(changelog[0], (KEY.to_vec(), Some(ours())));
    fold(&mut task, "b", &mut changelog);
    fold(&mut restored(&changelog).unwrap(), "c", &mut changelog);
    assert_eq!(changelog.iter().filter(|(key, _)| key == KEY).count(), 1);
}

#[test]
fn a_form_whose_transaction_is_aborted_is_written_with_the_next_one() {
    let mut task = restored(&Changelog::default()).unwrap();
    let mut aborted = Changelog::default();
    prepare(&mut task, "a", &mut aborted);
    task.aborted();
    assert_eq!(aborted[0].0, KEY);
    let mut changelog = Changelog::default();
    fold(&mut task, "a", &mut changelog);
    assert_eq!(changelog[0].0, KEY);
}

#[test]
fn a_changelog_of_another_form_is_refused_with_what_to_do() {
    let changelog =
        vec![(KEY.to_vec(), Some(vec![1, 0, 0, 0, 6])), (b"ma".to_vec(), Some(b"of another form".to_vec()))];
    let said = refused(&changelog);
    for words in ["partition 0", "form 6", "form 7", "cx-timelines reset", "docs/upgrade.md"] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
}

#[test]
fn a_changelog_that_does_not_say_its_form_is_refused() {
    let said = refused(&vec![(b"ma".to_vec(), Some(Vec::new()))]);
    assert!(said.contains("does not say its form"), "{said}");
}

#[test]
fn what_a_reset_removed_is_no_state_whatever_form_it_had() {
    let mut changelog = vec![
        (KEY.to_vec(), Some(vec![1, 0, 0, 0, 6])),
        (b"ma".to_vec(), Some(b"of another form".to_vec())),
        (KEY.to_vec(), None),
        (b"ma".to_vec(), None),
    ];
    fold(&mut restored(&changelog).unwrap(), "b", &mut changelog);
    assert_eq!(changelog[4], (KEY.to_vec(), Some(ours())));
    assert!(restored(&changelog).is_ok());
}
