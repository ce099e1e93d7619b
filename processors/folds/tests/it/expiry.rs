// SPDX-License-Identifier: Apache-2.0

//! Tests of waiting, closing and forgetting (contract section 9), by stream time.

use std::collections::BTreeMap;

use crate::common::{driver, driver_of};
use engine::Budget;
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

const T0: i64 = 1_750_000_000_000;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn c() -> EventFactory {
    EventFactory::new("c")
}

/// A driver in which state expires.
fn live() -> Driver {
    driver().with_expiry()
}

/// Takes an event at its time, `second` seconds after the start, and commits.
fn take(driver: &mut Driver, event: &Value) {
    let at = event["timestamp"].as_i64().unwrap();
    driver.set_clock(at);
    driver.push(event.to_string());
    driver.finish();
}

/// Advances time with two events of another conversation in each partition, since state expires at a commit.
fn tick(driver: &mut Driver, second: i64, partitions: i32) {
    for round in 0..2 {
        for n in 0..partitions * 6 {
            let factory = EventFactory::new(&format!("clock {n}"));
            let id = format!("tick {second} {round} {n}");
            driver.set_clock(T0 + (second + i64::from(round)) * 1000);
            driver.push(factory.event(&id, "ANYTHING", second + i64::from(round), json!({})).to_string());
        }
        driver.finish();
    }
}

fn reasons(driver: &Driver) -> Vec<&str> {
    driver.letters().iter().map(|letter| letter.reason.as_str()).collect()
}

fn finality(driver: &Driver) -> &str {
    driver.record("cx.conversations", "c").unwrap()["finality"].as_str().unwrap()
}

/// All records of the conversation.
fn of_conversation(driver: &Driver) -> BTreeMap<(String, String), Value> {
    let mut records = driver.finals().clone();
    records.retain(|(topic, key), _| topic != "cx.audit" && (key == "c" || key.starts_with("c/")));
    records
}

#[test]
fn a_relation_waits_for_a_day_and_then_becomes_a_dead_letter_as_it_came() {
    let mut driver = live();
    let reaction = c().reaction("r", 0, "m", "CUSTOMER:cus", "👍", "ADD");
    take(&mut driver, &reaction);
    tick(&mut driver, 23 * HOUR, 1);
    assert_eq!(reasons(&driver), Vec::<&str>::new());
    tick(&mut driver, 25 * HOUR, 1);
    assert_eq!(reasons(&driver), ["target-not-found"]);
    let letter = &driver.letters()[0];
    assert_eq!(letter.value.as_deref(), Some(reaction.to_string().as_bytes()));
    let header =
        |name: &str| letter.headers.iter().find(|(key, _)| key == name).and_then(|(_, v)| v.clone()).unwrap();
    assert_eq!(header("cx.error.topic"), b"cx.events");
    assert_eq!(header("cx.error.offset"), b"0");
    assert_eq!(header("cx.error.processor"), b"activities");

    // The event has no effect any more; sent again, it counts as new.
    take(&mut driver, &c().message("e", "AGENT_MESSAGE", 26 * HOUR, "m", "AGENT:ann", "hi"));
    assert_eq!(driver.record("cx.activities", "c/m").unwrap()["revision"], 1);
    assert_eq!(driver.record("cx.timelines", "c/r"), None);
    take(&mut driver, &reaction);
    assert_eq!(driver.record("cx.activities", "c/m").unwrap()["revision"], 2);
    assert!(driver.record("cx.timelines", "c/r").is_some());
    assert_eq!(driver.violations(), Vec::<&str>::new());
}

#[test]
fn what_is_old_when_it_comes_has_the_whole_time() {
    let mut driver = live();
    tick(&mut driver, 100 * DAY, 1);
    take(&mut driver, &c().reaction("r", 0, "m", "CUSTOMER:cus", "👍", "ADD"));
    tick(&mut driver, 100 * DAY + 23 * HOUR, 1);
    assert_eq!(reasons(&driver), Vec::<&str>::new());
    take(&mut driver, &c().message("e", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "hi"));
    tick(&mut driver, 102 * DAY, 1);
    assert_eq!(reasons(&driver), Vec::<&str>::new(), "its target came in time");
    assert_eq!(driver.record("cx.activities", "c/m").unwrap()["reactions"][0]["value"], "👍");
}

