// SPDX-License-Identifier: Apache-2.0

//! Tests of the right to be forgotten (contract section 9).

use crate::common::generated::events;
use crate::common::listed::{Finals, without_conversation};
use crate::common::{driver, driver_of};
use engine::Budget;
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

const OF_C: &str = r#"{"conversationId":"c"}"#;
const OF_CUSTOMER: &str = r#"{"customerId":"cus-1"}"#;
const DAY: i64 = 24 * 3600;
const T0: i64 = 1_750_000_000_000;

fn c() -> EventFactory {
    EventFactory::new("c")
}

/// An event in a channel session of this customer.
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

/// All data visible to consumers, except the figures of windows, which name no person.
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

/// The final records without those of conversation `c`; windows stay unchanged.
fn without_c(finals: &Finals) -> Finals {
    without_conversation(finals, "c")
}

/// The final records without the revision of windows, which depends on the order of changes (contract section 6).
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
    driver.set_clock(T0 + 9_000);
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

#[test]
fn what_waits_for_its_session_is_erased_with_its_customer_and_never_published() {
    let homeless = || message(&EventFactory::homeless(), "e1", 0, "secret");
    for waiting in [
        of_customer(homeless(), "cus-1", "s"),
        // By its actor alone.
        {
            let mut event = homeless();
            event["channelSession"] = json!({"id": "s"});
            event["data"]["header"]["sender"] = json!({"id": "cus-1", "type": "CUSTOMER"});
            event
        },
        // By the customer id in its channel.
        {
            let mut event = homeless();
            event["channelSession"] = json!({"id": "s"});
            event["data"]["header"]["sender"] = json!({"id": "web", "type": "CONNECTOR"});
            event["data"]["header"]["channelData"] = json!({"channelCustomerIdentifier": "cus-1"});
            event
        },
    ] {
        let mut driver = driver_of(4);
        push_all(&mut driver, std::slice::from_ref(&waiting));
        assert!(driver.changelog_holds("secret"));
        erase(&mut driver, OF_CUSTOMER);
        assert!(!driver.changelog_holds("secret"), "it waits on");
        assert_eq!(driver.record("cx.audit", "e1"), None);
        let mut pair = c().event("e2", "ANYTHING", 1, json!({}));
        pair["channelSession"] = json!({"id": "s"});
        push_all(&mut driver, &[pair, waiting.clone()]);
        assert!(!visible(&driver).contains("secret"), "{}", visible(&driver));
        assert_eq!(driver.record("cx.conversations", "c"), None, "it has an event of his");
        assert!(driver.letters().iter().all(|letter| letter.reason == "erased" && letter.value.is_none()));
    }
}

#[test]
fn what_is_a_customers_by_its_actor_alone_is_erased() {
    let mut driver = driver();
    let by_sender = c().message("e1", "CUSTOMER_MESSAGE", 0, "m1", "CUSTOMER:cus-1", "secret");
    let mut by_channel = message(&EventFactory::new("d"), "e2", 0, "secret");
    by_channel["data"]["header"]["sender"] = json!({"id": "web", "type": "CONNECTOR"});
    by_channel["data"]["header"]["channelData"] = json!({"channelCustomerIdentifier": "cus-1"});
    let other = EventFactory::new("f").message("e3", "AGENT_MESSAGE", 0, "m3", "AGENT:cus-1", "of an agent");
    push_all(&mut driver, &[by_sender, by_channel, other]);
    erase(&mut driver, OF_CUSTOMER);
    assert!(!visible(&driver).contains("secret") && !driver.changelog_holds("secret"));
    assert!(visible(&driver).contains("of an agent"), "an agent with the same id is another person");
}

#[test]
fn an_activity_on_its_own_is_erased_with_its_customer_and_no_other_with_it() {
    let note = |id: &str, activity: &str, text: &str| {
        let data = json!({"id": activity, "body": {"type": "NOTE", "text": text}});
        EventFactory::homeless().event(id, "THIRD_PARTY_ACTIVITY", 0, data)
    };
    let mut theirs = note("e1", "n", "secret");
    theirs["data"]["customer"] = json!({"_id": "cus-1"});
    let mut of_conversation = message(&EventFactory::new("n"), "e3", 0, "kept too");
    of_conversation["channelSession"] = json!({"id": "s"});
    let mut driver = driver_of(3);
    push_all(&mut driver, &[theirs.clone(), note("e2", "n2", "kept"), of_conversation]);
    erase(&mut driver, OF_CUSTOMER);
    assert_eq!(driver.record("cx.activities", "n"), None);
    assert!(driver.record("cx.activities", "n2").is_some());
    assert!(visible(&driver).contains("kept too") && driver.changelog_holds("kept too"));
    assert!(!driver.changelog_holds("secret"));
    push_all(&mut driver, &[theirs]);
    assert_eq!(reasons(&driver), ["erased"]);
}

