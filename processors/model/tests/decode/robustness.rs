// SPDX-License-Identifier: Apache-2.0

//! Hostile and damaged input: never a panic, and malformed wherever the damage is.

use crate::support::{event, reason_of, try_read};
use model::{Limits, decode};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Positions of values that are read, skipped, kept as text or of a wrong type.
const PLACES: &[&str] = &[
    r#"{"x":@,"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c"}"#,
    r#"{"id":@,"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c"}"#,
    r#"{"timestamp":@,"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c"}"#,
    r#"{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c","data":@}"#,
    r#"{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c","data":{"body":@}}"#,
    r#"{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c","data":{"body":@,"body":{}}}"#,
    r#"{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c","data":{"body":{"x":[{"y":@}]}}}"#,
    r#"{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c","data":{"body":{"body":@}}}"#,
    r#"{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c","data":{"body":{"startTime":@}}}"#,
    r#"{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c","data":{"suggestions":[@,{"messageBody":1}]}}"#,
    r#"{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c","data":{"suggestions":[{"confidenceLevel":@}]}}"#,
    r#"{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c","data":{"suggestions":[{"messageBody":@}]}}"#,
    r#"{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c","data":{"header":{"schedulingMetaData":@}}}"#,
    r#"{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c","channelSession":@}"#,
    r#"{"id":"e","name":"TASK_ENQUEUED","timestamp":1750000000000,"conversationId":"c","data":{"state":@}}"#,
    r#"{"id":"e","name":"TASK_ENQUEUED","timestamp":1750000000000,"conversationId":"c","data":{"state":{"name":@}}}"#,
    r#"{"id":"e","name":"TASK_ENQUEUED","timestamp":1750000000000,"conversationId":"c","data":{"task":{"activeMedia":@}}}"#,
    r#"{"id":"e","name":"TASK_ENQUEUED","timestamp":1750000000000,"conversationId":"c","data":{"task":{"activeMedia":[@,1]}}}"#,
    r#"{"id":"e","name":"TASK_ENQUEUED","timestamp":1750000000000,"conversationId":"c","data":{"task":{"activeMedia":[{},@]}}}"#,
    r#"{"id":"e","name":"AGENT_SUBSCRIBED","timestamp":1750000000000,"conversationId":"c","data":{"agentParticipant":@,"reason":1}}"#,
    r#"{"payload":{"x":@},"entities":{"cimEvent":{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c"}}}"#,
    r#"{"id":@,"cimEvent":{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c"}}"#,
    r#"{"id":"e","name":"CONVERSATION_DATA_CHANGED","timestamp":1750000000000,"conversationId":"c","data":{"x":@}}"#,
];

#[test]
fn any_proper_value_is_taken_in_every_place() {
    for place in PLACES {
        for value in [
            "null",
            "{}",
            "[]",
            "\"\"",
            "\"x\"",
            "7",
            "-0",
            "1.5e3",
            "true",
            r#"{"a":[{"b":"\ud83d\ude00"}]}"#,
            "1.7976931348623158e308",
            "1e-999",
            "0e999",
        ] {
            assert_eq!(reason_of(&place.replacen('@', value, 1)), "valid", "{value} in {place}");
        }
    }
}

#[test]
fn what_is_malformed_is_so_in_every_place() {
    for place in PLACES {
        for value in [
            "1e999",
            "-1e309",
            "1.7976931348623159e308",
            "[1e999]",
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83d\u0041""#,
            r#""\ud83dx""#,
            r#"{"\ud83d":1}"#,
            r#"{"id":"\udc00"}"#,
            r#"[[{"a":"\ud800"}]]"#,
            "01",
            "[1,]",
            "{\"a\"}",
            "\"\t\"",
            "nul",
            "",
        ] {
            assert_eq!(reason_of(&place.replacen('@', value, 1)), "malformed", "{value} in {place}");
        }
        let digits = "9".repeat(400);
        assert_eq!(reason_of(&place.replacen('@', &digits, 1)), "malformed", "400 digits in {place}");
    }
}

#[test]
fn a_detail_tells_the_place_also_within_a_body() {
    let record = "{\"id\":\"e\",\n\"data\":{\"body\":{\n\"x\":1e999}}}";
    let detail = try_read(record).unwrap_err().detail;
    assert_eq!(detail, "the value is no JSON: number out of range at line 3 column 5");
}

#[test]
fn a_hundred_levels_are_read_and_a_million_end_in_a_dead_letter() {
    for place in PLACES {
        let levels = 101 - place.matches(['{', '[']).count();
        for (open, close) in [("[", "]"), ("{\"x\":", "}")] {
            let nested = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
            assert_eq!(reason_of(&place.replacen('@', &nested(levels), 1)), "valid", "{place}");
            let far = place.replacen('@', &nested(100_000), 1);
            assert_eq!(reason_of(&far), "malformed", "{place}");
            let unclosed = place.replacen('@', &open.repeat(100_000), 1);
            assert_eq!(reason_of(&unclosed), "malformed", "{place}");
        }
    }
}

