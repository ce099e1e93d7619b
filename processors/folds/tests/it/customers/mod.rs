// SPDX-License-Identifier: Apache-2.0

//! Tests of customers with their last conversations (contract section 6.2).

mod leaving;
mod properties;

use crate::common::driver_of;
use folds::customers::BEYOND;
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 24 * HOUR;

/// An event of a session, with a customer if that is not empty.
pub(crate) fn started(conversation: &str, id: &str, second: i64, customer: &str) -> Value {
    let mut event = EventFactory::new(conversation).event(id, "CHANNEL_SESSION_STARTED", second, json!({}));
    event["channelSession"] = json!({"id": format!("session of {conversation}"),
        "channel": {"channelType": {"name": "WEB"}}, "customer": {"_id": customer}});
    event
}

pub(crate) fn push_all(driver: &mut Driver, events: &[Value]) {
    events.iter().for_each(|event| driver.push(event.to_string()));
    driver.finish();
}

/// The conversations in a customer's record; `None` without a record.
pub(crate) fn listed(driver: &Driver, customer: &str) -> Option<Vec<String>> {
    let list = driver.record("cx.customers", customer)?["conversations"].as_array()?;
    Some(list.iter().map(|one| one["conversationId"].as_str().unwrap().to_owned()).collect())
}

/// Number of records of this kind in the state.
pub(crate) fn kept(driver: &Driver, kind: &str) -> usize {
    driver.changelog().filter(|(key, _)| key.starts_with(kind.as_bytes())).count()
}

