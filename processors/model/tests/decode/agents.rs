// SPDX-License-Identifier: Apache-2.0

//! Agents' states (contract section 6.1).

use model::{
    AgentNews, Envelope, EnvelopeTime, Invalid, Limits, MRDS_MAX, Origin, decode_agent, decode_agent_envelope,
};
use serde_json::{Value, json};

const AT: i64 = 1_750_000_000_000;

/// An agent's news with other fields in its presence.
fn news(fields: &Value) -> Value {
    let mut presence = json!({"agent": {"id": "ann"}, "state": {"name": "READY"}, "stateChangeTime": AT});
    for (field, value) in fields.as_object().unwrap() {
        presence[field] = value.clone();
    }
    json!({"name": "AGENT_STATE_CHANGED", "timestamp": AT + 3, "data": {"agentPresence": presence}})
}

fn try_read(value: &str) -> Result<AgentNews<'static>, Invalid> {
    decode_agent(Box::leak(value.to_owned().into_boxed_str()).as_bytes(), None, &Limits::default())
}

fn read(fields: &Value) -> AgentNews<'static> {
    try_read(&news(fields).to_string()).unwrap()
}

fn reason(value: &str) -> &'static str {
    try_read(value).map_or_else(|invalid| invalid.reason.as_str(), |_| "valid")
}

#[test]
fn what_the_routing_engine_really_sends_is_read() {
    // As in the platform's documents, without the fields that are not read.
    let real = json!({
        "name": "AGENT_STATE_CHANGED",
        "data": {"agentPresence": {
            "agent": {
                "participantType": "CCUser", "id": "1fd5b05a",
                "keycloakUser": {"id": "1fd5b05a", "firstName": "admin", "username": "admin", "roles": ["admin"]},
                "associatedRoutingAttributes": [],
            },
            "state": {"name": "NOT_READY", "reasonCode": null},
            "stateChangeTime": 1_651_434_965_139_i64,
            "agentMrdStates": [
                {"mrd": {"id": "6232", "name": "VOICE", "interruptible": true}, "state": "NOT_READY",
                 "stateChangeTime": 1_651_434_965_138_i64, "lastReadyStateChangeTime": 639_057_660_000_i64},
                {"mrd": {"id": "6223", "name": "chat"}, "state": "NOT_READY", "stateChangeTime": 1_651_434_965_138_i64},
            ],
        }, "agentStateChanged": true, "mrdStateChanges": []},
        "timestamp": 1_651_434_965_139_i64,
        "topicId": "STATE_CHANNEL",
    });
    let read = try_read(&real.to_string()).unwrap();
    assert_eq!((&*read.agent_id, read.at), ("1fd5b05a", 1_651_434_965_139));
    assert_eq!((read.state.as_deref(), read.reason.as_deref()), (Some("NOT_READY"), None));
    assert_eq!((read.name.as_deref(), read.login_at), (Some("admin"), None));
    let mrds: Vec<_> = read.mrds.iter().map(|mrd| (mrd.id.as_deref(), mrd.since)).collect();
    assert_eq!(
        mrds,
        [(Some("6223"), Some(1_651_434_965_138)), (Some("6232"), Some(1_651_434_965_138))],
        "by their ids"
    );
}

#[test]
fn a_presence_lies_in_the_data_or_else_beside_it() {
    let bare = json!({"agentPresence": {"agent": {"id": "bob"}, "stateChangeTime": AT}, "data": {"x": 1}});
    assert_eq!(try_read(&bare.to_string()).unwrap().agent_id, "bob");
    let mut both = news(&json!({}));
    both["agentPresence"] = json!({"agent": {"id": "bob"}});
    assert_eq!(try_read(&both.to_string()).unwrap().agent_id, "ann");
}

#[test]
fn the_time_is_that_of_the_change_if_it_can_be_read_and_else_that_of_publishing() {
    for (changed, at) in [
        (json!(AT + 1), AT + 1),
        (json!("2025-06-15T15:06:40.007Z"), AT + 7),
        (json!(null), AT + 3),
        (json!("soon"), AT + 3),
        (json!(5), AT + 3),
        (json!({"at": AT}), AT + 3),
    ] {
        assert_eq!(read(&json!({"stateChangeTime": changed})).at, at, "{changed}");
    }
    assert_eq!(read(&json!({})).published_at, Some(AT + 3));
}

#[test]
fn a_reason_is_its_label_else_its_name_else_its_code_or_itself() {
    for (reason, wanted) in [
        (json!({"label": "Lunch", "name": "lunch", "code": 3}), Some("Lunch")),
        (json!({"label": null, "name": "lunch", "code": 3}), Some("lunch")),
        (json!({"label": "", "name": {}, "code": 3}), Some("3")),
        (json!({"other": 3}), None),
        (json!("Training"), Some("Training")),
        (json!(7), Some("7")),
        (json!(""), None),
        (json!(["Lunch"]), None),
        (json!(null), None),
    ] {
        let read = read(&json!({"state": {"name": "NOT_READY", "reasonCode": reason}}));
        assert_eq!((read.state.as_deref(), read.reason.as_deref()), (Some("NOT_READY"), wanted), "{reason}");
    }
    let plain = read(&json!({"state": "READY"}));
    assert_eq!((plain.state.as_deref(), plain.reason), (Some("READY"), None));
    assert_eq!(read(&json!({"state": null})).state, None);
}

