// SPDX-License-Identifier: Apache-2.0

//! The content of facts: the data that section 4 reads.

use crate::support::{event, fact, read, reason, try_read};
use model::{Action, AgentDetail, FactDetail, FactKind, TaskDetail};
use serde_json::{Value, json};
use std::borrow::Cow;

fn detail(name: &str, data: &Value) -> FactDetail<'static> {
    fact(&event(name, &json!({"data": data}))).detail
}

fn agent(data: &Value) -> AgentDetail<'static> {
    match detail("AGENT_SUBSCRIBED", data) {
        FactDetail::Agent(agent) => agent,
        other => panic!("no agent: {other:?}"),
    }
}

/// The agent and role of a role change; `None` if it has no effect.
fn role(participant: &Value) -> Option<(Option<String>, Option<String>)> {
    match detail("PARTICIPANT_ROLE_CHANGED", &json!({"conversationParticipant": participant})) {
        FactDetail::Role { agent_id, role } => {
            Some((agent_id.map(Cow::into_owned), role.map(Cow::into_owned)))
        }
        FactDetail::None => None,
        other => panic!("no role: {other:?}"),
    }
}

fn task(name: &str, data: &Value) -> TaskDetail<'static> {
    match detail(name, data) {
        FactDetail::Task(task) => *task,
        other => panic!("no task: {other:?}"),
    }
}

fn state(name: &str, data: &Value) -> Option<String> {
    match detail(name, data) {
        FactDetail::State(state) => state.map(Cow::into_owned),
        other => panic!("no state: {other:?}"),
    }
}

/// Values that are absent where text is expected.
fn absent() -> [Value; 6] {
    [json!(null), json!(""), json!(true), json!(1.5), json!(["x"]), json!({"x": 1})]
}

#[test]
fn every_listed_fact_is_itself_and_any_other_name_is_other_whatever_it_looks_like() {
    let looks_like_more = json!({"header": {"intent": "UPDATE", "originalMessageId": "m"}, "body": {"type": "NOTE", "kind": "EMOJI"}});
    for kind in FactKind::ALL {
        let name = kind.as_str().unwrap_or("agent_message");
        let event = read(&event(name, &json!({"data": looks_like_more})));
        assert!(matches!(&event.action, Action::Fact(fact) if fact.kind == *kind), "{name}");
        assert_eq!((&*event.name, event.activity_id(), event.relation_word()), (name, None, None));
    }
}

#[test]
fn which_detail_a_fact_has_depends_on_its_name_alone() {
    let everything = json!({
        "id": "i", "state": "S", "reason": "R", "queue": {"name": "q"}, "task": {"id": "t", "state": "S"},
        "agentParticipant": {"id": "a"}, "conversationParticipant": {"id": "a", "type": "AGENT"}
    });
    for data in [everything, json!({}), json!(null), json!("text")] {
        for kind in FactKind::ALL {
            let name = kind.as_str().unwrap_or("agent_subscribed");
            let variant = match detail(name, &data) {
                FactDetail::None => "none",
                FactDetail::Agent(_) => "agent",
                FactDetail::Role { .. } => "role",
                FactDetail::Task(_) => "task",
                FactDetail::State(_) => "state",
                FactDetail::Request { .. } => "request",
            };
            let expected = match kind {
                FactKind::AgentSubscribed | FactKind::AgentUnsubscribed => "agent",
                FactKind::ParticipantRoleChanged if data["conversationParticipant"].is_object() => "role",
                FactKind::TaskEnqueued | FactKind::TaskStateChanged | FactKind::AgentReserved => "task",
                FactKind::TopicStateChanged
                | FactKind::TopicStateChangeEvent
                | FactKind::ConversationStateChanged => "state",
                FactKind::NoAgentAvailable => "request",
                _ => "none",
            };
            assert_eq!(variant, expected, "{name}");
        }
    }
}

#[test]
fn a_fact_needs_no_data_but_a_key() {
    for kind in FactKind::ALL {
        let name = kind.as_str().unwrap_or("ANYTHING");
        assert_eq!(reason(&event(name, &json!({}))), "valid", "{name}");
        assert_eq!(reason(&event(name, &json!({"conversationId": null}))), "no-key", "{name}");
    }
}

