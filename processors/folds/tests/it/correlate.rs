// SPDX-License-Identifier: Apache-2.0

//! Tests of events with only a session (contract section 7), on the real task with all processors.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::generated::events;
use crate::common::{driver, driver_of};
use engine::EventClass;
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

/// A message of a session, and of a conversation if one is given.
fn message(id: &str, session: &str, conversation: Option<&str>) -> Value {
    let factory = conversation.map_or_else(EventFactory::homeless, EventFactory::new);
    let mut event = factory.message(id, "AGENT_MESSAGE", 1, &format!("m-{id}"), "AGENT:ann", "hi");
    event["channelSession"] = json!({"id": session});
    event
}

fn folded(events: &[Value], partitions: i32) -> Driver {
    let mut driver = driver_of(partitions);
    for event in events {
        driver.push(event.to_string());
    }
    driver.finish();
    driver
}

/// All records except the audit, which also has waiting events.
fn finals(driver: &Driver) -> BTreeMap<(String, String), Value> {
    let records = driver.finals().iter().filter(|((topic, _), _)| topic != "cx.audit");
    let mut finals: BTreeMap<(String, String), Value> =
        records.map(|(key, record)| (key.clone(), record.clone())).collect();
    for ((topic, _), record) in &mut finals {
        if topic == "cx.metrics" {
            // It depends on the order of arrival.
            record.as_object_mut().unwrap().remove("revision");
        }
    }
    finals
}

#[test]
fn what_waits_for_its_session_is_in_no_output() {
    for partitions in [1, 4] {
        let driver = folded(&[message("a", "s", None), message("b", "s", None)], partitions);
        assert_eq!(finals(&driver), BTreeMap::new());
        assert_eq!(driver.letters(), []);
        assert!(driver.changelog_holds("m-a") && driver.changelog_holds("m-b"));
    }
}

#[test]
fn before_or_after_its_session_is_known_an_event_is_folded_with_the_conversation() {
    let (waiting, pair) = (message("a", "s", None), message("p", "s", Some("c")));
    for partitions in [1, 4] {
        for order in [[&waiting, &pair], [&pair, &waiting]] {
            let driver = folded(&order.map(Clone::clone), partitions);
            let activity = driver.record("cx.activities", "c/m-a").unwrap();
            assert_eq!(activity["conversationId"], "c");
            assert_eq!(activity["channelSessionId"], "s");
            assert_eq!(driver.record("cx.timelines", "c/a").unwrap()["conversationId"], "c");
            assert_eq!(driver.record("cx.conversations", "c").unwrap()["revision"], 2);
        }
    }
}

#[test]
fn an_event_of_a_session_that_comes_twice_counts_once() {
    let (event, pair) = (message("a", "s", None), message("p", "s", Some("c")));
    let doubled = [&event, &event, &pair, &event, &pair, &event].map(Clone::clone);
    for partitions in [1, 4] {
        assert_eq!(finals(&folded(&doubled, partitions)), finals(&folded(&[event.clone(), pair.clone()], 1)));
    }
}

/// A field only of waiting records, since the messages here carry no text.
const WAITING: &str = "\"timestamp\"";

#[test]
fn once_folded_an_event_has_left_the_place_where_it_waited() {
    for partitions in [1, 4] {
        let mut driver = driver_of(partitions);
        driver.push(message("a", "s", None).to_string());
        driver.finish();
        assert!(driver.changelog_holds(WAITING));
        driver.push(message("p", "s", Some("c")).to_string());
        driver.finish();
        assert!(!driver.changelog_holds(WAITING));
    }
}

#[test]
fn an_event_that_waited_is_counted_as_held_and_then_as_what_it_is() {
    let pair = message("p", "s", Some("c"));
    let driver = folded(&[message("a", "s", None), pair, message("b", "s", None)], 1);
    let counts = [EventClass::Held, EventClass::Moved, EventClass::Primary, EventClass::Duplicate];
    assert_eq!(
        counts.map(|class| driver.events(class)),
        [1, 1, 3, 0],
        "a waits, b is passed on, all are folded"
    );
}

#[test]
fn sessions_do_not_mix_whatever_their_ids_look_like() {
    let sessions = ["s", "s/1", "s%2F1", "s1", "S"];
    let waiting = sessions.iter().enumerate().map(|(n, session)| message(&format!("a{n}"), session, None));
    let pairs =
        sessions.iter().enumerate().map(|(n, s)| message(&format!("p{n}"), s, Some(&format!("c{n}"))));
    let events: Vec<Value> = waiting.chain(pairs).collect();
    for partitions in [1, 4] {
        let driver = folded(&events, partitions);
        for (n, session) in sessions.iter().enumerate() {
            assert!(driver.record("cx.activities", &format!("c{n}/m-a{n}")).is_some(), "{session}");
        }
    }
}

