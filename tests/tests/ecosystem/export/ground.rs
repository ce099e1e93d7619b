// SPDX-License-Identifier: Apache-2.0

//! A broker, a registry and a pipeline whose outputs are partly Avro; exports, and what is in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use cx_timelines_tests::{Program, Records, Watch, differences, fold, of_lines, run_to_end};
use sandbox::conversations::{Options, events};
use sandbox::kafka::Kafka;
use sandbox::registry::Registry;
use serde_json::Value;

use super::duckdb;

pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// The outputs with records of events; agents come from states.
pub(super) const TOPICS: [&str; 9] = [
    "cx.activities",
    "cx.timelines",
    "cx.conversations",
    "cx.agents",
    "cx.customers",
    "cx.metrics",
    "cx.audit",
    "cx.bot-training",
    "cx.alerts",
];
const AVRO: [&str; 4] = ["cx.activities", "cx.conversations", "cx.metrics", "cx.bot-training"];
const DAY_MS: i64 = 86_400_000;
const AGENT_STATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/examples/agent-states.ndjson");

/// topics.yaml with few partitions, some outputs in Avro, and nothing that expires.
fn config(folder: &Path, registry: &str) -> PathBuf {
    let standard = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml")).unwrap();
    let (mut topic, mut text) = ("", String::new());
    for line in standard.lines() {
        topic = line.trim_start().strip_prefix("- name: ").unwrap_or(topic);
        let is_avro = line.trim() == "format: json" && AVRO.contains(&topic);
        text += &if is_avro { line.replace("json", "avro") } else { line.to_owned() };
        text += "\n";
    }
    text = text.replace("partitions: 8", "partitions: 2");
    for limit in ["waiting: 24h", "closed: 24h", "idle: 7d", "retention: 7d", "retention: 90d"] {
        let (key, _) = limit.split_once(' ').unwrap();
        text = text.replace(limit, &format!("{key} 36500d"));
    }
    text += &format!("\nschema_registry:\n  url: {registry}\n  register: true\n");
    let file = folder.join("topics.yaml");
    std::fs::write(&file, text).unwrap();
    file
}

/// Lines of numbered ones.
pub(super) fn lines(numbered: Vec<(usize, String)>) -> String {
    numbered.into_iter().map(|(_, line)| line + "\n").collect()
}

pub(super) struct Ground {
    // First: it is printed when a test fails, while the folder exists.
    pipeline: Program,
    kafka: Kafka,
    _registry: Registry,
    config: PathBuf,
    folder: tempfile::TempDir,
    loaded: String,
}

