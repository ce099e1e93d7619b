// SPDX-License-Identifier: Apache-2.0

//! Tests that the contributions to a record of `cx.metrics` add up to it: each figure, and each count of a histogram.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use crate::common::{driver, driver_of};
use engine::{Place, Task};
use folds::Settings;
use folds::explain::{Contribution, contributions};
use folds::look::{self, Found};
use proptest::prelude::*;
use serde_json::Value;
use testkit::Driver;

fn found(task: &Task, places: &[Place]) -> Found {
    let mut found = Found::new();
    for place in places {
        task.look(place, place.first(), &mut |key, value| {
            found.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    found
}

/// The contributions of all conversations, with the conversation's id.
fn all(driver: &Driver) -> Vec<(String, Contribution)> {
    let mut all = Vec::new();
    for task in driver.tasks() {
        for key in found(task, &[Place::Under(look::all_standing())]).keys() {
            let id = look::standing_of(key).unwrap();
            let found = found(task, &look::places_of(&id));
            let of_it = contributions(&id, &found, &Settings::default()).unwrap();
            all.extend(of_it.into_iter().map(|contribution| (id.clone(), contribution)));
        }
    }
    all
}

/// The figures and histogram counts of a window, computed from its contributions.
fn explained(all: &[(String, Contribution)], window: &Value) -> BTreeMap<String, i64> {
    let (start, end) = (window["windowStart"].as_i64().unwrap(), window["windowEnd"].as_i64().unwrap());
    let mut sums = BTreeMap::new();
    for (_, contribution) in all {
        if window["dimension"] == contribution.dimension.as_str() && window["id"] == contribution.id.as_str()
        {
            *sums.entry(contribution.counted.path().into_owned()).or_default() +=
                contribution.within(start, end);
        }
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

fn recorded(window: &Value) -> BTreeMap<String, i64> {
    let figures = window["figures"].as_object().unwrap().iter();
    let mut all: BTreeMap<String, i64> =
        figures.map(|(name, value)| (name.clone(), value.as_i64().unwrap())).collect();
    for (name, counts) in window["histograms"].as_object().unwrap() {
        let counts = counts.as_object().unwrap().iter();
        all.extend(counts.map(|(bound, n)| (format!("histograms.{name}.{bound}"), n.as_i64().unwrap())));
    }
    all
}

/// Checks every window of the conversations; returns their number.
fn check(driver: &Driver) -> usize {
    let all = all(driver);
    let windows = driver.finals().iter().filter(|((topic, _), _)| topic == "cx.metrics");
    let mut count = 0;
    for ((_, key), window) in windows {
        assert_eq!(explained(&all, window), recorded(window), "{key}");
        count += 1;
    }
    count
}

#[test]
fn the_windows_of_the_cases_are_explained() {
    let cases = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases"));
    let mut windows = 0;
    for name in [
        "kitchen-sink",
        "service-level-scenarios",
        "consult-and-transfer",
        "voice-call-with-legs-and-a-late-recording",
    ] {
        let mut driver = driver_of(3);
        let events = std::fs::read_to_string(cases.join(name).join("events.ndjson")).unwrap();
        events.lines().for_each(|line| driver.push(line));
        driver.finish();
        windows += check(&driver);
    }
    assert!(windows > 30, "{windows}");
}

#[test]
fn each_contribution_names_an_event_of_its_conversation() {
    let mut driver = driver();
    let cases = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases"));
    let events = std::fs::read_to_string(cases.join("kitchen-sink/events.ndjson")).unwrap();
    events.lines().for_each(|line| driver.push(line));
    driver.finish();
    let all = all(&driver);
    assert!(all.len() > 30, "{}", all.len());
    for (conversation, contribution) in &all {
        let entry = model::timeline_key(conversation, &contribution.event_id);
        assert!(driver.record("cx.timelines", &entry).is_some(), "{entry}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_comes_in_whatever_order_is_explained(
        events in crate::common::generated::events(),
        crashes in prop::collection::vec(any::<bool>(), 8),
    ) {
        let mut driver = driver();
        for (number, event) in events.into_iter().enumerate() {
            driver.push(event);
            if number % 5 == 4 {
                match crashes[number / 5 % crashes.len()] {
                    true => driver.crash(),
                    false => driver.commit(),
                }
            }
        }
        driver.finish();
        check(&driver);
    }
}
