// SPDX-License-Identifier: Apache-2.0

//! Events from Avro equal those from the same JSON, for any version of the writer's schema; a value that does not match its
//! schema is malformed, and nothing else happens.

use crate::common::parsed;
use apache_avro::Schema as Parsed;
use apache_avro::writer::datum::GenericDatumWriter;
use avro::{PlanError, Plans, Schema};
use model::{Event, Limits, Origin, decode};
use proptest::prelude::*;
use sandbox::conversations::{Options, Size, events};
use serde_json::{Value, json};

const ID: u32 = 0x0a0b_0c0d;

/// A JSON value in the wire format, written by apache-avro with this schema. Unknown fields are dropped; an object is JSON text
/// where the schema has a string.
fn written(schema: &Parsed, event: &Value) -> Vec<u8> {
    let mut value = vec![0];
    value.extend_from_slice(&ID.to_be_bytes());
    let writer = GenericDatumWriter::builder(schema).build().unwrap();
    writer.write_value(&mut value, crate::common::avro_of(schema, event, false).unwrap()).unwrap();
    value
}

fn plans(schema: &str) -> Plans {
    let plans = Plans::new();
    plans.learn(ID, schema).unwrap();
    plans
}

fn read(plans: &Plans, value: &[u8]) -> Result<Event<'static>, String> {
    // The result borrows from both; a test may leak them.
    let (value, scratch) = (Box::leak(value.to_vec().into_boxed_slice()), Box::leak(Box::default()));
    plans.decode(value, None, &Limits::default(), scratch).map_err(|error| error.to_string())
}

fn of_json(event: &Value) -> Event<'static> {
    let text = Box::leak(event.to_string().into_boxed_str());
    decode(text.as_bytes(), None, &Limits::default()).unwrap()
}

/// An event with a complete envelope.
fn full() -> Value {
    json!({
        "id": "e", "name": "CUSTOMER_MESSAGE", "type": "ACTIVITY", "timestamp": 1_750_000_000_000_i64,
        "conversationId": "c", "topicId": "t",
        "eventEmitter": {"id": "a", "type": "agent", "role": "SUPERVISOR", "senderName": "Ann \"A\" \u{1}"},
        "channelSession": {
            "id": "s", "customer": {"_id": "k"}, "channel": {"channelType": {"name": "WEB"}},
            "channelData": {"serviceIdentifier": "1122"}, "channelSessionDirection": "INBOUND"
        },
        "roomInfo": {"x": 1},
        "data": {"id": "m", "body": {"type": "PLAIN", "markdownText": "hi"}}
    })
}

/// The schema of events with a replaced part.
fn changed(from: &str, to: &str) -> String {
    let text = Schema::CIM_EVENT.text.replacen(from, to, 1);
    assert_ne!(text, Schema::CIM_EVENT.text, "{from}");
    text
}

/// A schema of events with these fields only.
fn of_fields(fields: &Value) -> String {
    json!({"type": "record", "name": "Anything", "fields": fields}).to_string()
}

#[test]
fn realistic_events_are_the_same_as_from_json_with_records_or_json_text_in_their_envelope() {
    let planned = events(&Options { seed: 5, size: Size::Real, ..Options::default() }, 1_000);
    let text_only = of_fields(&json!([
        {"name": "data", "type": "string"}, {"name": "channelSession", "type": ["null", "bytes"]},
        {"name": "eventEmitter", "type": ["string", "null"]}, {"name": "name", "type": "string"},
        {"name": "timestamp", "type": "long"}, {"name": "id", "type": "string"},
        {"name": "conversationId", "type": ["null", "string"]}
    ]));
    let mut count = 0;
    for schema in [Schema::CIM_EVENT.text, &text_only] {
        let (writer, plans) = (Parsed::parse_str(schema).unwrap(), plans(schema));
        for event in &planned {
            let event: Value = serde_json::from_str(&event.value).unwrap();
            let bare = event.get("cimEvent").cloned().unwrap_or(event);
            if bare.get("id").is_none() || !bare["timestamp"].is_i64() {
                continue;
            }
            count += 1;
            assert_eq!(read(&plans, &written(&writer, &bare)).unwrap(), of_json(&bare), "{bare}");
        }
    }
    assert!(count > 1_000, "{count}");
}

#[test]
fn an_event_has_all_of_its_envelope() {
    let event = full();
    assert_eq!(
        read(&plans(Schema::CIM_EVENT.text), &written(&parsed(Schema::CIM_EVENT), &event)).unwrap(),
        of_json(&event)
    );
}

