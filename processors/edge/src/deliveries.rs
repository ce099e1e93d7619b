//! What becomes of the records that a producer has taken.

use std::sync::{Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{NoCustomPartitioner, ProducerContext};

/// Records that were not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDeliveries {
    /// How many.
    pub count: u64,
    /// The topic of the first.
    pub topic: String,
    /// Why the first was not.
    pub code: RDKafkaErrorCode,
}

/// A producer's context that remembers which deliveries failed, and costs nothing for those that did not.
#[derive(Debug, Default)]
pub struct Deliveries {
    failed: Mutex<Option<FailedDeliveries>>,
}

impl Deliveries {
    /// What failed since the last call.
    pub fn take_failed(&self) -> Option<FailedDeliveries> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "Kafka client");
    }
}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    // One allocation-free word for each record, not a boxed future.
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            let first = || FailedDeliveries { count: 0, topic: message.topic().to_owned(), code };
            failed.get_or_insert_with(first).count += 1;
        }
    }
}
