// SPDX-License-Identifier: Apache-2.0

//! Changes of topics while the pipeline runs: records removed before they were read, added partitions. They are logged, counted and
//! reported by the probes; everything else continues.

use std::cell::Cell;
use std::time::Duration;

use cx_timelines_tests::{
    OUTPUTS, Program, Watch, add_partitions, consume, create_topic, differences, fold, of_lines, remove_all,
    run_to_end, wait_until,
};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use sandbox::kafka::Kafka;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(120);
const AT: i64 = 1_750_000_000_000;
const INPUT: &str = "cx.events";
/// A topic of one conversation.
const OWN: &str = "cx.conversation.own";

struct Ground {
    kafka: Kafka,
    folder: tempfile::TempDir,
    starts: Cell<u32>,
}

impl Ground {
    fn new() -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let applied = run_to_end(&["topics", "apply", "--bootstrap", kafka.bootstrap()], b"");
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        create_topic(kafka.bootstrap(), OWN, 1, &[]);
        Self { kafka, folder: tempfile::tempdir().unwrap(), starts: Cell::new(0) }
    }

    fn bootstrap(&self) -> &str {
        self.kafka.bootstrap()
    }

    fn run(&self) -> Program {
        let arguments = ["run", "--bootstrap", self.bootstrap(), "--http", "127.0.0.1:0"];
        let log = format!("run-{}.log", self.starts.replace(self.starts.get() + 1));
        let mut instance = Program::start(&arguments, self.folder.path().join(log));
        wait_until("it is ready", TIMEOUT, || (instance.get("/health/ready").0 == 200).then_some(()));
        instance
    }

    fn load(&self, records: &[Value]) {
        let lines = std::iter::once(json!({"#records": true})).chain(records.iter().cloned());
        let lines: Vec<String> = lines.map(|line| line.to_string()).collect();
        let loaded = run_to_end(&["load", "-", "--bootstrap", self.bootstrap()], lines.join("\n").as_bytes());
        assert!(loaded.status.success(), "load: {}", String::from_utf8_lossy(&loaded.stderr));
    }

    fn wait_for_all(&self) {
        Watch::new(self.bootstrap(), "cx-timelines", INPUT).wait_for_all(TIMEOUT);
    }

    /// What consumers see is what `fold` gives for these records.
    fn check(&self, records: &[Value]) {
        let lines: Vec<String> =
            records.iter().map(|record| record["value"].as_str().unwrap().to_owned()).collect();
        let expected = of_lines(&fold(lines.join("\n").as_bytes()));
        wait_until("consumers see what fold gives", TIMEOUT, || {
            let seen = consume(self.bootstrap(), &OUTPUTS).records;
            differences(&expected, &seen).is_empty().then_some(())
        });
    }

    /// An open transaction in a partition: `read_committed` consumers see nothing after it.
    fn hold_back(&self, topic: &str, partition: i32) -> BaseProducer {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.bootstrap());
        let producer: BaseProducer =
            client.set("transactional.id", format!("hold {topic}")).create().unwrap();
        producer.init_transactions(TIMEOUT).unwrap();
        producer.begin_transaction().unwrap();
        producer.send(BaseRecord::<[u8], [u8]>::to(topic).partition(partition).payload(b"{}")).unwrap();
        producer.flush(TIMEOUT).unwrap();
        producer
    }
}

/// A message of a conversation, in a topic and a partition.
fn message((topic, partition): (&str, i32), conversation: &str, id: &str) -> Value {
    let sender = json!({"type": "CUSTOMER", "id": "x"});
    let data =
        json!({"id": id, "header": {"sender": sender}, "body": {"type": "PLAIN", "markdownText": "Hello"}});
    let event = json!({"id": id, "name": "CUSTOMER_MESSAGE", "timestamp": AT, "conversationId": conversation, "data": data});
    json!({"topic": topic, "partition": partition, "key": conversation, "value": event.to_string()})
}

fn messages(place: (&str, i32), conversation: &str, ids: std::ops::Range<usize>) -> Vec<Value> {
    ids.map(|id| message(place, conversation, &format!("{conversation}-{id}"))).collect()
}

fn lost(topic: &str) -> String {
    format!("cx_timelines_input_records_lost_total{{topic=\"{topic}\"}}")
}