#[test]
fn older_and_newer_writers_are_read() {
    let event = full();
    for schema in [
        // Newer: with unknown fields of all types, anywhere.
        changed(
            r#"{"name": "id","#,
            r#"{"name": "extra", "type": {"type": "record", "name": "Extra", "fields": [
                {"name": "list", "type": {"type": "array", "items": ["null", "int"]}},
                {"name": "map", "type": {"type": "map", "values": "double"}},
                {"name": "is", "type": "boolean"}
            ]}}, {"name": "id","#,
        ),
        // Older: without fields that have defaults.
        of_fields(&json!([
            {"name": "id", "type": "string"}, {"name": "name", "type": "string"},
            {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "conversationId", "type": "string"}, {"name": "topicId", "type": "string"},
            {"name": "eventEmitter", "type": "string"}, {"name": "channelSession", "type": "string"},
            {"name": "data", "type": "string"}
        ])),
        // With other types that can be read.
        changed(
            r#"{"type": "long", "logicalType": "timestamp-millis"}"#,
            r#"{"type": "long", "logicalType": "timestamp-micros"}"#,
        ),
        changed(
            r#"{"name": "topicId", "type": ["null", "string"]"#,
            r#"{"name": "topicId", "type": ["bytes", "null"]"#,
        ),
    ] {
        let mut event = event.clone();
        event["extra"] = json!({"list": [null, 3], "map": {"x": 1.5, "y": 2}, "is": true});
        let writer = Parsed::parse_str(&schema).unwrap();
        assert_eq!(read(&plans(&schema), &written(&writer, &event)).unwrap(), of_json(&event), "{schema}");
    }
}

#[test]
fn a_field_may_have_its_other_name() {
    let fields = |names: &[&str]| -> Value {
        let text = |name: &&str| json!({"name": name, "type": "string"});
        names.iter().map(text).collect()
    };
    let event = json!({"id": "e", "name": "X", "conversationId": "c", "timestamp": "", "timeStamp": "2025-06-15T15:06:40Z"});
    let schema = of_fields(&fields(&["timeStamp", "id", "name", "conversationId"]));
    let value = written(&Parsed::parse_str(&schema).unwrap(), &event);
    assert_eq!(read(&plans(&schema), &value).unwrap().at, 1_750_000_000_000);
    // The field's own name has priority over its alias.
    let schema = of_fields(&fields(&["timestamp", "timeStamp", "id", "name", "conversationId"]));
    let value = written(&Parsed::parse_str(&schema).unwrap(), &event);
    assert!(read(&plans(&schema), &value).unwrap_err().starts_with("bad-timestamp"));
}

#[test]
fn whatever_a_session_holds_becomes_json() {
    let schema = of_fields(&json!([
        {"name": "id", "type": "string"}, {"name": "name", "type": "string"}, {"name": "timestamp", "type": "long"},
        {"name": "channelSession", "type": {"type": "record", "name": "S", "fields": [
            {"name": "id", "type": "long"},
            {"name": "customer", "type": {"type": "map", "values": "string"}},
            {"name": "channel", "type": {"type": "map", "values": {"type": "map", "values": ["int", "string"]}}},
            {"name": "noise", "type": {"type": "array", "items": ["null", "boolean", "double", {"type": "enum", "name": "E", "symbols": ["A", "B"]}]}},
            {"name": "channelData", "type": ["null", {"type": "map", "values": "double"}]},
            {"name": "channelSessionDirection", "type": {"type": "enum", "name": "D", "symbols": ["OUT", "IN"]}}
        ]}}
    ]));
    let event = json!({"id": "e", "name": "X", "timestamp": 1_750_000_000_000_i64, "channelSession": {
        "id": 7, "customer": {"_id": "k\n\"\u{e9}"}, "channel": {"channelType": {"name": "WEB"}},
        "noise": [null, true, 1.5, "B"], "channelData": {"x": 0.25, "y": 1e300}, "channelSessionDirection": "IN"
    }});
    let value = written(&Parsed::parse_str(&schema).unwrap(), &event);
    assert_eq!(read(&plans(&schema), &value).unwrap(), of_json(&event));
}

