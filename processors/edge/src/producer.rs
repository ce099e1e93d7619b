//! The transactional producer of one worker: it owns begin and end of a transaction.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

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
use crate::errors::{self, EdgeError, Remedy};
use crate::letters::{self, Sent, Smaller};
use crate::metrics::ClientFigures;
use crate::settings::Settings;

/// One step of a long call; between steps the caller may look whether it has to stop.
const STEP: Duration = Duration::from_secs(1);
/// Between two looks at what is under way: far below the time of an answer, far above that of a look.
const PAUSE: Duration = Duration::from_micros(250);
/// How long an abort is tried before the producer is given up.
const ABORT_TIME_MAX: Duration = Duration::from_secs(20);

/// Where the records go: topic names and partition counts, by the engine's topic index.
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

/// How a transaction went wrong.
#[derive(Debug)]
pub(crate) struct TransactionFailed {
    pub(crate) remedy: Remedy,
    pub(crate) error: Box<EdgeError>,
    /// Whether the commit had been asked for: only then is the outcome in doubt.
    pub(crate) in_doubt: bool,
    /// Whether dead letters were larger than their topic takes.
    pub(crate) letters_too_large: bool,
}

impl TransactionFailed {
    fn new(what: &str, error: KafkaError) -> Self {
        Self {
            remedy: errors::of_transaction(&error),
            error: Box::new(EdgeError::kafka(what, error)),
            in_doubt: false,
            letters_too_large: false,
        }
    }

    /// The same, but a dead letter that is too large is no reason to stop.
    fn of_letters_if(self, is_too_large: bool) -> Self {
        if is_too_large { Self { remedy: Remedy::Abort, letters_too_large: true, ..self } } else { self }
    }
}

/// More news than the client has after the end of a transaction.
const NEWS_MAX: usize = 16;
/// A retry of offsets that were put into a transaction waits for so long in the client.
const OFFSETS_RETRIED_AFTER: Duration = Duration::from_millis(400);

/// Whether each request for a transaction was sent once and answered. Where one was sent again, the older one may still be on its
/// way, and would act on a later transaction of the same producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AtOnce(pub(crate) bool);

/// How an abort went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aborted {
    /// It is aborted, and no request is on its way.
    AtOnce,
    /// It is aborted, or is not: the producer has to be built anew.
    InDoubt,
}

/// A producer with its transaction.
pub(crate) struct TransactionalProducer {
    producer: BaseProducer<DeliveriesAndEnds>,
    topics: OutputTopics,
    /// Of its records it is remembered where they end.
    changelog: TopicId,
    /// What it refuses as too large can be made smaller.
    dead_letters: TopicId,
    /// Records that go together have no more bytes.
    batch_bytes: usize,
    letters: Sent,
    failure: Option<TransactionFailed>,
}

