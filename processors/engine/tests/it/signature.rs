// SPDX-License-Identifier: Apache-2.0

//! A state belongs to the processors that made it.

use crate::common::{Sent, SentRecord, committed, created, event, prepared, record, restoring, topology};
use engine::{Context, Outcome, Phase, ProcessError, Processor, SourceRecord, StateForm, Task, TaskError};
use model::{Event, Home};
use std::collections::BTreeMap;

/// Counts events, or only watches them.
struct Counter {
    name: &'static str,
    namespace: u8,
    keeps_state: bool,
}

impl Processor for Counter {
    fn name(&self) -> &'static str {
        self.name
    }
    fn namespace(&self) -> u8 {
        self.namespace
    }
    fn keeps_state(&self) -> bool {
        self.keeps_state
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
        if self.keeps_state {
            context.put(event.id.as_bytes(), b"");
        }
        Ok(Outcome::Folded)
    }
}

const ONE: Counter = Counter { name: "one", namespace: b'1', keeps_state: true };
const TWO: Counter = Counter { name: "two", namespace: b'2', keeps_state: true };
const WATCH: Counter = Counter { name: "watch", namespace: b'w', keeps_state: false };

type State = BTreeMap<Vec<u8>, Vec<u8>>;

/// The state after what a task sends in its next transaction.
fn followed(mut state: State, sent: Sent) -> State {
    for SentRecord { key, value, .. } in sent.0 {
        match value {
            Some(value) => drop(state.insert(key, value)),
            None => drop(state.remove(&key)),
        }
    }
    state
}

fn restored(processors: Vec<Counter>, state: &State) -> Result<Task, TaskError> {
    let mut topology = topology();
    topology.set_state_form(StateForm::new(1));
    processors.into_iter().for_each(|processor| topology.add(Box::new(processor), &[]).unwrap());
    let mut task = restoring(topology);
    for (key, value) in state {
        task.restore(0, key, Some(value)).unwrap();
    }
    task.restored(0)?;
    Ok(task)
}

/// What the state is after one more event.
fn after_an_event(processors: Vec<Counter>, state: &State, id: &str) -> State {
    let mut task = restored(processors, state).unwrap();
    take(&mut task, id).unwrap();
    followed(state.clone(), committed(&mut task))
}

fn take(task: &mut Task, id: &str) -> Result<(), TaskError> {
    task.process(&record("events", event(id, "X", "c").as_bytes()), 0)
}

#[test]
fn a_state_is_refused_by_other_processors_with_words_that_say_what_to_do() {
    let state = after_an_event(vec![ONE, TWO], &State::new(), "e");
    assert!(restored(vec![TWO, ONE], &state).is_ok(), "in another order they are the same");
    for others in
        [vec![ONE], vec![TWO], vec![ONE, TWO, Counter { name: "three", namespace: b'3', keeps_state: true }]]
    {
        let Err(TaskError::Fatal { source, .. }) = restored(others, &state) else { panic!("taken over") };
        let words = source.to_string();
        for part in ["one, two", "--processors", "new --group", "cx-timelines reset"] {
            assert!(words.contains(part), "{part} is not in: {words}");
        }
    }
}

#[test]
fn a_processor_without_a_state_comes_and_goes_as_it_likes() {
    let state = after_an_event(vec![ONE], &State::new(), "e1");
    let state = after_an_event(vec![ONE, WATCH], &state, "e2");
    assert!(restored(vec![ONE], &state).is_ok());
}

#[test]
fn it_is_written_once() {
    let state = after_an_event(vec![ONE], &State::new(), "e1");
    let mut task = restored(vec![ONE], &state).unwrap();
    take(&mut task, "e2").unwrap();
    assert!(prepared(&mut task).0.iter().all(|record| record.key != b"\0form"));
}

#[test]
fn a_task_takes_records_only_while_it_runs_and_comes_to_run_only_by_a_restore() {
    let mut task = created(topology(), 0, 1);
    assert!(take(&mut task, "e").is_err() && task.restored(0).is_err() && !task.become_phase(Phase::Running));
    assert!(task.become_phase(Phase::Restoring));
    assert!(take(&mut task, "e").is_err());
    task.restored(0).unwrap();
    take(&mut task, "e").unwrap();
    assert!(task.restored(0).is_err() && !task.become_phase(Phase::Restoring));
}
