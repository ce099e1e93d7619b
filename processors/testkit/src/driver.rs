// SPDX-License-Identifier: Apache-2.0

//! Runs the real tasks without Kafka: lists are the input, maps the output, and the test decides when commits, aborts and
//! crashes happen.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{
    Budget, EventClass, MemoryStore, NoHeaders, Notice, Phase, SourceOffset, SourceRecord, StateStore, Task,
    Topology,
};
use model::Limits;
use serde_json::Value;

use crate::cluster::{Cluster, Letter, Names, Transaction};
use crate::topology::AGENT_STATES;

const INPUT: &str = "cx.events";
const ERASURES: &str = "cx.erasures";
const NOW_MS: i64 = 1_750_000_000_000;

/// A task's position in a log.
#[derive(Debug, Clone, Copy, Default)]
struct PartitionId {
    next: usize,
    committed: usize,
}

/// A task with its input.
struct TaskRun {
    task: Task,
    /// Topics and values with Kafka timestamps.
    log: Vec<(&'static str, Vec<u8>, i64)>,
    input: PartitionId,
    repartition: PartitionId,
}

/// The tasks of all partitions, their input, and their outputs as `read_committed` consumers see them.
pub struct Driver {
    topology: Arc<Topology>,
    names: Names,
    runs: Vec<TaskRun>,
    cluster: Cluster,
    turn: usize,
    pushed: usize,
    clock_ms: i64,
    expires: bool,
    budget: Budget,
    /// The largest number of records in one commit, over all tasks.
    largest: usize,
    commits: usize,
    notices: BTreeMap<Notice, u64>,
    events: BTreeMap<&'static str, u64>,
}

impl Driver {
    /// A driver with one partition and an empty state.
    #[must_use]
    pub fn new(topology: Topology) -> Self {
        Self::with_partitions(topology, 1)
    }

    /// A driver with this number of partitions.
    #[must_use]
    pub fn with_partitions(topology: Topology, partitions: i32) -> Self {
        Self::with_stores(topology, partitions, |_| Box::new(MemoryStore::default()))
    }

    /// A driver with this number of partitions, each with an empty store from `store`. After a [`crash`](Self::crash) the
    /// stores are in memory.
    #[must_use]
    pub fn with_stores(
        topology: Topology,
        partitions: i32,
        mut store: impl FnMut(i32) -> Box<dyn StateStore>,
    ) -> Self {
        let topology = Arc::new(topology);
        let names = Names {
            topics: topology.topics().to_vec(),
            dead_letters: topology.dead_letters().index(),
            changelog: topology.changelog().index(),
            repartition: topology.repartition().index(),
        };
        let run = |partition| TaskRun {
            task: new_task(partition, partitions, &topology, store(partition)),
            log: Vec::new(),
            input: PartitionId::default(),
            repartition: PartitionId::default(),
        };
        let mut driver = Self {
            runs: (0..partitions).map(run).collect(),
            topology,
            names,
            cluster: Cluster::new(partitions),
            turn: 0,
            pushed: 0,
            clock_ms: NOW_MS,
            expires: false,
            budget: Budget::default(),
            largest: 0,
            commits: 0,
            notices: BTreeMap::new(),
            events: BTreeMap::new(),
        };
        driver.restore_all();
        driver
    }

    /// Allows expiry from now on.
    #[must_use]
    pub fn with_expiry(mut self) -> Self {
        self.expires = true;
        self.runs.iter_mut().for_each(|run| run.task.caught_up());
        self
    }

    /// Limits each task's work per commit on expiry and erasure.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the clock: records pushed from now on have this Kafka timestamp, in epoch milliseconds.
    pub fn set_clock(&mut self, now_ms: i64) {
        self.clock_ms = now_ms;
    }

    /// Appends a record to the input, to each partition in turn regardless of its key.
    pub fn push(&mut self, value: impl Into<Vec<u8>>) {
        self.push_to(INPUT, value.into());
    }

    /// Appends an agent's state, in the same way.
    pub fn push_agent(&mut self, value: impl Into<Vec<u8>>) {
        self.push_to(AGENT_STATES, value.into());
    }

    /// Appends an erasure request, in the same way.
    pub fn push_erasure(&mut self, value: impl Into<Vec<u8>>) {
        self.push_to(ERASURES, value.into());
    }

    fn push_to(&mut self, topic: &'static str, value: Vec<u8>) {
        let partition = self.pushed % self.runs.len();
        self.pushed += 1;
        if let Some(run) = self.runs.get_mut(partition) {
            run.log.push((topic, value, self.clock_ms));
        }
    }

