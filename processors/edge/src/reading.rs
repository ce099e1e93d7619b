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

/// Logs what the client reports, but not that a partition has come to its end: whoever reads to the end is told so by the
/// poll, and it is no error.
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
pub type Place = (String, i32);

/// Where partitions end in the eyes of a client: for one that reads only what is committed, before the first transaction that is
/// open. One question for all; those that cannot be told have their errors.
///
/// # Errors
/// The cluster does not answer in time: ask again.
pub fn ends<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    places: TopicPartitionList,
    timeout: Duration,
) -> KafkaResult<Vec<(Place, KafkaResult<i64>)>> {
    limits(client, places, Offset::End, timeout)
}

/// Where partitions begin: below this offset there is no record any more, since retention or somebody has removed it. One question
/// for all; those that cannot be told have their errors.
///
/// # Errors
/// The cluster does not answer in time: ask again.
pub fn begins<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    places: TopicPartitionList,
    timeout: Duration,
) -> KafkaResult<Vec<(Place, KafkaResult<i64>)>> {
    limits(client, places, Offset::Beginning, timeout)
}

/// Where partitions begin or end. One question for all; those that cannot be told have their errors.
///
/// # Errors
/// The cluster does not answer in time: ask again.
pub(crate) fn limits<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    mut places: TopicPartitionList,
    which: Offset,
    timeout: Duration,
) -> KafkaResult<Vec<(Place, KafkaResult<i64>)>> {
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

/// What a group has committed of a partition, in an answer of its coordinator; `None`: nothing yet.
///
/// # Errors
/// The coordinator has answered for this partition with an error. That says nothing of what is committed, least of all that
/// nothing is: ask again.
pub fn committed_offset(answer: &TopicPartitionListElem<'_>) -> KafkaResult<Option<i64>> {
    answer.error()?;
    Ok(match answer.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    })
}

/// Whether a reader has passed all that lies before an offset of a partition, control records too.
///
/// That its client says "end of partition" is not enough where the end was known before: a broker that has just become the
/// leader serves only up to the high watermark that it has heard of, which may be older than what its predecessor has
/// acknowledged and committed. For a moment its end lies before records that all in-sync copies have. The brokers wait with their
/// answer to a question for the end (KIP-207), but not with that to a fetch.
#[must_use]
pub fn has_passed(reader: &BaseConsumer<ReadsToTheEnd>, topic: &str, partition: i32, offset: i64) -> bool {
    position(reader, topic, partition).is_some_and(|position| position >= offset)
}

/// Where a reader stands in a partition, control records included.
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
        // The answer as a whole is none that failed.
        let answer = consumer.committed_offsets(question, Duration::from_secs(60)).unwrap();
        let of = |topic| committed_offset(&answer.find_partition(topic, 0).unwrap());
        assert_eq!(of("known"), Ok(None));
        assert_eq!(of("unknown"), Err(KafkaError::OffsetFetch(RDKafkaErrorCode::UnknownTopicOrPartition)));
    }
}
