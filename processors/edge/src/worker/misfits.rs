//! Topics whose partitions do not fit the state. The state is divided by the number of partitions that there were when its group
//! began, and cannot follow: a partition that was added later belongs to nobody. It is said, and the others are worked on.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;

use super::Worker;
use crate::reading::Place;

/// How often the numbers of partitions are looked at: those of the input the group tells by itself.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What does not fit.
pub(super) struct Misfits {
    /// Partitions of the input that are assigned to this worker, and that nothing reads.
    unreadable: BTreeSet<Place>,
    /// How many partitions topics have that should have another number.
    counts: Vec<(String, i32)>,
    look_at: Instant,
    /// What there is to say; none where all fits.
    problem: Option<String>,
}

impl Misfits {
    pub(super) fn new(now: Instant) -> Self {
        Self { unreadable: BTreeSet::new(), counts: Vec::new(), look_at: now, problem: None }
    }

    /// Whether this worker has partitions that nothing reads.
    pub(super) fn holds_unreadable(&self) -> bool {
        !self.unreadable.is_empty()
    }

    /// In words.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    fn describe(&mut self, wanted: i32) {
        let counts = self.counts.iter().map(|(topic, count)| format!("{topic} has {count} partitions"));
        let unread =
            self.unreadable.iter().map(|(topic, partition)| format!("{topic}/{partition} is not read"));
        let all: Vec<String> = counts.chain(unread).collect();
        self.problem = (!all.is_empty())
            .then(|| format!("the state was made for {wanted} partitions: {}", all.join(", ")));
    }
}

impl Worker {
    /// The group gives partitions of the input that the state has no place for.
    pub(super) fn misfits_assigned(&mut self, partitions: &TopicPartitionList) {
        for element in partitions.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            tracing::error!(
                topic,
                partition,
                state_partitions = self.shared.partitions,
                "this partition was added to the input after the state was made, which cannot follow: its records are not read; \
                 the other partitions are. docs/runbook/alerts/CxTimelinesPartitionsUnread.md tells what to do"
            );
            self.misfits.unreadable.insert((topic.to_owned(), partition));
            self.shared.metrics.partitions_unread(topic, 1);
        }
        self.misfits.describe(self.shared.partitions);
    }

    /// The group takes them away.
    pub(super) fn misfits_revoked(&mut self, partitions: &TopicPartitionList) {
        for element in partitions.elements() {
            if self.misfits.unreadable.remove(&(element.topic().to_owned(), element.partition())) {
                self.shared.metrics.partitions_unread(element.topic(), -1);
            }
        }
        self.misfits.describe(self.shared.partitions);
    }

    /// Looks whether the topics between the processors still have as many partitions as the state.
    pub(super) fn look_for_misfits(&mut self) {
        if Instant::now() < self.misfits.look_at {
            return;
        }
        self.misfits.look_at = Instant::now() + LOOK_EVERY;
        let topology = &self.shared.topology;
        let mut counts = Vec::new();
        for topic in [topology.repartition(), topology.changelog()].map(|topic| topology.name(topic)) {
            // Where there is no answer, or no such topic, others say so.
            let Some(count) = self.restorer.partitions_of(topic).filter(|count| *count > 0) else { continue };
            if count != self.shared.partitions {
                counts.push((topic.to_owned(), count));
            }
        }
        if counts == self.misfits.counts {
            return;
        }
        for (topic, count) in &counts {
            tracing::error!(
                topic,
                partitions = count,
                state_partitions = self.shared.partitions,
                "the topic has another number of partitions than the state: the next start will refuse it; \
                 docs/runbook/alerts/CxTimelinesPartitionsUnread.md tells what to do"
            );
        }
        self.misfits.counts = counts;
        self.misfits.describe(self.shared.partitions);
        self.tell_health();
    }
}
