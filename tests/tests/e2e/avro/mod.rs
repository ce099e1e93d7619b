// SPDX-License-Identifier: Apache-2.0

//! Topics of Avro against a real registry, with what an independent implementation writes and reads.

mod evolution;
mod ground;
mod independent;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cx_timelines_tests::{Records, differences, fold, of_lines, wait_until};
use ground::{Ground, OF_CONVERSATIONS, avro_outputs, await_readiness, end};
use sandbox::conversations::{Options, Size, events};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
/// The number of concurrent pipelines.
const AT_A_TIME: usize = 4;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

#[test]
fn every_case_through_kafka_with_a_kill_in_its_midst_is_in_json_and_avro_what_fold_makes_of_it() {
    let ground = Ground::new();
    let cases = cases();
    assert_eq!(cases.len(), 36);
    let of_both = |case: &Path| [Format::Json, Format::Avro].map(|format| (case.to_owned(), format));
    let runs: Vec<(PathBuf, Format)> = cases.iter().flat_map(|case| of_both(case)).collect();
    for (round, runs) in runs.chunks(AT_A_TIME).enumerate() {
        std::thread::scope(|scope| {
            for (number, (case, format)) in runs.iter().enumerate() {
                let ground = &ground;
                scope.spawn(move || through_kafka(ground, &format!("k{round}{number}"), case, *format));
            }
        });
    }
    ground.kafka.stop();
}

/// How the outputs of a pipeline are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Avro,
}

fn through_kafka(ground: &Ground, name: &str, case: &Path, format: Format) {
    let input = std::fs::read_to_string(case.join("events.ndjson")).unwrap();
    let avro = if format == Format::Avro { avro_outputs() } else { Vec::new() };
    let pipeline = ground.pipeline(name, &avro);
    if input.contains("cx.conversation.own.topic-1") {
        pipeline.create("cx.conversation.own.topic-1");
    }
    let mut program = pipeline.start_as_member();
    await_readiness(&mut program, true);
    let renamed = input.replace("\"topic\":\"cx.", &format!("\"topic\":\"{name}."));
    let [first, second] = halves(&renamed);
    pipeline.ok(&["load", "-"], first.as_bytes());
    program.kill();
    pipeline.ok(&["load", "-"], second.as_bytes());
    let program = pipeline.start_as_member();
    pipeline.wait_for_all();
    let mut expected = of_lines(&fold(input.as_bytes()));
    if format == Format::Avro {
        expected = as_in_avro(expected);
    }
    // What lies in a topic of its own is taken when the group gets to it.
    let mut found = Vec::new();
    let deadline = Instant::now() + MINUTE;
    while Instant::now() < deadline {
        found = differences(&expected, &pipeline.outputs());
        if found.is_empty() {
            break;
        }
    }
    assert!(found.is_empty(), "{}, {format:?}: {}", case.display(), found[..found.len().min(5)].join("\n"));
    end(program);
}

/// The lines of an input, in two parts; where the first line says what form the others have, both begin with it.
fn halves(input: &str) -> [String; 2] {
    let mut lines: Vec<&str> = input.lines().collect();
    let head = match lines.first() {
        Some(first) if first.starts_with("{\"#records\"") => format!("{}\n", lines.remove(0)),
        _ => String::new(),
    };
    let (first, second) = lines.split_at(lines.len().div_ceil(2));
    [first, second].map(|lines| format!("{head}{}\n", lines.join("\n")))
}

/// Events of whole conversations as JSON.
fn generated() -> Vec<String> {
    let options = Options {
        seed: 8,
        start_ms: 1_750_000_000_000,
        size: Size::Slim,
        session_keyed: true,
        ..Options::default()
    };
    events(&options, 400).into_iter().map(|event| event.value).collect()
}

