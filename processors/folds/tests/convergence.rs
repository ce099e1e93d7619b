//! The law (contract section 0): the final records are a function of the set of events. Whatever the order, the
//! repetition, the batches, the aborts and the crashes: the same records.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

mod common;

use std::collections::BTreeMap;

use common::driver;
use proptest::prelude::*;
use serde_json::Value;
use testkit::EventFactory;

const ACTORS: [&str; 5] = ["CUSTOMER:cus", "AGENT:ann", "AGENT:ben", "SYSTEM:sys", "BOT:"];
const ACTIVITIES: [&str; 4] = ["m1", "m2", "m/3%", "m4"];

/// One event from a handful of small numbers. Few activities, actors and instants, so that everything collides.
fn event(number: usize, [what, activity, actor, second, detail]: [u8; 5]) -> Value {
    let id = format!("e{number:03}");
    let pick = |list: &[&'static str], n: u8| list[usize::from(n) % list.len()];
    let factory = match detail % 7 {
        0 => EventFactory::new("other conversation"),
        _ => EventFactory::new("c"),
    };
    let (activity, actor, at) = (pick(&ACTIVITIES, activity), pick(&ACTORS, actor), i64::from(second % 8));
    let text = format!("text of {id}");
    match what % 12 {
        0 => factory.message(&id, "AGENT_MESSAGE", at, activity, actor, &text),
        1 => factory.message(&id, "CUSTOMER_MESSAGE", at, activity, actor, &text),
        2 => factory.reply(&id, at, activity, actor, pick(&ACTIVITIES, detail)),
        3 | 4 => factory.edit(&id, at, activity, actor, &text),
        5 => factory.delete(&id, at, activity, actor),
        6 | 7 => {
            let action = pick(&["ADD", "REMOVE"], detail);
            factory.reaction(&id, at, activity, actor, pick(&["👍", "🎉"], detail / 2), action)
        }
        8 => {
            factory.receipt(&id, at, activity, pick(&["SENT", "FAILED", "DELIVERED", "SEEN", "LOST"], detail))
        }
        9 => {
            let item = serde_json::json!({"messageBody": {"n": detail}, "confidenceLevel": 0.5});
            let data = serde_json::json!({"requestedMessage": {"id": activity}, "suggestions": [item, 1]});
            factory.event(&id, "BOT_SUGGESTION", at, data)
        }
        10 => {
            let body = serde_json::json!({"legId": activity, "callId": "call", "endTime": 1_750_000_100_000_i64 + at});
            let name = pick(&["CALL_LEG_STARTED", "CALL_LEG_ENDED"], detail);
            factory.event(&id, name, at, serde_json::json!({"body": body}))
        }
        _ => {
            let data = serde_json::json!({"header": {"sender": {"type": "AGENT", "id": "ann"}, "intent": "UPDATE",
                "originalMessageId": activity}, "body": {"edited by": id}});
            factory.event(&id, "AGENT_MESSAGE", at, data)
        }
    }
}

fn events() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(any::<[u8; 5]>(), 1..40).prop_map(|numbers| {
        numbers.into_iter().enumerate().map(|(n, numbers)| event(n, numbers).to_string()).collect()
    })
}

/// What happens between two records.
#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    Commit,
    Abort,
    Crash,
}

fn between() -> impl Strategy<Value = Between> {
    prop_oneof![
        4 => Just(Between::Nothing),
        3 => Just(Between::Commit),
        1 => Just(Between::Abort),
        1 => Just(Between::Crash),
    ]
}

type Finals = BTreeMap<(String, String), Value>;

fn straight(events: &[String]) -> Finals {
    let mut driver = driver();
    for event in events {
        driver.push(event.as_str());
    }
    driver.finish();
    assert!(driver.letters().is_empty(), "{:?}", driver.letters());
    driver.finals().clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_order_any_repetition_any_failure_gives_the_same_final_records(
        (events, shuffled) in events().prop_flat_map(|events| {
            let doubled: Vec<String> = events.iter().chain(events.iter()).cloned().collect();
            (Just(events), Just(doubled).prop_shuffle())
        }),
        failures in prop::collection::vec(between(), 80),
    ) {
        let expected = straight(&events);
        let mut driver = driver();
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
        driver.finish();
        prop_assert_eq!(driver.finals(), &expected);
    }

    #[test]
    fn a_restart_at_every_commit_changes_nothing(events in events()) {
        let expected = straight(&events);
        let mut driver = driver();
        for event in &events {
            driver.push(event.as_str());
        }
        while driver.step() {
            driver.commit();
            driver.crash();
        }
        prop_assert_eq!(driver.finals(), &expected);
    }

    #[test]
    fn a_deleted_activity_shows_no_text(events in events()) {
        for ((_, key), record) in straight(&events) {
            if record["deletion"].is_null() {
                continue;
            }
            prop_assert!(record["body"].is_null(), "{}", key);
            for edit in record["edits"].as_array().unwrap() {
                prop_assert!(edit["body"].is_null(), "{}", key);
            }
        }
    }

    #[test]
    fn every_event_of_an_activity_is_either_accepted_or_rejected(events in events()) {
        for ((_, key), record) in straight(&events) {
            let accepted = record["revision"].as_u64().unwrap();
            prop_assert!(accepted >= 1, "{}", key);
            prop_assert!(record["updatedAt"].as_i64() >= record["occurredAt"].as_i64(), "{}", key);
        }
    }
}