#[test]
fn a_reply_is_never_dead_lettered_for_its_target() {
    let mut driver = live();
    take(&mut driver, &c().reply("r", 0, "m2", "CUSTOMER:cus", "nowhere"));
    tick(&mut driver, 3 * DAY, 1);
    assert_eq!(reasons(&driver), Vec::<&str>::new());
    assert_eq!(driver.record("cx.activities", "c/m2").unwrap()["inReplyTo"], "nowhere");
}

#[test]
fn an_event_that_names_only_its_session_waits_for_a_day_too() {
    for partitions in [1, 3] {
        let mut driver = driver_of(partitions).with_expiry();
        let of_session = |factory: EventFactory, id: &str, second| {
            let mut event = factory.event(id, "ANYTHING", second, json!({}));
            event["channelSession"] = json!({"id": "s"});
            event
        };
        let lost = of_session(EventFactory::homeless(), "lost", 0);
        take(&mut driver, &lost);
        tick(&mut driver, 25 * HOUR, partitions);
        assert_eq!(reasons(&driver), ["unresolved-session"]);
        assert_eq!(driver.letters()[0].value.as_deref(), Some(lost.to_string().as_bytes()));
        take(&mut driver, &of_session(EventFactory::homeless(), "found", 26 * HOUR));
        take(&mut driver, &of_session(c(), "pair", 27 * HOUR));
        tick(&mut driver, 60 * HOUR, partitions);
        assert_eq!(driver.letters().len(), 1);
        assert_eq!(driver.record("cx.conversations", "c").unwrap()["revision"], 2);
    }
}

/// A conversation with every kind of state: a message with a suggestion, its reply, a session, a stay.
fn chat(driver: &mut Driver) {
    let mut started = c().event("e1", "CHANNEL_SESSION_STARTED", 0, json!({}));
    started["channelSession"] = json!({"id": "s", "channel": {"channelType": {"name": "WEB"}}});
    take(driver, &started);
    take(driver, &c().message("e2", "CUSTOMER_MESSAGE", 1, "m1", "CUSTOMER:cus", "help"));
    let suggestion = json!({"requestedMessage": {"id": "m1"}, "suggestions": [{"messageBody": {"n": 1}}]});
    take(driver, &c().event("e3", "BOT_SUGGESTION", 2, suggestion));
    take(driver, &c().message("e4", "BOT_MESSAGE", 3, "m2", "BOT:bo", "yes"));
    take(driver, &c().event("e5", "CONVERSATION_CLOSED", 10, json!({})));
}

#[test]
fn a_conversation_is_forgotten_a_day_after_its_close_and_then_its_summary_is_final() {
    let mut driver = live();
    tick(&mut driver, -10, 1);
    let empty = driver.changelog_len();
    chat(&mut driver);
    assert_eq!(finality(&driver), "PROVISIONAL");
    tick(&mut driver, 23 * HOUR, 1);
    assert_eq!(finality(&driver), "PROVISIONAL");
    tick(&mut driver, 25 * HOUR, 1);
    assert_eq!(finality(&driver), "FINAL");
    let before = of_conversation(&driver);
    assert_eq!(before.len(), 1 + 5 + 2 + 1, "summary, entries, activities, training: all stay");
    let ticks = 6 * 2 * 3;
    let left = driver.changelog_len() - empty;
    assert!(left < 6 * ticks, "{left} keys are left");
    assert!(!driver.changelog_holds("help"));

    take(&mut driver, &c().message("late", "CUSTOMER_MESSAGE", 5, "m3", "CUSTOMER:cus", "still there?"));
    assert_eq!(reasons(&driver), ["conversation-expired"]);
    assert_eq!(of_conversation(&driver), before, "nothing is overwritten");
    let mut of_session = EventFactory::homeless().event("later", "ANYTHING", 6, json!({}));
    of_session["channelSession"] = json!({"id": "s"});
    take(&mut driver, &of_session);
    assert_eq!(reasons(&driver), ["conversation-expired"; 2], "by its session too");

    tick(&mut driver, 40 * DAY, 1);
    take(&mut driver, &c().event("new", "ANYTHING", 40 * DAY, json!({})));
    assert_eq!(driver.record("cx.conversations", "c").unwrap()["revision"], 1, "as if it had never been");
}

