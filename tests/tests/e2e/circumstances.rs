// SPDX-License-Identifier: Apache-2.0

//! Failures without wrong usage: a broker that is away, topics that are deleted, records that a topic does not
//! take, clocks that are off. What can pass by itself is waited for, what cannot is said; and no record is ever wrong.

use std::process::Output;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cx_timelines_tests::{
    DEAD_LETTERS, OUTPUTS, Program, Records, Watch, consume, delete_topic, differences, fold, of_lines,
    run_to_end, series, set_topic, wait_until,
};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use sandbox::conversations::{Options, Size, events};
use sandbox::kafka::Kafka;
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;
const TIMEOUT: Duration = Duration::from_secs(120);

/// A broker with the topics, and a folder for one instance after the other.
struct Ground {
    kafka: Kafka,
    folder: tempfile::TempDir,
    /// What topics.yaml says otherwise.
    config: String,
}

impl Ground {
    /// `changes`: what is written otherwise in topics.yaml.
    fn new(changes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let standard =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml")).unwrap();
        let config = changes.iter().fold(standard, |config, (from, to)| {
            assert!(config.contains(from), "topics.yaml has no {from:?}");
            config.replace(from, to)
        });
        let file = folder.path().join("topics.yaml");
        std::fs::write(&file, config).unwrap();
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let ground = Self { kafka, config: file.to_str().unwrap().to_owned(), folder };
        ground.apply_topics();
        ground
    }

    fn bootstrap(&self) -> &str {
        self.kafka.bootstrap()
    }

    fn apply_topics(&self) {
        let applied =
            run_to_end(&["topics", "apply", "--bootstrap", self.bootstrap(), "--config", &self.config], b"");
        assert!(applied.status.success(), "topics apply: {}", String::from_utf8_lossy(&applied.stderr));
    }

    fn run(&self) -> Program {
        Program::start(
            &[
                "run",
                "--bootstrap",
                self.bootstrap(),
                "--config",
                &self.config,
                "--http",
                "127.0.0.1:0",
                "--kafka",
                "session.timeout.ms=3000",
                "--kafka",
                "heartbeat.interval.ms=500",
            ],
            self.folder.path().join("run.log"),
        )
    }

    fn load(&self, lines: &[String]) {
        let loaded = self.try_to_load(lines);
        assert!(loaded.status.success(), "load: {}", String::from_utf8_lossy(&loaded.stderr));
    }

    fn try_to_load(&self, lines: &[String]) -> Output {
        run_to_end(&["load", "-", "--bootstrap", self.bootstrap()], lines.join("\n").as_bytes())
    }

    /// Loads records with what is given of topic, key, partition and timestamp.
    fn load_records(&self, records: &[Value]) {
        self.load(&in_records(records));
    }

    /// The same, where the topic may not take them yet.
    fn takes(&self, records: &[Value]) -> bool {
        self.try_to_load(&in_records(records)).status.success()
    }

    fn wait_for_all(&self) {
        Watch::new(self.bootstrap(), "cx-timelines", "cx.events").wait_for_all(TIMEOUT);
    }

    fn consumed(&self, topics: &[&str]) -> Records {
        consume(self.bootstrap(), topics).records
    }

    /// What consumers see is what `fold` gives for these events.
    fn check(&self, lines: &[String]) {
        let found = differences(&of_lines(&fold(lines.join("\n").as_bytes())), &self.consumed(&OUTPUTS));
        assert!(found.is_empty(), "{} differences, the first: {}", found.len(), found[0]);
    }
}

fn in_records(records: &[Value]) -> Vec<String> {
    let lines = std::iter::once(json!({"#records": true})).chain(records.iter().cloned());
    lines.map(|line| line.to_string()).collect()
}

fn lines(seed: u64, count: usize) -> Vec<String> {
    let options = Options {
        seed,
        start_ms: 1_750_000_000_000,
        size: Size::Slim,
        session_keyed: false,
        ..Options::default()
    };
    events(&options, count).into_iter().map(|planned| planned.value).collect()
}

fn ends_in_order(mut instance: Program) {
    let (code, took) = instance.terminate();
    assert_eq!(code, Some(0), "{}", instance.log());
    assert!(took < Duration::from_secs(5), "the stop took {took:?}");
}

fn wait_for_readiness(instance: &mut Program, status: u16) {
    wait_until(&format!("readiness is {status}"), TIMEOUT, || {
        (instance.get("/health/ready").0 == status).then_some(())
    });
}

