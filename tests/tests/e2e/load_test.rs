// SPDX-License-Identifier: Apache-2.0

//! `bench`, as a user runs it: what it reports is what went through, and nothing of it stays.

use std::process::Command;
use std::time::Duration;

use cx_timelines_tests::{Program, Watch, partitions_of, run_to_end, wait_until};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use sandbox::kafka::Kafka;
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(60);

/// The cluster's topics, but for those of Kafka itself.
fn topics(bootstrap: &str) -> Vec<String> {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
    let metadata = consumer.fetch_metadata(None, TIMEOUT).unwrap();
    let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
    names.filter(|name| !name.starts_with("__")).collect()
}

/// Waits until the topics of a test are gone: they are deleted in the background.
fn await_nothing_left(bootstrap: &str, prefix: &str) {
    wait_until("the topics of the test are gone", TIMEOUT, || {
        topics(bootstrap).iter().all(|name| !name.starts_with(prefix)).then_some(())
    });
}

/// Waits until the test's own instance has taken so many events.
fn await_taken(bench: &mut Program, bootstrap: &str, prefix: &str, least: i64) {
    let (group, input) = (format!("{prefix}cx-timelines"), format!("{prefix}cx.events"));
    let mut watch = None;
    wait_until("events go through", TIMEOUT, || {
        assert!(bench.is_running(), "{}", bench.log());
        if watch.is_none() && partitions_of(bootstrap, &input) == 0 {
            return None;
        }
        let watch = watch.get_or_insert_with(|| Watch::new(bootstrap, &group, &input));
        watch.progress().filter(|(committed, _)| *committed >= least)
    });
}

fn report(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn number(report: &Value, place: &str) -> u64 {
    report.pointer(place).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {place} in {report}"))
}

fn sum(report: &Value, place: &str) -> u64 {
    let counts = report.pointer(place).and_then(Value::as_object).unwrap_or_else(|| panic!("no {place}"));
    counts.values().map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn what_is_reported_is_what_went_through_and_nothing_of_it_stays() {
    let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
    let bootstrap = kafka.bootstrap();
    all_that_was_sent_comes_out_and_the_topics_go(bootstrap);
    a_stop_gives_the_report_until_then(bootstrap);
    a_test_that_is_killed_leaves_no_instance(bootstrap);
    an_instance_that_dies_ends_the_test_which_says_so_and_cleans_up(bootstrap);
    topics_that_exist_are_neither_used_nor_deleted(bootstrap);
    running_instances_are_watched_with_the_topics_there_are(bootstrap);
    kafka.stop();
}

fn all_that_was_sent_comes_out_and_the_topics_go(bootstrap: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.md");
    let output = run_to_end(
        &[
            "bench",
            "--bootstrap",
            bootstrap,
            "--events",
            "2000",
            "--rate",
            "1000",
            "--late",
            "5%",
            "--duplicates",
            "5%",
            "--json",
            "--report",
            file.to_str().unwrap(),
        ],
        b"",
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stdout));
    let report = report(std::str::from_utf8(&output.stdout).unwrap());

    assert_eq!(number(&report, "/sent/events"), 2_000);
    assert_eq!(number(&report, "/out/events"), 2_000);
    let duplicates = number(&report, "/sent/duplicates");
    assert!(duplicates > 0 && number(&report, "/sent/late") > 0, "{report}");
    // What became of each, as the instance itself has counted.
    assert_eq!(number(&report, "/cost/events/duplicate"), duplicates);
    assert_eq!(sum(&report, "/cost/events"), 2_000 + moved(&report), "{report}");
    let activities = number(&report, "/out/activitiesExpected");
    assert!(activities > 300, "{activities}");
    assert_eq!(number(&report, "/out/activitiesSeen"), activities);
    assert_eq!(number(&report, "/latencyMs/count"), activities);
    let latency = |name: &str| report["latencyMs"][name].as_f64().unwrap();
    assert!(0.1 < latency("p50") && latency("p50") <= latency("p99") && latency("p99") <= latency("max"));
    assert_eq!(report["out"]["isComplete"], true);
    assert_eq!(report["deadLetters"].as_object().map(serde_json::Map::len), Some(0), "{report}");
    assert_eq!(report["errors"].as_object().map(serde_json::Map::len), Some(0), "{report}");
    assert!(number(&report, "/cost/transactions/committed") > 0);
    assert!(number(&report, "/cost/peakMemoryBytes") > 1 << 20);
    assert!(number(&report, "/cost/records/bench.cx.timelines") >= 2_000 - duplicates - 200, "{report}");
    assert_eq!(number(&report, "/facts/partitions"), 8);

    let markdown = std::fs::read_to_string(file).unwrap();
    assert!(markdown.contains("| events sent | 2000 in "), "{markdown}");
    assert!(markdown.contains("cx-timelines bench --bootstrap"), "the command that made it: {markdown}");
    await_nothing_left(bootstrap, "bench.");
}

/// Events that were counted twice, since they were passed on to another partition.
fn moved(report: &Value) -> u64 {
    report.pointer("/cost/events/moved").and_then(Value::as_u64).unwrap_or(0)
}

fn a_stop_gives_the_report_until_then(bootstrap: &str) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("bench.log");
    let mut bench = Program::start(
        &[
            "bench",
            "--bootstrap",
            bootstrap,
            "--prefix",
            "stopped.",
            "--rate",
            "200",
            "--duration",
            "10m",
            "--json",
        ],
        log,
    );
    await_taken(&mut bench, bootstrap, "stopped.", 100);
    bench.signal("INT");
    assert_eq!(bench.wait_for_end(TIMEOUT), Some(0), "{}", bench.log());
    let log = bench.log();
    let report = report(log.lines().find(|line| line.starts_with('{')).unwrap());
    assert_eq!(report["stoppedEarly"], true);
    let sent = number(&report, "/sent/events");
    assert!(sent > 100, "{report}");
    assert_eq!(number(&report, "/out/events"), sent, "{report}");
    await_nothing_left(bootstrap, "stopped.");
}

