//! The right to be forgotten (contract section 9).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

mod common;

use std::collections::BTreeMap;

use common::generated::events;
use common::{driver, driver_of};
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

const OF_C: &str = r#"{"conversationId":"c"}"#;
const OF_CUSTOMER: &str = r#"{"customerId":"cus-1"}"#;
const DAY: i64 = 24 * 3600;
const T0: i64 = 1_750_000_000_000;

type Finals = BTreeMap<(String, String), Value>;

fn c() -> EventFactory {
    EventFactory::new("c")
}

/// An event of a channel session of this customer.
fn of_customer(mut event: Value, customer: &str, session: &str) -> Value {
    event["channelSession"] = json!({"id": session, "customer": {"_id": customer}});
    event
}

fn message(factory: &EventFactory, id: &str, second: i64, text: &str) -> Value {
    factory.message(id, "CUSTOMER_MESSAGE", second, &format!("m {id}"), "CUSTOMER:cus", text)
}

fn push_all(driver: &mut Driver, events: &[Value]) {
    events.iter().for_each(|event| driver.push(event.to_string()));
    driver.finish();
}

fn erase(driver: &mut Driver, request: &str) {
    driver.push_erasure(request);
    driver.finish();
}

/// What any consumer can see, but for the figures of windows, which name nobody.
fn visible(driver: &Driver) -> String {
    let records = driver.finals().iter().filter(|((topic, _), _)| topic != "cx.metrics");
    let letters = driver.letters().iter();
    let letters = letters.map(|letter| String::from_utf8_lossy(letter.value.as_deref().unwrap_or_default()));
    let records = records.map(|((topic, key), value)| format!("{topic} {key} {value}").into());
    records.chain(letters).collect::<Vec<_>>().join("\n")
}

fn reasons(driver: &Driver) -> Vec<&str> {
    driver.letters().iter().map(|letter| letter.reason.as_str()).collect()
}

/// The final records without those of conversation `c`; windows stay as they are.
fn without_c(finals: &Finals) -> Finals {
    let mut rest = finals.clone();
    rest.retain(|(topic, _), record| topic == "cx.metrics" || record["conversationId"] != "c");
    rest
}

/// A window's revision says how its changes came (contract section 6).
fn without_revisions(mut finals: Finals) -> Finals {
    for window in finals.iter_mut().filter(|((topic, _), _)| topic == "cx.metrics").map(|(_, window)| window)
    {
        window.as_object_mut().unwrap().remove("revision");
    }
    finals
}

#[test]
fn an_erased_conversation_leaves_no_record_and_no_text_in_the_state() {
    let mut driver = driver_of(3);
    let suggestion = json!({"requestedMessage": {"id": "m e1"}, "suggestions": [{"messageBody": "secret"}]});
    push_all(
        &mut driver,
        &[
            message(&c(), "e1", 0, "secret"),
            c().event("e2", "BOT_SUGGESTION", 1, suggestion),
            c().edit("e3", 2, "unknown", "CUSTOMER:cus", "secret"),
            message(&EventFactory::new("d"), "e4", 3, "harmless"),
        ],
    );
    assert!(visible(&driver).contains("secret") && driver.changelog_holds("secret"));
    let before = without_revisions(driver.finals().clone());
    erase(&mut driver, OF_C);
    assert_eq!(without_revisions(driver.finals().clone()), without_c(&before));
    assert!(!visible(&driver).contains("secret"), "{}", visible(&driver));
    assert!(!driver.changelog_holds("secret"));
    assert_eq!(reasons(&driver), Vec::<&str>::new(), "what waited is gone too");
}

#[test]
fn what_comes_later_is_dead_lettered_without_its_value() {
    let mut driver = driver_of(3);
    push_all(&mut driver, &[message(&c(), "e1", 0, "secret")]);
    erase(&mut driver, OF_C);
    push_all(&mut driver, &[message(&c(), "e1", 0, "secret"), message(&c(), "e2", 1, "secret")]);
    assert_eq!(reasons(&driver), ["erased", "erased"]);
    assert!(driver.letters().iter().all(|letter| letter.value.is_none()));
    assert!(!visible(&driver).contains("secret") && !driver.changelog_holds("secret"));
}

#[test]
fn a_request_that_comes_before_its_conversation_holds_too() {
    let mut driver = driver();
    erase(&mut driver, OF_C);
    push_all(&mut driver, &[message(&c(), "e1", 0, "secret")]);
    assert_eq!((driver.finals().len(), reasons(&driver)), (0, vec!["erased"]));
}

#[test]
fn a_later_event_that_names_only_the_session_is_not_kept_waiting() {
    let mut driver = driver_of(4);
    push_all(&mut driver, &[of_customer(message(&c(), "e1", 0, "secret"), "cus-1", "s")]);
    erase(&mut driver, OF_C);
    let late = of_customer(message(&EventFactory::homeless(), "e2", 1, "secret"), "cus-1", "s");
    push_all(&mut driver, &[late]);
    assert_eq!(reasons(&driver), ["erased"]);
    assert!(!driver.changelog_holds("secret"));
}

