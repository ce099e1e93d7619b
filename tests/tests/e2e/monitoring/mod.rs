// SPDX-License-Identifier: Apache-2.0

//! Monitoring: what a real Prometheus makes of a running pipeline, and that all that is written about it fits together.

mod agreement;
mod files;
mod prometheus;

use cx_timelines_tests::{Program, Watch, run_to_end, wait_until};
use files::{alerts, dashboards_of_pipeline, panels, queries, recordings, text, word};
use prometheus::Prometheus;
use sandbox::kafka::Kafka;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const CHAT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/web-chat-from-bot-to-close/events.ndjson");
const BAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/dead-letters/events.ndjson");
const SOON: Duration = Duration::from_secs(60);

fn load(file: &str, bootstrap: &str) {
    let output = run_to_end(&["load", file, "--bootstrap", bootstrap], b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The configuration of the repository, with the queue of the chat listed.
fn with_listed_queue() -> String {
    let (standard, unlisted) = (text("topics.yaml"), "# prometheus_queues: [support, \"Sales/EU\"]");
    assert!(standard.contains(unlisted), "topics.yaml shows no list of queues");
    standard.replace(unlisted, "prometheus_queues: [web]")
}

fn a_customer_who_waits() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let now = u64::try_from(now).unwrap();
    json!({"id": "waits-1", "name": "TASK_ENQUEUED", "timestamp": now, "conversationId": "waits",
        "data": {"task": {"id": "t"}, "queue": {"name": "web"}}})
    .to_string()
}

/// All queries of Prometheus: those of the pipeline's dashboards, with their variables replaced, and the recorded series.
fn questions() -> BTreeSet<String> {
    let all = dashboards_of_pipeline();
    let shown = all.iter().flat_map(|(_, dashboard)| panels(dashboard)).flat_map(queries).map(|query| {
        let query = query.replace("$job", "cx-timelines").replace("$instance", ".*").replace("$queue", ".+");
        let query = query.replace("$__rate_interval", "1m");
        assert!(!query.contains('$'), "a variable was not replaced: {query}");
        query
    });
    let marks = all.iter().flat_map(|(_, dashboard)| dashboard["annotations"]["list"].as_array().unwrap());
    let marks = marks.map(|mark| word(mark, "expr").to_owned());
    let recorded = recordings().iter().map(|rule| word(rule, "record").to_owned()).collect::<Vec<_>>();
    shown.chain(marks).chain(recorded).collect()
}

#[test]
fn every_panel_and_every_recorded_figure_has_data_of_a_running_pipeline_and_alerts_say_what_is_wrong() {
    let Some(server) = prometheus::program() else {
        assert!(std::env::var_os("CI").is_none(), "there is no Prometheus");
        eprintln!("NOT CHECKED: there is no Prometheus");
        return;
    };
    let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
    let bootstrap = kafka.bootstrap();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let config = folder.path().join("topics.yaml");
    std::fs::write(&config, with_listed_queue()).unwrap();
    let (state, config) = (state.to_str().unwrap(), config.to_str().unwrap());
    let mut instance = Program::start(
        &["run", "--bootstrap", bootstrap, "--http", "127.0.0.1:0", "--state-dir", state, "--config", config],
        folder.path().join("run.log"),
    );
    let prometheus = Prometheus::start(&server, folder.path(), instance.http_address());
    // What comes before the first scrape is no increase.
    wait_until("the instance is scraped and ready", SOON, || {
        (!prometheus.query("cx_timelines_ready == 1").is_empty()).then_some(())
    });
    load(CHAT, bootstrap);
    load(BAD, bootstrap);
    let waiting = folder.path().join("waiting.ndjson");
    std::fs::write(&waiting, a_customer_who_waits()).unwrap();
    load(waiting.to_str().unwrap(), bootstrap);
    Watch::new(bootstrap, "cx-timelines", "cx.events").wait_for_all(SOON);

    let mut open = questions();
    assert!(open.len() > 80, "{open:?}");
    wait_until("every question has an answer", SOON, || {
        let before = open.len();
        open.retain(|question| prometheus.query(question).is_empty());
        if open.len() < before {
            eprintln!("no answer yet: {open:#?}");
        }
        open.is_empty().then_some(())
    });
    for (query, value) in [
        // The chat's customer waited 14.5 s, and another one still waits.
        (r#"sum(cx_timelines_queue_visits_total{outcome="answered_in_target"})"#, "1"),
        (r#"sum(cx_timelines_queue_visits_total{queue="web", outcome="answered_in_target"})"#, "1"),
        (r#"sum(cx_timelines_queue_wait_seconds_total{queue="web", outcome="answered"})"#, "14.5"),
        (r#"sum(cx_timelines_queue_visits_offered_total{queue="web"})"#, "2"),
        (r#"sum(cx_timelines_queue_waiting_visits{queue="web"})"#, "1"),
        (r#"sum(cx_timelines_invariant_violations_total{rule="conservation"})"#, "0"),
    ] {
        let answer = prometheus.query(query);
        assert_eq!(answer[0]["value"][1], value, "{query}: {answer:?}");
    }
    variables_have_values(&prometheus);
    rules_are_healthy(&prometheus);

    // The invalid events fire by reason, and no other alert fires.
    let firing = wait_until("the alerts of dead letters fire", SOON, || {
        let firing = prometheus.alerts("firing");
        firing.iter().any(|alert| alert["reason"] == "malformed").then_some(firing)
    });
    for alert in firing {
        let expected =
            ["CxTimelinesDeadLetters", "CxTimelinesWindowChangesExpired", "CxTimelinesSessionConflicts"];
        assert!(expected.contains(&word(&alert, "alertname")), "{alert}");
    }
    instance.kill();
    wait_until("it is noticed that the instance has gone", SOON, || {
        let pending = prometheus.alerts("pending");
        let names: Vec<&str> = pending.iter().map(|alert| word(alert, "alertname")).collect();
        ["CxTimelinesDown", "CxTimelinesNoInstance"].iter().all(|name| names.contains(name)).then_some(())
    });
    kafka.stop();
}

/// The dashboards' choices: the jobs, and the instances and queues of the one that is chosen.
fn variables_have_values(prometheus: &Prometheus) {
    let all = dashboards_of_pipeline();
    let variables = all.iter().flat_map(|(_, dashboard)| dashboard["templating"]["list"].as_array().unwrap());
    for variable in variables {
        let Some(definition) = variable["definition"].as_str() else { continue };
        let inner = definition.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
        let (series, label) = inner.rsplit_once(", ").unwrap();
        let series = series.replace("$job", "cx-timelines");
        let values = prometheus.ask(&format!("/api/v1/label/{label}/values"), &[("match[]", &series)]);
        assert_eq!(values.as_array().unwrap().len(), 1, "{definition}: {values}");
    }
}

/// All rules are there, and none has failed.
fn rules_are_healthy(prometheus: &Prometheus) {
    let groups = prometheus.ask("/api/v1/rules", &[])["groups"].as_array().unwrap().clone();
    let rules: Vec<&Value> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert_eq!(rules.len(), alerts().len() + recordings().len());
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
}