#[test]
fn a_session_keeps_the_first_conversation_and_each_other_one_is_counted_once() {
    for partitions in [1, 4] {
        let mut driver = driver_of(partitions);
        let mut take = |events: &[Value]| {
            events.iter().for_each(|event| driver.push(event.to_string()));
            driver.finish();
            driver.noticed(&folds::correlate::SESSION_CONFLICTS)
        };
        assert_eq!(take(&[message("p1", "s", Some("c"))]), 0);
        assert_eq!(take(&[message("p2", "s", Some("d")), message("p3", "s", Some("d"))]), 1);
        assert_eq!(take(&[message("p4", "s", Some("d")), message("p5", "s", Some("c"))]), 1);
        assert_eq!(take(&[message("p6", "s", Some("e")), message("a", "s", None)]), 2);
        assert_eq!(driver.record("cx.activities", "c/m-a").unwrap()["conversationId"], "c");
    }
}

#[test]
fn an_events_own_conversation_counts_before_that_of_its_session() {
    for partitions in [1, 4] {
        let mut driver = driver_of(partitions);
        driver.push(message("p1", "s", Some("c")).to_string());
        driver.finish();
        driver.push(message("p2", "s", Some("d")).to_string());
        driver.push(message("a", "s", None).to_string());
        driver.finish();
        assert!(driver.record("cx.activities", "d/m-p2").is_some());
        assert!(driver.record("cx.activities", "c/m-a").is_some());
        assert_eq!(driver.record("cx.conversations", "d").unwrap()["revision"], 1);
    }
}

#[test]
fn a_relation_that_waits_for_its_target_makes_its_session_known() {
    let mut reaction = EventFactory::new("c").reaction("r", 5, "not there", "CUSTOMER:cus", "👍", "ADD");
    reaction["channelSession"] = json!({"id": "s"});
    for partitions in [1, 4] {
        let driver = folded(&[message("a", "s", None), reaction.clone()], partitions);
        assert!(driver.record("cx.activities", "c/m-a").is_some());
        assert_eq!(driver.record("cx.conversations", "c").unwrap()["revision"], 1);
    }
}

#[test]
fn a_dead_letter_makes_no_session_known() {
    let mut dead = message("p", "s", Some("c"));
    dead["timestamp"] = json!("yesterday");
    let driver = folded(&[dead, message("a", "s", None)], 4);
    assert_eq!(finals(&driver), BTreeMap::new());
    assert_eq!(driver.letters().len(), 1);
}

#[test]
fn a_relation_known_by_its_session_finds_a_target_known_by_its_conversation() {
    let mut reaction = EventFactory::homeless().reaction("r", 5, "m-p", "CUSTOMER:cus", "👍", "ADD");
    reaction["channelSession"] = json!({"id": "s"});
    let pair = message("p", "s", Some("c"));
    for order in [[&reaction, &pair], [&pair, &reaction]] {
        let driver = folded(&order.map(Clone::clone), 4);
        assert_eq!(driver.record("cx.activities", "c/m-p").unwrap()["reactions"][0]["value"], "👍");
    }
}

#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    Commit,
    Abort,
    Crash,
}

fn between() -> impl Strategy<Value = Between> {
    use Between::{Abort, Commit, Crash, Nothing};
    prop_oneof![4 => Just(Nothing), 3 => Just(Commit), 1 => Just(Abort), 1 => Just(Crash)]
}

/// The same events twice: all with session and conversation, and some with only the session. At least one event of each session
/// names the conversation.
fn correlated(events: &[String], bare: &[bool]) -> (Vec<String>, Vec<String>) {
    let (mut whole, mut partly, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (n, (event, bare)) in events.iter().zip(bare.iter().cycle()).enumerate() {
        let mut event: Value = serde_json::from_str(event).unwrap();
        // Campaign messages belong to no conversation.
        let Some(conversation) = event["conversationId"].as_str() else { continue };
        // A signal creates no pair.
        let is_typing = event["data"]["body"]["notificationType"] == "TYPING_STARTED";
        if is_typing || event["name"] == "TYPING_INDICATOR" {
            continue;
        }
        let session = format!("{conversation}/{}", n % 3);
        event["channelSession"]["id"] = json!(session);
        whole.push(event.to_string());
        if !known.insert(session) && *bare {
            event.as_object_mut().unwrap().remove("conversationId");
        }
        partly.push(event.to_string());
    }
    (whole, partly)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn knowing_only_the_session_gives_the_same_records_in_any_order_on_any_number_of_partitions(
        (whole, shuffled) in (events(), prop::collection::vec(any::<bool>(), 7)).prop_flat_map(|(events, bare)| {
            let (whole, partly) = correlated(&events, &bare);
            let doubled: Vec<String> = partly.iter().chain(partly.iter()).cloned().collect();
            (Just(whole), Just(doubled).prop_shuffle())
        }),
        failures in prop::collection::vec(between(), 80),
        partitions in 1_i32..6,
    ) {
        let mut straight = driver();
        whole.iter().for_each(|event| straight.push(event.as_str()));
        straight.finish();
        let mut driver = driver_of(partitions);
        for event in &shuffled {
            driver.push(event.as_str());
        }
        for failure in failures {
            match failure {
                Between::Nothing => { driver.step(); }
                Between::Commit => driver.commit(),
                Between::Abort => driver.abort(),
                Between::Crash => driver.crash(),
            }
        }
        // A commit may leave work for other partitions.
        driver.commit();
        driver.finish();
        prop_assert_eq!(driver.letters(), straight.letters());
        prop_assert_eq!(finals(&driver), finals(&straight));
    }
}
