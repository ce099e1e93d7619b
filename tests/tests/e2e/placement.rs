// SPDX-License-Identifier: Apache-2.0

//! The same conversations, put into Kafka in every way that producers do it: the same final records.

use std::time::Duration;

use cx_timelines_tests::{
    DEAD_LETTERS, OUTPUTS, Program, Records, Watch, consume, differences, fold, of_lines, run_to_end,
    wait_until,
};
use edge::Deliveries;
use model::{Home, Limits};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use sandbox::conversations::{Options, Size, events};
use sandbox::kafka::Kafka;

const EVENTS: usize = 3_000;
const TIMEOUT: Duration = Duration::from_secs(60);

/// Where a producer puts an event.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// By Java's murmur2 of the conversation.
    Partitioned,
    /// By librdkafka's own partitioner, under the conversation's id.
    ForeignPartitioner,
    /// Anywhere, without a key.
    Anywhere,
    /// One topic for each conversation.
    TopicEach,
    /// Each event in another of these ways.
    Mixed,
}

/// The conversation, or the session, or the activity.
fn home(value: &str) -> Option<(String, bool)> {
    let event = model::decode(value.as_bytes(), None, &Limits::default()).ok()?;
    Some(match event.home() {
        Home::Conversation(id) => (id.to_owned(), true),
        Home::Session(id) | Home::Activity(id) => (id.to_owned(), false),
    })
}

fn produce(bootstrap: &str, lines: &[String], way: Way) {
    let producer: BaseProducer<Deliveries> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("partitioner", "consistent_random")
        .set("allow.auto.create.topics", "true")
        .create_with_context(Deliveries::default())
        .unwrap();
    for (number, line) in lines.iter().enumerate() {
        let (home, is_conversation) = home(line).unwrap();
        let way = match (way, number % 4) {
            (Way::Mixed, 0) => Way::Partitioned,
            (Way::Mixed, 1) => Way::ForeignPartitioner,
            (Way::Mixed, 2) => Way::Anywhere,
            (Way::Mixed, _) => Way::TopicEach,
            (way, _) => way,
        };
        let topic = match way {
            Way::TopicEach if is_conversation => format!("cx.conversation.{home}"),
            _ => "cx.events".to_owned(),
        };
        let mut record = BaseRecord::<str, str, ()>::to(&topic).payload(line);
        match way {
            Way::Partitioned => {
                record = record.key(&home).partition(engine::partition_of(home.as_bytes(), 8));
            }
            Way::ForeignPartitioner | Way::TopicEach => record = record.key(&home),
            Way::Anywhere | Way::Mixed => {}
        }
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.poll(Duration::ZERO);
    }
    producer.flush(TIMEOUT).unwrap();
    assert_eq!(producer.context().take_failed(), None);
}

fn run(kafka: &Kafka, folder: &std::path::Path, number: usize) -> Program {
    let state = folder.join(format!("state-{number}"));
    let log = folder.join(format!("run-{number}.log"));
    let arguments = ["run", "--bootstrap", kafka.bootstrap(), "--http", "127.0.0.1:0", "--state-dir"];
    Program::start(&[&arguments[..], &[state.to_str().unwrap()]].concat(), log)
}

/// Waits until as many events have left a trace as there are, then until all that they cause is done.
fn wait_for_all(bootstrap: &str, expected: &Records) {
    let wanted = expected.finals.keys().filter(|(topic, _)| topic == "cx.timelines").count();
    wait_until("every event is on a timeline", Duration::from_secs(120), || {
        let consumed = consume(bootstrap, &["cx.timelines"]);
        (consumed.records.finals.len() >= wanted).then_some(())
    });
    Watch::new(bootstrap, "cx-timelines", "cx.events").wait_for_all(Duration::from_secs(60));
}

fn check(way: Way, seed: u64) {
    let options = sandbox::kafka::Options {
        partitions_default: 2,
        extra_properties: vec![("auto.create.topics.enable".to_owned(), "true".to_owned())],
        ..sandbox::kafka::Options::default()
    };
    let kafka = Kafka::start(options, &mut |_| {}).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let applied = run_to_end(&["topics", "apply", "--bootstrap", kafka.bootstrap()], b"");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let options = Options {
        seed,
        start_ms: 1_750_000_000_000,
        size: Size::Slim,
        session_keyed: true,
        ..Options::default()
    };
    let lines: Vec<String> = events(&options, EVENTS).into_iter().map(|planned| planned.value).collect();
    let expected = of_lines(&fold(lines.join("\n").as_bytes()));

    let mut instances = [run(&kafka, folder.path(), 0), run(&kafka, folder.path(), 1)];
    let (before, after) = lines.split_at(lines.len() / 2);
    produce(kafka.bootstrap(), before, way);
    instances[0].kill();
    produce(kafka.bootstrap(), after, way);
    instances[0] = run(&kafka, folder.path(), 0);
    wait_for_all(kafka.bootstrap(), &expected);

    let consumed = consume(kafka.bootstrap(), &OUTPUTS);
    let found = differences(&expected, &consumed.records);
    assert!(found.is_empty(), "{way:?}: {} differences, the first: {}", found.len(), found[0]);
    assert!(consumed.records.finals.keys().all(|(topic, _)| topic != DEAD_LETTERS));
    for instance in &mut instances {
        let (code, _) = instance.terminate();
        assert_eq!(code, Some(0), "{}", instance.log());
    }
    kafka.stop();
}

#[test]
fn partitioned_as_it_should_be() {
    check(Way::Partitioned, 41);
}

#[test]
fn partitioned_as_librdkafka_does_by_itself() {
    check(Way::ForeignPartitioner, 42);
}

#[test]
fn put_anywhere() {
    check(Way::Anywhere, 43);
}

#[test]
fn one_topic_for_each_conversation() {
    check(Way::TopicEach, 44);
}

#[test]
fn in_all_these_ways_at_once() {
    check(Way::Mixed, 45);
}
