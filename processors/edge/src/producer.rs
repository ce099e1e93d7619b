// SPDX-License-Identifier: Apache-2.0

//! The transactional producer of one worker.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use driver::Failure;
use engine::{OutputRecord, Route, Sink, SinkError, TopicId, Topology};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::util::Timeout;

use crate::clients;
use crate::deliveries::{DeliveriesAndEnds, END, FailedDeliveries, NOTHING};
use crate::errors::{self, EdgeError, Error, Remedy, failure};
use crate::metrics::ClientFigures;
use crate::settings::Settings;

/// The timeout of one attempt of a long call. The driver repeats it.
const STEP: Duration = Duration::from_secs(1);
/// The interval of checks for acknowledgements: far shorter than a response, far longer than a check.
const PAUSE: Duration = Duration::from_micros(250);
/// How long an abort waits for records in flight.
const IN_FLIGHT_TIMEOUT: Duration = Duration::from_secs(20);

/// The targets of records: topic names and partition counts, by the engine's topic index.
#[derive(Debug, Clone)]
pub struct OutputTopics(Vec<(String, i32)>);

impl OutputTopics {
    /// Names and partition counts, in the order of [`engine::Topology::topics`].
    #[must_use]
    pub fn new(topics: Vec<(String, i32)>) -> Self {
        Self(topics)
    }

    fn get(&self, topic: TopicId) -> Option<(&str, i32)> {
        self.0.get(topic.index()).map(|(name, partitions)| (name.as_str(), *partitions))
    }
}

/// More events than the client has at the end of a transaction.
const EVENTS_MAX: usize = 16;
/// A producer with its transaction.
pub(crate) struct TransactionalProducer {
    producer: BaseProducer<DeliveriesAndEnds>,
    /// Its transactional id.
    id: String,
    topics: OutputTopics,
    /// The topic whose end offsets are noted.
    changelog: TopicId,
    /// The topic whose records can be made smaller.
    dead_letters: TopicId,
    /// The maximum size of a batch.
    batch_bytes: usize,
    /// Why the client refused a record.
    failure: Option<Failure<Error>>,
}

impl TransactionalProducer {
    /// Creates a producer that is not connected yet.
    ///
    /// # Errors
    /// The configuration is invalid. Remedy: correct it.
    pub(crate) fn new(
        settings: &Settings,
        worker: &str,
        (topics, topology): (OutputTopics, &Topology),
    ) -> KafkaResult<Self> {
        let settings = settings.producer(worker, topology.letter_bytes_max());
        let batch_bytes =
            settings.get("batch.size").and_then(|bytes| bytes.parse().ok()).unwrap_or(usize::MAX);
        let id = settings.get("transactional.id").unwrap_or_default().to_owned();
        Ok(Self {
            producer: clients::producer(&settings, DeliveriesAndEnds::default())?,
            id,
            topics,
            changelog: topology.changelog(),
            dead_letters: topology.dead_letters(),
            batch_bytes,
            failure: None,
        })
    }

    /// Fences the previous producer with the same transactional id; its open transaction is aborted.
    ///
    /// # Errors
    /// A local timeout means that no broker answers: call again to continue. Otherwise the cluster denies a permission.
    pub(crate) fn init_transactions(&self) -> Result<(), Failure<Error>> {
        let id = &self.id;
        self.producer
            .init_transactions(Timeout::After(STEP))
            .map_err(|error| failure(&format!("cannot initialise transactions as {id}"), error))
    }

    /// The maximum size of a batch.
    pub(crate) fn batch_bytes(&self) -> usize {
        self.batch_bytes
    }

    /// Begins a transaction.
    pub(crate) fn begin(&mut self) -> Result<(), Failure<Error>> {
        self.failure = None;
        let _ = self.producer.context().take_failed();
        let _ = self.producer.context().take_ends();
        self.producer.begin_transaction().map_err(|error| failure("cannot begin a transaction", error))
    }

    /// Waits until every record of the transaction is acknowledged. Returns the end offsets of the changelog's partitions. It
    /// polls in short intervals, because the client's own flush, which its commit calls, sleeps in steps of up to 100 ms while
    /// a record is in flight.
    pub(crate) fn flush(&mut self) -> Result<BTreeMap<i32, i64>, Failure<Error>> {
        while self.producer.in_flight_count() > 0 {
            self.serve();
        }
        match self.producer.context().take_failed() {
            None => Ok(self.producer.context().take_ends()),
            Some(FailedDeliveries { topic, code, .. }) => Err(self.undelivered(topic, code)),
        }
    }

