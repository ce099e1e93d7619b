// SPDX-License-Identifier: Apache-2.0

//! JSON loaded into an Avro topic decodes to the same event; a record read from an Avro topic for people is the JSON that it
//! would have been.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use crate::common::{driver, folder};
use avro::registry::{Registry, Settings};
use avro::{AvroFormat, Plans, RecordReader, Schema, event_value};
use model::{Format, JsonFormat, Limits, Reason, Record, decode};
use sandbox::conversations::{Options, Size, events};
use serde_json::{Value, json};

const ID: u32 = 9;

fn plans() -> Plans {
    let plans = Plans::new();
    plans.learn(ID, Schema::CIM_EVENT.text).unwrap();
    plans
}

/// All lines of the cases, and realistic events.
fn lines() -> Vec<Vec<u8>> {
    let cases = std::fs::read_dir(folder("tests/cases")).unwrap();
    let files =
        cases.filter_map(|case| std::fs::read_to_string(case.unwrap().path().join("events.ndjson")).ok());
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for file in files {
        for line in file.lines() {
            let record: Value = serde_json::from_str(line).unwrap_or_default();
            let value = record.get("value").and_then(Value::as_str).filter(|_| record.get("topic").is_some());
            lines.push(value.unwrap_or(line).as_bytes().to_vec());
        }
    }
    let generated = events(&Options { seed: 3, size: Size::Real, ..Options::default() }, 500);
    lines.extend(generated.into_iter().map(|event| event.value.into_bytes()));
    lines
}

/// Only the reason, because the detail has positions of the other format.
fn compared<T>(read: Result<T, model::NotDecoded>) -> Result<T, Option<Reason>> {
    read.map_err(|error| match error {
        model::NotDecoded::Invalid(invalid) => Some(invalid.reason),
        model::NotDecoded::UnknownSchema(_) => None,
    })
}

#[test]
fn an_event_that_is_loaded_as_avro_is_the_one_that_the_json_says() {
    let (plans, limits) = (plans(), Limits::default());
    let (mut read, mut refused) = (0, 0);
    for line in lines() {
        let expected = decode(&line, None, &limits);
        let Some(value) = event_value(&line, ID) else {
            let reason = expected.unwrap_err().reason;
            assert!(matches!(reason, Reason::Malformed | Reason::NotAnEvent), "{reason:?}");
            continue;
        };
        let mut scratch = Vec::new();
        let actual = compared(plans.decode(&value, None, &limits, &mut scratch));
        if actual.is_ok() {
            read += 1;
        } else {
            refused += 1;
        }
        let text = String::from_utf8_lossy(&line);
        assert_eq!(actual, expected.map_err(|invalid| Some(invalid.reason)), "{text}");
    }
    assert!(read > 500 && refused > 5, "{read} {refused}");
}

#[test]
fn every_form_and_every_spelling_of_a_time_is_loaded() {
    let (plans, limits) = (plans(), Limits::default());
    let bare = |more: Value| {
        let mut event = json!({"id": 7, "name": "AGENT_MESSAGE", "data": {"body": {"type": "NOTE"}}});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let times =
        ["1750000000000", "1750000000000.9", "1.75e12", "\"1750000000000\"", "\"2025-06-15T15:06:40Z\""];
    let mut all: Vec<String> = times
        .iter()
        .map(|time| {
            bare(json!({"timestamp": 0}))
                .to_string()
                .replace("\"timestamp\":0", &format!("\"timestamp\":{time}"))
        })
        .collect();
    let event = bare(json!({"timeStamp": 1_750_000_000_000_i64, "timestamp": null, "topicId": ""}));
    all.push(json!({"cimEvent": event, "conversationId": "outer"}).to_string());
    all.push(json!({"payload": {"entities": {"cimEvent": event}}, "conversationId": "not this"}).to_string());
    all.push(json!({"entities": {"cimEvent": event}}).to_string());
    all.push(bare(json!({"timestamp": "never"})).to_string());
    for json in all {
        let value = event_value(json.as_bytes(), ID).unwrap();
        let mut scratch = Vec::new();
        let actual = compared(plans.decode(&value, None, &limits, &mut scratch));
        assert_eq!(
            actual,
            decode(json.as_bytes(), None, &limits).map_err(|error| Some(error.reason)),
            "{json}"
        );
    }
}

/// A registry with all schemas, by index.
fn registry() -> Arc<Registry> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let id = request.split(' ').nth(1).unwrap().rsplit('/').next().unwrap();
            let schema = Schema::ALL[id.parse::<usize>().unwrap()];
            let body = json!({"schema": schema.text}).to_string();
            let length = body.len();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
                .unwrap();
        }
    });
    Arc::new(Registry::new(Settings { urls: vec![url], ..Settings::default() }).unwrap())
}

