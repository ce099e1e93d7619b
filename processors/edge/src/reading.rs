//! The context of consumers that read a topic to its end.

use std::error::Error;

use rdkafka::ClientContext;
use rdkafka::Offset;
use rdkafka::client::OAuthToken;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;

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
        if !matches!(error, KafkaError::Global(rdkafka::types::RDKafkaErrorCode::PartitionEOF)) {
            tracing::warn!(%error, reason, "Kafka client");
        }
    }
}

impl ConsumerContext for ReadsToTheEnd {}

/// Whether a reader has passed all that lies before an offset of a partition, control records too.
///
/// That its client says "end of partition" is not enough where the end was known before: a broker that has just become the
/// leader serves only up to the high watermark that it has heard of, which may be older than what its predecessor has
/// acknowledged and committed. For a moment its end lies before records that all in-sync copies have. The brokers wait with their
/// answer to a question for the end (KIP-207), but not with that to a fetch.
#[must_use]
pub fn has_passed(reader: &BaseConsumer<ReadsToTheEnd>, topic: &str, partition: i32, offset: i64) -> bool {
    let position =
        reader.position().ok().and_then(|places| Some(places.find_partition(topic, partition)?.offset()));
    matches!(position, Some(Offset::Offset(position)) if position >= offset)
}
