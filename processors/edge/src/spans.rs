//! The spans that a tracing system can be sent: what takes time and happens now and then, never a single event. Nobody makes
//! them unless somebody listens to their target, and they are no part of log lines.

use tracing::Span;
use tracing::field::Empty;

/// The target of all of them.
pub const TARGET: &str = "cx_timelines::spans";

/// A worker commits what is staged, until Kafka has confirmed it or it is given up.
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

/// It is committed.
pub(crate) fn committed(commit: &Span) {
    commit.record("outcome", "committed");
    commit.record("otel.status_code", "OK");
}

/// It is not, or not for sure.
pub(crate) fn not_committed(commit: &Span) {
    commit.record("outcome", "failed");
    commit.record("otel.status_code", "ERROR");
}

/// Partitions come to a worker, or go.
pub(crate) fn rebalance(worker: &str, kind: &str, partitions: usize) -> Span {
    // What has no sign would be sent as text.
    let partitions = i64::try_from(partitions).unwrap_or(i64::MAX);
    tracing::info_span!(target: TARGET, "rebalance", messaging.system = "kafka", worker, kind, partitions)
}

/// A partition's state is read back from the changelog.
pub(crate) fn restore(partition: i32) -> Span {
    tracing::info_span!(target: TARGET, parent: None, "restore", messaging.system = "kafka", partition, records = Empty)
}

/// It is complete.
pub(crate) fn restored(restore: &Span, records: u64) {
    restore.record("records", i64::try_from(records).unwrap_or(i64::MAX));
}

/// A request over HTTP is answered. `route` is what was meant, never what stands in its place.
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

/// Its answer begins.
pub(crate) fn answered(request: &Span, status: u16) {
    request.record("http.response.status_code", i64::from(status));
}
