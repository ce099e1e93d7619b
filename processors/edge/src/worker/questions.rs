// SPDX-License-Identifier: Apache-2.0

//! Requests to the cluster. What it does not answer is missing in the result.

use std::collections::BTreeMap;
use std::time::Duration;

use driver::{Action, Answer, Extent, GroupOffset, GroupOffsets, TopicPartition};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::topic_partition_list::TopicPartitionListElem;

use super::names::{listed, named_partition};
use super::{Worker, drained};
use crate::errors::Error;
use crate::reading::committed_offset;

/// The timeout for committed offsets while records wait.
const OFFSETS_TIMEOUT: Duration = Duration::from_millis(300);

impl Worker {
    pub(super) fn ask(&mut self, action: Action<Error>) -> Answer<'static, Error> {
        match action {
            Action::FetchCommitted(partitions) => Answer::Committed(committed(&self.consumer, &partitions)),
            Action::FetchLatestCommitted(partitions) => {
                Answer::Committed(committed(self.limits.client(), &partitions))
            }
            Action::FetchBegins(partitions) => Answer::Offsets(self.limits.begins(&partitions)),
            Action::FetchEnds(partitions) => Answer::Offsets(self.limits.ends(&partitions)),
            Action::FetchExtents(partitions) => Answer::Extents(self.extents(&partitions)),
            Action::ListPartitions => Answer::Partitions(self.limits.partitions()),
            Action::CountPartitions(topics) => {
                let count = |topic: &std::sync::Arc<str>| Some((topic.clone(), self.limits.count(topic)?));
                Answer::PartitionCounts(topics.iter().filter_map(count).collect())
            }
            Action::FindDrained(ranges) => {
                let found = drained::find(&self.shared.settings, &self.name, &ranges);
                Answer::Drained(found)
            }
            Action::FetchChangelogExtent(partition) => {
                Answer::ChangelogExtent(self.changelog.extent(&self.limits, partition))
            }
            Action::FetchStableOffset(partition) => {
                Answer::StableOffset(self.changelog.stable_offset(partition))
            }
            Action::AssignChangelog(positions) => {
                self.changelog.assign(&positions);
                Answer::Done(Ok(()))
            }
            action => self.ask_consumer(action),
        }
    }

    fn extents(&mut self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, Extent> {
        let begins = self.limits.begins(partitions);
        let ends = self.limits.ends(partitions);
        let extent = |(partition, begin): (TopicPartition, i64)| {
            let end = ends.get(&partition).copied()?;
            Some((partition, Extent { begin, end }))
        };
        begins.into_iter().filter_map(extent).collect()
    }
}

/// The group's committed offsets. For a `read_committed` client the coordinator answers only when no open transaction can
/// change them; until then the request times out.
fn committed<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    partitions: &[TopicPartition],
) -> Option<GroupOffsets> {
    let answer = match client.committed_offsets(listed(partitions), OFFSETS_TIMEOUT) {
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(%error, "the committed offsets are not known yet");
            return None;
        }
    };
    let mut offsets = GroupOffsets::new();
    for element in answer.elements() {
        match committed_offset(&element) {
            Ok(next) => {
                let offset = next.map(|next| GroupOffset { next, metadata: element.metadata().to_owned() });
                offsets.insert(named_partition(&element), offset);
            }
            Err(error) => refused(&element, &error),
        }
    }
    Some(offsets)
}

fn refused(element: &TopicPartitionListElem<'_>, error: &rdkafka::error::KafkaError) {
    tracing::warn!(
        %error,
        topic = element.topic(),
        partition = element.partition(),
        "no answer for the committed offset of this partition; retrying"
    );
}