#[test]
fn what_does_not_match_its_schema_is_malformed_with_the_place() {
    let schema = of_fields(&json!([
        {"name": "id", "type": "string"}, {"name": "name", "type": ["null", "int", "string"]},
        {"name": "eventEmitter", "type": ["null", {"type": "record", "name": "E", "fields": [{"name": "is", "type": "boolean"}]}]}
    ]));
    let plans = plans(&schema);
    for (data, detail) in [
        (
            &b""[..],
            "field id does not match schema 168496141 at byte 5 (counted from 0): the value ends too early",
        ),
        (
            b"\x04e",
            "field id does not match schema 168496141 at byte 6 (counted from 0): the value ends too early",
        ),
        (b"\x01", "field id does not match schema 168496141 at byte 5 (counted from 0): a length below 0"),
        (
            b"\x02\xff",
            "field id does not match schema 168496141 at byte 5 (counted from 0): text that is no UTF-8",
        ),
        (
            b"\x02e\x06",
            "field name does not match schema 168496141 at byte 7 (counted from 0): no branch of the union",
        ),
        (
            b"\x02e\x02\x02",
            "field name does not match schema 168496141 at byte 7 (counted from 0): not a string",
        ),
        (
            b"\x02e\0\x02\x05",
            "field eventEmitter.is does not match schema 168496141 at byte 9 (counted from 0): neither true nor false",
        ),
        (
            b"\x02e\0\0x",
            "the value does not match schema 168496141 at byte 9 (counted from 0): the value goes on after its last field",
        ),
        (
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
            "field id does not match schema 168496141 at byte 5 (counted from 0): a number of more than 64 bits",
        ),
    ] {
        let value = [&[0], &ID.to_be_bytes()[..], data].concat();
        assert_eq!(read(&plans, &value).unwrap_err(), format!("malformed: {detail}"), "{data:?}");
    }
    assert!(read(&plans, b"{}").unwrap_err().starts_with("malformed: the value is not in the wire format"));
}

#[test]
fn text_that_is_no_json_is_malformed_with_its_field() {
    let mut event = full();
    event["data"] = json!("{\"id\":");
    let error =
        read(&plans(Schema::CIM_EVENT.text), &written(&parsed(Schema::CIM_EVENT), &event)).unwrap_err();
    assert_eq!(error, "malformed: field data is no JSON: the text ends too early at line 1 column 7");
}

#[test]
fn a_value_over_the_limit_is_too_large() {
    let value = written(&parsed(Schema::CIM_EVENT), &full());
    let limits = Limits { value_bytes_max: value.len() - 1, ..Limits::default() };
    let error = plans(Schema::CIM_EVENT.text).decode(&value, None, &limits, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().starts_with("too-large: "), "{error}");
}

#[test]
fn a_schema_that_is_not_known_yet_is_not_the_records_fault() {
    let (value, plans, limits) =
        (written(&parsed(Schema::CIM_EVENT), &full()), Plans::new(), Limits::default());
    assert_eq!(
        plans.decode(&value, None, &limits, &mut Vec::new()),
        Err(model::NotDecoded::UnknownSchema(ID))
    );
    assert!(!plans.knows(ID));
    plans.learn(ID, Schema::CIM_EVENT.text).unwrap();
    assert!(plans.knows(ID));
    assert!(plans.decode(&value, None, &limits, &mut Vec::new()).is_ok());
}

#[test]
fn a_schema_that_cannot_be_an_events_makes_its_records_malformed() {
    let plans = Plans::new();
    assert_eq!(plans.learn(ID, "\"string\""), Err(PlanError::NoRecord));
    let floats = of_fields(
        &json!([{"name": "id", "type": ["null", "string"]}, {"name": "timestamp", "type": "double"}]),
    );
    let error = plans.learn(ID, &floats).unwrap_err();
    assert_eq!(
        error.to_string(),
        "field timestamp is of a type that cannot be read as a timestamp-millis or a string; see schemas/cim-event.avsc"
    );
    let value = [&[0], &ID.to_be_bytes()[..], b"x"].concat();
    assert_eq!(read(&plans, &value).unwrap_err(), format!("malformed: schema {ID}: {error}"));
    plans.learn_nothing(ID);
    assert!(read(&plans, &value).unwrap_err().contains("knows no schema of id"));
}

#[test]
fn items_that_are_nothing_keep_nobody_busy() {
    let nulls = of_fields(&json!([{"name": "x", "type": {"type": "array", "items": "null"}}]));
    // Blocks of 100,000 items, three bytes each.
    let data = [0xc0, 0x9a, 0x0c].repeat(300_000);
    let value = [&[0], &ID.to_be_bytes()[..], &data].concat();
    assert!(read(&plans(&nulls), &value).unwrap_err().contains("more items than the value has bytes"));
}