#[test]
fn a_broker_that_stays_away_makes_it_not_ready_and_nothing_is_lost_when_it_comes_back() {
    let mut ground = Ground::new(&[]);
    let lines = lines(41, 2_000);
    let (before, after) = lines.split_at(lines.len() / 2);
    let mut instance = ground.run();
    ground.load(before);
    wait_for_readiness(&mut instance, 200);
    ground.kafka.kill();
    wait_for_readiness(&mut instance, 503);
    assert_eq!(instance.get("/health/live").0, 200, "a broker that is away is no reason to be started again");
    ground.kafka.restart().unwrap();
    ground.load(after);
    ground.wait_for_all();
    wait_for_readiness(&mut instance, 200);
    ends_in_order(instance);
    ground.check(&lines);
}

#[test]
fn an_output_topic_that_is_deleted_ends_it_with_the_topics_name_and_the_next_start_creates_it() {
    let ground = Ground::new(&[]);
    let lines = lines(42, 1_000);
    let (before, after) = lines.split_at(lines.len() / 2);
    let mut instance = ground.run();
    ground.load(before);
    ground.wait_for_all();
    delete_topic(ground.bootstrap(), "cx.audit");
    ground.load(after);
    assert_eq!(instance.wait_for_end(TIMEOUT), Some(1), "{}", instance.log());
    let said = instance.log();
    assert!(said.contains("error: topic cx.audit does not exist: run `cx-timelines topics apply`"), "{said}");
    let instance = ground.run();
    ground.wait_for_all();
    // What the deleted topic held is gone with it; all else is as if nothing had been.
    let expected = of_lines(&fold(lines.join("\n").as_bytes()));
    let consumed = ground.consumed(&OUTPUTS);
    let others: Vec<&str> = OUTPUTS.iter().copied().filter(|topic| *topic != "cx.audit").collect();
    let (new, old): (Vec<_>, Vec<_>) =
        consumed.finals.iter().partition(|((topic, _), _)| topic == "cx.audit");
    assert!(!new.is_empty() && !old.is_empty());
    assert!(new.iter().all(|(key, value)| expected.finals.get(key) == Some(value)));
    assert_eq!(differences(&expected.only(&others), &consumed.only(&others)), Vec::<String>::new());
    ends_in_order(instance);
}

#[test]
fn an_input_topic_that_is_deleted_and_created_again_is_read_from_its_beginning() {
    let ground = Ground::new(&[]);
    // One partition was longer than it will be: that shows at once, while much is on its way from one partition to another.
    let mut lines = lines(43, 12_000);
    lines.splice(0..0, vec![lines[0].clone(); 8_000]);
    let (before, after) = lines.split_at(9_000);
    let instance = ground.run();
    ground.load(before);
    ground.wait_for_all();
    delete_topic(ground.bootstrap(), "cx.events");
    ground.apply_topics();
    ground.load(after);
    ground.wait_for_all();
    wait_until("it says what became of the topic", TIMEOUT, || {
        let said = instance.log();
        // Or the group noticed that it was gone, and assigned it again.
        (said.contains("was recreated") || said.contains("revoked")).then_some(())
    });
    // The group's offsets are still those of the topic before: they do not tell when all is read.
    let expected = of_lines(&fold(lines.join("\n").as_bytes()));
    wait_until("consumers see what fold gives", TIMEOUT, || {
        differences(&expected, &ground.consumed(&OUTPUTS)).is_empty().then_some(())
    });
    ends_in_order(instance);
}

