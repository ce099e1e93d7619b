// SPDX-License-Identifier: Apache-2.0

//! Every metric of the engine and the edge: name, type, unit, labels and help. Processors declare their own counters
//! ([`engine::Counter`]).
//!
//! Rules (checked by the tests and by `promtool check metrics`): prefix `cx_timelines_`; base units (seconds, bytes) as the
//! last word before `_total`; `_total` on counters only; labels from small known sets. No label contains a conversation id:
//! conversation topics share the label of the subscribed pattern.
//!
//! The three `process_…` metrics have the standard names of Prometheus' client libraries, so that stock dashboards and alerts
//! find them.

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Only increases.
    Counter,
    /// Increases and decreases.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
}

/// A declared metric.
#[derive(Clone, Copy, Debug)]
pub struct Declared {
    /// The full name, without the `_bucket`, `_sum` and `_count` of a histogram.
    pub name: &'static str,
    /// The help text.
    pub help: &'static str,
    /// The type.
    pub kind: Type,
    /// The label names.
    pub labels: &'static [&'static str],
    /// The upper bounds of a histogram's buckets; empty for the others.
    pub buckets: &'static [f64],
}

/// A counter that a processor declares.
#[must_use]
pub const fn declared(counter: &'static engine::Counter) -> Declared {
    self::counter(counter.name, counter.labels, counter.help)
}