impl Ground {
    pub(super) fn new() -> Self {
        let registry = std::thread::spawn(|| Registry::start(&mut |_| {}).unwrap());
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let registry = registry.join().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), &registry.url());
        let flags = ["--bootstrap", kafka.bootstrap(), "--config", config.to_str().unwrap()];
        let applied = run_to_end(&[&["topics", "apply"], &flags[..]].concat(), b"");
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let run = [&["run", "--http", "127.0.0.1:0"], &flags[..]].concat();
        let pipeline = Program::start(&run, folder.path().join("run.log"));
        let ground = Self { pipeline, kafka, _registry: registry, config, folder, loaded: String::new() };
        ground.ok(&["load", AGENT_STATES], b"");
        ground
    }

    /// The events of conversations on three days.
    pub(super) fn events(&self) -> Vec<String> {
        let of_day = |day: i64| {
            let standard = Options::default();
            let start_ms = standard.start_ms + day * DAY_MS;
            let seed = standard.seed + u64::try_from(day).unwrap();
            events(&Options { seed, start_ms, ..standard }, 1_000)
        };
        (0..3).flat_map(of_day).map(|planned| planned.value).collect()
    }

    /// Loads events, and waits until they are folded.
    pub(super) fn load(&mut self, events: &str) {
        self.ok(&["load", "-"], events.as_bytes());
        self.loaded += events;
        Watch::new(self.kafka.bootstrap(), "cx-timelines", "cx.events").wait_for_all(MINUTE * 2);
        Watch::new(self.kafka.bootstrap(), "cx-timelines", "cx.agent-states").wait_for_all(MINUTE * 2);
    }

    pub(super) fn run(&self, command: &[&str], input: &[u8]) -> Output {
        let config = self.config.to_str().unwrap();
        let defaults = [["--bootstrap", self.kafka.bootstrap()], ["--config", config]];
        let defaults = defaults.iter().filter(|[flag, _]| !command.contains(flag)).flatten().copied();
        run_to_end(&command.iter().copied().chain(defaults).collect::<Vec<_>>(), input)
    }

    /// What a command prints that works.
    pub(super) fn ok(&self, command: &[&str], input: &[u8]) -> String {
        let output = self.run(command, input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(super) fn dir(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn export(&self, dir: &str, flags: &[&str]) -> String {
        let dir = self.dir(dir);
        let said = self.ok(&[&["export", "--dir", dir.to_str().unwrap()], flags].concat(), b"");
        eprintln!("{said}");
        said
    }

    /// The records of all events loaded, as `fold` gives them.
    pub(super) fn folded(&self) -> Records {
        let states = std::fs::read(AGENT_STATES).unwrap();
        let mut records = of_lines(&fold(self.loaded.as_bytes()));
        let of_states = of_lines(&fold(&states));
        for (key, value) in of_states.finals {
            assert!(records.finals.insert(key, value).is_none(), "a figure of both");
        }
        records
    }

    /// The rows of all topics, by topic and key, without the columns of the record itself; alerts that the clock may raise left
    /// out.
    pub(super) fn rows(&self, dir: &str) -> BTreeMap<(String, String), Value> {
        let mut rows = BTreeMap::new();
        for (topic, found) in self.tables(dir, "ORDER BY _partition, _offset") {
            for mut row in found {
                let key = row["_key"].as_str().unwrap().to_owned();
                let of_record = row.as_object_mut().unwrap();
                of_record.retain(|name, _| !name.starts_with('_') && name != "day");
                match topic == "cx.alerts" && row["state"] == "raised" {
                    true => rows.remove(&(topic.to_owned(), key)),
                    false => rows.insert((topic.to_owned(), key), row),
                };
            }
        }
        rows
    }

    fn tables(&self, dir: &str, order: &str) -> Vec<(&'static str, Vec<Value>)> {
        let there = TOPICS.into_iter().filter(|topic| has_files(&self.dir(dir).join(topic)));
        let there: Vec<&str> = there.collect();
        let queries: Vec<String> =
            there.iter().map(|topic| format!("SELECT * FROM '{dir}/{topic}/**/*.parquet' {order}")).collect();
        let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
        there.into_iter().zip(duckdb::query(self.folder.path(), &queries)).collect()
    }

    /// The answers of DuckDB, in the folder in which the directories are.
    pub(super) fn query(&self, queries: &[&str]) -> Vec<Vec<Value>> {
        duckdb::query(self.folder.path(), queries)
    }

    /// Each row is the final record of its key, and there are no others.
    pub(super) fn check_final(&self, dir: &str) {
        let expected = self.folded();
        let mut found = Records::default();
        for ((topic, key), row) in self.rows(dir) {
            let record = expected.finals.get(&(topic.clone(), key.clone())).unwrap_or(&Value::Null);
            found.take(&topic, Some(&key), as_record(record, row));
        }
        let found = Records { reasons: expected.reasons.clone(), ..found };
        let differences = differences(&expected, &found);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        let of_all = self.query(&[&format!("SELECT count(*) AS rows FROM '{dir}/**/*.parquet'")]);
        assert!(of_all[0][0]["rows"].as_i64().unwrap() > 1000);
    }

    /// The newest of all versions are the final records; there are more versions than records.
    pub(super) fn check_versions(&self, dir: &str) {
        let mut versions = 0;
        for (_, rows) in self.tables(dir, "") {
            versions += rows.len();
        }
        let newest = self.rows(dir);
        assert_eq!(newest, self.rows("lake"));
        assert!(versions > newest.len(), "{versions} versions of {} records", newest.len());
        let days = format!(
            "SELECT count(DISTINCT day) AS days, count(*) FILTER (day != windowStart::DATE) AS wrong \
             FROM '{dir}/cx.metrics/**/*.parquet'"
        );
        let days = self.query(&[&days]).remove(0).remove(0);
        assert!(days["days"].as_i64().unwrap() >= 3 && days["wrong"] == 0, "{days}");
    }

    /// The number of files in which one of these texts is, byte by byte.
    pub(super) fn files_with(&self, dir: &str, texts: &[&str]) -> usize {
        let has = |file: &PathBuf| {
            let bytes = std::fs::read(file).unwrap();
            texts.iter().any(|text| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
        };
        files(&self.dir(dir)).iter().filter(|file| has(file)).count()
    }

    /// The number of rows in which one of these texts is.
    pub(super) fn rows_with(&self, dir: &str, texts: &[&str]) -> usize {
        let tables = self.tables(dir, "");
        let rows = tables.iter().flat_map(|(_, rows)| rows);
        rows.filter(|row| texts.iter().any(|text| row.to_string().contains(text))).count()
    }

    pub(super) fn end(mut self) {
        assert_eq!(self.pipeline.terminate().0, Some(0), "{}", self.pipeline.log());
    }
}

/// All files below a folder.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn has_files(folder: &Path) -> bool {
    files(folder).iter().any(|file| file.extension().is_some_and(|extension| extension == "parquet"))
}

/// A row as its record would be: timestamps as milliseconds, JSON texts as objects. The record only says where there are such.
fn as_record(record: &Value, row: Value) -> Value {
    match (record, row) {
        (Value::Number(_), Value::String(text)) => {
            let time = model::parse_time_text(&text.replace("+00", "Z"));
            time.map_or(Value::String(text), Value::from)
        }
        (Value::Object(_) | Value::Array(_), Value::String(text)) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        (Value::Object(record), Value::Object(row)) => {
            let field = |(name, value): (String, Value)| {
                let of_record = record.get(&name).unwrap_or(&Value::Null);
                // The value of a reaction that quotes a deleted message: null in JSON, empty by the schema.
                let is_quote = name == "value" && of_record.is_null() && value == "";
                let value = if is_quote { Value::Null } else { as_record(of_record, value) };
                (name, value)
            };
            Value::Object(row.into_iter().map(field).collect())
        }
        (Value::Array(record), Value::Array(row)) => {
            let items = row.into_iter().enumerate();
            let item = |(index, item)| as_record(record.get(index).unwrap_or(&Value::Null), item);
            Value::Array(items.map(item).collect())
        }
        (_, row) => row,
    }
}
