// SPDX-License-Identifier: Apache-2.0

use super::*;
use engine::EventClass;
use names::{ALL, Type};

static PLAIN: engine::Counter =
    engine::Counter::new("cx_timelines_ships_total", "Ships that a processor of this test saw.");
static LABELLED: engine::Counter =
    engine::Counter::new("cx_timelines_boats_total", "Boats that a processor of this test saw.")
        .by(&["outcome"], &["sunk", "afloat"]);
static OF_QUEUES: engine::Counter =
    engine::Counter::new("cx_timelines_berths_total", "Berths of queues that a processor of this test saw.")
        .by_listed(&["queue"]);
static WAITS: engine::Counter = engine::Counter::new(
    "cx_timelines_berth_wait_seconds_total",
    "Waits for a berth that a processor of this test saw.",
)
.by_listed_and(&["queue", "outcome"], &["served", "left"])
.in_milliseconds();

fn metrics() -> Metrics {
    Metrics::new(&Labels {
        dead_letter_reasons: &["malformed", "no-key"],
        event_kinds: &EventClass::ALL.map(EventClass::as_str),
        rules: &["queues"],
        counters: &[&PLAIN, &LABELLED, &OF_QUEUES, &WAITS],
        listed_queues: &["web".to_owned(), "Sales/EU".to_owned()],
    })
    .unwrap()
}

/// With a series of each metric whose labels become known only at run time.
fn all_metrics() -> Metrics {
    let metrics = metrics();
    metrics.outputs("cx.activities", 1);
    metrics.http_request("/metrics", "GET", "2xx", Duration::from_millis(1));
    metrics.lag("cx.events", 0, 5);
    metrics.restore_remaining(0, 5);
    metrics.input_gap("cx.events", 3);
    metrics.partitions_unread("cx.events", 1);
    metrics.state_size(0, 2, 300);
    metrics.watch_disk(&std::env::temp_dir());
    metrics.client("worker-0", Client::Consumer, Some(clients::tests::consumer()));
    metrics.client("worker-0", Client::Producer, Some(clients::tests::producer()));
    let _ = metrics.current(&["web".to_owned()]);
    metrics
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
        "cx_timelines_rebalances_total{kind=\"assigned\"} 0",
        "cx_timelines_rebalances_total{kind=\"revoked\"} 0",
        "cx_timelines_rebalances_total{kind=\"lost\"} 0",
        "cx_timelines_restore_records_total 0",
        "cx_timelines_producer_rebuilds_total 0",
        "cx_timelines_invariant_violations_total{rule=\"queues\"} 0",
        "cx_timelines_event_id_conflicts_total 0",
        "cx_timelines_ships_total 0",
        "cx_timelines_boats_total{outcome=\"sunk\"} 0",
        "cx_timelines_boats_total{outcome=\"afloat\"} 0",
        "cx_timelines_berths_total{queue=\"\"} 0",
        "cx_timelines_berths_total{queue=\"web\"} 0",
        "cx_timelines_berth_wait_seconds_total{outcome=\"left\",queue=\"\"} 0",
        "cx_timelines_berth_wait_seconds_total{outcome=\"served\",queue=\"Sales/EU\"} 0",
        "cx_timelines_client_errors_total{client=\"consumer\",kind=\"timeout\"} 0",
        "cx_timelines_consumers{state=\"steady\"} 0",
        "cx_timelines_producers{state=\"FatalError\"} 0",
        "cx_timelines_ready 0",
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
    // Without a list of conversations, 0 customers who wait would be wrong.
    assert!(!text.contains("_waiting_") && !text.contains("_open_conversations"));
}

#[test]
fn every_declared_metric_is_rendered_with_its_help_and_type() {
    let metrics = all_metrics();
    let text = metrics.render();
    let processors = [&PLAIN, &LABELLED, &OF_QUEUES, &WAITS].map(names::declared);
    for metric in ALL.iter().chain(&processors) {
        assert!(has(&text, &format!("# HELP {} {}", metric.name, metric.help)), "{}\n{text}", metric.name);
        let kind = match metric.kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
        };
        assert!(has(&text, &format!("# TYPE {} {kind}", metric.name)), "{}\n{text}", metric.name);
    }
    let types = text.lines().filter(|l| l.starts_with("# TYPE ")).count();
    assert_eq!(types, ALL.len() + processors.len(), "a metric is rendered that names.rs does not declare");
}

