//! What the program tells Prometheus. [`names`] declares the metrics, [`Metrics`] moves them.
//!
//! There is no global registry: whoever builds a [`Metrics`] passes it on, and two in one process (two instances
//! in a test) do not see each other. Series whose labels are known are there from the start with the value 0, so
//! that a dashboard shows "none" instead of nothing.

mod clients;
mod disk;
mod labels;
pub mod names;
mod process;

pub(crate) use clients::{Client, ClientFigures};
pub use labels::{Labels, Outcome, Rebalance};

use clients::Clients;
use engine::{Notice, Phase};
use names::{Declared, UNDECLARED};
use prometheus::core::Collector;
use prometheus::{
    Counter, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How large the file system of a folder is and how much of it is free, in bytes; none where that cannot be told.
#[must_use]
pub fn disk_space(folder: &Path) -> Option<(i64, i64)> {
    disk::space(folder).map(|space| (space.size_bytes, space.free_bytes))
}

/// The media type of [`Metrics::render`]'s text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Why the metrics could not be set up: a mistake in a name or label, found at start.
#[derive(Debug, thiserror::Error)]
#[error("metric {name} cannot be registered: {source}")]
pub struct MetricsError {
    name: &'static str,
    source: prometheus::Error,
}

/// A counter with one label whose values are known at the start. Counting takes no lock.
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

/// A counter that a processor declares.
enum Counted {
    Plain(IntCounter),
    Labelled(Family),
}

impl Counted {
    fn add(&self, value: &str, count: u64) {
        match self {
            Self::Plain(counter) => counter.inc_by(count),
            Self::Labelled(family) => family.add(value, count),
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
    /// The series of `lag` that exist, so that those of a partition can be found.
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
    /// One scrape at a time, since CPU time is counted by what was added since the last.
    scrape: Mutex<()>,
}

/// All metrics of one pipeline. Cheap to clone; every method can be called from any thread.
///
/// Counters are to be moved once for each committed transaction, not for each record: gather the numbers of the
/// batch, commit, then add them. So the counts are those of what is really in Kafka, and the hot path pays nothing.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

/// A client that looks on.
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
    /// Metrics in a registry of their own.
    ///
    /// # Errors
    /// When a declared name or label is not one that Prometheus takes.
    pub fn new(labels: &Labels<'_>) -> Result<Self, MetricsError> {
        Self::in_registry(Registry::new(), labels)
    }

    /// The same in a registry that is passed in (and that may hold metrics of others, which are rendered too).
    ///
    /// # Errors
    /// As [`Metrics::new`], and when the registry already holds a metric of one of these names.
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
            counted: counted(&registry, labels.counters)?,
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

    /// Shows an output topic with the value 0 before anything was written to it.
    pub fn declare_topic(&self, topic: &str) {
        self.inner.outputs.with_label_values(&[topic]);
    }

    /// `count` input records of a kind (one of those given at the start).
    pub fn events(&self, kind: &str, count: u64) {
        self.inner.events.add(kind, count);
    }

    /// `count` records written to an output topic.
    pub fn outputs(&self, topic: &str, count: u64) {
        self.inner.outputs.with_label_values(&[topic]).inc_by(count);
    }

    /// A request over HTTP whose answer has begun. All three words come from small known sets.
    pub(crate) fn http_request(&self, route: &str, method: &str, status: &str, took: Duration) {
        self.inner.http_requests.with_label_values(&[route, method, status]).inc();
        self.inner.http_latency.observe(took.as_secs_f64());
    }

    /// A client looks on, until this is dropped.
    #[must_use]
    pub fn http_stream(&self) -> OpenStream {
        self.inner.http_streams.inc();
        OpenStream(self.inner.http_streams.clone())
    }

    /// `count` dead letters of a reason (one of those given at the start).
    pub fn dead_letters(&self, reason: &str, count: u64) {
        self.inner.dead_letters.add(reason, count);
    }

    /// A transaction that ended.
    pub fn transaction(&self, outcome: Outcome) {
        self.inner.transactions.with_label_values(&[outcome.label()]).inc();
    }

    /// How long a commit took.
    pub fn commit_latency(&self, took: Duration) {
        self.inner.commit_latency.observe(took.as_secs_f64());
    }

    /// How long the records of one transaction took from the poll to the staged changes.
    pub fn processing_latency(&self, took: Duration) {
        self.inner.processing_latency.observe(took.as_secs_f64());
    }

    /// The age that the input records of a transaction had when it was committed, all in epoch milliseconds.
    /// Records without a Kafka timestamp (below 0) are left out; one from the future counts as 0.
    pub fn end_to_end_latency(&self, committed_at: i64, timestamps: impl IntoIterator<Item = i64>) {
        let local = self.inner.end_to_end_latency.local();
        for timestamp in timestamps.into_iter().filter(|timestamp| *timestamp >= 0) {
            let age = committed_at.saturating_sub(timestamp).max(0).unsigned_abs();
            local.observe(Duration::from_millis(age).as_secs_f64());
        }
        local.flush();
    }

    /// How far a partition's committed offset is behind its end. For a topic that belongs to one conversation,
    /// `topic` is to be the pattern it was subscribed by, never its own name.
    pub fn lag(&self, topic: &str, partition: i32, records: i64) {
        let mut series = locked(&self.inner.lag_series);
        self.inner.lag.with_label_values(&[topic, &partition.to_string()]).set(records);
        if !series.iter().any(|(p, t)| *p == partition && t == topic) {
            series.insert((partition, topic.to_owned()));
        }
    }

    /// `count` changelog records read while restoring.
    pub fn restored(&self, count: u64) {
        self.inner.restored.inc_by(count);
    }

    /// What a partition still has to restore.
    pub fn restore_remaining(&self, partition: i32, records: i64) {
        self.inner.restore_remaining.with_label_values(&[partition.to_string()]).set(records);
    }

    /// Shows what is read with the value 0 before anything of it was lost. For topics that belong to one conversation each,
    /// `topic` is to be the pattern that they were subscribed by.
    pub fn declare_read(&self, topic: &str) {
        self.inner.input_gaps.with_label_values(&[topic]);
        self.inner.input_records_lost.with_label_values(&[topic]);
    }

    /// Records were removed before they were read: so many at the most. `topic` as for [`Self::declare_read`].
    pub fn input_gap(&self, topic: &str, records: u64) {
        self.inner.input_gaps.with_label_values(&[topic]).inc();
        self.inner.input_records_lost.with_label_values(&[topic]).inc_by(records);
    }

    /// So many more partitions of the input are assigned that nothing reads, or less.
    pub(crate) fn partitions_unread(&self, topic: &str, more: i64) {
        self.inner.input_partitions_unread.with_label_values(&[topic]).add(more);
    }

    /// What a client of a worker has told of itself, if it has told anything new.
    pub(crate) fn client(&self, worker: &str, client: Client, figures: Option<ClientFigures>) {
        if let Some(figures) = figures {
            self.inner.clients.told(worker, client, figures);
        }
    }

    /// A worker has ended, and its clients with it.
    pub(crate) fn clients_gone(&self, worker: &str) {
        self.inner.clients.gone(worker);
    }

    /// The state lies in this folder: from now on its disk is watched.
    pub fn watch_disk(&self, folder: &Path) {
        *locked(&self.inner.state_folder) = Some(folder.to_owned());
    }

    /// Whether all workers live, and whether all are ready.
    pub fn health(&self, is_live: bool, is_ready: bool) {
        self.inner.live.set(i64::from(is_live));
        self.inner.ready.set(i64::from(is_ready));
    }

    /// A state on disk could not be used.
    pub fn state_discarded(&self) {
        self.inner.states_discarded.inc();
    }

    /// The state of a partition could not be read, and is restored from its changelog.
    pub(crate) fn state_unreadable(&self) {
        self.inner.states_unreadable.inc();
    }

    /// How many warm copies there are.
    pub(crate) fn standbys(&self, copies: usize) {
        self.inner.standbys.set(i64::try_from(copies).unwrap_or(i64::MAX));
    }

    /// A task went from one state to another: `None` before it is created and after it is dropped.
    pub fn task_moved(&self, from: Option<Phase>, to: Option<Phase>) {
        if let Some(from) = from {
            self.inner.tasks.with_label_values(&[from.as_str()]).dec();
        }
        if let Some(to) = to {
            self.inner.tasks.with_label_values(&[to.as_str()]).inc();
        }
    }

    /// The size of a partition's state.
    pub fn state_size(&self, partition: i32, records: usize, bytes: usize) {
        let partition = partition.to_string();
        self.inner.state_records.with_label_values(&[&partition]).set(gauge_value(records));
        self.inner.state_bytes.with_label_values(&[&partition]).set(gauge_value(bytes));
    }

    /// A rebalance seen by a worker.
    pub fn rebalance(&self, kind: Rebalance) {
        self.inner.rebalances.with_label_values(&[kind.label()]).inc();
    }

    /// A transactional producer was destroyed and built anew.
    pub fn producer_rebuilt(&self) {
        self.inner.producer_rebuilds.inc();
    }

    /// The schema registry was asked something.
    pub fn registry_asked(&self, is_answered: bool) {
        self.inner.registry_requests.with_label_values(&[answer(is_answered)]).inc();
    }

    /// How many schemas are known.
    pub fn schemas_known(&self, schemas: usize) {
        self.inner.schemas_known.set(gauge_value(schemas));
    }

    /// How many schemas are waited for.
    pub(crate) fn schemas_awaited(&self, schemas: usize) {
        self.inner.schemas_awaited.set(gauge_value(schemas));
    }

    /// Something that a task noticed.
    pub fn notice(&self, notice: Notice, count: u64) {
        match notice {
            Notice::Violation(rule) => self.inner.violations.add(rule, count),
            Notice::EventIdConflict => self.inner.event_id_conflicts.inc_by(count),
            Notice::Counted(counter, value) => {
                if let Some(counted) = self.inner.counted.get(counter.name) {
                    counted.add(value, count);
                }
            }
        }
    }

    /// Removes every series of a partition that left this process, so that no scrape shows figures that stand still.
    pub fn forget_partition(&self, partition: i32) {
        let label = partition.to_string();
        for family in [&self.inner.restore_remaining, &self.inner.state_records, &self.inner.state_bytes] {
            // An error says that there is no such series, which is what is wanted.
            let _ = family.remove_label_values(&[&label]);
        }
        locked(&self.inner.lag_series).retain(|(p, topic)| {
            if *p == partition {
                let _ = self.inner.lag.remove_label_values(&[topic, &label]);
            }
            *p != partition
        });
    }

    /// Everything in Prometheus' text format (see [`CONTENT_TYPE`]).
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

/// What became of a question.
const fn answer(is_answered: bool) -> &'static str {
    if is_answered { "answered" } else { "failed" }
}

fn gauge_value(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A thread that died while it held one of these locks left nothing half done.
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

fn counted(
    registry: &Registry,
    counters: &[&'static engine::Counter],
) -> Result<BTreeMap<&'static str, Counted>, MetricsError> {
    let built = counters.iter().map(|declared| {
        let metric = names::declared(declared);
        let counted = match declared.labels {
            [] => Counted::Plain(counter(registry, &metric)?),
            [_, ..] => Counted::Labelled(family(registry, &metric, declared.values)?),
        };
        Ok((declared.name, counted))
    });
    built.collect()
}

#[cfg(test)]
mod tests;
