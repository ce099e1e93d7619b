//! A worker's side of the desk.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};

use engine::{Phase, Place, Task, TaskError};

use super::{Change, Desk, Found, News, NoAnswer, Question, TaskStatus};

/// So much of a state is told between two turns.
const SLICE_RECORDS: usize = 500;
const SLICE_BYTES: usize = 256 << 10;
/// So many questions are answered between two turns.
const ANSWERS_IN_A_ROW: usize = 8;

/// How far a listener knows of a partition.
struct Telling {
    /// The listener has to forget first what it knows.
    begins: bool,
    /// The key to go on from; none: all has been told.
    from: Option<Vec<u8>>,
}

/// Answers questions, and tells what is new.
pub(crate) struct Counter {
    desk: Desk,
    worker: String,
    questions: (SyncSender<Question>, Receiver<Question>),
    told: BTreeMap<i32, Telling>,
    /// Partitions that are gone, which the listener does not know yet.
    gone: Vec<i32>,
}

impl Counter {
    pub(super) fn new(
        desk: Desk,
        worker: &str,
        questions: (SyncSender<Question>, Receiver<Question>),
    ) -> Self {
        Self { desk, worker: worker.to_owned(), questions, told: BTreeMap::new(), gone: Vec::new() }
    }

    /// Says what the worker holds.
    pub(crate) fn report(&self, statuses: Vec<TaskStatus>) {
        self.desk.report(&self.worker, statuses, &self.questions.0);
    }

    /// Whether a listener has still to be told of what lies in the states.
    pub(crate) fn has_more_to_tell(&self) -> bool {
        !self.gone.is_empty() || self.told.values().any(|telling| telling.from.is_some())
    }

    /// Answers what has been asked, from the tasks that run.
    ///
    /// # Errors
    /// A state cannot be read. Who asked gets no answer.
    pub(crate) fn answer<'t>(&mut self, task_of: impl Fn(i32) -> Option<&'t Task>) -> Result<(), TaskError> {
        for _ in 0..ANSWERS_IN_A_ROW {
            let Ok(question) = self.questions.1.try_recv() else { break };
            let answer = match task_of(question.partition) {
                None => Err(NoAnswer::NotHere),
                Some(task) if task.phase() != Phase::Running => Err(NoAnswer::NotReady),
                Some(task) => look(task, &question.places, question.bytes_max)?,
            };
            // Whoever asked may have gone meanwhile.
            let _ = question.answer.send(answer);
        }
        Ok(())
    }

    /// Tells what lies in the state of a task that runs, a slice of it.
    ///
    /// # Errors
    /// The state cannot be read.
    pub(crate) fn tell_some(&mut self, task: &Task) -> Result<(), TaskError> {
        self.tell_what_is_gone();
        let partition = task.partition();
        let watched = &self.desk.0.watched;
        let news = &self.desk.0.news;
        let telling = self
            .told
            .entry(partition)
            .or_insert_with(|| Telling { begins: true, from: Some(watched.clone()) });
        let Some(from) = &telling.from else { return Ok(()) };
        if !self.gone.is_empty() || (telling.begins && news.try_send(News::Anew { partition }).is_err()) {
            return Ok(());
        }
        telling.begins = false;
        let (records, next) = slice(task, watched, from)?;
        let is_whole = next.is_none();
        if news.try_send(News::Records { partition, records, is_whole }).is_ok() {
            telling.from = next;
        }
        Ok(())
    }

    /// A task has committed these changes of what a listener wants to know.
    pub(crate) fn committed(&mut self, partition: i32, records: Vec<Change>) {
        let Some(telling) = self.told.get_mut(&partition).filter(|telling| !telling.begins) else { return };
        if records.is_empty() {
            return;
        }
        let is_whole = telling.from.is_none();
        match self.desk.0.news.try_send(News::Records { partition, records, is_whole }) {
            // Nobody listens any more only when the process is ending.
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                *telling = Telling { begins: true, from: Some(self.desk.0.watched.clone()) };
            }
        }
    }

    /// The worker has given a task up.
    pub(crate) fn closed(&mut self, partition: i32) {
        if self.told.remove(&partition).is_some() {
            self.gone.push(partition);
        }
        self.tell_what_is_gone();
    }

    /// What another worker of this process has by now it has told anew, or will: nothing may be told of it after that. It
    /// says that it has a task before it tells, and cannot say so in between.
    fn tell_what_is_gone(&mut self) {
        let Self { desk, worker, gone, .. } = self;
        if gone.is_empty() {
            return;
        }
        let tasks = desk.tasks_locked();
        gone.retain(|partition| {
            let is_elsewhere = tasks.get(partition).is_some_and(|held| held.status.worker != *worker);
            let news = News::Gone { partition: *partition };
            !is_elsewhere && matches!(desk.0.news.try_send(news), Err(TrySendError::Full(_)))
        });
    }
}

fn look(task: &Task, places: &[Place], bytes_max: usize) -> Result<Result<Found, NoAnswer>, TaskError> {
    let mut found = Found::new();
    let mut bytes = 0;
    for place in places {
        task.look(place, place.first(), &mut |key, value| {
            bytes += key.len() + value.len();
            if bytes > bytes_max {
                return ControlFlow::Break(());
            }
            found.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
    }
    Ok(if bytes > bytes_max { Err(NoAnswer::TooLarge) } else { Ok(found) })
}

/// Some records from a key on, and the key to go on from, where there may be more.
fn slice(task: &Task, prefix: &[u8], from: &[u8]) -> Result<(Vec<Change>, Option<Vec<u8>>), TaskError> {
    let mut records: Vec<Change> = Vec::new();
    let (mut bytes, mut next) = (0, None);
    task.look(&Place::Under(prefix.to_vec()), from, &mut |key, value| {
        if records.len() >= SLICE_RECORDS || bytes >= SLICE_BYTES {
            next = Some(key.to_vec());
            return ControlFlow::Break(());
        }
        bytes += key.len() + value.len();
        records.push((key.to_vec(), Some(value.to_vec())));
        ControlFlow::Continue(())
    })?;
    Ok((records, next))
}

#[cfg(test)]
mod tests;