/// An event as a producer of Avro has it: its envelope, the rest as JSON text. `None` if the form has another envelope.
fn record(json: &str, has_record_as_session: bool) -> Option<Value> {
    let event: Value = serde_json::from_str(json).unwrap();
    event["timestamp"].as_i64()?;
    let text = |field: &str| event.get(field).filter(|value| value.is_object()).map(Value::to_string);
    let session = match event.get("channelSession") {
        Some(session) if has_record_as_session && session["id"].is_string() => {
            json!({"id": session["id"], "customer": {"_id": session["customer"]["_id"]},
                   "channel": {"channelType": {"name": session["channel"]["channelType"]["name"]}},
                   "channelData": {"serviceIdentifier": session["channelData"]["serviceIdentifier"]},
                   "channelSessionDirection": session["channelSessionDirection"]})
        }
        _ => json!(text("channelSession")),
    };
    let mut record = json!({"id": event["id"], "name": event["name"], "timestamp": event["timestamp"],
        "conversationId": event["conversationId"], "eventEmitter": text("eventEmitter"), "channelSession": session,
        "data": text("data")});
    if let (Some(room), Some(record)) = (text("roomInfo"), record.as_object_mut()) {
        record.insert("roomInfo".to_owned(), room.into());
    }
    Some(record)
}

fn without_room(json: &str) -> String {
    let mut event: Value = serde_json::from_str(json).unwrap();
    event.as_object_mut().unwrap().remove("roomInfo");
    event.to_string()
}

/// What Avro has of these records: a reaction whose value is gone has an empty one there.
fn as_in_avro(mut records: Records) -> Records {
    for ((topic, _), value) in &mut records.finals {
        let reactions = value.get_mut("reactions").and_then(Value::as_array_mut);
        for reaction in reactions.into_iter().flatten().filter(|_| topic == "cx.activities") {
            if reaction["value"].is_null() {
                reaction["value"] = "".into();
            }
        }
    }
    records
}

/// A version of the events' schema that has less than ours, as an older producer may use.
const OLDER: &str = r#"{"type": "record", "name": "Event", "fields": [
    {"name": "data", "type": ["null", "string"]}, {"name": "channelSession", "type": ["null", "string"]},
    {"name": "eventEmitter", "type": ["null", "string"]}, {"name": "conversationId", "type": ["null", "string"]},
    {"name": "timestamp", "type": "long"}, {"name": "name", "type": "string"}, {"name": "id", "type": "string"}]}"#;

/// One that has more than ours.
fn newer() -> String {
    let mut schema: Value = serde_json::from_str(avro::Schema::CIM_EVENT.text).unwrap();
    let mood = json!({"name": "mood", "default": {"grade": 3}, "type": {"type": "record", "name": "Mood", "fields": [
        {"name": "grade", "type": "int"}, {"name": "words", "type": {"type": "array", "items": "string"}, "default": ["calm"]}]}});
    schema["fields"].as_array_mut().unwrap().insert(1, mood);
    schema.to_string()
}

