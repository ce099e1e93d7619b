// SPDX-License-Identifier: Apache-2.0

//! A driver on a cluster that answers everything at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use driver::{
    Action, Answer, Driver, EndOffset, Extent, Failure, Now, Pace, Position, Rebalance, Remedy, Schemas,
    Settings, Sought, TopicKind, TopicPartition,
};
use engine::{
    Budget, InnerTopics, MemoryStore, NoHeaders, OutputRecord, Sink, SinkError, SourceRecord, Topology,
};

pub(crate) const INPUT: &str = "input";
pub(crate) const STATES: &str = "agent-states";
pub(crate) const CONVERSATION: &str = "conversation.21";
const REPARTITION: &str = "repartition";

struct NoSchemas;

impl Schemas for NoSchemas {
    fn request(&self, _id: u32) {}

    fn request_ahead(&self, _id: u32) -> bool {
        false
    }

    fn is_awaited(&self, _id: u32) -> bool {
        false
    }
}

/// A producer whose records go nowhere.
struct Nowhere;

impl Sink for Nowhere {
    fn send(&mut self, _record: OutputRecord<'_>) -> Result<(), SinkError> {
        Ok(())
    }
}

fn kind_of(topic: &str) -> TopicKind {
    match topic {
        INPUT => TopicKind::Input,
        STATES => TopicKind::AgentStates,
        CONVERSATION => TopicKind::Conversation("21".into()),
        _ => TopicKind::Other,
    }
}

fn settings() -> Settings {
    let inner = InnerTopics {
        dead_letters: "letters",
        changelog: "changelog",
        repartition: REPARTITION,
        erasures: None,
    };
    Settings {
        name: "worker".to_owned(),
        first_transaction: 0,
        topology: Arc::new(Topology::new(inner)),
        limits: model::Limits::default(),
        partitions: 1,
        kinds: Arc::new(kind_of),
        commit_interval: Duration::from_millis(100),
        commit_bytes_max: 1 << 20,
        budget: Budget::default(),
        watched: None,
        pace: Pace::default(),
    }
}

/// One partition with an empty changelog, on a cluster that answers everything at once.
pub(crate) struct Cluster {
    pub(crate) driver: Driver<String>,
    pub(crate) now: Now,
    /// What the statistics report of the input.
    end: EndOffset,
    /// The first offset of each partition.
    pub(crate) first: i64,
    /// The offsets of each transaction that was committed, in the order of their topics.
    pub(crate) commits: Vec<Vec<Position>>,
    /// The offsets of the current transaction.
    sent: Vec<Position>,
    /// How many of the next commits fail.
    pub(crate) failures: u32,
}

impl Cluster {
    /// A worker that has its partition of the input and polls for records.
    pub(crate) fn live(end: EndOffset) -> Self {
        Self::reading(&[INPUT], 0, end)
    }

    /// A worker that has its partition of these topics, which begin at this offset, and polls for records.
    pub(crate) fn reading(topics: &[&str], first: i64, end: EndOffset) -> Self {
        let driver = Driver::new(settings(), Box::new(NoSchemas));
        let (commits, sent) = (Vec::new(), Vec::new());
        let mut cluster = Self { driver, now: Now::default(), end, first, commits, sent, failures: 0 };
        while !matches!(cluster.next(), Action::Poll { .. }) {}
        let assigned = topics.iter().map(|topic| TopicPartition::new(*topic, 0)).collect();
        cluster.driver.rebalance(Rebalance::Assigned(assigned));
        cluster.answer(Answer::NoRecord);
        let mut is_seen = false;
        for _ in 0..1_000 {
            let action = cluster.next();
            if matches!(action, Action::Poll { .. }) {
                if is_seen {
                    return cluster;
                }
                // One more turn, so that the statistics are read.
                let is_live = cluster.driver.task(0).is_some_and(driver::AssignedTask::is_live);
                is_seen = is_live || !topics.contains(&INPUT);
                cluster.now.elapsed += Duration::from_secs(1);
                cluster.answer(Answer::NoRecord);
            }
        }
        panic!("the task never becomes live");
    }