#[test]
fn all_conversations_of_a_customer_are_erased_wherever_they_lie() {
    let mut driver = driver_of(4);
    let conversations: Vec<String> = (0..12).map(|n| format!("conversation {n}")).collect();
    for (n, id) in (0_i64..).zip(&conversations) {
        let customer = if n % 3 == 0 { "cus-2" } else { "cus-1" };
        let event = message(&EventFactory::new(id), &format!("e{n}"), n, &format!("text of {customer}"));
        driver.push(of_customer(event, customer, &format!("s{n}")).to_string());
    }
    driver.finish();
    erase(&mut driver, OF_CUSTOMER);
    let visible = visible(&driver);
    assert!(!visible.contains("cus-1") && !driver.changelog_holds("text of cus-1"), "{visible}");
    assert_eq!(visible.matches("text of cus-2").count(), 4, "others are untouched");
}

#[test]
fn a_new_conversation_of_an_erased_customer_is_folded() {
    let mut driver = driver();
    push_all(&mut driver, &[of_customer(message(&c(), "e1", 0, "words of before"), "cus-1", "s1")]);
    erase(&mut driver, OF_CUSTOMER);
    push_all(
        &mut driver,
        &[of_customer(message(&EventFactory::new("d"), "e2", 9, "words of today"), "cus-1", "s2")],
    );
    assert!(visible(&driver).contains("words of today") && !visible(&driver).contains("words of before"));
    assert!(driver.letters().is_empty());
}

#[test]
fn a_conversation_that_was_forgotten_can_still_be_erased() {
    let mut driver = driver().with_expiry();
    push_all(&mut driver, &[message(&c(), "e1", 0, "secret")]);
    for second in [8 * DAY, 8 * DAY + 1] {
        driver.set_clock(T0 + second * 1000);
        push_all(&mut driver, &[message(&EventFactory::new("d"), &format!("tick {second}"), second, "")]);
    }
    assert_eq!(driver.record("cx.conversations", "c").unwrap()["finality"], "FINAL");
    erase(&mut driver, OF_C);
    assert_eq!(driver.record("cx.conversations", "c"), None);
    push_all(&mut driver, &[message(&c(), "e2", 8 * DAY, "secret")]);
    assert_eq!(reasons(&driver), ["erased"], "not conversation-expired, which keeps the value");
}

#[test]
fn what_waits_is_erased_even_if_it_was_about_to_become_a_dead_letter() {
    let mut driver = driver().with_expiry();
    push_all(&mut driver, &[c().edit("e1", 0, "unknown", "CUSTOMER:cus", "secret")]);
    driver.set_clock(T0 + 2 * DAY * 1000);
    driver.push(message(&EventFactory::new("d"), "tick", 2 * DAY, "").to_string());
    erase(&mut driver, OF_C);
    push_all(&mut driver, &[message(&EventFactory::new("d"), "tock", 2 * DAY, "")]);
    assert_eq!(reasons(&driver), Vec::<&str>::new());
    assert!(!driver.changelog_holds("secret"));
}

#[test]
fn a_request_that_asks_for_nothing_becomes_a_dead_letter() {
    let mut driver = driver();
    push_all(&mut driver, &[message(&c(), "e1", 0, "kept")]);
    erase(&mut driver, r#"{"conversation":"c"}"#);
    assert_eq!(reasons(&driver), ["malformed"]);
    assert!(visible(&driver).contains("kept"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_erasure_takes_exactly_its_conversation_whatever_fails_meanwhile(
        events in events(),
        failures in prop::collection::vec(0..4_u8, 40),
        partitions in 1..4,
    ) {
        let mut driver = driver_of(partitions);
        for event in &events {
            driver.push(event.as_str());
        }
        driver.finish();
        let before = without_revisions(driver.finals().clone());
        driver.push_erasure(OF_C);
        // Repetitions, some of them before the request comes through, some after.
        for event in &events {
            driver.push(event.as_str());
        }
        for failure in failures {
            match failure {
                0 => { driver.step(); }
                1 => driver.commit(),
                2 => driver.abort(),
                _ => driver.crash(),
            }
        }
        driver.finish();
        prop_assert_eq!(without_revisions(driver.finals().clone()), without_c(&before));
        for event in events.iter().filter(|event| event.contains(r#""conversationId":"c""#)) {
            let id = serde_json::from_str::<Value>(event).unwrap()["id"].as_str().unwrap().to_owned();
            prop_assert!(!driver.changelog_holds(&format!("text of {id}")), "{} is in the state", id);
        }
        for letter in driver.letters() {
            prop_assert_eq!((letter.reason.as_str(), &letter.value), ("erased", &None));
        }
    }
}