#[test]
fn a_record_too_large_for_its_topic_ends_it_with_the_setting_to_raise_and_nothing_is_lost() {
    let ground = Ground::new(&[]);
    let mut lines = lines(44, 500);
    let long = json!({"id": "long", "name": "CUSTOMER_MESSAGE", "timestamp": 1_750_000_000_000_i64,
        "conversationId": "c", "data": {"id": "long", "header": {"sender": {"type": "CUSTOMER", "id": "x"}},
        "body": {"type": "PLAIN", "markdownText": "long ".repeat(10_000)}}});
    lines.insert(lines.len() / 2, long.to_string());
    let set = |bytes| {
        let settings = [("max.message.bytes", bytes), ("cleanup.policy", "compact")];
        set_topic(ground.bootstrap(), "cx.activities", &settings);
    };
    let mut instance = ground.run();
    wait_for_readiness(&mut instance, 200);
    set("20000");
    ground.load(&lines);
    assert_eq!(instance.wait_for_end(TIMEOUT), Some(1), "{}", instance.log());
    let said = instance.log();
    assert!(said.contains("error: cannot write to topic cx.activities"), "{said}");
    assert!(said.contains("max.message.bytes"), "{said}");
    let mut refused = ground.run();
    assert_eq!(refused.wait_for_end(TIMEOUT), Some(2), "{}", refused.log());
    let said = refused.log();
    assert!(said.contains("topic cx.activities: max.message.bytes is 20000, must be"), "{said}");
    set("16777216");
    let instance = ground.run();
    ground.wait_for_all();
    ground.check(&lines);
    ends_in_order(instance);
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// An event of conversation `c`, as a record.
fn record(id: &str, name: &str, at: i64, data: &Value) -> Value {
    let event = json!({"id": id, "name": name, "timestamp": at, "conversationId": "c", "data": data});
    json!({"topic": "cx.events", "key": "c", "value": event.to_string()})
}

fn message(id: &str, at: i64) -> Value {
    let sender = json!({"type": "CUSTOMER", "id": "x"});
    let data =
        json!({"id": id, "header": {"sender": sender}, "body": {"type": "PLAIN", "markdownText": "Hello"}});
    record(id, "CUSTOMER_MESSAGE", at, &data)
}

fn reaction(id: &str, on: &str, at: i64) -> Value {
    let header = json!({"sender": {"type": "AGENT", "id": "ann"}, "originalMessageId": on});
    record(id, "REACTION", at, &json!({"header": header, "body": {"kind": "EMOJI", "value": "👍"}}))
}

/// Of its Kafka timestamp the producer's clock decides as well, unless the topic has `message.timestamp.type=LogAppendTime`.
fn stamped(mut record: Value, timestamp: i64) -> Value {
    record["timestamp"] = timestamp.into();
    record
}

#[test]
fn an_event_hours_ahead_of_its_record_lets_nothing_expire_and_a_producer_wrong_throughout_does() {
    let ground = Ground::new(&[("waiting: 24h", "waiting: 30m")]);
    let now = now_ms();
    let instance = ground.run();
    // The event's time and the record's are 55 minutes ahead: nothing tells that from the truth, and what waits for 30 expires.
    ground.load_records(&[reaction("r1", "m1", now)]);
    let mut sent = 0;
    wait_until("what waits for longer than it may is a dead letter", TIMEOUT, || {
        sent += 1;
        let ahead = now + 55 * MINUTE + sent;
        ground.load_records(&[stamped(message(&format!("ahead-{sent}"), ahead), ahead)]);
        ground.wait_for_all();
        (ground.consumed(&[DEAD_LETTERS]).reasons.get("target-not-found") == Some(&1)).then_some(())
    });
    // The event's time alone is hours ahead of its record: it does not count.
    ground.load_records(&[reaction("r2", "m2", now), stamped(message("far", now + 150 * MINUTE), now)]);
    ground.wait_for_all();
    ground.load_records(&[message("m2", now)]);
    ground.wait_for_all();
    let consumed = ground.consumed(&["cx.activities", DEAD_LETTERS]);
    assert_eq!(consumed.reasons.get("target-not-found"), Some(&1), "{:?}", consumed.reasons);
    let activity = &consumed.finals[&("cx.activities".to_owned(), "c/m2".to_owned())];
    assert_eq!(activity["reactions"][0]["eventId"], "r2", "{activity}");
    ends_in_order(instance);
}

#[test]
fn a_record_from_the_future_that_the_input_took_becomes_a_dead_letter_of_now() {
    let ground = Ground::new(&[]);
    // By default a broker takes no record that is more than an hour ahead; some operators allow it.
    set_topic(
        ground.bootstrap(),
        "cx.events",
        &[("message.timestamp.after.max.ms", "9223372036854775807"), ("cleanup.policy", "delete")],
    );
    let ahead = now_ms() + 150 * MINUTE;
    wait_until("the broker takes records from the future", TIMEOUT, || {
        ground.takes(&[stamped(message("m0", ahead), ahead)]).then_some(())
    });
    let home = engine::partition_of(b"c", 8);
    let mut misplaced = stamped(message("m1", ahead), ahead);
    misplaced["partition"] = ((home + 1) % 8).into();
    let unreadable = json!({"topic": "cx.events", "key": "c", "value": "{", "timestamp": ahead});
    ground.load_records(&[misplaced, unreadable]);
    let instance = ground.run();
    ground.wait_for_all();
    let consumed = ground.consumed(&["cx.activities", DEAD_LETTERS]);
    assert!(consumed.finals.contains_key(&("cx.activities".to_owned(), "c/m1".to_owned())));
    assert_eq!(consumed.reasons.get("malformed"), Some(&1), "{:?}", consumed.reasons);
    ends_in_order(instance);
}

/// The first name of its kind that lies in this partition.
fn named(kind: &str, partition: i32) -> String {
    (0..)
        .map(|number| format!("{kind}-{number}"))
        .find(|name| engine::partition_of(name.as_bytes(), 8) == partition)
        .unwrap()
}

fn event_of(conversation: Option<&str>, session: Option<&str>, id: &str, at: i64) -> Value {
    let sender = json!({"type": "CUSTOMER", "id": "x"});
    let mut header = json!({"sender": sender});
    if let Some(session) = session {
        header["channelSession"] = json!({"id": session});
    }
    let data = json!({"id": id, "header": header, "body": {"type": "PLAIN", "markdownText": "Hello"}});
    let mut event = json!({"id": id, "name": "CUSTOMER_MESSAGE", "timestamp": at, "data": data});
    if let Some(conversation) = conversation {
        event["conversationId"] = conversation.into();
    }
    event
}

#[test]
fn nothing_that_waits_is_given_up_before_all_partitions_have_been_read() {
    const DAY: i64 = 24 * 60 * MINUTE;
    let ground = Ground::new(&[]);
    let began = now_ms() - 6 * DAY;
    let (ahead, behind) = (1, 2);
    let (session, conversation) = (named("session", ahead), named("conversation", behind));
    let clock = named("clock", ahead);
    let in_partition = |partition: i32, event: &Value, at: i64| json!({"topic": "cx.events", "key": "k", "value": event.to_string(), "partition": partition, "timestamp": at});
    let tick = |after: i64| {
        let at = began + after;
        in_partition(ahead, &event_of(Some(&clock), None, &format!("tick-{after}"), at), at)
    };
    let waits = event_of(None, Some(&session), "waits", began);
    ground.load_records(&[in_partition(ahead, &waits, began), tick(3 * DAY)]);
    // The one that says which conversation the session belongs to lies in a transaction that is not finished yet.
    let tells = event_of(Some(&conversation), Some(&session), "tells", began).to_string();
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", ground.bootstrap())
        .set("transactional.id", "another-producer")
        .set("transaction.timeout.ms", "600000")
        .create()
        .unwrap();
    producer.init_transactions(TIMEOUT).unwrap();
    producer.begin_transaction().unwrap();
    let record = BaseRecord::<str, str>::to("cx.events").partition(behind).payload(&tells).timestamp(began);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(TIMEOUT).unwrap();

    let mut instance = ground.run();
    let lag = format!("cx_timelines_consumer_lag_records{{partition=\"{ahead}\",topic=\"cx.events\"}}");
    wait_until("the partition that is ahead has been read", TIMEOUT, || {
        let scrape = instance.get("/metrics").1;
        (series(&scrape, &lag) == Some(0.0) && series(&scrape, "cx_timelines_events_total") >= Some(2.0))
            .then_some(())
    });
    ground.load_records(&[tick(4 * DAY)]);
    wait_until("the clock has been read", TIMEOUT, || {
        (instance.figure("cx_timelines_events_total") >= 3.0).then_some(())
    });
    producer.commit_transaction(TIMEOUT).unwrap();
    wait_until("what waited is folded", TIMEOUT, || {
        let finals = ground.consumed(&["cx.activities"]).finals;
        finals.contains_key(&("cx.activities".to_owned(), format!("{conversation}/waits"))).then_some(())
    });
    assert!(ground.consumed(&[DEAD_LETTERS]).reasons.is_empty());

    // Now that everything has been read, what waits in vain is given up; also behind the end of a transaction.
    let in_vain = event_of(None, Some(&named("unresolved", ahead)), "waits in vain", began);
    ground.load_records(&[in_partition(ahead, &in_vain, began + 4 * DAY)]);
    let mut after = 5 * DAY;
    wait_until("what waits in vain is a dead letter", TIMEOUT, || {
        after += MINUTE;
        ground.load_records(&[tick(after)]);
        (ground.consumed(&[DEAD_LETTERS]).reasons.get("unresolved-session") == Some(&1)).then_some(())
    });
    ends_in_order(instance);
}
