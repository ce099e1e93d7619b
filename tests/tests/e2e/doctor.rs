// SPDX-License-Identifier: Apache-2.0

//! `doctor`, on a set-up that is well and on some that are not: the right line says so, with what to do, and so does the exit
//! code.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use cx_timelines_tests::{Program, Watch, delete_topic, partitions_of, run_to_end, set_topic, wait_until};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use sandbox::kafka::Kafka;

const CHAT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/web-chat-from-bot-to-close/events.ndjson");
const STANDARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml");

/// What the doctor said.
struct Said {
    code: Option<i32>,
    text: String,
}

impl Said {
    /// The line of a check, which has this word before it, and all of these words in it.
    fn has(&self, status: &str, check: &str, words: &[&str]) -> &Self {
        let start = format!("{status:<4} {check}: ");
        let line = self.text.lines().find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("no line begins with {start:?} in\n{}", self.text));
        words.iter().for_each(|word| assert!(line.contains(word), "{word:?} is not in: {line}"));
        self
    }

    /// Exactly these checks failed, and the exit code says so.
    fn failed(&self, checks: &[&str]) -> &Self {
        let lines = self.text.lines().filter_map(|line| line.strip_prefix("FAIL "));
        let failed: Vec<&str> = lines.map(|line| line.split(": ").next().unwrap()).collect();
        assert_eq!(failed, checks, "{}", self.text);
        assert_eq!(self.code, Some(i32::from(!checks.is_empty())), "{}", self.text);
        self
    }
}

fn doctor(bootstrap: &str, flags: &[&str]) -> Said {
    let output = run_to_end(&[&["doctor", "--bootstrap", bootstrap], flags].concat(), b"");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    Said { code: output.status.code(), text }
}

const ANY_PORT: [&str; 2] = ["--http", "127.0.0.1:0"];

fn nowhere() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn changed(folder: &Path, from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(STANDARD).unwrap();
    assert!(text.contains(from));
    let file = folder.join("topics.yaml");
    std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn without_a_broker_and_with_a_broken_configuration_everything_that_can_be_looked_at_is() {
    let folder = tempfile::tempdir().unwrap();
    let bootstrap = nowhere();
    doctor(&bootstrap, &ANY_PORT)
        .failed(&["cluster"])
        .has("ok", "configuration", &["topics"])
        .has("FAIL", "cluster", &[&bootstrap, "--bootstrap"])
        .has("skip", "topics", &["no broker answers"])
        .has("skip", "clock", &[])
        .has("ok", "memory", &["--memory 192 MiB"])
        .has("ok", "open files", &[])
        .has("ok", "http", &["any free port"]);
    let config =
        changed(folder.path(), "cleanup: delete\n    retention: 7d", "cleanup: never\n    retenton: 7d");
    doctor(&bootstrap, &[&ANY_PORT[..], &["--config", &config]].concat())
        .failed(&["configuration", "cluster"])
        .has("FAIL", "configuration", &["never", "retenton", "did you mean", "correct the file"]);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    std::thread::spawn({
        let other = other.try_clone().unwrap();
        // Every request is denied.
        move || other.incoming().for_each(drop)
    });
    let address = other.local_addr().unwrap().to_string();
    doctor(&bootstrap, &["--http", &address, "--memory", "100TiB".replace("TiB", "000000MiB").as_str()])
        .failed(&["cluster", "memory", "http"])
        .has("FAIL", "http", &["another program", "--http"])
        .has("FAIL", "memory", &["--memory"]);
    doctor(&bootstrap, &[&ANY_PORT[..], &["--state-dir", "/dev/null/state"]].concat())
        .failed(&["cluster", "state directory"])
        .has("FAIL", "state directory", &["cannot be written", "--state-dir"]);
    doctor(&bootstrap, &[&ANY_PORT[..], &["--memory", "1MiB"]].concat()).failed(&["flags", "cluster"]).has(
        "FAIL",
        "flags",
        &["--memory is too little"],
    );
}

#[test]
fn a_healthy_set_up_passes_and_each_broken_one_fails_with_what_to_do() {
    let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let state = ["--state-dir", state.to_str().unwrap()];
    let bootstrap = kafka.bootstrap();
    let applied = run_to_end(&["topics", "apply", "--bootstrap", bootstrap], b"");
    assert!(applied.status.success());

    let mut instance = Program::start(
        &[&["run", "--bootstrap", bootstrap][..], &ANY_PORT, &state].concat(),
        folder.path().join("run.log"),
    );
    assert!(run_to_end(&["load", CHAT, "--bootstrap", bootstrap], b"").status.success());
    Watch::new(bootstrap, "cx-timelines", "cx.events").wait_for_all(Duration::from_secs(60));
    wait_until("the instance is ready", Duration::from_secs(30), || {
        (instance.get("/health/ready").0 == 200).then_some(())
    });
    healthy(bootstrap, &mut instance, &state);
    assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());

    let rest = [&ANY_PORT[..], &state].concat();
    doctor(bootstrap, &rest)
        .failed(&[])
        .has("ok", "group", &["Empty", "no instance runs"])
        .has("ok", "state directory", &["is free"])
        .has("ok", "state", &["all of this cluster"]);
    registry_down(bootstrap, &rest);
    a_transaction_that_stays_open(bootstrap, folder.path(), &rest);
    state_of_another_cluster(&rest);
    topics_that_are_not_as_declared(bootstrap, folder.path(), &rest);
    kafka.stop();
}

