// SPDX-License-Identifier: Apache-2.0

//! Alerts for agents' response times.

use folds::alerts::AlertSettings;
use serde_json::{Value, json};

use crate::alerts::{T0, after, agent, fact, in_session, message, nothing, raised, resolved};

/// Target of ten seconds, warning after eight.
fn settings() -> AlertSettings {
    AlertSettings { agent_response_ms: Some(10_000), ..nothing() }
}

fn due(event: &str) -> String {
    format!("c/agent-response-due/{event}")
}

fn breached(event: &str) -> String {
    format!("c/agent-response-breached/{event}")
}

fn asked(id: &str, second: i64) -> Value {
    message(id, "CUSTOMER_MESSAGE", second)
}

fn joined(id: &str, second: i64) -> Value {
    agent(id, "AGENT_SUBSCRIBED", second, "ann")
}

#[test]
fn a_message_to_an_agent_who_is_present_is_due_after_a_share_of_the_time_and_breached_after_all_of_it() {
    let events = [joined("a", 0), asked("b", 5)];
    assert_eq!(after(settings(), &events, 12), []);
    assert_eq!(after(settings(), &events, 13), [raised(&due("b"))]);
    assert_eq!(after(settings(), &events, 15), [raised(&breached("b")), raised(&due("b"))]);
}

#[test]
fn the_response_ends_both() {
    let events = |second| [joined("a", 0), asked("b", 5), message("d", "AGENT_MESSAGE", second)];
    assert_eq!(after(settings(), &events(13), 1000), []);
    assert_eq!(after(settings(), &events(14), 1000), [resolved(&due("b"))]);
    assert_eq!(after(settings(), &events(16), 1000), [resolved(&breached("b")), resolved(&due("b"))]);
}

#[test]
fn more_messages_of_the_customer_prolong_nothing() {
    let events = [joined("a", 0), asked("b", 5), asked("d", 12)];
    assert_eq!(after(settings(), &events, 15), [raised(&breached("b")), raised(&due("b"))]);
}

#[test]
fn a_message_from_before_the_agent_came_is_due_from_the_agents_coming_on() {
    let events = [asked("a", 0), joined("b", 100)];
    assert_eq!(after(settings(), &events[..1], 1000), []);
    assert_eq!(after(settings(), &events, 109), [raised(&due("b"))]);
}

#[test]
fn when_the_last_agent_leaves_or_wraps_up_or_the_conversation_closes_nobody_owes_an_answer() {
    let changed = json!({"type": "AGENT", "role": "WRAP_UP", "participant": {"id": "ann"}});
    let wraps_up = crate::alerts::c().event(
        "d",
        "PARTICIPANT_ROLE_CHANGED",
        7,
        json!({"conversationParticipant": changed}),
    );
    let ends = [agent("d", "AGENT_UNSUBSCRIBED", 7, "ann"), wraps_up, fact("d", "CONVERSATION_CLOSED", 7)];
    for end in ends {
        assert_eq!(after(settings(), &[joined("a", 0), asked("b", 5), end.clone()], 1000), [], "{end}");
    }
    let other = agent("d", "AGENT_UNSUBSCRIBED", 7, "ben");
    let events = [joined("a", 0), agent("a2", "AGENT_SUBSCRIBED", 1, "ben"), asked("b", 5), other];
    assert_eq!(after(settings(), &events, 13), [raised(&due("b"))]);
}

#[test]
fn what_an_event_says_of_the_target_counts_before_what_is_configured() {
    let mut of_channel = in_session(asked("b", 5), "s");
    of_channel["channelSession"]["channel"]["channelConfig"] = json!({"responseSla": 60000});
    let events = [joined("a", 0), of_channel.clone()];
    assert_eq!(after(settings(), &events, 52), []);
    assert_eq!(after(settings(), &events, 53), [raised(&due("b"))], "60000 are milliseconds");
    let mut of_conversation = fact("a2", "AGENT_SLA_EXPIRED", 1);
    of_conversation["data"] = json!({"agentSla": {"totalDuration": 40, "action": null}});
    let events = [joined("a", 0), of_conversation, of_channel];
    assert_eq!(after(settings(), &events, 36), []);
    assert_eq!(after(settings(), &events, 37), [raised(&due("b"))], "40 are seconds");
}

#[test]
fn without_any_target_nothing_is_due() {
    assert_eq!(after(nothing(), &[joined("a", 0), asked("b", 5)], 10_000), []);
}

#[test]
fn a_time_that_was_configured_for_the_grace_is_waited_for() {
    let settings = AlertSettings { grace_ms: 3_000, ..settings() };
    let events = [joined("a", 0), asked("b", 5)];
    assert_eq!(after(settings, &events, 15), []);
    assert_eq!(after(settings, &events, 16), [raised(&due("b"))]);
    let mut driver = crate::alerts::driver(settings);
    events.iter().for_each(|event| driver.push(event.to_string()));
    driver.punctuate(T0 + 16_000);
    let alert = driver.record(crate::alerts::TOPIC, &due("b")).unwrap();
    assert_eq!(alert["dueAt"], T0 + 13_000, "and is not in the record");
}

fn sla(id: &str, name: &str, second: i64, seconds: i64) -> Value {
    let mut event = fact(id, name, second);
    event["data"] = json!({"totalDuration": seconds, "action": "START_TIMER"});
    event
}

#[test]
fn the_platforms_own_clock_says_how_long_agents_may_take() {
    let events = [joined("a", 0), asked("b", 5), sla("d", "AGENT_SLA_STARTED", 5, 100)];
    assert_eq!(after(settings(), &events, 84), []);
    assert_eq!(after(settings(), &events, 85), [raised(&due("b"))]);
    let mut events = events.to_vec();
    events.push(sla("e", "RESET_AGENT_SLA", 50, 20));
    assert_eq!(after(settings(), &events, 65), []);
    assert_eq!(after(settings(), &events, 66), [raised(&due("e"))]);
}

#[test]
fn who_only_listens_owes_no_answer() {
    for role in ["SILENT_MONITOR", "WHISPER", "CONSULTED"] {
        let mut listens = joined("a", 0);
        listens["data"]["agentParticipant"]["role"] = json!(role);
        assert_eq!(after(settings(), &[listens.clone(), asked("b", 5)], 1000), [], "{role}");
        let mut other = agent("a2", "AGENT_SUBSCRIBED", 1, "ben");
        other["data"]["agentParticipant"]["role"] = json!("PRIMARY");
        let mut driver = crate::alerts::driver(settings());
        [listens, other, asked("b", 5)].iter().for_each(|event| driver.push(event.to_string()));
        driver.punctuate(T0 + 1_000_000);
        assert_eq!(
            driver.record(crate::alerts::TOPIC, &due("b")).unwrap()["agents"],
            json!(["ben"]),
            "{role}"
        );
    }
}

#[test]
fn in_a_private_room_nobody_waits_also_where_that_is_told_late() {
    let mut late = message("d", "WHISPER_MESSAGE", 30);
    late["roomInfo"] = json!({"id": "r", "mode": "PRIVATE"});
    let events = [joined("a", 0), asked("b", 5), late.clone()];
    assert_eq!(after(settings(), &events[..2], 1000).len(), 2);
    assert_eq!(after(settings(), &events, 1000), []);
    let mut driver = crate::alerts::driver(settings());
    for event in [&events[0], &events[1], &message("x", "AGENT_MESSAGE", 28), &late] {
        driver.push(event.to_string());
        driver.punctuate(T0 + 25_000);
    }
    driver.punctuate(T0 + 1_000_000);
    assert_eq!(crate::alerts::alerts(&driver), []);
}
