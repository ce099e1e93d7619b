// SPDX-License-Identifier: Apache-2.0

//! Tests of the current state of each agent, and the time in each state (contract section 6.1).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::common::driver_of;
use engine::{EventClass, Notice};
use folds::agents::{CHANGES_MAX, OLDEST_MS, TOO_LATE};
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::{Driver, agent_news as news};

const T0: i64 = 1_750_000_000_000;
const SECOND: i64 = 1_000;
const DAY: i64 = 24 * 3_600 * SECOND;
const WINDOW: i64 = 900_000;

fn folded(all: &[Value]) -> Driver {
    let mut driver = driver_of(1);
    driver.set_clock(model::AT_MAX);
    all.iter().for_each(|news| driver.push_agent(news.to_string()));
    driver.finish();
    driver
}

fn too_late(driver: &Driver) -> u64 {
    driver.noticed(Notice::from(&TOO_LATE))
}

/// The sum of a figure of an agent over all windows.
fn sum(driver: &Driver, agent: &str, figure: &str) -> i64 {
    let prefix = format!("agent/{agent}/{WINDOW}/");
    let windows =
        driver.finals().iter().filter(|((topic, key), _)| topic == "cx.metrics" && key.starts_with(&prefix));
    windows.filter_map(|(_, window)| window["figures"][figure].as_i64()).sum()
}

#[test]
fn an_agent_stands_as_the_last_change_says() {
    let driver = folded(&[
        news("ann", 0, "LOGIN", None),
        news("ann", 60, "NOT_READY", Some("Lunch")),
        news("ann", 90, "NOT_READY", Some("Lunch")),
        news("ann", 30, "READY", None),
    ]);
    let ann = driver.record("cx.agents", "ann").unwrap();
    assert_eq!(
        *ann,
        json!({
            "agentId": "ann", "name": "ann.k", "state": "NOT_READY", "reason": "Lunch", "since": T0 + 60 * SECOND,
            "loginAt": null, "mrds": [], "lastChangeAt": T0 + 90 * SECOND, "revision": 4,
        })
    );
    assert_eq!(sum(&driver, "ann", "loggedInMs"), 90 * SECOND);
    assert_eq!(sum(&driver, "ann", "readyMs"), 30 * SECOND);
    assert_eq!(sum(&driver, "ann", "notReadyMs"), 30 * SECOND);
}

#[test]
fn what_lasts_still_counts_nothing_and_what_lasts_too_long_neither() {
    let week = 7 * 24 * 3_600;
    let driver = folded(&[news("ann", 0, "READY", None)]);
    assert_eq!(sum(&driver, "ann", "readyMs"), 0);
    let driver = folded(&[news("ann", 0, "READY", None), news("ann", week, "LOGOUT", None)]);
    assert_eq!(sum(&driver, "ann", "readyMs"), week * SECOND);
    let driver = folded(&[news("ann", 0, "READY", None), news("ann", week + 1, "LOGOUT", None)]);
    assert_eq!(sum(&driver, "ann", "readyMs"), 0);
    // A change in between makes two spans of it, which are short enough.
    let late = [
        news("ann", 0, "READY", None),
        news("ann", week + 1, "LOGOUT", None),
        news("ann", 10, "NOT_READY", None),
    ];
    let driver = folded(&late);
    assert_eq!(sum(&driver, "ann", "readyMs"), 10 * SECOND);
    assert_eq!(sum(&driver, "ann", "notReadyMs"), (week - 9) * SECOND);
}

#[test]
fn of_records_of_one_change_the_one_published_last_says_the_rest_whatever_their_order() {
    let with = |published: Option<i64>, mrd: &str| {
        let mut news = news("ann", 0, "READY", None);
        news["timestamp"] = json!(published);
        news["data"]["agentPresence"]["agentMrdStates"] =
            json!([{"mrd": {"id": mrd, "name": mrd}, "state": "BUSY", "stateChangeTime": T0}]);
        news
    };
    let all = [with(Some(T0 + 5), "b"), with(None, "z"), with(Some(T0 + 9), "a"), with(Some(T0 + 9), "c")];
    let shown = json!([{"id": "c", "name": "c", "state": "BUSY", "since": T0}]);
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 3, 0, 1], [1, 3, 2, 0]] {
        let driver = folded(&order.map(|place: usize| all[place].clone()));
        let ann = driver.record("cx.agents", "ann").unwrap();
        assert_eq!((&ann["mrds"], &ann["revision"]), (&shown, &json!(1)), "{order:?}");
    }
}

#[test]
fn a_change_that_comes_twice_is_a_duplicate_and_is_said_once() {
    let driver = folded(&[news("ann", 0, "READY", None), news("ann", 0, "READY", None)]);
    assert_eq!((driver.events(EventClass::AgentState), driver.events(EventClass::Duplicate)), (1, 1));
    assert_eq!(driver.record("cx.agents", "ann").unwrap()["revision"], 1);
}

