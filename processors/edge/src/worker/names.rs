// SPDX-License-Identifier: Apache-2.0

//! Conversions between the driver's and the client's partitions.

use driver::{Position, TopicPartition};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

/// The partition of a list element.
pub(super) fn named_partition(element: &TopicPartitionListElem<'_>) -> TopicPartition {
    TopicPartition::new(element.topic(), element.partition())
}

/// Partitions without offsets.
pub(super) fn listed<'p>(partitions: impl IntoIterator<Item = &'p TopicPartition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for TopicPartition { topic, partition } in partitions {
        list.add_partition(topic, *partition);
    }
    list
}

/// Partitions with offsets.
pub(super) fn positioned<'p>(
    positions: impl IntoIterator<Item = &'p Position>,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (TopicPartition { topic, partition }, offset) in positions {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
    }
    Ok(list)
}
