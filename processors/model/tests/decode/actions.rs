// SPDX-License-Identifier: Apache-2.0

//! Actions of events: the tables of section 2.

use crate::support::{change, event, primary, read, reason, try_read};
use model::{Action, Change, FactKind, Home, Kind, LegPhase, Mark, ReactionKind};
use serde_json::{Value, json};

const MESSAGES: [(&str, Kind); 6] = [
    ("CUSTOMER_MESSAGE", Kind::CustomerMessage),
    ("AGENT_MESSAGE", Kind::AgentMessage),
    ("BOT_MESSAGE", Kind::BotMessage),
    ("WHISPER_MESSAGE", Kind::WhisperMessage),
    ("EWT_MESSAGE", Kind::EwtMessage),
    ("THIRD_PARTY_ACTIVITY", Kind::ThirdPartyActivity),
];

fn with_data(name: &str, data: &Value) -> Value {
    event(name, &json!({"data": data}))
}

#[test]
fn messages_are_activities_of_their_own_name() {
    for (name, kind) in MESSAGES.into_iter().chain([
        ("CAMPAIGN_MESSAGE", Kind::CampaignMessage),
        ("ACTION_MESSAGE", Kind::ActionMessage),
        ("WRAPUP_APPLIED", Kind::WrapUp),
        ("IVR_AGGREGATED_ACTIVITY", Kind::IvrActivity),
        ("VOICE_ACTIVITY", Kind::Call),
    ]) {
        let message = primary(&with_data(name, &json!({"id": "m", "body": {"type": "PLAIN"}})));
        assert_eq!((&*message.activity_id, message.kind), ("m", kind), "{name}");
        assert_eq!(message.body.unwrap().as_str(), r#"{"type":"PLAIN"}"#);
        assert_eq!(primary(&event(name, &json!({}))).activity_id, "e", "without an id, the event's");
    }
}

#[test]
fn a_body_that_is_no_object_is_none() {
    for body in [json!(null), json!("text"), json!([{}]), json!(1)] {
        assert_eq!(primary(&with_data("AGENT_MESSAGE", &json!({"body": body}))).body, None, "{body}");
    }
}

#[test]
fn the_bodys_type_gives_a_message_another_kind() {
    for (name, own) in MESSAGES {
        for (body_type, kind) in [
            ("WRAPUP", Kind::WrapUp),
            ("NOTE", Kind::Note),
            ("RECORDING_LINK", Kind::CallRecording),
            ("SURVEY", Kind::SurveyQuestion),
            ("TRANSCRIPT", Kind::Transcript),
            ("VOICE", Kind::Call),
            ("note", own),
        ] {
            let data = json!({"body": {"type": body_type, "callId": "k"}});
            assert_eq!(primary(&with_data(name, &data)).kind, kind, "{name} {body_type}");
        }
    }
    for name in ["CAMPAIGN_MESSAGE", "ACTION_MESSAGE"] {
        assert_eq!(primary(&with_data(name, &json!({"body": {"type": "NOTE"}}))).kind.as_str(), name);
    }
}

#[test]
fn the_body_rules_rows_count_in_their_order() {
    let mut data = json!({
        "header": {"intent": "IVR_AGGREGATED_ACTIVITY", "schedulingMetaData": {"at": 1}, "sender": {"type": "app"}},
        "body": {"type": "SURVEY"}
    });
    let kind = |data: &Value| primary(&with_data("BOT_MESSAGE", data)).kind;
    assert_eq!(kind(&data), Kind::SurveyQuestion);
    data["body"]["type"] = json!("PLAIN");
    assert_eq!(kind(&data), Kind::IvrActivity);
    data["header"]["intent"] = json!("OTHER");
    assert_eq!(kind(&data), Kind::CampaignMessage);
    data["header"]["schedulingMetaData"] = json!(null);
    assert_eq!(kind(&data), Kind::BotMessage);
}

#[test]
fn a_scheduled_message_is_a_campaigns_only_when_a_program_sent_it() {
    let kind = |name: &str, sender: Value, scheduling: Value| {
        primary(&with_data(name, &json!({"header": {"schedulingMetaData": scheduling, "sender": sender}})))
            .kind
    };
    for program in ["APP", "SYSTEM", "CONNECTOR", "system"] {
        assert_eq!(
            kind("AGENT_MESSAGE", json!({"type": program}), json!({})),
            Kind::CampaignMessage,
            "{program}"
        );
    }
    assert_eq!(kind("AGENT_MESSAGE", json!({"type": "AGENT"}), json!({})), Kind::AgentMessage);
    assert_eq!(kind("AGENT_MESSAGE", json!(null), json!({})), Kind::AgentMessage);
    assert_eq!(kind("AGENT_MESSAGE", json!({"type": "APP"}), json!("")), Kind::AgentMessage);
    // The customer's connector is the customer.
    assert_eq!(kind("CUSTOMER_MESSAGE", json!({"type": "CONNECTOR"}), json!({})), Kind::CustomerMessage);
}

#[test]
fn wrap_ups_need_a_session_or_a_conversation() {
    for data in [json!({}), json!({"body": {"type": "WRAPUP"}})] {
        let name = if data["body"].is_null() { "WRAPUP_APPLIED" } else { "AGENT_MESSAGE" };
        let record = |fields: Value| {
            let mut record = event(name, &fields);
            record["data"] = data.clone();
            record
        };
        assert_eq!(reason(&record(json!({}))), "valid");
        assert_eq!(reason(&record(json!({"conversationId": null, "channelSession": {"id": "s"}}))), "valid");
        assert_eq!(reason(&record(json!({"conversationId": null}))), "missing-identifier");
    }
}

#[test]
fn recordings_and_transcripts_need_a_session_which_the_call_gives() {
    for body_type in ["RECORDING_LINK", "TRANSCRIPT"] {
        let record = |body: Value| with_data("AGENT_MESSAGE", &json!({"body": body}));
        assert_eq!(reason(&record(json!({"type": body_type}))), "missing-identifier");
        let with_call = read(&record(json!({"type": body_type, "callId": "k"})));
        assert_eq!(with_call.channel_session_id.as_deref(), Some("k"));
    }
}

#[test]
fn call_legs_are_activities_of_their_leg() {
    let body = json!({"legId": "l", "callId": "k", "startTime": "2025-06-15T15:06:40Z", "endTime": 1_750_000_060_000.9, "reasonCode": "HANGUP"});
    for (name, phase) in [("CALL_LEG_STARTED", LegPhase::Started), ("CALL_LEG_ENDED", LegPhase::Ended)] {
        let call = primary(&with_data(name, &json!({"id": "not me", "body": body})));
        assert_eq!((&*call.activity_id, call.kind), ("l", Kind::AgentCallLeg));
        let leg = call.leg.unwrap();
        assert_eq!(
            (leg.phase, leg.call_id.as_deref(), leg.reason.as_deref()),
            (phase, Some("k"), Some("HANGUP"))
        );
        assert_eq!((leg.start_time, leg.end_time), (Some(1_750_000_000_000), Some(1_750_000_060_000)));
    }
}

#[test]
fn a_legs_times_are_absent_when_unreadable_or_out_of_range() {
    for time in [json!(null), json!("soon"), json!(1), json!({}), json!([1]), json!("2025-02-30T00:00:00Z")] {
        let body = json!({"legId": "l", "callId": "k", "startTime": time, "endTime": time});
        let leg = primary(&with_data("CALL_LEG_ENDED", &json!({"body": body}))).leg.unwrap();
        assert_eq!((leg.start_time, leg.end_time), (None, None), "{time}");
    }
}

#[test]
fn call_legs_need_a_leg_and_a_session() {
    let record = |body: Value, session: Value| {
        reason(&event("CALL_LEG_STARTED", &json!({"channelSession": session, "data": {"body": body}})))
    };
    assert_eq!(record(json!({"legId": "l"}), json!({"id": "s"})), "valid");
    assert_eq!(record(json!({"legId": "l"}), json!({})), "missing-identifier");
    assert_eq!(record(json!({"legId": ""}), json!({"id": "s"})), "missing-identifier");
    assert_eq!(record(json!("l"), json!({"id": "s"})), "missing-identifier");
}

#[test]
fn changed_data_is_an_activity_of_the_event_with_all_data_as_its_body() {
    let record = r#"{"data":{"id" : "not me", "body":{"type":"NOTE"}, "n":1.50, "s":"a b"},"id":"e","timestamp":1750000000000,"conversationId":"c","name":"CONVERSATION_DATA_CHANGED"}"#;
    let data = r#"{"id":"not me","body":{"type":"NOTE"},"n":1.50,"s":"a b"}"#;
    for record in [
        record.to_owned(),
        format!(r#"{{"data":{{"x":0}},"cimEvent":{record}}}"#),
        format!(r#"{{"payload":{{"entities":{{"cimEvent":{record}}}}}}}"#),
        record.replace(
            r#""name":"#,
            r#""data":7,"name":"X","data":{"id":"not me","body":{"type":"NOTE"},"n":1.50,"s":"a b"},"name":"#,
        ),
    ] {
        let Action::Primary(changed) = try_read(&record).unwrap().action else { panic!("{record}") };
        assert_eq!((&*changed.activity_id, changed.kind), ("e", Kind::ConversationData));
        assert_eq!(changed.body.unwrap().as_str(), data, "{record}");
    }
    for data in [json!(null), json!("text"), json!([])] {
        assert_eq!(primary(&with_data("CONVERSATION_DATA_CHANGED", &data)).body, None, "{data}");
    }
}

#[test]
fn a_primary_carries_its_provider_id_and_what_it_replies_to() {
    let header = json!({"intent": "REPLY_TO", "originalMessageId": "m", "providerMessageId": "p"});
    for (name, responds) in
        [("CUSTOMER_MESSAGE", true), ("AGENT_MESSAGE", false), ("CAMPAIGN_MESSAGE", false)]
    {
        let reply = primary(&with_data(name, &json!({"header": header})));
        assert_eq!(
            (reply.in_reply_to.as_deref(), reply.provider_message_id.as_deref()),
            (Some("m"), Some("p"))
        );
        assert_eq!(reply.response_target().is_some(), responds, "{name}");
    }
    let note = primary(&with_data("CUSTOMER_MESSAGE", &json!({"header": header, "body": {"type": "NOTE"}})));
    assert_eq!((note.in_reply_to.as_deref(), note.response_target()), (Some("m"), None));
    let no_intent = primary(&with_data("CUSTOMER_MESSAGE", &json!({"header": {"originalMessageId": "m"}})));
    assert_eq!((no_intent.in_reply_to.as_deref(), no_intent.response_target()), (None, None));
    let no_target = primary(&with_data("CUSTOMER_MESSAGE", &json!({"header": {"intent": "REPLY_TO"}})));
    assert_eq!(no_target.in_reply_to, None);
}

#[test]
fn any_primary_with_the_intent_update_and_a_target_is_an_edit() {
    let names = [
        "CAMPAIGN_MESSAGE",
        "ACTION_MESSAGE",
        "WRAPUP_APPLIED",
        "CALL_LEG_STARTED",
        "CALL_LEG_ENDED",
        "CONVERSATION_DATA_CHANGED",
    ];
    for name in MESSAGES.iter().map(|(name, _)| *name).chain(names) {
        let header = json!({"intent": "UPDATE", "originalMessageId": "m"});
        let data = json!({"id": "own", "header": header, "body": {"type": "NOTE", "x": 1}});
        let (target, change) = change(&with_data(name, &data));
        let Change::Edit { body } = change else { panic!("{name}: {change:?}") };
        assert_eq!((target.as_str(), body.as_str()), ("m", r#"{"type":"NOTE","x":1}"#));
        assert_eq!(
            reason(&with_data(name, &json!({"header": header, "body": "x"}))),
            "bad-relation",
            "{name}"
        );
    }
}

#[test]
fn update_without_a_target_changes_nothing() {
    let header = json!({"intent": "UPDATE", "originalMessageId": ""});
    assert_eq!(primary(&with_data("AGENT_MESSAGE", &json!({"id": "m", "header": header}))).activity_id, "m");
}

fn modify(body: &Value) -> Value {
    with_data("MODIFY_ACTIVITY", &json!({"header": {"originalMessageId": "m"}, "body": body}))
}

#[test]
fn modify_activity_edits_with_the_inner_body() {
    let (target, change) = change(&modify(&json!({"action": "EDIT", "body": {"type": "PLAIN"}})));
    let Change::Edit { body } = change else { panic!("{change:?}") };
    assert_eq!((target.as_str(), body.as_str()), ("m", r#"{"type":"PLAIN"}"#));
    for body in [json!(null), json!("x"), json!([])] {
        assert_eq!(reason(&modify(&json!({"action": "EDIT", "body": body}))), "bad-relation", "{body}");
    }
}

#[test]
fn modify_activity_deletes_also_as_a_supervisor() {
    let own = Change::Delete { by_supervisor: false, is_done: false };
    assert_eq!(change(&modify(&json!({"action": "DELETE"}))).1, own);
    for (role, by_supervisor) in [("SUPERVISOR", true), ("supervisor", false), ("AGENT", false)] {
        let header = json!({"originalMessageId": "m", "sender": {"role": role}});
        let delete = with_data("MODIFY_ACTIVITY", &json!({"header": header, "body": {"action": "DELETE"}}));
        assert_eq!(change(&delete).1, Change::Delete { by_supervisor, is_done: false }, "{role}");
    }
}

#[test]
fn modify_activity_knows_no_other_action() {
    for body in [
        json!({}),
        json!({"action": "UNDO"}),
        json!({"action": "edit", "body": {}}),
        json!(null),
        json!("DELETE"),
    ] {
        assert_eq!(reason(&modify(&body)), "bad-relation", "{body}");
    }
}

fn reaction(body: &Value) -> Value {
    with_data("REACTION", &json!({"header": {"originalMessageId": "m"}, "body": body}))
}

#[test]
fn reactions_of_every_kind_are_added_by_default() {
    for kind in ReactionKind::ALL {
        let (target, added) = change(&reaction(&json!({"kind": kind.as_str(), "value": "v"})));
        assert_eq!(target, "m");
        assert_eq!(added, Change::Reaction { kind: *kind, value: Some("v".into()), remove: false });
    }
}

#[test]
fn a_reactions_action_is_add_or_remove_and_absent_is_add() {
    let removed = |action: Value| match change(&reaction(
        &json!({"kind": "EMOJI", "value": "v", "action": action}),
    ))
    .1
    {
        Change::Reaction { remove, .. } => remove,
        other => panic!("{other:?}"),
    };
    assert!(removed(json!("REMOVE")));
    for add in [json!("ADD"), json!(""), json!(null), json!(true), json!({}), json!(1.5)] {
        assert!(!removed(add.clone()), "{add}");
    }
    for bad in [json!("TOGGLE"), json!("remove"), json!(1)] {
        assert_eq!(
            reason(&reaction(&json!({"kind": "EMOJI", "value": "v", "action": bad}))),
            "bad-relation",
            "{bad}"
        );
    }
}

#[test]
fn a_reaction_needs_a_known_kind_and_a_value() {
    for body in [
        json!({"value": "v"}),
        json!({"kind": "emoji", "value": "v"}),
        json!({"kind": "FLAG"}),
        json!({"kind": "FLAG", "value": {}}),
        json!(null),
    ] {
        assert_eq!(reason(&reaction(&body)), "bad-relation", "{body}");
    }
    let (_, number) = change(&reaction(&json!({"kind": "FLAG", "value": 5})));
    assert_eq!(number, Change::Reaction { kind: ReactionKind::Flag, value: Some("5".into()), remove: false });
}

#[test]
fn an_emoji_without_a_value_takes_back_all_of_its_actor() {
    let all = Change::Reaction { kind: ReactionKind::Emoji, value: None, remove: true };
    for body in [
        json!({"kind": "EMOJI"}),
        json!({"kind": "EMOJI", "value": ""}),
        json!({"kind": "EMOJI", "value": null, "action": "ADD"}),
    ] {
        assert_eq!(change(&reaction(&body)).1, all, "{body}");
    }
    let bad = json!({"kind": "EMOJI", "action": "TOGGLE"});
    assert_eq!(reason(&reaction(&bad)), "bad-relation");
}

#[test]
fn suggestions_are_the_objects_of_the_array_with_numbers_as_spelled() {
    let record = r#"{"id":"e","name":"BOT_SUGGESTION","timestamp":1750000000000,"conversationId":"c","data":{
        "requestedMessage":{"id":"m"},"suggestions":[
            {"messageBody":{ "a": 1.0 },"confidenceLevel":0.90},"x",null,[{}],
            {"messageBody":"text","confidenceLevel":"0.5"},
            {"messageBody":{},"messageBody":null,"confidenceLevel":1e-2,"x":{"y":[]}}]}}"#;
    let Action::Relation(relation) = try_read(record).unwrap().action else { panic!() };
    let Change::Suggestion { items } = relation.change else { panic!() };
    assert_eq!(relation.target, "m");
    assert_eq!(
        serde_json::to_string(&items).unwrap(),
        r#"[{"body":{"a":1.0},"confidence":0.90},{"body":null,"confidence":null},{"body":null,"confidence":1e-2}]"#
    );
}

#[test]
fn suggestions_need_a_target_and_an_array_which_may_be_empty() {
    let record = |data: Value| reason(&with_data("BOT_SUGGESTION", &data));
    let target = json!({"id": "m"});
    assert_eq!(record(json!({"requestedMessage": target, "suggestions": []})), "valid");
    assert_eq!(record(json!({"requestedMessage": target, "suggestions": {}})), "bad-relation");
    assert_eq!(record(json!({"requestedMessage": target})), "bad-relation");
    assert_eq!(record(json!({"requestedMessage": "m", "suggestions": []})), "missing-identifier");
    assert_eq!(record(json!({})), "missing-identifier");
}

#[test]
fn receipts_carry_any_status_and_perhaps_a_reason() {
    let record = |body: Value| with_data("MESSAGE_DELIVERY_NOTIFICATION", &json!({"body": body}));
    let (target, receipt) = change(&record(json!({"messageId": 7, "status": "SEEN", "reasonCode": 404})));
    assert_eq!(target, "7");
    assert_eq!(receipt, Change::Delivery { status: "SEEN".into(), reason_code: Some("404".into()) });
    let (_, receipt) = change(&record(json!({"messageId": "m", "status": "whatever"})));
    assert_eq!(receipt, Change::Delivery { status: "whatever".into(), reason_code: None });
    assert_eq!(reason(&record(json!({"messageId": "m", "status": {}}))), "bad-relation");
    assert_eq!(reason(&record(json!({"status": "READ"}))), "missing-identifier");
    assert_eq!(reason(&record(json!(null))), "missing-identifier");
}

#[test]
fn a_relation_without_a_target_lacks_its_identifier_whatever_else_it_lacks() {
    for name in ["MODIFY_ACTIVITY", "REACTION", "BOT_SUGGESTION", "MESSAGE_DELIVERY_NOTIFICATION"] {
        assert_eq!(reason(&event(name, &json!({}))), "missing-identifier", "{name}");
    }
}

#[test]
fn every_action_has_its_word() {
    let words: Vec<(&str, Value)> = vec![
        ("PRIMARY", event("AGENT_MESSAGE", &json!({}))),
        ("EDIT", modify(&json!({"action": "EDIT", "body": {}}))),
        ("DELETE", modify(&json!({"action": "DELETE"}))),
        ("REACTION", reaction(&json!({"kind": "RESPONSE", "value": "v"}))),
        (
            "SUGGESTION",
            with_data("BOT_SUGGESTION", &json!({"requestedMessage": {"id": "m"}, "suggestions": []})),
        ),
        (
            "DELIVERY",
            with_data(
                "MESSAGE_DELIVERY_NOTIFICATION",
                &json!({"body": {"messageId": "m", "status": "READ"}}),
            ),
        ),
        ("HIDE", comment("HIDE")),
        ("HOLD", with_data("CALL_HOLD", &json!({"body": {"leg": "m"}}))),
    ];
    for (word, record) in words {
        let event = read(&record);
        assert_eq!(event.relation_word(), Some(word));
        assert_eq!(event.activity_id(), Some(if word == "PRIMARY" { "e" } else { "m" }));
    }
}

#[test]
fn a_body_is_kept_as_it_came_without_its_whitespace() {
    let record = r#"{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"conversationId":"c",
        "data":{"body": { "z" : "a  b" , "a" : [ 1e2 , 1.0 ] , "a" : null , "\u0061\/" : "\u00e9" } }}"#;
    let Action::Primary(message) = try_read(record).unwrap().action else { panic!() };
    assert_eq!(message.body.unwrap().as_str(), r#"{"z":"a  b","a":[1e2,1.0],"a":null,"\u0061\/":"\u00e9"}"#);
}

#[test]
fn of_a_repeated_body_the_last_counts_even_when_it_is_none() {
    let record = |more: &str| {
        let record = format!(
            r#"{{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,"data":{{"body":{{"type":"NOTE","type":"NOTE"}}{more}}}}}"#
        );
        try_read(&record).map(|event| event.action).map_err(|invalid| invalid.reason.as_str())
    };
    assert!(matches!(record(""), Ok(Action::Primary(p)) if p.kind == Kind::Note && p.body.is_some()));
    assert_eq!(record(r#","body":null"#), Err("no-key"));
    assert_eq!(record(r#","body":{"type":"PLAIN"}"#), Err("no-key"));
}

fn comment(item_type: &str) -> Value {
    let header = json!({"originalMessageId": "m", "sender": {"type": "agent", "id": "ann"}});
    with_data(
        "AGENT_MESSAGE",
        &json!({"id": "own", "header": header, "body": {"type": "COMMENT", "itemType": item_type}}),
    )
}

#[test]
fn a_comment_likes_deletes_or_hides_what_it_is_about_and_else_is_a_message() {
    let like = |remove| Change::Reaction { kind: ReactionKind::Emoji, value: Some("LIKE".into()), remove };
    for (item_type, expected) in [
        ("LIKE", like(false)),
        ("UNLIKE", like(true)),
        ("DELETE", Change::Delete { by_supervisor: false, is_done: true }),
        ("HIDE", Change::Mark(Mark::Hide)),
    ] {
        let (target, change) = change(&comment(item_type));
        assert_eq!((target.as_str(), change), ("m", expected), "{item_type}");
    }
    for other in ["COMMENT", "VIDEO", "like", ""] {
        assert_eq!(primary(&comment(other)).kind, Kind::AgentMessage, "{other}");
    }
    let without_target = with_data("BOT_MESSAGE", &json!({"body": {"type": "COMMENT", "itemType": "LIKE"}}));
    assert_eq!(reason(&without_target), "missing-identifier");
}

#[test]
fn a_private_reply_to_a_comment_replies_to_it() {
    let reply = primary(&comment("PRIVATE_REPLY"));
    assert_eq!((reply.in_reply_to.as_deref(), reply.kind), (Some("m"), Kind::AgentMessage));
}

#[test]
fn an_older_versions_reply_names_its_message_in_a_field_of_its_own() {
    let header = json!({"replyToMessageId": "old", "originalMessageId": "m"});
    let of = |header: &Value| primary(&with_data("CUSTOMER_MESSAGE", &json!({"header": header}))).in_reply_to;
    assert_eq!(of(&header).as_deref(), Some("old"));
    let both = json!({"replyToMessageId": "old", "originalMessageId": "m", "intent": "REPLY_TO"});
    assert_eq!(of(&both).as_deref(), Some("m"));
}

#[test]
fn a_notification_of_a_deletion_deletes_the_message_that_its_body_names() {
    let told_by = |sender_type: &str| {
        let header = json!({"originalMessageId": "other", "sender": {"type": sender_type}});
        let body = json!({"type": "DELETEDNOTIFICATION", "messageId": "m"});
        change(&with_data("CUSTOMER_MESSAGE", &json!({"id": "own", "header": header, "body": body})))
    };
    for (sender_type, is_done) in [("CONNECTOR", true), ("agent", true), ("CUSTOMER", false)] {
        let expected = ("m".to_owned(), Change::Delete { by_supervisor: false, is_done });
        assert_eq!(told_by(sender_type), expected, "{sender_type}");
    }
}

#[test]
fn a_receipt_may_come_within_any_message() {
    for name in MESSAGES.iter().map(|(name, _)| *name).chain(["MESSAGE_DELIVERY_NOTIFICATION"]) {
        let body =
            json!({"type": "DELIVERYNOTIFICATION", "messageId": "m", "status": "read", "reasonCode": 200});
        let (target, receipt) = change(&with_data(name, &json!({"id": "own", "body": body})));
        let expected = Change::Delivery { status: "read".into(), reason_code: Some("200".into()) };
        assert_eq!((target.as_str(), receipt), ("m", expected), "{name}");
    }
    let elsewhere = json!({"body": {"type": "DELIVERYNOTIFICATION", "messageId": "m", "status": "READ"}});
    assert_eq!(primary(&with_data("CAMPAIGN_MESSAGE", &elsewhere)).kind, Kind::CampaignMessage);
}

#[test]
fn somebody_who_types_is_a_signal_and_other_notifications_are_facts() {
    assert_eq!(read(&event("TYPING_INDICATOR", &json!({}))).action, Action::Signal);
    for (name, _) in MESSAGES {
        let of = |notification: Value| {
            let body = json!({"type": "NOTIFICATION", "notificationType": notification});
            read(&with_data(name, &json!({"id": "m", "body": body}))).action
        };
        assert_eq!(of(json!("TYPING_STARTED")), Action::Signal, "{name}");
        for other in [json!("INFO"), json!("typing_started"), json!(null)] {
            assert!(
                matches!(of(other.clone()), Action::Fact(fact) if fact.kind == FactKind::Other),
                "{other}"
            );
        }
    }
    assert_eq!(reason(&event("TYPING_INDICATOR", &json!({"conversationId": null}))), "no-key");
}

#[test]
fn a_call_leg_is_named_as_the_platform_names_it() {
    let body = json!({"type": "VOICE", "leg": "1106:ann:dialog", "callId": "k", "reasonCode": "INBOUND"});
    let leg = primary(&with_data("CALL_LEG_STARTED", &json!({"id": "not me", "body": body})));
    assert_eq!((&*leg.activity_id, leg.kind), ("1106:ann:dialog", Kind::AgentCallLeg));
    let both = json!({"legId": "first", "leg": "second", "callId": "k"});
    assert_eq!(primary(&with_data("CALL_LEG_ENDED", &json!({"body": both}))).activity_id, "first");
}

#[test]
fn a_call_is_held_and_goes_on_by_its_leg() {
    for (name, begins) in [("CALL_HOLD", true), ("CALL_RESUME", false)] {
        let (target, hold) = change(&with_data(name, &json!({"body": {"type": "VOICE", "leg": "l"}})));
        assert_eq!((target.as_str(), hold), ("l", Change::Hold { begins }));
        assert_eq!(reason(&event(name, &json!({}))), "missing-identifier");
    }
}

#[test]
fn a_calls_account_without_a_body_is_all_its_data() {
    let body = |data: Value| primary(&with_data("VOICE_ACTIVITY", &data)).body.map(model::Json::into_owned);
    assert_eq!(body(json!({"talk": 5})).as_deref(), Some(r#"{"talk":5}"#));
    assert_eq!(body(json!({"talk": 5, "body": {"hold": 1}})).as_deref(), Some(r#"{"hold":1}"#));
    assert_eq!(body(json!(null)), None);
}

#[test]
fn recordings_are_also_known_by_their_intent() {
    for intent in ["VOICE_CALL_RECORDING", "MEDIA_RECORDING"] {
        let data = json!({"header": {"intent": intent}, "body": {"type": "VOICE", "callId": "k"}});
        assert_eq!(primary(&with_data("THIRD_PARTY_ACTIVITY", &data)).kind, Kind::CallRecording);
    }
}

#[test]
fn an_actions_message_without_a_body_says_its_name_and_data() {
    let body = |data: Value| primary(&with_data("ACTION_MESSAGE", &data)).body.map(model::Json::into_owned);
    let data = json!({"name": "TRANSFER \"now\"", "data": {"to": [1]}});
    assert_eq!(body(data).as_deref(), Some(r#"{"name":"TRANSFER \"now\"","data":{"to":[1]}}"#));
    assert_eq!(body(json!({"name": "X"})).as_deref(), Some(r#"{"name":"X","data":null}"#));
    assert_eq!(body(json!({"name": "X", "body": {"y": 1}})).as_deref(), Some(r#"{"y":1}"#));
    assert_eq!(body(json!({"data": {"to": 1}})), None);
}

fn campaign(sender_type: &str, header: &Value) -> Value {
    let mut header = header.clone();
    header["sender"] = json!({"type": sender_type, "id": "x"});
    event(
        "THIRD_PARTY_ACTIVITY",
        &json!({"conversationId": null, "data": {"id": "own", "header": header, "body": {"type": "PLAIN"}}}),
    )
}

#[test]
fn a_customers_answer_to_a_campaign_is_a_response_on_its_message() {
    let header = json!({"originalMessageId": "offer", "customer": {"_id": "cus"}});
    let answer = read(&campaign("CONNECTOR", &header));
    assert_eq!(answer.actor.as_ref().unwrap().actor_type.as_deref(), Some("CUSTOMER"));
    let Action::Primary(response) = &answer.action else { panic!() };
    assert_eq!((response.kind, response.response_target()), (Kind::CampaignResponse, Some("offer")));
    assert_eq!(answer.home(), Home::Activity("own"));
}

#[test]
fn what_a_campaign_sends_stands_alone_whatever_its_session_is() {
    let header =
        json!({"customer": {"_id": "cus"}, "schedulingMetaData": {"at": 1}, "channelSessionId": "s"});
    let sent = read(&campaign("APP", &header));
    assert_eq!((sent.home(), sent.channel_session_id.as_deref()), (Home::Activity("own"), Some("s")));
    let in_room = json!({"roomInfo": {"id": "r"}, "schedulingMetaData": {"at": 1}});
    assert_eq!(read(&campaign("APP", &in_room)).home(), Home::Activity("own"));
    let unowned = json!({"schedulingMetaData": {"at": 1}});
    assert_eq!(reason(&campaign("APP", &unowned)), "no-key");
    let mut in_conversation = campaign("APP", &header);
    in_conversation["conversationId"] = json!("c");
    assert_eq!(read(&in_conversation).home(), Home::Conversation("c"));
}