/// A schema whose records hold two of the next level, nested this deep, without fields at the bottom.
fn doubling(levels: usize, field: &str) -> String {
    let mut innermost = json!("null");
    for level in (0..levels).rev() {
        let next = format!("L{}", level + 1);
        // A name may be defined only once.
        let again = if level + 1 < levels { json!(next) } else { innermost.clone() };
        innermost = json!({"type": "record", "name": format!("L{level}"), "fields": [
            {"name": "left_of_both", "type": innermost}, {"name": "right_of_both", "type": again}]});
    }
    of_fields(&json!([{"name": field, "type": innermost}, {"name": "id", "type": "string"}]))
}

#[test]
fn records_within_records_cannot_become_more_than_a_bound_for_their_bytes() {
    // All of them are seven bytes: the header, and an id of one letter. 38 levels would take for ever if they were read or
    // skipped naively.
    for (levels, field) in [(22, "channelSession"), (38, "channelSession"), (38, "skipped")] {
        let value = [&[0], &ID.to_be_bytes()[..], b"\x02e"].concat();
        let plans = plans(&doubling(levels, field));
        let mut scratch = Vec::new();
        let error = plans.decode(&value, None, &Limits::default(), &mut scratch).unwrap_err().to_string();
        assert!(error.starts_with("malformed: field ") && error.contains("far too much as JSON"), "{error}");
        drop(error);
        assert!(scratch.capacity() < 256 << 10, "{} bytes for seven", scratch.capacity());
    }
    // A few levels are valid.
    let value = [&[0], &ID.to_be_bytes()[..], b"\x02e"].concat();
    assert!(read(&plans(&doubling(6, "channelSession")), &value).unwrap_err().starts_with("missing-field"));
}

#[test]
fn what_arrays_of_records_become_is_bounded_by_the_limit_of_values() {
    let long = "a_field_with_a_name_that_is_long".repeat(7);
    let item = json!({"type": "record", "name": "I", "fields": [{"name": long, "type": "null"}, {"name": "at", "type": "boolean"}]});
    let schema = of_fields(
        &json!([{"name": "channelSession", "type": {"type": "map", "values": {"type": "array", "items": item}}}]),
    );
    let plans = plans(&schema);
    let of = |items: usize| {
        let mut data = b"\x02\x02k".to_vec();
        // Blocks of 63 items.
        (0..items / 63).for_each(|_| data.extend([&[126][..], &[1; 63]].concat()));
        [&[0], &ID.to_be_bytes()[..], &data, &[0, 0]].concat()
    };
    let limits = Limits { value_bytes_max: 100_000, ..Limits::default() };
    let reason = |items| plans.decode(&of(items), None, &limits, &mut Vec::new()).unwrap_err().to_string();
    assert!(reason(63 * 40).starts_with("missing-field"), "{}", reason(63 * 40));
    let much = reason(63 * 300);
    assert!(
        much.starts_with("malformed: field channelSession") && much.contains("far too much as JSON"),
        "{much}"
    );
    // A buffer that was needed once is not kept.
    let mut scratch = Vec::with_capacity(20 << 20);
    let _ = plans.decode(&of(63), None, &limits, &mut scratch);
    assert!(scratch.capacity() <= 1 << 20, "{}", scratch.capacity());
}

#[test]
fn a_local_time_is_refused_with_words_and_one_that_nobody_reads_is_passed_over() {
    let local = |unit: &str| json!({"type": "long", "logicalType": format!("local-timestamp-{unit}")});
    for unit in ["millis", "micros", "nanos"] {
        let within = json!({"type": "record", "name": "S", "fields": [
            {"name": "again", "type": ["null", "S"]}, {"name": "list", "type": {"type": "array", "items": ["null", local(unit)]}}]});
        for (field, of) in [("timestamp", json!(["null", local(unit)])), ("data", within)] {
            let schema = of_fields(&json!([{"name": "id", "type": "string"}, {"name": field, "type": of}]));
            let plans = Plans::new();
            let error = plans.learn(ID, &schema).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "field {field} holds a local-timestamp, which says no time zone and so is no instant; write it as \
                     timestamp-millis, in UTC"
                )
            );
            let value = [&[0], &ID.to_be_bytes()[..], b"x"].concat();
            assert_eq!(read(&plans, &value).unwrap_err(), format!("malformed: schema {ID}: {error}"));
        }
        let elsewhere = of_fields(
            &json!([{"name": "id", "type": "string"}, {"name": "name", "type": "string"},
            {"name": "conversationId", "type": "string"}, {"name": "timestamp", "type": "long"}, {"name": "other", "type": local(unit)}]),
        );
        let value = [&[0], &ID.to_be_bytes()[..], b"\x02e\x02X\x02c\x80\xf0\x86\xc2\xee\x65\x02"].concat();
        assert_eq!(read(&plans(&elsewhere), &value).map(|event| event.at), Ok(1_750_000_000_000));
    }
}

