// SPDX-License-Identifier: Apache-2.0

//! Contents of an alert's record, when it is written, and how it changes.

use folds::alerts::AlertSettings;
use serde_json::{Value, json};

use crate::alerts::{
    AT_LAST, T0, TOPIC, agent, alerts, driver, enqueued, fact, in_session, message, nothing, raised, resolved,
};

const INACTIVE: &str = "c/customer-inactive/a/s1";

fn started() -> Value {
    in_session(fact("a", "CHANNEL_SESSION_STARTED", 0), "s1")
}

fn answered(second: i64) -> Value {
    in_session(message("b", "CUSTOMER_MESSAGE", second), "s1")
}

#[test]
fn a_record_says_what_is_waited_for_since_when_and_until_when() {
    let mut driver = driver(nothing());
    driver.push(started().to_string());
    driver.punctuate(AT_LAST);
    let alert = json!({
        "conversationId": "c", "kind": "customer-inactive", "state": "raised", "startedAt": T0, "startedBy": "a",
        "targetMs": 10_000, "dueAt": T0 + 10_000, "resolvedAt": null, "resolvedBy": null, "resolution": null,
        "channelSessionId": "s1", "channelType": "WEB", "agents": [], "taskId": null, "queue": null,
    });
    assert_eq!(driver.record(TOPIC, INACTIVE), Some(&alert));
    driver.push(answered(99).to_string());
    driver.finish();
    let mut ended = alert;
    ended["state"] = json!("resolved");
    ended["resolvedAt"] = json!(T0 + 99_000);
    ended["resolvedBy"] = json!("b");
    ended["resolution"] = json!("CUSTOMER_MESSAGE");
    assert_eq!(driver.record(TOPIC, INACTIVE), Some(&ended));
}

#[test]
fn alerts_of_agents_and_queues_name_them() {
    let settings = AlertSettings { agent_response_ms: Some(1_000), queue_wait_ms: Some(1_000), ..nothing() };
    let mut driver = driver(settings);
    for event in [
        enqueued("a", 0, "t1"),
        message("b", "CUSTOMER_MESSAGE", 1),
        agent("d", "AGENT_SUBSCRIBED", 5, "zoe"),
        agent("e", "AGENT_SUBSCRIBED", 5, "ann"),
    ] {
        driver.push(event.to_string());
    }
    driver.punctuate(AT_LAST);
    let queue = driver.record(TOPIC, "c/queue-wait-over-target/a").unwrap();
    assert_eq!((&queue["taskId"], &queue["queue"]), (&json!("t1"), &json!("sales")));
    assert_eq!(queue["resolution"], "AGENT_SUBSCRIBED");
    let response = driver.record(TOPIC, "c/agent-response-breached/d").unwrap();
    assert_eq!(response["agents"], json!(["zoe"]), "those who were present when it began");
}

#[test]
fn an_alert_is_raised_once_however_often_the_clock_is_looked_at() {
    let mut driver = driver(nothing());
    driver.push(started().to_string());
    driver.punctuate(T0 + 9_999);
    let before = driver.emissions();
    for second in [10, 11, 12, 1000] {
        driver.punctuate(T0 + second * 1000);
        driver.crash();
    }
    assert_eq!(driver.emissions(), before + 1);
    assert_eq!(alerts(&driver), [raised(INACTIVE)]);
}

#[test]
fn a_crash_before_the_commit_loses_no_alert_and_doubles_none() {
    let mut driver = driver(nothing());
    driver.push(started().to_string());
    driver.finish();
    let before = driver.emissions();
    assert!(driver.stage_punctuation(AT_LAST));
    driver.abort();
    assert!(driver.stage_punctuation(AT_LAST));
    driver.crash();
    assert_eq!(driver.emissions(), before);
    driver.punctuate(AT_LAST);
    assert_eq!(driver.emissions(), before + 1);
    assert!(!driver.stage_punctuation(AT_LAST), "nothing is due any more");
}

#[test]
fn an_alert_that_should_never_have_been_raised_is_taken_back() {
    let mut driver = driver(nothing());
    driver.push(started().to_string());
    driver.punctuate(AT_LAST);
    assert_eq!(alerts(&driver), [raised(INACTIVE)]);
    driver.push(answered(10).to_string());
    driver.finish();
    assert_eq!(alerts(&driver), []);
}

#[test]
fn an_alert_that_was_resolved_is_taken_back_when_a_late_event_ends_its_time_before() {
    let mut driver = driver(nothing());
    driver.push(started().to_string());
    driver.push(in_session(message("z", "CUSTOMER_MESSAGE", 50), "s1").to_string());
    driver.finish();
    assert_eq!(alerts(&driver), [resolved(INACTIVE)]);
    driver.push(answered(10).to_string());
    driver.finish();
    assert_eq!(alerts(&driver), []);
}

#[test]
fn an_alert_whose_late_end_turns_out_to_be_another_one_says_so() {
    let mut driver = driver(nothing());
    driver.push(started().to_string());
    driver.push(in_session(message("z", "CUSTOMER_MESSAGE", 50), "s1").to_string());
    driver.finish();
    driver.push(answered(30).to_string());
    driver.finish();
    assert_eq!(driver.record(TOPIC, INACTIVE).unwrap()["resolvedBy"], "b");
}

#[test]
fn nothing_is_due_in_a_conversation_that_is_closed() {
    let mut driver = driver(AlertSettings::default());
    driver.push(started().to_string());
    driver.push(fact("b", "CONVERSATION_CLOSED", 1).to_string());
    driver.finish();
    assert!(!driver.stage_punctuation(i64::MAX), "its timer is gone");
}

#[test]
fn an_erased_conversation_leaves_no_alert() {
    let settings = AlertSettings { left_open_ms: Some(1_000), ..nothing() };
    let mut driver = driver(settings);
    driver.push(started().to_string());
    driver.push(answered(11).to_string());
    driver.punctuate(AT_LAST);
    assert_eq!(alerts(&driver).len(), 3);
    driver.push_erasure(r#"{"conversationId":"c"}"#);
    driver.finish();
    assert_eq!(alerts(&driver), []);
    assert!(!driver.stage_punctuation(i64::MAX));
}

#[test]
fn of_a_conversation_that_is_forgotten_the_alerts_stay_and_no_state() {
    const DAY: i64 = 24 * 3600;
    let mut driver = driver(nothing()).with_expiry();
    driver.push(started().to_string());
    driver.push(answered(11).to_string());
    driver.push(fact("d", "CONVERSATION_CLOSED", 12).to_string());
    driver.finish();
    let known =
        |driver: &testkit::Driver| driver.changelog().filter(|(key, _)| key.starts_with(b"w")).count();
    assert_eq!(known(&driver), 1);
    driver.set_clock(T0 + 3 * DAY * 1000);
    for day in [2, 3] {
        let other =
            testkit::EventFactory::new("other").event(&format!("o{day}"), "ANYTHING", day * DAY, json!({}));
        driver.push(other.to_string());
        driver.finish();
    }
    assert_eq!(known(&driver), 0);
    assert_eq!(alerts(&driver), [resolved(INACTIVE)]);
}
