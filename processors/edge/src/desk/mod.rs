//! The desk: where others ask about the state that the workers hold, while the workers work.
//!
//! A worker shares its tasks with nobody. So a question goes to the worker that holds the task, which answers it between two
//! turns, with bytes out of the committed store: what is staged is never shown. Besides, each worker tells of every change
//! under one prefix, just after it was committed, and of all that lies there when a task comes up, in slices; who listens
//! has a copy without asking. All queues are bounded, and no worker ever waits for who asks or listens: a listener that
//! cannot follow is told to begin anew.

mod counter;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use engine::{Phase, Place};
use tokio::sync::oneshot;

pub(crate) use counter::Counter;

/// So much news may wait for its listener.
const NEWS_MAX: usize = 1_024;
/// So many questions may wait for one worker.
const QUESTIONS_MAX: usize = 32;

/// A record of the state; no value: it is gone.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// What a listener is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// All that was told of this partition holds no longer; what does comes next.
    Anew {
        /// The partition.
        partition: i32,
    },
    /// What lies in the state of a partition, or has just been committed to it.
    Records {
        /// The partition.
        partition: i32,
        /// The records, as they are now.
        records: Vec<Change>,
        /// Whether all that lies there has been told by now.
        is_whole: bool,
    },
    /// This process does not hold the partition any more.
    Gone {
        /// The partition.
        partition: i32,
    },
}

/// How a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStatus {
    /// The partition.
    pub partition: i32,
    /// The worker that has it.
    pub worker: String,
    /// Where in its life it stands.
    pub phase: Phase,
    /// Keys in its state.
    pub records: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// Records that are there and not committed yet, by topic; none where that is not known yet.
    pub lags: BTreeMap<String, i64>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The task is not here.
    #[error("this instance does not hold the partition")]
    NotHere,
    /// The task is here, but its state is not there yet.
    #[error("the state of the partition is being restored")]
    NotReady,
    /// Too many questions wait already, or the worker ended meanwhile.
    #[error("the worker has too much to do")]
    Busy,
    /// What was asked for is larger than the limit.
    #[error("it is larger than what is answered at once")]
    TooLarge,
}

/// What was found: keys with their values, in the places' order.
pub type Found = Vec<(Vec<u8>, Vec<u8>)>;
type Answer = Result<Found, NoAnswer>;

pub(crate) struct Question {
    partition: i32,
    places: Vec<Place>,
    bytes_max: usize,
    answer: oneshot::Sender<Answer>,
}

/// A task, as far as others may know of it.
struct Held {
    status: TaskStatus,
    questions: SyncSender<Question>,
}

struct Inner {
    /// What listeners are told of.
    watched: Vec<u8>,
    news: SyncSender<News>,
    tasks: Mutex<BTreeMap<i32, Held>>,
    partitions: OnceLock<i32>,
}

/// Where to ask. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

impl Desk {
    /// A desk, and the news of all that lies under `watched` in the states.
    #[must_use]
    pub fn open(watched: Vec<u8>) -> (Self, Receiver<News>) {
        let (news, listener) = sync_channel(NEWS_MAX);
        let inner = Inner { watched, news, tasks: Mutex::default(), partitions: OnceLock::new() };
        (Self(Arc::new(inner)), listener)
    }

    /// How many partitions there are; none before the cluster is known.
    #[must_use]
    pub fn partitions(&self) -> Option<i32> {
        self.0.partitions.get().copied()
    }

    /// The prefix of the state of whose changes listeners are told.
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

    /// Asks for what is committed in these places of a partition, at most so many bytes.
    ///
    /// # Errors
    /// There is no answer here or now.
    pub async fn ask(&self, partition: i32, places: Vec<Place>, bytes_max: usize) -> Answer {
        let (answer, answered) = oneshot::channel();
        let question = Question { partition, places, bytes_max, answer };
        let questions = match self.tasks_locked().get(&partition) {
            None => return Err(NoAnswer::NotHere),
            Some(held) if held.status.phase != Phase::Running => return Err(NoAnswer::NotReady),
            Some(held) => held.questions.clone(),
        };
        match questions.try_send(question) {
            Ok(()) => answered.await.unwrap_or(Err(NoAnswer::Busy)),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(NoAnswer::Busy),
        }
    }

    /// A worker's side of the desk.
    pub(crate) fn counter(&self, worker: &str) -> Counter {
        Counter::new(self.clone(), worker, sync_channel(QUESTIONS_MAX))
    }

    /// What a worker holds now, and nothing else.
    fn report(&self, worker: &str, statuses: Vec<TaskStatus>, questions: &SyncSender<Question>) {
        let mut tasks = self.tasks_locked();
        let now: BTreeSet<i32> = statuses.iter().map(|status| status.partition).collect();
        tasks.retain(|partition, held| held.status.worker != worker || now.contains(partition));
        for status in statuses {
            tasks.insert(status.partition, Held { status, questions: questions.clone() });
        }
    }

    fn tasks_locked(&self) -> MutexGuard<'_, BTreeMap<i32, Held>> {
        // Whoever panicked with it left no half-made change.
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
