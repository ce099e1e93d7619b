// SPDX-License-Identifier: Apache-2.0

//! The largest input that there can be, on a real broker: no record becomes larger than its topic takes, and `run` goes on.

use std::time::Duration;

use cx_timelines_tests::{Program, Watch, consume, run_to_end};
use sandbox::kafka::Kafka;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(120);
const T0: i64 = 1_750_000_000_000;

fn event(id: &str, name: &str, second: i64, data: &Value) -> Value {
    json!({"id": id, "name": name, "timestamp": T0 + second * 1000, "conversationId": "c", "data": data})
}

/// Seventeen edits of a megabyte on one message, a name of nearly a megabyte, and wrap-ups of forty megabytes together.
fn events() -> Vec<Value> {
    let ann = json!({"sender": {"type": "AGENT", "id": "ann", "senderName": "Ann"}});
    let text = "x".repeat(1_000_000);
    let named = json!({"sender": {"type": "AGENT", "id": "ben", "senderName": "n".repeat(1_040_000)}});
    let mut events = vec![
        event("m", "AGENT_MESSAGE", 0, &json!({"id": "m", "header": ann, "body": {"text": "hi"}})),
        event("named", "AGENT_MESSAGE", 1, &json!({"id": "named", "header": named, "body": {"text": "hi"}})),
    ];
    for number in 0..17 {
        let header = json!({"sender": ann["sender"], "originalMessageId": "m"});
        let body = json!({"action": "EDIT", "body": {"text": text}});
        let data = json!({"header": header, "body": body});
        events.push(event(&format!("e{number:02}"), "MODIFY_ACTIVITY", 10 + number, &data));
    }
    for number in 0..40 {
        let body = json!({"type": "WRAPUP", "text": text});
        let data = json!({"id": format!("w{number:02}"), "header": ann, "body": body});
        events.push(event(&format!("wrap-up-{number:02}"), "WRAPUP_APPLIED", 100 + number, &data));
    }
    events
}

#[test]
fn edits_names_and_wrap_ups_of_a_megabyte_each_do_not_stop_the_pipeline() {
    let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bootstrap = ["--bootstrap", kafka.bootstrap()];
    let applied = run_to_end(&[&["topics", "apply"][..], &bootstrap].concat(), b"");
    assert!(applied.status.success());
    let state = folder.path().join("state").display().to_string();
    let run = [&["run", "--http", "127.0.0.1:0", "--state-dir", &state][..], &bootstrap].concat();
    let mut instance = Program::start(&run, folder.path().join("run.log"));

    let lines: Vec<String> = events().iter().map(Value::to_string).collect();
    let loaded = run_to_end(&[&["load", "-"][..], &bootstrap].concat(), lines.join("\n").as_bytes());
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    let watch = Watch::new(kafka.bootstrap(), "cx-timelines", "cx.events");
    watch.wait_for_all(TIMEOUT);
    assert!(instance.is_running(), "{}", instance.log());

    // It starts again on what it has written, and goes on.
    instance.kill();
    let mut instance = Program::start(&run, folder.path().join("again.log"));
    let more = event("after", "ANYTHING", 1_000, &json!({})).to_string();
    assert!(run_to_end(&[&["load", "-"][..], &bootstrap].concat(), more.as_bytes()).status.success());
    watch.wait_for_all(TIMEOUT);
    assert!(instance.is_running(), "{}", instance.log());

    let topics = ["cx.activities", "cx.conversations", "cx.timelines", "cx.dead-letters"];
    let consumed = consume(kafka.bootstrap(), &topics);
    assert!(consumed.letters.is_empty(), "{:?}", consumed.letters);
    let record = |topic: &str, key: &str| &consumed.records.finals[&(topic.to_owned(), key.to_owned())];
    let edits = record("cx.activities", "c/m")["edits"].as_array().unwrap();
    assert_eq!((edits.len(), edits.iter().filter(|edit| edit["body"].is_object()).count()), (17, 4));
    let summary = record("cx.conversations", "c");
    let wrap_ups = summary["wrapUps"].as_array().unwrap();
    assert_eq!((wrap_ups.len(), wrap_ups.iter().filter(|one| one["body"].is_object()).count()), (40, 4));
    assert_eq!(summary["revision"], 60);
    assert!(record("cx.timelines", "c/named")["actor"]["name"].as_str().is_some());
}
