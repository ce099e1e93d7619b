// SPDX-License-Identifier: Apache-2.0

//! Topics whose partition count differs from the state's. The state has the partition count that the input had when its group
//! began, and it cannot change: no task reads a partition added later. The difference is reported, and the other partitions are
//! processed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use crate::Driver;
use crate::action::{Action, TopicPartition};
use crate::event::Event;
use crate::job::{Outcome, Pending};

/// Partitions and topics that do not match the state.
#[derive(Default)]
pub(crate) struct PartitionCounts {
    /// Input partitions assigned to this worker that no task reads.
    unreadable: BTreeSet<TopicPartition>,
    /// Repartition and changelog topics with another partition count than the state.
    others: BTreeMap<Arc<str>, i32>,
    count_at: Duration,
    /// A description of the mismatch; `None` when everything matches.
    problem: Option<String>,
}

impl PartitionCounts {
    /// Whether this worker holds partitions that no task reads.
    pub(crate) fn holds_unreadable(&self) -> bool {
        !self.unreadable.is_empty()
    }

    /// A description of the mismatch.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    fn describe(&mut self, wanted: i32) {
        let counts = self.others.iter().map(|(topic, count)| format!("{topic} has {count} partitions"));
        let unread = self.unreadable.iter().map(|partition| format!("{partition} is not read"));
        let all: Vec<String> = counts.chain(unread).collect();
        self.problem = (!all.is_empty())
            .then(|| format!("the state was made for {wanted} partitions: {}", all.join(", ")));
    }
}

impl<E: Display> Driver<E> {
    /// The group assigned input partitions without a state partition.
    pub(crate) fn hold_unreadable(&mut self, partitions: Vec<TopicPartition>) {
        for partition in partitions {
            self.report(Event::Unreadable { partition: partition.clone(), is_held: true });
            self.counts.unreadable.insert(partition);
        }
        self.counts.describe(self.settings.partitions);
    }

    /// The group revoked them.
    pub(crate) fn drop_unreadable(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            if self.counts.unreadable.remove(partition) {
                self.report(Event::Unreadable { partition: partition.clone(), is_held: false });
            }
        }
        self.counts.describe(self.settings.partitions);
    }

    /// Compares the partition counts of repartition and changelog topics with the state's.
    pub(crate) fn count_partitions(&mut self) -> Outcome<E> {
        if self.now.elapsed < self.counts.count_at {
            return Ok(None);
        }
        self.counts.count_at = self.now.elapsed + self.settings.pace.count_partitions_every;
        let topics = [&self.input_topics.repartition, &self.input_topics.changelog].map(Arc::clone);
        self.ask(Action::CountPartitions(topics.into()), Pending::Counts)
    }

    /// Takes the partition counts. A missing topic or answer is reported elsewhere.
    pub(crate) fn counted(&mut self, counts: &BTreeMap<Arc<str>, i32>) {
        let wanted = self.settings.partitions;
        let others = counts.iter().filter(|(_, count)| **count > 0 && **count != wanted);
        let others: BTreeMap<Arc<str>, i32> =
            others.map(|(topic, count)| (Arc::clone(topic), *count)).collect();
        if others == self.counts.others {
            return;
        }
        for (topic, count) in &others {
            self.report(Event::PartitionCount { topic: Arc::clone(topic), count: *count });
        }
        self.counts.others = others;
        self.counts.describe(wanted);
        self.do_first([crate::job::Job::Readiness]);
    }
}
