// SPDX-License-Identifier: Apache-2.0

//! The examples, run as examples/README.md says: each producer's events become the same records, and each consumer has exactly the
//! final records of a topic, before and after an erasure.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cx_timelines_tests::{Consumed, OUTPUTS, Program, Watch, consume, copy, run_to_end, succeed, wait_until};
use sandbox::kafka::Kafka;
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(120);
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
const LANGUAGES: [Language; 3] = [Language::Java, Language::Python, Language::Rust];
const ERASED: Language = Language::Python;
const SUMMARIES: &str = "cx.conversations";
/// The topics that have records of the producers' chat. Those of `cx.metrics` are of all chats together.
const OF_A_CHAT: [&str; 5] = ["cx.activities", "cx.audit", SUMMARIES, "cx.customers", "cx.timelines"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Java,
    Python,
    Rust,
}

impl Language {
    /// The id of the conversation that its producer sends.
    fn chat(self) -> String {
        format!("{self:?}-chat")
    }
}

/// The examples, ready to run.
struct Examples {
    /// Java's classes and libraries are in it.
    java: tempfile::TempDir,
    python: OsString,
    /// Where Cargo puts the programs.
    rust: PathBuf,
}

impl Examples {
    fn build() -> Self {
        let java = tempfile::tempdir().unwrap();
        // `target` is of a build by hand.
        copy(&Path::new(EXAMPLES).join("java"), java.path(), &["target"]);
        let built =
            Command::new("mvn").args(["-q", "-B", "compile"]).current_dir(java.path()).output().unwrap();
        let said = String::from_utf8_lossy(&built.stdout);
        assert!(built.status.success(), "mvn compile: {said}{}", String::from_utf8_lossy(&built.stderr));
        let python = std::env::var_os("CX_EXAMPLES_PYTHON").expect(
            "CX_EXAMPLES_PYTHON names no Python for the examples; tests/run makes one, or: \
             python3 -m venv V && V/bin/pip install -r examples/python/requirements.txt",
        );
        let rust = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
        assert!(
            rust.join("consumer").is_file(),
            "no consumer in {}: build it with `cargo build -p cx-timelines-examples`",
            rust.display()
        );
        Self { java, python, rust }
    }

    /// The command of a producer (or else a consumer), without its arguments.
    fn command(&self, language: Language, is_producer: bool, bootstrap: &str) -> Command {
        let [small, capital] = if is_producer { ["producer", "Producer"] } else { ["consumer", "Consumer"] };
        let mut command = match language {
            Language::Java => {
                let target = self.java.path().join("target");
                let mut command = Command::new("java");
                let classes = format!("{0}/classes:{0}/lib/*", target.display());
                command.args(["-cp", &classes, capital]);
                command
            }
            Language::Python => {
                let mut command = Command::new(&self.python);
                command.arg(format!("{EXAMPLES}/python/{small}.py"));
                command
            }
            Language::Rust => Command::new(self.rust.join(small)),
        };
        command.env("CX_BOOTSTRAP", bootstrap).stdin(Stdio::null());
        command
    }

    fn produce(&self, language: Language, bootstrap: &str, start_ms: u128) {
        let arguments = [language.chat(), start_ms.to_string()];
        let said = succeed(self.command(language, true, bootstrap).args(arguments));
        assert_eq!(said, format!("sent 6 events of {}\n", language.chat()));
    }

    /// What a consumer prints of a topic that it reads to the end.
    fn table(&self, language: Language, bootstrap: &str, topic: &str) -> BTreeMap<String, Value> {
        let said = succeed(self.command(language, false, bootstrap).arg(topic));
        let found: Vec<(String, Value)> = said.lines().map(line).collect();
        let table: BTreeMap<String, Value> = found.iter().cloned().collect();
        assert_eq!(table.len(), found.len(), "{language:?} prints a key twice: {said}");
        table
    }
}

/// A line of a consumer: key and record.
fn line(line: &str) -> (String, Value) {
    let (key, record) = line.split_once('\t').unwrap_or_else(|| panic!("no tab in {line:?}"));
    (key.to_owned(), serde_json::from_str(record).unwrap())
}

/// A consumer that goes on; what it prints goes to a file. It is killed when it is dropped.
struct Follower {
    child: Child,
    log: PathBuf,
}

impl Follower {
    fn start(mut command: Command, log: PathBuf) -> Self {
        let file = std::fs::File::create(&log).unwrap();
        let child = command.args([SUMMARIES, "--follow"]).stdout(file).spawn().unwrap();
        Self { child, log }
    }