#[test]
fn events_that_fastavro_wrote_fold_like_json_and_a_registry_that_goes_and_comes_loses_none() {
    let mut ground = Ground::new();
    let topics = [avro_outputs(), vec!["cx.events", OF_CONVERSATIONS]].concat();
    let client = ground.client();
    let ours = client.register("b.events-value", avro::Schema::CIM_EVENT.text).unwrap();
    let older = client.register("older-producer", OLDER).unwrap();
    let newer = client.register("newer-producer", &newer()).unwrap();
    let other = client.register("other-producer", &OLDER.replace("Event", "OtherEvent")).unwrap();

    let mut json: Vec<String> = generated().into_iter().filter(|json| record(json, true).is_some()).collect();
    assert!(json.len() > 200, "{}", json.len());
    let third = json.len() / 3;
    // An older schema has no field for the room.
    json[third..2 * third].iter_mut().for_each(|json| *json = without_room(json));
    let with = |range: std::ops::Range<usize>, id: u32| -> Vec<(Value, u32)> {
        let records = json[range].iter().map(|json| record(json, id == ours).unwrap());
        // Fields without a value get their defaults.
        records.map(|record| (record, id)).collect()
    };
    let url = ground.registry.url();
    let first = independent::encode(&url, &with(0..third, ours));
    let second = independent::encode(&url, &with(third..2 * third, older));
    let own = r#"{"id":"own","name":"CONVERSATION_STARTED","timestamp":1750000000000,"data":{}}"#;
    let own_event = independent::encode(&url, &[(record(own, false).unwrap(), other)]);
    let third = independent::encode(&url, &with(2 * third..json.len(), newer));

    ground.pipeline("b", &topics).create("cx.conversation.own");

    // A program that starts without a registry waits for it, and is not ready.
    ground.registry.kill();
    let mut program = ground.pipeline("b", &topics).start();
    wait_until("it asks in vain", MINUTE, || {
        (program.figure("cx_timelines_schema_registry_requests_total{outcome=\"failed\"}") > 0.0)
            .then_some(())
    });
    assert_eq!(program.get("/health/ready").0, 503);
    assert_eq!(program.get("/health/live").0, 200);
    ground.registry.restart().unwrap();
    await_readiness(&mut program, true);

    ground.pipeline("b", &topics).produce("cx.events", &first);
    ground.pipeline("b", &topics).wait_for_all();

    // New schemas arrive while the registry is down.
    ground.registry.kill();
    let pipeline = ground.pipeline("b", &topics);
    pipeline.produce("cx.events", &second);
    pipeline.produce("cx.events", &third);
    // One of them in a topic of its own, which is no lane's.
    pipeline.produce("cx.conversation.own", &own_event);
    await_readiness(&mut program, false);
    let (_, health) = program.get("/health/ready");
    assert!(health.contains("schema registry"), "{health}");
    wait_until("both are asked for", MINUTE, || {
        (program.figure("cx_timelines_schemas_awaited") == 2.0).then_some(())
    });
    assert_eq!(pipeline.folded(), i64::try_from(first.len()).unwrap());
    ground.registry.restart().unwrap();
    let pipeline = ground.pipeline("b", &topics);
    pipeline.wait_for_all();
    await_readiness(&mut program, true);
    assert_eq!(program.figure("cx_timelines_schemas_awaited"), 0.0);
    let known = avro_outputs().len() + [ours, older, newer, other].len();
    assert_eq!(program.figure("cx_timelines_schemas_known").to_string(), known.to_string());
    let own = own.replacen('{', "{\"conversationId\":\"own\",", 1);
    let expected = as_in_avro(of_lines(&fold([&json[..], &[own]].concat().join("\n").as_bytes())));
    assert!(expected.reasons.is_empty() && expected.finals.len() > 100);
    let deadline = Instant::now() + MINUTE;
    let mut found = differences(&expected, &pipeline.outputs());
    // What lay in a topic of its own comes later.
    while !found.is_empty() && Instant::now() < deadline {
        found = differences(&expected, &pipeline.outputs());
    }
    assert!(found.is_empty(), "{}", found[..found.len().min(3)].join("\n"));

    // An instance that waits for a registry stays in the group.
    for kind in ["lost", "revoked"] {
        let rebalances = format!("cx_timelines_rebalances_total{{kind=\"{kind}\"}}");
        assert_eq!(program.figure(&rebalances), 0.0, "{kind}");
    }
    let timeless = json!({"id": "late", "name": "X", "timestamp": "never", "data": "{\"a\":1}"});
    let timeless = independent::encode(&url, &[(timeless, ours)]).remove(0);
    refuses_what_does_not_match(&pipeline, ours, &first[0], timeless);
    shows_and_loads(&pipeline, &expected, &json[0]);
    end(program);
    ground.kafka.stop();
}