#[test]
fn a_name_is_that_of_a_participant_and_is_cut() {
    for (agent, name) in [
        (
            json!({"id": "a", "displayName": "Ann", "keycloakUser": {"username": "k"}, "name": "n"}),
            Some("Ann"),
        ),
        (json!({"id": "a", "keycloakUser": {"username": "k"}, "name": "n"}), Some("k")),
        (json!({"id": "a", "name": "n"}), Some("n")),
        (json!({"id": "a"}), None),
    ] {
        assert_eq!(read(&json!({"agent": agent})).name.as_deref(), name, "{agent}");
    }
    let long = read(&json!({"agent": {"id": "a", "name": "é".repeat(600)}}));
    assert_eq!(long.name.unwrap().len(), 1_024);
}

#[test]
fn the_first_reason_that_applies_is_given_in_the_contracts_order() {
    let long = "x".repeat(513);
    let plain = |fields: &Value| news(fields).to_string();
    let without_time = |agent: &Value| {
        json!({"data": {"agentPresence": {"agent": agent, "state": {"name": long}}}}).to_string()
    };
    for (value, wanted) in [
        (plain(&json!({})), "valid"),
        ("{".to_owned(), "malformed"),
        (plain(&json!({})).replace("READY", "\\ud800"), "malformed"),
        ("[]".to_owned(), "not-an-event"),
        (json!({"name": "AGENT_STATE_CHANGED", "timestamp": AT}).to_string(), "not-an-event"),
        (json!({"data": {"agentPresence": "ann"}, "timestamp": AT}).to_string(), "not-an-event"),
        (without_time(&json!({})), "bad-timestamp"),
        (without_time(&json!({"id": "ann"})), "bad-timestamp"),
        (plain(&json!({"agent": {}, "state": {"name": long}})), "identifier-too-long"),
        (plain(&json!({"agent": {"id": long}})), "identifier-too-long"),
        (plain(&json!({"state": {"name": "A", "reasonCode": {"label": long}}})), "identifier-too-long"),
        (plain(&json!({"agentMrdStates": [{"mrd": {"id": long}}]})), "identifier-too-long"),
        (plain(&json!({"agentMrdStates": [{"state": long}]})), "identifier-too-long"),
        (plain(&json!({"agent": {}})), "missing-identifier"),
        (plain(&json!({"agent": {"id": ""}})), "missing-identifier"),
        (plain(&json!({"agent": null})), "missing-identifier"),
    ] {
        assert_eq!(reason(&value), wanted, "{value}");
    }
    let small = Limits { value_bytes_max: 10, ..Limits::default() };
    let large = plain(&json!({}));
    assert_eq!(decode_agent(large.as_bytes(), None, &small).unwrap_err().reason.as_str(), "too-large");
    let origin = Origin { conversation: None, timestamp_ms: Some(AT - 24 * 3_600_000 - 1) };
    let ahead = decode_agent(large.as_bytes(), origin, &Limits::default()).unwrap_err();
    assert_eq!(ahead.reason.as_str(), "bad-timestamp");
    assert!(ahead.detail.starts_with("data.agentPresence.stateChangeTime lies 86400 s past"), "{ahead}");
    assert_eq!(
        try_read(&plain(&json!({"agent": {"id": true}}))).unwrap_err().to_string(),
        "missing-identifier: data.agentPresence.agent.id is true or false, where a string or a whole number is expected"
    );
}

#[test]
fn so_many_domains_are_listed_and_what_is_no_object_is_none() {
    let mrd = |number: usize| json!({"mrd": {"id": format!("{number:04}")}, "state": {"name": "READY"}});
    let mut mrds: Vec<Value> = (0..MRDS_MAX + 20).rev().map(mrd).collect();
    mrds.insert(0, json!("VOICE"));
    mrds.push(json!({"state": "BUSY"}));
    let read = read(&json!({"agentMrdStates": mrds}));
    assert_eq!(read.mrds.len(), MRDS_MAX);
    assert_eq!((read.mrds[0].id.as_deref(), read.mrds[0].state.as_deref()), (None, Some("BUSY")));
    assert_eq!((read.mrds[1].id.as_deref(), read.mrds[1].state.as_deref()), (Some("0000"), Some("READY")));
}

#[test]
fn an_envelope_says_what_the_same_news_say_as_json() {
    let value = news(&json!({"agentLoginTime": AT - 5}));
    let data = value["data"].to_string();
    let envelope =
        Envelope { timestamp: Some(EnvelopeTime::Millis(AT + 3)), data: Some(&data), ..Envelope::default() };
    assert_eq!(
        decode_agent_envelope(&envelope, None, &Limits::default()).unwrap(),
        try_read(&value.to_string()).unwrap()
    );
    let broken = Envelope { data: Some("{"), ..envelope };
    let invalid = decode_agent_envelope(&broken, None, &Limits::default()).unwrap_err();
    assert_eq!(invalid.reason.as_str(), "malformed");
}
