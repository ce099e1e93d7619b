// SPDX-License-Identifier: Apache-2.0

//! Limits on identifiers.

use crate::support::{event, read, reason, try_read};
use serde_json::{Value, json};

/// Puts a value at a dotted path.
fn put(record: &mut Value, path: &str, value: &Value) {
    let mut place = record;
    for step in path.split('.') {
        place = match step.parse::<usize>() {
            Ok(index) => &mut place[index],
            Err(_) => &mut place[step],
        };
    }
    *place = value.clone();
}

fn of_bytes(bytes: usize) -> Value {
    // Four bytes each: bytes count, not characters.
    let mut text = "\u{1f600}".repeat(bytes / 4);
    text.extend(std::iter::repeat_n('x', bytes % 4));
    json!(text)
}

/// An event for each name with identifiers, with everything it needs, and the paths of these.
#[expect(clippy::too_many_lines, reason = "a table")]
fn all() -> Vec<(Value, &'static [&'static str])> {
    const OF_ALL: &[&str] = &[
        "id",
        "conversationId",
        "channelSession.id",
        "channelSession.customer._id",
        "eventEmitter.id",
        "eventEmitter.type",
        "channelSession.channel.channelType.name",
        "channelSession.channelData.serviceIdentifier",
        "channelSession.channelSessionDirection",
        "roomInfo.id",
    ];
    const MESSAGE: &[&str] = &[
        "data.id",
        "data.header.providerMessageId",
        "data.header.originalMessageId",
        "data.header.sender.id",
        "data.header.sender.type",
    ];
    let common = json!({
        "channelSession": {"id": "s", "customer": {"_id": "k"}, "channel": {"channelType": {"name": "WEB"}},
            "channelData": {"serviceIdentifier": "1"}, "channelSessionDirection": "IN"},
        "eventEmitter": {"id": "a", "type": "AGENT"}, "roomInfo": {"id": "r"},
    });
    let with = |name: &str, data: Value| {
        let mut event = event(name, &common);
        event["data"] = data;
        event
    };
    let header = json!({"sender": {"type": "AGENT", "id": "a", "role": "x"}, "originalMessageId": "m"});
    let reply = json!({"id": "m", "header": {"sender": {"type": "AGENT", "id": "a"}, "intent": "REPLY_TO",
        "originalMessageId": "q", "providerMessageId": "p"}});
    let edit = json!({"header": {"intent": "UPDATE", "originalMessageId": "m"}, "body": {}});
    let task = json!({"task": {"id": "t", "state": {"name": "x"}, "activeMedia": [{"queue": {"name": "q"}, "type": {"direction": "d", "mode": "m"}}]}});
    let agent = json!({"agentParticipant": {"participant": {"id": "a"}, "role": "r"}, "reason": "r"});
    let role = json!({"conversationParticipant": {"type": "AGENT", "id": "a", "role": "r"}});
    let offered = json!({"ccUser": {"id": "a"}, "task": {"id": "t", "state": {"name": "CLOSED", "reasonCode": "r"},
        "agentRequestTtlTimerId": "i", "activeMedia": [{"requestSession": {"id": "s"}}]}});
    vec![
        (with("X", json!({})), OF_ALL),
        (with("X", json!({"conversationDirection": "IN"})), &["name", "data.conversationDirection"]),
        (with("AGENT_MESSAGE", reply), MESSAGE),
        (with("AGENT_MESSAGE", edit), &["data.header.originalMessageId"]),
        (
            with("CALL_LEG_ENDED", json!({"body": {"legId": "l", "callId": "c", "reasonCode": "r"}})),
            &["data.body.legId", "data.body.callId", "data.body.reasonCode"],
        ),
        (
            with("MODIFY_ACTIVITY", json!({"header": header, "body": {"action": "DELETE"}})),
            &["data.header.originalMessageId", "data.header.sender.role"],
        ),
        (
            with("REACTION", json!({"header": header, "body": {"kind": "EMOJI", "value": "v"}})),
            &["data.header.originalMessageId", "data.body.value"],
        ),
        (
            with("BOT_SUGGESTION", json!({"requestedMessage": {"id": "m"}, "suggestions": []})),
            &["data.requestedMessage.id"],
        ),
        (
            with(
                "MESSAGE_DELIVERY_NOTIFICATION",
                json!({"body": {"messageId": "m", "status": "READ", "reasonCode": "r"}}),
            ),
            &["data.body.messageId", "data.body.status", "data.body.reasonCode"],
        ),
        (
            with("AGENT_SUBSCRIBED", agent),
            &["data.agentParticipant.participant.id", "data.agentParticipant.role", "data.reason"],
        ),
        (
            with("PARTICIPANT_ROLE_CHANGED", role),
            &["data.conversationParticipant.id", "data.conversationParticipant.role"],
        ),
        (
            with("TASK_ENQUEUED", task),
            &[
                "data.task.id",
                "data.task.state.name",
                "data.task.activeMedia.0.queue.name",
                "data.task.activeMedia.0.type.direction",
                "data.task.activeMedia.0.type.mode",
            ],
        ),
        (with("TOPIC_STATE_CHANGED", json!({"state": "x"})), &["data.state"]),
        (with("TOPIC_STATE_CHANGE_EVENT", json!({"topicState": "x"})), &["data.topicState"]),
        (
            with("AGENT_RESERVED", offered),
            &[
                "data.ccUser.id",
                "data.task.state.reasonCode",
                "data.task.agentRequestTtlTimerId",
                "data.task.activeMedia.0.requestSession.id",
            ],
        ),
        (
            with("NO_AGENT_AVAILABLE", json!({"requestType": {"direction": "x"}})),
            &["data.requestType.direction"],
        ),
        (with("CALL_HOLD", json!({"body": {"leg": "l"}})), &["data.body.leg"]),
        (
            with(
                "AGENT_MESSAGE",
                json!({"header": header, "body": {"type": "COMMENT", "itemType": "DELETE"}}),
            ),
            &["data.header.originalMessageId", "data.header.sender.role"],
        ),
        (
            with(
                "BOT_MESSAGE",
                json!({"header": header, "body": {"type": "DELETEDNOTIFICATION", "messageId": "m"}}),
            ),
            &["data.body.messageId", "data.header.sender.role"],
        ),
        (
            with("CUSTOMER_MESSAGE", json!({"id": "m", "header": {"replyToMessageId": "q"}})),
            &["data.header.replyToMessageId"],
        ),
    ]
}

