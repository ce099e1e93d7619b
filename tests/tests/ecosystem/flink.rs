// SPDX-License-Identifier: Apache-2.0

//! Flink SQL on the output topics, with the tables of `cx-timelines generate flink`: a join and a window, run by a MiniCluster on a
//! real broker.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use cx_timelines_tests::{OUTPUTS, consume, create_topic};
use sandbox::conversations::{Options, events};
use serde_json::Value;

use crate::pipeline::Pipeline;

const MISSING: &str =
    "CX_FLINK_LIBS names no folder with the jars of Flink SQL; tests/run fetches them (find_flink)";
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ecosystem/flink");
const ERASED: &str = "erased-conversation";
const QUARTER_MS: i64 = 15 * 60 * 1000;
/// Serializers of Flink reach into these.
const OPENED: [&str; 2] = ["java.base/java.lang=ALL-UNNAMED", "java.base/java.util=ALL-UNNAMED"];

#[test]
fn a_join_and_a_window_of_flink_sql_count_what_is_in_the_topics_and_not_what_was_erased() {
    let pipeline = Pipeline::start(&[], None);
    let erased = |id: &str, begin_ms: i64| {
        format!(
            r#"{{"id":"{id}","name":"CUSTOMER_MESSAGE","timestamp":{begin_ms},"conversationId":"{ERASED}","data":{{"id":"m-{id}","header":{{"sender":{{"type":"CUSTOMER","id":"cy"}}}},"body":{{"markdownText":"forget it"}}}}}}"#
        )
    };
    // Two lots an hour apart, so that there is more than one window.
    let lot = |seed, start_ms| events(&Options { seed, start_ms, ..Options::default() }, 1_000);
    let begin_ms = Options::default().start_ms;
    let lots = [lot(1, begin_ms), lot(2, begin_ms + 4 * QUARTER_MS)].concat();
    let mut lines: Vec<String> = lots.into_iter().map(|event| event.value).collect();
    lines.push(erased("e1", begin_ms));
    let _ = pipeline.ok(&["load", "-"], lines.join("\n").as_bytes());
    pipeline.wait_for_all();
    let before = computed(&pipeline);
    let _ = pipeline.ok(&["erase", "--conversation", ERASED, "--yes"], b"");
    let expected = computed(&pipeline);
    let open = |reports: &Reports| reports.outcomes.get("OPEN").copied().unwrap_or(0);
    assert_eq!(open(&before), open(&expected) + 1);
    assert!(expected.quarters.len() > 1 && expected.outcomes.len() > 1, "{expected:?}");

    for topic in ["report.outcomes", "report.quarters"] {
        create_topic(pipeline.bootstrap(), topic, 1, &[]);
    }
    run(&pipeline);
    assert_eq!(reported(&pipeline), expected);
}

/// What both reports say.
#[derive(Debug, Default, PartialEq)]
struct Reports {
    /// The number of messages by the outcome of their conversation.
    outcomes: BTreeMap<String, i64>,
    /// The number of conversations by the time at which their window begins, as text.
    quarters: BTreeMap<String, i64>,
}

/// The reports, computed from the records of the topics.
fn computed(pipeline: &Pipeline) -> Reports {
    let records = consume(pipeline.bootstrap(), &["cx.conversations", "cx.activities"]).records.finals;
    let mut reports = Reports::default();
    for ((topic, _), value) in &records {
        if topic == "cx.conversations" {
            let started = value["startedAt"].as_i64().unwrap();
            *reports.quarters.entry(text_of(started - started.rem_euclid(QUARTER_MS))).or_default() += 1;
        } else if value["kind"].as_str().unwrap().ends_with("_MESSAGE") {
            let key = ("cx.conversations".to_owned(), value["conversationId"].as_str().unwrap().to_owned());
            let outcome = records[&key]["outcome"].as_str().unwrap_or("OPEN").to_owned();
            *reports.outcomes.entry(outcome).or_default() += 1;
        }
    }
    reports
}

/// A time as Flink writes it.
fn text_of(epoch_ms: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(epoch_ms).unwrap();
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The reports, as Flink wrote them.
fn reported(pipeline: &Pipeline) -> Reports {
    let mut reports = Reports::default();
    let consumed = consume(pipeline.bootstrap(), &["report.outcomes", "report.quarters"]);
    for ((topic, key), value) in &consumed.last {
        if topic == "report.outcomes" {
            reports.outcomes.insert(text(value, "outcome"), value["messages"].as_i64().unwrap());
        } else {
            assert_eq!(consumed.written[&(topic.clone(), key.clone())], 1, "a window has one result");
            reports.quarters.insert(text(value, "begins"), value["conversations"].as_i64().unwrap());
        }
    }
    reports
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap().to_owned()
}

/// Runs the tables and the reports on a MiniCluster.
fn run(pipeline: &Pipeline) {
    let libs = std::env::var("CX_FLINK_LIBS").expect(MISSING);
    let tables = pipeline.ok(&["generate", "flink"], b"");
    let report = read("report.sql").replace("127.0.0.1:9092", pipeline.bootstrap());
    let statements = [tables.as_str(), &explained(&tables), &report].concat();
    let file = pipeline.folder.path().join("flink.sql");
    std::fs::write(&file, without_comments(&statements)).unwrap();
    let mut java = Command::new("java");
    java.args(["-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    java.args(OPENED.map(|opened| format!("--add-opens={opened}")));
    let ended =
        java.args(["-cp", &format!("{libs}/*")]).arg(path("RunSql.java")).arg(&file).output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// A statement for each table and view that makes Flink plan to read it, so that it checks all of its options.
fn explained(ddl: &str) -> String {
    let named = |line: &str| {
        let rest = line.strip_prefix("CREATE TABLE `").or_else(|| line.strip_prefix("CREATE VIEW `"))?;
        rest.split_once('`').map(|(name, _)| format!("EXPLAIN PLAN FOR SELECT * FROM `{name}`;\n"))
    };
    let statements: Vec<String> = ddl.lines().filter_map(named).collect();
    assert!(statements.len() > OUTPUTS.len(), "{statements:?}");
    statements.concat()
}

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

/// A comment may have a semicolon, which ends a statement.
fn without_comments(statements: &str) -> String {
    let lines = statements.lines().filter(|line| !line.starts_with("--"));
    lines.map(|line| format!("{line}\n")).collect()
}
