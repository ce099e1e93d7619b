// SPDX-License-Identifier: Apache-2.0

//! The client kits and ClickHouse on a real broker: their tables are what `fold` gives, also after an erasure. And the headers of a
//! real dead letter are those of the AsyncAPI document.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cx_timelines_tests::{
    DEAD_LETTERS, OUTPUTS, Program, Records, Watch, consume, fold, of_lines, run_to_end, succeed, wait_until,
};
use sandbox::kafka::Kafka;
use serde_json::{Value, json};

use super::clickhouse::ClickHouse;
use super::clients::compiled;
use super::{TOP, generated, python};

const TIMEOUT: Duration = Duration::from_secs(120);
const CONVERSATIONS: usize = 5;
const ERASED: &str = "conversation-3";
/// The topics that the client in TypeScript follows.
const FOLLOWED: [&str; 3] = ["cx.conversations", "cx.activities", "cx.metrics"];

/// The topics with records.
fn topics() -> impl Iterator<Item = &'static str> {
    OUTPUTS.iter().copied().filter(|topic| *topic != DEAD_LETTERS)
}

/// The events of the example, as those of one of several conversations.
fn events_of(number: usize) -> String {
    let mut events = std::fs::read_to_string(Path::new(TOP).join("schemas/examples/events.ndjson")).unwrap();
    for what in ["conversation", "session", "customer", "task"] {
        events = events.replace(&format!("\"{what}-1\""), &format!("\"{what}-{number}\""));
    }
    for what in ["event", "message"] {
        events = events.replace(&format!("\"{what}-"), &format!("\"{what}-{number}-"));
    }
    events
}

fn agents_states() -> String {
    std::fs::read_to_string(Path::new(TOP).join("schemas/examples/agent-states.ndjson")).unwrap()
}

/// The final records of these conversations and of the agents.
fn folded(numbers: impl Iterator<Item = usize>) -> Records {
    let events: String = numbers.map(events_of).collect();
    let mut records = of_lines(&fold(events.as_bytes()));
    records.finals.extend(of_lines(&fold(agents_states().as_bytes())).finals);
    records
}

/// A broker with a running pipeline, which has folded everything.
struct Pipeline {
    kafka: Kafka,
    folder: tempfile::TempDir,
    _instance: Program,
}

impl Pipeline {
    fn start() -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let bootstrap = ["--bootstrap", kafka.bootstrap()];
        let run = [&["run", "--http", "127.0.0.1:0"][..], &bootstrap].concat();
        command(&kafka, &["topics", "apply"]);
        let instance = Program::start(&run, folder.path().join("run.log"));
        let events: String = (1..=CONVERSATIONS).map(events_of).collect();
        for (name, text) in
            [("events", events), ("states", agents_states()), ("bad", "{\"name\":\"X\"}\n".to_owned())]
        {
            let path = folder.path().join(format!("{name}.ndjson"));
            std::fs::write(&path, text).unwrap();
            command(&kafka, &["load", path.to_str().unwrap()]);
        }
        for topic in ["cx.agent-states", "cx.events"] {
            Watch::new(kafka.bootstrap(), "cx-timelines", topic).wait_for_all(TIMEOUT);
        }
        Self { kafka, folder, _instance: instance }
    }

    fn consumed(&self) -> Records {
        consume(self.kafka.bootstrap(), &topics().collect::<Vec<_>>()).records
    }
}