impl TransactionalProducer {
    /// A producer whose earlier life under the same id, if any, is ended: its open transaction is aborted.
    ///
    /// # Errors
    /// The settings are refused or the cluster denies the rights: stop. While no broker answers this waits, until
    /// `stop` says to give up; then `Ok(None)`.
    pub(crate) fn start(
        settings: &Settings,
        worker: &str,
        (topics, topology): (OutputTopics, &Topology),
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Self>, EdgeError> {
        let settings = settings.producer(worker, topology.letter_bytes_max());
        let batch_bytes =
            settings.get("batch.size").and_then(|bytes| bytes.parse().ok()).unwrap_or(usize::MAX);
        let id = settings.get("transactional.id").unwrap_or_default();
        let producer =
            clients::producer(&settings, DeliveriesAndEnds::default()).map_err(EdgeError::Settings)?;
        while !stop() {
            let Err(error) = producer.init_transactions(Timeout::After(STEP)) else {
                return Ok(Some(Self {
                    producer,
                    topics,
                    changelog: topology.changelog(),
                    dead_letters: topology.dead_letters(),
                    batch_bytes,
                    letters: Sent::default(),
                    failure: None,
                }));
            };
            // A local time-out means that no broker answers: init_transactions goes on where it stopped.
            match errors::of_transaction(&error) {
                Remedy::Retry | Remedy::Abort => tracing::debug!(%error, "initialising transactions"),
                Remedy::Rebuild | Remedy::Stop => {
                    return Err(EdgeError::kafka(format!("cannot initialise transactions as {id}"), error));
                }
            }
        }
        Ok(None)
    }

    /// Begins a transaction.
    pub(crate) fn begin(&mut self) -> Result<(), TransactionFailed> {
        self.failure = None;
        self.letters = Sent::default();
        let _ = self.producer.context().take_failed();
        let _ = self.producer.context().take_ends();
        self.producer
            .begin_transaction()
            .map_err(|error| TransactionFailed::new("cannot begin a transaction", error))
    }

    /// Waits until every record of the transaction is acknowledged. By short looks: the client's own flush, which the
    /// commit calls, sleeps in steps of up to 100 ms while a record is under way.
    pub(crate) fn drain(&mut self) -> Result<(), TransactionFailed> {
        while self.producer.in_flight_count() > 0 {
            self.serve();
        }
        match self.producer.context().take_failed() {
            None => Ok(()),
            Some(FailedDeliveries { topic, code, .. }) => Err(self.undelivered(topic, code)),
        }
    }

    fn undelivered(&self, topic: String, code: RDKafkaErrorCode) -> TransactionFailed {
        // The client waits for a topic that was deleted as for a broker that is away, for longer than a transaction lasts.
        if code == RDKafkaErrorCode::MessageTimedOut && self.is_gone(&topic) {
            let error = Box::new(EdgeError::MissingTopic(topic));
            return TransactionFailed {
                remedy: Remedy::Stop,
                error,
                in_doubt: false,
                letters_too_large: false,
            };
        }
        let is_letter = self.topics.get(self.dead_letters).is_some_and(|(name, _)| name == topic);
        let failed = TransactionFailed::new(
            &format!("cannot write to topic {topic}"),
            KafkaError::MessageProduction(code),
        );
        failed.of_letters_if(is_letter && errors::is_too_large(code))
    }

    /// Whether the cluster says that there is no such topic. One that does not answer says nothing.
    fn is_gone(&self, topic: &str) -> bool {
        let Ok(metadata) = self.producer.client().fetch_metadata(Some(topic), STEP) else { return false };
        let mut errors = metadata.topics().iter().filter_map(rdkafka::metadata::MetadataTopic::error);
        errors.any(|error| error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    }

    /// Puts the offsets into the transaction and commits it. Says whether both were asked for only once, and answered.
    pub(crate) fn commit(
        &mut self,
        offsets: &TopicPartitionList,
        group: &ConsumerGroupMetadata,
        stop: &dyn Fn() -> bool,
    ) -> Result<AtOnce, TransactionFailed> {
        let began = Instant::now();
        let sending = || self.producer.send_offsets_to_transaction(offsets, group, Timeout::After(STEP));
        let calls_for_offsets = repeat(sending, stop)
            .map_err(|error| TransactionFailed::new("cannot put the offsets into the transaction", error))?;
        let were_offsets_sent_once = calls_for_offsets == 1 && began.elapsed() < OFFSETS_RETRIED_AFTER;
        let committing = || self.producer.commit_transaction(Timeout::After(STEP));
        let calls = repeat(committing, stop).map_err(|error| TransactionFailed {
            in_doubt: true,
            ..TransactionFailed::new("cannot commit the transaction", error)
        })?;
        Ok(AtOnce(calls == 1 && were_offsets_sent_once && !self.has_broken()))
    }

    /// Aborts the transaction.
    pub(crate) fn abort(&mut self) -> Aborted {
        let deadline = Instant::now() + ABORT_TIME_MAX;
        // The abort itself does not serve deliveries, and must not overtake the first acknowledgement of a partition.
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            self.serve();
        }
        let aborting = || self.producer.abort_transaction(Timeout::After(STEP));
        match repeat(aborting, &|| Instant::now() >= deadline) {
            Ok(1) if !self.has_broken() => Aborted::AtOnce,
            Ok(_) => Aborted::InDoubt,
            Err(error) => {
                tracing::warn!(%error, "cannot abort the transaction");
                Aborted::InDoubt
            }
        }
    }

    /// Whether the connection to the coordinator broke: then the client has asked again within one call.
    fn has_broken(&self) -> bool {
        // One look takes one of its news.
        (0..NEWS_MAX).for_each(|_| self.producer.poll(Duration::ZERO));
        self.producer.context().is_broken()
    }

    /// Takes what the client has to tell, and lets it work a little. The client's own `poll` with a time-out runs for all
    /// of it, and spins through the last millisecond: waiting so for the broker cost most of a core.
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

    /// What the client has told of itself since the last call, if anything. Asking is also what keeps its news from piling up
    /// while nothing is sent.
    pub(crate) fn take_figures(&self) -> Option<ClientFigures> {
        self.producer.poll(Duration::ZERO);
        self.producer.context().take_figures()
    }

    /// Where the changelog's partitions end with what was sent since the transaction began.
    pub(crate) fn take_changelog_ends(&mut self) -> BTreeMap<i32, i64> {
        self.producer.context().take_ends()
    }

    /// Why [`Sink::send`] failed.
    pub(crate) fn take_send_failure(&mut self) -> Option<TransactionFailed> {
        self.failure.take()
    }

    /// What is to be done, after dead letters were refused as too large, about how large they may be; `takes` is what their
    /// topic says.
    pub(crate) fn smaller_letters(&self, limit: usize, takes: Option<usize>) -> Smaller {
        letters::smaller(limit, self.letters, self.batch_bytes, takes)
    }

    /// Whether records go together that have more bytes than this.
    pub(crate) fn has_batches_over(&self, bytes: usize) -> bool {
        self.batch_bytes > bytes
    }
}

fn headers(headers: &[(&str, Option<&[u8]>)]) -> OwnedHeaders {
    let all = OwnedHeaders::new_with_capacity(headers.len());
    headers.iter().fold(all, |all, (key, value)| all.insert(Header { key, value: *value }))
}

/// Makes a call again, with identical arguments, as long as that is its remedy. Gives how often it was made.
fn repeat(mut call: impl FnMut() -> KafkaResult<()>, stop: &dyn Fn() -> bool) -> KafkaResult<u32> {
    for calls in 1.. {
        match call() {
            Err(error) if errors::of_transaction(&error) == Remedy::Retry && !stop() => {}
            result => return result.map(|()| calls),
        }
    }
    Ok(u32::MAX)
}

impl Sink for TransactionalProducer {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        let is_letter = record.topic == self.dead_letters;
        if is_letter {
            self.letters.add(record.framed_bytes());
        }
        self.enqueue(&record).map_err(|error| {
            let is_too_large = error.rdkafka_error_code().is_some_and(errors::is_too_large);
            let failed = TransactionFailed::new("cannot write a record", error);
            self.failure = Some(failed.of_letters_if(is_letter && is_too_large));
            SinkError
        })
    }
}

#[cfg(test)]
mod tests;
