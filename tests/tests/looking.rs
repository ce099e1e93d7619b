//! Looking at conversations on a cluster: `show`, `as-of` and `tail`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cx_timelines_tests::{Program, Records, Watch, differences, fold, of_lines, run_to_end, wait_until};
use sandbox::kafka::Kafka;
use serde_json::{Value, json};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");
/// The topics that speak of single conversations.
const TOPICS: [&str; 3] = ["cx.activities", "cx.conversations", "cx.timelines"];
const TIMEOUT: Duration = Duration::from_secs(60);

fn case(name: &str, file: &str) -> String {
    std::fs::read_to_string(Path::new(CASES).join(name).join(file)).unwrap()
}

/// A broker with a running pipeline.
struct Cluster {
    kafka: Kafka,
    folder: tempfile::TempDir,
    _instance: Program,
}

impl Cluster {
    fn start() -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let bootstrap = ["--bootstrap", kafka.bootstrap()];
        ok(&[&["topics", "apply"][..], &bootstrap].concat());
        let run = [&["run", "--http", "127.0.0.1:0"][..], &bootstrap].concat();
        let instance = Program::start(&run, folder.path().join("run.log"));
        Self { kafka, folder, _instance: instance }
    }

    /// What a command prints.
    fn ok(&self, arguments: &[&str]) -> String {
        ok(&[arguments, &["--bootstrap", self.kafka.bootstrap()]].concat())
    }

    /// What a command says that has to fail.
    fn fails(&self, arguments: &[&str]) -> String {
        let output = run_to_end(&[arguments, &["--bootstrap", self.kafka.bootstrap()]].concat(), b"");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Loads events, and waits until they are folded.
    fn load(&self, events: &str) {
        let file = self.folder.path().join("events.ndjson");
        std::fs::write(&file, events).unwrap();
        self.ok(&["load", file.to_str().unwrap()]);
        Watch::new(self.kafka.bootstrap(), "cx-timelines", "cx.events").wait_for_all(TIMEOUT);
    }
}

