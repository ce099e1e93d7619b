// SPDX-License-Identifier: Apache-2.0

//! Call legs with holds (rule A9).

use serde_json::{Value, json};

use super::{activity, c, folded};
use crate::common::driver;

const LEG: &str = "1106:ann:dialog";
const KEY: &str = "c/1106:ann:dialog";

fn of_leg(id: &str, name: &str, second: i64, reason: &str) -> Value {
    let header = json!({"sender": {"type": "AGENT", "id": "ann"}});
    let body = json!({"type": "VOICE", "leg": LEG, "callId": "call", "reasonCode": reason});
    c().event(id, name, second, json!({"id": id, "header": header, "body": body}))
}

fn held() -> [Value; 5] {
    [
        of_leg("a", "CALL_LEG_STARTED", 0, "INBOUND"),
        of_leg("b", "CALL_HOLD", 10, ""),
        of_leg("d", "CALL_RESUME", 25, ""),
        of_leg("e", "CALL_HOLD", 50, ""),
        of_leg("f", "CALL_LEG_ENDED", 60, "DIALOG_ENDED"),
    ]
}

#[test]
fn a_leg_tells_its_agent_its_direction_and_how_long_it_was_on_hold() {
    let call = &activity(&held(), KEY)["call"];
    assert_eq!((&call["agentId"], &call["direction"]), (&json!("ann"), &json!("INBOUND")));
    assert_eq!((&call["durationMs"], &call["holdMs"]), (&json!(60_000), &json!(25_000)));
    assert_eq!(call["reason"], "DIALOG_ENDED");
}

#[test]
fn times_of_legs_and_holds_are_when_the_messages_were_sent_where_they_say_so() {
    let mut events = held();
    for (event, seconds) in
        events.iter_mut().zip([1_750_000_100_i64, 1_750_000_110, 1_750_000_115, 1_750_000_120, 1_750_000_130])
    {
        event["data"]["header"]["timestamp"] = json!(seconds);
    }
    let call = &activity(&events, KEY)["call"];
    assert_eq!(
        (&call["startedAt"], &call["endedAt"]),
        (&json!(1_750_000_100_000_i64), &json!(1_750_000_130_000_i64))
    );
    assert_eq!(call["holdMs"], 15_000);
}

#[test]
fn a_hold_of_what_is_no_call_is_rejected() {
    let message = c().message("a", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "hi");
    let hold = c().event("h", "CALL_HOLD", 5, json!({"body": {"leg": "m"}}));
    let shown = activity(&[message, hold], "c/m");
    let rejected = &shown["rejected"][0];
    assert_eq!((&rejected["relation"], &rejected["reason"]), (&json!("HOLD"), &json!("not-a-call")));
}

#[test]
fn a_summary_tells_the_time_of_talk_apart_from_that_on_hold() {
    let driver = folded(driver(), &held());
    let summary = driver.record("cx.conversations", "c").unwrap();
    assert_eq!((&summary["talkMs"], &summary["callHoldMs"]), (&json!(35_000), &json!(25_000)));
    assert_eq!(driver.record("cx.timelines", "c/b").unwrap()["category"], "HOLD");
}
