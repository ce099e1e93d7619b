// SPDX-License-Identifier: Apache-2.0

//! Dead letters: listed, shown, and sent back exactly once, whatever becomes of the command that does it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use cx_timelines_tests::{Program, Watch, consume, run_to_end, set_topic, wait_until};
use edge::Deliveries;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sandbox::kafka::Kafka;
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(60);
const LETTERS: &str = "cx.dead-letters";
/// Two records that are no JSON, one that is no event, one without anything to key it by, and a good one.
const EVENTS: &str = r#"not json
{"id":"z01","name":"X"
[1,2]
{"id":"z17","name":"AGENT_MESSAGE","timestamp":1750000000001,"data":{}}
{"id":"z00","name":"AGENT_MESSAGE","timestamp":1750000000000,"data":{"id":"m1","header":{"sender":{"type":"AGENT","id":"ann"}},"body":{"type":"PLAIN"}},"conversationId":"c"}"#;

/// A broker with a running pipeline.
struct Cluster {
    // First: its output is printed when a test fails, while the folder exists.
    instance: Program,
    kafka: Kafka,
    folder: tempfile::TempDir,
}

impl Cluster {
    fn start() -> Self {
        Self::start_with("")
    }

    /// With this at the end of topics.yaml.
    fn start_with(section: &str) -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("topics.yaml");
        let standard = include_str!("../../../topics.yaml");
        std::fs::write(&config, format!("{standard}{section}")).unwrap();
        let flags = ["--bootstrap", kafka.bootstrap(), "--config", config.to_str().unwrap()];
        let applied = run_to_end(&[&["topics", "apply"][..], &flags].concat(), b"");
        assert!(applied.status.success());
        let run = [&["run", "--http", "127.0.0.1:0"][..], &flags].concat();
        let instance = Program::start(&run, folder.path().join("run.log"));
        Self { instance, kafka, folder }
    }

    fn output(&self, arguments: &[&str], input: &str) -> Output {
        let arguments = [arguments, &["--bootstrap", self.kafka.bootstrap()]].concat();
        run_to_end(&arguments, input.as_bytes())
    }

    /// What a command prints.
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments, "");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command says that has to end with this code.
    fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.output(arguments, "");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    /// Loads events, and waits until they are folded.
    fn load(&self, events: &str) {
        let loaded = self.output(&["load", "-"], events);
        assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
        Watch::new(self.kafka.bootstrap(), "cx-timelines", "cx.events").wait_for_all(TIMEOUT);
    }

    /// What `list --json` prints.
    fn letters(&self, flags: &[&str]) -> Vec<Value> {
        let printed = self.ok(&[&["dead-letters", "list", "--json"][..], flags].concat());
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How often each value lies in the input.
    fn inputs(&self) -> BTreeMap<Vec<u8>, usize> {
        let mut counts = BTreeMap::new();
        for record in committed(self.kafka.bootstrap(), "cx.events") {
            *counts.entry(record.payload().unwrap().to_vec()).or_default() += 1;
        }
        counts
    }

    fn input_count(&self) -> usize {
        committed(self.kafka.bootstrap(), "cx.events").len()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The committed records of a topic. They are read to be counted: its offsets count the markers of transactions too.
fn committed(bootstrap: &str, topic: &str) -> Vec<OwnedMessage> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "tests")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let partitions = cx_timelines_tests::partitions_of(bootstrap, topic);
    let mut places = TopicPartitionList::new();
    for partition in 0..partitions {
        places.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&places).unwrap();
    let (mut records, mut open) = (Vec::new(), partitions);
    while open > 0 {
        match consumer.poll(TIMEOUT).expect("the topic ends") {
            Ok(message) => records.push(message.detach()),
            Err(KafkaError::PartitionEOF(_)) => open -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    records
}

fn position(letter: &Value) -> String {
    letter["position"].as_str().unwrap().to_owned()
}

fn reasons(letters: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for letter in letters {
        *counts.entry(letter["reason"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn letters_are_listed_shown_and_sent_back_once() {
    let cluster = Cluster::start();
    cluster.load(EVENTS);

    let list = cluster.ok(&["dead-letters", "list"]);
    assert!(list.contains("\n4 dead letters\n  malformed                    2\n"), "{list}");
    assert!(!list.contains("not json"), "never the value: {list}");
    let letters = cluster.letters(&[]);
    let first = reasons(&letters);
    assert_eq!(
        first,
        BTreeMap::from(
            [("malformed", 2), ("no-key", 1), ("not-an-event", 1)].map(|(r, n)| (r.to_owned(), n))
        )
    );
    assert_eq!(cluster.letters(&["--reason", "no-key", "--reason", "not-an-event"]).len(), 2);
    assert_eq!(cluster.letters(&["--limit", "3"]).len(), 3);
    let at = letters[3]["at"].as_i64().unwrap() + 1;
    assert_eq!(cluster.letters(&["--from", &at.to_string()]).len(), 0);
    assert_eq!(cluster.letters(&["--to", &at.to_string()]).len(), 4);
    assert!(cluster.fails(2, &["dead-letters", "list", "--reason", "bad"]).contains("conflicting-duplicate"));

    let no_key = position(letters.iter().find(|letter| letter["reason"] == "no-key").unwrap());
    let page = cluster.ok(&["dead-letters", "show", &no_key]);
    assert!(page.contains("reason     no-key") && page.contains("\n    \"id\": \"z17\",\n"), "{page}");
    let whole: Value =
        serde_json::from_str(&cluster.ok(&["dead-letters", "show", "--json", &no_key])).unwrap();
    assert_eq!(whole["value"], EVENTS.lines().nth(3).unwrap());
    assert_eq!(whole["headers"]["cx.error.reason"], "no-key");
    assert!(cluster.fails(1, &["dead-letters", "show", "0:4711"]).contains("no dead letter at 0:4711"));
    assert!(cluster.fails(1, &["dead-letters", "show", "99:0"]).contains("0 to 7"));
    assert!(cluster.fails(2, &["dead-letters", "show", "x"]).contains("PARTITION:OFFSET"));

    let positions: Vec<String> = letters.iter().map(position).collect();
    let named: Vec<&str> = positions.iter().map(String::as_str).collect();
    let named = [&["dead-letters", "replay"][..], &named].concat();
    let replay = |flags: &[&'static str]| [&named[..], flags].concat();
    assert!(cluster.fails(2, &replay(&[])).contains("--yes"), "without a terminal");
    let dry = cluster.ok(&replay(&["--dry-run"]));
    assert!(dry.contains("4 dead letters to send back") && dry.contains("would go to cx.events/"), "{dry}");
    let bootstrap = cluster.kafka.bootstrap();
    assert_eq!((cluster.input_count(), cluster.letters(&[]).len()), (5, 4), "a dry run changes nothing");
    let missing = cluster.fails(1, &["dead-letters", "replay", "--yes", &no_key, "0:4711"]);
    assert!(missing.contains("no dead letter at 0:4711"), "{missing}");
    assert_eq!(cluster.input_count(), 5, "one that is not there keeps all from being sent");

    let done = cluster.ok(&replay(&["--yes"]));
    assert!(done.ends_with("sent back 4 dead letters\n"), "{done}");
    // Not by the group's offsets: after a transaction a partition ends with a marker, which is never delivered.
    wait_until("all are dead letters again", TIMEOUT, || (cluster.letters(&[]).len() >= 8).then_some(()));
    let twice = reasons(&cluster.letters(&[]));
    assert_eq!(twice, first.iter().map(|(reason, count)| (reason.clone(), 2 * count)).collect());
    assert!(
        consume(bootstrap, &[LETTERS]).letters.values().all(|count| *count == 1),
        "each is another record"
    );
    assert_eq!(cluster.inputs()[b"not json".as_slice()], 2);

    let again = cluster.ok(&replay(&["--yes"]));
    assert!(
        again.contains("0 dead letters to send back") && again.contains("4 dead letters sent back before"),
        "{again}"
    );
    assert_eq!(cluster.input_count(), 9);
    let forced = cluster.ok(&replay(&["--yes", "--again"]));
    assert!(forced.ends_with("sent back 4 dead letters\n"), "{forced}");
    assert_eq!(cluster.input_count(), 13);
}

#[test]
fn a_replay_that_is_killed_again_and_again_sends_each_letter_once() {
    const COUNT: usize = 10_000;
    let mut cluster = Cluster::start();
    let events: Vec<String> = (0..COUNT).map(|number| format!("bad {number}")).collect();
    cluster.load(&events.join("\n"));
    // From here on what comes back stays where it is put, and can be counted.
    let (code, _) = cluster.instance.terminate();
    assert_eq!(code, Some(0), "{}", cluster.instance.log());
    assert_eq!(cluster.letters(&[]).len(), COUNT);

    let bootstrap = cluster.kafka.bootstrap().to_owned();
    let arguments = ["dead-letters", "replay", "--yes", "-v", "--bootstrap", &bootstrap];
    let mut in_the_middle = 0;
    for kill in 1..=6 {
        let mut replay = Program::start(&arguments, cluster.file(&format!("replay-{kill}.log")));
        wait_until("the replay is under way", TIMEOUT, || {
            (replay.log().contains("sent back 100 of") || !replay.is_running()).then_some(())
        });
        replay.kill();
        in_the_middle += usize::from(!replay.log().contains("\nsent back "));
    }
    let sent = cluster.input_count() - COUNT;
    assert!(
        in_the_middle > 0 && sent > 0 && sent < COUNT,
        "{sent} were sent, {in_the_middle} times in the middle"
    );
    let rest = cluster.ok(&["dead-letters", "replay", "--yes"]);
    assert!(rest.contains(&format!("left out: {sent} dead letters sent back before")), "{sent}: {rest}");
    assert!(rest.ends_with(&format!("sent back {} dead letters\n", COUNT - sent)), "{sent}: {rest}");
    assert_eq!(cluster.input_count(), 2 * COUNT);
    let inputs = cluster.inputs();
    assert_eq!(inputs.len(), COUNT);
    assert!(inputs.values().all(|count| *count == 2), "each once as it came, once as it was sent back");
    assert_eq!(committed(&bootstrap, "cx-timelines-replayed").len(), COUNT, "a mark for each");
}

#[test]
fn of_two_replays_at_once_the_later_goes_on_and_each_letter_is_sent_once() {
    const COUNT: usize = 10_000;
    let mut cluster = Cluster::start();
    let events: Vec<String> = (0..COUNT).map(|number| format!("bad {number}")).collect();
    cluster.load(&events.join("\n"));
    let (code, _) = cluster.instance.terminate();
    assert_eq!(code, Some(0), "{}", cluster.instance.log());
    let bootstrap = cluster.kafka.bootstrap();
    let arguments = ["dead-letters", "replay", "--yes", "-v", "--bootstrap", bootstrap];
    let mut first = Program::start(&arguments, cluster.file("first.log"));
    wait_until("the first is under way", TIMEOUT, || first.log().contains("sent back 100 of").then_some(()));
    cluster.ok(&["dead-letters", "replay", "--yes"]);
    wait_until("the first has ended", TIMEOUT, || (!first.is_running()).then_some(()));
    assert!(first.log().contains("run it again with the same choice for the rest"), "{}", first.log());
    let inputs = cluster.inputs();
    assert_eq!(inputs.len(), COUNT);
    assert!(inputs.values().all(|count| *count == 2), "each once as it came, once as it was sent back");
}

#[test]
fn a_record_comes_back_with_its_key_its_time_and_its_own_headers_to_the_partition_of_its_key() {
    let cluster = Cluster::start();
    let bootstrap = cluster.kafka.bootstrap();
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
    let headers = OwnedHeaders::new()
        .insert(Header { key: "trace", value: Some("t1") })
        .insert(Header { key: "none", value: None::<&str> });
    // Within the retention of the topics: what is older may be gone before it is looked at.
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let an_hour_ago = i64::try_from(since.as_millis()).unwrap() - 3_600_000;
    // Java's clients put the key 21 into another partition.
    let record = BaseRecord::to("cx.events")
        .partition(0)
        .key("21")
        .payload("not json")
        .timestamp(an_hour_ago)
        .headers(headers);
    producer.send(record).unwrap();
    producer.flush(TIMEOUT).unwrap();
    wait_until("it is a dead letter", TIMEOUT, || (cluster.letters(&[]).len() == 1).then_some(()));
    assert!(
        cluster
            .ok(&["dead-letters", "replay", "--yes", "--reason", "malformed"])
            .contains("sent back 1 dead")
    );

    let mut records = committed(bootstrap, "cx.events");
    records.sort_by_key(Message::partition);
    let [before, after] = &records[..] else { panic!("{records:?}") };
    assert_eq!((before.partition(), after.partition()), (0, (-973_932_308 & 0x7fff_ffff) % 8));
    let parts = |record: &OwnedMessage| {
        let headers = record.headers().unwrap().iter();
        let headers: Vec<(String, Option<Vec<u8>>)> =
            headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect();
        (record.key().unwrap().to_vec(), record.payload().unwrap().to_vec(), record.timestamp(), headers)
    };
    assert_eq!(parts(before), parts(after));
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// A producer of large records.
fn producer(bootstrap: &str) -> BaseProducer<Deliveries> {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("message.max.bytes", "90000000")
        .create_with_context(Deliveries::default())
        .unwrap()
}

fn header(letter: &OwnedMessage, name: &str) -> Option<String> {
    let found = letter.headers()?.iter().filter(|header| header.key == name).last()?;
    Some(String::from_utf8(found.value?.to_vec()).unwrap())
}

#[test]
fn a_letter_of_an_old_record_has_the_time_of_the_letter_and_goes_back_with_its_record_s() {
    let cluster = Cluster::start();
    let bootstrap = cluster.kafka.bootstrap();
    let began = now_ms();
    let six_days_ago = began - 6 * 86_400_000;
    let producer = producer(bootstrap);
    producer.send(BaseRecord::to("cx.events").key("k").payload("not json").timestamp(six_days_ago)).unwrap();
    producer.flush(TIMEOUT).unwrap();
    wait_until("it is a dead letter", TIMEOUT, || (cluster.letters(&[]).len() == 1).then_some(()));
    let letters = committed(bootstrap, LETTERS);
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    let at = letter.timestamp().to_millis().unwrap();
    assert!(at >= began, "retention counts from {at}, which is before {began}");
    assert_eq!(header(letter, "cx.error.timestamp"), Some(six_days_ago.to_string()));
    assert_eq!(header(letter, "cx.error.at"), Some(at.to_string()));
    let position = position(&cluster.letters(&[])[0]);
    let shown: Value =
        serde_json::from_str(&cluster.ok(&["dead-letters", "show", "--json", &position])).unwrap();
    assert_eq!(shown["timestamp"], six_days_ago);
    cluster.ok(&["dead-letters", "replay", "--yes", &position]);
    let times: Vec<_> =
        committed(bootstrap, "cx.events").iter().map(|record| record.timestamp().to_millis()).collect();
    assert_eq!(times, [Some(six_days_ago); 2]);
}

/// The dead letter of the record that came from this offset.
fn letter_of(letters: &[OwnedMessage], offset: i64) -> &OwnedMessage {
    let is_it = |letter: &&OwnedMessage| header(letter, "cx.error.offset") == Some(offset.to_string());
    letters.iter().find(is_it).unwrap_or_else(|| panic!("none of {offset} among {}", letters.len()))
}

#[test]
fn a_letter_that_its_topic_does_not_take_whole_loses_what_makes_it_too_large_and_nothing_stops() {
    const MIB: usize = 1 << 20;
    let mut cluster = Cluster::start();
    let bootstrap = cluster.kafka.bootstrap().to_owned();
    let large = [("max.message.bytes", "90000000"), ("retention.ms", "604800000")];
    set_topic(&bootstrap, "cx.events", &large);
    let producer = producer(&bootstrap);
    let send = |key: usize, value: usize, headers: usize| {
        let (key, value, long) = ("k".repeat(key), "x".repeat(value), "h".repeat(headers));
        let all = OwnedHeaders::new().insert(Header { key: "trace", value: Some(&long) });
        let record = BaseRecord::to("cx.events").partition(0).key(&key).payload(&value).headers(all);
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(TIMEOUT).unwrap();
        assert_eq!(producer.context().take_failed(), None);
    };
    // Larger than the client sends; the broker only takes it.
    send(1, 40 * MIB, 1);
    wait_until("the largest is a dead letter", TIMEOUT, || (cluster.letters(&[]).len() == 1).then_some(()));
    // An operator lets the topic take less while the pipeline runs: so the broker refuses, not the client.
    set_topic(&bootstrap, LETTERS, &[("max.message.bytes", "200000"), ("retention.ms", "604800000")]);
    send(1, MIB, 1);
    send(1, 100, MIB);
    send(MIB, 100, 1);
    send(MIB, MIB, MIB);
    // Each of these is small enough, but not all that are sent together.
    (0..400).for_each(|_| send(1, 1_500, 1));
    wait_until("all are dead letters", TIMEOUT, || (cluster.letters(&[]).len() == 405).then_some(()));
    let letters = committed(&bootstrap, LETTERS);
    let parts = |offset: i64| {
        let letter = letter_of(&letters, offset);
        let bytes = |part: Option<&[u8]>| part.map(<[u8]>::len);
        let trace = header(letter, "trace").map(|trace| trace.len());
        (bytes(letter.key()), bytes(letter.payload()), trace)
    };
    let cuts = |offset: i64| {
        ["", ".headers", ".key"]
            .map(|part| header(letter_of(&letters, offset), &format!("cx.error.truncated{part}")))
    };
    let bytes = |bytes: usize| Some(bytes.to_string());
    let of_headers = bytes(MIB + 5 + 10);
    assert_eq!((parts(0), cuts(0)), ((Some(1), None, Some(1)), [bytes(40 * MIB), None, None]));
    assert_eq!((parts(1), cuts(1)), ((Some(1), None, Some(1)), [bytes(MIB), None, None]));
    assert_eq!((parts(2), cuts(2)), ((Some(1), Some(100), None), [None, of_headers.clone(), None]));
    assert_eq!((parts(3), cuts(3)), ((Some(1024), Some(100), Some(1)), [None, None, bytes(MIB)]));
    assert_eq!((parts(4), cuts(4)), ((Some(1024), None, None), [bytes(MIB), of_headers, bytes(MIB)]));
    assert!(
        (5..405).all(|offset| parts(offset) == (Some(1), Some(1_500), Some(1))),
        "the small ones are whole"
    );
    assert_eq!(header(letter_of(&letters, 1), "cx.error.reason").as_deref(), Some("malformed"));
    let log = cluster.instance.log();
    assert!(log.contains("exceed the limit of their topic"), "{log}");

    let cut: Vec<String> = cluster.letters(&["--reason", "too-large"]).iter().map(position).collect();
    let page = cluster.ok(&["dead-letters", "show", &cut[0]]);
    assert!(page.contains("it lacks its value, which had 41943040 bytes"), "{page}");
    let refused = cluster.output(&["dead-letters", "replay", "--yes", &cut[0]], "");
    let said = String::from_utf8(refused.stdout).unwrap();
    assert!(refused.status.code() == Some(1) && said.contains("it lacks its value"), "{said}");

    // It goes on, and so does a new start, which only warns.
    cluster.load(EVENTS.lines().last().unwrap());
    assert_eq!(cluster.instance.terminate().0, Some(0), "{}", cluster.instance.log());
    let run = ["run", "--http", "127.0.0.1:0", "--bootstrap", &bootstrap];
    cluster.instance = Program::start(&run, cluster.file("again.log"));
    send(1, MIB, 1);
    wait_until("one more is a dead letter", TIMEOUT, || (cluster.letters(&[]).len() == 406).then_some(()));
    let log = cluster.instance.log();
    assert!(log.contains("topic cx.dead-letters: max.message.bytes is 200000"), "{log}");
    assert!(!log.contains("the transaction is aborted"), "it is known from the start: {log}");
}

#[test]
fn letters_have_the_headers_of_kafka_streams_and_kafka_connect_where_topics_yaml_says_so() {
    let cluster = Cluster::start_with("\ndead_letters: {headers: [streams, connect]}\n");
    let bootstrap = cluster.kafka.bootstrap();
    // The record comes from a dead letter queue of Kafka Connect.
    let headers = OwnedHeaders::new().insert(Header { key: "__connect.errors.topic", value: Some("orders") });
    let record =
        BaseRecord::to("cx.events").partition(0).key("k").payload("not json").headers(headers.clone());
    let producer = producer(bootstrap);
    producer.send(record).unwrap();
    producer.flush(TIMEOUT).unwrap();
    wait_until("it is a dead letter", TIMEOUT, || (cluster.letters(&[]).len() == 1).then_some(()));

    let [letter] = &committed(bootstrap, LETTERS)[..] else { panic!("one letter") };
    let detail = header(letter, "cx.error.detail").unwrap();
    for (name, expected) in [
        ("__streams.errors.exception", "malformed"),
        ("__streams.errors.message", &detail),
        ("__streams.errors.stacktrace", ""),
        ("__streams.errors.topic", "cx.events"),
        ("__streams.errors.partition", "0"),
        ("__streams.errors.offset", "0"),
        ("__connect.errors.topic", "cx.events"),
        ("__connect.errors.partition", "0"),
        ("__connect.errors.offset", "0"),
        ("__connect.errors.stage", "VALUE_CONVERTER"),
        ("__connect.errors.class.name", "decode"),
        ("__connect.errors.exception.class.name", "malformed"),
        ("__connect.errors.exception.message", &detail),
        ("cx.error.reason", "malformed"),
    ] {
        assert_eq!(header(letter, name).as_deref(), Some(expected), "{name}");
    }

    cluster.ok(&["dead-letters", "replay", "--yes"]);
    let records = committed(bootstrap, "cx.events");
    let named = |record: &OwnedMessage| {
        let headers = record.headers().unwrap().iter();
        headers.map(|one| (one.key.to_owned(), one.value.unwrap().to_vec())).collect::<Vec<_>>()
    };
    let own = vec![("__connect.errors.topic".to_owned(), b"orders".to_vec())];
    assert_eq!(records.iter().map(named).collect::<Vec<_>>(), [own.clone(), own], "only its own goes back");
}
