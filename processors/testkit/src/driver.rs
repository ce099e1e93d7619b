//! Runs the real task without Kafka: a list is the input, a map is the output, and commits, aborts and crashes come when
//! the test says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{MemoryStore, NoHeaders, OutputRecord, Route, Sink, SinkError, SourceRecord, Task, Topology};
use model::Limits;
use serde_json::Value;

/// A dead letter as a consumer sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Letter {
    /// Header `cx.error.reason`.
    pub reason: String,
    /// The value, as it came.
    pub value: Option<Vec<u8>>,
    /// All headers.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Topic, where in it, key, value.
type Written = (String, Route<'static>, Option<Vec<u8>>, Option<Vec<u8>>);

/// What a transaction writes, not visible yet.
#[derive(Default)]
struct Transaction {
    records: Vec<Written>,
    letters: Vec<Letter>,
    topics: Vec<String>,
    dead_letters: usize,
}

impl Sink for Transaction {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        let headers: Vec<(String, Option<Vec<u8>>)> = record
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec)))
            .collect();
        if record.topic.index() == self.dead_letters {
            let reason = headers.iter().find(|(name, _)| name == engine::HEADER_REASON);
            let reason = reason.and_then(|(_, value)| value.clone()).unwrap_or_default();
            self.letters.push(Letter {
                reason: String::from_utf8_lossy(&reason).into_owned(),
                value: record.value.map(<[u8]>::to_vec),
                headers,
            });
            return Ok(());
        }
        let topic = self.topics.get(record.topic.index()).cloned().unwrap_or_default();
        let route = match record.route {
            Route::Partition(partition) => Route::Partition(partition),
            Route::Source(partition) => Route::Source(partition),
            Route::Key(_) => Route::Source(0),
        };
        self.records.push((topic, route, record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec)));
        Ok(())
    }
}

/// One task, its input, and what consumers that read only what is committed see of it.
pub struct Driver {
    topology: Arc<Topology>,
    task: Task,
    log: Vec<Vec<u8>>,
    next: usize,
    committed: usize,
    changelog: BTreeMap<Vec<u8>, Vec<u8>>,
    outputs: BTreeMap<(String, String), Value>,
    emissions: usize,
    letters: Vec<Letter>,
}

const NOW_MS: i64 = 1_750_000_000_000;

impl Driver {
    /// A driver for a topology, with an empty state.
    #[must_use]
    pub fn new(topology: Topology) -> Self {
        let topology = Arc::new(topology);
        let task = new_task(&topology);
        Self {
            topology,
            task,
            log: Vec::new(),
            next: 0,
            committed: 0,
            changelog: BTreeMap::new(),
            outputs: BTreeMap::new(),
            emissions: 0,
            letters: Vec::new(),
        }
    }

    /// Appends a record to the input.
    pub fn push(&mut self, value: impl Into<Vec<u8>>) {
        self.log.push(value.into());
    }

    /// Lets the task take the next record; `false` when there is none.
    ///
    /// # Panics
    /// The task failed: so does the test.
    pub fn step(&mut self) -> bool {
        let Some(value) = self.log.get(self.next) else { return false };
        let record = SourceRecord {
            topic: "cx.events",
            partition: 0,
            offset: i64::try_from(self.next).unwrap_or(i64::MAX),
            timestamp_ms: Some(NOW_MS),
            key: None,
            value: Some(value),
            headers: &NoHeaders,
            conversation: None,
        };
        assert_eq!(self.task.process(&record, NOW_MS).map_err(|error| error.to_string()), Ok(()));
        self.next += 1;
        true
    }

    /// Commits what is staged.
    ///
    /// # Panics
    /// The task failed: so does the test.
    pub fn commit(&mut self) {
        let mut transaction = Transaction {
            topics: self.topology.topics().to_vec(),
            dead_letters: self.topology.dead_letters().index(),
            ..Transaction::default()
        };
        assert_eq!(self.task.prepare(&mut transaction).map_err(|error| error.to_string()), Ok(()));
        for (topic, route, key, value) in transaction.records {
            let key = key.unwrap_or_default();
            if route == Route::Partition(0) {
                match value {
                    Some(value) => self.changelog.insert(key, value),
                    None => self.changelog.remove(&key),
                };
                continue;
            }
            self.emissions += 1;
            let key = (topic, String::from_utf8_lossy(&key).into_owned());
            match value.map(|value| serde_json::from_slice(&value).unwrap_or(Value::Null)) {
                Some(value) => self.outputs.insert(key, value),
                None => self.outputs.remove(&key),
            };
        }
        self.letters.extend(transaction.letters);
        self.committed = self.next;
        assert!(self.task.committed().is_ok(), "the store takes what is committed");
    }

    /// A transaction that fails: prepared, then dropped; the records come again.
    pub fn abort(&mut self) {
        let mut lost = Transaction { topics: self.topology.topics().to_vec(), ..Transaction::default() };
        let _ = self.task.prepare(&mut lost);
        self.task.aborted();
        self.next = self.committed;
    }

    /// The process dies: a new task is restored from the changelog and goes on where the last commit left off.
    ///
    /// # Panics
    /// The restore failed: so does the test.
    pub fn crash(&mut self) {
        self.task = new_task(&self.topology);
        for (key, value) in &self.changelog {
            assert!(self.task.restore(key, Some(value)).is_ok(), "the store takes what was restored");
        }
        assert!(self.task.restored(0).is_ok(), "the store takes what was restored");
        self.next = self.committed;
    }

    /// Takes all that is left, and commits.
    pub fn finish(&mut self) {
        while self.step() {}
        self.commit();
    }

    /// The last record of every key of every output topic.
    #[must_use]
    pub fn finals(&self) -> &BTreeMap<(String, String), Value> {
        &self.outputs
    }

    /// The last record of a key.
    #[must_use]
    pub fn record(&self, topic: &str, key: &str) -> Option<&Value> {
        self.outputs.get(&(topic.to_owned(), key.to_owned()))
    }

    /// How many output records were committed, dead letters left out.
    #[must_use]
    pub fn emissions(&self) -> usize {
        self.emissions
    }

    /// The dead letters, in order.
    #[must_use]
    pub fn letters(&self) -> &[Letter] {
        &self.letters
    }

    /// All values in the changelog that hold this text.
    #[must_use]
    pub fn changelog_holds(&self, text: &str) -> bool {
        self.changelog.values().any(|value| contains(value, text.as_bytes()))
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn new_task(topology: &Arc<Topology>) -> Task {
    let mut task = Task::new(0, Arc::clone(topology), Limits::default(), Box::new(MemoryStore::default()));
    task.become_phase(engine::Phase::Restoring);
    task.become_phase(engine::Phase::Running);
    task
}