fn healthy(bootstrap: &str, instance: &mut Program, state: &[&str]) {
    let address = instance.http_address().to_string();
    let flags = [&["--http", &address][..], state].concat();
    doctor(bootstrap, &flags)
        .failed(&[])
        .has("ok", "cluster", &["1 broker(s)", bootstrap])
        .has("ok", "group coordinator", &["__consumer_offsets", "each with a leader"])
        .has("ok", "transaction coordinator", &["__transaction_state"])
        .has("ok", "transaction timeout", &["10000 ms"])
        .has("ok", "topic cx.events", &["8 partitions", "1 copies", "max.message.bytes 2097152"])
        .has("ok", "topic cx-timelines-changelog", &["compact"])
        .has("ok", "partitions", &["8 each"])
        .has("ok", "open transactions", &["none that stays open"])
        .has("ok", "group", &["Stable", "1 member(s)", "cooperative-sticky"])
        .has("ok", "progress of cx.events", &["0 offsets to be read"])
        .has("ok", "schema registry", &["no topic needs one"])
        .has("ok", "state directory", &["process ", "uses it"])
        .has("ok", "http", &["is ready"])
        // This machine is the broker's: its stamps cannot be of the future.
        .has("ok", "clock", &["not behind the brokers"]);

    let json = run_to_end(&[&["doctor", "--json", "--bootstrap", bootstrap][..], &flags].concat(), b"");
    let lines = String::from_utf8(json.stdout).unwrap();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["check"].is_string() && line["found"].is_string(), "{line}");
        assert!(line["status"] == "ok" || line["status"] == "warn", "{line}");
    }
    assert!(lines.lines().count() > 20, "{lines}");

    doctor(bootstrap, &[&["--write-probe"], &flags[..]].concat())
        .failed(&[])
        .has("ok", "write probe", &["cx-timelines-doctor"])
        .has("ok", "clock", &[]);
    assert_eq!(
        wait_until("the probe's topic is gone", Duration::from_secs(10), || {
            Some(partitions_of(bootstrap, "cx-timelines-doctor")).filter(|count| *count == 0)
        }),
        0
    );
}

fn registry_down(bootstrap: &str, rest: &[&str]) {
    let url = format!("http://{}/apis/ccompat/v7", nowhere());
    doctor(bootstrap, &[&["--schema-registry", &url], rest].concat()).failed(&["schema registry"]).has(
        "FAIL",
        "schema registry",
        &[&url, "does not answer", "--schema-registry"],
    );
}

fn state_of_another_cluster(rest: &[&str]) {
    let other = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
    assert!(run_to_end(&["topics", "apply", "--bootstrap", other.bootstrap()], b"").status.success());
    doctor(other.bootstrap(), rest).failed(&["state"]).has("ok", "group", &["there is no group"]).has(
        "FAIL",
        "state",
        &["its cluster was", "--bootstrap", "--state-dir"],
    );
    other.stop();
}

fn a_transaction_that_stays_open(bootstrap: &str, folder: &Path, rest: &[&str]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("transactional.id", "another-producer")
        .create()
        .unwrap();
    let timeout = Duration::from_secs(20);
    // Its own time-out, a minute, is longer than a transaction of ours may take.
    producer.init_transactions(timeout).unwrap();
    producer.begin_transaction().unwrap();
    producer
        .send(BaseRecord::to("cx.alerts").partition(3).key("k").payload("v"))
        .map_err(|(error, _)| error)
        .unwrap();
    producer.flush(timeout).unwrap();
    let config = changed(folder, "timeout: 10s", "timeout: 1s");
    let flags = [&["--config", &config], rest].concat();
    doctor(bootstrap, &flags).failed(&["open transactions"]).has(
        "FAIL",
        "open transactions",
        &["cx.alerts/3 at offset 0", "docs/runbook/hanging-transactions.md"],
    );
    producer.abort_transaction(timeout).unwrap();
    doctor(bootstrap, &flags).failed(&[]).has("ok", "open transactions", &["none that stays open"]);
}

fn topics_that_are_not_as_declared(bootstrap: &str, folder: &Path, rest: &[&str]) {
    let config = changed(folder, "partitions: 8", "partitions: 6");
    // `run` takes it: that is a warning.
    doctor(bootstrap, &[&["--config", &config], rest].concat()).failed(&[]).has(
        "warn",
        "topic cx.events",
        &["8 partitions, declared 6", "topics.yaml"],
    );
    delete_topic(bootstrap, "cx.metrics");
    set_topic(
        bootstrap,
        "cx.conversations",
        &[("cleanup.policy", "delete"), ("max.message.bytes", "16777216")],
    );
    wait_until("the topic is gone", Duration::from_secs(10), || {
        (partitions_of(bootstrap, "cx.metrics") == 0).then_some(())
    });
    doctor(bootstrap, rest)
        .failed(&["topic cx.conversations", "topic cx.metrics"])
        .has("FAIL", "topic cx.metrics", &["does not exist", "`cx-timelines topics apply` creates it"])
        .has(
            "FAIL",
            "topic cx.conversations",
            &["cleanup.policy is delete, must be compact", "kafka-configs.sh"],
        )
        .has("skip", "partitions", &[]);
}