    fn undelivered(&self, topic: String, code: RDKafkaErrorCode) -> Failure<Error> {
        // For a deleted topic the client waits as for a broker that is down, for longer than a transaction lasts.
        if code == RDKafkaErrorCode::MessageTimedOut && self.is_gone(&topic) {
            let error = Box::new(EdgeError::MissingTopic(topic));
            return Failure { remedy: Remedy::Stop, error, letters_too_large: false };
        }
        let is_letter = self.topics.get(self.dead_letters).is_some_and(|(name, _)| name == topic);
        let failed = failure(&format!("cannot write to topic {topic}"), KafkaError::MessageProduction(code));
        of_letters_if(failed, is_letter && errors::is_too_large(code))
    }

    /// Whether the cluster reports that the topic does not exist. No answer counts as no.
    fn is_gone(&self, topic: &str) -> bool {
        let Ok(metadata) = self.producer.client().fetch_metadata(Some(topic), STEP) else { return false };
        let mut errors = metadata.topics().iter().filter_map(rdkafka::metadata::MetadataTopic::error);
        errors.any(|error| error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    }

    /// Adds offsets to the transaction.
    pub(crate) fn send_offsets(
        &self,
        offsets: &TopicPartitionList,
        member: &ConsumerGroupMetadata,
    ) -> KafkaResult<()> {
        self.producer.send_offsets_to_transaction(offsets, member, Timeout::After(STEP))
    }

    /// Commits the transaction.
    pub(crate) fn commit(&self) -> Result<(), Failure<Error>> {
        let committed = self.producer.commit_transaction(Timeout::After(STEP));
        committed.map_err(|error| failure("cannot commit the transaction", error))
    }

    /// Aborts the transaction.
    pub(crate) fn abort(&self) -> Result<(), Failure<Error>> {
        let deadline = Instant::now() + IN_FLIGHT_TIMEOUT;
        // The abort does not serve delivery reports, and must not overtake a partition's first acknowledgement.
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            self.serve();
        }
        let aborted = self.producer.abort_transaction(Timeout::After(STEP));
        aborted.map_err(|error| failure("cannot abort the transaction", error))
    }

    /// Whether the connection to the coordinator broke, in which case the client repeated the request within one call.
    pub(crate) fn is_broken(&self) -> bool {
        // Each poll serves one event.
        (0..EVENTS_MAX).for_each(|_| self.producer.poll(Duration::ZERO));
        self.producer.context().is_broken()
    }

    /// Serves the client's events and lets it work for a moment. The client's own `poll` with a timeout always takes the full
    /// time and spins through the last millisecond, which cost most of a core.
    fn serve(&self) {
        self.producer.poll(Duration::ZERO);
        std::thread::sleep(PAUSE);
    }

    fn enqueue(&mut self, record: &OutputRecord<'_>) -> KafkaResult<()> {
        let unknown = || KafkaError::MessageProduction(RDKafkaErrorCode::UnknownTopic);
        let (topic, partitions) = self.topics.get(record.topic).ok_or_else(unknown)?;
        let partition = match record.route {
            Route::Key(key) => engine::partition_of(key, partitions),
            Route::Partition(partition) => partition,
            Route::Source(partition) => partition % partitions.max(1),
        };
        let remember = if record.topic == self.changelog { END } else { NOTHING };
        let mut out: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(topic, remember).partition(partition);
        out.key = record.key;
        out.payload = record.value;
        out.timestamp = record.timestamp_ms;
        if !record.headers.is_empty() {
            out.headers = Some(headers(record.headers));
        }
        loop {
            match self.producer.send(out) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    self.serve();
                    out = back;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    /// The client's statistics since the last call, if any. The call also serves the client's events while nothing is sent.
    pub(crate) fn take_figures(&self) -> Option<ClientFigures> {
        self.producer.poll(Duration::ZERO);
        self.producer.context().take_figures()
    }

    /// Why [`Sink::send`] failed.
    pub(crate) fn take_send_failure(&mut self) -> Option<Failure<Error>> {
        self.failure.take()
    }
}

/// A dead letter that is too large is no reason to stop.
fn of_letters_if(failed: Failure<Error>, is_too_large: bool) -> Failure<Error> {
    if is_too_large { Failure { remedy: Remedy::Abort, letters_too_large: true, ..failed } } else { failed }
}

fn headers(headers: &[(&str, Option<&[u8]>)]) -> OwnedHeaders {
    let all = OwnedHeaders::new_with_capacity(headers.len());
    headers.iter().fold(all, |all, (key, value)| all.insert(Header { key, value: *value }))
}

impl Sink for TransactionalProducer {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        let is_letter = record.topic == self.dead_letters;
        self.enqueue(&record).map_err(|error| {
            let is_too_large = error.rdkafka_error_code().is_some_and(errors::is_too_large);
            let failed = failure("cannot write a record", error);
            self.failure = Some(of_letters_if(failed, is_letter && is_too_large));
            SinkError
        })
    }
}

#[cfg(test)]
mod tests;
