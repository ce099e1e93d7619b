// SPDX-License-Identifier: Apache-2.0

//! Tests of the audit trail (contract section 10) on the real tasks: one record for each event, whatever its outcome.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::common::generated::events;
use crate::common::{driver, driver_of};
use engine::{InnerTopics, Topology};
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

const TOPIC: &str = "cx.audit";
const T0: i64 = 1_750_000_000_000;

fn c() -> EventFactory {
    EventFactory::new("c")
}

fn run(mut driver: Driver, events: &[Value]) -> Driver {
    for event in events {
        driver.push(event.to_string());
    }
    driver.finish();
    driver
}

/// All audit records, by event.
fn trail(driver: &Driver) -> BTreeMap<&str, &Value> {
    fn of(key: &str) -> (Option<Cow<'_, str>>, Cow<'_, str>) {
        model::parse_activity_key(key).unwrap()
    }
    let records = driver.finals().iter().filter(|((topic, _), _)| topic == TOPIC);
    let trail: BTreeMap<&str, &Value> = records
        .map(|((_, key), record)| {
            let event = record["eventId"].as_str().unwrap();
            let conversation = record["conversationId"].as_str().map(Cow::Borrowed);
            assert_eq!(of(key), (conversation, event.into()), "the key says what the record says");
            (event, record)
        })
        .collect();
    assert_eq!(
        trail.len(),
        driver.finals().keys().filter(|(topic, _)| topic == TOPIC).count(),
        "one for each event"
    );
    trail
}

fn audited(event: Value) -> Value {
    let driver = run(driver(), &[event]);
    trail(&driver).into_values().next().cloned().unwrap_or(Value::Null)
}

/// An event with only a session, and the one that names the session's conversation.
fn of_session() -> [Value; 2] {
    let with_session = |factory: EventFactory, id: &str, activity: &str| {
        let mut event = factory.message(id, "CUSTOMER_MESSAGE", 1, activity, "CUSTOMER:cus", "hi");
        event["channelSession"] = json!({"id": "s"});
        event
    };
    [with_session(EventFactory::homeless(), "e1", "m1"), with_session(c(), "e2", "m2")]
}

#[test]
fn a_message_leaves_who_wrote_what_when_and_not_its_text() {
    let message = c().message("e", "AGENT_MESSAGE", 7, "m", "AGENT:ann", "hello");
    let expected = json!({
        "eventId": "e", "conversationId": "c", "channelSessionId": null, "customerId": null, "at": T0 + 7000,
        "name": "AGENT_MESSAGE", "category": "MESSAGE", "action": "PRIMARY", "activityId": "m",
        "kind": "AGENT_MESSAGE", "actor": {"type": "AGENT", "id": "ann", "name": "ann"}, "channel": null
    });
    assert_eq!(audited(message), expected);
}

#[test]
fn a_relation_is_recorded_while_it_waits_for_its_activity() {
    let reaction = audited(c().reaction("r", 5, "not yet there", "CUSTOMER:cus", "👍", "ADD"));
    assert_eq!(reaction["activityId"], "not yet there");
    assert_eq!((&reaction["action"], &reaction["category"]), (&json!("REACTION"), &json!("REACTION")));
    assert_eq!((&reaction["kind"], &reaction["actor"]["id"]), (&Value::Null, &json!("cus")));
}

#[test]
fn a_rejected_relation_and_a_second_primary_are_recorded_like_any_other() {
    let driver = run(
        driver(),
        &[
            c().message("e1", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "first"),
            c().message("e2", "AGENT_MESSAGE", 2, "m", "AGENT:ann", "again"),
            c().edit("e3", 3, "m", "AGENT:ben", "not ben's to change"),
        ],
    );
    let actions: Vec<(&str, &str)> =
        trail(&driver).into_iter().map(|(id, record)| (id, record["action"].as_str().unwrap())).collect();
    assert_eq!(actions, [("e1", "PRIMARY"), ("e2", "PRIMARY"), ("e3", "EDIT")]);
}