#[test]
fn whoever_comes_again_is_counted_from_the_last_event_before() {
    let mut driver = driver_of(4);
    driver.set_clock(model::AT_MAX);
    push_all(
        &mut driver,
        &[
            started("a", "e1", 0, "cus"),
            EventFactory::new("a").event("e2", "ANYTHING", 100, json!({})),
            started("b", "e3", 50, "cus"),
            started("c", "e4", 100 + DAY, "cus"),
            started("d", "e5", 100 + 2 * DAY + 1, "cus"),
            started("e", "e6", 101 + 6 * DAY, "cus"),
        ],
    );
    let record = driver.record("cx.customers", "cus").unwrap();
    let since: Vec<Value> = record["conversations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["sincePreviousMs"].clone())
        .collect();
    assert_eq!(
        since,
        [json!(null), json!(0), json!(DAY * 1000), json!((DAY + 1) * 1000), json!(4 * DAY * 1000)]
    );
    assert_eq!(
        (&record["count"], &record["repeatsWithin24h"], &record["repeatsWithin72h"]),
        (&json!(5), &json!(2), &json!(3))
    );
}

#[test]
fn a_conversation_moves_with_its_customer_and_who_has_none_left_has_no_record() {
    let mut driver = driver_of(4);
    push_all(&mut driver, &[started("a", "e1", 0, "old"), started("b", "e2", 1, "old")]);
    assert_eq!(listed(&driver, "old").unwrap(), ["a", "b"]);
    push_all(&mut driver, &[started("a", "e3", 5, "new")]);
    assert_eq!(listed(&driver, "old").unwrap(), ["b"]);
    assert_eq!(listed(&driver, "new").unwrap(), ["a"]);
    push_all(&mut driver, &[started("b", "e4", 5, "new")]);
    assert_eq!((listed(&driver, "old"), listed(&driver, "new").unwrap().len()), (None, 2));
    assert_eq!(
        (kept(&driver, "kc"), kept(&driver, "ke"), kept(&driver, "kx"), kept(&driver, "ko")),
        (1, 2, 1, 2)
    );
    // A late event with an earlier customer changes nothing.
    push_all(&mut driver, &[started("a", "e5", 3, "third")]);
    assert_eq!((listed(&driver, "third"), listed(&driver, "new").unwrap().len()), (None, 2));
}

#[test]
fn agents_among_themselves_are_in_no_list_and_leave_it_when_that_becomes_known() {
    let mut driver = driver_of(3);
    push_all(&mut driver, &[started("a", "e1", 1, "cus"), started("b", "e2", 2, "cus")]);
    let mut private = EventFactory::new("a").event("e0", "ANYTHING", 0, json!({}));
    private["roomInfo"] = json!({"id": "r", "mode": "PRIVATE"});
    push_all(&mut driver, &[private]);
    assert_eq!(listed(&driver, "cus").unwrap(), ["b"]);
}

#[test]
fn who_served_at_any_time_of_the_last_such_stay_is_the_agent_and_the_last_wait_the_queue() {
    let of = EventFactory::new("a");
    let participant = |id: &str, role: &str| json!({"role": role, "participant": {"id": id}});
    let joins = |id: &str, second: i64, agent: &str, role: &str| {
        of.event(id, "AGENT_SUBSCRIBED", second, json!({"agentParticipant": participant(agent, role)}))
    };
    let queued = |id: &str, second: i64, queue: &str, direction: &str| {
        let media = json!([{"type": {"direction": direction, "mode": "QUEUE"}, "queue": {"name": queue}}]);
        of.event(id, "TASK_ENQUEUED", second, json!({"task": {"id": id, "activeMedia": media}}))
    };
    let mut driver = driver_of(2);
    push_all(
        &mut driver,
        &[
            started("a", "e1", 0, "cus"),
            queued("e2", 1, "sales", "INBOUND"),
            joins("e3", 2, "ann", "PRIMARY"),
            queued("e4", 3, "experts", "CONSULT"),
            joins("e5", 4, "ben", "CONSULTED"),
            joins("e6", 5, "eve", "SILENT_MONITOR"),
        ],
    );
    let agent_and_queue = |driver: &Driver| {
        let one = &driver.record("cx.customers", "cus").unwrap()["conversations"][0];
        (one["agentId"].as_str().map(str::to_owned), one["queue"].as_str().map(str::to_owned))
    };
    assert_eq!(agent_and_queue(&driver), (Some("ann".to_owned()), Some("sales".to_owned())));
    let takes_over = json!({"conversationParticipant":
        {"type": "AGENT", "role": "PRIMARY", "participant": {"id": "ben"}}});
    push_all(&mut driver, &[of.event("e7", "PARTICIPANT_ROLE_CHANGED", 6, takes_over)]);
    assert_eq!(agent_and_queue(&driver), (Some("ben".to_owned()), Some("sales".to_owned())));
}

#[test]
fn what_changes_nothing_in_the_list_is_not_said_again() {
    let mut driver = driver_of(1);
    push_all(&mut driver, &[started("a", "e1", 5, "cus")]);
    let before = driver.emissions();
    let events = [EventFactory::new("a").event("e2", "ANYTHING", 5, json!({}))];
    push_all(&mut driver, &events);
    // An entry, a summary, an audit record.
    assert_eq!(driver.emissions(), before + 3);
}

#[test]
fn the_last_hundred_are_listed_and_the_last_thousand_kept_and_none_comes_back() {
    let mut driver = driver_of(3);
    let events: Vec<Value> =
        (0..1_005).map(|n| started(&format!("c{n:04}"), &format!("e{n}"), n, "cus")).collect();
    push_all(&mut driver, &events);
    let all = listed(&driver, "cus").unwrap();
    assert_eq!((all.len(), all[0].as_str(), all[99].as_str()), (100, "c0905", "c1004"));
    assert_eq!((kept(&driver, "ke"), kept(&driver, "ko")), (1_000, 1_000));
    assert_eq!(driver.noticed(&BEYOND), 5);
    // Five are moved away: there is room, but what was beyond the limit does not come back.
    let moved: Vec<Value> =
        (1_000..1_005).map(|n| started(&format!("c{n}"), &format!("f{n}"), n + 1, "other")).collect();
    push_all(&mut driver, &moved);
    let again: Vec<Value> =
        (0..5).map(|n| started(&format!("c{n:04}"), &format!("f{n}"), 2_000, "cus")).collect();
    push_all(&mut driver, &again);
    assert_eq!((kept(&driver, "ke"), driver.noticed(&BEYOND)), (995 + 5, 10));
    let all = listed(&driver, "cus").unwrap();
    assert_eq!((all[0].as_str(), all[99].as_str()), ("c0900", "c0999"));
}
