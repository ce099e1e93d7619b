// SPDX-License-Identifier: Apache-2.0

//! Delivery reports of a producer.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message, OwnedMessage};
use rdkafka::producer::{NoCustomPartitioner, ProducerContext};
use rdkafka::statistics::Statistics;

use crate::metrics::ClientFigures;
use crate::token;

/// Records that were not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDeliveries {
    /// The number of records.
    pub count: u64,
    /// The topic of the first record that failed by itself. After a failure the client also drops other records.
    pub topic: String,
    /// The error of that record.
    pub code: RDKafkaErrorCode,
}

/// A producer context that notes failed deliveries.
///
/// A delivery that the client only infers counts as failed. The client infers that a refused batch was written when a later
/// batch of the same partition is accepted. But a partition without state for a producer accepts any sequence number
/// (KAFKA-15591, fixed in brokers of late 2026): a new leader may not be ready for the first request and accept the second.
/// Then the first batch is in no log. An inferred record has no offset.
#[derive(Debug, Default)]
pub struct Deliveries {
    failed: Mutex<Option<FailedDeliveries>>,
}

impl Deliveries {
    /// Failures since the last call.
    pub fn take_failed(&self) -> Option<FailedDeliveries> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The record if it was written; otherwise notes the failure.
    fn written<'r, 'm>(&self, result: &'r DeliveryResult<'m>) -> Option<&'r BorrowedMessage<'m>> {
        match outcome(result) {
            Ok(message) => Some(message),
            Err((code, topic)) => {
                self.note(code, topic);
                None
            }
        }
    }

    fn note(&self, code: RDKafkaErrorCode, topic: &str) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failed.as_ref().map_or(0, |failed| failed.count) + 1;
        match &mut *failed {
            Some(known) if !is_consequence(known.code) || is_consequence(code) => known.count = count,
            _ => *failed = Some(FailedDeliveries { count, topic: topic.to_owned(), code }),
        }
    }
}

/// The record if it was written; otherwise the error and the topic.
fn outcome<'r, 'm>(
    result: &'r DeliveryResult<'m>,
) -> Result<&'r BorrowedMessage<'m>, (RDKafkaErrorCode, &'r str)> {
    match result {
        Ok(message) if message.offset() >= 0 => Ok(message),
        Ok(message) => Err((RDKafkaErrorCode::OutOfOrderSequenceNumber, message.topic())),
        Err((error, message)) => {
            Err((error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown), message.topic()))
        }
    }
}

/// Whether a record was only dropped because another one failed.
fn is_consequence(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, file: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token::of_file(file)
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "Kafka client");
    }
}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    // One allocation-free word for each record, not a boxed future.
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.written(result);
    }
}

/// A record whose delivery the client only infers: a retry was refused as a duplicate, so it has no offset.
#[derive(Debug)]
pub struct Unconfirmed {
    /// Its number.
    pub number: usize,
    /// The record.
    pub record: OwnedMessage,
}

/// Like [`Deliveries`], for records numbered like lines of a file, so that the first failure can be named. It keeps unconfirmed
/// records, so that they can be sent again; there are at most as many as the producer has in flight.
#[derive(Debug, Default)]
pub struct NumberedDeliveries {
    deliveries: Deliveries,
    /// The failed record with the lowest number.
    first: Mutex<Option<(usize, FailedDeliveries)>>,
    unconfirmed: Mutex<Vec<Unconfirmed>>,
}

impl NumberedDeliveries {
    /// Unconfirmed records since the last call.
    pub fn take_unconfirmed(&self) -> Vec<Unconfirmed> {
        std::mem::take(&mut *self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note_unconfirmed(&self, number: usize, record: OwnedMessage) {
        let mut unconfirmed = self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner);
        unconfirmed.push(Unconfirmed { number, record });
    }

    /// Failures since the last call, with the lowest number that failed.
    pub fn take_failed(&self) -> Option<(usize, FailedDeliveries)> {
        let FailedDeliveries { count, .. } = self.deliveries.take_failed()?;
        let (number, first) = self.first.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some((number, FailedDeliveries { count, ..first }))
    }

    fn note_number(&self, number: usize, code: RDKafkaErrorCode, topic: &str) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.as_ref().is_none_or(|(known, _)| number < *known) {
            *first = Some((number, FailedDeliveries { count: 1, topic: topic.to_owned(), code }));
        }
    }
}

impl ClientContext for NumberedDeliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, file: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token::of_file(file)
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.deliveries.error(error, reason);
    }
}

impl ProducerContext<NoCustomPartitioner> for NumberedDeliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        if let Ok(message) = result
            && message.offset() < 0
        {
            return self.note_unconfirmed(number, message.detach());
        }
        self.deliveries.written(result);
        if let Err((code, topic)) = outcome(result) {
            self.note_number(number, code, topic);
        }
    }
}

/// Opaque value of a record whose delivery needs no note.
pub(crate) const NOTHING: usize = 0;
/// Opaque value of a record whose end offset is noted.
pub(crate) const END: usize = 1;

/// Like [`Deliveries`], and also notes the ends of changelog partitions and the client's statistics.
#[derive(Debug, Default)]
pub(crate) struct DeliveriesAndEnds {
    deliveries: Deliveries,
    ends: Mutex<BTreeMap<i32, i64>>,
    figures: Mutex<Option<ClientFigures>>,
    /// Whether the connection to the transaction coordinator broke.
    is_broken: AtomicBool,
}

/// Whether the client logs that its connection to the transaction coordinator broke, or that a request timed out. The client
/// then repeats a pending request to end the transaction within the same call, and only this log line shows it. An idle
/// connection that is closed, or one that was not established, had no pending request.
fn is_broken(facility: &str, said: &str) -> bool {
    let stood = ["in state UP", "in state REAUTH"].iter().any(|state| said.contains(state));
    let is_break = (facility == "FAIL" && stood && !said.contains("max idle")) || facility == "REQTMOUT";
    is_break && said.contains("TxnCoordinator")
}