/// A record with every field that is read.
fn full(name: &str) -> Value {
    let session = json!({"id": "s", "conversationId": "c", "topicId": "c", "customer": {"_id": "k"},
        "channel": {"channelType": {"name": "WEB"}}, "channelData": {"serviceIdentifier": "1"},
        "channelSessionDirection": "INBOUND"});
    let sender = json!({"id": "a", "type": "agent", "role": "SUPERVISOR", "senderName": "A", "participant": {
        "id": "p", "participantType": "CCUser", "displayName": "D", "name": "N", "keycloakUser": {"username": "U"}}});
    event(
        name,
        &json!({"topicId": "c", "eventEmitter": sender, "channelSession": session, "data": {
            "id": "m", "participantType": "ChannelSession",
            "header": {"conversationId": "c", "channelSession": session, "channelSessionId": "s", "sender": sender,
                "customer": {"id": "k", "_id": "k"}, "intent": "REPLY_TO", "originalMessageId": "o", "schedulingMetaData": {}},
            "body": {"type": "PLAIN", "action": if name == "REACTION" { "ADD" } else { "EDIT" }, "body": {"x": "é\u{1f600} \\ \" \n"}, "kind": "EMOJI", "value": "v", "legId": "l",
                "callId": "s", "startTime": "2025-06-15T15:06:40.5Z", "endTime": "1750000000000.25", "messageId": "o", "status": "READ"},
            "conversationDirection": "OUTBOUND", "agentParticipant": sender, "reason": "R", "state": {"name": "CLOSED"},
            "conversationParticipant": {"type": "AGENT", "id": "a", "role": "R", "participant": {"id": "p"}},
            "queue": {"name": "q"}, "task": {"id": "t", "state": "S", "activeMedia": [
                {"queue": {"name": "q"}, "type": {"direction": "INBOUND", "mode": "QUEUE"}}]},
            "requestedMessage": {"id": "o"}, "suggestions": [{"messageBody": {}, "confidenceLevel": 0.5}],
        }}),
    )
}

const NAMES: [&str; 11] = [
    "CUSTOMER_MESSAGE",
    "CALL_LEG_ENDED",
    "CONVERSATION_DATA_CHANGED",
    "MODIFY_ACTIVITY",
    "REACTION",
    "BOT_SUGGESTION",
    "MESSAGE_DELIVERY_NOTIFICATION",
    "AGENT_SUBSCRIBED",
    "PARTICIPANT_ROLE_CHANGED",
    "TASK_ENQUEUED",
    "TOPIC_STATE_CHANGED",
];

/// The record's text in a form, with a few bytes replaced, removed, repeated or cut off.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edits = proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 0..6);
    (prop::sample::select(&NAMES[..]), 0..3_u8, edits).prop_map(|(name, form, edits)| {
        let record = match form {
            0 => full(name),
            1 => json!({"cimEvent": full(name), "conversationId": "c"}),
            _ => json!({"payload": {"entities": {"cimEvent": full(name)}}}),
        };
        let mut bytes = record.to_string().into_bytes();
        for (at, how, byte) in edits {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            match how {
                0 => bytes.splice(at..(at + 1).min(bytes.len()), [byte]).for_each(drop),
                1 => bytes.splice(at..(at + 1).min(bytes.len()), []).for_each(drop),
                // Bytes with a meaning in JSON.
                2 => bytes.insert(at, b"{}[]\",:\\0-.eu"[usize::from(byte) % 13]),
                _ if byte < 16 => bytes.truncate(at),
                _ => {
                    let piece: Vec<u8> = bytes.iter().skip(at).take(usize::from(byte)).copied().collect();
                    bytes.splice(at..at, piece).for_each(drop);
                }
            }
        }
        bytes
    })
}

#[test]
fn a_valid_event_is_the_same_in_its_pretty_print() {
    for name in NAMES {
        let record = full(name);
        let (tight, loose) = (record.to_string(), serde_json::to_string_pretty(&record).unwrap());
        assert_eq!(try_read(&tight).unwrap(), try_read(&loose).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes, None, &Limits::default());
    }

    #[test]
    fn no_damaged_record_makes_it_panic(bytes in mutated()) {
        let _ = decode(&bytes, Some("t"), &Limits::default());
    }

    #[test]
    fn what_the_json_parser_refuses_is_malformed_and_nothing_else_is(bytes in mutated()) {
        let refused = serde_json::from_slice::<Value>(&bytes).is_err();
        let reason = decode(&bytes, None, &Limits::default()).map_err(|invalid| invalid.reason.as_str());
        prop_assert_eq!(refused, reason == Err("malformed"));
    }
}