    /// The tasks, by partition.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.runs.iter().map(|run| &run.task)
    }

    fn partitions(&self) -> i32 {
        i32::try_from(self.runs.len()).unwrap_or(i32::MAX)
    }

    /// Lets one task take its next record, round robin; `false` when no records are left.
    ///
    /// # Panics
    /// The task failed, and so does the test.
    pub fn step(&mut self) -> bool {
        for _ in 0..self.runs.len() {
            self.turn = (self.turn + 1) % self.runs.len();
            if self.step_of(self.turn) {
                return true;
            }
        }
        false
    }

    fn step_of(&mut self, partition: usize) -> bool {
        let repartition_topic = self.topology.name(self.topology.repartition());
        let (Some(run), Some(messages)) =
            (self.runs.get_mut(partition), self.cluster.repartition.get(partition))
        else {
            return false;
        };
        let message = messages.get(run.repartition.next);
        let (topic, place, key, value, timestamp_ms) = match (message, run.log.get(run.input.next)) {
            (Some((key, value)), _) => {
                (repartition_topic, &mut run.repartition, Some(key), value, self.clock_ms)
            }
            (None, Some((topic, value, timestamp_ms))) => {
                (*topic, &mut run.input, None, value, *timestamp_ms)
            }
            (None, None) => return false,
        };
        let record = SourceRecord {
            topic,
            partition: i32::try_from(partition).unwrap_or_default(),
            offset: i64::try_from(place.next).unwrap_or(i64::MAX),
            timestamp_ms: Some(timestamp_ms),
            key: key.map(Vec::as_slice),
            value: Some(value),
            headers: &NoHeaders,
            conversation: None,
        };
        assert_eq!(run.task.process(&record, NOW_MS).map_err(|error| error.to_string()), Ok(()));
        place.next += 1;
        true
    }

    /// Commits what all tasks have staged, in one transaction, like a worker.
    ///
    /// # Panics
    /// A task failed, and so does the test.
    pub fn commit(&mut self) {
        let mut transaction = Transaction::new(self.names.clone(), self.partitions());
        for run in self.runs.iter_mut().filter(|run| !run.task.is_clean()) {
            let prepared = run.task.prepare_within(&mut transaction, &mut self.budget.clone());
            assert_eq!(prepared.map_err(|error| error.to_string()), Ok(()));
        }
        self.largest = self.largest.max(transaction.len());
        self.commits += 1;
        self.cluster.commit(transaction);
        for run in self.runs.iter_mut().filter(|run| !run.task.is_clean()) {
            run.input.committed = run.input.next;
            run.repartition.committed = run.repartition.next;
            #[expect(clippy::expect_used, reason = "a test's own store")]
            let tally = run.task.committed(None).expect("the store takes what is committed");
            for (notice, count) in tally.notices() {
                *self.notices.entry(notice).or_default() += count;
            }
            for (class, count) in tally.events() {
                *self.events.entry(class.as_str()).or_default() += count;
            }
        }
    }

    /// A failed transaction: prepared, then dropped; its records are taken again.
    pub fn abort(&mut self) {
        let mut lost = Transaction::new(self.names.clone(), self.partitions());
        for run in &mut self.runs {
            let _ = run.task.prepare_within(&mut lost, &mut self.budget.clone());
            run.task.aborted();
            run.input.next = run.input.committed;
            run.repartition.next = run.repartition.committed;
        }
    }

    /// A crash: new tasks are restored from their changelogs and continue after the last commit.
    pub fn crash(&mut self) {
        let partitions = self.partitions();
        for (partition, run) in (0..partitions).zip(&mut self.runs) {
            let store = Box::new(MemoryStore::default());
            run.task = new_task(partition, partitions, &self.topology, store);
            run.input.next = run.input.committed;
            run.repartition.next = run.repartition.committed;
        }
        self.restore_all();
    }

    fn restore_all(&mut self) {
        for (run, changelog) in self.runs.iter_mut().zip(&self.cluster.changelogs) {
            for (key, value) in changelog {
                assert!(run.task.restore(0, key, Some(value)).is_ok(), "the store takes what was restored");
            }
            assert!(run.task.restored(0).is_ok(), "the store takes what was restored");
            if self.expires {
                run.task.caught_up();
            }
        }
    }

    /// Takes all remaining records and commits, until no records or work are left.
    pub fn finish(&mut self) {
        loop {
            while self.step() {}
            self.go_on();
            self.commit();
            // The commit may have sent messages to other tasks.
            if !self.is_anything_left() && !self.has_more() {
                return;
            }
        }
    }

