// SPDX-License-Identifier: Apache-2.0

//! When a commit waits for records that the client has not fetched yet.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use driver::{
    Action, Answer, Driver, EndOffset, Extent, Now, Pace, Rebalance, Schemas, Settings, Sought, TopicKind,
    TopicPartition,
};
use engine::{Budget, InnerTopics, MemoryStore, NoHeaders, SourceRecord, Topology};

const INPUT: &str = "input";
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
        kinds: Arc::new(|topic| if topic == INPUT { TopicKind::Input } else { TopicKind::Other }),
        commit_interval: Duration::from_millis(100),
        commit_bytes_max: 1 << 20,
        budget: Budget::default(),
        watched: None,
        pace: Pace::default(),
    }
}

/// One partition with an empty changelog, on a cluster that answers everything at once.
struct Cluster {
    driver: Driver<String>,
    now: Now,
    /// What the statistics report of the input.
    end: EndOffset,
}

impl Cluster {
    /// A worker that has its partition and polls for records.
    fn live(end: EndOffset) -> Self {
        let driver = Driver::new(settings(), Box::new(NoSchemas));
        let mut cluster = Self { driver, now: Now::default(), end };
        while !matches!(cluster.next(), Action::Poll { .. }) {}
        cluster.driver.rebalance(Rebalance::Assigned(vec![TopicPartition::new(INPUT, 0)]));
        cluster.answer(Answer::NoRecord);
        let mut is_seen = false;
        for _ in 0..1_000 {
            let action = cluster.next();
            if matches!(action, Action::Poll { .. }) {
                if is_seen {
                    return cluster;
                }
                // One more turn, so that the statistics are read.
                is_seen = cluster.driver.task(0).is_some_and(driver::AssignedTask::is_live);
                cluster.now.elapsed += Duration::from_secs(1);
                cluster.answer(Answer::NoRecord);
            }
        }
        panic!("the task never becomes live");
    }

    fn answer(&mut self, answer: Answer<'_, String>) {
        self.driver.respond(answer, self.now);
    }

    /// The next action, carried out unless it is a poll.
    fn next(&mut self) -> Action<String> {
        let action = self.driver.next(self.now);
        let everywhere = |value: i64| {
            let topics = [INPUT, REPARTITION].into_iter();
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
            Action::FetchBegins(_) | Action::FetchEnds(_) => Answer::Offsets(everywhere(0).collect()),
            Action::FetchExtents(_) => {
                let extent = Extent { begin: 0, end: 0 };
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
            Action::BeginTransaction | Action::SendOffsets { .. } => Answer::Transaction(Ok(())),
            Action::Send => Answer::Sent(Ok(())),
            Action::Flush => Answer::Flushed(Ok(BTreeMap::new())),
            Action::FetchMembership => Answer::Membership { is_known: true, is_lost: false },
            Action::CommitTransaction | Action::AbortTransaction => {
                Answer::Ended { result: Ok(()), is_broken: false }
            }
            _ => Answer::Done(Ok(())),
        };
        self.answer(answer);
        action
    }

    /// Delivers a record to the poll in progress.
    fn deliver(&mut self, offset: i64) {
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

    fn poll_timeout(&mut self) -> Option<Duration> {
        match self.next() {
            Action::Poll { timeout } => Some(timeout),
            _ => None,
        }
    }
}

#[test]
fn a_commit_waits_once_for_records_that_exist_but_are_not_fetched_yet() {
    let mut cluster = Cluster::live(EndOffset { stable: 100, is_drained: false });
    cluster.deliver(0);
    assert_eq!(cluster.poll_timeout(), Some(Duration::ZERO));
    cluster.answer(Answer::NoRecord);
    assert_eq!(cluster.poll_timeout(), Some(Pace::default().busy), "99 more records exist");
    cluster.deliver(1);
    assert_eq!(cluster.poll_timeout(), Some(Duration::ZERO));
    cluster.answer(Answer::NoRecord);
    assert_eq!(cluster.poll_timeout(), Some(Pace::default().busy), "98 more records exist");
    cluster.answer(Answer::NoRecord);
    assert_eq!(cluster.poll_timeout(), None, "none came");
}

#[test]
fn the_commit_interval_bounds_the_wait_for_the_fetch() {
    let mut cluster = Cluster::live(EndOffset { stable: 100, is_drained: false });
    cluster.deliver(0);
    assert_eq!(cluster.poll_timeout(), Some(Duration::ZERO));
    cluster.now.elapsed += Duration::from_millis(100);
    cluster.answer(Answer::NoRecord);
    assert_eq!(cluster.poll_timeout(), None);
}

#[test]
fn a_commit_does_not_wait_where_nothing_is_left_to_read() {
    for end in [EndOffset { stable: 1, is_drained: false }, EndOffset { stable: 100, is_drained: true }] {
        let mut cluster = Cluster::live(end);
        cluster.deliver(0);
        assert_eq!(cluster.poll_timeout(), Some(Duration::ZERO));
        cluster.answer(Answer::NoRecord);
        assert_eq!(cluster.poll_timeout(), None);
    }
}
