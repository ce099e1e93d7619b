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
    /// The topic of the first that was not only thrown away because another one failed.
    pub topic: String,
    /// Why that one was not.
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
        self.note(code, message.topic());
    }

    fn note(&self, code: RDKafkaErrorCode, topic: &str) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let first = || FailedDeliveries { count: 0, topic: topic.to_owned(), code };
        let known = failed.get_or_insert_with(first);
        known.count += 1;
        // The client throws away what it still has because another record failed, and may tell of that first.
        if is_consequence(known.code) && !is_consequence(code) {
            *known = FailedDeliveries { count: known.count, ..first() };
        }
    }
}

fn is_consequence(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_remembered_and_not_what_was_thrown_away_because_of_it() {
        let deliveries = Deliveries::default();
        deliveries.note(RDKafkaErrorCode::PurgeQueue, "a");
        deliveries.note(RDKafkaErrorCode::MessageSizeTooLarge, "b");
        deliveries.note(RDKafkaErrorCode::PurgeInflight, "c");
        deliveries.note(RDKafkaErrorCode::MessageTimedOut, "d");
        let (topic, code) = ("b".to_owned(), RDKafkaErrorCode::MessageSizeTooLarge);
        assert_eq!(deliveries.take_failed(), Some(FailedDeliveries { count: 4, topic, code }));
        assert_eq!(deliveries.take_failed(), None);
    }
}