/// The line of the log that says what is gone of a topic.
fn said_of(instance: &Program, topic: &str) -> Option<String> {
    let log = instance.log();
    log.lines()
        .find(|line| line.contains("removed") && line.contains(&format!("topic=\"{topic}\"")))
        .map(str::to_owned)
}

#[test]
fn events_that_were_removed_before_a_start_are_said_and_counted_and_the_rest_is_folded() {
    let ground = Ground::new();
    let mut kept = messages((INPUT, 0), "before", 0..5);
    kept.extend(messages((OWN, 0), "own", 0..3));
    ground.load(&kept);
    let mut instance = ground.run();
    ground.wait_for_all();
    Watch::new(ground.bootstrap(), "cx-timelines", OWN).wait_for_all(TIMEOUT);
    assert_eq!(instance.figure(&lost(INPUT)), 0.0);
    assert_eq!(instance.terminate().0, Some(0));

    ground.load(&messages((INPUT, 0), "gone", 0..7));
    ground.load(&messages((OWN, 0), "own", 3..5));
    assert_eq!(remove_all(ground.bootstrap(), INPUT, 0), 12);
    assert_eq!(remove_all(ground.bootstrap(), OWN, 0), 5);
    let mut instance = ground.run();
    let after = [messages((INPUT, 0), "after", 0..2), messages((OWN, 0), "own", 5..6)].concat();
    ground.load(&after);
    kept.extend(after);
    ground.wait_for_all();
    ground.check(&kept);
    assert_eq!(instance.figure(&lost(INPUT)), 7.0, "{}", instance.log());
    let pattern = r"^cx\.conversation\.";
    wait_until("the other topic's gap is counted", TIMEOUT, || {
        let scrape = instance.get("/metrics").1;
        let line = scrape.lines().find(|line| {
            line.starts_with("cx_timelines_input_records_lost_total") && line.contains("conversation")
        })?;
        assert!(!line.contains(OWN), "{line} has no topic of one conversation, but its pattern {pattern}");
        line.ends_with(" 2").then_some(())
    });
    let said = said_of(&instance, INPUT).unwrap();
    assert!(said.contains("WARN") && said.contains("partition=0"), "{said}");
    assert!(said.contains("from=5") && said.contains("to=12") && said.contains("lost=7"), "{said}");
    assert!(said_of(&instance, OWN).is_some(), "{}", instance.log());
    assert_eq!(instance.terminate().0, Some(0));
}

#[test]
fn events_that_are_removed_while_it_runs_are_said_and_counted_and_the_rest_is_folded() {
    let ground = Ground::new();
    let mut kept = messages((INPUT, 0), "before", 0..5);
    kept.extend(messages((INPUT, 1), "beside", 0..5));
    kept.extend(messages((OWN, 0), "own", 0..3));
    ground.load(&kept);
    let mut instance = ground.run();
    ground.wait_for_all();
    let own = Watch::new(ground.bootstrap(), "cx-timelines", OWN);
    own.wait_for_all(TIMEOUT);
    // So the removed records are not read.
    let held = [ground.hold_back(INPUT, 0), ground.hold_back(OWN, 0)];
    ground.load(&messages((INPUT, 0), "gone", 0..7));
    ground.load(&messages((OWN, 0), "own", 3..5));
    assert_eq!(remove_all(ground.bootstrap(), INPUT, 0), 13);
    assert_eq!(remove_all(ground.bootstrap(), OWN, 0), 6);
    wait_until("it has noticed both", TIMEOUT, || {
        let all = instance.figure("cx_timelines_input_records_lost_total");
        (all >= 11.0).then_some(())
    });
    held.iter().for_each(|producer| producer.abort_transaction(TIMEOUT).unwrap());
    let after = [messages((INPUT, 0), "after", 0..2), messages((INPUT, 1), "beside", 5..9)];
    let after = [after.concat(), messages((OWN, 0), "own", 5..6)].concat();
    ground.load(&after);
    kept.extend(after);
    ground.check(&kept);
    assert_eq!(instance.figure(&lost(INPUT)), 8.0, "and no more: {}", instance.log());
    let said = said_of(&instance, INPUT).unwrap();
    assert!(said.contains("from=5") && said.contains("to=13") && said.contains("partition=0"), "{said}");
    assert_eq!(instance.get("/health/ready").0, 200);
    assert_eq!(instance.terminate().0, Some(0));
}

