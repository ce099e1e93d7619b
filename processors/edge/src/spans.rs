// SPDX-License-Identifier: Apache-2.0

//! Spans for tracing: rare, slow operations, never a single event. They are created only when a subscriber enables their
//! target, and they do not appear in log lines.

use tracing::Span;
use tracing::field::Empty;

/// The target of all spans.
pub const TARGET: &str = "cx_timelines::spans";

/// A worker's commit, until Kafka confirms it or it fails.
pub(crate) fn commit(worker: &str) -> Span {
    tracing::info_span!(
        target: TARGET,
        "commit",
        messaging.system = "kafka",
        worker,
        outcome = Empty,
        otel.status_code = Empty
    )
}

/// The transaction is committed.
pub(crate) fn committed(commit: &Span) {
    commit.record("outcome", "committed");
    commit.record("otel.status_code", "OK");
}

/// The transaction is not committed, or its outcome is unknown.
pub(crate) fn not_committed(commit: &Span) {
    commit.record("outcome", "failed");
    commit.record("otel.status_code", "ERROR");
}

/// A rebalance of a worker.
pub(crate) fn rebalance(worker: &str, kind: &str, partitions: usize) -> Span {
    // OpenTelemetry has no unsigned integers; they would be sent as text.
    let partitions = i64::try_from(partitions).unwrap_or(i64::MAX);
    tracing::info_span!(target: TARGET, "rebalance", messaging.system = "kafka", worker, kind, partitions)
}

/// The restore of a partition.
pub(crate) fn restore(partition: i32) -> Span {
    tracing::info_span!(target: TARGET, parent: None, "restore", messaging.system = "kafka", partition, records = Empty)
}

/// The restore is complete.
pub(crate) fn restored(restore: &Span, records: u64) {
    restore.record("records", i64::try_from(records).unwrap_or(i64::MAX));
}

/// An HTTP request. `route` is the route's pattern, never the path.
pub(crate) fn request(method: &str, route: &str) -> Span {
    tracing::info_span!(
        target: TARGET,
        parent: None,
        "http",
        otel.name = format_args!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty
    )
}

/// The response begins.
pub(crate) fn answered(request: &Span, status: u16) {
    request.record("http.response.status_code", i64::from(status));
}
