//! The context of consumers that read a topic to its end.

use std::error::Error;

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::consumer::ConsumerContext;
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