/// From a local broker (about 1 ms) to a transaction close to its timeout.
const COMMIT_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Folding a batch takes a few microseconds per event.
const PROCESSING_BUCKETS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];
/// From a commit while idle to a pipeline one hour behind.
const END_TO_END_BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
    900.0, 3600.0,
];
/// From a health probe to a response that waited for a worker.
const HTTP_BUCKETS: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Declared {
    Declared { name, help, kind: Type::Counter, labels, buckets: &[] }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Declared {
    Declared { name, help, kind: Type::Gauge, labels, buckets: &[] }
}

const fn histogram(name: &'static str, buckets: &'static [f64], help: &'static str) -> Declared {
    Declared { name, help, kind: Type::Histogram, labels: &[], buckets }
}

/// The label value for every undeclared value.
pub const UNDECLARED: &str = "undeclared";

/// Input records by outcome.
pub const EVENTS: Declared = counter(
    "cx_timelines_events_total",
    &["kind"],
    "Input records read in committed transactions, by what became of them.",
);
/// Output records by topic.
pub const OUTPUTS: Declared = counter(
    "cx_timelines_outputs_total",
    &["topic"],
    "Records written to output topics in committed transactions, by topic.",
);
/// Dead letters by reason.
pub const DEAD_LETTERS: Declared = counter(
    "cx_timelines_dead_letters_total",
    &["reason"],
    "Records written to the dead-letter topic in committed transactions, by reason.",
);
/// Transactions by outcome.
pub const TRANSACTIONS: Declared = counter(
    "cx_timelines_transactions_total",
    &["outcome"],
    "Kafka transactions by outcome; an ambiguous one was decided by the group's committed offsets.",
);
/// Commit latency.
pub const COMMIT_LATENCY: Declared = histogram(
    "cx_timelines_commit_latency_seconds",
    COMMIT_BUCKETS,
    "Time from the start of a commit until Kafka confirmed the transaction.",
);
/// Processing latency.
pub const PROCESSING_LATENCY: Declared = histogram(
    "cx_timelines_processing_latency_seconds",
    PROCESSING_BUCKETS,
    "Time spent decoding and folding the records of one transaction, without waiting for input or for Kafka.",
);
/// End-to-end latency.
pub const END_TO_END_LATENCY: Declared = histogram(
    "cx_timelines_end_to_end_latency_seconds",
    END_TO_END_BUCKETS,
    "Time from an input record's Kafka timestamp until the transaction with its results was committed.",
);
/// Consumer lag.
pub const CONSUMER_LAG: Declared = gauge(
    "cx_timelines_consumer_lag_records",
    &["topic", "partition"],
    "Records between the committed offset and the end of an assigned input partition.",
);
/// Restored records.
pub const RESTORED: Declared = counter(
    "cx_timelines_restore_records_total",
    &[],
    "Changelog records read to restore the state of assigned partitions.",
);
/// What is left to restore.
pub const RESTORE_REMAINING: Declared = gauge(
    "cx_timelines_restore_remaining_records",
    &["partition"],
    "Changelog records still to be read before a partition's state is restored.",
);
/// Input gaps.
pub const INPUT_GAPS: Declared = counter(
    "cx_timelines_input_gaps_total",
    &["topic"],
    "Gaps found in the input: records removed before they were read, by retention or DeleteRecords, by topic.",
);
/// Lost input records.
pub const INPUT_RECORDS_LOST: Declared = counter(
    "cx_timelines_input_records_lost_total",
    &["topic"],
    "Offsets removed before they were read, by topic: the upper bound of lost records.",
);
/// Unread partitions.
pub const INPUT_PARTITIONS_UNREAD: Declared = gauge(
    "cx_timelines_input_partitions_unread",
    &["topic"],
    "Assigned partitions that were added to the input after the state was created, and so are not read.",
);
/// Client requests.
pub const CLIENT_REQUESTS: Declared = counter(
    "cx_timelines_client_requests_total",
    &["client"],
    "Requests that the workers' clients have sent to brokers.",
);
/// Client bytes sent.
pub const CLIENT_SENT: Declared = counter(
    "cx_timelines_client_sent_bytes_total",
    &["client"],
    "Bytes that the workers' clients have sent to brokers.",
);
/// Client bytes received.
pub const CLIENT_RECEIVED: Declared = counter(
    "cx_timelines_client_received_bytes_total",
    &["client"],
    "Bytes that the workers' clients have received from brokers.",
);
/// Client errors.
pub const CLIENT_ERRORS: Declared = counter(
    "cx_timelines_client_errors_total",
    &["client", "kind"],
    "Requests that failed or were sent again, and connections that ended, by kind; idle connections end too.",
);
/// Broker connections.
pub const BROKER_CONNECTIONS: Declared = gauge(
    "cx_timelines_broker_connections",
    &["client"],
    "Open connections of the workers' clients to brokers; idle connections are closed.",
);
/// Broker round trips.
pub const BROKER_ROUND_TRIP: Declared = gauge(
    "cx_timelines_broker_round_trip_seconds",
    &["broker"],
    "Mean time of a broker's latest responses to producers; the maximum of all workers.",
);
/// Broker throttling.
pub const BROKER_THROTTLE: Declared = gauge(
    "cx_timelines_broker_throttle_seconds",
    &["client", "broker"],
    "Longest recent delay of requests by a broker because of a quota.",
);
/// Fetch queue records.
pub const FETCH_QUEUE_RECORDS: Declared = gauge(
    "cx_timelines_fetch_queue_records",
    &[],
    "Records that the consumers have fetched and the workers have not taken yet.",
);
/// Fetch queue bytes.
pub const FETCH_QUEUE_BYTES: Declared = gauge(
    "cx_timelines_fetch_queue_bytes",
    &[],
    "Bytes of records that the consumers have fetched and the workers have not taken yet.",
);
/// Send queue records.
pub const SEND_QUEUE_RECORDS: Declared = gauge(
    "cx_timelines_send_queue_records",
    &[],
    "Records that the producers have taken and the brokers have not acknowledged yet.",
);
/// Send queue bytes.
pub const SEND_QUEUE_BYTES: Declared = gauge(
    "cx_timelines_send_queue_bytes",
    &[],
    "Bytes of records that the producers have taken and the brokers have not acknowledged yet.",
);
/// Consumers by their state in the group.
pub const CONSUMERS: Declared = gauge(
    "cx_timelines_consumers",
    &["state"],
    "Consumers of the workers by join state, as librdkafka names it.",
);
/// Producers by the state of their transaction.
pub const PRODUCERS: Declared = gauge(
    "cx_timelines_producers",
    &["state"],
    "Producers of the workers by transaction state, as librdkafka names it.",
);
/// Discarded states.
pub const STATES_DISCARDED: Declared = counter(
    "cx_timelines_states_discarded_total",
    &[],
    "States on disk that were damaged, too old or foreign, and are restored completely.",
);
/// Unreadable states.
pub const STATES_UNREADABLE: Declared = counter(
    "cx_timelines_states_unreadable_total",
    &[],
    "Times that the state of a partition could not be read and was restored from its changelog.",
);
/// Standby copies.
pub const STANDBYS: Declared = gauge(
    "cx_timelines_standbys",
    &[],
    "Partitions of other instances with a standby copy of their state here.",
);
/// Tasks by state.
pub const TASKS: Declared = gauge("cx_timelines_tasks", &["state"], "Tasks of this process by state.");
/// State records.
pub const STATE_RECORDS: Declared =
    gauge("cx_timelines_state_records", &["partition"], "Keys held in the state of an assigned partition.");
/// State bytes.
pub const STATE_BYTES: Declared = gauge(
    "cx_timelines_state_bytes",
    &["partition"],
    "Bytes of keys and values held in the state of an assigned partition.",
);
/// State disk size.
pub const STATE_DISK_SIZE: Declared = gauge(
    "cx_timelines_state_disk_size_bytes",
    &[],
    "Size of the file system that holds the state; only where the state lies on disk.",
);
/// State disk free.
pub const STATE_DISK_FREE: Declared = gauge(
    "cx_timelines_state_disk_free_bytes",
    &[],
    "Free bytes of the file system that holds the state; only where the state lies on disk.",
);
/// Rebalances.
pub const REBALANCES: Declared = counter(
    "cx_timelines_rebalances_total",
    &["kind"],
    "Rebalances of the consumer group seen by the workers of this process, by kind.",
);
/// Producer rebuilds.
pub const PRODUCER_REBUILDS: Declared = counter(
    "cx_timelines_producer_rebuilds_total",
    &[],
    "Transactional producers destroyed and rebuilt after a fatal or ambiguous error.",
);
/// Invariant violations.
pub const INVARIANT_VIOLATIONS: Declared = counter(
    "cx_timelines_invariant_violations_total",
    &["rule"],
    "Violations of invariants, by rule; anything above 0 is a bug or damaged state.",
);
/// Event id conflicts.
pub const EVENT_ID_CONFLICTS: Declared = counter(
    "cx_timelines_event_id_conflicts_total",
    &[],
    "Events whose id was found in another conversation too; the first one is kept.",
);
/// Open conversations by stage.
pub const OPEN_CONVERSATIONS: Declared = gauge(
    "cx_timelines_open_conversations",
    &["stage"],
    "Open conversations that this process lists, by stage; none without the API.",
);
/// Customers who wait in a queue.
pub const QUEUE_WAITING: Declared = gauge(
    "cx_timelines_queue_waiting_visits",
    &["queue"],
    "Customers who wait in a listed queue, of the conversations that this process lists; none without the API.",
);
/// Since when the customer who waits longest does.
pub const QUEUE_WAITING_SINCE: Declared = gauge(
    "cx_timelines_queue_waiting_since_seconds",
    &["queue"],
    "When the customer who has waited longest in a listed queue came, in seconds since the Unix epoch; 0 if none waits.",
);
/// Registry requests.
pub const REGISTRY_REQUESTS: Declared = counter(
    "cx_timelines_schema_registry_requests_total",
    &["outcome"],
    "Requests to the schema registry by outcome; failed ones are retried.",
);
/// Known schemas.
pub const SCHEMAS_KNOWN: Declared = gauge(
    "cx_timelines_schemas_known",
    &[],
    "Registry schemas known to this process, of its outputs and of records it has read.",
);
/// Awaited schemas.
pub const SCHEMAS_AWAITED: Declared = gauge(
    "cx_timelines_schemas_awaited",
    &[],
    "Schemas that partitions wait for because the registry has not returned them yet.",
);
/// HTTP requests.
pub const HTTP_REQUESTS: Declared = counter(
    "cx_timelines_http_requests_total",
    &["route", "method", "status"],
    "HTTP requests by route, method and status class.",
);
/// HTTP latency.
pub const HTTP_LATENCY: Declared = histogram(
    "cx_timelines_http_latency_seconds",
    HTTP_BUCKETS,
    "Time from a complete HTTP request until its response began.",
);
/// HTTP streams.
pub const HTTP_STREAMS: Declared = gauge(
    "cx_timelines_http_streams",
    &[],
    "Open streams of server-sent events; every open live page has one.",
);
/// Liveness.
pub const LIVE: Declared = gauge(
    "cx_timelines_live",
    &[],
    "Whether all workers live (1) or one has died (0), as reported by /health/live.",
);
/// Readiness.
pub const READY: Declared = gauge(
    "cx_timelines_ready",
    &[],
    "Whether all workers have joined the group and have their state (1) or not (0), as reported by /health/ready.",
);
/// Build information.
pub const BUILD_INFO: Declared =
    gauge("cx_timelines_build_info", &["version"], "Always 1; the label has the version of this program.");
/// Start of the process.
pub const PROCESS_START: Declared =
    gauge("process_start_time_seconds", &[], "Start time of the process in seconds since the Unix epoch.");
/// Resident memory.
pub const PROCESS_MEMORY: Declared =
    gauge("process_resident_memory_bytes", &[], "Resident memory of the process in bytes.");
/// CPU time.
pub const PROCESS_CPU: Declared =
    counter("process_cpu_seconds_total", &[], "User and system CPU time spent by the process in seconds.");

/// All metrics.
pub const ALL: &[Declared] = &[
    EVENTS,
    OUTPUTS,
    DEAD_LETTERS,
    TRANSACTIONS,
    COMMIT_LATENCY,
    PROCESSING_LATENCY,
    END_TO_END_LATENCY,
    CONSUMER_LAG,
    RESTORED,
    RESTORE_REMAINING,
    INPUT_GAPS,
    INPUT_RECORDS_LOST,
    INPUT_PARTITIONS_UNREAD,
    CLIENT_REQUESTS,
    CLIENT_SENT,
    CLIENT_RECEIVED,
    CLIENT_ERRORS,
    BROKER_CONNECTIONS,
    BROKER_ROUND_TRIP,
    BROKER_THROTTLE,
    FETCH_QUEUE_RECORDS,
    FETCH_QUEUE_BYTES,
    SEND_QUEUE_RECORDS,
    SEND_QUEUE_BYTES,
    CONSUMERS,
    PRODUCERS,
    STATES_DISCARDED,
    STATES_UNREADABLE,
    STANDBYS,
    TASKS,
    STATE_RECORDS,
    STATE_BYTES,
    STATE_DISK_SIZE,
    STATE_DISK_FREE,
    REBALANCES,
    PRODUCER_REBUILDS,
    INVARIANT_VIOLATIONS,
    EVENT_ID_CONFLICTS,
    OPEN_CONVERSATIONS,
    QUEUE_WAITING,
    QUEUE_WAITING_SINCE,
    REGISTRY_REQUESTS,
    SCHEMAS_KNOWN,
    SCHEMAS_AWAITED,
    HTTP_REQUESTS,
    HTTP_LATENCY,
    HTTP_STREAMS,
    LIVE,
    READY,
    BUILD_INFO,
    PROCESS_START,
    PROCESS_MEMORY,
    PROCESS_CPU,
];

#[cfg(test)]
mod tests;
