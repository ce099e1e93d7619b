// SPDX-License-Identifier: Apache-2.0

//! Wrong use and bad circumstances: one clear message, the right exit code, and what can pass by itself is waited for.

use std::net::TcpListener;
use std::time::Duration;

use cx_timelines_tests::{
    OUTPUTS, Program, Watch, check_scrape, consume, differences, fold, of_lines, run_to_end, wait_until,
};
use sandbox::conversations::{Options, Size, events};
use sandbox::kafka::Kafka;

/// An address without a listener.
fn nowhere() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn refused(arguments: &[&str], words: &[&str]) {
    let output = run_to_end(arguments, b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?} does not say {word:?}: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn wrong_use_ends_with_2_and_says_what_to_write() {
    refused(&["run", "--no-such-flag"], &["--no-such-flag"]);
    refused(&["run", "--bootstrap", "localhost"], &["HOST:PORT"]);
    refused(&["run", "--http", "here"], &["--http"]);
    refused(&["run", "--http", "203.0.113.1:1"], &["203.0.113.1:1"]);
    refused(&["run", "--http", "0.0.0.0:0"], &["--http-token-file", "--no-api", "--http-open"]);
    let run = ["run", "--http", "127.0.0.1:0"];
    refused(&[&run[..], &["--http-token-file", "/no/such/token"]].concat(), &["/no/such/token"]);
    refused(&[&run[..], &["--http-tls-cert", "/no/such/cert"]].concat(), &["--http-tls-key"]);
    let tls = ["--http-tls-cert", "/no/such/cert", "--http-tls-key", "/no/such/key"];
    refused(&[&run[..], &tls].concat(), &["/no/such/cert", "PEM"]);
    refused(&[&run[..], &["--advertise", "here"]].concat(), &["http://HOST:PORT"]);
    let by_broker = ["--membership", "broker", "--advertise", "http://here:1"];
    refused(&[&run[..], &by_broker].concat(), &["--advertise", "classic"]);
    refused(&[&run[..], &["--otlp-endpoint", "c:4318"]].concat(), &["--otlp-endpoint", "http://HOST:PORT"]);
    refused(&["reset"], &["--yes", "--dry-run"]);
    refused(&["run", "--processors", "activites"], &["activites", "activities"]);
    refused(&["run", "--kafka", "isolation.level=read_uncommitted"], &["isolation.level", "cannot be set"]);
    refused(&["run", "--kafka", "no.such.property=1", "--http", "127.0.0.1:0"], &["no.such.property"]);
    refused(&["run", "--kafka", "sasl.password=x"], &["CX_KAFKA_PASSWORD", "--kafka-properties"]);
    refused(&["run", "--kafka", "ssl.key.password=x"], &["ssl.key.password", "command line"]);
    refused(&["tail", "--kafka-user", "ann"], &["CX_KAFKA_PASSWORD", "--kafka-password-file"]);
    refused(&["tail", "--kafka-ca", "/no/such/ca", "--kafka-cert", "/no"], &["/no/such/ca", "--kafka-key"]);
    refused(&["tail", "--kafka-sasl", "gssapi"], &["scram-sha-512", "oauthbearer"]);
    refused(&["acls", "run", "--principal", "ann"], &["User:cx-timelines"]);
    refused(&["run", "--memory", "lots"], &["--memory", "64KiB"]);
    refused(&[&run[..], &["--memory", "103MiB"]].concat(), &["--memory", "1 worker(s)", "104MiB"]);
    refused(&[&run[..], &["--memory", "104MiB", "--workers", "2"]].concat(), &["--memory", "128MiB"]);
    refused(&["run", "--state-dir", "/dev/null/x"], &["--state-dir"]);
    refused(&["fold", "/no/such/file"], &["/no/such/file"]);
    refused(&["erase"], &["--conversation", "--customer"]);
    refused(&["erase", "--customer", "u"], &["--yes", "--dry-run"]);
    refused(&["load", "/no/such/file"], &["/no/such/file"]);
    refused(&["run", "--config", "/no/such/topics.yaml"], &["/no/such/topics.yaml"]);
}

#[test]
fn all_errors_of_the_configuration_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("topics.yaml");
    let standard = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml")).unwrap();
    let wrong = standard
        .replace("retention: 7d", "retention: forever")
        .replace("role: dead-letters", "role: dead-letter")
        .replace("commit:", "comit:");
    std::fs::write(&file, wrong).unwrap();
    refused(
        &["fold", "--config", file.to_str().unwrap()],
        &["topics[0].retention", "topics[12].role", "did you mean `commit`?"],
    );
}

