//! What the program tells Prometheus. [`names`] declares the metrics, [`Metrics`] moves them.
//!
//! There is no global registry: whoever builds a [`Metrics`] passes it on, and two in one process (two instances
//! in a test) do not see each other. Series whose labels are known are there from the start with the value 0, so
//! that a dashboard shows "none" instead of nothing.

pub mod names;
mod process;

use crate::consumer::Traffic;
use engine::{Notice, Phase};
use names::{Declared, UNDECLARED};
use prometheus::core::Collector;
use prometheus::{
    Counter, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The media type of [`Metrics::render`]'s text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Why the metrics could not be set up: a mistake in a name or label, found at start.
#[derive(Debug, thiserror::Error)]
#[error("metric {name} cannot be registered: {source}")]
pub struct MetricsError {
    name: &'static str,
    source: prometheus::Error,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Kafka confirmed it.
    Committed,
    /// It was given up and its input is read again.
    Aborted,
    /// The commit's answer never came; the group's committed offsets decided.
    Ambiguous,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Committed, Self::Aborted, Self::Ambiguous];

    const fn label(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// What a rebalance did to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebalance {
    /// Partitions came.
    Assigned,
    /// Partitions were given back in order.
    Revoked,
    /// Partitions were taken away without asking.
    Lost,
}

impl Rebalance {
    const ALL: [Self; 3] = [Self::Assigned, Self::Revoked, Self::Lost];

    const fn label(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Revoked => "revoked",
            Self::Lost => "lost",
        }
    }
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
    client_requests: IntCounter,
    client_sent: IntCounter,
    client_received: IntCounter,
    states_discarded: IntCounter,
    standbys: IntGauge,
    tasks: IntGaugeVec,
    state_records: IntGaugeVec,
    state_bytes: IntGaugeVec,
    rebalances: IntCounterVec,
    producer_rebuilds: IntCounter,
    violations: Family,
    session_conflicts: IntCounter,
    window_changes_expired: IntCounter,
    registry_requests: IntCounterVec,
    schemas_known: IntGauge,
    schemas_awaited: IntGauge,
    start_time: Gauge,
    memory: IntGauge,
    cpu: Counter,
    /// One scrape at a time, since CPU time is counted by what was added since the last.
    scrape: Mutex<()>,
}

/// The values that labels can have; any other is counted as `undeclared`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Labels<'l> {
    /// The words of `model::Reason`.
    pub dead_letter_reasons: &'l [&'l str],
    /// The words of `engine::EventClass`.
    pub event_kinds: &'l [&'l str],
    /// The rules that the processors watch.
    pub rules: &'l [&'l str],
}