#[test]
fn an_agents_id_is_the_participants_else_its_own() {
    for absent in absent() {
        let mut data = json!({"agentParticipant": {"id": "2", "participant": {"id": "1"}}});
        assert_eq!(agent(&data).agent_id.as_deref(), Some("1"));
        data["agentParticipant"]["participant"]["id"] = absent.clone();
        assert_eq!(agent(&data).agent_id.as_deref(), Some("2"), "{absent}");
        data["agentParticipant"]["participant"] = absent.clone();
        assert_eq!(agent(&data).agent_id.as_deref(), Some("2"), "{absent}");
        data["agentParticipant"]["id"] = absent.clone();
        assert_eq!(agent(&data).agent_id, None, "{absent}");
        data["agentParticipant"] = absent.clone();
        assert_eq!(agent(&data).agent_id, None, "{absent}");
    }
    assert_eq!(agent(&json!({"agentParticipant": {"id": 7}})).agent_id.as_deref(), Some("7"));
}

#[test]
fn an_agents_name_is_found_as_an_actors() {
    let mut data = json!({"agentParticipant": {"senderName": "1", "participant": {
        "displayName": "2", "keycloakUser": {"username": "3"}, "name": "4"}}});
    assert_eq!(agent(&data).name.as_deref(), Some("1"));
    data["agentParticipant"]["senderName"] = json!("");
    assert_eq!(agent(&data).name.as_deref(), Some("2"));
    data["agentParticipant"]["participant"]["displayName"] = json!(null);
    assert_eq!(agent(&data).name.as_deref(), Some("3"));
    data["agentParticipant"]["participant"]["keycloakUser"] = json!({"username": {}});
    assert_eq!(agent(&data).name.as_deref(), Some("4"));
    data["agentParticipant"]["participant"]["name"] = json!("");
    assert_eq!(agent(&data).name, None);
}

#[test]
fn an_agent_has_a_role_and_who_leaves_a_reason_both_may_be_absent() {
    let data = json!({"reason": "LOGOUT", "agentParticipant": {"id": "a", "role": "PRIMARY"}});
    for name in ["AGENT_SUBSCRIBED", "AGENT_UNSUBSCRIBED"] {
        let expected = AgentDetail {
            agent_id: Some("a".into()),
            role: Some("PRIMARY".into()),
            name: None,
            reason: Some("LOGOUT".into()),
        };
        assert_eq!(detail(name, &data), FactDetail::Agent(expected));
    }
    for absent in absent() {
        let bare = agent(&json!({"reason": absent, "agentParticipant": {"role": absent}}));
        assert_eq!(bare, AgentDetail::default(), "{absent}");
    }
    let alone = agent(&json!({"reason": 404}));
    assert_eq!(alone, AgentDetail { reason: Some("404".into()), ..AgentDetail::default() });
}

#[test]
fn a_role_changes_only_for_a_participant_of_type_agent() {
    let some = |text: &str| Some(text.to_owned());
    let changed = json!({"type": "AGENT", "id": "2", "role": "WRAP_UP", "participant": {"id": "1"}});
    assert_eq!(role(&changed), Some((some("1"), some("WRAP_UP"))));
    for absent in absent() {
        let own = json!({"type": "AGENT", "id": "2", "role": absent, "participant": {"id": absent}});
        assert_eq!(role(&own), Some((some("2"), None)), "{absent}");
        let unknown = json!({"type": "AGENT", "id": absent, "role": 3, "participant": absent});
        assert_eq!(role(&unknown), Some((None, some("3"))), "{absent}");
        assert_eq!(role(&json!({"type": absent, "id": "2", "role": "WRAP_UP"})), None, "{absent}");
        assert_eq!(role(&absent), None, "{absent}");
    }
    assert_eq!(role(&json!({"type": "agent", "id": "2", "role": "WRAP_UP"})), None);
}

#[test]
fn a_task_is_the_datas_task_else_the_data_and_an_enqueued_one_without_an_id_has_the_events() {
    for absent in absent() {
        for (name, last) in [("TASK_ENQUEUED", Some("e")), ("TASK_STATE_CHANGED", None)] {
            let mut data = json!({"id": "2", "state": "S2", "task": {"id": "1", "state": "S1"}});
            let of = |data: &Value| {
                let task = task(name, data);
                (task.task_id.map(Cow::into_owned), task.state.map(Cow::into_owned))
            };
            let some = |text: &str| Some(text.to_owned());
            assert_eq!(of(&data), (some("1"), some("S1")));
            if !absent.is_object() {
                data["task"] = absent.clone();
                assert_eq!(of(&data), (some("2"), some("S2")), "{absent}");
            }
            data["task"] = json!({"id": absent});
            assert_eq!(of(&data), (last.map(str::to_owned), None), "{absent}");
        }
    }
}

