// SPDX-License-Identifier: Apache-2.0

//! Tests that query results equal the emitted records.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use crate::common::{driver, driver_of};
use engine::{Place, Task, partition_of};
use folds::look::{self, Found};
use model::Dimension;
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::Driver;

const PARTITIONS: i32 = 3;

fn case(name: &str) -> String {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases")).join(name);
    std::fs::read_to_string(folder.join("events.ndjson")).unwrap()
}

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

fn task_of<'d>(driver: &'d Driver, key: &[u8]) -> &'d Task {
    let partitions = i32::try_from(driver.tasks().count()).unwrap();
    driver.tasks().nth(usize::try_from(partition_of(key, partitions)).unwrap()).unwrap()
}

fn values(records: &[Vec<u8>]) -> Vec<Value> {
    records.iter().map(|record| serde_json::from_slice(record).unwrap()).collect()
}

/// The last emitted records of one conversation in a topic, by key.
fn emitted(driver: &Driver, topic: &str, conversation: &str) -> BTreeMap<String, Value> {
    let of_it = driver
        .finals()
        .iter()
        .filter(|((its_topic, _), value)| its_topic == topic && value["conversationId"] == conversation);
    of_it.map(|((_, key), value)| (key.clone(), value.clone())).collect()
}

fn keyed(conversation: &str, records: &[Vec<u8>], id: &str) -> BTreeMap<String, Value> {
    let key = |value: &Value| model::activity_key(Some(conversation), value[id].as_str().unwrap());
    values(records).into_iter().map(|value| (key(&value), value)).collect()
}

fn check(driver: &Driver) -> BTreeSet<String> {
    let ids = driver.finals().iter().filter(|((topic, _), _)| topic == "cx.conversations");
    let ids: BTreeSet<String> = ids.map(|((_, id), _)| id.clone()).collect();
    for id in &ids {
        let seen = found(task_of(driver, look::key_of(id)), &look::places_of(id));
        let seen = look::conversation(id, &seen, 4 << 20).unwrap().unwrap();
        let summary: Value = serde_json::from_slice(&seen.summary.unwrap()).unwrap();
        assert_eq!(summary, emitted(driver, "cx.conversations", id)[id], "{id}");
        assert_eq!(keyed(id, &seen.timeline, "entryId"), emitted(driver, "cx.timelines", id), "{id}");
        assert_eq!(keyed(id, &seen.activities, "activityId"), emitted(driver, "cx.activities", id), "{id}");
        // Within a millisecond the kind of event decides before the id.
        assert!(values(&seen.timeline).iter().map(|entry| entry["at"].as_i64()).is_sorted(), "{id}");
    }
    ids
}

#[test]
fn conversations_of_the_cases_are_seen_as_they_were_emitted() {
    for name in ["kitchen-sink", "web-chat-from-bot-to-close", "edits-and-deletions", "agent-stays-and-ties"]
    {
        let mut driver = driver_of(PARTITIONS);
        case(name).lines().for_each(|line| driver.push(line));
        driver.finish();
        assert!(!check(&driver).is_empty(), "{name}");
    }
}

#[test]
fn customers_are_seen_as_they_were_emitted() {
    let mut driver = driver_of(PARTITIONS);
    case("kitchen-sink").lines().for_each(|line| driver.push(line));
    driver.finish();
    let finals = driver.finals().iter().filter(|((topic, _), _)| topic == "cx.customers");
    let finals: Vec<_> = finals.collect();
    assert!(finals.len() > 5, "{finals:?}");
    for ((_, id), record) in finals {
        let task = task_of(&driver, look::key_of_customer(id));
        let seen = look::customer(id, &found(task, &[look::place_of_customer(id)])).unwrap().unwrap();
        assert_eq!(&serde_json::from_slice::<Value>(&seen).unwrap(), record, "{id}");
    }
    let unknown = found(task_of(&driver, b"unknown"), &[look::place_of_customer("unknown")]);
    assert_eq!(look::customer("unknown", &unknown).unwrap(), None);
}

#[test]
fn windows_are_seen_as_they_were_emitted() {
    let mut driver = driver_of(PARTITIONS);
    case("kitchen-sink").lines().for_each(|line| driver.push(line));
    driver.finish();
    let finals: Vec<&Value> = driver
        .finals()
        .iter()
        .filter(|((topic, _), _)| topic == "cx.metrics")
        .map(|(_, value)| value)
        .collect();
    let subjects: BTreeSet<(&str, &str)> = finals
        .iter()
        .map(|value| (value["dimension"].as_str().unwrap(), value["id"].as_str().unwrap()))
        .collect();
    assert!(subjects.len() > 5, "{subjects:?}");
    for (dimension, id) in subjects {
        let name = Dimension::from_name(dimension).unwrap();
        let task = task_of(&driver, &look::key_of_subject(name, id));
        let seen = look::windows(&found(task, &[look::place_of_windows(name, id)])).unwrap();
        let mut of_it: Vec<Value> = finals
            .iter()
            .filter(|value| value["dimension"] == dimension && value["id"] == id)
            .map(|v| (*v).clone())
            .collect();
        of_it.sort_by_key(|value| value["windowStart"].as_i64());
        assert_eq!(values(&seen), of_it, "{dimension} {id}");
    }
}