    /// The complete lines that it has printed.
    fn lines(&mut self) -> Vec<(String, Value)> {
        assert_eq!(self.child.try_wait().unwrap(), None, "{} has ended", self.log.display());
        let said = std::fs::read_to_string(&self.log).unwrap();
        said.split_inclusive('\n').filter_map(|said| said.strip_suffix('\n')).map(line).collect()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A broker with a running pipeline.
struct Pipeline {
    kafka: Kafka,
    instance: Program,
    folder: tempfile::TempDir,
}

impl Pipeline {
    fn start() -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let bootstrap = ["--bootstrap", kafka.bootstrap()];
        let applied = run_to_end(&[&["topics", "apply"][..], &bootstrap].concat(), b"");
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let run = [&["run", "--http", "127.0.0.1:0"][..], &bootstrap].concat();
        let instance = Program::start(&run, folder.path().join("run.log"));
        Self { kafka, instance, folder }
    }

    fn bootstrap(&self) -> &str {
        self.kafka.bootstrap()
    }

    fn erase(&self, conversation: &str) {
        let erase = ["erase", "--conversation", conversation, "--yes", "--timeout", "120s"];
        let erased = run_to_end(&[&erase[..], &["--bootstrap", self.bootstrap()]].concat(), b"");
        assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
    }
}

/// The final records of a chat, by topic and key, without its own id in them.
fn of_chat(consumed: &Consumed, chat: &str) -> BTreeMap<(String, String), Value> {
    let of_it = consumed.records.finals.iter().filter(|((_, key), _)| key.contains(chat));
    let neutral = |text: &str| text.replace(chat, "chat");
    of_it
        .map(|((topic, key), value)| {
            let value = serde_json::from_str(&neutral(&value.to_string())).unwrap();
            ((topic.clone(), neutral(key)), value)
        })
        .collect()
}

/// The final records of a topic, by key.
fn finals(consumed: &Consumed, topic: &str) -> BTreeMap<String, Value> {
    let of_it = consumed.records.finals.iter().filter(|((found, _), _)| found == topic);
    of_it.map(|((_, key), value)| (key.clone(), value.clone())).collect()
}

/// Whatever language the events come from, they lie where they should and become the same records.
fn check_producers(pipeline: &mut Pipeline, consumed: &Consumed) {
    let input = consume(pipeline.bootstrap(), &["cx.events"]);
    for language in LANGUAGES {
        let sent = input.written.get(&("cx.events".to_owned(), language.chat()));
        assert_eq!(sent, Some(&6), "events of {language:?} with their conversation's id as the key");
    }
    let moved = pipeline.instance.figure("cx_timelines_events_total{kind=\"moved\"}");
    assert_eq!(moved, 0.0, "events lie in another partition than their conversation's");
    assert!(consumed.records.reasons.is_empty(), "{:?}", consumed.records.reasons);

    let first = of_chat(consumed, &LANGUAGES[0].chat());
    let topics: BTreeSet<&str> = first.keys().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(topics, BTreeSet::from(OF_A_CHAT));
    let record = |topic: &str, key: &str| &first[&(topic.to_owned(), key.to_owned())];
    let summary = record(SUMMARIES, "chat");
    assert_eq!((&summary["state"], &summary["outcome"]), (&"CLOSED".into(), &"HANDLED".into()));
    let answer = record("cx.activities", "chat/chat-message-2");
    assert_eq!(answer["body"]["markdownText"], "It comes tomorrow.", "the answer is corrected");
    for language in LANGUAGES {
        assert_eq!(of_chat(consumed, &language.chat()), first, "{language:?}");
    }
}

fn check_tables(examples: &Examples, bootstrap: &str, consumed: &Consumed) {
    for topic in [SUMMARIES, "cx.activities"] {
        let expected = finals(consumed, topic);
        assert!(!expected.is_empty(), "{topic}");
        for language in LANGUAGES {
            assert_eq!(examples.table(language, bootstrap, topic), expected, "{topic} in {language:?}");
        }
    }
}

#[test]
fn examples_in_all_languages_send_the_same_and_read_what_is_final() {
    let building = std::thread::spawn(Examples::build);
    let mut pipeline = Pipeline::start();
    let examples = building.join().unwrap();
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    for language in LANGUAGES {
        examples.produce(language, pipeline.bootstrap(), now_ms - 60_000);
    }
    Watch::new(pipeline.bootstrap(), "cx-timelines", "cx.events").wait_for_all(TIMEOUT);
    let consumed = consume(pipeline.bootstrap(), &OUTPUTS);
    check_producers(&mut pipeline, &consumed);
    check_tables(&examples, pipeline.bootstrap(), &consumed);

    let mut followers = LANGUAGES.map(|language| {
        let command = examples.command(language, false, pipeline.bootstrap());
        Follower::start(command, pipeline.folder.path().join(format!("{language:?}.log")))
    });
    let summaries: Vec<(String, Value)> = finals(&consumed, SUMMARIES).into_iter().collect();
    for follower in &mut followers {
        let printed = wait_until("a follower prints the table", TIMEOUT, || {
            Some(follower.lines()).filter(|lines| lines.len() >= summaries.len())
        });
        assert_eq!(printed, summaries, "{}", follower.log.display());
    }
    let erased = ERASED.chat();
    pipeline.erase(&erased);
    for follower in &mut followers {
        wait_until("a follower prints the tombstone", TIMEOUT, || {
            follower.lines().contains(&(erased.clone(), Value::Null)).then_some(())
        });
    }

    let consumed = consume(pipeline.bootstrap(), &OUTPUTS);
    assert_eq!(consumed.last[&(SUMMARIES.to_owned(), erased.clone())], Value::Null, "there is no tombstone");
    assert_eq!(finals(&consumed, SUMMARIES).len(), LANGUAGES.len() - 1);
    check_tables(&examples, pipeline.bootstrap(), &consumed);
}