#[test]
fn a_tasks_queue_is_the_datas_else_that_of_its_first_medium_else_its_own() {
    let queue = |data: &Value| task("TASK_ENQUEUED", data).queue.map(Cow::into_owned);
    let mut data = json!({"queue": {"name": "1"}, "task": {"activeMedia": [{"queue": {"name": "2"}}]}});
    assert_eq!(queue(&data).as_deref(), Some("1"));
    data["queue"]["name"] = json!(12);
    assert_eq!(queue(&data).as_deref(), Some("12"));
    for absent in absent() {
        data["queue"] = json!({"name": absent});
        assert_eq!(queue(&data).as_deref(), Some("2"), "{absent}");
        data["queue"] = absent.clone();
        assert_eq!(queue(&data).as_deref(), Some("2"), "{absent}");
        let nameless = json!({"task": {"activeMedia": [{"queue": {"name": absent}}]}});
        assert_eq!(queue(&nameless), None, "{absent}");
        assert_eq!(queue(&json!({"task": {"activeMedia": [{"queue": absent}]}})), None, "{absent}");
    }
    data["queue"] = json!("a name alone is no queue");
    assert_eq!(queue(&data).as_deref(), Some("2"));
    let older = json!({"task": {"queue": {"name": "3"}, "type": {"direction": "INBOUND", "mode": "QUEUE"}}});
    assert_eq!(queue(&older).as_deref(), Some("3"));
    let older = task("TASK_ENQUEUED", &older);
    assert_eq!((older.direction.as_deref(), older.mode.as_deref()), (Some("INBOUND"), Some("QUEUE")));
}

#[test]
fn of_a_tasks_media_the_first_alone_counts_and_only_when_it_is_an_object() {
    let with = |media: Value| task("TASK_ENQUEUED", &json!({"task": {"id": "t", "activeMedia": media}}));
    let full = json!({"queue": {"name": "q"}, "type": {"direction": "INBOUND", "mode": "QUEUE"}});
    let expected = TaskDetail {
        task_id: Some("t".into()),
        queue: Some("q".into()),
        direction: Some("INBOUND".into()),
        mode: Some("QUEUE".into()),
        ..TaskDetail::default()
    };
    assert_eq!(with(json!([full])), expected);
    let more = json!({"queue": {"name": "p"}, "type": {"direction": "OUTBOUND", "mode": "AGENT"}});
    assert_eq!(with(json!([full, more, 1])), expected);
    let bare = TaskDetail { task_id: Some("t".into()), ..TaskDetail::default() };
    let odd = [
        json!([null, full]),
        json!(["x", full]),
        json!([[full]]),
        json!([{}, full]),
        json!([]),
        full,
        json!("x"),
        json!(null),
    ];
    for media in odd {
        assert_eq!(with(media.clone()), bare, "{media}");
    }
    for absent in absent() {
        assert_eq!(with(json!([{"type": {"direction": absent, "mode": absent}}])), bare, "{absent}");
        assert_eq!(with(json!([{"type": absent}])), bare, "{absent}");
    }
}

