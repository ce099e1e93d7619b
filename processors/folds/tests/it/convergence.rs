// SPDX-License-Identifier: Apache-2.0

//! Convergence (contract section 0): the final records are a function of the set of events, for any order, duplicates, batches,
//! aborts and crashes.

use std::collections::BTreeMap;

use crate::common::generated::events;
use crate::common::{driver, driver_of};
use proptest::prelude::*;
use serde_json::Value;
use testkit::Driver;

/// An action between two records.
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
    finals(&driver)
}

/// The final records without the revision of windows, which depends on the order of changes (contract section 6).
fn finals(driver: &Driver) -> Finals {
    let mut finals = driver.finals().clone();
    for window in finals.iter_mut().filter(|((topic, _), _)| topic == "cx.metrics").map(|(_, window)| window)
    {
        window.as_object_mut().unwrap().remove("revision");
    }
    finals
}

fn of_topic(events: &[String], topic: &str) -> Finals {
    let mut finals = straight(events);
    finals.retain(|(of, _), _| of == topic);
    finals
}

/// All texts that were ever written to an activity, by primaries and edits.
fn texts_of(conversation: &Value, activity: &Value, events: &[String]) -> Vec<String> {
    let events = events.iter().map(|event| serde_json::from_str::<Value>(event).unwrap());
    let of_activity = events.filter(|event| {
        let target = &event["data"]["header"]["originalMessageId"];
        let id = if target.is_null() || event["data"]["header"]["intent"] == "REPLY_TO" {
            &event["data"]["id"]
        } else {
            target
        };
        event["conversationId"] == *conversation && id == activity && !event["data"]["body"].is_null()
    });
    of_activity.map(|event| format!("text of {}\"", event["id"].as_str().unwrap())).collect()
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
        partitions in 1..4,
    ) {
        let expected = straight(&events);
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
        driver.finish();
        prop_assert_eq!(finals(&driver), expected);
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
        prop_assert_eq!(finals(&driver), expected);
    }

    #[test]
    fn a_deleted_activity_shows_no_text(events in events()) {
        for ((_, key), record) in of_topic(&events, "cx.activities") {
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
    fn the_text_of_a_deleted_activity_is_in_no_record_of_any_topic(events in events()) {
        let finals = straight(&events);
        let all: Vec<String> = finals.values().map(Value::to_string).collect();
        for record in finals.iter().filter(|((topic, _), _)| topic == "cx.activities").map(|(_, record)| record) {
            if record["deletion"].is_null() {
                continue;
            }
            for text in texts_of(&record["conversationId"], &record["activityId"], &events) {
                prop_assert!(!all.iter().any(|record| record.contains(&text)), "{} is still there", text);
            }
        }
    }

    #[test]
    fn every_event_of_an_activity_is_either_accepted_or_rejected(events in events()) {
        for ((_, key), record) in of_topic(&events, "cx.activities") {
            let accepted = record["revision"].as_u64().unwrap();
            prop_assert!(accepted >= 1, "{}", key);
            prop_assert!(record["updatedAt"].as_i64() >= record["occurredAt"].as_i64(), "{}", key);
        }
    }
}
