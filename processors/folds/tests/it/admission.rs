// SPDX-License-Identifier: Apache-2.0

//! Tests of deduplication: the same event sent twice, and different events with the same id.

use crate::common::{driver, driver_of, driver_of_activities};
use engine::{EventClass, Notice};
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

fn c() -> EventFactory {
    EventFactory::new("c")
}

fn hello() -> Value {
    c().message("e", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "hello")
}

fn fold(mut driver: Driver, events: &[String]) -> Driver {
    for event in events {
        driver.push(event.as_str());
        driver.step();
        driver.commit();
        driver.crash();
    }
    driver.finish();
    driver
}

fn reasons(driver: &Driver) -> Vec<&str> {
    driver.letters().iter().map(|letter| letter.reason.as_str()).collect()
}

#[test]
fn the_same_event_in_another_form_and_spelling_is_a_duplicate() {
    let bare = hello();
    let mut without_conversation = bare.clone();
    without_conversation.as_object_mut().unwrap().remove("conversationId");
    let forms = [
        bare.to_string(),
        json!({"conversationId": "c", "cimEvent": without_conversation}).to_string(),
        json!({"payload": {"entities": {"cimEvent": bare}}}).to_string(),
        bare.to_string().replace("\"hello\"", r#""\u0068ello""#),
        bare.to_string().replace("1750000001000", "\"2025-06-15T15:06:41Z\""),
        serde_json::to_string_pretty(&bare).unwrap(),
    ];
    let driver = fold(driver(), &forms);
    assert_eq!(reasons(&driver), Vec::<&str>::new());
    assert_eq!(driver.events(EventClass::Duplicate), 5);
    assert_eq!(driver.record("cx.conversations", "c").unwrap()["revision"], 1);
    assert_eq!(
        driver.emissions(),
        4 + 6,
        "activity, entry, summary and window once, the audit record each time"
    );
}

#[test]
fn the_same_id_with_other_content_is_never_silent_and_the_first_stays() {
    let other = c().message("e", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "goodbye");
    let elsewhere = c().message("e", "AGENT_MESSAGE", 2, "another", "AGENT:ann", "hello");
    let fact = c().event("e", "CONVERSATION_CLOSED", 9, json!({}));
    let events = [hello(), other, elsewhere, fact].map(|event| event.to_string());
    for driver in [driver(), driver_of_activities()] {
        let driver = fold(driver, &events);
        assert_eq!(reasons(&driver), ["conflicting-duplicate"; 3]);
        assert_eq!(driver.letters()[0].value.as_deref(), Some(events[1].as_bytes()), "as it came");
        assert_eq!(driver.record("cx.activities", "c/m").unwrap()["body"]["markdownText"], "hello");
        assert_eq!(driver.record("cx.activities", "c/another"), None);
    }
}

fn of(conversation: &str, text: &str) -> String {
    EventFactory::new(conversation).message("e", "AGENT_MESSAGE", 1, "m", "AGENT:ann", text).to_string()
}

#[test]
fn one_id_in_two_conversations_of_a_partition_counts_in_the_first_and_makes_a_dead_letter_of_the_other() {
    let events = [of("c", "hello"), of("d", "goodbye"), of("c", "hello"), of("d", "goodbye")];
    for driver in [driver(), driver_of_activities()] {
        // Commit and crash after each event, so that known ids come from the state.
        let driver = fold(driver, &events);
        assert_eq!(reasons(&driver), ["conflicting-duplicate"; 2]);
        assert_eq!(driver.letters()[0].value.as_deref(), Some(events[1].as_bytes()), "as it came");
        assert!(driver.record("cx.activities", "c/m").is_some());
        assert_eq!(driver.record("cx.activities", "d/m"), None);
        assert_eq!(driver.noticed(Notice::EventIdConflict), 2);
        assert_eq!(driver.events(EventClass::Duplicate), 1);
    }
}

#[test]
fn an_event_that_was_taken_and_dropped_with_its_transaction_takes_no_id() {
    let mut driver = driver();
    driver.push(of("c", "hello"));
    driver.step();
    driver.abort();
    driver.crash();
    driver.push(of("d", "goodbye"));
    driver.finish();
    // The first one is sent again and is still the first.
    assert_eq!(reasons(&driver), ["conflicting-duplicate"]);
    assert!(driver.record("cx.activities", "c/m").is_some());
}

#[test]
fn one_id_in_a_conversation_and_in_an_activity_on_its_own_is_a_conflict_too() {
    let data = json!({"id": "n", "body": {"type": "NOTE", "text": "call back"}});
    let note = EventFactory::homeless().event("e", "AGENT_MESSAGE", 1, data).to_string();
    let driver = fold(driver(), &[note, of("c", "hello")]);
    assert_eq!(reasons(&driver), ["conflicting-duplicate"]);
    assert!(driver.record("cx.activities", "n").is_some());
}

#[test]
fn one_id_in_two_partitions_is_two_events_and_counted_where_one_partition_saw_both() {
    let name = |partition| {
        let mut names = (0..).map(|n| format!("c{n}"));
        names.find(|name| engine::partition_of(name.as_bytes(), 2) == partition).unwrap()
    };
    let (here, there) = (name(0), name(1));
    // Records are pushed to the partitions in turn: both of these are in the first.
    let driver = fold(
        driver_of(2),
        &[of(&here, "hello"), of("other", "x").replace("\"e\"", "\"f\""), of(&there, "bye")],
    );
    assert_eq!(reasons(&driver), Vec::<&str>::new());
    for conversation in [&here, &there] {
        assert!(driver.record("cx.activities", &format!("{conversation}/m")).is_some());
        assert!(driver.record("cx.audit", &format!("{conversation}/e")).is_some(), "neither hides the other");
    }
    assert_eq!(driver.noticed(Notice::EventIdConflict), 1);
}

#[test]
fn what_comes_for_an_erased_conversation_is_refused_as_erased_also_where_its_id_is_anothers() {
    let mut driver = driver();
    driver.push(of("c", "hello"));
    driver.finish();
    driver.push_erasure(json!({"conversationId": "d"}).to_string());
    driver.push(of("d", "goodbye"));
    driver.finish();
    assert_eq!(reasons(&driver), ["erased"]);
    assert_eq!(driver.letters()[0].value, None, "no consumer may read its text");
}

#[test]
fn what_waits_for_its_session_is_compared_too() {
    let note = |text: &str| {
        let data =
            json!({"id": "m", "header": {"channelSessionId": "s"}, "body": {"type": "PLAIN", "text": text}});
        EventFactory::homeless().event("e", "AGENT_MESSAGE", 1, data).to_string()
    };
    let mut pair = c().event("p", "ANYTHING", 2, json!({}));
    pair["channelSession"] = json!({"id": "s"});
    let waiting = fold(driver_of(2), &[note("a"), note("a"), note("b")]);
    assert_eq!(reasons(&waiting), ["conflicting-duplicate"]);
    let found = fold(driver_of(2), &[note("a"), pair.to_string(), note("a"), note("b")]);
    assert_eq!(reasons(&found), ["conflicting-duplicate"]);
    assert_eq!(found.record("cx.activities", "c/m").unwrap()["body"]["text"], "a");
}

#[test]
fn an_event_of_a_note_on_its_own_counts_once_too() {
    let note = |text: &str| {
        let data = json!({"id": "n", "body": {"type": "NOTE", "text": text}});
        EventFactory::homeless().event("e", "THIRD_PARTY_ACTIVITY", 1, data).to_string()
    };
    let driver = fold(driver_of(2), &[note("a"), note("a"), note("b")]);
    assert_eq!(reasons(&driver), ["conflicting-duplicate"]);
    assert_eq!(driver.record("cx.activities", "n").unwrap()["revision"], 1);
}

/// More ids than one page holds, and than the pages below the first one hold.
const MANY: i64 = 1_500;

fn many(of: &EventFactory, first_second: i64) -> Vec<String> {
    let id = |number: i64| match number % 3 {
        0 => format!("{number:08x}-0964-47dd-ae99-17b2b621320b"),
        1 => format!("{number:024x}"),
        _ => format!("event {number}"),
    };
    let fact = |number| of.event(&id(number), "ANYTHING", first_second + number, json!({}));
    (0..MANY).map(|number| fact(number).to_string()).collect()
}

#[test]
fn each_of_very_many_events_of_a_conversation_is_known_by_its_id_whatever_that_looks_like() {
    let mut driver = driver_of_activities();
    let push = |driver: &mut Driver, events: &[String]| {
        for some in events.chunks(97) {
            some.iter().for_each(|event| driver.push(event.as_str()));
            while driver.step() {}
            driver.commit();
            driver.crash();
        }
    };
    push(&mut driver, &many(&c(), 0));
    let (records, most) = ids(&driver);
    assert!(records < usize::try_from(MANY).unwrap() / 4, "{records} records hold the ids");
    assert!(most < 1_200, "one of them has {most} bytes");
    push(&mut driver, &many(&c(), 0));
    push(&mut driver, &many(&c(), 1));
    driver.finish();
    let many = u64::try_from(MANY).unwrap();
    assert_eq!(driver.events(EventClass::Fact), many);
    assert_eq!(driver.events(EventClass::Duplicate), many);
    assert_eq!(reasons(&driver), vec!["conflicting-duplicate"; usize::try_from(MANY).unwrap()]);
}

/// Number of changelog records with event ids, and the size of the largest one in bytes.
fn ids(driver: &Driver) -> (usize, usize) {
    let pages = driver.changelog().filter(|(key, _)| matches!(key, [b'g', b'e' | b'l', ..]));
    pages.fold((0, 0), |(count, most), (_, value)| (count + 1, most.max(value.len())))
}

#[test]
fn of_very_many_events_of_an_erased_conversation_none_leaves_its_trace() {
    let mut driver = driver_of(4);
    let audit = |driver: &Driver| driver.finals().keys().filter(|(topic, _)| topic == "cx.audit").count();
    many(&c(), 0).into_iter().for_each(|event| driver.push(event));
    driver.finish();
    assert_eq!(audit(&driver), usize::try_from(MANY).unwrap());
    driver.push_erasure(
        model::ErasureRequest { conversation_id: Some("c".to_owned()), customer_id: None }.write(),
    );
    driver.finish();
    assert_eq!(audit(&driver), 0);
    assert_eq!(ids(&driver).0, 1, "only the marker is left");
}

/// A driver of all processors with this limit for the events of a conversation.
fn driver_of_most(most: u64) -> Driver {
    let limits = folds::Limits { conversation_events: most, ..folds::Limits::default() };
    Driver::new(testkit::topology_with(&folds::Settings { limits, ..folds::Settings::default() }))
}

#[test]
fn a_conversation_has_so_many_events_at_most_and_what_comes_then_is_a_dead_letter() {
    // In the first page, after it, and where counting begins only deep in the pages.
    for most in [1, 3, 60, 75, 500, 1_400] {
        let mut driver = driver_of_most(most);
        let event = |n: u64| {
            c().event(&format!("event number {n}"), "ANYTHING", i64::try_from(n).unwrap(), json!({}))
        };
        for n in 0..most + 3 {
            driver.push(event(n).to_string());
            if n % 7 == 0 {
                driver.step();
                driver.commit();
            }
            if n % 400 == 0 {
                driver.crash();
            }
        }
        // An event that is already there is a duplicate, even in a full conversation.
        driver.push(event(0).to_string());
        driver.finish();
        assert_eq!(reasons(&driver), ["conversation-full"; 3], "{most}");
        assert_eq!(driver.record("cx.conversations", "c").unwrap()["revision"], most);
        assert_eq!(driver.events(EventClass::Duplicate), 1);
        assert!(driver.letters()[0].value.is_some());
        let other = EventFactory::new("d").event("of another", "ANYTHING", 1, json!({}));
        driver.push(other.to_string());
        driver.finish();
        assert_eq!(driver.letters().len(), 3, "another conversation has room of its own");
    }
}