#[test]
fn an_open_conversation_is_forgotten_a_week_after_its_last_event() {
    let mut driver = live();
    take(&mut driver, &c().event("e1", "ANYTHING", 0, json!({})));
    tick(&mut driver, 5 * DAY, 1);
    take(&mut driver, &c().event("e2", "ANYTHING", 5 * DAY, json!({})));
    tick(&mut driver, 8 * DAY, 1);
    assert_eq!(finality(&driver), "OPEN", "its last event was three days ago");
    tick(&mut driver, 13 * DAY, 1);
    assert_eq!(finality(&driver), "FINAL");
    assert_eq!(driver.record("cx.conversations", "c").unwrap()["state"], "OPEN");
}

#[test]
fn a_conversation_that_was_opened_again_lives_on() {
    let mut driver = live();
    chat(&mut driver);
    take(&mut driver, &c().event("e6", "CONVERSATION_STARTED", 20 * HOUR, json!({})));
    tick(&mut driver, 3 * DAY, 1);
    assert_eq!(finality(&driver), "OPEN");
    take(&mut driver, &c().event("e7", "TOPIC_STATE_CHANGED", 4 * DAY, json!({"state": {"name": "CLOSED"}})));
    tick(&mut driver, 4 * DAY + 23 * HOUR, 1);
    assert_eq!(finality(&driver), "PROVISIONAL");
    tick(&mut driver, 5 * DAY + HOUR, 1);
    assert_eq!(finality(&driver), "FINAL");
}

#[test]
fn what_waits_in_a_conversation_that_is_forgotten_is_not_lost() {
    let mut driver = live();
    chat(&mut driver);
    take(&mut driver, &c().reaction("r", 20 * HOUR, "nowhere", "CUSTOMER:cus", "👍", "ADD"));
    tick(&mut driver, 25 * HOUR, 1);
    assert_eq!(reasons(&driver), ["target-not-found"]);
    tick(&mut driver, 60 * HOUR, 1);
    assert_eq!(driver.letters().len(), 1, "once");
}

#[test]
fn a_note_on_its_own_is_forgotten_too() {
    let mut driver = live();
    let note = EventFactory::homeless().event(
        "e",
        "THIRD_PARTY_ACTIVITY",
        0,
        json!({"id": "n", "body": {"type": "NOTE", "x": "some text"}}),
    );
    take(&mut driver, &note);
    tick(&mut driver, 8 * DAY, 1);
    assert!(!driver.changelog_holds("some text"));
    take(&mut driver, &EventFactory::homeless().edit("d", 1, "n", "SYSTEM:sys", "other"));
    assert_eq!(reasons(&driver), ["conversation-expired"]);
    assert_eq!(driver.record("cx.activities", "n").unwrap()["body"]["x"], "some text");
}

#[test]
fn one_event_of_the_year_2099_expires_nothing() {
    let mut driver = live();
    chat(&mut driver);
    let wrong_clock =
        EventFactory::new("clock").event("e", "ANYTHING", (4_070_908_800_000 - T0) / 1000, json!({}));
    driver.set_clock(T0 + 20_000);
    driver.push(wrong_clock.to_string());
    driver.finish();
    tick(&mut driver, HOUR, 1);
    assert_eq!(finality(&driver), "PROVISIONAL");
}

#[test]
fn nothing_expires_while_a_task_catches_up() {
    let mut driver = driver();
    chat(&mut driver);
    tick(&mut driver, 100 * DAY, 1);
    assert_eq!(finality(&driver), "PROVISIONAL");
    let mut driver = driver.with_expiry();
    tick(&mut driver, 100 * DAY + 10, 1);
    assert_eq!(finality(&driver), "FINAL");
}