fn ok(arguments: &[&str]) -> String {
    let output = run_to_end(arguments, b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The records of what `--json` prints.
fn records(whole: &str) -> Records {
    let whole: Value = serde_json::from_str(whole).unwrap();
    let id = whole["conversationId"].as_str().unwrap();
    let mut records = Records::default();
    if !whole["summary"].is_null() {
        records.take("cx.conversations", Some(id), whole["summary"].clone());
    }
    for entry in whole["timeline"].as_array().unwrap() {
        let key = model::timeline_key(id, entry["entryId"].as_str().unwrap());
        records.take("cx.timelines", Some(&key), entry.clone());
    }
    for activity in whole["activities"].as_array().unwrap() {
        let key = model::activity_key(Some(id), activity["activityId"].as_str().unwrap());
        records.take("cx.activities", Some(&key), activity.clone());
    }
    records
}

/// Those of the records that speak of the conversation.
fn only(records: Records, conversation: &str) -> Records {
    let mut records = records.only(&TOPICS);
    records.finals.retain(|_, value| value["conversationId"] == conversation);
    records.reasons.clear();
    records
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[test]
fn show_gives_each_conversation_as_the_topics_have_it() {
    let cluster = Cluster::start();
    cluster.load(&case("web-chat-from-bot-to-close", "events.ndjson"));
    cluster.load(&case("kitchen-sink", "events.ndjson"));

    let page = cluster.ok(&["show", "c"]);
    assert!(page.starts_with("conversation c\n  state      closed · handled · inbound · WEB"), "{page}");
    assert!(page.contains("\ntimeline, 17 entries\n") && page.contains("\n7 activities\n"), "{page}");
    assert!(page.contains("message: It comes tomorrow.  ↩ 20.0 s"), "{page}");
    assert!(!page.contains('\u{1b}'), "no colours where there is no terminal");

    let expected =
        [case("web-chat-from-bot-to-close", "expected.ndjson"), case("kitchen-sink", "expected.ndjson")];
    let expected = of_lines(&expected.concat()).only(&TOPICS);
    let ids: BTreeSet<String> = expected
        .finals
        .values()
        .filter_map(|value| Some(value["conversationId"].as_str()?.to_owned()))
        .collect();
    assert!(ids.len() > 5, "{ids:?}");
    for id in &ids {
        let shown = records(&cluster.ok(&["show", id, "--json"]));
        let of_it = only(Records { finals: expected.finals.clone(), ..Records::default() }, id);
        assert_eq!(differences(&of_it, &shown), Vec::<String>::new(), "{id}");
    }

    let said = cluster.fails(&["show", "nobody"]);
    assert!(
        said.contains("no conversation \"nobody\": looked at") && said.contains("cx.timelines/"),
        "{said}"
    );
    cluster.kafka.stop();
}

#[test]
fn as_of_gives_a_conversation_as_it_stood_and_as_it_was_known() {
    let cluster = Cluster::start();
    let events = case("kitchen-sink", "events.ndjson");
    cluster.load(&events);
    cluster.load(&case("web-chat-from-bot-to-close", "events.ndjson"));

    // In the middle of a long conversation: as `fold` gives of the events until then.
    let (id, time) = ("38d9d2d08741868a0000020f", 1_750_061_560_000);
    let until: Vec<&str> = events
        .lines()
        .filter(|line| {
            model::decode(line.as_bytes(), None, &model::Limits::default())
                .is_ok_and(|event| event.at <= time)
        })
        .collect();
    let folded = only(of_lines(&fold(until.join("\n").as_bytes())), id);
    assert!(folded.finals.len() > 10, "the time lies within the conversation");
    let time = time.to_string();
    let seen = cluster.ok(&["as-of", "--conversation", id, "--event-time", &time, "--json"]);
    assert_eq!(differences(&folded, &records(&seen)), Vec::<String>::new());

    // A late event: nobody knew it before it came.
    let before = cluster.ok(&["show", "c", "--json"]);
    let mut tail = Program::start(
        &["tail", "--conversation", "c", "--from-beginning", "--bootstrap", cluster.kafka.bootstrap()],
        cluster.folder.path().join("tail.log"),
    );
    wait_until("tail shows the timeline", TIMEOUT, || (tail.log().lines().count() >= 17).then_some(()));
    let known_at = now_ms().to_string();
    std::thread::sleep(Duration::from_millis(50));
    let late = json!({"id": "late", "name": "CUSTOMER_MESSAGE", "timestamp": 1_749_999_990_000_i64, "conversationId": "c",
        "data": {"id": "m-late", "body": {"type": "PLAIN", "markdownText": "Anybody there?"}}});
    cluster.load(&format!("{late}\n"));
    let far = ["as-of", "--conversation", "c", "--event-time", "2099-12-31T00:00:00Z", "--json"];
    let known_then = cluster.ok(&[&far[..], &["--known-at", &known_at]].concat());
    assert_eq!(differences(&records(&before), &records(&known_then)), Vec::<String>::new());
    let known_now = cluster.ok(&far);
    let now = cluster.ok(&["show", "c", "--json"]);
    assert!(known_now.contains("Anybody there?"), "{known_now}");
    assert_eq!(differences(&records(&now), &records(&known_now)), Vec::<String>::new());

    let said = cluster.fails(&["as-of", "--conversation", "c", "--event-time", "2024-01-01T00:00:00Z"]);
    assert!(said.contains("did not exist at 2024-01-01 00:00:00Z"), "{said}");

    // The conversation began earlier than was known: each entry that was shown is shown again, as a correction.
    wait_until("tail shows the corrections", TIMEOUT, || (tail.log().lines().count() >= 35).then_some(()));
    let log = tail.log();
    assert_eq!(log.lines().filter(|line| line.contains('~')).count(), 17, "{log}");
    assert!(log.contains("message: Anybody there?") && log.contains("message: Where is my parcel?"), "{log}");
    let (code, _) = tail.terminate();
    assert_eq!(code, Some(0), "{}", tail.log());
    cluster.kafka.stop();
}
