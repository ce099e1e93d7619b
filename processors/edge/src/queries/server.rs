// SPDX-License-Identifier: Apache-2.0

//! A worker's side of interactive queries.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};

use engine::{Phase, Place, Task, TaskError};

use super::{Change, Entries, InteractiveQueries, Query, QueryError, TaskStatus, Update};

/// How many records of a state a listener receives between two turns.
const SLICE_RECORDS: usize = 500;
const SLICE_BYTES: usize = 256 << 10;
/// How many queries are answered between two turns.
const ANSWERS_IN_A_ROW: usize = 8;

/// How much of a partition a listener has received.
struct Transfer {
    /// Whether the listener has to drop its copy first.
    begins: bool,
    /// The key to continue from; `None` when everything was sent.
    from: Option<Vec<u8>>,
}

/// Answers queries and sends changes to listeners.
pub(crate) struct QueryServer {
    queries: InteractiveQueries,
    worker: String,
    pending: (SyncSender<Query>, Receiver<Query>),
    transfers: BTreeMap<i32, Transfer>,
    /// Closed partitions that the listener does not know of yet.
    gone: Vec<i32>,
}

impl QueryServer {
    pub(super) fn new(
        queries: InteractiveQueries,
        worker: &str,
        pending: (SyncSender<Query>, Receiver<Query>),
    ) -> Self {
        Self { queries, worker: worker.to_owned(), pending, transfers: BTreeMap::new(), gone: Vec::new() }
    }

    /// Reports the worker's tasks.
    pub(crate) fn report(&self, statuses: Vec<TaskStatus>) {
        self.queries.report(&self.worker, statuses, &self.pending.0);
    }

    /// Whether a listener still has to receive records of the states.
    pub(crate) fn has_more_to_send(&self) -> bool {
        !self.gone.is_empty() || self.transfers.values().any(|transfer| transfer.from.is_some())
    }

    /// Answers pending queries from the running tasks.
    ///
    /// # Errors
    /// A state cannot be read. The query gets no answer.
    pub(crate) fn answer<'t>(&mut self, task_of: impl Fn(i32) -> Option<&'t Task>) -> Result<(), TaskError> {
        for _ in 0..ANSWERS_IN_A_ROW {
            let Ok(query) = self.pending.1.try_recv() else { break };
            let answer = match task_of(query.partition) {
                None => Err(QueryError::NotHere),
                Some(task) if task.phase() != Phase::Running => Err(QueryError::NotReady),
                Some(task) => look(task, &query.places, query.bytes_max)?,
            };
            // The caller may have given up.
            let _ = query.answer.send(answer);
        }
        Ok(())
    }

    /// Sends a slice of a running task's state.
    ///
    /// # Errors
    /// The state cannot be read.
    pub(crate) fn send_some(&mut self, task: &Task) -> Result<(), TaskError> {
        self.announce_closed();
        let partition = task.partition();
        let watched = &self.queries.0.watched;
        let updates = &self.queries.0.updates;
        let transfer = self
            .transfers
            .entry(partition)
            .or_insert_with(|| Transfer { begins: true, from: Some(watched.clone()) });
        let Some(from) = &transfer.from else { return Ok(()) };
        if !self.gone.is_empty()
            || (transfer.begins && updates.try_send(Update::Reset { partition }).is_err())
        {
            return Ok(());
        }
        transfer.begins = false;
        let (records, next) = slice(task, watched, from)?;
        let is_whole = next.is_none();
        if updates.try_send(Update::Records { partition, records, is_whole }).is_ok() {
            transfer.from = next;
        }
        Ok(())
    }

    /// Sends a task's committed changes below the watched prefix.
    pub(crate) fn committed(&mut self, partition: i32, records: Vec<Change>) {
        let Some(transfer) = self.transfers.get_mut(&partition).filter(|transfer| !transfer.begins) else {
            return;
        };
        if records.is_empty() {
            return;
        }
        let is_whole = transfer.from.is_none();
        match self.queries.0.updates.try_send(Update::Records { partition, records, is_whole }) {
            // A missing listener means that the process is ending.
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                *transfer = Transfer { begins: true, from: Some(self.queries.0.watched.clone()) };
            }
        }
    }

    /// The worker has closed a task.
    pub(crate) fn closed(&mut self, partition: i32) {
        if self.transfers.remove(&partition).is_some() {
            self.gone.push(partition);
        }
        self.announce_closed();
    }

    /// Announces closed partitions. If another worker of this process owns such a partition by now, it sends the partition's
    /// records itself, so nothing is announced. That worker registers the task before it sends, and the registration cannot
    /// fall in between.
    fn announce_closed(&mut self) {
        let Self { queries, worker, gone, .. } = self;
        if gone.is_empty() {
            return;
        }
        let tasks = queries.tasks_locked();
        gone.retain(|partition| {
            let is_elsewhere = tasks.get(partition).is_some_and(|held| held.status.worker != *worker);
            let updates = Update::Closed { partition: *partition };
            !is_elsewhere && matches!(queries.0.updates.try_send(updates), Err(TrySendError::Full(_)))
        });
    }
}

fn look(task: &Task, places: &[Place], bytes_max: usize) -> Result<Result<Entries, QueryError>, TaskError> {
    let mut found = Entries::new();
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
    Ok(if bytes > bytes_max { Err(QueryError::TooLarge) } else { Ok(found) })
}

/// Some records from a key on, and the key to continue from when there may be more.
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