    pub(crate) fn answer(&mut self, answer: Answer<'_, String>) {
        self.driver.respond(answer, self.now);
    }

    /// The next action, carried out unless it is a poll.
    pub(crate) fn next(&mut self) -> Action<String> {
        let action = self.driver.next(self.now);
        let first = self.first;
        let everywhere = |value: i64| {
            let topics = [INPUT, REPARTITION, STATES, CONVERSATION].into_iter();
            topics.map(move |topic| (TopicPartition::new(topic, 0), value))
        };
        let answer = match &action {
            Action::Poll { .. } => return action,
            Action::InitProducer => Answer::Producer(Ok(1 << 20)),
            Action::FetchCommitted(partitions) | Action::FetchLatestCommitted(partitions) => {
                Answer::Committed(Some(
                    partitions.iter().map(|partition| (partition.clone(), None)).collect(),
                ))
            }
            Action::FetchBegins(_) | Action::FetchEnds(_) => Answer::Offsets(everywhere(first).collect()),
            Action::FetchExtents(_) => {
                let extent = Extent { begin: first, end: first };
                Answer::Extents(everywhere(0).map(|(partition, _)| (partition, extent)).collect())
            }
            Action::Seek(positions) => Answer::Sought(
                positions.iter().map(|(partition, _)| (partition.clone(), Sought::Done)).collect(),
            ),
            Action::ListPartitions => {
                Answer::Partitions(Some(everywhere(0).map(|(found, _)| found).collect()))
            }
            Action::CountPartitions(topics) => {
                Answer::PartitionCounts(topics.iter().map(|topic| (Arc::clone(topic), 1)).collect())
            }
            Action::FindDrained(_) => Answer::Drained(Vec::new()),
            Action::ReadStatistics => Answer::Statistics(vec![(TopicPartition::new(INPUT, 0), self.end)]),
            Action::OpenStore(_) => Answer::Store(Ok(Some(Box::new(MemoryStore::default())))),
            Action::FetchChangelogExtent(_) => Answer::ChangelogExtent(Ok(Some(Extent { begin: 0, end: 0 }))),
            Action::FetchStableOffset(_) => Answer::StableOffset(Ok(Some(0))),
            Action::BeginTransaction => Answer::Transaction(Ok(())),
            Action::SendOffsets { offsets, .. } => {
                self.sent.clone_from(offsets);
                Answer::Transaction(Ok(()))
            }
            Action::Send => {
                self.driver.send_to(&mut Nowhere);
                Answer::Sent(Ok(()))
            }
            Action::Flush => Answer::Flushed(Ok(BTreeMap::new())),
            Action::FetchMembership => Answer::Membership { is_known: true, is_lost: false },
            Action::CommitTransaction if self.failures > 0 => {
                self.failures -= 1;
                let failure =
                    Failure { remedy: Remedy::Abort, error: "refused".to_owned(), letters_too_large: false };
                Answer::Ended { result: Err(failure), is_broken: false }
            }
            Action::CommitTransaction => {
                self.sent.sort();
                self.commits.push(std::mem::take(&mut self.sent));
                Answer::Ended { result: Ok(()), is_broken: false }
            }
            Action::AbortTransaction => Answer::Ended { result: Ok(()), is_broken: false },
            _ => Answer::Done(Ok(())),
        };
        self.answer(answer);
        action
    }

    /// Lets some turns pass without a record.
    pub(crate) fn idle(&mut self) {
        for _ in 0..10 {
            while !matches!(self.next(), Action::Poll { .. }) {}
            self.now.elapsed += Duration::from_secs(1);
            self.answer(Answer::NoRecord);
        }
    }

    /// Delivers a record to the poll in progress.
    pub(crate) fn deliver(&mut self, offset: i64) {
        let record = SourceRecord {
            topic: INPUT,
            partition: 0,
            offset,
            timestamp_ms: Some(0),
            key: None,
            value: None,
            headers: &NoHeaders,
            conversation: None,
        };
        self.answer(Answer::Record(record));
    }

    pub(crate) fn poll_timeout(&mut self) -> Option<Duration> {
        match self.next() {
            Action::Poll { timeout } => Some(timeout),
            _ => None,
        }
    }
}