#[test]
fn the_windows_of_a_span_are_found_by_their_ends_whatever_they_are_of() {
    let mut driver = driver_of(PARTITIONS);
    case("kitchen-sink").lines().for_each(|line| driver.push(line));
    driver.finish();
    let emitted: BTreeMap<&str, &Value> = driver
        .finals()
        .iter()
        .filter(|((topic, _), _)| topic == "cx.metrics")
        .map(|((_, key), value)| (key.as_str(), value))
        .collect();
    let ends: BTreeSet<i64> = emitted.values().map(|value| value["windowEnd"].as_i64().unwrap()).collect();
    let (first, last) = (*ends.first().unwrap(), *ends.last().unwrap());
    let middle = first + (last - first) / 2;
    for (from, to) in [(i64::MIN, i64::MAX), (first, middle), (middle, last + 1)] {
        let mut seen: BTreeMap<String, Value> = BTreeMap::new();
        for task in driver.tasks() {
            let names = found(task, &look::places_of_window_names(from, to));
            let names = names.keys().filter_map(|key| look::window_name(key));
            for name in names.filter(|name| (from..to).contains(&name.end)) {
                let of_end =
                    found(task, &[look::place_of_window_names(name.of.dimension, &name.of.id, name.end)]);
                assert!(of_end.keys().any(|key| look::window_name(key).as_ref() == Some(&name)), "{name:?}");
                let record = look::window(&name.key, &found(task, &[look::place_of_window(&name.key)]));
                let record: Value = serde_json::from_slice(&record.unwrap().unwrap()).unwrap();
                assert_eq!((record["windowEnd"].as_i64(), name.size()), (Some(name.end), "900000"));
                assert!(seen.insert(name.key.clone(), record).is_none(), "{name:?} is found once");
            }
        }
        let ends_then = |value: &Value| (from..to).contains(&value["windowEnd"].as_i64().unwrap());
        let expected: BTreeMap<String, Value> = emitted
            .iter()
            .filter(|(_, value)| ends_then(value))
            .map(|(key, value)| ((*key).to_owned(), (*value).clone()))
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(seen, expected);
    }
}

#[test]
fn what_was_found_of_several_conversations_at_once_is_each_conversations_own() {
    let mut driver = driver();
    case("kitchen-sink").lines().for_each(|line| driver.push(line));
    driver.finish();
    let ids = check(&driver);
    let task = driver.tasks().next().unwrap();
    let places: Vec<Place> = ids.iter().flat_map(|id| look::places_of(id)).collect();
    let together = found(task, &places);
    for id in &ids {
        assert_eq!(look::found_of(id, &together), found(task, &look::places_of(id)), "{id}");
    }
    assert!(look::found_of("unknown", &together).is_empty());
}

#[test]
fn ids_of_which_one_begins_with_the_other_are_kept_apart() {
    let mut driver = driver();
    for (number, id) in ["c", "c/1", "c1", "c%"].iter().enumerate() {
        let event = json!({"id": format!("e{number}"), "name": "CUSTOMER_MESSAGE", "timestamp": 1_750_000_000_000_i64,
            "conversationId": id, "data": {"id": "m", "body": {"text": id}}});
        driver.push(event.to_string());
    }
    driver.finish();
    assert_eq!(check(&driver).len(), 4);
    let unknown = found(task_of(&driver, b"unknown"), &look::places_of("unknown"));
    assert_eq!(look::conversation("unknown", &unknown, 4 << 20).unwrap(), None);
}

#[test]
fn how_each_conversation_stands_is_seen_under_one_prefix() {
    let mut driver = driver();
    let event = |id: &str, name: &str, at: i64| {
        json!({"id": id, "name": name, "timestamp": 1_750_000_000_000_i64 + at, "conversationId": "c/1", "data": {"id": id}})
            .to_string()
    };
    driver.push(event("m1", "CUSTOMER_MESSAGE", 5));
    driver.finish();
    let standing = |driver: &Driver| {
        let found = found(driver.tasks().next().unwrap(), &[Place::Under(look::all_standing())]);
        let [(key, value)] = found.iter().collect::<Vec<_>>()[..] else { panic!("one conversation") };
        assert_eq!(look::standing_of(key).as_deref(), Some("c/1"));
        look::with_standing(key, value, |standing| {
            (
                standing.summary.conversation_id.to_string(),
                standing.stage.as_str(),
                standing.awaits_reply_since,
            )
        })
        .unwrap()
        .unwrap()
    };
    let since = 1_750_000_000_005;
    assert_eq!(standing(&driver), ("c/1".to_owned(), "SELF_SERVICE", Some(since)));
    driver.push(event("m2", "BOT_MESSAGE", 9));
    driver.push(event("x", "CONVERSATION_CLOSED", 10));
    driver.finish();
    assert_eq!(standing(&driver), ("c/1".to_owned(), "CLOSED", None));
    assert_eq!(look::standing_of(b"ae"), None);
    assert_eq!(look::with_standing(b"ae", b"", |_| ()).unwrap(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_comes_is_seen_as_it_was_emitted(events in crate::common::generated::events()) {
        let mut driver = driver();
        events.into_iter().for_each(|event| driver.push(event));
        driver.finish();
        check(&driver);
    }
}
