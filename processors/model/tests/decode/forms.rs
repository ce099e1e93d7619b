// SPDX-License-Identifier: Apache-2.0

//! The three forms, and fields that do not depend on the event's name.

use crate::support::{event, read, reason, try_read};
use model::{Home, Limits, decode};
use serde_json::{Value, json};
use std::borrow::Cow;

fn bare() -> Value {
    event("X", &json!({}))
}

#[test]
fn all_forms_give_the_same_event() {
    let expected = read(&bare());
    for form in [
        json!({"cimEvent": bare()}),
        json!({"payload": {"entities": {"cimEvent": bare()}}}),
        json!({"entities": {"cimEvent": bare()}}),
    ] {
        assert_eq!(read(&form), expected, "{form}");
    }
}

#[test]
fn an_object_cim_event_counts_before_the_studio_form_and_before_the_outer_fields() {
    let other = |id: &str| event("X", &json!({"id": id}));
    let all = json!({
        "id": "1", "name": "Y", "cimEvent": other("2"),
        "payload": {"entities": {"cimEvent": other("3")}}, "entities": {"cimEvent": other("4")}
    });
    let mut record = all;
    for (id, gone) in [("2", "cimEvent"), ("3", "payload"), ("4", "entities")] {
        assert_eq!(read(&record).id, id);
        record[gone] = json!("no object");
    }
    assert_eq!(reason(&record), "bad-timestamp", "what is left is the bare form");
}

#[test]
fn an_empty_wrapped_event_is_an_event_without_its_fields() {
    for wrapped in [json!({"cimEvent": {}}), json!({"id": "e", "name": "X", "entities": {"cimEvent": {}}})] {
        assert_eq!(reason(&wrapped), "missing-field", "{wrapped}");
    }
}

#[test]
fn the_socket_forms_outer_conversation_id_counts_and_the_studio_forms_does_not() {
    let inner = json!({"id": "e", "name": "X", "timestamp": 1_750_000_000_000_i64});
    assert_eq!(read(&json!({"cimEvent": inner, "conversationId": "c"})).home(), Home::Conversation("c"));
    assert_eq!(reason(&json!({"entities": {"cimEvent": inner}, "conversationId": "c"})), "no-key");
    assert_eq!(reason(&json!({"cimEvent": inner, "topicId": "c"})), "no-key");
}

#[test]
fn unknown_fields_are_ignored() {
    let more = event(
        "X",
        &json!({"unknown": {"deep": [1, {"id": "x"}, null, "é", 1.5e-7, false]}, "Id": "y", "data": 7}),
    );
    assert_eq!(read(&more), read(&bare()));
}