#[test]
fn a_request_counts_for_what_came_before_it_also_when_it_is_read_first() {
    for partitions in [1, 4] {
        let mut driver = driver_of(partitions);
        driver.set_clock(T0 + 5_000);
        erase(&mut driver, OF_CUSTOMER);
        driver.set_clock(T0 + 5_000);
        push_all(&mut driver, &[of_customer(message(&c(), "e1", 0, "secret"), "cus-1", "s1")]);
        driver.set_clock(T0 + 5_001);
        let later = of_customer(message(&EventFactory::new("d"), "e2", 9, "words of today"), "cus-1", "s2");
        push_all(&mut driver, &[later]);
        assert_eq!(reasons(&driver), ["erased"]);
        assert!(!visible(&driver).contains("secret") && visible(&driver).contains("words of today"));
        driver.crash();
        driver.set_clock(T0 + 4_000);
        push_all(
            &mut driver,
            &[of_customer(message(&EventFactory::new("f"), "e3", 1, "secret"), "cus-1", "s3")],
        );
        assert_eq!(reasons(&driver), ["erased"; 2], "it is in the state");
    }
}

#[test]
fn a_conversation_that_began_after_the_request_is_kept_though_the_request_is_read_later() {
    let mut driver = driver_of(2);
    driver.set_clock(T0 + 9_000);
    push_all(&mut driver, &[of_customer(message(&c(), "e1", 9, "words of today"), "cus-1", "s1")]);
    driver.set_clock(T0 + 8_000);
    erase(&mut driver, OF_CUSTOMER);
    assert!(visible(&driver).contains("words of today"));
    driver.set_clock(T0 + 7_000);
    push_all(&mut driver, &[of_customer(message(&c(), "e2", 7, "secret"), "cus-1", "s1")]);
    assert!(!visible(&driver).contains("words of today"), "the conversation is one of before the request");
}

#[test]
fn what_names_only_the_session_of_a_conversation_that_was_refused_is_not_kept_either() {
    let mut driver = driver_of(3);
    driver.set_clock(T0 + 9_000);
    erase(&mut driver, OF_CUSTOMER);
    driver.set_clock(T0);
    push_all(&mut driver, &[of_customer(message(&c(), "e1", 0, "secret"), "cus-1", "s")]);
    let mut alone = EventFactory::homeless().message("e2", "AGENT_MESSAGE", 1, "m2", "AGENT:ann", "secret");
    alone["channelSession"] = json!({"id": "s"});
    push_all(&mut driver, &[alone]);
    assert_eq!(reasons(&driver), ["erased"; 2]);
    assert!(!driver.changelog_holds("secret"));
}