/// Checks each record of an output, and passes its JSON on.
struct Checking {
    schema: Schema,
    avro: AvroFormat,
    reader: Arc<RecordReader>,
    seen: Arc<Mutex<Vec<&'static str>>>,
}

impl Format for Checking {
    fn write(&self, record: &dyn Record, out: &mut Vec<u8>) {
        let mut value = Vec::new();
        self.avro.write(record, &mut value);
        // Records of a commit may lie behind each other.
        let from = out.len();
        JsonFormat.write(record, out);
        let shown: Value = serde_json::from_slice(&self.reader.json(&value).unwrap().unwrap()).unwrap();
        let mut json: Value = serde_json::from_slice(&out[from..]).unwrap();
        // Avro's numbers have one spelling.
        doubles(&mut json);
        let mut shown = shown;
        doubles(&mut shown);
        assert_eq!(shown, json, "{}", self.schema.name);
        self.seen.lock().unwrap().push(self.schema.name);
    }
}

fn doubles(json: &mut Value) {
    match json {
        Value::Array(items) => items.iter_mut().for_each(doubles),
        Value::Object(fields) => {
            if let Some(confidence) = fields.get_mut("confidence").filter(|value| value.is_number()) {
                *confidence = json!(confidence.as_f64());
            }
            // A value that quotes a deleted activity is empty.
            if let Some(value) = fields.get_mut("value").filter(|value| value.is_null()) {
                *value = json!("");
            }
            fields.values_mut().for_each(doubles);
        }
        _ => {}
    }
}

#[test]
fn a_record_that_is_shown_is_the_json_that_it_would_have_been() {
    let (reader, seen) = (Arc::new(RecordReader::new(registry())), Arc::<Mutex<Vec<_>>>::default());
    let mut driver = driver(|product| {
        let schema = Schema::of_header(product.schema).unwrap();
        let id = Schema::ALL.iter().position(|other| *other == schema).unwrap();
        let avro = AvroFormat::new(u32::try_from(id).unwrap(), &schema).unwrap();
        Arc::new(Checking { schema, avro, reader: Arc::clone(&reader), seen: Arc::clone(&seen) })
    });
    for line in lines() {
        driver.push(line);
    }
    driver.push_agent(testkit::agent_news("ann", 0, "READY", Some("Lunch")).to_string());
    driver.finish();
    let seen = seen.lock().unwrap();
    for schema in Schema::ALL.iter().filter(|schema| **schema != Schema::CIM_EVENT) {
        assert!(seen.contains(&schema.name), "no record of {}", schema.name);
    }
}

#[test]
fn an_event_that_is_shown_says_what_the_event_says() {
    let (reader, limits) = (RecordReader::new(registry()), Limits::default());
    let id = Schema::ALL.iter().position(|schema| *schema == Schema::CIM_EVENT).unwrap();
    let mut shown = 0;
    for line in lines() {
        let Some(value) = event_value(&line, u32::try_from(id).unwrap()) else { continue };
        let Ok(expected) = decode(&line, None, &limits) else { continue };
        let json = reader.json(&value).unwrap().unwrap();
        assert_eq!(
            decode(&json, None, &limits).as_ref(),
            Ok(&expected),
            "{}",
            String::from_utf8_lossy(&json)
        );
        shown += 1;
    }
    assert!(shown > 500, "{shown}");
}

#[test]
fn json_in_a_topic_of_avro_is_said_to_be_no_avro_and_a_damaged_record_to_be_damaged() {
    let reader = RecordReader::new(registry());
    assert!(reader.json(b"{\"a\":1}").unwrap().is_none());
    let error = reader.json(b"\0\0\0\0\0\x04c").unwrap_err().to_string();
    assert!(error.contains("ends too early"), "{error}");
}
