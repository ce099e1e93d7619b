// SPDX-License-Identifier: Apache-2.0

//! Alerts for customers: inactivity, queue waits, and open conversations without events.

use folds::alerts::AlertSettings;
use serde_json::{Value, json};

use crate::alerts::{after, agent, c, enqueued, fact, in_session, message, nothing, raised, resolved};

const STARTED: &str = "CHANNEL_SESSION_STARTED";
const INACTIVE: &str = "c/customer-inactive/a/s1";

fn started(id: &str, second: i64, session: &str) -> Value {
    in_session(fact(id, STARTED, second), session)
}

#[test]
fn a_customer_who_says_nothing_after_the_session_began_is_inactive_once_the_channels_time_is_over() {
    let events = [started("a", 0, "s1")];
    assert_eq!(after(nothing(), &events, 9), []);
    assert_eq!(after(nothing(), &events, 10), [raised(INACTIVE)]);
}

#[test]
fn a_customer_who_answers_in_time_is_not_inactive() {
    let events = [started("a", 0, "s1"), in_session(message("b", "CUSTOMER_MESSAGE", 10), "s1")];
    assert_eq!(after(nothing(), &events, 1000), []);
}

#[test]
fn a_customer_who_answers_too_late_was_inactive() {
    let events = [started("a", 0, "s1"), in_session(message("b", "CUSTOMER_MESSAGE", 11), "s1")];
    assert_eq!(after(nothing(), &events, 5), [resolved(INACTIVE)], "whatever the clock says");
}

#[test]
fn a_message_of_agent_or_bot_gives_the_customer_time_that_a_second_one_does_not_prolong() {
    for name in ["AGENT_MESSAGE", "BOT_MESSAGE"] {
        let events = [
            started("a", 0, "s1"),
            in_session(message("b", "CUSTOMER_MESSAGE", 5), "s1"),
            in_session(message("d", name, 20), "s1"),
            in_session(message("e", name, 25), "s1"),
        ];
        assert_eq!(after(nothing(), &events, 29), []);
        assert_eq!(after(nothing(), &events, 30), [raised("c/customer-inactive/d/s1")], "{name}");
    }
}

#[test]
fn that_no_agent_is_available_starts_the_time_and_other_messages_do_not() {
    let quiet = [started("a", 0, "s1"), in_session(message("b", "CUSTOMER_MESSAGE", 5), "s1")];
    let with = |event: Value| after(nothing(), &[&quiet[..], &[in_session(event, "s1")]].concat(), 100);
    assert_eq!(with(fact("d", "NO_AGENT_AVAILABLE", 9)), [raised("c/customer-inactive/d/s1")]);
    for name in ["WHISPER_MESSAGE", "EWT_MESSAGE", "ACTION_MESSAGE"] {
        assert_eq!(with(message("d", name, 9)), [], "{name}");
    }
}

#[test]
fn a_message_in_one_session_starts_the_time_of_the_others_that_are_active() {
    let events = [
        started("a", 0, "s1"),
        started("b", 1, "s2"),
        in_session(message("d", "CUSTOMER_MESSAGE", 5), "s1"),
        in_session(message("e", "CUSTOMER_MESSAGE", 6), "s2"),
        in_session(message("f", "CUSTOMER_MESSAGE", 7), "s1"),
    ];
    // s1's timer ran from second 6 to 7; s2's started at 7.
    assert_eq!(after(nothing(), &events, 16), []);
    assert_eq!(after(nothing(), &events, 17), [raised("c/customer-inactive/f/s2")]);
}

#[test]
fn a_session_that_begins_starts_the_time_of_all_active_ones_each_an_alert_of_its_own() {
    let events =
        [started("a", 0, "s1"), in_session(message("b", "CUSTOMER_MESSAGE", 1), "s1"), started("d", 2, "s2")];
    let both = [raised("c/customer-inactive/d/s1"), raised("c/customer-inactive/d/s2")];
    assert_eq!(after(nothing(), &events, 12), both);
}

#[test]
fn the_end_of_the_session_or_of_the_conversation_stops_the_time() {
    for name in ["CHANNEL_SESSION_ENDED", "CHANNEL_SESSION_EXPIRED", "CONVERSATION_CLOSED"] {
        let events = |second| {
            let end = in_session(fact("b", name, second), "s1");
            let more = in_session(message("d", "AGENT_MESSAGE", second + 1), "s1");
            [started("a", 0, "s1"), end, more]
        };
        assert_eq!(after(nothing(), &events(9), 1000), [], "{name}");
        assert_eq!(after(nothing(), &events(15), 1000), [resolved(INACTIVE)], "{name}");
    }
}

