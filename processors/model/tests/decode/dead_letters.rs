// SPDX-License-Identifier: Apache-2.0

//! Every reason that depends on the record alone, and their priority.

use crate::support::{event, reason, reason_of, try_read};
use model::{Limits, Origin, decode};
use serde_json::json;

/// The public case `dead-letters`, line by line: the reason, or `valid`, and the record.
const LINES: &[(&str, &str)] = &[
    ("malformed", r#"not json"#),
    ("malformed", r#"{"id":"z01","name":"X""#),
    ("malformed", r#"{"id":"z02","name":"X","timestamp":NaN,"conversationId":"c"}"#),
    ("malformed", r#"{"id":"\ud83d","name":"X"}"#),
    ("not-an-event", r#"[1,2]"#),
    ("not-an-event", r#"{}"#),
    ("not-an-event", r#"{"payload":{"entities":{"channelSession":{"id":"s"}}}}"#),
    (
        "missing-field",
        r#"{"id":"","name":"AGENT_MESSAGE","timestamp":1750000000000,"data":{"id":"m1","header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"}},"body":{"type":"PLAIN"}},"conversationId":"c"}"#,
    ),
    ("missing-field", r#"{"cimEvent":{}}"#),
    (
        "missing-field",
        r#"{"id":"z00","name":null,"timestamp":1750000000000,"data":{"id":"m1","header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"}},"body":{"type":"PLAIN"}},"conversationId":"c"}"#,
    ),
    (
        "bad-timestamp",
        r#"{"id":"z00","name":"AGENT_MESSAGE","timestamp":null,"data":{"id":"m1","header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"}},"body":{"type":"PLAIN"}},"conversationId":"c"}"#,
    ),
    (
        "bad-timestamp",
        r#"{"id":"z00","name":"AGENT_MESSAGE","timestamp":"yesterday","data":{"id":"m1","header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"}},"body":{"type":"PLAIN"}},"conversationId":"c"}"#,
    ),
    (
        "bad-timestamp",
        r#"{"id":"z00","name":"AGENT_MESSAGE","timestamp":946684799999,"data":{"id":"m1","header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"}},"body":{"type":"PLAIN"}},"conversationId":"c"}"#,
    ),
    (
        "bad-timestamp",
        r#"{"id":"z00","name":"AGENT_MESSAGE","timestamp":"2025-02-29T00:00:00Z","data":{"id":"m1","header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"}},"body":{"type":"PLAIN"}},"conversationId":"c"}"#,
    ),
    (
        "valid",
        r#"{"id":"z00","name":"AGENT_MESSAGE","timestamp":1750000000000,"data":{"id":"m1","header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"}},"body":{"type":"PLAIN"}},"conversationId":"c"}"#,
    ),
    (
        "missing-identifier",
        r#"{"id":"z03","name":"REACTION","timestamp":1750000000001,"data":{"header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"},"originalMessageId":""},"body":{"kind":"EMOJI","value":"👍"}},"conversationId":"c"}"#,
    ),
    (
        "bad-relation",
        r#"{"id":"z04","name":"REACTION","timestamp":1750000000001,"data":{"header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"},"originalMessageId":"m1"},"body":{"kind":"SHRUG","value":"👍"}},"conversationId":"c"}"#,
    ),
    (
        "bad-relation",
        r#"{"id":"z05","name":"REACTION","timestamp":1750000000001,"data":{"header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"},"originalMessageId":"m1"},"body":{"kind":"FLAG","value":""}},"conversationId":"c"}"#,
    ),
    (
        "bad-relation",
        r#"{"id":"z06","name":"REACTION","timestamp":1750000000001,"data":{"header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"},"originalMessageId":"m1"},"body":{"kind":"EMOJI","value":"👍","action":"TOGGLE"}},"conversationId":"c"}"#,
    ),
    (
        "bad-relation",
        r#"{"id":"z07","name":"MODIFY_ACTIVITY","timestamp":1750000000001,"data":{"header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"},"originalMessageId":"m1"},"body":{"action":"UNDO"}},"conversationId":"c"}"#,
    ),
    (
        "bad-relation",
        r#"{"id":"z08","name":"MODIFY_ACTIVITY","timestamp":1750000000001,"data":{"header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"},"originalMessageId":"m1"},"body":{"action":"EDIT","body":"text"}},"conversationId":"c"}"#,
    ),
    (
        "bad-relation",
        r#"{"id":"z09","name":"AGENT_MESSAGE","timestamp":1750000000001,"data":{"header":{"sender":{"type":"AGENT","id":"ann","senderName":"Ann"},"originalMessageId":"m1","intent":"UPDATE"},"body":null},"conversationId":"c"}"#,
    ),
    (
        "missing-identifier",
        r#"{"id":"z10","name":"MESSAGE_DELIVERY_NOTIFICATION","timestamp":1750000000001,"data":{"body":{"messageId":null,"status":"READ"}},"conversationId":"c"}"#,
    ),
    (
        "bad-relation",
        r#"{"id":"z11","name":"MESSAGE_DELIVERY_NOTIFICATION","timestamp":1750000000001,"data":{"body":{"messageId":"m1","status":""}},"conversationId":"c"}"#,
    ),
    (
        "bad-relation",
        r#"{"id":"z12","name":"BOT_SUGGESTION","timestamp":1750000000001,"data":{"requestedMessage":{"id":"m1"}},"conversationId":"c"}"#,
    ),
    (
        "missing-identifier",
        r#"{"id":"z13","name":"CALL_LEG_STARTED","timestamp":1750000000001,"data":{"body":{"callId":"k"}},"conversationId":"c"}"#,
    ),
    (
        "missing-identifier",
        r#"{"id":"z14","name":"CALL_LEG_ENDED","timestamp":1750000000001,"data":{"body":{"legId":"l"}},"conversationId":"c"}"#,
    ),
    (
        "missing-identifier",
        r#"{"id":"z15","name":"CUSTOMER_MESSAGE","timestamp":1750000000001,"data":{"body":{"type":"TRANSCRIPT"}},"conversationId":"c"}"#,
    ),
    ("missing-identifier", r#"{"id":"z16","name":"WRAPUP_APPLIED","timestamp":1750000000001,"data":{}}"#),
    ("no-key", r#"{"id":"z17","name":"AGENT_MESSAGE","timestamp":1750000000001,"data":{}}"#),
    ("no-key", r#"{"id":"z18","name":"CONVERSATION_CLOSED","timestamp":1750000000001,"data":{}}"#),
    ("malformed", r#"not json"#),
];

#[test]
fn each_line_of_the_public_case_has_its_reason() {
    for (line, (expected, record)) in LINES.iter().enumerate() {
        assert_eq!(reason_of(record), *expected, "line {}: {record}", line + 1);
    }
}

#[test]
fn a_value_is_too_large_from_one_byte_more_than_the_limit_on() {
    let record = event("X", &json!({})).to_string();
    let reason = |max| {
        decode(record.as_bytes(), None, &Limits { value_bytes_max: max, ..Limits::default() })
            .map_err(|i| i.reason.as_str())
    };
    assert!(reason(record.len()).is_ok());
    assert_eq!(reason(record.len() - 1).unwrap_err(), "too-large");
}

#[test]
fn the_default_limit_is_a_mebibyte_and_comes_before_everything_else() {
    assert_eq!(Limits::default().value_bytes_max, 1_048_576);
    assert_eq!(reason_of(&"x".repeat(1_048_576)), "malformed");
    assert_eq!(reason_of(&"x".repeat(1_048_577)), "too-large");
}

#[test]
fn what_is_no_json_is_malformed() {
    for record in [
        "",
        " ",
        "not json",
        "{",
        "{}{}",
        "{} x",
        "{}\u{0}",
        "[1,]",
        "{\"id\":01}",
        "{\"id\":+1}",
        "{\"id\":1.}",
        "{\"id\":.5}",
        "{\"id\":NaN}",
        "{\"id\":Infinity}",
        "{'id':1}",
        "{\"id\":\"\n\"}",
        "{\"id\":\"\\x\"}",
        "{\"id\":\"\\u12\"}",
        "{id:1}",
        "{\"id\":1,}",
        "// x\n{}",
        "{\"id\":tru}",
        "\"\\ud83d\"",
        "1e999",
    ] {
        assert_eq!(reason_of(record), "malformed", "{record:?}");
    }
}

#[test]
fn invalid_utf_8_is_malformed_and_the_detail_names_the_byte() {
    let mut record = event("X", &json!({"note": "é"})).to_string().into_bytes();
    let at = record.iter().position(|b| *b == 0xC3).unwrap();
    record.remove(at + 1);
    let invalid = decode(&record, None, &Limits::default()).unwrap_err();
    assert_eq!(invalid.reason.as_str(), "malformed");
    assert_eq!(invalid.detail, format!("the value is no UTF-8 from byte {at} on (counted from 0)"));
    for bytes in [&b"\xff"[..], b"\"\xed\xa0\x80\"", b"\"\xc0\x80\"", b"\"\xf4\x90\x80\x80\""] {
        assert_eq!(decode(bytes, None, &Limits::default()).unwrap_err().reason.as_str(), "malformed");
    }
}

#[test]
fn what_has_no_form_is_not_an_event() {
    for record in [
        "null",
        "1",
        "\"x\"",
        "[]",
        "[{\"id\":\"e\",\"name\":\"X\"}]",
        "{}",
        "{\"id\":\"\"}",
        "{\"id\":null,\"name\":\"\"}",
        "{\"id\":{},\"name\":[1]}",
        "{\"cimEvent\":null}",
        "{\"cimEvent\":[]}",
        "{\"payload\":{\"cimEvent\":{}}}",
        "{\"payload\":{\"entities\":{\"cimEvent\":\"x\"}}}",
        "{\"conversationId\":\"c\"}",
    ] {
        assert_eq!(reason_of(record), "not-an-event", "{record}");
    }
}

#[test]
fn an_event_needs_an_id_and_a_name() {
    for (field, value) in [
        ("id", json!(null)),
        ("id", json!("")),
        ("id", json!({})),
        ("name", json!(1.5)),
        ("name", json!(true)),
    ] {
        assert_eq!(reason(&event("X", &json!({field: value}))), "missing-field", "{field} {value}");
    }
    assert_eq!(try_read(r#"{"cimEvent":{"id":"e"}}"#).unwrap_err().detail, "cimEvent.name is absent");
}

#[test]
fn what_is_of_the_wrong_type_is_said_to_be_so_and_not_to_be_absent() {
    let expected = ", where a string or a whole number is expected";
    for (value, is, wanted) in [
        (json!(null), "is absent", ""),
        (json!(""), "is an empty string", ""),
        (json!(1.5), "is a number with a fraction or an exponent", expected),
        (json!(1e3), "is a number with a fraction or an exponent", expected),
        (json!(true), "is true or false", expected),
        (json!(["e"]), "is an array", expected),
        (json!({"$oid": "e"}), "is an object", expected),
    ] {
        let detail = |event: &serde_json::Value| try_read(&event.to_string()).unwrap_err().detail;
        assert_eq!(detail(&event("X", &json!({"id": value}))), format!("id {is}{wanted}"));
        assert_eq!(detail(&event("X", &json!({"name": value}))), format!("name {is}{wanted}"));
        let header = json!({"originalMessageId": value});
        assert_eq!(
            detail(&event("MODIFY_ACTIVITY", &json!({"data": {"header": header}}))),
            format!("data.header.originalMessageId {is}{wanted}, which MODIFY_ACTIVITY needs")
        );
        let body = json!({"messageId": "m", "status": value});
        assert_eq!(
            detail(&event("MESSAGE_DELIVERY_NOTIFICATION", &json!({"data": {"body": body}}))),
            format!("data.body.status {is}{wanted}, which MESSAGE_DELIVERY_NOTIFICATION needs")
        );
        if !value.is_null() {
            let without_key = event("X", &json!({"conversationId": value}));
            assert!(detail(&without_key).starts_with(&format!("conversationId {is}{wanted}, and ")));
        }
    }
    let detail = |time| try_read(&event("X", &json!({"timestamp": time})).to_string()).unwrap_err().detail;
    assert_eq!(detail(json!({"$date": 1})), "timestamp is an object, where a time is expected");
    assert_eq!(detail(json!("")), "timestamp is an empty string, where a time is expected");
    let seconds = json!({"id": "e", "name": "X", "timestamp": true, "timeStamp": 1_750_000_000_000_i64, "conversationId": "c"});
    assert_eq!(reason(&seconds), "valid", "the other name counts then");
}

#[test]
fn a_byte_order_mark_is_named() {
    let record = event("X", &json!({})).to_string();
    let detail = |value: &[u8]| decode(value, None, &Limits::default()).unwrap_err().to_string();
    assert_eq!(
        detail(format!("\u{feff}{record}").as_bytes()),
        "malformed: the value is no JSON: it begins with a byte order mark (U+FEFF), which no JSON may have: leave it out"
    );
    for mark in [[0xff, 0xfe], [0xfe, 0xff]] {
        let utf_16 = [&mark[..], record.as_bytes()].concat();
        assert_eq!(
            detail(&utf_16),
            "malformed: the value is no UTF-8 from byte 0 on (counted from 0): it begins with the byte order mark of UTF-16, \
             write UTF-8"
        );
    }
}

#[test]
fn an_absent_or_bad_time_has_a_detail_with_the_path() {
    let detail = |record| try_read(record).unwrap_err().detail;
    assert_eq!(detail(r#"{"id":"e","name":"X"}"#), "timestamp and timeStamp are absent");
    let wrapped = r#"{"entities":{"cimEvent":{"id":"e","name":"X","timeStamp":"x"}}}"#;
    assert!(detail(wrapped).starts_with("entities.cimEvent.timeStamp is no time"), "{}", detail(wrapped));
}

#[test]
fn the_first_reason_that_applies_is_given() {
    let bad_in_all = json!({"id": "", "name": "REACTION", "timestamp": "x", "data": {}});
    assert_eq!(reason(&bad_in_all), "missing-field");
    assert_eq!(
        reason(&json!({"id": "e", "name": "REACTION", "timestamp": "x", "data": {}})),
        "bad-timestamp"
    );
    assert_eq!(
        reason(&json!({"id": "e", "name": "REACTION", "timestamp": 1_750_000_000_000_i64})),
        "missing-identifier"
    );
    // An edit without a new body and without a key.
    let edit = json!({"id": "e", "name": "AGENT_MESSAGE", "timestamp": 1_750_000_000_000_i64,
        "data": {"header": {"intent": "UPDATE", "originalMessageId": "m"}}});
    assert_eq!(reason(&edit), "bad-relation");
    // Without its session a leg lacks an identifier, which precedes the missing key.
    let leg = json!({"id": "e", "name": "CALL_LEG_STARTED", "timestamp": 1_750_000_000_000_i64, "data": {"body": {"legId": "l"}}});
    assert_eq!(reason(&leg), "missing-identifier");
}

#[test]
fn an_event_too_far_past_its_records_timestamp_has_a_bad_one_itself() {
    const AT: i64 = 1_750_000_000_000;
    const DAY_MS: i64 = 86_400_000;
    let record = event("REACTION", &json!({})).to_string();
    let read = |value: &str, timestamp_ms, ahead_max_ms| {
        let origin = Origin { conversation: None, timestamp_ms };
        decode(value.as_bytes(), origin, &Limits { ahead_max_ms, ..Limits::default() }).map(drop)
    };
    let reason =
        |timestamp_ms, ahead_max_ms| read(&record, timestamp_ms, ahead_max_ms).unwrap_err().reason.as_str();
    assert_eq!(Limits::default().ahead_max_ms, DAY_MS);
    assert_eq!(reason(Some(AT - DAY_MS), DAY_MS), "missing-identifier", "the day is included");
    assert_eq!(
        reason(Some(AT - DAY_MS - 1), DAY_MS),
        "bad-timestamp",
        "it comes before what the relation lacks"
    );
    assert_eq!(reason(Some(AT - 1001), 1000), "bad-timestamp");
    assert_eq!(reason(None, DAY_MS), "missing-identifier", "a record without a timestamp is not asked");
    assert_eq!(reason(Some(AT * 2), DAY_MS), "missing-identifier", "what is late is not too early");
    for extreme in [i64::MIN, 0, i64::MAX] {
        let _ = reason(Some(extreme), i64::MAX);
        let _ = reason(Some(extreme), 0);
    }
    let wrapped = json!({"cimEvent": event("X", &json!({"timeStamp": AT, "timestamp": null}))}).to_string();
    let detail = read(&wrapped, Some(AT - 100_000_000), DAY_MS).unwrap_err().detail;
    assert!(
        detail.starts_with("cimEvent.timeStamp lies 100000 s past the record's own Kafka timestamp, limits.ahead allows 86400 s"),
        "{detail}"
    );
}

#[test]
fn a_malformed_end_makes_the_whole_record_malformed() {
    let mut record = event("X", &json!({})).to_string();
    record.pop();
    assert_eq!(reason_of(&record), "malformed");
    assert_eq!(reason_of(&format!("{record},\"id\":\"\",\"x\":1e999}}")), "malformed");
}

#[test]
fn no_detail_quotes_the_input() {
    for (_, record) in LINES {
        let record =
            record.replace("SHRUG", "secret").replace("yesterday", "secret").replace("UNDO", "secret");
        if let Err(invalid) = try_read(&record) {
            assert!(!invalid.detail.contains("secret"), "{invalid}");
        }
    }
}
