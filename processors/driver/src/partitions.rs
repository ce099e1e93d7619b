//! Topics whose partitions do not fit the state. The state is divided by the number of partitions that there were when its group
//! began, and cannot follow: nothing reads a partition that was added later. It is reported, and the others are worked on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use crate::action::{Action, TopicPartition};
use crate::job::{Outcome, Pending};
use crate::{Driver, Event};

/// What does not fit.
#[derive(Default)]
pub(crate) struct PartitionCounts {
    /// Partitions of the input that are assigned to this worker, and that nothing reads.
    unreadable: BTreeSet<TopicPartition>,
    /// Topics between the tasks that have another number of partitions than the state.
    others: BTreeMap<Arc<str>, i32>,
    count_at: Duration,
    /// What there is to say; `None` where all fits.
    problem: Option<String>,
}

impl PartitionCounts {
    /// Whether this worker has partitions that nothing reads.
    pub(crate) fn holds_unreadable(&self) -> bool {
        !self.unreadable.is_empty()
    }

    /// In words.
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
    /// The group gives partitions of the input that the state has no partition for.
    pub(crate) fn hold_unreadable(&mut self, partitions: Vec<TopicPartition>) {
        for partition in partitions {
            self.report(Event::Unreadable { partition: partition.clone(), is_held: true });
            self.counts.unreadable.insert(partition);
        }
        self.counts.describe(self.settings.partitions);
    }

    /// The group takes them away.
    pub(crate) fn drop_unreadable(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            if self.counts.unreadable.remove(partition) {
                self.report(Event::Unreadable { partition: partition.clone(), is_held: false });
            }
        }
        self.counts.describe(self.settings.partitions);
    }

    /// Looks whether the topics between the tasks still have as many partitions as the state.
    pub(crate) fn count_partitions(&mut self) -> Outcome<E> {
        if self.now.elapsed < self.counts.count_at {
            return Ok(None);
        }
        self.counts.count_at = self.now.elapsed + self.settings.pace.count_partitions_every;
        let topics = [&self.input_topics.repartition, &self.input_topics.changelog].map(Arc::clone);
        self.ask(Action::CountPartitions(topics.into()), Pending::Counts)
    }

    /// How many they have. Where there is no answer, or no such topic, others say so.
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
