// SPDX-License-Identifier: Apache-2.0

//! The context of consumers that read a topic to its end.

use std::error::Error;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::token;

/// Logs the client's errors, except for the end of a partition: the reader receives that from the poll, and it is no error.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadsToTheEnd;

impl ClientContext for ReadsToTheEnd {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, file: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token::of_file(file)
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if !matches!(error, KafkaError::Global(RDKafkaErrorCode::PartitionEOF)) {
            tracing::warn!(%error, reason, "Kafka client");
        }
    }
}

impl ConsumerContext for ReadsToTheEnd {}

/// A topic and a partition.
pub type TopicAndPartition = (String, i32);

/// The end offsets of partitions as a client sees them: with `read_committed`, the last stable offset. One request for all;
/// partitions without an answer have their errors.
///
/// # Errors
/// The cluster does not answer in time. Retry.
pub fn ends<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    places: TopicPartitionList,
    timeout: Duration,
) -> KafkaResult<Vec<(TopicAndPartition, KafkaResult<i64>)>> {
    limits(client, places, Offset::End, timeout)
}

/// The first available offsets of partitions; earlier records were removed by retention or `DeleteRecords`. One request for
/// all; partitions without an answer have their errors.
///
/// # Errors
/// The cluster does not answer in time. Retry.
pub fn begins<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    places: TopicPartitionList,
    timeout: Duration,
) -> KafkaResult<Vec<(TopicAndPartition, KafkaResult<i64>)>> {
    limits(client, places, Offset::Beginning, timeout)
}

/// The first or the end offsets of partitions. One request for all; partitions without an answer have their errors.
///
/// # Errors
/// The cluster does not answer in time. Retry.
pub(crate) fn limits<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    mut places: TopicPartitionList,
    which: Offset,
    timeout: Duration,
) -> KafkaResult<Vec<(TopicAndPartition, KafkaResult<i64>)>> {
    if places.count() == 0 {
        return Ok(Vec::new());
    }
    places.set_all_offsets(which)?;
    let answers = client.offsets_for_times(places, timeout)?;
    let limit = |answer: TopicPartitionListElem<'_>| {
        let limit = answer.error().and_then(|()| match answer.offset() {
            Offset::Offset(offset) => Ok(offset),
            _ => Err(KafkaError::OffsetFetch(RDKafkaErrorCode::UnknownPartition)),
        });
        ((answer.topic().to_owned(), answer.partition()), limit)
    };
    Ok(answers.elements().into_iter().map(limit).collect())
}

/// A group's committed offset of a partition, from the coordinator's answer; `None` when nothing is committed.
///
/// # Errors
/// The coordinator's answer for this partition is an error. The committed offset is then unknown; it must not count as "nothing
/// committed". Retry.
pub fn committed_offset(answer: &TopicPartitionListElem<'_>) -> KafkaResult<Option<i64>> {
    answer.error()?;
    Ok(match answer.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    })
}

/// Whether a reader has passed everything before an offset of a partition, control records included.
///
/// The client's "end of partition" is not enough when the end was known before: a new leader serves only up to the high
/// watermark that it knows, which may be older than what its predecessor acknowledged and committed. For a moment its end is
/// below records that all in-sync replicas have. Brokers delay the answer to a request for the end offset (KIP-207), but not
/// the answer to a fetch.
#[must_use]
pub fn has_passed(reader: &BaseConsumer<ReadsToTheEnd>, topic: &str, partition: i32, offset: i64) -> bool {
    position(reader, topic, partition).is_some_and(|position| position >= offset)
}

/// A reader's position in a partition, control records included.
pub(crate) fn position(reader: &BaseConsumer<ReadsToTheEnd>, topic: &str, partition: i32) -> Option<i64> {
    match reader.position().ok()?.find_partition(topic, partition)?.offset() {
        Offset::Offset(position) => Some(position),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::ClientConfig;
    use rdkafka::mocking::MockCluster;

    #[test]
    fn an_error_for_one_partition_is_not_taken_for_nothing_committed() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("known", 1, 1).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "group");
        let consumer: BaseConsumer<ReadsToTheEnd> = config.create_with_context(ReadsToTheEnd).unwrap();
        let mut question = TopicPartitionList::new();
        question.add_partition("known", 0);
        question.add_partition("unknown", 0);
        // The answer as a whole is a success.
        let answer = consumer.committed_offsets(question, Duration::from_secs(60)).unwrap();
        let of = |topic| committed_offset(&answer.find_partition(topic, 0).unwrap());
        assert_eq!(of("known"), Ok(None));
        assert_eq!(of("unknown"), Err(KafkaError::OffsetFetch(RDKafkaErrorCode::UnknownTopicOrPartition)));
    }
}