/// All metrics of one pipeline. Cheap to clone; every method can be called from any thread.
///
/// Counters are to be moved once for each committed transaction, not for each record: gather the numbers of the
/// batch, commit, then add them. So the counts are those of what is really in Kafka, and the hot path pays nothing.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
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
            client_requests: counter(&registry, &names::CLIENT_REQUESTS)?,
            client_sent: counter(&registry, &names::CLIENT_SENT)?,
            client_received: counter(&registry, &names::CLIENT_RECEIVED)?,
            states_discarded: counter(&registry, &names::STATES_DISCARDED)?,
            standbys: gauge(&registry, &names::STANDBYS)?,
            tasks,
            state_records: gauges(&registry, &names::STATE_RECORDS)?,
            state_bytes: gauges(&registry, &names::STATE_BYTES)?,
            rebalances,
            producer_rebuilds: counter(&registry, &names::PRODUCER_REBUILDS)?,
            violations: family(&registry, &names::INVARIANT_VIOLATIONS, labels.rules)?,
            session_conflicts: counter(&registry, &names::SESSION_CONFLICTS)?,
            window_changes_expired: counter(&registry, &names::WINDOW_CHANGES_EXPIRED)?,
            registry_requests,
            schemas_known: gauge(&registry, &names::SCHEMAS_KNOWN)?,
            schemas_awaited: gauge(&registry, &names::SCHEMAS_AWAITED)?,
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

    /// What a consumer has exchanged with the brokers since the last call.
    pub(crate) fn client_traffic(&self, more: Traffic) {
        self.inner.client_requests.inc_by(more.requests);
        self.inner.client_sent.inc_by(more.sent_bytes);
        self.inner.client_received.inc_by(more.received_bytes);
    }

    /// A state on disk could not be used.
    pub fn state_discarded(&self) {
        self.inner.states_discarded.inc();
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
            Notice::SessionConflict => self.inner.session_conflicts.inc_by(count),
            Notice::WindowExpired => self.inner.window_changes_expired.inc_by(count),
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

#[cfg(test)]
mod tests {
    use super::*;
    use engine::EventClass;
    use names::{ALL, Type};

    fn metrics() -> Metrics {
        Metrics::new(&Labels {
            dead_letter_reasons: &["malformed", "no-key"],
            event_kinds: &EventClass::ALL.map(EventClass::as_str),
            rules: &["queues"],
        })
        .unwrap()
    }

    fn has(text: &str, line: &str) -> bool {
        text.lines().any(|l| l == line)
    }

    #[test]
    fn a_fresh_registry_renders_zero_for_every_label_value_that_is_known() {
        let metrics = metrics();
        metrics.declare_topic("cx.activities");
        let text = metrics.render();
        for kind in EventClass::ALL.map(EventClass::as_str) {
            assert!(has(&text, &format!("cx_timelines_events_total{{kind=\"{kind}\"}} 0")), "{kind}\n{text}");
        }
        for line in [
            "cx_timelines_dead_letters_total{reason=\"malformed\"} 0",
            "cx_timelines_dead_letters_total{reason=\"no-key\"} 0",
            "cx_timelines_outputs_total{topic=\"cx.activities\"} 0",
            "cx_timelines_transactions_total{outcome=\"committed\"} 0",
            "cx_timelines_transactions_total{outcome=\"aborted\"} 0",
            "cx_timelines_transactions_total{outcome=\"ambiguous\"} 0",
            "cx_timelines_tasks{state=\"created\"} 0",
            "cx_timelines_tasks{state=\"restoring\"} 0",
            "cx_timelines_tasks{state=\"running\"} 0",
            "cx_timelines_tasks{state=\"suspended\"} 0",
            "cx_timelines_tasks{state=\"closed\"} 0",
            "cx_timelines_rebalances_total{kind=\"assigned\"} 0",
            "cx_timelines_rebalances_total{kind=\"revoked\"} 0",
            "cx_timelines_rebalances_total{kind=\"lost\"} 0",
            "cx_timelines_restore_records_total 0",
            "cx_timelines_producer_rebuilds_total 0",
            "cx_timelines_invariant_violations_total{rule=\"queues\"} 0",
            "cx_timelines_session_conflicts_total 0",
            "cx_timelines_window_changes_expired_total 0",
            "cx_timelines_schema_registry_requests_total{outcome=\"answered\"} 0",
            "cx_timelines_schema_registry_requests_total{outcome=\"failed\"} 0",
            "cx_timelines_schemas_awaited 0",
            "cx_timelines_commit_latency_seconds_count 0",
            "cx_timelines_processing_latency_seconds_count 0",
            "cx_timelines_end_to_end_latency_seconds_count 0",
        ] {
            assert!(has(&text, line), "missing: {line}\n{text}");
        }
        assert!(!text.contains(UNDECLARED));
    }

    #[test]
    fn every_declared_metric_is_rendered_with_its_help_and_type() {
        let metrics = metrics();
        metrics.outputs("cx.activities", 1);
        metrics.lag("cx.events", 0, 5);
        metrics.restore_remaining(0, 5);
        metrics.state_size(0, 2, 300);
        let text = metrics.render();
        for metric in ALL {
            assert!(
                has(&text, &format!("# HELP {} {}", metric.name, metric.help)),
                "{}\n{text}",
                metric.name
            );
            let kind = match metric.kind {
                Type::Counter => "counter",
                Type::Gauge => "gauge",
                Type::Histogram => "histogram",
            };
            assert!(has(&text, &format!("# TYPE {} {kind}", metric.name)), "{}\n{text}", metric.name);
        }
        let types = text.lines().filter(|l| l.starts_with("# TYPE ")).count();
        assert_eq!(types, ALL.len(), "a metric is rendered that names.rs does not declare");
    }

    /// Where tests/run names promtool; elsewhere the rules in `names` have to do.
    #[test]
    fn promtool_has_nothing_to_say_against_any_metric() {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let Some(promtool) = std::env::var_os("CX_PROMTOOL") else {
            eprintln!("skipped: CX_PROMTOOL names no promtool");
            return;
        };
        let metrics = metrics();
        metrics.outputs("cx.activities", 1);
        metrics.lag("cx.events", 0, 5);
        metrics.restore_remaining(0, 5);
        metrics.state_size(0, 2, 300);
        let mut check = Command::new(promtool)
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        check.stdin.take().unwrap().write_all(metrics.render().as_bytes()).unwrap();
        let said = check.wait_with_output().unwrap();
        let text = [said.stdout, said.stderr].concat();
        assert!(said.status.success() && text.is_empty(), "{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn what_is_counted_is_what_is_rendered() {
        let metrics = metrics();
        metrics.events("primary", 3);
        metrics.dead_letters("no-key", 2);
        metrics.outputs("cx.activities", 4);
        metrics.transaction(Outcome::Committed);
        metrics.commit_latency(Duration::from_millis(12));
        metrics.task_moved(None, Some(Phase::Created));
        metrics.task_moved(Some(Phase::Created), Some(Phase::Running));
        metrics.rebalance(Rebalance::Lost);
        metrics.producer_rebuilt();
        metrics.restored(7);
        let text = metrics.clone().render();
        for line in [
            "cx_timelines_events_total{kind=\"primary\"} 3",
            "cx_timelines_dead_letters_total{reason=\"no-key\"} 2",
            "cx_timelines_outputs_total{topic=\"cx.activities\"} 4",
            "cx_timelines_transactions_total{outcome=\"committed\"} 1",
            "cx_timelines_commit_latency_seconds_bucket{le=\"0.01\"} 0",
            "cx_timelines_commit_latency_seconds_bucket{le=\"0.015\"} 1",
            "cx_timelines_tasks{state=\"created\"} 0",
            "cx_timelines_tasks{state=\"running\"} 1",
            "cx_timelines_rebalances_total{kind=\"lost\"} 1",
            "cx_timelines_producer_rebuilds_total 1",
            "cx_timelines_restore_records_total 7",
        ] {
            assert!(has(&text, line), "missing: {line}\n{text}");
        }
    }

    #[test]
    fn a_value_outside_the_declared_set_is_counted_without_making_a_new_series() {
        let metrics = metrics();
        metrics.dead_letters("a reason that nobody declared", 2);
        metrics.dead_letters("another", 1);
        let text = metrics.render();
        assert!(has(&text, "cx_timelines_dead_letters_total{reason=\"undeclared\"} 3"), "{text}");
        assert!(!text.contains("nobody"));
    }

    #[test]
    fn end_to_end_latency_takes_ages_and_leaves_out_records_without_a_timestamp() {
        let metrics = metrics();
        metrics.end_to_end_latency(10_000, [9_980, 12_000, -1]);
        let text = metrics.render();
        assert!(has(&text, "cx_timelines_end_to_end_latency_seconds_count 2"), "{text}");
        assert!(has(&text, "cx_timelines_end_to_end_latency_seconds_sum 0.02"), "{text}");
    }

    #[test]
    fn a_partition_that_left_takes_its_series_with_it_and_leaves_the_others() {
        let metrics = metrics();
        for partition in [3, 33] {
            metrics.lag("cx.events", partition, 5);
            metrics.lag("cx.erasures", partition, 1);
            metrics.restore_remaining(partition, 9);
            metrics.state_size(partition, 2, 300);
        }
        metrics.forget_partition(3);
        metrics.forget_partition(4);
        let text = metrics.render();
        assert!(!text.contains("partition=\"3\""), "{text}");
        assert_eq!(text.matches("partition=\"33\"").count(), 5, "{text}");
        metrics.lag("cx.events", 3, 6);
        assert!(metrics.render().contains("partition=\"3\""));
    }

    #[test]
    fn the_process_is_measured_and_its_cpu_time_only_grows() {
        let metrics = metrics();
        let value = |name: &str| -> f64 {
            let text = metrics.render();
            let line = text.lines().find(|l| l.starts_with(&format!("{name} "))).unwrap();
            line.rsplit(' ').next().unwrap().parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 100_000.0);
        assert!(value("process_start_time_seconds") > 1_600_000_000.0);
        let before = value("process_cpu_seconds_total");
        assert!(value("process_cpu_seconds_total") >= before);
    }

    #[test]
    fn two_pipelines_in_one_process_do_not_share_figures() {
        let (one, other) = (metrics(), metrics());
        one.outputs("cx.activities", 1);
        assert!(!other.render().contains("cx_timelines_outputs_total{"));
        let registry = Registry::new();
        assert!(Metrics::in_registry(registry.clone(), &Labels::default()).is_ok());
        let error = Metrics::in_registry(registry, &Labels::default()).unwrap_err();
        assert!(error.to_string().contains("cx_timelines_"), "{error}");
    }
}