#[test]
fn state_stays_flat_while_conversations_come_and_go() {
    let mut driver = driver_of(2).with_expiry();
    let mut sizes = Vec::new();
    for day in 0..120 {
        for n in 0..20 {
            let second = day * DAY + n * 1000;
            let factory = EventFactory::new(&format!("conversation {day} {n}"));
            let id = |what: &str| format!("{what} {day} {n}");
            let mut message =
                factory.message(&id("e1"), "CUSTOMER_MESSAGE", second, &id("m"), "CUSTOMER:cus", "hello");
            message["channelSession"] = json!({"id": id("s")});
            let waiting =
                factory.reaction(&id("e2"), second + 1, &id("nowhere"), "CUSTOMER:cus", "👍", "ADD");
            for event in
                [message, waiting, factory.event(&id("e3"), "CONVERSATION_CLOSED", second + 2, json!({}))]
            {
                take(&mut driver, &event);
            }
        }
        sizes.push(driver.changelog_len());
    }
    // After windows (90 days) and the knowledge of what was forgotten (30 days) have begun to go.
    let (early, late) = (sizes[100], sizes[119]);
    assert!(late <= early + early / 20, "{early} keys on day 100, {late} on day 119");
}

/// Many conversations of so many events each, all closed at the same time.
fn close_many(driver: &mut Driver, conversations: i64, events: i64) {
    driver.set_clock(T0);
    for n in 0..conversations {
        let factory = EventFactory::new(&format!("closed {n}"));
        for e in 0..events {
            let id = format!("e{e} of {n}");
            driver.push(
                factory
                    .message(&id, "CUSTOMER_MESSAGE", e, &format!("m {id}"), "CUSTOMER:cus", "hello")
                    .to_string(),
            );
        }
        driver
            .push(factory.event(&format!("z of {n}"), "CONVERSATION_CLOSED", events, json!({})).to_string());
        if n % 20 == 0 {
            driver.finish();
        }
    }
    driver.finish();
}

#[test]
fn many_conversations_that_close_together_are_forgotten_in_slices_though_nothing_comes_any_more() {
    let mut driver = live().with_budget(Budget::new(500, 1 << 20));
    close_many(&mut driver, 200, 20);
    let before = driver.changelog_len();
    driver.reset_largest();
    driver.set_clock(T0 + 25 * HOUR * 1000);
    driver.push(EventFactory::new("clock").event("tick", "ANYTHING", 25 * HOUR, json!({})).to_string());
    driver.finish();
    assert!(driver.largest_commit() <= 564, "{} records", driver.largest_commit());
    for n in 0..200 {
        let summary = driver.record("cx.conversations", &format!("closed {n}")).unwrap();
        assert_eq!(
            (&summary["finality"], &summary["counts"]["customerMessages"]),
            (&json!("FINAL"), &json!(20))
        );
    }
    // What is left of each: that there was one, and when it goes.
    assert!(driver.changelog_len() < before / 10, "{} keys of {before}", driver.changelog_len());
    assert!(!driver.changelog_holds("hello"));
}

#[test]
fn one_long_conversation_is_forgotten_in_slices_and_none_of_them_shows_a_half_empty_one() {
    let mut driver = live().with_budget(Budget::new(100, 1 << 20));
    close_many(&mut driver, 1, 1_000);
    let before = of_closed(&driver);
    driver.reset_largest();
    driver.set_clock(T0 + 25 * HOUR * 1000);
    driver.push(EventFactory::new("clock").event("tick", "ANYTHING", 25 * HOUR, json!({})).to_string());
    while driver.step() {}
    let mut commits = 0;
    while commits == 0 || driver.has_more() {
        driver.go_on();
        driver.commit();
        commits += 1;
        // What comes meanwhile finds nothing to be added to.
        let late = EventFactory::new("closed 0").event(&format!("late {commits}"), "ANYTHING", 5, json!({}));
        driver.push(late.to_string());
        while driver.step() {}
        let mut records = of_closed(&driver);
        let summary = records.get_mut(&("cx.conversations".to_owned(), "closed 0".to_owned())).unwrap();
        summary["finality"] = json!("PROVISIONAL");
        assert_eq!(records, before, "after {commits} commits");
    }
    driver.finish();
    assert!(
        commits > 20 && driver.largest_commit() <= 164,
        "{commits} commits, {} records",
        driver.largest_commit()
    );
    assert!(!driver.changelog_holds("hello"));
    assert!(
        reasons(&driver).len() >= commits
            && reasons(&driver).iter().all(|reason| *reason == "conversation-expired")
    );
}

