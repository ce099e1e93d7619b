// SPDX-License-Identifier: Apache-2.0

//! Prometheus metrics. [`names`] declares them, [`Metrics`] updates them.
//!
//! There is no global registry: the creator of a [`Metrics`] passes it on, and two in one process, such as two instances in a
//! test, are independent. Series with known labels exist from the start with the value 0, so that a dashboard shows 0 instead
//! of a gap.

mod clients;
mod counted;
mod current;
mod disk;
mod labels;
pub mod names;
mod process;

pub(crate) use clients::{Client, ClientFigures};
pub use current::{Current, QueueGauges};
pub use labels::{Labels, Outcome, Rebalance};

use clients::Clients;
use counted::Counted;
use current::Families;
use engine::{Notice, Phase};
use names::{Declared, UNDECLARED};
use prometheus::core::Collector;
use prometheus::{
    Counter, Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The size of a folder's file system and its free bytes; `None` when unknown.
#[must_use]
pub fn disk_space(folder: &Path) -> Option<(i64, i64)> {
    disk::space(folder).map(|space| (space.size_bytes, space.free_bytes))
}

/// The media type of [`Metrics::render`]'s text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Why the metrics could not be set up: an invalid name or label, found at startup.
#[derive(Debug, thiserror::Error)]
#[error("metric {name} cannot be registered: {source}")]
pub struct MetricsError {
    name: &'static str,
    source: prometheus::Error,
}

/// A counter with one label whose values are known at startup. Counting takes no lock.
struct Family {
    known: BTreeMap<String, IntCounter>,
    undeclared: IntCounterVec,
}

impl Family {
    fn add(&self, value: &str, count: u64) {
        match self.known.get(value) {
            Some(counter) => counter.inc_by(count),
            None => self.undeclared.with_label_values(&[UNDECLARED]).inc_by(count),
        }
    }
}

struct Inner {
    registry: Registry,
    events: Family,
    outputs: IntCounterVec,
    dead_letters: Family,
    transactions: IntCounterVec,
    commit_latency: Histogram,
    processing_latency: Histogram,
    end_to_end_latency: Histogram,
    lag: IntGaugeVec,
    /// The existing series of `lag`, to find those of a partition.
    lag_series: Mutex<BTreeSet<(i32, String)>>,
    restored: IntCounter,
    restore_remaining: IntGaugeVec,
    input_gaps: IntCounterVec,
    input_records_lost: IntCounterVec,
    input_partitions_unread: IntGaugeVec,
    clients: Clients,
    states_discarded: IntCounter,
    states_unreadable: IntCounter,
    standbys: IntGauge,
    tasks: IntGaugeVec,
    state_records: IntGaugeVec,
    state_bytes: IntGaugeVec,
    rebalances: IntCounterVec,
    producer_rebuilds: IntCounter,
    violations: Family,
    event_id_conflicts: IntCounter,
    registry_requests: IntCounterVec,
    schemas_known: IntGauge,
    schemas_awaited: IntGauge,
    /// What processors count, by the counter's name.
    counted: BTreeMap<&'static str, Counted>,
    current: Families,
    http_requests: IntCounterVec,
    http_latency: Histogram,
    http_streams: IntGauge,
    live: IntGauge,
    ready: IntGauge,
    state_folder: Mutex<Option<PathBuf>>,
    disk_size: IntGaugeVec,
    disk_free: IntGaugeVec,
    start_time: Gauge,
    memory: IntGauge,
    cpu: Counter,
    /// Serializes scrapes, since CPU time is added as the difference from the last one.
    scrape: Mutex<()>,
}

/// All metrics of one pipeline. Clones share one state; every method may be called from any thread.
///
/// Update counters once per committed transaction, not per record: collect the numbers of a batch, commit, then add them. So
/// the counts match what is in Kafka, and the hot path pays nothing.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

/// An open event stream of a client.
#[derive(Debug)]
pub struct OpenStream(IntGauge);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Creates metrics in their own registry.
    ///
    /// # Errors
    /// A declared name or label is invalid for Prometheus.
    pub fn new(labels: &Labels<'_>) -> Result<Self, MetricsError> {
        Self::in_registry(Registry::new(), labels)
    }

    /// Creates metrics in the given registry, which may hold others; those are rendered too.
    ///
    /// # Errors
    /// As [`Metrics::new`], or the registry already has a metric of one of these names.
    pub fn in_registry(registry: Registry, labels: &Labels<'_>) -> Result<Self, MetricsError> {
        let build = gauges(&registry, &names::BUILD_INFO)?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let transactions = counters(&registry, &names::TRANSACTIONS)?;
        for outcome in Outcome::ALL {
            transactions.with_label_values(&[outcome.label()]);
        }
        let rebalances = counters(&registry, &names::REBALANCES)?;
        for rebalance in Rebalance::ALL {
            rebalances.with_label_values(&[rebalance.label()]);
        }
        let tasks = gauges(&registry, &names::TASKS)?;
        for state in Phase::ALL {
            tasks.with_label_values(&[state.as_str()]);
        }
        let registry_requests = counters(&registry, &names::REGISTRY_REQUESTS)?;
        for is_answered in [true, false] {
            registry_requests.with_label_values(&[answer(is_answered)]);
        }
        let inner = Inner {
            events: family(&registry, &names::EVENTS, labels.event_kinds)?,
            outputs: counters(&registry, &names::OUTPUTS)?,
            dead_letters: family(&registry, &names::DEAD_LETTERS, labels.dead_letter_reasons)?,
            transactions,
            commit_latency: histogram(&registry, &names::COMMIT_LATENCY)?,
            processing_latency: histogram(&registry, &names::PROCESSING_LATENCY)?,
            end_to_end_latency: histogram(&registry, &names::END_TO_END_LATENCY)?,
            lag: gauges(&registry, &names::CONSUMER_LAG)?,
            lag_series: Mutex::default(),
            restored: counter(&registry, &names::RESTORED)?,
            restore_remaining: gauges(&registry, &names::RESTORE_REMAINING)?,
            input_gaps: counters(&registry, &names::INPUT_GAPS)?,
            input_records_lost: counters(&registry, &names::INPUT_RECORDS_LOST)?,
            input_partitions_unread: gauges(&registry, &names::INPUT_PARTITIONS_UNREAD)?,
            clients: Clients::new(&registry)?,
            states_discarded: counter(&registry, &names::STATES_DISCARDED)?,
            states_unreadable: counter(&registry, &names::STATES_UNREADABLE)?,
            standbys: gauge(&registry, &names::STANDBYS)?,
            tasks,
            state_records: gauges(&registry, &names::STATE_RECORDS)?,
            state_bytes: gauges(&registry, &names::STATE_BYTES)?,
            rebalances,
            producer_rebuilds: counter(&registry, &names::PRODUCER_REBUILDS)?,
            violations: family(&registry, &names::INVARIANT_VIOLATIONS, labels.rules)?,
            event_id_conflicts: counter(&registry, &names::EVENT_ID_CONFLICTS)?,
            registry_requests,
            schemas_known: gauge(&registry, &names::SCHEMAS_KNOWN)?,
            schemas_awaited: gauge(&registry, &names::SCHEMAS_AWAITED)?,
            counted: counted(&registry, labels)?,
            current: Families::new(&registry)?,
            http_requests: counters(&registry, &names::HTTP_REQUESTS)?,
            http_latency: histogram(&registry, &names::HTTP_LATENCY)?,
            http_streams: gauge(&registry, &names::HTTP_STREAMS)?,
            live: gauge(&registry, &names::LIVE)?,
            ready: gauge(&registry, &names::READY)?,
            state_folder: Mutex::default(),
            disk_size: gauges(&registry, &names::STATE_DISK_SIZE)?,
            disk_free: gauges(&registry, &names::STATE_DISK_FREE)?,
            start_time: registered(
                &registry,
                &names::PROCESS_START,
                Gauge::with_opts(opts(&names::PROCESS_START)),
            )?,
            memory: gauge(&registry, &names::PROCESS_MEMORY)?,
            cpu: registered(&registry, &names::PROCESS_CPU, Counter::with_opts(opts(&names::PROCESS_CPU)))?,
            scrape: Mutex::default(),
            registry,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Shows an output topic with 0 before its first record.
    pub fn declare_topic(&self, topic: &str) {
        self.inner.outputs.with_label_values(&[topic]);
    }

    /// Counts input records of a declared kind.
    pub fn events(&self, kind: &str, count: u64) {
        self.inner.events.add(kind, count);
    }

    /// Counts records written to an output topic.
    pub fn outputs(&self, topic: &str, count: u64) {
        self.inner.outputs.with_label_values(&[topic]).inc_by(count);
    }

    /// Counts an HTTP request whose response has begun. All three labels come from small fixed sets.
    pub(crate) fn http_request(&self, route: &str, method: &str, status: &str, took: Duration) {
        self.inner.http_requests.with_label_values(&[route, method, status]).inc();
        self.inner.http_latency.observe(took.as_secs_f64());
    }

    /// Counts an open event stream until the result is dropped.
    #[must_use]
    pub fn http_stream(&self) -> OpenStream {
        self.inner.http_streams.inc();
        OpenStream(self.inner.http_streams.clone())
    }

    /// Counts dead letters of a declared reason.
    pub fn dead_letters(&self, reason: &str, count: u64) {
        self.inner.dead_letters.add(reason, count);
    }

    /// Counts a transaction that ended.
    pub fn transaction(&self, outcome: Outcome) {
        self.inner.transactions.with_label_values(&[outcome.label()]).inc();
    }

    /// Observes the time of a commit.
    pub fn commit_latency(&self, took: Duration) {
        self.inner.commit_latency.observe(took.as_secs_f64());
    }

    /// Observes the time from poll to staged changes for the records of one transaction.
    pub fn processing_latency(&self, took: Duration) {
        self.inner.processing_latency.observe(took.as_secs_f64());
    }

    /// Observes the age of a transaction's input records at its commit, in epoch milliseconds. Records without a Kafka
    /// timestamp (below 0) are left out; one from the future counts as 0.
    pub fn end_to_end_latency(&self, committed_at: i64, timestamps: impl IntoIterator<Item = i64>) {
        let local = self.inner.end_to_end_latency.local();
        for timestamp in timestamps.into_iter().filter(|timestamp| *timestamp >= 0) {
            let age = committed_at.saturating_sub(timestamp).max(0).unsigned_abs();
            local.observe(Duration::from_millis(age).as_secs_f64());
        }
        local.flush();
    }

    /// Sets a partition's lag: the distance from its committed offset to its end. For a conversation's own topic, `topic` is
    /// the subscribed pattern, never the topic's name.
    pub fn lag(&self, topic: &str, partition: i32, records: i64) {
        let mut series = locked(&self.inner.lag_series);
        self.inner.lag.with_label_values(&[topic, &partition.to_string()]).set(records);
        if !series.iter().any(|(p, t)| *p == partition && t == topic) {
            series.insert((partition, topic.to_owned()));
        }
    }

    /// Counts changelog records read by restores.
    pub fn restored(&self, count: u64) {
        self.inner.restored.inc_by(count);
    }

    /// Sets how many changelog records a partition still has to restore.
    pub fn restore_remaining(&self, partition: i32, records: i64) {
        self.inner.restore_remaining.with_label_values(&[partition.to_string()]).set(records);
    }

    /// Shows an input topic with 0 before any loss. For conversation topics, `topic` is the subscribed pattern.
    pub fn declare_read(&self, topic: &str) {
        self.inner.input_gaps.with_label_values(&[topic]);
        self.inner.input_records_lost.with_label_values(&[topic]);
    }

    /// Counts records removed before they were read: at most `records`. `topic` as for [`Self::declare_read`].
    pub fn input_gap(&self, topic: &str, records: u64) {
        self.inner.input_gaps.with_label_values(&[topic]).inc();
        self.inner.input_records_lost.with_label_values(&[topic]).inc_by(records);
    }

    /// Changes the number of assigned input partitions that no task reads.
    pub(crate) fn partitions_unread(&self, topic: &str, more: i64) {
        self.inner.input_partitions_unread.with_label_values(&[topic]).add(more);
    }

    /// Takes the statistics of a worker's client, if there are new ones.
    pub(crate) fn client(&self, worker: &str, client: Client, figures: Option<ClientFigures>) {
        if let Some(figures) = figures {
            self.inner.clients.update(worker, client, figures);
        }
    }

    /// Removes the clients of a worker that has ended.
    pub(crate) fn clients_gone(&self, worker: &str) {
        self.inner.clients.gone(worker);
    }

    /// Watches the disk that holds the state in this folder.
    pub fn watch_disk(&self, folder: &Path) {
        *locked(&self.inner.state_folder) = Some(folder.to_owned());
    }

    /// Sets liveness and readiness.
    pub fn health(&self, is_live: bool, is_ready: bool) {
        self.inner.live.set(i64::from(is_live));
        self.inner.ready.set(i64::from(is_ready));
    }

    /// Counts a state on disk that could not be used.
    pub fn state_discarded(&self) {
        self.inner.states_discarded.inc();
    }

    /// Counts a state that could not be read and is restored from its changelog.
    pub(crate) fn state_unreadable(&self) {
        self.inner.states_unreadable.inc();
    }

    /// Sets the number of standby copies.
    pub(crate) fn standbys(&self, copies: usize) {
        self.inner.standbys.set(i64::try_from(copies).unwrap_or(i64::MAX));
    }

    /// Moves a task between phases: `None` before it is created and after it is dropped.
    pub fn task_moved(&self, from: Option<Phase>, to: Option<Phase>) {
        if let Some(from) = from {
            self.inner.tasks.with_label_values(&[from.as_str()]).dec();
        }
        if let Some(to) = to {
            self.inner.tasks.with_label_values(&[to.as_str()]).inc();
        }
    }

    /// Sets the size of a partition's state.
    pub fn state_size(&self, partition: i32, records: usize, bytes: usize) {
        let partition = partition.to_string();
        self.inner.state_records.with_label_values(&[&partition]).set(gauge_value(records));
        self.inner.state_bytes.with_label_values(&[&partition]).set(gauge_value(bytes));
    }

    /// Counts a rebalance of a worker.
    pub fn rebalance(&self, kind: Rebalance) {
        self.inner.rebalances.with_label_values(&[kind.label()]).inc();
    }

    /// Counts a rebuilt transactional producer.
    pub fn producer_rebuilt(&self) {
        self.inner.producer_rebuilds.inc();
    }

    /// Counts a request to the schema registry.
    pub fn registry_asked(&self, is_answered: bool) {
        self.inner.registry_requests.with_label_values(&[answer(is_answered)]).inc();
    }

    /// Sets the number of known schemas.
    pub fn schemas_known(&self, schemas: usize) {
        self.inner.schemas_known.set(gauge_value(schemas));
    }

    /// Sets the number of schemas that partitions wait for.
    pub(crate) fn schemas_awaited(&self, schemas: usize) {
        self.inner.schemas_awaited.set(gauge_value(schemas));
    }

    /// Counts a notice of a task.
    pub fn notice(&self, notice: Notice, count: u64) {
        match notice {
            Notice::Violation(rule) => self.inner.violations.add(rule, count),
            Notice::EventIdConflict => self.inner.event_id_conflicts.inc_by(count),
            Notice::Counted(counter, value) => self.count(counter, None, value, count),
            Notice::CountedOf(counter, place, value) => self.count(counter, Some(place), value, count),
        }
    }

    fn count(&self, counter: &engine::Counter, place: Option<u16>, value: &str, count: u64) {
        if let Some(counted) = self.inner.counted.get(counter.name) {
            counted.add(place, value, count);
        }
    }

    /// The gauges of what goes on now, for the keeper of a list of conversations. `queues` are those that have series of their
    /// own.
    #[must_use]
    pub fn current(&self, queues: &[String]) -> Current {
        self.inner.current.current(queues)
    }

    /// Removes the lag of a partition that left this process and that no task read.
    pub fn forget_lag(&self, topic: &str, partition: i32) {
        let mut series = locked(&self.inner.lag_series);
        if series.remove(&(partition, topic.to_owned())) {
            let _ = self.inner.lag.remove_label_values(&[topic, &partition.to_string()]);
        }
    }

    /// Removes every series of a partition that left this process, so that no stale figures are scraped.
    pub fn forget_partition(&self, partition: i32) {
        let label = partition.to_string();
        for family in [&self.inner.restore_remaining, &self.inner.state_records, &self.inner.state_bytes] {
            // An error means that there is no such series.
            let _ = family.remove_label_values(&[&label]);
        }
        locked(&self.inner.lag_series).retain(|(p, topic)| {
            if *p == partition {
                let _ = self.inner.lag.remove_label_values(&[topic, &label]);
            }
            *p != partition
        });
    }

    /// Renders everything in Prometheus' text format (see [`CONTENT_TYPE`]).
    #[must_use]
    pub fn render(&self) -> String {
        let _one_at_a_time = locked(&self.inner.scrape);
        if let Some(usage) = process::usage() {
            self.inner.start_time.set(usage.started_at);
            self.inner.memory.set(usage.resident_bytes);
            self.inner.cpu.inc_by((usage.cpu_seconds - self.inner.cpu.get()).max(0.0));
        }
        let folder = locked(&self.inner.state_folder).clone();
        if let Some(space) = folder.and_then(|folder| disk::space(&folder)) {
            self.inner.disk_size.with_label_values::<&str>(&[]).set(space.size_bytes);
            self.inner.disk_free.with_label_values::<&str>(&[]).set(space.free_bytes);
        }
        self.inner.clients.show();
        let mut text = String::with_capacity(16 * 1024);
        if let Err(error) = TextEncoder::new().encode_utf8(&self.inner.registry.gather(), &mut text) {
            tracing::error!(%error, "the metrics cannot be rendered");
        }
        text
    }
}

/// The label value for an answer.
const fn answer(is_answered: bool) -> &'static str {
    if is_answered { "answered" } else { "failed" }
}

fn gauge_value(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A panic while one of these locks was held left no partial change.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn opts(metric: &Declared) -> Opts {
    Opts::new(metric.name, metric.help)
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: &Declared,
    built: prometheus::Result<C>,
) -> Result<C, MetricsError> {
    built
        .and_then(|collector| registry.register(Box::new(collector.clone())).map(|()| collector))
        .map_err(|source| MetricsError { name: metric.name, source })
}

fn counter(registry: &Registry, metric: &Declared) -> Result<IntCounter, MetricsError> {
    registered(registry, metric, IntCounter::with_opts(opts(metric)))
}

fn counters(registry: &Registry, metric: &Declared) -> Result<IntCounterVec, MetricsError> {
    registered(registry, metric, IntCounterVec::new(opts(metric), metric.labels))
}

fn gauge(registry: &Registry, metric: &Declared) -> Result<IntGauge, MetricsError> {
    registered(registry, metric, IntGauge::with_opts(opts(metric)))
}

fn gauges(registry: &Registry, metric: &Declared) -> Result<IntGaugeVec, MetricsError> {
    registered(registry, metric, IntGaugeVec::new(opts(metric), metric.labels))
}

fn histogram(registry: &Registry, metric: &Declared) -> Result<Histogram, MetricsError> {
    let opts = HistogramOpts::new(metric.name, metric.help).buckets(metric.buckets.to_vec());
    registered(registry, metric, Histogram::with_opts(opts))
}

fn family(registry: &Registry, metric: &Declared, values: &[&str]) -> Result<Family, MetricsError> {
    let vec = counters(registry, metric)?;
    let known = values.iter().map(|value| ((*value).to_owned(), vec.with_label_values(&[*value]))).collect();
    Ok(Family { known, undeclared: vec })
}

fn seconds(registry: &Registry, metric: &Declared) -> Result<GaugeVec, MetricsError> {
    registered(registry, metric, GaugeVec::new(opts(metric), metric.labels))
}

fn counted(
    registry: &Registry,
    labels: &Labels<'_>,
) -> Result<BTreeMap<&'static str, Counted>, MetricsError> {
    let built = labels
        .counters
        .iter()
        .map(|declared| Ok((declared.name, Counted::new(registry, declared, labels.listed_queues)?)));
    built.collect()
}

#[cfg(test)]
mod tests;