#[test]
fn a_fact_touches_no_activity() {
    let fact = audited(c().event("f", "AGENT_SUBSCRIBED", 3, json!({"agentParticipant": {"id": "ann"}})));
    assert_eq!(fact["category"], "PARTICIPANT");
    for field in ["action", "activityId", "kind"] {
        assert_eq!(fact[field], Value::Null, "{field}");
    }
}

#[test]
fn a_note_on_its_own_is_recorded_without_a_conversation() {
    let mut note = EventFactory::homeless().message("e", "AGENT_MESSAGE", 1, "n", "AGENT:ann", "call back");
    note["data"]["body"]["type"] = json!("NOTE");
    let note = audited(note);
    assert_eq!(
        (&note["conversationId"], &note["activityId"], &note["kind"]),
        (&Value::Null, &json!("n"), &json!("NOTE"))
    );
}

#[test]
fn two_events_of_one_id_in_two_conversations_hide_each_other_nowhere() {
    let of = |conversation: &str| EventFactory::new(conversation).event("e", "ANYTHING", 1, json!({}));
    for partitions in 1..=4 {
        let driver = run(driver_of(partitions), &[of("a"), of("b"), of("a/b")]);
        let conflicts =
            driver.letters().iter().filter(|letter| letter.reason == "conflicting-duplicate").count();
        let folded =
            ["a", "b", "a/b"].iter().filter(|id| driver.record("cx.conversations", id).is_some()).count();
        assert_eq!(folded + conflicts, 3, "{partitions} partitions");
        let keys = driver.finals().keys().filter(|(topic, _)| topic == TOPIC).count();
        assert_eq!(keys, folded, "{partitions} partitions: a record for each that is folded");
    }
}

#[test]
fn what_is_no_event_is_a_dead_letter_and_leaves_no_record() {
    let mut driver = driver();
    for value in [
        "no json".to_owned(),
        json!({"id": "a", "name": "CONVERSATION_STARTED"}).to_string(),
        c().event("b", "REACTION", 1, json!({"body": {"kind": "EMOJI", "value": "👍"}})).to_string(),
        EventFactory::homeless().event("d", "CONVERSATION_CLOSED", 1, json!({})).to_string(),
    ] {
        driver.push(value);
    }
    driver.finish();
    assert_eq!(driver.letters().len(), 4);
    assert_eq!(trail(&driver), BTreeMap::new());
}

#[test]
fn an_event_of_a_session_is_recorded_at_once_and_gets_its_conversation_when_that_is_known() {
    let [waiting, pair] = of_session();
    for partitions in 1..=5 {
        let mut driver = run(driver_of(partitions), std::slice::from_ref(&waiting));
        assert_eq!(driver.record(TOPIC, "e1").unwrap()["conversationId"], Value::Null);
        assert_eq!(driver.record(TOPIC, "e1").unwrap()["channelSessionId"], "s");
        driver = run(driver, std::slice::from_ref(&pair));
        assert_eq!(trail(&driver)["e1"]["conversationId"], "c", "{partitions} partitions");
    }
}

#[test]
fn an_event_of_a_session_keeps_its_conversation_when_it_comes_again() {
    let [waiting, pair] = of_session();
    for partitions in 1..=5 {
        for commits in [false, true] {
            let mut driver = driver_of(partitions);
            for event in [&waiting, &waiting, &pair, &waiting, &pair, &waiting] {
                driver.push(event.to_string());
                driver.step();
                if commits {
                    driver.commit();
                }
            }
            driver.finish();
            assert_eq!(trail(&driver)["e1"]["conversationId"], "c", "{partitions} partitions");
            assert_eq!(trail(&driver).len(), 2);
        }
    }
}

