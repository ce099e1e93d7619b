// SPDX-License-Identifier: Apache-2.0

//! Interactive queries: reads the workers' state while they process records.
//!
//! A worker does not share its tasks. A query goes to the worker that owns the task, which answers between two turns from the
//! committed store; staged changes are never visible. In addition, each worker sends every committed change below one prefix to
//! a listener, and all existing records in slices when a task starts, so a listener keeps a copy without queries. All queues
//! are bounded, and no worker waits for a caller or a listener: a listener that falls behind has to start again.

mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use engine::{Phase, Place};
use tokio::sync::oneshot;

pub(crate) use server::QueryServer;

/// The maximum of updates that wait for the listener.
const UPDATES_MAX: usize = 1_024;
/// The maximum of queries that wait for one worker.
const QUERIES_MAX: usize = 32;

/// A record of the state: key and value; `None` when the key was deleted.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// An update for a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// Drop all records of this partition; its records follow.
    Reset {
        /// The partition.
        partition: i32,
    },
    /// Records of a partition: existing ones, or ones just committed.
    Records {
        /// The partition.
        partition: i32,
        /// The current records.
        records: Vec<Change>,
        /// Whether all existing records have been sent.
        is_whole: bool,
    },
    /// This process does not own the partition any more.
    Closed {
        /// The partition.
        partition: i32,
    },
}

/// The status of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStatus {
    /// The partition.
    pub partition: i32,
    /// The worker that owns it.
    pub worker: String,
    /// Its phase.
    pub phase: Phase,
    /// Keys in its state.
    pub records: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// Records not committed yet, by topic; empty when unknown.
    pub lags: BTreeMap<String, i64>,
}

/// Why a query has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// This process does not own the task.
    #[error("this instance does not hold the partition")]
    NotHere,
    /// The task is not restored yet.
    #[error("the state of the partition is being restored")]
    NotReady,
    /// Too many queries are waiting, or the worker ended.
    #[error("the worker has too much to do")]
    Busy,
    /// The result exceeds the limit.
    #[error("it is larger than what is answered at once")]
    TooLarge,
}

/// Records found: keys with their values, in the order of the query.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;
type QueryResult = Result<Entries, QueryError>;

pub(crate) struct Query {
    partition: i32,
    places: Vec<Place>,
    bytes_max: usize,
    answer: oneshot::Sender<QueryResult>,
}

/// A task as others see it.
struct ServedTask {
    status: TaskStatus,
    pending: SyncSender<Query>,
}

struct Inner {
    /// The prefix of the records that listeners receive.
    watched: Vec<u8>,
    updates: SyncSender<Update>,
    tasks: Mutex<BTreeMap<i32, ServedTask>>,
    partitions: OnceLock<i32>,
}

/// The entry point of interactive queries. Clones share one state.
#[derive(Clone)]
pub struct InteractiveQueries(Arc<Inner>);

impl InteractiveQueries {
    /// Creates the entry point, and the receiver of updates below `watched`.
    #[must_use]
    pub fn open(watched: Vec<u8>) -> (Self, Receiver<Update>) {
        let (updates, listener) = sync_channel(UPDATES_MAX);
        let inner = Inner { watched, updates, tasks: Mutex::default(), partitions: OnceLock::new() };
        (Self(Arc::new(inner)), listener)
    }

    /// The number of partitions; `None` before the cluster is known.
    #[must_use]
    pub fn partitions(&self) -> Option<i32> {
        self.0.partitions.get().copied()
    }

    /// The prefix of the records that listeners receive.
    pub(crate) fn watched(&self) -> &[u8] {
        &self.0.watched
    }

    pub(crate) fn set_partitions(&self, partitions: i32) {
        self.0.partitions.get_or_init(|| partitions);
    }

    /// The tasks of this process, by partition.
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskStatus> {
        self.tasks_locked().values().map(|held| held.status.clone()).collect()
    }

    /// Reads committed records of a partition, at most `bytes_max` bytes.
    ///
    /// # Errors
    /// The partition cannot be read here or now.
    pub async fn ask(&self, partition: i32, places: Vec<Place>, bytes_max: usize) -> QueryResult {
        let (answer, answered) = oneshot::channel();
        let query = Query { partition, places, bytes_max, answer };
        let pending = match self.tasks_locked().get(&partition) {
            None => return Err(QueryError::NotHere),
            Some(held) if held.status.phase != Phase::Running => return Err(QueryError::NotReady),
            Some(held) => held.pending.clone(),
        };
        match pending.try_send(query) {
            Ok(()) => answered.await.unwrap_or(Err(QueryError::Busy)),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(QueryError::Busy),
        }
    }

    /// A worker's side of interactive queries.
    pub(crate) fn server(&self, worker: &str) -> QueryServer {
        QueryServer::new(self.clone(), worker, sync_channel(QUERIES_MAX))
    }

    /// Replaces the list of a worker's tasks.
    fn report(&self, worker: &str, statuses: Vec<TaskStatus>, pending: &SyncSender<Query>) {
        let mut tasks = self.tasks_locked();
        let now: BTreeSet<i32> = statuses.iter().map(|status| status.partition).collect();
        tasks.retain(|partition, held| held.status.worker != worker || now.contains(partition));
        for status in statuses {
            tasks.insert(status.partition, ServedTask { status, pending: pending.clone() });
        }
    }

    fn tasks_locked(&self) -> MutexGuard<'_, BTreeMap<i32, ServedTask>> {
        // A panic while the lock was held left no partial change.
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