/// The record's fault is a dead letter, with its place.
fn refuses_what_does_not_match(pipeline: &ground::Pipeline<'_>, ours: u32, good: &[u8], timeless: Vec<u8>) {
    let foreign = [&[0], 999_999_u32.to_be_bytes().as_slice(), &good[5..]].concat();
    let cut = [&[0], ours.to_be_bytes().as_slice(), &good[5..good.len() - 2]].concat();
    pipeline.produce("cx.events", &[foreign, cut, b"{}".to_vec(), timeless]);
    pipeline.wait_for_all();
    let letters = pipeline.records("cx.dead-letters");
    let details: Vec<&str> = letters.iter().map(|letter| letter.header("cx.error.detail")).collect();
    let reasons: Vec<&str> = letters.iter().map(|letter| letter.header("cx.error.reason")).collect();
    assert_eq!(reasons, ["malformed", "malformed", "malformed", "bad-timestamp"], "{details:?}");
    assert!(details[0].contains("knows no schema of id 999999"), "{details:?}");
    assert!(
        details[1].contains("field data does not match schema") && details[1].contains("at byte"),
        "{details:?}"
    );
    assert!(details[2].contains("not in the wire format"), "{details:?}");
    let shown = pipeline.ok(&["dead-letters", "list"], b"");
    assert!(shown.contains("knows no schema"), "{shown}");
    let place = shown.lines().find(|line| line.contains("bad-timestamp")).unwrap();
    let place = place.split_whitespace().find(|word| word.starts_with("0:")).unwrap();
    let page = pipeline.ok(&["dead-letters", "show", place], b"");
    assert!(page.contains("\"timestamp\": \"never\"") && page.contains("\"a\": 1"), "{page}");
}

/// Commands show JSON whatever the topics are, and `load` writes what the topic is.
fn shows_and_loads(pipeline: &ground::Pipeline<'_>, expected: &Records, event: &str) {
    let ((_, key), activity) = expected
        .finals
        .iter()
        .find(|((topic, key), _)| topic == "cx.activities" && key.contains('/'))
        .unwrap();
    let conversation = activity["conversationId"].as_str().unwrap();
    let page: Value = serde_json::from_str(&pipeline.ok(&["show", conversation, "--json"], b"")).unwrap();
    let shown = page["activities"].as_array().unwrap();
    assert!(
        shown.iter().any(|shown| shown["body"] == activity["body"] && !shown["body"].is_string()),
        "{key}: {page}"
    );
    let as_of: Value = serde_json::from_str(&pipeline.ok(
        &["as-of", "--conversation", conversation, "--event-time", "2099-01-01T00:00:00Z", "--json"],
        b"",
    ))
    .unwrap();
    assert_eq!(as_of, page);
    let topic = pipeline.topic("cx.timelines");
    let lines = pipeline.ok(&["tail", &topic, "--from-beginning", "--limit", "5", "--json"], b"");
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["value"]["entryId"].is_string(), "{line}");
    }

    let more = event.replace("\"id\":\"", "\"id\":\"loaded-");
    let before = pipeline.records("cx.events").len();
    pipeline.ok(&["load", "-"], more.as_bytes());
    pipeline.wait_for_all();
    let records = pipeline.records("cx.events");
    assert_eq!(records.len(), before + 1);
    assert_eq!(records.last().unwrap().value.as_ref().unwrap()[0], 0, "it was loaded as Avro");
    assert_eq!(pipeline.records("cx.dead-letters").len(), 4, "and can be read");

    erases(pipeline, conversation);
}

/// What is erased is found in Avro as it is in JSON.
fn erases(pipeline: &ground::Pipeline<'_>, conversation: &str) {
    let whose = ["erase", "--conversation", conversation];
    let found = pipeline.ok(&[&whose[..], &["--dry-run"]].concat(), b"");
    let (activities, events) = (pipeline.topic("cx.activities"), pipeline.topic("cx.events"));
    assert!(found.contains(&activities) && found.contains(&events), "{found}");
    pipeline.ok(&[&whose[..], &["--yes"]].concat(), b"");
    assert_eq!(pipeline.run(&["show", conversation], b"").status.code(), Some(1));
    let again = pipeline.ok(&[&whose[..], &["--dry-run"]].concat(), b"");
    assert!(!again.contains(&activities) && again.contains(&events), "{again}");
}