fn command(kafka: &Kafka, words: &[&str]) -> String {
    let output = run_to_end(&[words, &["--bootstrap", kafka.bootstrap()]].concat(), b"");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The final records of one topic, of a table by key.
fn of_table(topic: &str, table: &str) -> BTreeMap<(String, String), Value> {
    let mut records = Records::default();
    for (key, record) in serde_json::from_str::<BTreeMap<String, Value>>(table).unwrap() {
        records.take(topic, Some(&key), record);
    }
    records.finals
}

fn of_topic(records: &Records, topic: &str) -> BTreeMap<(String, String), Value> {
    let of_it = records.finals.iter().filter(|((found, _), _)| found == topic);
    of_it.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// What the client in Python reads of a topic.
fn by_python(pipeline: &Pipeline, topic: &str) -> BTreeMap<(String, String), Value> {
    let mut client = Command::new(python("CX_EXAMPLES_PYTHON", "confluent-kafka"));
    client
        .arg(Path::new(TOP).join("clients/python/current.py"))
        .arg(topic)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    of_table(topic, &succeed(client.env("CX_BOOTSTRAP", pipeline.kafka.bootstrap())))
}

/// The client in TypeScript, which follows a topic. It is killed when it is dropped.
struct Follower {
    topic: &'static str,
    child: Child,
    log: PathBuf,
}

impl Follower {
    fn start(pipeline: &Pipeline, dist: &Path, topic: &'static str) -> Self {
        let log = pipeline.folder.path().join(format!("{topic}.log"));
        let mut node = Command::new("node");
        node.arg(dist.join("current.js")).arg(topic);
        node.env("CX_BOOTSTRAP", pipeline.kafka.bootstrap()).env("KAFKAJS_NO_PARTITIONER_WARNING", "1");
        let child = node.stdin(Stdio::null()).stdout(std::fs::File::create(&log).unwrap()).spawn().unwrap();
        Self { topic, child, log }
    }

    /// Waits until the last table that it has printed is this one.
    fn wait_for(&mut self, expected: &BTreeMap<(String, String), Value>) {
        wait_until(&format!("the client in TypeScript has the records of {}", self.topic), TIMEOUT, || {
            assert_eq!(self.child.try_wait().unwrap(), None, "the client of {} has ended", self.topic);
            let said = std::fs::read_to_string(&self.log).unwrap();
            let last = said.split_inclusive('\n').rfind(|line| line.ends_with('\n'))?;
            (of_table(self.topic, last) == *expected).then_some(())
        });
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn both_client_kits_and_clickhouse_have_the_final_records_before_and_after_an_erasure() {
    let pipeline = Pipeline::start();
    let dist = compiled(&pipeline.folder.path().join("typescript"));
    let expected = folded(1..=CONVERSATIONS);
    let mut followers = FOLLOWED.map(|topic| Follower::start(&pipeline, &dist, topic));
    let mut compared = 0;
    for topic in topics() {
        let expected = of_topic(&expected, topic);
        assert_eq!(by_python(&pipeline, topic), expected, "{topic} in Python");
        compared += expected.len();
    }
    assert!(compared > 100, "{compared}");
    let statements = generated(&["clickhouse", "--bootstrap", pipeline.kafka.bootstrap()]);
    let mut clickhouse = ClickHouse::start(pipeline.folder.path(), &statements);
    check_keys(&mut clickhouse, &pipeline, &expected);
    check_values(&mut clickhouse, &expected);
    for follower in &mut followers {
        follower.wait_for(&of_topic(&expected, follower.topic));
    }

    command(&pipeline.kafka, &["erase", "--conversation", ERASED, "--yes", "--timeout", "120s"]);
    let (expected, consumed) =
        (folded((1..=CONVERSATIONS).filter(|number| *number != 3)), pipeline.consumed());
    for topic in topics() {
        let read = by_python(&pipeline, topic);
        assert_eq!(read, of_topic(&consumed, topic), "{topic} in Python");
        assert!(!read.keys().any(|(_, key)| key.contains(ERASED)), "{topic} in Python");
        // Other records than a conversation's own are made of several; how these change is not the kit's matter.
        if !["cx.metrics", "cx.agents", "cx.customers"].contains(&topic) {
            assert_eq!(read, of_topic(&expected, topic), "{topic} in Python");
        }
    }
    for follower in &mut followers {
        follower.wait_for(&of_topic(&consumed, follower.topic));
    }
    check_keys(&mut clickhouse, &pipeline, &consumed);
    check_values(&mut clickhouse, &consumed);
    check_cleanup(&mut clickhouse);
    check_headers(&pipeline);
}

/// ClickHouse has just the keys of these records.
fn check_keys(clickhouse: &mut ClickHouse, pipeline: &Pipeline, expected: &Records) {
    for topic in topics() {
        clickhouse.take(pipeline.kafka.bootstrap(), topic);
        let keys: BTreeSet<String> = of_topic(expected, topic).into_keys().map(|(_, key)| key).collect();
        // Whether an alert is raised follows from the clock.
        let filter = if topic == "cx.alerts" { "WHERE state != 'raised'" } else { "" };
        let rows = clickhouse.rows(&format!("SELECT record_key FROM {} FINAL {filter}", table(topic)));
        let found: BTreeSet<String> =
            rows.iter().map(|row| row["record_key"].as_str().unwrap().to_owned()).collect();
        assert_eq!(found, keys, "{topic} in ClickHouse");
    }
}

/// The name of a topic's table.
fn table(topic: &str) -> String {
    topic.replace(['.', '-'], "_")
}

/// What tombstones have deleted leaves ClickHouse's disk when it is cleaned up.
fn check_cleanup(clickhouse: &mut ClickHouse) {
    let mut deleted = 0;
    for topic in topics() {
        let (table, count) = (table(topic), "SELECT countIf(is_deleted) AS deleted FROM");
        deleted += clickhouse.rows(&format!("{count} {table}"))[0]["deleted"].as_i64().unwrap();
        clickhouse.rows(&format!("OPTIMIZE TABLE {table} FINAL CLEANUP"));
        assert_eq!(
            clickhouse.rows(&format!("{count} {table}")),
            [json!({"deleted": 0})],
            "{topic} in ClickHouse"
        );
        let whole = format!("SELECT count() AS rows FROM {table} WHERE record_key LIKE '%{ERASED}%'");
        assert_eq!(clickhouse.rows(&whole), [json!({"rows": 0})], "{topic} in ClickHouse");
    }
    assert!(deleted > 0, "there were no tombstones");
}

/// Values of several types, also within lists and records, are the same in ClickHouse.
fn check_values(clickhouse: &mut ClickHouse, expected: &Records) {
    let rows = clickhouse.rows(
        "SELECT record_key, state, outcome, closedAt, toUnixTimestamp64Milli(startedAt_time) AS started, counts.customerMessages AS \
         messages, agents.agentId AS agents FROM cx_conversations FINAL ORDER BY record_key",
    );
    let same: Vec<Value> = of_topic(expected, "cx.conversations")
        .iter()
        .map(|((_, key), of)| {
            let agents: Vec<&Value> = of["agents"].as_array().unwrap().iter().map(|stay| &stay["agentId"]).collect();
            json!({"record_key": key, "state": of["state"], "outcome": of["outcome"], "closedAt": of["closedAt"],
                "started": of["startedAt"], "messages": of["counts"]["customerMessages"], "agents": agents})
        })
        .collect();
    assert_eq!(rows, same);
    let rows = clickhouse
        .rows("SELECT record_key, body, actor.name AS actor FROM cx_activities FINAL ORDER BY record_key");
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|mut row| {
            let body = row["body"].as_str().map(|text| serde_json::from_str::<Value>(text).unwrap());
            row["body"] = body.unwrap_or_default();
            row
        })
        .collect();
    let same = of_topic(expected, "cx.activities");
    let same = same
        .iter()
        .map(|((_, key), of)| json!({"record_key": key, "body": of["body"], "actor": of["actor"]["name"]}));
    assert_eq!(rows, same.collect::<Vec<_>>());
    let rows =
        clickhouse.rows("SELECT record_key, figures, histograms FROM cx_metrics FINAL ORDER BY record_key");
    let same = of_topic(expected, "cx.metrics");
    let same = same.iter().map(
        |((_, key), of)| json!({"record_key": key, "figures": of["figures"], "histograms": of["histograms"]}),
    );
    assert_eq!(rows, same.collect::<Vec<_>>());
}

/// The headers of the dead letter of the bad event.
fn check_headers(pipeline: &Pipeline) {
    let printed =
        command(&pipeline.kafka, &["tail", DEAD_LETTERS, "--from-beginning", "--json", "--limit", "1"]);
    let letter: Value = serde_json::from_str(&printed).unwrap();
    let document: Value = serde_json::from_str(&generated(&["asyncapi"])).unwrap();
    let described = &document["channels"]["cx_dead_letters"]["messages"]["record"]["headers"];
    let headers = jsonschema::draft7::new(described).unwrap();
    let wrong: Vec<String> = headers.iter_errors(&letter["headers"]).map(|error| error.to_string()).collect();
    assert_eq!(wrong, Vec::<String>::new(), "{printed}");
    for name in letter["headers"].as_object().unwrap().keys() {
        assert!(described["properties"].get(name).is_some(), "the document does not describe {name}");
    }
}