#[test]
fn an_identifier_of_more_than_512_bytes_is_too_long_wherever_it_is_read() {
    for (record, places) in all() {
        assert_eq!(reason(&record), "valid", "{record}");
        for place in places {
            let mut record = record.clone();
            put(&mut record, place, &of_bytes(512));
            // Another name has other rules.
            assert_eq!(reason(&record), "valid", "512 bytes at {place}");
            put(&mut record, place, &of_bytes(513));
            let invalid = try_read(&record.to_string()).unwrap_err();
            assert_eq!(invalid.reason.as_str(), "identifier-too-long", "{place}: {invalid}");
            assert!(invalid.detail.ends_with(" has 513 bytes, an identifier may have 512"), "{invalid}");
            let named = place
                .replace(".0.", "[0].")
                .replace(".state.name", ".state")
                .replace("eventEmitter.id", "eventEmitter");
            let named = named.replace("data.header.sender.id", "data.header.sender");
            assert!(invalid.detail.contains(&named), "{place}: {invalid}");
        }
    }
}

#[test]
fn it_is_the_reason_before_what_the_event_lacks() {
    for (record, places) in all() {
        // No key, no body, no status, no kind: all later reasons.
        let mut record = record;
        for path in [
            "conversationId",
            "channelSession",
            "data.body.status",
            "data.body.kind",
            "data.suggestions",
            "data.body.action",
        ] {
            if path != "data.body.action" || record["name"] != "MODIFY_ACTIVITY" {
                let is_there = path.split('.').try_fold(&record, |place, step| place.get(step)).is_some();
                if is_there {
                    put(&mut record, path, &json!(null));
                }
            }
        }
        for place in places.iter().filter(|place| place.starts_with("data.") && **place != "data.body.status")
        {
            let mut record = record.clone();
            put(&mut record, place, &of_bytes(600));
            assert_eq!(reason(&record), "identifier-too-long", "{place} of {record}");
        }
    }
    let nothing_else = json!({"id": "e", "name": "X", "timestamp": "soon", "conversationId": of_bytes(600)});
    assert_eq!(reason(&nothing_else), "bad-timestamp", "which comes before");
}