#[test]
fn text_is_a_string_or_an_integer_of_any_length_that_a_double_can_hold() {
    let id = |spelling: &str| {
        try_read(&format!(r#"{{"id":{spelling},"name":"X","timestamp":1750000000000,"conversationId":"c"}}"#))
            .ok()
            .map(|event| event.id.into_owned())
    };
    for (spelling, text) in [
        ("9", Some("9")),
        ("0", Some("0")),
        ("-0", Some("0")),
        ("-12", Some("-12")),
        ("9007199254740991", Some("9007199254740991")),
        ("-9007199254740991", Some("-9007199254740991")),
        ("9007199254740992", Some("9007199254740992")),
        ("-9007199254740992", Some("-9007199254740992")),
        ("-9223372036854775808", Some("-9223372036854775808")),
        ("18446744073709551615", Some("18446744073709551615")),
        ("123456789012345678901234567890", Some("123456789012345678901234567890")),
        ("17976931348623157e292", None),
        ("1.0", None),
        ("1e3", None),
        ("true", None),
        ("[]", None),
        ("{}", None),
        ("null", None),
        (r#""""#, None),
        (r#"" ""#, Some(" ")),
        (r#""a\"\u00e9\ud83d\ude00\n\/""#, Some("a\"é😀\n/")),
        (r#""\u0000""#, Some("\0")),
    ] {
        assert_eq!(id(spelling).as_deref(), text, "{spelling}");
    }
}

#[test]
fn text_is_borrowed_unless_it_was_escaped() {
    let record = r#"{"id":"plain é","name":"\u0058","timestamp":1750000000000,"conversationId":"c"}"#;
    let event = decode(record.as_bytes(), None, &Limits::default()).unwrap();
    assert!(matches!(event.id, Cow::Borrowed("plain é")));
    assert!(matches!(event.name, Cow::Owned(ref name) if name == "X"));
}

#[test]
fn keys_match_also_when_they_are_escaped_and_only_exactly() {
    let record = r#"{"\u0069d":"e","n\u0061me":"X","timestamp":1750000000000,"conversation\u0049d":"c"}"#;
    assert_eq!(try_read(record).unwrap(), read(&bare()));
    assert_eq!(reason(&json!({"ID": "e", "Name": "X"})), "not-an-event");
}

#[test]
fn whitespace_and_order_do_not_matter() {
    let record = "\r\n\t { \"conversationId\" : \"c\" ,\n \"timestamp\":1750000000000,\"name\":\"X\" , \"id\":\"e\" } \n";
    assert_eq!(try_read(record).unwrap(), read(&bare()));
}

#[test]
fn of_a_repeated_field_the_last_counts_whatever_it_is() {
    let with = |more: &str| {
        try_read(&format!(r#"{{"id":"e","name":"X","timestamp":1750000000000,"conversationId":"c",{more}}}"#))
    };
    assert_eq!(with(r#""id":"f""#).unwrap().id, "f");
    assert_eq!(with(r#""id":null"#).unwrap_err().reason.as_str(), "missing-field");
    assert_eq!(with(r#""id":{"a":1}"#).unwrap_err().reason.as_str(), "missing-field");
    assert_eq!(with(r#""timestamp":"x""#).unwrap_err().reason.as_str(), "bad-timestamp");
    assert_eq!(with(r#""conversationId":"""#).unwrap_err().reason.as_str(), "no-key");
    assert_eq!(with(r#""cimEvent":{"id":"1"},"cimEvent":null"#).unwrap().id, "e");
}

#[test]
fn a_repeated_object_replaces_the_first_and_is_not_merged_with_it() {
    let record = r#"{"id":"e","name":"X","timestamp":1750000000000,
        "data":{"conversationId":"c","customer":{"_id":"k"}},"data":{"topicId":"t"}}"#;
    let event = try_read(record).unwrap();
    assert_eq!((event.home(), event.customer_id.as_deref()), (Home::Conversation("t"), None));
    let gone = record.replace(r#"{"topicId":"t"}"#, "[]");
    assert_eq!(try_read(&gone).unwrap_err().reason.as_str(), "no-key");
}

#[test]
fn a_time_is_taken_in_any_form_and_timestamp_alone_decides_when_present() {
    let at = |timestamp: Value, time_stamp: Value| {
        try_read(&event("X", &json!({"timestamp": timestamp, "timeStamp": time_stamp})).to_string())
            .map(|event| event.at)
            .map_err(|invalid| invalid.reason.as_str())
    };
    let (first, other) = (1_750_000_000_000_i64, json!(1_750_000_009_000_i64));
    for time in [
        json!(first),
        json!(1_750_000_000_000.9),
        json!("1750000000000.9"),
        json!("2025-06-15T17:06:40.0009+02:00"),
    ] {
        assert_eq!(at(time.clone(), other.clone()), Ok(first), "{time}");
        assert_eq!(at(json!(null), time.clone()), Ok(first), "{time}");
    }
    for absent in [json!(null), json!(""), json!(true), json!({"a": 1}), json!([first])] {
        assert_eq!(at(absent.clone(), other.clone()), Ok(1_750_000_009_000), "{absent}");
        assert_eq!(at(absent.clone(), absent.clone()), Err("bad-timestamp"), "{absent}");
    }
    for unreadable in [
        json!("x"),
        json!(" "),
        json!(0),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(946_684_799_999_i64),
    ] {
        assert_eq!(at(unreadable.clone(), other.clone()), Err("bad-timestamp"), "{unreadable}");
    }
}

#[test]
fn a_numbers_fraction_is_cut_off_where_a_double_would_round_it_up() {
    let record = r#"{"id":"e","name":"X","timestamp":1750000000000.99999999,"conversationId":"c"}"#;
    assert_eq!(try_read(record).unwrap().at, 1_750_000_000_000);
    assert_eq!(
        try_read(&record.replace("1750000000000.99999999", "1.75E+12")).unwrap().at,
        1_750_000_000_000
    );
}

#[test]
fn the_time_range_includes_both_ends() {
    for (time, valid) in [
        (946_684_800_000_i64, true),
        (946_684_799_999, false),
        (4_102_444_800_000, true),
        (4_102_444_800_001, false),
    ] {
        assert_eq!(reason(&event("X", &json!({"timestamp": time}))) == "valid", valid, "{time}");
    }
}