#[test]
fn the_audit_keeps_no_state() {
    let processor = |name| folds::by_name(name, &folds::Settings::default()).unwrap();
    let topics = InnerTopics {
        dead_letters: "cx.dead-letters",
        changelog: "changelog",
        repartition: "repartition",
        erasures: None,
    };
    let (mut topology, mut with_audit) = (Topology::new(topics), Topology::new(topics));
    for topology in [&mut topology, &mut with_audit] {
        folds::ALWAYS.into_iter().for_each(|name| topology.add(processor(name), &[]).unwrap());
    }
    with_audit.add(processor("audit"), &[TOPIC]).unwrap();
    let [waiting, pair] = of_session();
    let without = run(Driver::new(topology), &[waiting.clone(), pair.clone()]);
    let with = run(Driver::new(with_audit), &[waiting, pair]);
    assert_eq!(with.changelog_len(), without.changelog_len());
    assert_eq!(trail(&with).len(), 2);
}

/// Generated events, some with only a session.
fn some_without_conversation() -> impl Strategy<Value = Vec<Value>> {
    (events(), prop::collection::vec(any::<bool>(), 40)).prop_map(|(events, hidden)| {
        let events = events.iter().map(|event| serde_json::from_str(event).unwrap());
        events
            .zip(hidden)
            .map(|(event, hide)| if hide { without_conversation(event) } else { event })
            .collect()
    })
}

fn without_conversation(mut event: Value) -> Value {
    if event["channelSession"]["id"].is_string() {
        event.as_object_mut().unwrap().remove("conversationId");
    }
    event
}

#[derive(Debug, Clone, Copy)]
enum Between {
    Step,
    Commit,
    Abort,
    Crash,
}

fn between() -> impl Strategy<Value = Vec<Between>> {
    let one = prop_oneof![
        4 => Just(Between::Step),
        3 => Just(Between::Commit),
        1 => Just(Between::Abort),
        1 => Just(Between::Crash),
    ];
    prop::collection::vec(one, 80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn each_event_has_one_record_whatever_the_order_the_repetition_and_the_failures(
        (events, shuffled) in some_without_conversation().prop_flat_map(|events| {
            let doubled = [events.clone(), events.clone()].concat();
            (Just(events), Just(doubled).prop_shuffle())
        }),
        between in between(),
        partitions in 1..5,
    ) {
        let straight = run(driver(), &events);
        let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
        prop_assert_eq!(trail(&straight).into_keys().collect::<BTreeSet<&str>>(), ids);

        let mut driver = driver_of(partitions);
        for event in &shuffled {
            driver.push(event.to_string());
        }
        for between in between {
            match between {
                Between::Step => { driver.step(); }
                Between::Commit => driver.commit(),
                Between::Abort => driver.abort(),
                Between::Crash => driver.crash(),
            }
        }
        driver.finish();
        prop_assert_eq!(trail(&driver), trail(&straight));
    }

    #[test]
    fn no_record_has_any_text_of_a_message(events in events()) {
        let events: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        for (id, record) in trail(&run(driver(), &events)) {
            let record = record.to_string();
            for text in ["text of", "edited by", "👍", "🎉", "\"re\""] {
                prop_assert!(!record.contains(text), "{}: {}", id, record);
            }
        }
    }
}

#[test]
fn an_event_that_came_with_its_conversation_and_again_without_it_keeps_it() {
    for number in 0..8 {
        let mut event = EventFactory::new("c").event("e", "ANYTHING", 1, json!({}));
        event["channelSession"] = json!({"id": format!("s{number}")});
        let with = event.to_string();
        event.as_object_mut().unwrap().remove("conversationId");
        let mut driver = driver_of(2);
        // Both are taken before the pair reaches the session's partition.
        driver.push(with);
        driver.push(event.to_string());
        driver.finish();
        assert_eq!(trail(&driver)["e"]["conversationId"], "c", "session {number}");
        assert_eq!(driver.record("cx.conversations", "c").unwrap()["revision"], 1);
    }
}