/// All records of the conversations that were closed.
fn of_closed(driver: &Driver) -> BTreeMap<(String, String), Value> {
    let mut records = driver.finals().clone();
    records.retain(|(topic, key), _| topic != "cx.audit" && key.starts_with("closed 0"));
    records
}

#[test]
fn what_is_left_to_be_forgotten_goes_on_after_a_restart_though_nothing_comes() {
    let mut driver = live().with_budget(Budget::new(100, 1 << 20));
    close_many(&mut driver, 20, 20);
    driver.set_clock(T0 + 25 * HOUR * 1000);
    driver.push(EventFactory::new("clock").event("tick", "ANYTHING", 25 * HOUR, json!({})).to_string());
    while driver.step() {}
    driver.commit();
    driver.crash();
    assert!(driver.has_more() && driver.changelog_holds("hello"));
    driver.finish();
    assert!(!driver.changelog_holds("hello"));
}

#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    Commit,
    Abort,
    Crash,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn aborts_and_crashes_change_nothing_of_what_expires(
        failures in prop::collection::vec(
            prop_oneof![Just(Between::Nothing), Just(Between::Commit), Just(Between::Abort), Just(Between::Crash)],
            200,
        ),
        partitions in 1..4,
        budget in 1_usize..60,
    ) {
        let mut straight = driver_of(partitions).with_expiry();
        let mut troubled = driver_of(partitions).with_expiry().with_budget(Budget::new(budget, 1 << 14));
        let mut failures = failures.into_iter();
        let mut events: Vec<Value> = vec![
            c().reaction("r", 1, "nowhere", "CUSTOMER:cus", "👍", "ADD"),
            c().message("m", "CUSTOMER_MESSAGE", 2, "m1", "CUSTOMER:cus", "help"),
            c().event("z", "CONVERSATION_CLOSED", 3, json!({})),
        ];
        let hours = (1..60).flat_map(|hour| (0..6).map(move |n| (hour, n)));
        events.extend(hours.map(|(hour, n)| {
            EventFactory::new(&format!("clock {n}")).event(&format!("tick {hour} {n}"), "ANYTHING", hour * HOUR, json!({}))
        }));
        events.push(c().event("late", "ANYTHING", 5, json!({})));
        for (number, event) in events.iter().enumerate() {
            take(&mut straight, event);
            troubled.set_clock(event["timestamp"].as_i64().unwrap());
            troubled.push(event.to_string());
            troubled.step();
            match failures.next() {
                Some(Between::Commit) => troubled.commit(),
                Some(Between::Abort) => troubled.abort(),
                Some(Between::Crash) => troubled.crash(),
                Some(Between::Nothing) | None => {}
            }
            // Things expire at commits; those come at the latest after a fraction of a second.
            if number % 6 == 5 {
                troubled.finish();
            }
        }
        troubled.finish();
        let mut letters: Vec<_> = troubled.letters().to_vec();
        letters.sort();
        let mut expected: Vec<_> = straight.letters().to_vec();
        expected.sort();
        let plain = |letters: &[testkit::Letter]| -> Vec<(String, Option<Vec<u8>>)> {
            letters.iter().map(|letter| (letter.reason.clone(), letter.value.clone())).collect()
        };
        prop_assert_eq!(plain(&letters), plain(&expected));
        prop_assert_eq!(of_conversation(&troubled), of_conversation(&straight));
    }
}
