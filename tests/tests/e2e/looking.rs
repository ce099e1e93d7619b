// SPDX-License-Identifier: Apache-2.0

//! Looking at conversations on a cluster: `show`, `as-of` and `tail`.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cx_timelines_tests::{
    Program, Records, Watch, cut_off, differences, fold, of_lines, partitions_of, run_to_end, wait_until,
};
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

    let said = cluster.fails(&["show", "unknown"]);
    assert!(
        said.contains("no conversation \"unknown\": looked at") && said.contains("cx.timelines/"),
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
    let (id, time) = ("c95ae8602ce77f2f00000230", 1_750_061_522_003);
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

    // A late event: it was unknown before it arrived.
    let before = cluster.ok(&["show", "c", "--json"]);
    let mut tail = Program::start(
        &["tail", "--conversation", "c", "--from-beginning", "--bootstrap", cluster.kafka.bootstrap()],
        cluster.folder.path().join("tail.log"),
    );
    wait_until("tail shows the timeline", TIMEOUT, || (tail.log().lines().count() >= 17).then_some(()));
    let known_at = now_ms().to_string();
    std::thread::sleep(Duration::from_millis(50));
    let late = json!({"id": "late", "name": "CUSTOMER_MESSAGE", "timestamp": 1_749_999_990_000_i64, "conversationId": "c",
        "data": {"id": "m-late", "body": {"type": "PLAIN", "markdownText": "Is a person there?"}}});
    cluster.load(&format!("{late}\n"));
    let far = ["as-of", "--conversation", "c", "--event-time", "2099-12-31T00:00:00Z", "--json"];
    let known_then = cluster.ok(&[&far[..], &["--known-at", &known_at]].concat());
    assert_eq!(differences(&records(&before), &records(&known_then)), Vec::<String>::new());
    let known_now = cluster.ok(&far);
    let now = cluster.ok(&["show", "c", "--json"]);
    assert!(known_now.contains("Is a person there?"), "{known_now}");
    assert_eq!(differences(&records(&now), &records(&known_now)), Vec::<String>::new());

    let said = cluster.fails(&["as-of", "--conversation", "c", "--event-time", "2024-01-01T00:00:00Z"]);
    assert!(said.contains("did not exist at 2024-01-01 00:00:00Z"), "{said}");

    // The conversation began earlier than was known: each entry that was shown is shown again, as a correction.
    wait_until("tail shows the corrections", TIMEOUT, || (tail.log().lines().count() >= 35).then_some(()));
    let log = tail.log();
    assert_eq!(log.lines().filter(|line| line.contains('~')).count(), 17, "{log}");
    assert!(
        log.contains("message: Is a person there?") && log.contains("message: Where is my parcel?"),
        "{log}"
    );
    let (code, _) = tail.terminate();
    assert_eq!(code, Some(0), "{}", tail.log());
    cluster.kafka.stop();
}

#[test]
fn as_of_says_where_the_inputs_beginnings_are_gone_and_does_not_call_that_done() {
    let cluster = Cluster::start();
    cluster.load(&case("web-chat-from-bot-to-close", "events.ndjson"));
    let bootstrap = ["--bootstrap", cluster.kafka.bootstrap()];
    let asked = |more: &[&str]| {
        let far = ["as-of", "--conversation", "c", "--event-time", "2099-12-31T00:00:00Z", "--json"];
        run_to_end(&[&far[..], more, &bootstrap].concat(), b"")
    };
    let said = |output: &std::process::Output| String::from_utf8(output.stderr.clone()).unwrap();
    let shown =
        |output: &std::process::Output| records(std::str::from_utf8(&output.stdout).unwrap()).finals.len();

    let whole = asked(&[]);
    assert_eq!(
        (whole.status.code(), said(&whole).contains("incomplete")),
        (Some(0), false),
        "{}",
        said(&whole)
    );

    // The first three events of the conversation go, and with them all that another partition had.
    let partitions = partitions_of(cluster.kafka.bootstrap(), "cx.events");
    let partition = engine::partition_of(b"c", partitions);
    let other = (partition + 1) % partitions;
    cluster.load(
        &json!({"id": "o", "name": "X", "timestamp": 1_750_000_000_000_i64,
        "conversationId": id_in(other, partitions)})
        .to_string(),
    );
    cut_off(cluster.kafka.bootstrap(), "cx.events", &[(partition, 3), (other, 1)]);
    for more in [&[][..], &["--quiet"]] {
        let cut = asked(more);
        let said = said(&cut);
        assert_eq!(cut.status.code(), Some(1), "{said}");
        assert!(said.contains("the answer may be incomplete"), "{said}");
        assert!(said.contains(&format!("cx.events/{partition} begins at offset 3 (came 20")), "{said}");
        assert!(
            said.contains(&format!("cx.events/{other} begins at offset 1 (no record is left)")),
            "{said}"
        );
        let (left, all) = (shown(&cut), shown(&whole));
        assert!((1..all).contains(&left), "what is left is shown: {left} of {all} records");
    }
    let allowed = asked(&["--allow-incomplete"]);
    assert_eq!(allowed.status.code(), Some(0), "{}", said(&allowed));
    assert!(said(&allowed).contains("may be incomplete"), "{}", said(&allowed));

    // What is not found may be among what is gone.
    let unknown =
        cluster.fails(&["as-of", "--conversation", "unknown", "--event-time", "2099-12-31T00:00:00Z"]);
    assert!(
        unknown.contains("no event names conversation \"unknown\"") && unknown.contains("begins at offset 3"),
        "{unknown}"
    );
    cluster.kafka.stop();
}

/// A conversation's id that lies in this partition.
fn id_in(partition: i32, partitions: i32) -> String {
    let mut ids = (0..).map(|number: i32| format!("c-{number}"));
    ids.find(|id| engine::partition_of(id.as_bytes(), partitions) == partition).unwrap()
}

#[test]
fn the_time_that_is_printed_of_an_event_is_a_time_at_which_as_of_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson");
    let events =
        [(1_750_000_000_123_i64, "first"), (1_750_000_059_999, "last"), (1_750_000_060_000, "later")];
    let line = |(at, id): &(i64, &str)| {
        json!({"id": id, "name": "CUSTOMER_MESSAGE", "timestamp": at, "conversationId": "c", "data": {"id": format!("m-{id}")}})
            .to_string()
    };
    std::fs::write(&file, events.iter().map(line).collect::<Vec<_>>().join("\n")).unwrap();
    let as_of = |time: &str, more: &[&str]| {
        ok(&[
            &["as-of", "--conversation", "c", "--file", file.to_str().unwrap(), "--event-time", time][..],
            more,
        ]
        .concat())
    };
    let page = as_of("1750000060000", &[]);
    let (_, printed) = page.split_once("started ").unwrap();
    let started = &printed[..printed.find('Z').unwrap() + 1];
    assert_eq!(started, "2025-06-15 15:06:40Z", "{page}");
    let ids = |time: &str| {
        let seen: Value = serde_json::from_str(&as_of(time, &["--json"])).unwrap();
        seen["timeline"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["entryId"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(started), ["first"]);
    let last = as_of("2025-06-15T15:07:39.999Z", &[]);
    let (_, printed) = last.split_once("last event ").unwrap();
    let printed = &printed[..printed.find('Z').unwrap() + 1];
    assert_eq!(printed, "2025-06-15 15:07:39Z", "{last}");
    assert_eq!(ids(printed), ["first", "last"]);
    assert_eq!(ids("2025-06-15T15:07:39.998Z"), ["first"]);
    assert_eq!(ids("1750000059998"), ["first"]);
}
