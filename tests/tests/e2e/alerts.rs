// SPDX-License-Identifier: Apache-2.0

//! Alerts by the clock on the wall: raised once though nothing comes any more and the instance is killed, and never for what
//! only lay unread.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cx_timelines_tests::{Consumed, Instance, Program, Watch, consume, run_to_end, wait_until};
use sandbox::kafka::Kafka;
use serde_json::{Value, json};

const TOPIC: &str = "cx.alerts";
const GROUP: &str = "cx-timelines";
const TIMEOUT: Duration = Duration::from_secs(60);
/// The seconds of a customer's timer that runs while the instance is killed.
const WHILE_KILLED_S: i64 = 15;
const SOON_S: i64 = 1;

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

/// A conversation's session, whose customer has so many seconds.
fn event(conversation: &str, name: &str, at: i64, seconds: i64) -> Value {
    let channel =
        json!({"channelType": {"name": "WEB"}, "channelConfig": {"customerActivityTimeout": seconds}});
    json!({"id": format!("{conversation}-{name}"), "name": name, "timestamp": at, "conversationId": conversation,
        "channelSession": {"id": format!("session of {conversation}"), "channel": channel},
        "data": {"id": "m", "header": {"sender": {"type": "CUSTOMER", "id": "cus"}}, "body": {"type": "PLAIN"}}})
}

fn started(conversation: &str, at: i64, seconds: i64) -> Value {
    event(conversation, "CHANNEL_SESSION_STARTED", at, seconds)
}

fn answered(conversation: &str, at: i64) -> Value {
    event(conversation, "CUSTOMER_MESSAGE", at, SOON_S)
}

fn key(conversation: &str) -> String {
    format!(
        "{conversation}/customer-inactive/{conversation}-CHANNEL_SESSION_STARTED/session of {conversation}"
    )
}

struct Ground {
    kafka: Kafka,
    folder: tempfile::TempDir,
    config: PathBuf,
}

impl Ground {
    fn new() -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = small_transactions(folder.path());
        let apply =
            ["topics", "apply", "--bootstrap", kafka.bootstrap(), "--config", config.to_str().unwrap()];
        let applied = run_to_end(&apply, b"");
        assert!(applied.status.success(), "topics apply: {}", String::from_utf8_lossy(&applied.stderr));
        Self { kafka, folder, config }
    }

    fn start(&self) -> Program {
        let instance = Instance {
            bootstrap: self.kafka.bootstrap(),
            config: &self.config,
            state: &self.folder.path().join("state"),
            session_timeout: Duration::from_secs(2),
        };
        instance.start(&[], self.folder.path().join("instance.log"))
    }

    fn load(&self, events: &[Value]) {
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        let output =
            run_to_end(&["load", "-", "--bootstrap", self.kafka.bootstrap()], lines.join("\n").as_bytes());
        assert!(output.status.success(), "load: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn wait_for_all(&self) {
        Watch::new(self.kafka.bootstrap(), GROUP, "cx.events").wait_for_all(TIMEOUT);
    }

    fn alerts(&self) -> Consumed {
        consume(self.kafka.bootstrap(), &[TOPIC])
    }

    /// The alert of a conversation, as it stands.
    fn alert(&self, conversation: &str) -> Option<Value> {
        self.alerts().last.remove(&(TOPIC.to_owned(), key(conversation))).filter(|alert| !alert.is_null())
    }

    fn wait_for_alert(&self, conversation: &str) -> Value {
        wait_until("the alert is raised", TIMEOUT, || self.alert(conversation))
    }
}

/// One partition and many small transactions: what lies unread is taken in many steps.
fn small_transactions(folder: &Path) -> PathBuf {
    let standard = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml")).unwrap();
    let small =
        standard.replace("interval: 100ms", "interval: 1ms").replace("partitions: 8", "partitions: 1");
    assert_ne!(small, standard);
    let file = folder.join("topics.yaml");
    std::fs::write(&file, small).unwrap();
    file
}

#[test]
fn an_alert_is_raised_once_whatever_happens_to_the_instance_and_only_when_all_input_is_read() {
    let ground = Ground::new();
    let mut instance = ground.start();

    let began = now_ms();
    ground.load(&[
        started("silent", began, WHILE_KILLED_S),
        started("talks", began, WHILE_KILLED_S),
        answered("talks", began + 5_000),
    ]);
    ground.wait_for_all();
    instance.kill();
    assert_eq!(ground.alerts().written.len(), 0, "the timer runs");

    let mut instance = ground.start();
    let alert = ground.wait_for_alert("silent");
    assert_eq!(alert["state"], "raised");
    assert_eq!(alert["dueAt"], began + WHILE_KILLED_S * 1000);
    assert!(now_ms() > began + WHILE_KILLED_S * 1000, "and not before its time");
    instance.kill();

    // What lay unread for a while: each answer comes many transactions after the time that it ends began.
    let before = now_ms() - 60_000;
    let mut unread = vec![started("caught up", before, SOON_S), started("marker", before, SOON_S)];
    let others = (0..4_000).map(|number| {
        let id = format!("other-{number}");
        json!({"id": id, "name": "ANYTHING", "timestamp": before, "conversationId": id})
    });
    unread.extend(others);
    unread.push(answered("caught up", before + 500));
    ground.load(&unread);
    let mut instance = ground.start();
    ground.wait_for_alert("marker");
    let alerts = ground.alerts();
    let written: Vec<(&str, usize)> =
        alerts.written.iter().map(|((_, key), count)| (key.as_str(), *count)).collect();
    assert_eq!(written, [(key("marker").as_str(), 1), (key("silent").as_str(), 1)]);
    assert_eq!(alerts.without_headers, 0);

    // The answer was there in time, and only comes late: the alert should never have been.
    ground.load(&[answered("silent", began + 5_000)]);
    wait_until("the alert is taken back", TIMEOUT, || ground.alert("silent").is_none().then_some(()));
    // This one came too late.
    ground.load(&[answered("marker", before + 30_000)]);
    wait_until("the alert is resolved", TIMEOUT, || {
        (ground.alert("marker")?["state"] == "resolved").then_some(())
    });
    let (code, _) = instance.terminate();
    assert_eq!(code, Some(0), "{}", instance.log());
    ground.kafka.stop();
}

#[test]
fn fold_raises_what_is_due_by_the_time_of_the_events_and_only_if_things_may_expire() {
    let began = 1_750_000_000_000;
    let later =
        json!({"id": "o", "name": "ANYTHING", "timestamp": began + 60_000, "conversationId": "other"});
    let input = format!("{}\n{later}\n", started("silent", began, SOON_S));
    let alerts = |flags: &[&str]| {
        let output = run_to_end(&[&["fold", "-"], flags].concat(), input.as_bytes());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).unwrap();
        let records = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let keys = records.filter(|record| record["topic"] == TOPIC).map(|record| record["key"].clone());
        keys.collect::<Vec<Value>>()
    };
    assert_eq!(alerts(&["--expire"]), [json!(key("silent"))]);
    assert_eq!(alerts(&[]), Vec::<Value>::new());
}
