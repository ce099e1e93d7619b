//! What becomes of the records that a producer has taken.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message};
use rdkafka::producer::{NoCustomPartitioner, ProducerContext};
use rdkafka::statistics::Statistics;

use crate::metrics::ClientFigures;
use crate::token;

/// Records that were not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDeliveries {
    /// How many.
    pub count: u64,
    /// The topic of the first that failed by itself; where one fails, the client throws others away.
    pub topic: String,
    /// Why that one did.
    pub code: RDKafkaErrorCode,
}

/// A producer's context that remembers which deliveries failed.
///
/// Those count as failed, too, of which the client only infers that they were written: it says so of a batch that was refused
/// when a later one of the same partition was taken. But a partition that knows nothing of a producer takes any sequence number
/// (KAFKA-15591, mended in brokers of late 2026): where the leader is new the first request may find it not ready yet, and the
/// second one is taken. Then the first batch is in nobody's log. Such a record comes back without an offset.
#[derive(Debug, Default)]
pub struct Deliveries {
    failed: Mutex<Option<FailedDeliveries>>,
}

impl Deliveries {
    /// What failed since the last call.
    pub fn take_failed(&self) -> Option<FailedDeliveries> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The record, if it was written; else it is noted that it was not.
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

/// The record, if it was written; else why it was not, and its topic.
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

/// Whether a record was only thrown away because another one had failed.
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

/// The same, of records that each carry a number, as that of their line in a file: which one failed first can be told.
#[derive(Debug, Default)]
pub struct NumberedDeliveries {
    deliveries: Deliveries,
    /// Of those that failed, the one of the least number.
    first: Mutex<Option<(usize, FailedDeliveries)>>,
}

impl NumberedDeliveries {
    /// What failed since the last call, the first being that of the least number, and this number.
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
        self.deliveries.written(result);
        if let Err((code, topic)) = outcome(result) {
            self.note_number(number, code, topic);
        }
    }
}

/// What a record carries of which nothing is to be remembered, as long as it is delivered.
pub(crate) const NOTHING: usize = 0;
/// What a record carries of which the offset after it is to be remembered, as the end of its partition.
pub(crate) const END: usize = 1;

/// The same, which also remembers where the partitions of one topic, the changelog, end, and what the client tells of itself.
#[derive(Debug, Default)]
pub(crate) struct DeliveriesAndEnds {
    deliveries: Deliveries,
    ends: Mutex<BTreeMap<i32, i64>>,
    figures: Mutex<Option<ClientFigures>>,
    /// Whether the connection to the coordinator of transactions broke.
    is_broken: AtomicBool,
}

/// Whether the client says that its connection to the coordinator of transactions broke, or that it gave up waiting for an answer.
/// A request to end a transaction that was on its way then is asked again by the client itself, within the same call: nothing else
/// tells of it. That a connection was idle for too long, or did not come about, says nothing: no request was on its way.
fn is_broken(facility: &str, said: &str) -> bool {
    let stood = ["in state UP", "in state REAUTH"].iter().any(|state| said.contains(state));
    let is_break = (facility == "FAIL" && stood && !said.contains("max idle")) || facility == "REQTMOUT";
    is_break && said.contains("TxnCoordinator")
}

impl DeliveriesAndEnds {
    /// Whether the connection to the coordinator of transactions ever broke: a request may still be on its way. The client says the
    /// same of the same broker only once in half a minute, so this stays as long as the producer.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire)
    }

    /// What failed since the last call.
    pub(crate) fn take_failed(&self) -> Option<FailedDeliveries> {
        self.deliveries.take_failed()
    }

    /// The ends of the partitions to which records were delivered that carry [`END`], since the last call.
    pub(crate) fn take_ends(&self) -> BTreeMap<i32, i64> {
        std::mem::take(&mut *self.ends.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the client has told of itself since the last call, if anything.
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
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;

    /// No real broker can be made to refuse just the first of two requests that are on their way.
    #[test]
    fn what_the_client_only_infers_to_be_written_has_failed() {
        const PATIENCE: Duration = Duration::from_secs(30);
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("letters", 1, 1).unwrap();
        let producer: BaseProducer<Deliveries, NoCustomPartitioner> = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("enable.idempotence", "true")
            .set("batch.num.messages", "1")
            .set("linger.ms", "0")
            .create_with_context(Deliveries::default())
            .unwrap();
        let send = || producer.send(BaseRecord::<(), str>::to("letters").payload("x")).unwrap();
        cluster.broker_round_trip_time(1, Duration::from_millis(500)).unwrap();
        cluster.request_errors(
            RDKafkaApiKey::Produce,
            &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION],
        );
        send();
        send();
        producer.flush(PATIENCE).unwrap();
        let told = FailedDeliveries {
            count: 1,
            topic: "letters".to_owned(),
            code: RDKafkaErrorCode::OutOfOrderSequenceNumber,
        };
        assert_eq!(producer.context().take_failed(), Some(told));
        send();
        producer.flush(PATIENCE).unwrap();
        assert_eq!(producer.context().take_failed(), None);
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
        let told = FailedDeliveries {
            count: 2,
            topic: "events".to_owned(),
            code: RDKafkaErrorCode::InvalidTimestamp,
        };
        assert_eq!(numbered.take_failed(), Some((3, told)));
        assert_eq!(numbered.take_failed(), None);
    }

    #[test]
    fn what_failed_by_itself_is_told_rather_than_what_was_thrown_away_for_it() {
        let deliveries = Deliveries::default();
        deliveries.note(RDKafkaErrorCode::PurgeQueue, "changelog");
        deliveries.note(RDKafkaErrorCode::MessageSizeTooLarge, "activities");
        deliveries.note(RDKafkaErrorCode::PurgeInflight, "audit");
        deliveries.note(RDKafkaErrorCode::InvalidTimestamp, "letters");
        let told = FailedDeliveries {
            count: 4,
            topic: "activities".to_owned(),
            code: RDKafkaErrorCode::MessageSizeTooLarge,
        };
        assert_eq!(deliveries.take_failed(), Some(told));
        assert_eq!(deliveries.take_failed(), None);
    }
}