impl DeliveriesAndEnds {
    /// Whether the connection to the transaction coordinator ever broke, so that a request may still be in flight. The client
    /// logs this for a broker only once in 30 s, so the flag stays set for the life of the producer.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire)
    }

    /// Failures since the last call.
    pub(crate) fn take_failed(&self) -> Option<FailedDeliveries> {
        self.deliveries.take_failed()
    }

    /// The ends of partitions with delivered [`END`] records, since the last call.
    pub(crate) fn take_ends(&self) -> BTreeMap<i32, i64> {
        std::mem::take(&mut *self.ends.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The client's statistics since the last call, if any.
    pub(crate) fn take_figures(&self) -> Option<ClientFigures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for DeliveriesAndEnds {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, file: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token::of_file(file)
    }

    fn stats(&self, statistics: Statistics) {
        let figures = ClientFigures::of_producer(&statistics);
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = Some(figures);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.deliveries.error(error, reason);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        if is_broken(facility, said) {
            self.is_broken.store(true, Ordering::Release);
        }
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => tracing::error!(target: "librdkafka", facility, "{said}"),
            RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{said}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "librdkafka", facility, "{said}");
            }
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{said}"),
        }
    }
}

impl ProducerContext<NoCustomPartitioner> for DeliveriesAndEnds {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, remember: usize) {
        if let Some(message) = self.deliveries.written(result)
            && remember == END
        {
            let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
            let end = ends.entry(message.partition()).or_default();
            *end = (*end).max(message.offset() + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rdkafka::ClientConfig;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;

    const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);
    const TOPIC: &str = "letters";

    /// A broker that refuses the first of two requests in flight, which a real one cannot be made to do, and a producer that sends
    /// one record in a request.
    fn refusing<C>(context: C) -> (MockCluster<'static, DefaultProducerContext>, BaseProducer<C>)
    where
        C: ProducerContext<NoCustomPartitioner>,
    {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, 1, 1).unwrap();
        let producer: BaseProducer<C> = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("enable.idempotence", "true")
            .set("batch.num.messages", "1")
            .set("linger.ms", "0")
            .create_with_context(context)
            .unwrap();
        cluster.broker_round_trip_time(1, Duration::from_millis(500)).unwrap();
        cluster.request_errors(
            RDKafkaApiKey::Produce,
            &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION],
        );
        (cluster, producer)
    }

    #[test]
    fn what_the_client_only_infers_to_be_written_has_failed() {
        let (_cluster, producer) = refusing(Deliveries::default());
        let send = || producer.send(BaseRecord::<(), str>::to(TOPIC).payload("x")).unwrap();
        send();
        send();
        producer.flush(FLUSH_TIMEOUT).unwrap();
        let expected = FailedDeliveries {
            count: 1,
            topic: TOPIC.to_owned(),
            code: RDKafkaErrorCode::OutOfOrderSequenceNumber,
        };
        assert_eq!(producer.context().take_failed(), Some(expected));
        send();
        producer.flush(FLUSH_TIMEOUT).unwrap();
        assert_eq!(producer.context().take_failed(), None);
    }

    #[test]
    fn a_numbered_record_whose_delivery_is_only_inferred_comes_back_to_be_sent_again() {
        let (_cluster, producer) = refusing(NumberedDeliveries::default());
        let send = |number: usize, payload: &str| {
            let record = BaseRecord::<(), str, usize>::with_opaque_to(TOPIC, number).payload(payload);
            assert!(producer.send(record).is_ok());
        };
        send(1, "first");
        send(2, "second");
        producer.flush(FLUSH_TIMEOUT).unwrap();
        assert_eq!(producer.context().take_failed(), None);
        let unconfirmed = producer.context().take_unconfirmed();
        let back: Vec<_> = unconfirmed.iter().map(|back| (back.number, back.record.payload())).collect();
        assert_eq!(back, [(1, Some(&b"first"[..]))]);
        send(1, "first");
        producer.flush(FLUSH_TIMEOUT).unwrap();
        assert!(producer.context().take_unconfirmed().is_empty());
    }

    #[test]
    fn of_numbered_records_that_failed_the_first_is_told_whatever_came_back_first() {
        let numbered = NumberedDeliveries::default();
        for (number, code) in
            [(7, RDKafkaErrorCode::MessageTimedOut), (3, RDKafkaErrorCode::InvalidTimestamp)]
        {
            numbered.deliveries.note(code, "events");
            numbered.note_number(number, code, "events");
        }
        let expected = FailedDeliveries {
            count: 2,
            topic: "events".to_owned(),
            code: RDKafkaErrorCode::InvalidTimestamp,
        };
        assert_eq!(numbered.take_failed(), Some((3, expected)));
        assert_eq!(numbered.take_failed(), None);
    }

    #[test]
    fn what_failed_by_itself_is_told_rather_than_what_was_thrown_away_for_it() {
        let deliveries = Deliveries::default();
        deliveries.note(RDKafkaErrorCode::PurgeQueue, "changelog");
        deliveries.note(RDKafkaErrorCode::MessageSizeTooLarge, "activities");
        deliveries.note(RDKafkaErrorCode::PurgeInflight, "audit");
        deliveries.note(RDKafkaErrorCode::InvalidTimestamp, "letters");
        let expected = FailedDeliveries {
            count: 4,
            topic: "activities".to_owned(),
            code: RDKafkaErrorCode::MessageSizeTooLarge,
        };
        assert_eq!(deliveries.take_failed(), Some(expected));
        assert_eq!(deliveries.take_failed(), None);
    }
}
