// SPDX-License-Identifier: Apache-2.0

//! First offsets, end offsets and partition counts. A separate client without fetches asks for them, because behind a fetch the
//! answer would wait for the fetch to end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use driver::TopicPartition;
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;

use super::names::listed;
use crate::clients;
use crate::errors::EdgeError;
use crate::reading::{ReadsToTheEnd, TopicAndPartition, limits};
use crate::settings::Settings;

const METADATA_TIMEOUT: Duration = Duration::from_millis(500);
const COUNT_TIMEOUT: Duration = Duration::from_millis(100);
const LIMITS_TIMEOUT: Duration = Duration::from_millis(200);
const ONE_TIMEOUT: Duration = Duration::from_millis(100);
/// How many partitions are asked for one by one in a turn; each may cost [`ONE_TIMEOUT`].
const ONE_BY_ONE: usize = 8;

/// Asks for the first and end offsets of partitions, open transactions included.
pub(super) struct Limits {
    client: BaseConsumer<ReadsToTheEnd>,
    /// How many partitions were asked for one by one.
    asked: AtomicUsize,
}

impl Limits {
    pub(super) fn new(settings: &Settings, worker: &str) -> Result<Self, EdgeError> {
        let client = clients::consumer(&settings.reader(worker, false), ReadsToTheEnd);
        Ok(Self { client: client.map_err(EdgeError::Settings)?, asked: AtomicUsize::new(0) })
    }

    /// The client. It does not wait for open transactions.
    pub(super) fn client(&self) -> &BaseConsumer<ReadsToTheEnd> {
        clients::attend(&self.client);
        &self.client
    }

    /// First offsets, as far as known.
    pub(super) fn begins(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, i64> {
        self.of(partitions, Offset::Beginning)
    }

    /// End offsets, as far as known.
    pub(super) fn ends(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, i64> {
        self.of(partitions, Offset::End)
    }

    /// One request for all partitions. A single partition without a leader makes it fail; then some partitions are asked for
    /// one by one, others the next time. The client uses its cached leaders and refreshes them only on request.
    fn of(&self, partitions: &[TopicPartition], which: Offset) -> BTreeMap<TopicPartition, i64> {
        clients::attend(&self.client);
        let ask = |list, timeout| limits(&self.client, list, which, timeout);
        let known = |answers: Vec<(TopicAndPartition, KafkaResult<i64>)>| {
            answers.into_iter().filter_map(|(place, limit)| Some((place, limit.ok()?)))
        };
        let found: BTreeMap<TopicAndPartition, i64> = match ask(listed(partitions), LIMITS_TIMEOUT) {
            Ok(answers) => known(answers).collect(),
            Err(error) => {
                tracing::debug!(%error, "the offsets of partitions are not known yet");
                let first = self.asked.fetch_add(ONE_BY_ONE, Ordering::Relaxed) % partitions.len().max(1);
                let some = partitions.iter().cycle().skip(first).take(partitions.len().min(ONE_BY_ONE));
                some.flat_map(|one| known(ask(listed([one]), ONE_TIMEOUT).unwrap_or_default())).collect()
            }
        };
        let of = |partition: &TopicPartition| {
            found.get(&(partition.topic.to_string(), partition.partition)).copied()
        };
        let unknown = partitions.iter().filter(|partition| of(partition).is_none());
        let topics: BTreeSet<&str> = unknown.map(|partition| &*partition.topic).take(ONE_BY_ONE).collect();
        topics.into_iter().for_each(|topic| self.find_leaders(topic));
        partitions.iter().filter_map(|partition| Some((partition.clone(), of(partition)?))).collect()
    }

    /// The first and the end offset of one partition.
    pub(super) fn watermarks(
        &self,
        topic: &str,
        partition: i32,
        timeout: Duration,
    ) -> KafkaResult<(i64, i64)> {
        clients::attend(&self.client);
        self.client.fetch_watermarks(topic, partition, timeout)
    }

    /// All partitions of all topics; `None` when the cluster does not answer at once.
    pub(super) fn partitions(&self) -> Option<Vec<TopicPartition>> {
        clients::attend(&self.client);
        let metadata = self.client.fetch_metadata(None, METADATA_TIMEOUT).ok()?;
        let mut all = Vec::new();
        for topic in metadata.topics() {
            let name: Arc<str> = topic.name().into();
            all.extend(topic.partitions().iter().map(|one| TopicPartition::new(Arc::clone(&name), one.id())));
        }
        Some(all)
    }

    /// The partition count of a topic; `None` when the cluster does not answer at once.
    pub(super) fn count(&self, topic: &str) -> Option<i32> {
        clients::attend(&self.client);
        let metadata = self.client.fetch_metadata(Some(topic), COUNT_TIMEOUT).ok()?;
        let found = metadata.topics().iter().find(|found| found.name() == topic)?;
        i32::try_from(found.partitions().len()).ok()
    }

    pub(super) fn find_leaders(&self, topic: &str) {
        find_leaders(&self.client, topic);
    }
}

/// Refreshes a topic's leaders. Without an answer, the request may have gone to a broker that is gone: a client that fetches
/// nothing from a topic keeps asking there for minutes.
pub(super) fn find_leaders(client: &BaseConsumer<ReadsToTheEnd>, topic: &str) {
    if let Err(error) = client.fetch_metadata(Some(topic), METADATA_TIMEOUT) {
        tracing::debug!(%error, topic, "the leaders of the partitions are not known yet");
    }
}