#[test]
fn what_the_rules_for_an_event_do_not_read_may_be_as_long_as_it_likes() {
    let long = of_bytes(600);
    for (name, path) in [
        ("X", "data.id"),
        ("X", "data.header.originalMessageId"),
        ("AGENT_MESSAGE", "data.header.originalMessageId"),
        ("AGENT_MESSAGE", "data.header.sender.role"),
        ("AGENT_MESSAGE", "data.body.value"),
        ("AGENT_MESSAGE", "data.conversationId"),
        ("AGENT_MESSAGE", "channelSession.topicId"),
        ("AGENT_MESSAGE", "data.header.intent"),
        ("CONVERSATION_DATA_CHANGED", "data.id"),
        ("AGENT_RESERVED", "data.reason"),
        ("CHANNEL_SESSION_STARTED", "data.state"),
    ] {
        let mut record = event(name, &json!({"data": {"header": {"sender": {}}}}));
        put(&mut record, path, &long);
        assert_eq!(reason(&record), "valid", "{path} of {name}");
    }
}

#[test]
fn the_place_of_an_id_that_may_stand_in_many_is_named() {
    let conversation = [
        "cimEvent.conversationId",
        "cimEvent.topicId",
        "conversationId",
        "cimEvent.data.conversationId",
        "cimEvent.data.topicId",
        "cimEvent.data.header.conversationId",
        "cimEvent.channelSession.conversationId",
        "cimEvent.channelSession.topicId",
        "cimEvent.data.header.channelSession.conversationId",
        "cimEvent.data.header.channelSession.topicId",
        "cimEvent.data.agentParticipant.conversationId",
        "cimEvent.data.conversationParticipant.conversationId",
        "cimEvent.data.task.conversationId",
    ];
    let session =
        ["cimEvent.channelSession.id", "cimEvent.data.header.channelSessionId", "cimEvent.data.body.callId"];
    let of_header = ["cimEvent.data.header.channelSession.id"];
    let customer = [
        "cimEvent.channelSession.customer._id",
        "cimEvent.data.header.customer.id",
        "cimEvent.data.header.customer._id",
        "cimEvent.data.customer._id",
    ];
    let all: [&[&str]; 4] = [&conversation, &session, &of_header, &customer];
    for place in all.into_iter().flatten() {
        let mut record = json!({"cimEvent": event("X", &json!({"conversationId": null}))});
        put(&mut record, place, &of_bytes(700));
        let invalid = try_read(&record.to_string()).unwrap_err();
        assert_eq!(
            invalid.to_string(),
            format!("identifier-too-long: {place} has 700 bytes, an identifier may have 512")
        );
    }
    let itself = event("X", &json!({"data": {"participantType": "ChannelSession", "id": of_bytes(700)}}));
    assert!(try_read(&itself.to_string()).unwrap_err().detail.starts_with("data.id has 700 bytes"));
}

#[test]
fn escapes_count_as_what_they_stand_for() {
    let record = event("X", &json!({})).to_string();
    let with = |id: &str| record.replace("\"id\":\"e\"", &format!("\"id\":\"{id}\""));
    assert!(try_read(&with(&"\\u0041".repeat(512))).is_ok());
    assert_eq!(try_read(&with(&"\\u0041".repeat(513))).unwrap_err().reason.as_str(), "identifier-too-long");
}

#[test]
fn a_name_of_a_person_is_cut_at_a_whole_character() {
    let name_of = |name: String| {
        let sender = json!({"type": "AGENT", "id": "a", "senderName": name});
        read(&event("X", &json!({"eventEmitter": sender}))).actor.unwrap().name.unwrap().into_owned()
    };
    assert_eq!(name_of("x".repeat(1024)), "x".repeat(1024));
    assert_eq!(name_of("x".repeat(1025)), "x".repeat(1024));
    assert_eq!(name_of(format!("x{}", "\u{1f600}".repeat(300))), format!("x{}", "\u{1f600}".repeat(255)));
    assert_eq!(
        name_of(format!("\n{}", "\u{e9}".repeat(600))),
        format!("\n{}", "\u{e9}".repeat(511)),
        "unescaped first"
    );
    let agent = json!({"agentParticipant": {"id": "a", "participant": {"displayName": "x".repeat(5000)}}});
    let model::FactDetail::Agent(agent) =
        crate::support::fact(&event("AGENT_SUBSCRIBED", &json!({"data": agent}))).detail
    else {
        panic!("no agent");
    };
    assert_eq!(agent.name.unwrap().len(), 1024);
}
