// SPDX-License-Identifier: Apache-2.0

//! A worker: one thread with its own consumer, its own transactional producer and the tasks of its partitions. Records share
//! nothing with other workers.
//!
//! The [`Driver`] decides what it does. This module carries each action out with librdkafka and answers it.

mod changelog;
mod clock;
mod consumer;
mod drained;
mod events;
mod limits;
mod names;
mod queries;
mod questions;
mod transactions;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use driver::{Action, Answer, Driver, Settings, TopicPartition};
use engine::Budget;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};

use crate::clients;
use crate::consumer::Notes;
use crate::errors::{EdgeError, Error};
use crate::metrics::Client;
use crate::producer::TransactionalProducer;
use crate::shared::Shared;
use changelog::Changelog;
use clock::Clock;
use events::Observer;
use limits::Limits;

/// How long the consumer waits for a connection before it subscribes anyway.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Actions slower than this are logged at debug level.
const SLOW: Duration = Duration::from_millis(300);

pub(crate) struct Worker {
    name: String,
    shared: Shared,
    clock: Clock,
    driver: Driver<Error>,
    consumer: BaseConsumer<Notes>,
    /// `None` while the first one is being created.
    producer: Option<TransactionalProducer>,
    /// A producer that is being created.
    next_producer: Option<TransactionalProducer>,
    changelog: Changelog,
    limits: Limits,
    /// The membership that offsets are sent with.
    member: Option<ConsumerGroupMetadata>,
    observer: Observer,
}

impl Worker {
    /// Runs a worker until shutdown.
    ///
    /// # Errors
    /// An error without a remedy. It says what an operator can do.
    pub(crate) fn run(name: String, shared: Shared) -> Result<(), EdgeError> {
        shared.health.set_worker(&name, false, "reaching the cluster");
        let consumer = clients::consumer(&shared.settings.consumer(&name), Notes::default())
            .map_err(EdgeError::Settings)?;
        reach(&consumer, &shared.inputs);
        let driver = Driver::new(settings(&name, &shared), Box::new(shared.schemas.clone()));
        let worker = Self {
            changelog: Changelog::new(&shared.settings, &name, &shared.topology)?,
            limits: Limits::new(&shared.settings, &name)?,
            observer: Observer::new(&name, &shared),
            clock: Clock::new(&shared.stop),
            member: None,
            producer: None,
            next_producer: None,
            driver,
            consumer,
            name,
            shared,
        };
        worker.work()
    }

    /// Carries out the driver's actions until none is left.
    fn work(mut self) -> Result<(), EdgeError> {
        let mut now = self.clock.read();
        loop {
            let action = self.driver.next(now);
            self.observer.follow(&mut self.driver);
            now = match action {
                Action::Finish(result) => {
                    self.end();
                    return result.map_err(EdgeError::from);
                }
                Action::Poll { timeout } => self.poll(timeout),
                Action::Send => self.send(),
                Action::ReadChangelog => self.read_changelog(),
                action => {
                    let what = tracing::enabled!(tracing::Level::DEBUG).then(|| format!("{action:?}"));
                    let answer = self.carry_out(action);
                    let after = self.clock.read();
                    let took = after.elapsed.saturating_sub(now.elapsed);
                    if let Some(action) = what.filter(|_| took >= SLOW) {
                        tracing::debug!(action, ?took, "this action took long");
                    }
                    self.driver.respond(answer, after);
                    after
                }
            };
        }
    }

    fn carry_out(&mut self, action: Action<Error>) -> Answer<'static, Error> {
        match action {
            Action::InitProducer => self.init_producer(),
            Action::BeginTransaction => Answer::Transaction(self.in_producer(TransactionalProducer::begin)),
            Action::Flush => Answer::Flushed(self.in_producer(TransactionalProducer::flush)),
            Action::FetchMembership => self.membership(),
            Action::SendOffsets { offsets, metadata } => self.send_offsets(&offsets, &metadata),
            Action::CommitTransaction => self.commit_transaction(),
            Action::AbortTransaction => self.abort_transaction(),
            Action::FetchRecordLimit => self.record_limit(),
            Action::Sleep(wait) => {
                std::thread::sleep(wait);
                Answer::Done(Ok(()))
            }
            Action::OpenStore(partition) => Answer::Store(self.shared.stores.for_task(partition)),
            Action::CloseStore(partition) => {
                self.shared.stores.closed(partition);
                Answer::Done(Ok(()))
            }
            Action::AnswerQueries => self.answer_queries(),
            Action::ReadStatistics => self.statistics(),
            action => self.ask(action),
        }
    }

    /// The worker has left the group. The consumer tells the group when it is dropped.
    fn end(&self) {
        self.shared.metrics.clients_gone(&self.name);
        self.observer.report_tasks(&self.driver);
        self.shared.health.set_worker(&self.name, false, "left the group");
    }

    /// Reads the clients' statistics and updates the gauges.
    fn statistics(&mut self) -> Answer<'static, Error> {
        self.note_consumed();
        self.observer.show(&self.driver);
        let metrics = &self.shared.metrics;
        metrics.client(&self.name, Client::Consumer, self.consumer.context().take_figures());
        let figures = self.producer.as_ref().and_then(TransactionalProducer::take_figures);
        metrics.client(&self.name, Client::Producer, figures);
        let ends = self.consumer.context().take_ends().into_iter();
        let ends = ends.map(|((topic, partition), end)| (TopicPartition::new(topic, partition), end));
        Answer::Statistics(ends.collect())
    }

    /// Notes consumed records of the repartition topic, which no task reads again.
    fn note_consumed(&self) {
        if let Some(consumed) = &self.shared.consumed {
            self.driver.consumed().for_each(|(partition, offset)| consumed.note(partition, offset));
        }
    }
}

/// The settings of a worker's driver.
fn settings(name: &str, shared: &Shared) -> Settings {
    let started_us = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let bytes_max = shared.settings.commit_bytes_max;
    Settings {
        name: format!("{} {name}", shared.settings.instance),
        first_transaction: started_us,
        topology: shared.topology.clone(),
        limits: shared.limits.clone(),
        partitions: shared.partitions,
        kinds: shared.kinds(),
        commit_interval: shared.settings.commit_interval,
        commit_bytes_max: bytes_max,
        budget: Budget::new(Budget::RECORDS, Budget::BYTES.min(bytes_max)),
        watched: shared.queries.as_ref().map(|queries| queries.watched().to_vec()),
        pace: driver::Pace::default(),
    }
}

/// Connects the consumer to a broker. A subscription without a connection is retried only after one to two seconds. The first
/// response tells the client the broker's name, to which it connects again. Therefore the consumer is created before the
/// producer, whose start gives it the time, and is polled a second time before it subscribes.
fn reach(consumer: &BaseConsumer<Notes>, inputs: &[String]) {
    let topic = inputs.first().map(String::as_str);
    if let Err(error) = consumer.fetch_metadata(topic, CONNECT_TIMEOUT) {
        tracing::debug!(%error, "reaching the cluster before the subscription");
    }
}

/// The current time in epoch milliseconds.
fn epoch_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