    /// Lets the next commit continue the work that the last one left, like a worker.
    pub fn go_on(&mut self) {
        for (partition, run) in (0..).zip(&mut self.runs) {
            if run.task.has_more() {
                let next = i64::try_from(run.input.next).unwrap_or(i64::MAX);
                run.task.go_on(SourceOffset { topic: INPUT.to_owned(), partition, next });
            }
        }
    }

    /// Whether the last commit left work.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.runs.iter().any(|run| run.task.has_more())
    }

    /// Resets the largest commit.
    pub fn reset_largest(&mut self) {
        self.largest = 0;
    }

    /// The largest number of records in one commit so far.
    #[must_use]
    pub fn largest_commit(&self) -> usize {
        self.largest
    }

    /// The number of commits.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.commits
    }

    /// Fires timers due at this wall-clock time with the next commit; `false` when none are due. Take all pushed records
    /// before.
    ///
    /// # Panics
    /// A task failed, and so does the test.
    pub fn stage_punctuation(&mut self, now_ms: i64) -> bool {
        let mut fires = false;
        for (partition, run) in (0..).zip(&mut self.runs) {
            #[expect(clippy::expect_used, reason = "a test's own store")]
            let due = run.task.next_due().expect("the store can be read");
            if due.is_some_and(|due| due <= now_ms) {
                let next = i64::try_from(run.input.committed).unwrap_or(i64::MAX);
                run.task.punctuate(now_ms, SourceOffset { topic: INPUT.to_owned(), partition, next });
                fires = true;
            }
        }
        fires
    }

    /// Takes all remaining records, then fires timers due at this wall-clock time, until none are due.
    pub fn punctuate(&mut self, now_ms: i64) {
        self.finish();
        while self.stage_punctuation(now_ms) {
            self.commit();
        }
    }

    fn is_anything_left(&self) -> bool {
        let mut runs = self.runs.iter().zip(&self.cluster.repartition);
        runs.any(|(run, messages)| run.input.next < run.log.len() || run.repartition.next < messages.len())
    }

    /// The latest record of every key of every output topic.
    #[must_use]
    pub fn finals(&self) -> &BTreeMap<(String, String), Value> {
        &self.cluster.outputs
    }

    /// The latest record of a key.
    #[must_use]
    pub fn record(&self, topic: &str, key: &str) -> Option<&Value> {
        self.cluster.outputs.get(&(topic.to_owned(), key.to_owned()))
    }

    /// The number of committed output records, without dead letters.
    #[must_use]
    pub fn emissions(&self) -> usize {
        self.cluster.emissions
    }

    /// The dead letters, in order.
    #[must_use]
    pub fn letters(&self) -> &[Letter] {
        &self.cluster.letters
    }

    /// The number of records counted as this class.
    #[must_use]
    pub fn events(&self, class: EventClass) -> u64 {
        self.events.get(class.as_str()).copied().unwrap_or(0)
    }

    /// The count of this notice.
    #[must_use]
    pub fn noticed(&self, notice: impl Into<Notice>) -> u64 {
        self.notices.get(&notice.into()).copied().unwrap_or(0)
    }

    /// The violated invariants.
    #[must_use]
    pub fn violations(&self) -> Vec<&'static str> {
        let rule = |notice: &Notice| match notice {
            Notice::Violation(rule) => Some(*rule),
            Notice::EventIdConflict | Notice::Counted(..) | Notice::CountedOf(..) => None,
        };
        self.notices.keys().filter_map(rule).collect()
    }

    /// The keys and values of all changelogs.
    pub fn changelog(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let records = self.cluster.changelogs.iter().flat_map(BTreeMap::iter);
        records.map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// The size of the largest record committed to each topic: key, value and headers.
    #[must_use]
    pub fn largest(&self) -> &BTreeMap<String, usize> {
        &self.cluster.largest
    }

    /// The number of keys of the processors' state in the changelogs, without the engine's own.
    #[must_use]
    pub fn changelog_len(&self) -> usize {
        let keys = self.cluster.changelogs.iter().flat_map(BTreeMap::keys);
        keys.filter(|key| key.first() != Some(&0)).count()
    }

    /// Whether a value in a changelog contains this text.
    #[must_use]
    pub fn changelog_holds(&self, text: &str) -> bool {
        let mut values = self.cluster.changelogs.iter().flat_map(BTreeMap::values);
        values.any(|value| contains(value, text.as_bytes()))
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn new_task(partition: i32, partitions: i32, topology: &Arc<Topology>, store: Box<dyn StateStore>) -> Task {
    let mut task = Task::new(partition, partitions, Arc::clone(topology), Limits::default(), store);
    task.become_phase(Phase::Restoring);
    task
}
