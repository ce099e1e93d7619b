// SPDX-License-Identifier: Apache-2.0

//! Identifiers of section 1 with several paths.

use crate::support::{event, read, reason};
use model::{Channel, Event, Home, Limits, RoomMode, decode};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Puts a value at a dotted path.
fn put(record: &mut Value, path: &str, value: &Value) {
    let mut place = record;
    for step in path.split('.') {
        place = &mut place[step];
    }
    *place = value.clone();
}

/// Checks that of all filled places the first counts; then, with it absent in any way, the next.
fn in_order(
    name: &str,
    always: &[(&str, Value)],
    places: &[&str],
    get: impl Fn(&Event<'_>) -> Option<String>,
) {
    for absent in [json!(null), json!(""), json!(true), json!({"x": 1}), json!(["x"])] {
        let mut record = event(name, &json!({"conversationId": null}));
        record["topicId"] = json!("a conversation");
        for (path, value) in always {
            put(&mut record, path, value);
        }
        for (nth, path) in places.iter().enumerate() {
            put(&mut record, path, &json!(format!("place {nth}")));
        }
        for (nth, path) in places.iter().enumerate() {
            assert_eq!(get(&read(&record)), Some(format!("place {nth}")), "{path} in {record}");
            put(&mut record, path, &absent);
        }
    }
}

#[test]
fn the_conversation_id_is_taken_from_the_first_place_that_has_one() {
    let places = [
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
    let mut record = json!({"cimEvent": event("X", &json!({}))});
    for (nth, path) in places.iter().enumerate() {
        put(&mut record, path, &json!(format!("place {nth}")));
    }
    let topic = Some("from the topic");
    let found = |record: &Value, topic| {
        decode(record.to_string().as_bytes(), topic, &Limits::default())
            .map(|event| event.conversation_id.map(Cow::into_owned))
            .map_err(|invalid| invalid.reason.as_str())
    };
    for (nth, path) in places.iter().enumerate() {
        assert_eq!(found(&record, topic), Ok(Some(format!("place {nth}"))), "{path}");
        put(&mut record, path, &json!(""));
    }
    assert_eq!(found(&record, topic), Ok(topic.map(str::to_owned)));
    assert_eq!(found(&record, Some("")), Err("no-key"));
    assert_eq!(found(&record, None), Err("no-key"));
}

#[test]
fn the_channel_session_id_is_the_sessions_else_the_headers_else_the_call() {
    in_order("X", &[], &["channelSession.id", "data.header.channelSessionId", "data.body.callId"], |event| {
        event.channel_session_id.as_deref().map(str::to_owned)
    });
}

#[test]
fn the_session_object_is_the_events_else_the_headers_else_the_data_of_a_channel_session() {
    let mut record = event(
        "X",
        &json!({
            "channelSession": {"id": "1"},
            "data": {"participantType": "ChannelSession", "id": "3", "header": {"channelSession": {"id": "2"}}}
        }),
    );
    assert_eq!(read(&record).channel_session_id.unwrap(), "1");
    record["channelSession"] = json!("no object");
    assert_eq!(read(&record).channel_session_id.unwrap(), "2");
    record["data"]["header"] = json!(null);
    assert_eq!(read(&record).channel_session_id.unwrap(), "3");
    record["data"]["participantType"] = json!("CCUser");
    assert_eq!(read(&record).channel_session_id, None);
}

#[test]
fn session_objects_are_not_merged() {
    let full = json!({"id": "2", "customer": {"_id": "k"}, "channel": {"channelType": {"name": "WEB"}}, "channelData": {"serviceIdentifier": "1"}});
    let event =
        read(&event("X", &json!({"channelSession": {}, "data": {"header": {"channelSession": full}}})));
    assert_eq!((event.channel_session_id, event.customer_id, event.channel), (None, None, None));
}

#[test]
fn data_that_is_a_session_gives_session_customer_and_channel() {
    let event = read(&event(
        "CHANNEL_SESSION_STARTED",
        &json!({"conversationId": null, "data": {
            "participantType": "ChannelSession", "id": "s", "customer": {"_id": "k"},
            "channel": {"channelType": {"name": "WEB"}}, "channelData": {"serviceIdentifier": 1122}
        }}),
    ));
    assert_eq!(event.home(), Home::Session("s"));
    assert_eq!(event.customer_id.as_deref(), Some("k"));
    assert_eq!(
        event.channel,
        Some(Channel { channel_type: Some("WEB".into()), service_identifier: Some("1122".into()) })
    );
}

#[test]
fn the_customer_is_the_sessions_else_the_headers_else_the_datas() {
    in_order(
        "X",
        &[],
        &[
            "channelSession.customer._id",
            "data.header.customer.id",
            "data.header.customer._id",
            "data.customer._id",
            "data.customer.id",
        ],
        |event| event.customer_id.as_deref().map(str::to_owned),
    );
}

#[test]
fn a_channels_fields_fall_back_each_alone() {
    in_order(
        "X",
        &[],
        &["channelSession.channel.channelType.name", "data.header.channelData.channelTypeCode"],
        |event| event.channel.as_ref()?.channel_type.as_deref().map(str::to_owned),
    );
    in_order(
        "X",
        &[],
        &["channelSession.channelData.serviceIdentifier", "data.header.channelData.serviceIdentifier"],
        |event| event.channel.as_ref()?.service_identifier.as_deref().map(str::to_owned),
    );
    let event = read(&event(
        "X",
        &json!({
            "channelSession": {"channel": {"channelType": {"name": "WEB"}}},
            "data": {"header": {"channelData": {"channelTypeCode": "no", "serviceIdentifier": "1"}}}
        }),
    ));
    assert_eq!(
        event.channel,
        Some(Channel { channel_type: Some("WEB".into()), service_identifier: Some("1".into()) })
    );
}

#[test]
fn a_channel_is_absent_only_when_both_its_fields_are() {
    let half = read(&event("X", &json!({"channelSession": {"channelData": {"serviceIdentifier": "1"}}})));
    assert_eq!(half.channel, Some(Channel { channel_type: None, service_identifier: Some("1".into()) }));
    let none = read(&event("X", &json!({"channelSession": {"channel": {"channelType": {"name": ""}}}})));
    assert_eq!(none.channel, None);
}

#[test]
fn every_event_may_tell_a_direction_by_itself_else_by_its_session() {
    for name in ["CUSTOMER_MESSAGE", "MODIFY_ACTIVITY", "AGENT_SUBSCRIBED", "ANYTHING"] {
        let in_header = "data.header.channelSession.channelSessionDirection";
        let session = "channelSession.channelSessionDirection";
        let always = [
            ("data.header.originalMessageId", json!("m")),
            ("data.body.action", json!("DELETE")),
            (in_header, json!("the event's own session counts alone")),
        ];
        in_order(name, &always, &["data.conversationDirection", session], |event| {
            event.direction.as_deref().map(str::to_owned)
        });
    }
    let of = |fields: Value| read(&event("X", &fields)).direction.map(Cow::into_owned);
    let header = json!({"channelSession": {"channelSessionDirection": "OUTBOUND"}});
    assert_eq!(of(json!({"data": {"header": header}})).as_deref(), Some("OUTBOUND"));
    assert_eq!(of(json!({"channelSession": {}, "data": {"header": header}})), None);
    assert_eq!(of(json!({"data": {"conversationDirection": 1}})).as_deref(), Some("1"));
}

#[test]
fn data_that_is_a_session_gives_the_direction_of_the_session_and_other_data_does_not() {
    let of = |data: Value| read(&event("X", &json!({"data": data}))).direction.map(Cow::into_owned);
    let mut data = json!({"participantType": "ChannelSession", "channelSessionDirection": "INBOUND"});
    assert_eq!(of(data.clone()).as_deref(), Some("INBOUND"));
    data["conversationDirection"] = json!("OUTBOUND");
    assert_eq!(of(data.clone()).as_deref(), Some("OUTBOUND"));
    data["conversationDirection"] = json!({});
    data["participantType"] = json!("CCUser");
    assert_eq!(of(data), None);
}

#[test]
fn an_events_home_is_its_conversation_else_its_session_else_its_note() {
    let note = |fields: &Value| {
        let mut note = event(
            "AGENT_MESSAGE",
            &json!({"conversationId": null, "data": {"id": "n", "body": {"type": "NOTE"}}}),
        );
        for (field, value) in fields.as_object().unwrap() {
            note[field] = value.clone();
        }
        note
    };
    assert_eq!(read(&note(&json!({}))).home(), Home::Activity("n"));
    assert_eq!(read(&note(&json!({"channelSession": {"id": "s"}}))).home(), Home::Session("s"));
    assert_eq!(
        read(&note(&json!({"channelSession": {"id": "s"}, "topicId": "c"}))).home(),
        Home::Conversation("c")
    );
}

#[test]
fn only_notes_and_relations_may_have_no_key() {
    let keyless = |name: &str, data: Value| event(name, &json!({"conversationId": null, "data": data}));
    let original = json!({"originalMessageId": "m"});
    for relation in [
        keyless("MODIFY_ACTIVITY", json!({"header": original, "body": {"action": "DELETE"}})),
        keyless("MODIFY_ACTIVITY", json!({"header": original, "body": {"action": "EDIT", "body": {}}})),
        keyless("REACTION", json!({"header": original, "body": {"kind": "FLAG", "value": "v"}})),
        keyless("BOT_SUGGESTION", json!({"requestedMessage": {"id": "m"}, "suggestions": []})),
        keyless("MESSAGE_DELIVERY_NOTIFICATION", json!({"body": {"messageId": "m", "status": "READ"}})),
        keyless(
            "CALL_LEG_STARTED",
            json!({"header": {"intent": "UPDATE", "originalMessageId": "m"}, "body": {}}),
        ),
    ] {
        assert_eq!(read(&relation).home(), Home::Activity("m"), "{relation}");
    }
    for name in [
        "AGENT_MESSAGE",
        "CAMPAIGN_MESSAGE",
        "ACTION_MESSAGE",
        "CONVERSATION_DATA_CHANGED",
        "AGENT_SUBSCRIBED",
        "ANYTHING",
    ] {
        assert_eq!(reason(&keyless(name, json!({"body": {"type": "PLAIN"}}))), "no-key", "{name}");
    }
    assert_eq!(
        reason(&keyless("CAMPAIGN_MESSAGE", json!({"body": {"type": "NOTE"}}))),
        "no-key",
        "a note only by the body rule"
    );
}

#[test]
fn targets_are_whole_numbers_above_zero_of_the_channel_session_and_of_the_data() {
    let targets = |session: Value, sla: Value| {
        let mut record = event("AGENT_SLA_EXPIRED", &json!({"data": {"agentSla": {"totalDuration": sla}}}));
        record["channelSession"] = json!({"id": "s", "channel": {"channelConfig": session}});
        let targets = read(&record).targets;
        (targets.customer_activity, targets.response, targets.agent)
    };
    assert_eq!(
        targets(json!({"customerActivityTimeout": 120, "responseSla": "60000"}), json!(40)),
        (Some(120), Some(60_000), Some(40))
    );
    for nothing in [json!(0), json!(-5), json!(1.5), json!(null), json!("soon"), json!(true), json!([3])] {
        let config = json!({"customerActivityTimeout": nothing, "responseSla": nothing});
        assert_eq!(targets(config, nothing.clone()), (None, None, None), "{nothing}");
    }
}

#[test]
fn the_room_is_taken_from_the_first_place_that_has_one() {
    let always = [("data.header.sender", json!({"type": "AGENT"}))];
    let places =
        ["roomInfo.id", "channelSession.roomInfo.id", "data.header.roomInfo.id", "data.header.roomId"];
    in_order("X", &always, &places, |event| event.room_id.as_deref().map(str::to_owned));
}

#[test]
fn a_rooms_mode_is_one_of_two_words_and_any_other_is_absent() {
    let mode = |own: Value, of_session: Value| {
        let fields = json!({"roomInfo": {"mode": own}, "channelSession": {"roomInfo": {"mode": of_session}}});
        read(&event("X", &fields)).mode
    };
    assert_eq!(mode(json!("PRIVATE"), json!("CONTACT_CENTER")), Some(RoomMode::Private));
    assert_eq!(mode(json!(null), json!("CONTACT_CENTER")), Some(RoomMode::ContactCenter));
    assert_eq!(mode(json!("private"), json!(null)), None);
}

#[test]
fn a_message_was_sent_when_its_header_says_in_milliseconds_or_seconds() {
    let sent = |time: Value| read(&event("X", &json!({"data": {"header": {"timestamp": time}}}))).sent_at;
    for time in [
        json!(1_750_000_003_000_i64),
        json!(1_750_000_003),
        json!(1_750_000_003.9),
        json!("1750000003.5"),
        json!("2025-06-15T15:06:43Z"),
    ] {
        assert_eq!(sent(time.clone()), Some(1_750_000_003_000), "{time}");
    }
    for time in [json!(null), json!(""), json!("soon"), json!(5), json!({}), json!(true)] {
        assert_eq!(sent(time.clone()), None, "{time}");
    }
}

#[test]
fn within_a_millisecond_an_events_name_and_state_say_what_comes_first() {
    let rank = |name: &str, data: Value| read(&event(name, &json!({"data": data}))).rank();
    assert_eq!(rank("TOPIC_STATE_CHANGED", json!({"state": "CREATED"})), 0);
    let closed = |reason: &str| json!({"task": {"state": {"name": "CLOSED", "reasonCode": reason}}});
    assert_eq!(rank("TASK_STATE_CHANGED", closed("RONA")), 1);
    assert_eq!(rank("TASK_STATE_CHANGED", closed("DONE")), 6);
    assert_eq!(rank("TASK_STATE_CHANGED", json!({"task": {"state": "ACTIVE"}})), 3);
    assert_eq!(rank("CUSTOMER_MESSAGE", json!({})), 4);
}