#[test]
fn while_a_task_is_active_its_mediums_state_is_meant() {
    let changed = |task_state: Value, media_state: Value| {
        let data = json!({"task": {"id": "t", "state": task_state, "activeMedia": [{"state": media_state}]}});
        let task = task("TASK_STATE_CHANGED", &data);
        (task.state.map(Cow::into_owned), task.reason.map(Cow::into_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(changed(json!({"name": "ACTIVE"}), json!("QUEUED")), (some("QUEUED"), None));
    assert_eq!(
        changed(json!({"name": "ACTIVE", "reasonCode": "OWN"}), json!("RESERVED")),
        (some("RESERVED"), some("OWN"))
    );
    assert_eq!(
        changed(json!("ACTIVE"), json!({"name": "CLOSED", "reasonCode": "RONA"})),
        (some("CLOSED"), some("RONA"))
    );
    assert_eq!(changed(json!("ACTIVE"), json!(null)), (some("ACTIVE"), None));
    let done = json!({"name": "CLOSED", "reasonCode": "DONE"});
    assert_eq!(changed(done, json!("ACTIVE")), (some("CLOSED"), some("DONE")));
}

#[test]
fn a_task_names_its_agent_its_timer_and_its_session() {
    let data = json!({"ccUser": {"id": "offered"}, "task": {"id": "t", "assignedTo": {"id": "assigned"},
        "agentRequestTtlTimerId": "timer", "activeMedia": [{"requestSession": {"id": "s"}}]}});
    let of = |name| {
        let task = task(name, &data);
        (task.agent_id.map(Cow::into_owned), task.timer_id, task.session_id)
    };
    let (timer, session) = (Some("timer".into()), Some("s".into()));
    assert_eq!(of("AGENT_RESERVED"), (Some("offered".to_owned()), timer.clone(), session.clone()));
    assert_eq!(of("TASK_STATE_CHANGED"), (Some("assigned".to_owned()), timer, session));
    let without_user = json!({"task": {"assignedTo": {"id": "assigned"}}});
    assert_eq!(task("AGENT_RESERVED", &without_user).agent_id.as_deref(), Some("assigned"));
}

#[test]
fn a_request_for_which_there_is_no_agent_has_a_direction() {
    let data = json!({"requestType": {"direction": "CONSULT", "mode": "AGENT"}});
    let expected = FactDetail::Request { direction: Some("CONSULT".into()) };
    assert_eq!(detail("NO_AGENT_AVAILABLE", &data), expected);
    assert_eq!(detail("NO_AGENT_AVAILABLE", &json!("text")), FactDetail::Request { direction: None });
}

#[test]
fn a_conversations_state_is_the_first_that_can_be_read_of_three() {
    for name in ["TOPIC_STATE_CHANGED", "TOPIC_STATE_CHANGE_EVENT", "CONVERSATION_STATE_CHANGED"] {
        assert_eq!(state(name, &json!({"state": {}, "topicState": "CLOSED"})).as_deref(), Some("CLOSED"));
        assert_eq!(state(name, &json!({"topicState": {"name": "ACTIVE"}})).as_deref(), Some("ACTIVE"));
        assert_eq!(state(name, &json!("CREATED")).as_deref(), Some("CREATED"));
        assert_eq!(state(name, &json!({"state": "OPEN", "topicState": "CLOSED"})).as_deref(), Some("OPEN"));
    }
}

#[test]
fn of_events_about_service_levels_the_time_is_known() {
    let targets = |name: &str| read(&event(name, &json!({"data": {"totalDuration": 300}}))).targets;
    for name in ["AGENT_SLA_STARTED", "AGENT_SLA", "RESET_AGENT_SLA"] {
        assert_eq!(targets(name).agent, Some(300), "{name}");
    }
    assert_eq!(targets("CUSTOMER_SLA_STARTED").customer_activity, Some(300));
    assert!(targets("AGENT_SUBSCRIBED").is_empty());
}

#[test]
fn a_state_is_text_or_the_name_of_an_object() {
    for name in ["TOPIC_STATE_CHANGED", "CONVERSATION_STATE_CHANGED"] {
        let state = |value: Value| state(name, &json!({"state": value}));
        for closed in
            [json!("CLOSED"), json!({"name": "CLOSED", "reasonCode": 1}), json!({"x": [], "name": "CLOSED"})]
        {
            assert_eq!(state(closed.clone()).as_deref(), Some("CLOSED"), "{closed}");
        }
        assert_eq!(state(json!(3)).as_deref(), Some("3"), "an integer counts as its digits");
        assert_eq!(state(json!({"name": 3})).as_deref(), Some("3"));
        for absent in absent() {
            assert_eq!(state(absent.clone()), None, "{absent}");
            assert_eq!(state(json!({"name": absent})), None, "{absent}");
        }
        assert_eq!(state(json!({"name": {"name": "CLOSED"}})), None, "a name is no state");
    }
}

#[test]
fn of_a_repeated_state_the_last_counts_whatever_its_form() {
    let state = |states: &str| {
        let record = format!(
            r#"{{"id":"e","name":"TOPIC_STATE_CHANGED","timestamp":1750000000000,"conversationId":"c","data":{{{states}}}}}"#
        );
        match try_read(&record).unwrap().action {
            Action::Fact(fact) => fact.detail,
            other => panic!("no fact: {other:?}"),
        }
    };
    let closed = FactDetail::State(Some("CLOSED".into()));
    assert_eq!(state(r#""state":"OPEN","state":{"name":"CLOSED"}"#), closed);
    assert_eq!(state(r#""state":{"name":"OPEN","name":"\u0043LOSED"}"#), closed);
    assert_eq!(state(r#""state":"CLOSED","state":null"#), FactDetail::State(None));
}
