//! The driver's names of partitions, and the client's lists of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use driver::{Position, TopicPartition};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

/// The topics that were ever named, so that each name is there once.
#[derive(Default)]
pub(super) struct Names(BTreeSet<Arc<str>>);

impl Names {
    pub(super) fn partition(&mut self, topic: &str, partition: i32) -> TopicPartition {
        let topic = match self.0.get(topic) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<str> = topic.into();
                self.0.insert(Arc::clone(&new));
                new
            }
        };
        TopicPartition { topic, partition }
    }

    pub(super) fn of(&mut self, element: &TopicPartitionListElem<'_>) -> TopicPartition {
        self.partition(element.topic(), element.partition())
    }

    pub(super) fn all(&mut self, list: &TopicPartitionList) -> Vec<TopicPartition> {
        list.elements().iter().map(|element| self.of(element)).collect()
    }
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
