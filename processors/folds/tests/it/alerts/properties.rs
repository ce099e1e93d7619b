// SPDX-License-Identifier: Apache-2.0

//! Convergence holds for alerts too: once all spans are overdue, the set of alerts is a function of the set of events.

use std::collections::BTreeMap;

use folds::alerts::AlertSettings;
use proptest::prelude::*;
use serde_json::Value;
use testkit::Driver;

use crate::alerts::{AT_LAST, T0, TOPIC, nothing, topology};
use crate::common::generated::events;

/// An action between two records.
#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    Commit,
    Abort,
    Crash,
    /// Advances the clock by this number of seconds, which runs what is due; the commit succeeds or fails.
    Ring(i64, bool),
}

fn between() -> impl Strategy<Value = Between> {
    prop_oneof![
        4 => Just(Between::Nothing),
        3 => Just(Between::Commit),
        1 => Just(Between::Abort),
        1 => Just(Between::Crash),
        3 => (0..12_i64, any::<bool>()).prop_map(|(second, commits)| Between::Ring(second, commits)),
    ]
}

/// All events are within eight seconds; with such short targets, many spans are overdue and many are not.
fn short() -> AlertSettings {
    AlertSettings {
        customer_inactive_ms: Some(2_000),
        agent_response_ms: Some(3_000),
        response_warning_percent: 50,
        queue_wait_ms: Some(2_000),
        left_open_ms: Some(1_000),
        ..nothing()
    }
}

type Alerts = BTreeMap<String, Value>;

fn alerts(driver: &Driver) -> Alerts {
    let finals = driver.finals().iter().filter(|((topic, _), _)| topic == TOPIC);
    finals.map(|((_, key), alert)| (key.clone(), alert.clone())).collect()
}

fn straight(events: &[String]) -> Alerts {
    let mut driver = Driver::new(topology(short()));
    events.iter().for_each(|event| driver.push(event.as_str()));
    driver.punctuate(AT_LAST);
    alerts(&driver)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_order_any_repetition_any_failure_and_any_look_at_the_clock_gives_the_same_alerts(
        (events, shuffled) in events().prop_flat_map(|events| {
            let doubled: Vec<String> = events.iter().chain(events.iter()).cloned().collect();
            (Just(events), Just(doubled).prop_shuffle())
        }),
        failures in prop::collection::vec(between(), 80),
        partitions in 1..4,
    ) {
        let expected = straight(&events);
        let mut driver = Driver::with_partitions(topology(short()), partitions);
        for event in &shuffled {
            driver.push(event.as_str());
        }
        for failure in failures {
            match failure {
                Between::Nothing => { driver.step(); }
                Between::Commit => driver.commit(),
                Between::Abort => driver.abort(),
                Between::Crash => driver.crash(),
                Between::Ring(second, commits) => {
                    driver.stage_punctuation(T0 + second * 1000);
                    if commits { driver.commit() } else { driver.abort() }
                }
            }
        }
        driver.punctuate(AT_LAST);
        prop_assert_eq!(alerts(&driver), expected);
        prop_assert!(!driver.stage_punctuation(i64::MAX), "nothing is due any more");
    }

    #[test]
    fn every_alert_was_due_before_it_ended_and_one_that_has_not_ended_is_raised(events in events()) {
        for (key, alert) in straight(&events) {
            let due_at = alert["dueAt"].as_i64().unwrap();
            prop_assert_eq!(due_at, alert["startedAt"].as_i64().unwrap() + alert["targetMs"].as_i64().unwrap());
            match alert["resolvedAt"].as_i64() {
                Some(resolved_at) => {
                    prop_assert!(resolved_at > due_at, "{}", key);
                    prop_assert_eq!(&alert["state"], "resolved");
                }
                None => prop_assert_eq!(&alert["state"], "raised"),
            }
        }
    }

    #[test]
    fn what_is_raised_as_time_passes_is_what_is_raised_at_once(events in events()) {
        let mut driver = Driver::new(topology(short()));
        events.iter().for_each(|event| driver.push(event.as_str()));
        for second in 0..20 {
            driver.punctuate(T0 + second * 1000);
        }
        driver.punctuate(AT_LAST);
        prop_assert_eq!(alerts(&driver), straight(&events));
    }
}