#[test]
fn agents_are_no_conversations_and_no_event_is_an_agents_state() {
    let mut driver = folded(&[news("ann", 0, "READY", None)]);
    driver.push(news("ann", 60, "LOGOUT", None).to_string());
    driver.finish();
    assert_eq!(driver.letters().len(), 1, "as an event it lacks an id");
    let topics: BTreeSet<&str> = driver.finals().keys().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(topics, BTreeSet::from(["cx.agents"]));
}

#[test]
fn of_an_agent_so_many_changes_are_kept_and_what_left_is_not_taken_back() {
    let most = i64::try_from(CHANGES_MAX).unwrap();
    let change = |second: i64| news("ann", second, if second % 2 == 0 { "READY" } else { "NOT_READY" }, None);
    let mut driver = folded(&(0..most + 10).map(|second| change(2 * second)).collect::<Vec<_>>());
    assert_eq!(driver.record("cx.agents", "ann").unwrap()["revision"], most);
    assert_eq!((sum(&driver, "ann", "readyMs"), too_late(&driver)), (2 * (most + 9) * SECOND, 0));
    // One that has left, one before all stored ones, and one among them.
    for second in [0, 19, 21] {
        driver.push_agent(change(second).to_string());
    }
    driver.finish();
    assert_eq!(too_late(&driver), 2);
    assert_eq!(sum(&driver, "ann", "readyMs"), (2 * (most + 9) - 1) * SECOND);
    assert_eq!(sum(&driver, "ann", "notReadyMs"), SECOND);
    assert_eq!(driver.record("cx.agents", "ann").unwrap()["revision"], most);
    // The state stays limited.
    let keys = driver.changelog().filter(|(key, _)| key.first() == Some(&b'p'));
    assert!(keys.map(|(_, value)| value.len()).sum::<usize>() < 40 * 1_000);
}

#[test]
fn no_change_is_kept_that_is_too_old_and_one_that_comes_late_still_splits_the_span_of_one_that_left() {
    let seconds = |ms: i64| ms / SECOND;
    let last = seconds(OLDEST_MS + DAY);
    let steps = (0..=31).map(|day| news("ann", seconds(day * DAY), "READY", None));
    let mut driver = folded(&steps.collect::<Vec<_>>());
    assert_eq!(driver.record("cx.agents", "ann").unwrap()["revision"], 31);
    let ready = sum(&driver, "ann", "readyMs");
    assert_eq!(ready, 31 * DAY);
    driver.push_agent(news("ann", seconds(DAY) - 1, "LOGOUT", None).to_string());
    driver.finish();
    assert_eq!((too_late(&driver), sum(&driver, "ann", "readyMs")), (1, ready));
    // It is between the last change that left and the first one kept.
    let mut driver = folded(&[news("ann", 0, "READY", None), news("ann", seconds(2 * DAY), "READY", None)]);
    driver.push_agent(news("ann", last, "LOGOUT", None).to_string());
    driver.push_agent(news("ann", seconds(DAY) + 1, "LOGOUT", None).to_string());
    driver.finish();
    assert_eq!(too_late(&driver), 0);
    assert_eq!(sum(&driver, "ann", "readyMs"), DAY + SECOND, "the last span is too long");
}

struct Case {
    /// Topic and value.
    records: Vec<(String, String)>,
    expected: BTreeMap<(String, String), Value>,
    letters: BTreeMap<String, usize>,
}

/// The contract's case of agents' states.
fn case() -> Case {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases/agents-states"));
    let lines = |file: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let records = lines("events.ndjson").into_iter().skip(1);
    let mut case = Case {
        records: records.map(|line| (text(&line["topic"]), text(&line["value"]))).collect(),
        expected: BTreeMap::new(),
        letters: BTreeMap::new(),
    };
    for line in lines("expected.ndjson") {
        if line["topic"] == "cx.dead-letters" {
            *case.letters.entry(text(&line["value"]["reason"])).or_default() += 1;
        } else {
            case.expected.insert((text(&line["topic"]), text(&line["key"])), line["value"].clone());
        }
    }
    case
}