#[test]
fn without_a_broker_it_is_live_not_ready_tries_on_and_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut instance = Program::start(
        &["run", "--bootstrap", &nowhere(), "--http", "127.0.0.1:0"],
        folder.path().join("run.log"),
    );
    assert_eq!(instance.get("/health/live").0, 200);
    let (status, why) = instance.get("/health/ready");
    assert_eq!(status, 503);
    assert!(why.starts_with("{\"ready\":false,"), "{why}");
    let (_, scrape) = instance.get("/metrics");
    assert!(scrape.contains("\ncx_timelines_transactions_total{outcome=\"committed\"} 0\n"), "{scrape}");
    check_scrape(&scrape);
    wait_until("it says that it tries on", Duration::from_secs(30), || {
        instance.log().contains("no broker answers").then_some(())
    });
    let (code, took) = instance.terminate();
    assert_eq!(code, Some(0), "{}", instance.log());
    assert!(took < Duration::from_secs(5), "the stop took {took:?}");
}

#[test]
fn two_instances_cannot_share_a_state_directory() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let state = state.to_str().unwrap();
    let address = nowhere();
    let mut first = Program::start(
        &["run", "--bootstrap", &address, "--http", "127.0.0.1:0", "--state-dir", state],
        folder.path().join("run.log"),
    );
    let _ = first.http_address();
    refused(&["run", "--bootstrap", &address, "--http", "127.0.0.1:0", "--state-dir", state], &["in use"]);
}

#[test]
fn a_broker_that_is_killed_and_comes_back_costs_nothing_but_time() {
    let mut kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
    let bootstrap = kafka.bootstrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let apply = run_to_end(&["topics", "apply", "--bootstrap", &bootstrap], b"");
    assert!(apply.status.success(), "{}", String::from_utf8_lossy(&apply.stderr));
    let options = Options {
        seed: 21,
        start_ms: 1_750_000_000_000,
        size: Size::Slim,
        session_keyed: false,
        ..Options::default()
    };
    let lines: Vec<String> = events(&options, 6_000).into_iter().map(|planned| planned.value).collect();
    let (before, after) = lines.split_at(lines.len() / 2);
    let load = |lines: &[String]| {
        let loaded = run_to_end(&["load", "-", "--bootstrap", &bootstrap], lines.join("\n").as_bytes());
        assert!(loaded.status.success(), "load: {}", String::from_utf8_lossy(&loaded.stderr));
    };
    load(before);
    let watch = Watch::new(&bootstrap, "cx-timelines", "cx.events");
    let mut instance = Program::start(
        &["run", "--bootstrap", &bootstrap, "--http", "127.0.0.1:0"],
        folder.path().join("run.log"),
    );
    wait_until("the first transaction is committed", Duration::from_secs(60), || {
        watch.progress().filter(|(committed, _)| *committed > 0)
    });
    kafka.kill();
    kafka.restart().unwrap();
    load(after);
    watch.wait_for_all(Duration::from_secs(120));
    assert!(instance.is_running(), "{}", instance.log());
    let expected = of_lines(&fold(lines.join("\n").as_bytes()));
    let consumed = consume(&bootstrap, &OUTPUTS);
    let found = differences(&expected, &consumed.records);
    assert!(found.is_empty(), "{} differences, the first: {}", found.len(), found[0]);
    let (code, took) = instance.terminate();
    assert_eq!(code, Some(0), "{}", instance.log());
    assert!(took < Duration::from_secs(5), "the stop took {took:?}");
    kafka.stop();
}