/// Uses the promtool named by tests/run; without it the rules in `names` have to suffice.
#[test]
fn promtool_has_nothing_to_say_against_any_metric() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let Some(promtool) = std::env::var_os("CX_PROMTOOL") else {
        eprintln!("skipped: CX_PROMTOOL names no promtool");
        return;
    };
    let metrics = all_metrics();
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
    metrics.dead_letters("an unlisted reason", 2);
    metrics.dead_letters("another", 1);
    let text = metrics.render();
    assert!(has(&text, "cx_timelines_dead_letters_total{reason=\"undeclared\"} 3"), "{text}");
    assert!(!text.contains("unlisted"));
}

#[test]
fn counters_of_processors_are_by_listed_queue_with_all_others_together_and_in_seconds() {
    let metrics = metrics();
    metrics.notice(Notice::from(&PLAIN), 1);
    metrics.notice(Notice::Counted(&LABELLED, "sunk"), 2);
    metrics.notice(Notice::Counted(&OF_QUEUES, ""), 3);
    metrics.notice(Notice::CountedOf(&OF_QUEUES, 1, ""), 4);
    metrics.notice(Notice::CountedOf(&WAITS, 0, "left"), 1_500);
    metrics.notice(Notice::CountedOf(&WAITS, 0, "left"), 250);
    metrics.notice(Notice::Counted(&WAITS, "served"), 10);
    let text = metrics.render();
    for line in [
        "cx_timelines_ships_total 1",
        "cx_timelines_boats_total{outcome=\"sunk\"} 2",
        "cx_timelines_berths_total{queue=\"\"} 3",
        "cx_timelines_berths_total{queue=\"web\"} 0",
        "cx_timelines_berths_total{queue=\"Sales/EU\"} 4",
        "cx_timelines_berth_wait_seconds_total{outcome=\"left\",queue=\"web\"} 1.75",
        "cx_timelines_berth_wait_seconds_total{outcome=\"served\",queue=\"\"} 0.01",
    ] {
        assert!(has(&text, line), "missing: {line}\n{text}");
    }
    // Neither a place beyond the list nor an undeclared value makes a series of a queue.
    metrics.notice(Notice::CountedOf(&OF_QUEUES, 7, ""), 1);
    metrics.notice(Notice::Counted(&LABELLED, "stolen"), 1);
    let text = metrics.render();
    assert!(has(&text, "cx_timelines_berths_total{queue=\"\"} 4"), "{text}");
    assert!(has(&text, "cx_timelines_boats_total{outcome=\"undeclared\"} 1"), "{text}");
}

#[test]
fn what_goes_on_now_is_shown_once_there_is_a_list_of_it() {
    let metrics = metrics();
    let current = metrics.current(&["web".to_owned()]);
    current.conversations("QUEUED", 2);
    current.conversations("CLOSED", 1);
    current.queue("web").unwrap().set(2, Some(1_750_000_000_500));
    assert!(current.queue("mail").is_none());
    let text = metrics.render();
    for line in [
        "cx_timelines_open_conversations{stage=\"QUEUED\"} 2",
        "cx_timelines_open_conversations{stage=\"AGENT\"} 0",
        "cx_timelines_queue_waiting_visits{queue=\"web\"} 2",
        "cx_timelines_queue_waiting_since_seconds{queue=\"web\"} 1750000000.5",
    ] {
        assert!(has(&text, line), "missing: {line}\n{text}");
    }
    assert!(!text.contains("CLOSED"));
    current.queue("web").unwrap().set(0, None);
    assert!(has(&metrics.render(), "cx_timelines_queue_waiting_since_seconds{queue=\"web\"} 0"));
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

#[test]
fn streams_are_counted_as_long_as_they_are_open() {
    let metrics = metrics();
    let (first, second) = (metrics.http_stream(), metrics.http_stream());
    assert!(has(&metrics.render(), "cx_timelines_http_streams 2"));
    drop(first);
    assert!(has(&metrics.render(), "cx_timelines_http_streams 1"));
    drop(second);
    assert!(has(&metrics.render(), "cx_timelines_http_streams 0"));
}
