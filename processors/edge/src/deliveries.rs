//! What becomes of the records that a producer has taken.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message};
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

    fn note_failed(&self, error: &KafkaError, message: &BorrowedMessage<'_>) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let first = || FailedDeliveries { count: 0, topic: message.topic().to_owned(), code };
        failed.get_or_insert_with(first).count += 1;
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
            self.note_failed(error, message);
        }
    }
}

/// What a record carries of which nothing is to be remembered, as long as it is delivered.
pub(crate) const NOTHING: usize = 0;
/// What a record carries of which the offset after it is to be remembered, as the end of its partition.
pub(crate) const END: usize = 1;

/// The same, which also remembers where the partitions of one topic, the changelog, end.
#[derive(Debug, Default)]
pub(crate) struct DeliveriesAndEnds {
    deliveries: Deliveries,
    ends: Mutex<BTreeMap<i32, i64>>,
}

impl DeliveriesAndEnds {
    /// What failed since the last call.
    pub(crate) fn take_failed(&self) -> Option<FailedDeliveries> {
        self.deliveries.take_failed()
    }

    /// The ends of the partitions to which records were delivered that carry [`END`], since the last call.
    pub(crate) fn take_ends(&self) -> BTreeMap<i32, i64> {
        std::mem::take(&mut *self.ends.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for DeliveriesAndEnds {
    fn error(&self, error: KafkaError, reason: &str) {
        self.deliveries.error(error, reason);
    }
}

impl ProducerContext<NoCustomPartitioner> for DeliveriesAndEnds {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, remember: usize) {
        match result {
            // A record that was sent twice and written once may come back without its offset.
            Ok(message) if remember == END && message.offset() >= 0 => {
                let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
                let end = ends.entry(message.partition()).or_default();
                *end = (*end).max(message.offset() + 1);
            }
            Ok(_) => {}
            Err((error, message)) => self.deliveries.note_failed(error, message),
        }
    }
}
