// SPDX-License-Identifier: Apache-2.0

//! A schema registry that does not know an id, for a moment or for long, and records that are no Avro at all: the pipeline waits
//! where that helps, and no longer; what it says is true. The registry is a server whose answers the test decides.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cx_timelines_tests::{Program, consume, run_to_end, wait_until};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use sandbox::kafka::Kafka;
use serde_json::json;

const TIMEOUT: Duration = Duration::from_secs(90);
const LETTERS: &str = "cx.dead-letters";
const ACTIVITIES: &str = "cx.activities";
/// Records of this schema are events, once the registry knows it.
const ID: u32 = 7;

/// What the registry knows, and what it was asked.
#[derive(Default)]
struct Known {
    ids: BTreeSet<u32>,
    /// How long after the first question it knows an id.
    late: Option<Duration>,
    first: Option<Instant>,
    asked: BTreeMap<u32, usize>,
}

impl Known {
    fn knows(&mut self, id: u32) -> bool {
        *self.asked.entry(id).or_default() += 1;
        let first = *self.first.get_or_insert_with(Instant::now);
        self.ids.contains(&id) || (id == ID && self.late.is_some_and(|late| first.elapsed() >= late))
    }
}

/// A registry over HTTP.
struct Registry {
    url: String,
    known: Arc<Mutex<Known>>,
}

impl Registry {
    fn start(known: Known) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let known = Arc::new(Mutex::new(known));
        let answers = Arc::clone(&known);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answers = Arc::clone(&answers);
                std::thread::spawn(move || serve(stream, &answers));
            }
        });
        Self { url, known }
    }

    fn asked(&self) -> BTreeMap<u32, usize> {
        self.known.lock().unwrap().asked.clone()
    }
}

/// Answers one connection until it is closed.
fn serve(stream: TcpStream, known: &Mutex<Known>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut stream = stream;
    while let Some(Ok(request)) = lines.next() {
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let path = request.split_whitespace().nth(1).unwrap_or_default();
        let id = path.strip_prefix("/schemas/ids/").and_then(|id| id.split('?').next()?.parse().ok());
        let (status, body) = match id {
            Some(id) if known.lock().unwrap().knows(id) => {
                ("200 OK", json!({"schema": avro::Schema::CIM_EVENT.text}))
            }
            _ => ("404 Not Found", json!({"error_code": 40403, "message": "Schema not found"})),
        };
        let body = body.to_string();
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
        if stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).is_err() {
            return;
        }
    }
}

/// A broker and a pipeline whose input is Avro.
struct Ground {
    instance: Program,
    kafka: Kafka,
    registry: Registry,
    producer: BaseProducer,
    _folder: tempfile::TempDir,
}

impl Ground {
    fn start(known: Known) -> Self {
        let registry = Registry::start(known);
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let standard = include_str!("../../../topics.yaml");
        let text = standard.replacen("format: json", "format: avro", 1)
            + &format!("\nschema_registry:\n  url: {}\n", registry.url);
        let config = folder.path().join("topics.yaml");
        std::fs::write(&config, text).unwrap();
        let common = ["--config", config.to_str().unwrap(), "--bootstrap", kafka.bootstrap()];
        let applied = run_to_end(&[&["topics", "apply"][..], &common].concat(), b"");
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let run = [&["run", "--http", "127.0.0.1:0"][..], &common].concat();
        let instance = Program::start(&run, folder.path().join("run.log"));
        let producer = ClientConfig::new().set("bootstrap.servers", kafka.bootstrap()).create().unwrap();
        Self { instance, kafka, registry, producer, _folder: folder }
    }

    fn send(&self, values: impl Iterator<Item = Vec<u8>>) {
        for value in values {
            self.producer.send(BaseRecord::<str, _>::to("cx.events").partition(0).payload(&value)).unwrap();
        }
        self.producer.flush(TIMEOUT).unwrap();
    }

    /// Waits for so many activities and dead letters.
    fn await_results(&self, activities: usize, letters: usize) {
        wait_until(&format!("{activities} activities and {letters} dead letters"), TIMEOUT, || {
            let records = consume(self.kafka.bootstrap(), &[ACTIVITIES, LETTERS]).records;
            let folded = records.finals.keys().filter(|(topic, _)| topic == ACTIVITIES).count();
            let refused = records.reasons.values().sum::<usize>();
            assert!(
                folded <= activities && refused <= letters,
                "{folded} activities, {refused} dead letters"
            );
            ((folded, refused) == (activities, letters)).then_some(())
        });
    }
}

/// An event in Avro, of the schema that the registry knows or does not.
fn event(id: &str) -> Vec<u8> {
    let body = json!({"type": "PLAIN", "markdownText": "Hello"});
    let data = json!({"id": id, "header": {"sender": {"type": "CUSTOMER", "id": "x"}}, "body": body});
    let event = json!({"id": id, "name": "CUSTOMER_MESSAGE", "timestamp": 1_750_000_000_000_i64,
        "conversationId": "c", "data": data});
    avro::event_value(event.to_string().as_bytes(), ID).unwrap()
}

#[test]
fn a_registry_that_does_not_know_a_schema_for_a_moment_makes_no_dead_letters() {
    let known = Known { late: Some(Duration::from_millis(600)), ..Known::default() };
    let mut ground = Ground::start(known);
    ground.send((0..20).map(|number| event(&format!("m{number}"))));
    ground.await_results(20, 0);
    let log = ground.instance.log();
    assert!(log.contains("the schema is known now") && !log.contains("knows no schema"), "{log}");
    assert_eq!(ground.instance.terminate().0, Some(0));
}

#[test]
fn an_id_that_is_unknown_for_long_is_asked_for_again_and_its_records_are_read_without_a_restart() {
    let ground = Ground::start(Known::default());
    ground.send((0..20).map(|number| event(&format!("m{number}"))));
    ground.await_results(0, 20);
    let log = ground.instance.log();
    assert!(log.contains("knows no schema of this id") && !log.contains("the schema is known now"), "{log}");
    let asked = ground.registry.asked()[&ID];
    assert!(asked < 10, "once for all of the records, not for each: {asked}");
    // It had only lost the schema for a while.
    ground.registry.known.lock().unwrap().ids.insert(ID);
    let mut sent = 0;
    wait_until("records are read", TIMEOUT, || {
        ground.send(std::iter::once(event(&format!("late-{sent}"))));
        sent += 1;
        let records = consume(ground.kafka.bootstrap(), &[ACTIVITIES]).records;
        records.finals.keys().any(|(topic, _)| topic == ACTIVITIES).then_some(())
    });
    assert!(ground.instance.log().contains("the schema is known now"), "{}", ground.instance.log());
}

#[test]
fn records_that_only_look_like_avro_hold_their_partition_up_once_and_not_once_for_each() {
    const GARBAGE: u32 = 1_500;
    let ground = Ground::start(Known { ids: BTreeSet::from([ID]), ..Known::default() });
    // Each bears another id; some that no schema can have.
    let garbage = (0..GARBAGE).map(|number| {
        let id = if number % 3 == 0 { (1 << 31) + number } else { 1_000_000 + number };
        [&[0], id.to_be_bytes().as_slice(), b"and so on"].concat()
    });
    ground.send(garbage.chain([event("m")]));
    ground.await_results(1, GARBAGE as usize);
    let asked = ground.registry.asked();
    assert!(asked.keys().all(|id| *id < 1 << 31), "what no schema can have is not asked for");
    assert_eq!(asked.len(), 1_001);
    let questions: usize = asked.values().sum();
    assert!(questions < 5_000, "{questions} questions");
}