#[test]
fn a_schema_with_references_is_refused_with_the_name_and_what_to_do() {
    for name in ["com.example.Header", "Header", "strng"] {
        let schema =
            of_fields(&json!([{"name": "id", "type": "string"}, {"name": "data", "type": ["null", name]}]));
        let error = Plans::new().learn(ID, &schema).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "the schema names the type {name}, which it does not define, and references to other subjects are not followed; \
                 register a schema that holds all definitions itself, and write with that"
            )
        );
    }
}

#[test]
fn an_event_in_avro_is_bounded_as_one_in_json_is() {
    let mut event = full();
    event["id"] = json!("x".repeat(513));
    let schema = parsed(Schema::CIM_EVENT);
    let error = read(&plans(Schema::CIM_EVENT.text), &written(&schema, &event)).unwrap_err();
    assert_eq!(error, "identifier-too-long: id has 513 bytes, an identifier may have 512");
    event["id"] = json!("");
    let error = read(&plans(Schema::CIM_EVENT.text), &written(&schema, &event)).unwrap_err();
    assert_eq!(error, "missing-field: id is an empty string");
    let value = written(&schema, &full());
    let (plans, limits) = (plans(Schema::CIM_EVENT.text), Limits::default());
    let of = |timestamp_ms| {
        let origin = Origin { conversation: None, timestamp_ms };
        plans.decode(&value, origin, &limits, &mut Vec::new()).map(drop).map_err(|error| error.to_string())
    };
    let late = 1_750_000_000_000 - limits.ahead_max_ms;
    assert_eq!((of(None), of(Some(late))), (Ok(()), Ok(())));
    assert!(of(Some(late - 1)).unwrap_err().starts_with("bad-timestamp: timestamp lies 86400 s past"));
}

#[test]
fn what_is_nested_too_deep_is_malformed() {
    let nested = of_fields(&json!([{"name": "x", "type": {"type": "record", "name": "N", "fields": [
        {"name": "next", "type": ["null", "N"]}]}}]));
    let value = [&[0], &ID.to_be_bytes()[..], &[2].repeat(500_000)].concat();
    assert!(read(&plans(&nested), &value).unwrap_err().contains("nested too deep"));
}

/// A schema with all types, read and skipped.
fn of_all_types() -> String {
    let all = json!(["null", "boolean", "int", "long", "float", "double", "bytes", "string",
        {"type": "fixed", "name": "F", "size": 3}, {"type": "enum", "name": "E", "symbols": ["A", "B"]},
        {"type": "array", "items": "Anything"}, {"type": "map", "values": "Anything"}, "Anything"]);
    of_fields(&json!([
        {"name": "channelSession", "type": all.clone()}, {"name": "skipped", "type": all}, {"name": "id", "type": "string"}
    ]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_can_do_more_than_be_malformed(data in prop::collection::vec(any::<u8>(), 0..200), small in prop::collection::vec(0_u8..30, 0..200)) {
        for schema in [Schema::CIM_EVENT.text, &of_all_types()] {
            let plans = plans(schema);
            for data in [&data, &small] {
                let _ = plans.decode(data, None, &Limits::default(), &mut Vec::new());
                let value = [&[0], &ID.to_be_bytes()[..], data].concat();
                let _ = plans.decode(&value, Some("t"), &Limits::default(), &mut Vec::new());
            }
        }
    }

    #[test]
    fn a_damaged_event_can_do_no_more_than_be_malformed(at: prop::sample::Index, to: u8, cut: bool) {
        let mut value = written(&parsed(Schema::CIM_EVENT), &full());
        let at = at.index(value.len());
        if cut {
            value.truncate(at);
            let whole = plans(Schema::CIM_EVENT.text).decode(&value, None, &Limits::default(), &mut Vec::new()).is_ok();
            prop_assert!(!whole);
        } else {
            value[at] = to;
            let _ = plans(Schema::CIM_EVENT.text).decode(&value, None, &Limits::default(), &mut Vec::new());
        }
    }

    #[test]
    fn no_text_can_do_more_than_be_no_schema(text in "\\PC{0,60}", noise in prop::collection::vec(prop::sample::select(vec!["{", "}", "\"type\":", "\"record\"", "\"name\":\"R\"", "\"fields\":[", "]", ",", "\"string\"", "\"R\"", "null"]), 0..20)) {
        let _ = Plans::new().learn(1, &text);
        let _ = Plans::new().learn(1, &noise.concat());
    }
}