fn a_test_that_is_killed_leaves_no_instance(bootstrap: &str) {
    let folder = tempfile::tempdir().unwrap();
    // What it leaves on the disk lies there, too.
    let state = folder.path().to_str().unwrap();
    let place = ["bench", "--bootstrap", bootstrap, "--prefix", "killed.", "--state-dir", state];
    let flags = [&place[..], &["--rate", "100", "--duration", "10m"]].concat();
    let mut bench = Program::start(&flags, folder.path().join("bench.log"));
    await_taken(&mut bench, bootstrap, "killed.", 20);
    assert!(instance_of("killed.cx-timelines").is_some());
    bench.kill();
    wait_until("its instance ends", TIMEOUT, || instance_of("killed.cx-timelines").is_none().then_some(()));
    let again = run_to_end(&["bench", "--bootstrap", bootstrap, "--prefix", "killed."], b"");
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!(again.status.code(), Some(2), "{said}");
    assert!(
        said.contains("was killed") && said.contains("killed.cx.events"),
        "what it left is named: {said}"
    );
}

fn an_instance_that_dies_ends_the_test_which_says_so_and_cleans_up(bootstrap: &str) {
    let folder = tempfile::tempdir().unwrap();
    let flags =
        ["bench", "--bootstrap", bootstrap, "--prefix", "dying.", "--rate", "100", "--duration", "10m"];
    let mut bench = Program::start(&flags, folder.path().join("bench.log"));
    await_taken(&mut bench, bootstrap, "dying.", 20);
    let instance = instance_of("dying.cx-timelines").unwrap().to_string();
    assert!(Command::new("kill").args(["-9", &instance]).status().unwrap().success());
    assert_eq!(bench.wait_for_end(TIMEOUT), Some(1), "{}", bench.log());
    assert!(bench.log().contains("the instance ended with signal: 9"), "{}", bench.log());
    await_nothing_left(bootstrap, "dying.");
}

/// The process of `run` with this group, if there is one.
fn instance_of(group: &str) -> Option<u32> {
    let is_it = |id: &u32| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.get(1) == Some(&b"run".as_slice()) && words.contains(&group.as_bytes())
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|process| process.file_name().to_str()?.parse().ok()).find(is_it)
}

fn topics_that_exist_are_neither_used_nor_deleted(bootstrap: &str) {
    let applied = run_to_end(&["topics", "apply", "--bootstrap", bootstrap], b"");
    assert!(applied.status.success());
    // The broker learns of new topics a moment after the controller, and of all of them at once.
    wait_until("the topics are there", TIMEOUT, || {
        topics(bootstrap).iter().any(|name| name == "cx.events").then_some(())
    });
    let before = topics(bootstrap);
    // With this prefix the test's own topics would have the names of those that are there.
    let config = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("topics.yaml");
    std::fs::write(&file, config.replace("cx.", "")).unwrap();
    let refused = run_to_end(
        &["bench", "--bootstrap", bootstrap, "--config", file.to_str().unwrap(), "--prefix", "cx."],
        b"",
    );
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("exist already: cx.events") && said.contains("--prefix"), "{said}");
    assert_eq!(topics(bootstrap).len(), before.len());
}

fn running_instances_are_watched_with_the_topics_there_are(bootstrap: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut instance = Program::start(
        &["run", "--bootstrap", bootstrap, "--http", "127.0.0.1:0"],
        folder.path().join("run.log"),
    );
    wait_until("the instance is ready", TIMEOUT, || (instance.get("/health/ready").0 == 200).then_some(()));
    let output = run_to_end(
        &["bench", "--bootstrap", bootstrap, "--existing", "--events", "500", "--size", "2KiB", "--json"],
        b"",
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = report(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(number(&report, "/sent/events"), 500);
    assert!(report["sent"]["bytesEach"].as_f64().unwrap() >= 2_048.0, "{report}");
    assert_eq!(number(&report, "/out/activitiesSeen"), number(&report, "/out/activitiesExpected"));
    assert!(report["cost"].is_null(), "what others take is not known");
    assert!(topics(bootstrap).iter().any(|name| name == "cx.activities"), "nothing is deleted");
    assert_eq!(instance.terminate().0, Some(0));
}