#[test]
fn what_was_read_may_be_removed_and_nobody_is_alarmed() {
    let ground = Ground::new();
    let mut kept = messages((INPUT, 0), "before", 0..5);
    ground.load(&kept);
    let mut instance = ground.run();
    ground.wait_for_all();
    remove_all(ground.bootstrap(), INPUT, 0);
    assert_eq!(instance.terminate().0, Some(0));
    let mut instance = ground.run();
    let after = messages((INPUT, 0), "after", 0..5);
    ground.load(&after);
    kept.extend(after);
    ground.wait_for_all();
    ground.check(&kept);
    assert_eq!(instance.figure("cx_timelines_input_gaps_total"), 0.0, "{}", instance.log());
    assert!(!instance.log().contains("removed before"), "{}", instance.log());
    assert_eq!(instance.terminate().0, Some(0));
}

#[test]
fn a_new_group_takes_what_there_is_and_says_where_it_begins() {
    let ground = Ground::new();
    ground.load(&messages((INPUT, 0), "gone", 0..5));
    assert_eq!(remove_all(ground.bootstrap(), INPUT, 0), 5);
    let kept = messages((INPUT, 0), "kept", 0..5);
    ground.load(&kept);
    let mut instance = ground.run();
    ground.wait_for_all();
    ground.check(&kept);
    assert_eq!(instance.figure("cx_timelines_input_gaps_total"), 0.0);
    let log = instance.log();
    assert!(log.contains("for the first time") && log.contains("begin=5"), "{log}");
    assert_eq!(instance.terminate().0, Some(0));
}

#[test]
fn partitions_that_are_added_to_the_input_are_told_and_the_others_go_on() {
    let ground = Ground::new();
    let mut kept = messages((INPUT, 0), "before", 0..5);
    ground.load(&kept);
    let mut instance = ground.run();
    ground.wait_for_all();
    add_partitions(ground.bootstrap(), INPUT, 10);
    let body = wait_until("it is not ready any more", TIMEOUT, || {
        let (status, body) = instance.get("/health/ready");
        (status == 503 && body.contains("cx.events/9")).then_some(body)
    });
    assert!(body.contains("the state was made for 8 partitions"), "{body}");
    assert!(body.contains("cx.events/8 is not read, cx.events/9 is not read"), "{body}");
    assert!(body.contains("8 of 8 tasks running"), "{body}");
    assert_eq!(instance.figure("cx_timelines_input_partitions_unread"), 2.0);
    let log = instance.log();
    assert!(log.contains("was added to the input after the state was made"), "{log}");
    assert!(log.contains("docs/runbook/alerts/CxTimelinesPartitionsUnread.md"), "{log}");
    ground.load(&messages((INPUT, 9), "waits", 0..3));
    let after = [messages((INPUT, 0), "after", 0..5), messages((INPUT, 7), "after too", 0..5)].concat();
    ground.load(&after);
    kept.extend(after);
    ground.check(&kept);
    assert_eq!(instance.get("/health/live").0, 200);
    assert_eq!(instance.terminate().0, Some(0));
}

#[test]
fn a_topic_between_the_processors_with_another_number_of_partitions_is_told() {
    let ground = Ground::new();
    let mut instance = ground.run();
    for topic in ["cx-timelines-repartition", "cx-timelines-changelog"] {
        add_partitions(ground.bootstrap(), topic, 9);
    }
    let body = wait_until("the probe tells it", TIMEOUT, || {
        let body = instance.get("/health/ready").1;
        (body.contains("cx-timelines-changelog has 9") && body.contains("cx-timelines-repartition has 9"))
            .then_some(body)
    });
    assert!(body.contains("the state was made for 8 partitions"), "{body}");
    assert!(instance.log().contains("another number of partitions than the state"), "{}", instance.log());
    let kept = messages((INPUT, 3), "on it goes", 0..5);
    ground.load(&kept);
    ground.check(&kept);
    assert_eq!(instance.terminate().0, Some(0));
}
