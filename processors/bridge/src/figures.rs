// SPDX-License-Identifier: Apache-2.0

//! The bridge's metrics for Prometheus.

use std::time::Duration;

use edge::metrics::names::Type;
use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// The name and the help text of a metric.
type Said = (&'static str, &'static str);

const MESSAGES: Said = (
    "cx_timelines_bridge_messages_total",
    "Messages by outcome: accepted, because Kafka has them; rejected, because Kafka will never take them; skipped, state changes of \
     tasks, which are no events; unreadable, not AMQP.",
);
const RECORDS: Said = ("cx_timelines_bridge_records_total", "Records that Kafka has confirmed.");
const AGAIN: Said = (
    "cx_timelines_bridge_records_sent_again_total",
    "Records that were sent again, because Kafka did not confirm them.",
);
const REDELIVERED: Said = (
    "cx_timelines_bridge_redelivered_messages_total",
    "Messages that the broker sent again, after a connection that ended before they were accepted.",
);
const NO_EVENTS: Said = (
    "cx_timelines_bridge_messages_without_key_total",
    "Messages that are no event: passed on unchanged, to become dead letters with a reason.",
);
const DIFFERING: Said =
    ("cx_timelines_bridge_type_mismatches_total", "Messages whose JMS type is not the name of their event.");
const ATTEMPTS: Said = (
    "cx_timelines_bridge_connections_total",
    "Attempts to connect to ActiveMQ, by outcome: connected, with all subscriptions; failed.",
);
const CONNECTED: Said =
    ("cx_timelines_bridge_connected", "1 while all destinations are subscribed to, else 0.");
const UNSETTLED: Said = (
    "cx_timelines_bridge_unsettled_messages",
    "Messages that came and are not settled: on their way to Kafka.",
);
const LATENCY: Said = (
    "cx_timelines_bridge_delivery_latency_seconds",
    "From the arrival of a message to Kafka's confirmation of its record.",
);

/// The names of all metrics, with their types.
pub const METRICS: [(&str, Type); 10] = [
    (MESSAGES.0, Type::Counter),
    (RECORDS.0, Type::Counter),
    (AGAIN.0, Type::Counter),
    (REDELIVERED.0, Type::Counter),
    (NO_EVENTS.0, Type::Counter),
    (DIFFERING.0, Type::Counter),
    (ATTEMPTS.0, Type::Counter),
    (CONNECTED.0, Type::Gauge),
    (UNSETTLED.0, Type::Gauge),
    (LATENCY.0, Type::Histogram),
];

const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0];

/// A metric could not be set up: its name or labels are invalid.
#[derive(Debug, thiserror::Error)]
#[error("a metric of the bridge cannot be registered: {0}")]
pub struct FigureError(#[from] prometheus::Error);

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Kafka has it.
    Accepted,
    /// Kafka will never take it.
    Rejected,
    /// It is a state change of a task, which is no event: accepted, and not passed on.
    Skipped,
    /// It could not be decoded as AMQP.
    Unreadable,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Accepted, Self::Rejected, Self::Skipped, Self::Unreadable];

    fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Skipped => "skipped",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The bridge's metrics, in a registry of their own.
#[derive(Debug)]
pub struct Figures {
    registry: Registry,
    messages: IntCounterVec,
    records: IntCounterVec,
    /// Records that were sent again.
    pub sent_again: IntCounter,
    /// Messages that came again.
    pub redelivered: IntCounter,
    /// Messages without a key.
    pub no_events: IntCounter,
    /// Messages whose JMS type is not their event's name.
    pub mismatches: IntCounter,
    attempts: IntCounterVec,
    /// Whether all destinations are subscribed to.
    pub connected: IntGauge,
    unsettled: IntGaugeVec,
    latency: Histogram,
}

impl Figures {
    /// Creates the metrics, all with the value 0.
    ///
    /// # Errors
    /// A name or label is invalid.
    pub fn new() -> Result<Self, FigureError> {
        let registry = Registry::new();
        let opts = |(name, help): Said| Opts::new(name, help);
        let (name, help) = LATENCY;
        let latency = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
        let figures = Self {
            messages: kept(&registry, IntCounterVec::new(opts(MESSAGES), &["outcome"])?)?,
            records: kept(&registry, IntCounterVec::new(opts(RECORDS), &["topic"])?)?,
            sent_again: kept(&registry, IntCounter::with_opts(opts(AGAIN))?)?,
            redelivered: kept(&registry, IntCounter::with_opts(opts(REDELIVERED))?)?,
            no_events: kept(&registry, IntCounter::with_opts(opts(NO_EVENTS))?)?,
            mismatches: kept(&registry, IntCounter::with_opts(opts(DIFFERING))?)?,
            attempts: kept(&registry, IntCounterVec::new(opts(ATTEMPTS), &["outcome"])?)?,
            connected: kept(&registry, IntGauge::with_opts(opts(CONNECTED))?)?,
            unsettled: kept(&registry, IntGaugeVec::new(opts(UNSETTLED), &["destination"])?)?,
            latency: kept(&registry, Histogram::with_opts(latency)?)?,
            registry,
        };
        for outcome in Outcome::ALL {
            figures.messages.with_label_values(&[outcome.label()]);
        }
        for is_connected in [true, false] {
            figures.attempted(is_connected, 0);
        }
        Ok(figures)
    }

    /// Lets the series of these topics and destinations begin with 0.
    pub fn declare<'n>(
        &self,
        topics: impl IntoIterator<Item = &'n str>,
        destinations: impl IntoIterator<Item = &'n str>,
    ) {
        for topic in topics {
            self.records.with_label_values(&[topic]);
        }
        for destination in destinations {
            self.set_unsettled(destination, 0);
        }
    }

    /// Counts a message.
    pub fn message(&self, outcome: Outcome) {
        self.messages.with_label_values(&[outcome.label()]).inc();
    }

    /// Counts a confirmed record, with the time that it took.
    pub fn record(&self, topic: &str, held: Duration) {
        self.records.with_label_values(&[topic]).inc();
        self.latency.observe(held.as_secs_f64());
    }

    /// Counts attempts to connect.
    pub fn attempted(&self, is_connected: bool, count: u64) {
        let outcome = if is_connected { "connected" } else { "failed" };
        self.attempts.with_label_values(&[outcome]).inc_by(count);
    }

    /// Sets the number of a destination's unsettled messages.
    pub fn set_unsettled(&self, destination: &str, count: u32) {
        self.unsettled.with_label_values(&[destination]).set(i64::from(count));
    }

    /// The metrics as text for Prometheus.
    #[must_use]
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

fn kept<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C, FigureError> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_there_from_the_start_with_its_type() {
        let figures = Figures::new().unwrap();
        figures.declare(["cx.events"], ["conversation-topic"]);
        let rendered = figures.render();
        for (name, kind) in METRICS {
            let kind = match kind {
                Type::Counter => "counter",
                Type::Gauge => "gauge",
                Type::Histogram => "histogram",
            };
            assert!(rendered.contains(&format!("# TYPE {name} {kind}\n")), "{name} is not rendered");
        }
        assert!(
            rendered.contains("cx_timelines_bridge_messages_total{outcome=\"rejected\"} 0"),
            "{rendered}"
        );
    }
}
