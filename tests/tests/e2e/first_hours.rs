// SPDX-License-Identifier: Apache-2.0

//! The first hours of a user: topics, real payloads, what `tail` shows, what Prometheus sees, a stop.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cx_timelines_tests::{Program, Watch, check_scrape, run_to_end, series, wait_until};
use sandbox::kafka::Kafka;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/seed-events.ndjson");
const CHAT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/web-chat-from-bot-to-close/events.ndjson");

fn ok(arguments: &[&str]) -> String {
    let output = run_to_end(arguments, b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The value of a series in a scrape.
fn series_in(scrape: &str, name: &str) -> f64 {
    series(scrape, name).unwrap_or_else(|| panic!("no {name} in\n{scrape}"))
}

/// The times at the beginnings of the timelines' lines, in epoch milliseconds.
fn times(log: &str) -> Vec<i64> {
    log.lines().filter_map(|line| model::parse_time_text(line.get(..20)?)).collect()
}

#[test]
fn the_demo_says_first_what_happens_and_last_what_to_do_next_and_nothing_is_in_the_future() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Program::start(&["demo"], folder.path().join("demo.log"));
    wait_until("timelines grow", Duration::from_secs(180), || (times(&demo.log()).len() >= 20).then_some(()));
    let (code, _) = demo.terminate();
    let log = demo.log();
    assert_eq!(code, Some(0), "{log}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let ahead = times(&log).into_iter().filter(|at| u128::try_from(*at).unwrap() > now).count();
    assert_eq!(ahead, 0, "{log}");
    let steps = [
        "cx-timelines demo: a temporary Kafka broker",
        "starting Apache Kafka",
        "the broker answers after",
        "live page  http://127.0.0.1:",
        " conversations in ",
        "What to do next:",
    ];
    let places: Vec<usize> =
        steps.iter().map(|step| log.find(step).unwrap_or_else(|| panic!("no {step:?}: {log}"))).collect();
    assert!(places.is_sorted() && places[0] == 0, "{places:?}: {log}");
    assert!(log.trim_end().ends_with("cx-timelines --help"), "{log}");
}

#[test]
fn a_demo_of_some_conversations_ends_by_itself_and_they_are_over() {
    let begun = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let output = run_to_end(&["demo", "--conversations", "2", "--exit"], b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(" events of 2 conversations in "), "{said}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let last = times(&lines).into_iter().max().unwrap();
    // They end when they begin to be played, which is soon after the program is started.
    let ended = u128::try_from(last).unwrap().abs_diff(begun);
    assert!(ended < 180_000, "{ended} ms: {lines}");
}

#[test]
fn topics_are_applied_payloads_loaded_activities_shown_and_the_end_is_orderly() {
    let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
    let bootstrap = kafka.bootstrap();
    let folder = tempfile::tempdir().unwrap();

    let checked = run_to_end(&["topics", "check", "--bootstrap", bootstrap], b"");
    assert_eq!(checked.status.code(), Some(1), "nothing is there yet");
    assert!(String::from_utf8_lossy(&checked.stdout).contains("MISSING"));
    ok(&["topics", "apply", "--bootstrap", bootstrap]);
    let report = ok(&["topics", "check", "--bootstrap", bootstrap]);
    assert!(report.lines().count() >= 10, "{report}");
    assert!(report.lines().all(|line| line.contains("as declared, ")), "{report}");

    let mut instance = Program::start(
        &["run", "--bootstrap", bootstrap, "--http", "127.0.0.1:0"],
        folder.path().join("run.log"),
    );
    ok(&["load", SAMPLES, "--bootstrap", bootstrap]);
    ok(&["load", CHAT, "--bootstrap", bootstrap]);
    Watch::new(bootstrap, "cx-timelines", "cx.events").wait_for_all(Duration::from_secs(60));

    let shown = ok(&["tail", "cx.activities", "--from-beginning", "--limit", "7", "--bootstrap", bootstrap]);
    assert_eq!(shown.lines().count(), 7, "{shown}");
    assert!(shown.contains("CUSTOMER_MESSAGE") && shown.contains("WRAP_UP"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "no colours where there is no terminal");
    let timelines = ok(&["tail", "--from-beginning", "--limit", "20", "--bootstrap", bootstrap]);
    assert!(timelines.contains("message: Where is my parcel?"), "{timelines}");
    let lines = ok(&[
        "tail",
        "cx.activities",
        "--from-beginning",
        "--limit",
        "7",
        "--json",
        "--bootstrap",
        bootstrap,
    ]);
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["topic"], "cx.activities");
        assert!(line["value"]["activityId"].is_string(), "{line}");
    }

    wait_until("the instance is ready", Duration::from_secs(30), || {
        (instance.get("/health/ready").0 == 200).then_some(())
    });
    let (status, scrape) = instance.get("/metrics");
    assert_eq!(status, 200);
    check_scrape(&scrape);
    assert_eq!(series_in(&scrape, "cx_timelines_outputs_total{topic=\"cx.activities\"}"), 7.0);
    assert_eq!(series_in(&scrape, "cx_timelines_tasks{state=\"running\"}"), 8.0);
    let events: f64 = ["primary", "relation", "fact", "duplicate", "held", "invalid"]
        .iter()
        .map(|kind| series_in(&scrape, &format!("cx_timelines_events_total{{kind=\"{kind}\"}}")))
        .sum();
    let sent = [SAMPLES, CHAT].map(|file| std::fs::read_to_string(file).unwrap().lines().count());
    assert_eq!(events, sent.iter().sum::<usize>() as f64);

    let (code, took) = instance.terminate();
    assert_eq!(code, Some(0), "{}", instance.log());
    assert!(took < Duration::from_secs(5), "the stop took {took:?}");
    kafka.stop();
}

#[test]
fn a_topic_that_is_not_as_declared_is_reported_and_left_as_it_is() {
    let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
    let bootstrap = kafka.bootstrap();
    let folder = tempfile::tempdir().unwrap();
    ok(&["topics", "apply", "--bootstrap", bootstrap]);
    let standard = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml")).unwrap();
    let other = folder.path().join("topics.yaml");
    std::fs::write(&other, standard.replace("retention: 7d", "retention: 6d")).unwrap();
    for command in ["check", "apply"] {
        let output = run_to_end(
            &["topics", command, "--bootstrap", bootstrap, "--config", other.to_str().unwrap()],
            b"",
        );
        assert_eq!(output.status.code(), Some(1));
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(report.contains("retention.ms is 604800000, declared 518400000"), "{report}");
    }
    kafka.stop();
}