#[test]
fn without_a_time_in_the_channels_configuration_the_configured_one_holds() {
    let mut event = started("a", 0, "s1");
    event["channelSession"]["channel"]["channelConfig"] = json!({"customerActivityTimeout": 0});
    assert_eq!(after(nothing(), &[event.clone()], 1000), []);
    let settings = AlertSettings { customer_inactive_ms: Some(20_000), ..nothing() };
    assert_eq!(after(settings, &[event.clone()], 19), []);
    assert_eq!(after(settings, &[event], 20), [raised(INACTIVE)]);
    assert_eq!(
        after(settings, &[started("a", 0, "s1")], 10),
        [raised(INACTIVE)],
        "the channel's counts first"
    );
}

#[test]
fn a_message_that_names_no_session_is_of_the_one_named_last() {
    let events =
        [started("a", 0, "s1"), message("b", "CUSTOMER_MESSAGE", 5), message("d", "AGENT_MESSAGE", 20)];
    assert_eq!(after(nothing(), &events, 30), [raised("c/customer-inactive/d/s1")]);
}

#[test]
fn the_same_message_delivered_again_stops_nothing() {
    let again = c().message("f", "CUSTOMER_MESSAGE", 22, "m-b", "CUSTOMER:cus", "x");
    let events = [
        started("a", 0, "s1"),
        in_session(message("b", "CUSTOMER_MESSAGE", 5), "s1"),
        in_session(message("d", "BOT_MESSAGE", 20), "s1"),
        in_session(again, "s1"),
    ];
    assert_eq!(after(nothing(), &events, 30), [raised("c/customer-inactive/d/s1")]);
}

fn queue() -> AlertSettings {
    AlertSettings { queue_wait_ms: Some(10_000), ..nothing() }
}

#[test]
fn a_wait_in_a_queue_is_over_its_target_until_the_visit_ends() {
    const KEY: &str = "c/queue-wait-over-target/a";
    let waits = [enqueued("a", 0, "t1")];
    assert_eq!(after(queue(), &waits, 9), []);
    assert_eq!(after(queue(), &waits, 10), [raised(KEY)]);
    let answered = |second| [waits[0].clone(), agent("b", "AGENT_SUBSCRIBED", second, "ann")];
    assert_eq!(after(queue(), &answered(10), 1000), []);
    assert_eq!(after(queue(), &answered(11), 1000), [resolved(KEY)]);
    let closed = [waits[0].clone(), fact("b", "CONVERSATION_CLOSED", 30)];
    assert_eq!(after(queue(), &closed, 1000), [resolved(KEY)]);
}

#[test]
fn each_task_has_a_wait_of_its_own() {
    let mut cancelled =
        c().event("d", "TASK_STATE_CHANGED", 8, json!({"task": {"id": "t1", "state": "CLOSED"}}));
    let events = |cancelled: &Value| [enqueued("a", 0, "t1"), enqueued("b", 5, "t2"), cancelled.clone()];
    assert_eq!(after(queue(), &events(&cancelled), 15), [raised("c/queue-wait-over-target/b")]);
    cancelled["timestamp"] = json!(crate::alerts::T0 + 12_000);
    let both = [resolved("c/queue-wait-over-target/a"), raised("c/queue-wait-over-target/b")];
    assert_eq!(after(queue(), &events(&cancelled), 15), both);
}

fn left_open() -> AlertSettings {
    AlertSettings { left_open_ms: Some(60_000), ..nothing() }
}

#[test]
fn a_conversation_in_which_nothing_happens_is_left_open_until_anything_does() {
    let one = [fact("a", "ANYTHING", 0)];
    assert_eq!(after(left_open(), &one, 59), []);
    assert_eq!(after(left_open(), &one, 60), [raised("c/left-open/a")]);
    let two = [one[0].clone(), fact("b", "ANYTHING", 61)];
    assert_eq!(after(left_open(), &two, 100), [resolved("c/left-open/a")]);
    assert_eq!(after(left_open(), &two, 121), [resolved("c/left-open/a"), raised("c/left-open/b")]);
    let in_time = [one[0].clone(), fact("b", "ANYTHING", 60)];
    assert_eq!(after(left_open(), &in_time, 100), []);
}

#[test]
fn a_conversation_that_is_closed_is_not_left_open_unless_it_is_opened_again() {
    let closed = [fact("a", "ANYTHING", 0), fact("b", "CONVERSATION_CLOSED", 1), fact("d", "ANYTHING", 500)];
    assert_eq!(after(left_open(), &closed, 1000), []);
    let opened = [closed[0].clone(), closed[1].clone(), fact("d", "CONVERSATION_STARTED", 500)];
    assert_eq!(after(left_open(), &opened, 560), [raised("c/left-open/d")]);
}