#[test]
fn an_event_of_a_customer_who_shares_a_conversation_with_many_others_is_found() {
    let mut driver = driver_of(2);
    for n in 0..40 {
        driver.push(
            of_customer(message(&c(), &format!("e{n}"), n, "secret"), &format!("cus-{n}"), "s").to_string(),
        );
    }
    driver.finish();
    erase(&mut driver, r#"{"customerId":"cus-37"}"#);
    assert_eq!(driver.record("cx.conversations", "c"), None);
    assert!(!visible(&driver).contains("secret") && !driver.changelog_holds("secret"));
}

#[test]
fn a_long_conversation_and_many_of_one_customer_are_erased_in_slices() {
    let mut driver = driver_of(2).with_budget(Budget::new(200, 1 << 20));
    for n in 0..600 {
        driver.push(of_customer(message(&c(), &format!("e{n}"), n, "secret"), "cus-1", "s").to_string());
    }
    for n in 0..300 {
        let event = message(&EventFactory::new(&format!("c{n}")), &format!("f{n}"), 0, "secret");
        driver.push(of_customer(event, "cus-1", &format!("s{n}")).to_string());
        if n % 50 == 0 {
            driver.finish();
        }
    }
    driver.finish();
    let before = driver.commits();
    driver.reset_largest();
    driver.push_erasure(OF_CUSTOMER);
    driver.finish();
    // For each of the two tasks: the budget, the last item of each part (for the audit a page of ids, with up to three keys
    // each), and the position to continue.
    assert!(driver.largest_commit() <= 2 * (200 + 160), "{} records", driver.largest_commit());
    assert!(driver.commits() > before + 10);
    assert!(!visible(&driver).contains("secret") && !driver.changelog_holds("secret"));
    let left: Vec<_> = driver.finals().keys().filter(|(topic, _)| topic != "cx.metrics").collect();
    assert_eq!(left, Vec::<&(String, String)>::new());
}

/// An event of one of two customers, in one of several conversations, or with only a session.
fn customers_event(number: usize, [conversation, customer, how]: [u8; 3]) -> Value {
    let id = format!("e{number}");
    let customer = format!("cus-{}", customer % 2);
    let session = format!("s{}", conversation % 5);
    let factory = if how % 4 == 0 {
        EventFactory::homeless()
    } else {
        EventFactory::new(&format!("c{}", conversation % 5))
    };
    let mut event = factory.message(
        &id,
        "CUSTOMER_MESSAGE",
        0,
        &format!("m {id}"),
        &format!("CUSTOMER:{customer}"),
        &format!("text of {customer}"),
    );
    event["channelSession"] = match how % 3 {
        0 => json!({"id": session, "customer": {"_id": customer}}),
        _ => json!({"id": session}),
    };
    event
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whether the request is read first, in between, or last; in one slice or in several, with failures between any two steps.
    #[test]
    fn a_request_of_a_customer_gives_the_same_whenever_it_is_read(
        events in prop::collection::vec(any::<[u8; 3]>(), 1..14),
        request_at in 0_usize..14,
        read_at in 0_usize..15,
        partitions in 1..4,
        budget in 1_usize..30,
        failures in prop::collection::vec(0..5_u8, 60),
    ) {
        let request = r#"{"customerId":"cus-1"}"#;
        let ms = |place: usize| T0 + 1000 * i64::try_from(place).unwrap();
        let mut straight = driver_of(1);
        for (place, event) in events.iter().enumerate() {
            straight.set_clock(ms(place));
            straight.push(customers_event(place, *event).to_string());
        }
        straight.finish();
        straight.set_clock(ms(request_at));
        straight.push_erasure(request);
        straight.finish();

        let mut driver = driver_of(partitions).with_budget(Budget::new(budget, 1 << 12));
        for place in 0..=events.len() {
            if place == read_at.min(events.len()) {
                driver.set_clock(ms(request_at));
                driver.push_erasure(request);
            }
            if let Some(event) = events.get(place) {
                driver.set_clock(ms(place));
                driver.push(customers_event(place, *event).to_string());
            }
        }
        for failure in failures {
            match failure {
                0 | 1 => { driver.step(); }
                2 => { driver.go_on(); driver.commit(); }
                3 => driver.abort(),
                _ => driver.crash(),
            }
        }
        driver.finish();
        let (found, expected) = (driver.finals(), straight.finals());
        let of = |finals: &Finals| {
            let mut finals = finals.clone();
            // Windows keep what was counted before the request; audit records precede their conversation's pair.
            finals.retain(|(topic, _), _| topic != "cx.metrics" && topic != "cx.audit");
            finals
        };
        prop_assert_eq!(of(found), of(expected));
        for letter in driver.letters() {
            prop_assert_eq!((letter.reason.as_str(), &letter.value), ("erased", &None));
        }
    }

    #[test]
    fn a_conversation_is_erased_in_slices_whatever_fails_meanwhile(
        failures in prop::collection::vec(0..5_u8, 120),
        budget in 1_usize..20,
        partitions in 1..3,
    ) {
        let mut driver = driver_of(partitions).with_budget(Budget::new(budget, 1 << 10));
        let mut kept = driver_of(partitions);
        for n in 0..30 {
            let event = of_customer(message(&c(), &format!("e{n}"), n, "secret"), "cus-1", "s");
            driver.push(event.to_string());
            let event = message(&EventFactory::new("d"), &format!("f{n}"), n, "kept");
            driver.push(event.to_string());
            kept.push(event.to_string());
        }
        driver.finish();
        kept.finish();
        driver.push_erasure(OF_CUSTOMER);
        for failure in failures {
            match failure {
                0 => { driver.step(); }
                1 | 2 => { driver.go_on(); driver.commit(); }
                3 => driver.abort(),
                _ => driver.crash(),
            }
        }
        driver.finish();
        prop_assert!(!driver.changelog_holds("secret"));
        let of = |driver: &Driver| {
            let mut finals = driver.finals().clone();
            finals.retain(|(topic, _), _| topic != "cx.metrics");
            finals
        };
        prop_assert_eq!(of(&driver), of(&kept));
        prop_assert!(driver.letters().is_empty());
    }
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
        // Duplicates, some of them before the request is processed, some after.
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
        let mut left = without_revisions(driver.finals().clone());
        // Signals leave no state: only the `erase` command, which reads the topic, finds their audit records.
        left.retain(|(topic, key), value| {
            !(topic == "cx.audit" && key.starts_with("c/") && value["category"] == "SIGNAL")
        });
        prop_assert_eq!(left, without_c(&before));
        for event in events.iter().filter(|event| event.contains(r#""conversationId":"c""#)) {
            let id = serde_json::from_str::<Value>(event).unwrap()["id"].as_str().unwrap().to_owned();
            prop_assert!(!driver.changelog_holds(&format!("text of {id}")), "{} is in the state", id);
        }
        for letter in driver.letters() {
            prop_assert_eq!((letter.reason.as_str(), &letter.value), ("erased", &None));
        }
    }
}