fn check(case: &Case, order: &[usize], times: usize, partitions: i32, crashes: bool) {
    let mut driver = driver_of(partitions);
    driver.set_clock(model::AT_MAX);
    for (number, place) in order.iter().enumerate() {
        let (topic, value) = &case.records[*place];
        match topic.as_str() {
            "cx.agent-states" => driver.push_agent(value.clone()),
            _ => driver.push(value.clone()),
        }
        if number % 2 == 0 {
            driver.step();
        }
        match number % 7 {
            3 => driver.commit(),
            5 if crashes => driver.crash(),
            6 if crashes => driver.abort(),
            _ => {}
        }
    }
    driver.finish();
    let mut letters: BTreeMap<String, usize> = BTreeMap::new();
    for letter in driver.letters() {
        *letters.entry(letter.reason.clone()).or_default() += 1;
    }
    let expected: BTreeMap<String, usize> =
        case.letters.iter().map(|(reason, count)| (reason.clone(), count * times)).collect();
    assert_eq!(letters, expected, "{order:?}");
    let mut finals = driver.finals().clone();
    finals.retain(|(topic, _), _| case.expected.keys().any(|(other, _)| other == topic));
    for ((topic, key), value) in &mut finals {
        if topic == "cx.metrics" {
            for field in ["revision", "histograms"] {
                value.as_object_mut().unwrap().remove(field);
            }
        }
        let mut expected = case.expected[&(topic.clone(), key.clone())].clone();
        if topic == "cx.metrics" {
            expected.as_object_mut().unwrap().remove("histograms");
        }
        assert_eq!(*value, expected, "{order:?}: {topic} {key}");
    }
    assert_eq!(finals.len(), case.expected.len());
    assert_eq!(driver.violations(), Vec::<&str>::new());
}

#[test]
fn the_case_comes_out_as_expected_and_reversed() {
    let case = case();
    let order: Vec<usize> = (0..case.records.len()).collect();
    let reversed: Vec<usize> = order.iter().rev().copied().collect();
    for partitions in [1, 3] {
        check(&case, &order, 1, partitions, false);
        check(&case, &reversed, 1, partitions, true);
    }
}

/// Result of a stateless model: the sums of the spans, and the last change.
#[derive(Debug, Default, PartialEq, Eq)]
struct Naive {
    logged_in: i64,
    ready: i64,
    not_ready: i64,
    last: Option<(i64, String, Option<String>)>,
    since: i64,
    revision: usize,
}

fn naive(changes: &BTreeSet<(i64, String, Option<String>)>) -> Naive {
    let changes: Vec<_> = changes.iter().collect();
    let mut naive = Naive { revision: changes.len(), ..Naive::default() };
    for pair in changes.windows(2) {
        let length = (pair[1].0 - pair[0].0) * SECOND;
        match pair[0].1.as_str() {
            "LOGOUT" => continue,
            "READY" => naive.ready += length,
            "NOT_READY" => naive.not_ready += length,
            _ => {}
        }
        naive.logged_in += length;
    }
    if let Some(last) = changes.last() {
        let same = changes.iter().rev().take_while(|change| (&change.1, &change.2) == (&last.1, &last.2));
        naive.since = same.last().unwrap().0;
        naive.last = Some((*last).clone());
    }
    naive
}

fn changes() -> impl Strategy<Value = Vec<(i64, String, Option<String>)>> {
    let state = prop::sample::select(vec!["LOGIN", "READY", "NOT_READY", "LOGOUT"]).prop_map(str::to_owned);
    let reason = prop::option::of(prop::sample::select(vec!["Lunch", "Break"]).prop_map(str::to_owned));
    // Within a few seconds, or within days.
    let second = prop_oneof![0..20_i64, (0..20_i64).prop_map(|step| step * 20_000)];
    prop::collection::vec((second, state, reason), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_case_comes_out_as_expected_in_any_order_and_doubled(
        order in Just((0..case().records.len()).flat_map(|place| [place; 2]).collect::<Vec<_>>()).prop_shuffle(),
        partitions in 1..4_i32,
        crashes: bool,
    ) {
        check(&case(), &order, 2, partitions, crashes);
    }

    #[test]
    fn whatever_the_order_an_agent_is_what_the_set_of_changes_makes(
        came in changes(),
        doubled in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        commits in prop::collection::vec(0..6_u8, 50),
        partitions in 1..4_i32,
    ) {
        let again = doubled.iter().map(|index| index.get(&came).clone());
        let all: Vec<_> = came.iter().cloned().chain(again.collect::<Vec<_>>()).collect();
        let mut driver = driver_of(partitions);
        driver.set_clock(model::AT_MAX);
        for ((second, state, reason), commit) in all.iter().zip(&commits) {
            driver.push_agent(news("ann", *second, state, reason.as_deref()).to_string());
            driver.step();
            match commit {
                0 => driver.commit(),
                1 => driver.crash(),
                2 => driver.abort(),
                _ => {}
            }
        }
        driver.finish();
        let ann = driver.record("cx.agents", "ann").unwrap();
        let found = Naive {
            logged_in: sum(&driver, "ann", "loggedInMs"),
            ready: sum(&driver, "ann", "readyMs"),
            not_ready: sum(&driver, "ann", "notReadyMs"),
            last: Some((
                (ann["lastChangeAt"].as_i64().unwrap() - T0) / SECOND,
                ann["state"].as_str().unwrap().to_owned(),
                ann["reason"].as_str().map(str::to_owned),
            )),
            since: (ann["since"].as_i64().unwrap() - T0) / SECOND,
            revision: ann["revision"].as_u64().unwrap().try_into().unwrap(),
        };
        prop_assert_eq!(found, naive(&came.into_iter().collect()));
        prop_assert_eq!(driver.violations(), Vec::<&str>::new());
    }
}
