//! What an event does: the tables of section 2.

use crate::support::{change, event, primary, read, reason, try_read};
use model::{Action, Change, Kind, LegPhase, ReactionKind};
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
    assert_eq!(change(&modify(&json!({"action": "DELETE"}))).1, Change::Delete { by_supervisor: false });
    for (role, by_supervisor) in [("SUPERVISOR", true), ("supervisor", false), ("AGENT", false)] {
        let header = json!({"originalMessageId": "m", "sender": {"role": role}});
        let delete = with_data("MODIFY_ACTIVITY", &json!({"header": header, "body": {"action": "DELETE"}}));
        assert_eq!(change(&delete).1, Change::Delete { by_supervisor }, "{role}");
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
        assert_eq!(added, Change::Reaction { kind: *kind, value: "v".into(), remove: false });
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
        json!({"kind": "EMOJI"}),
        json!({"kind": "EMOJI", "value": {}}),
        json!(null),
    ] {
        assert_eq!(reason(&reaction(&body)), "bad-relation", "{body}");
    }
    let (_, number) = change(&reaction(&json!({"kind": "FLAG", "value": 5})));
    assert_eq!(number, Change::Reaction { kind: ReactionKind::Flag, value: "5".into(), remove: false });
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
    let words = [
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
