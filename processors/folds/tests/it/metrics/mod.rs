// SPDX-License-Identifier: Apache-2.0

//! Tests of metrics windows (contract section 6): their contents, subtraction by late events, and expiry.

mod kpis;
mod one_task;
mod sums;

use std::collections::BTreeMap;

use crate::common::generated::events;
use engine::{Counter, Notice};
use folds::Settings;
use folds::metrics::{
    CHANGES_EXPIRED, STAYS_TOO_LONG, VISITS_ENDED, VISITS_OFFERED, VISITS_OFFERED_TAKEN_BACK,
    VISITS_TAKEN_BACK, VISITS_WAITED, VISITS_WAITED_TAKEN_BACK,
};
use folds::metrics::{Calendar, Unit, WindowSize};
use one_task::{OneTask, topology};
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

const DAY_S: i64 = 24 * 60 * 60;
/// The window that contains a test's time 0.
const FIRST: &str = "900000/1749999600000";
const SECOND: &str = "900000/1750000500000";

type Windows = BTreeMap<String, Value>;

/// The final records of the windows, without the revision, which depends on the order of arrival.
fn windows(driver: &Driver) -> Windows {
    let of_metrics = driver.finals().iter().filter(|((topic, _), _)| topic == "cx.metrics");
    of_metrics
        .map(|((_, key), record)| {
            let mut record = record.clone();
            record.as_object_mut().unwrap().remove("revision").unwrap();
            (key.clone(), record)
        })
        .collect()
}

fn folded(events: &[String], settings: &Settings, partitions: i32) -> Driver {
    let mut driver = Driver::with_partitions(topology(settings), partitions);
    for event in events {
        driver.push(event.as_str());
    }
    driver.finish();
    driver
}

fn figures(task: &OneTask, key: &str) -> Value {
    task.record("cx.metrics", key)["figures"].clone()
}

fn fixed(sizes_ms: &[i64]) -> Vec<WindowSize> {
    sizes_ms.iter().copied().map(WindowSize::Fixed).collect()
}

fn zone(name: &str) -> WindowSize {
    WindowSize::Calendar(Calendar::new(Unit::Day, name).unwrap())
}

fn week(zone: &str) -> WindowSize {
    WindowSize::Calendar(Calendar::new(Unit::Week(folds::metrics::Weekday::Mon), zone).unwrap())
}

/// All that a window counts: its figures, and each bucket of its histograms.
fn counted(window: &Value) -> Vec<(String, i64)> {
    let figures = window["figures"].as_object().unwrap();
    let mut all: Vec<(String, i64)> =
        figures.iter().map(|(name, value)| (name.clone(), value.as_i64().unwrap())).collect();
    for (name, counts) in window["histograms"].as_object().unwrap() {
        let counts = counts.as_object().unwrap();
        all.extend(counts.iter().map(|(bound, count)| (format!("{name} {bound}"), count.as_i64().unwrap())));
    }
    all
}

fn bot_message(id: &str, second: i64, activity: &str) -> Value {
    EventFactory::new("c").message(id, "BOT_MESSAGE", second, activity, "BOT:bo", "hi")
}

#[test]
fn a_window_says_what_it_is_of_and_how_many_changes_it_took() {
    let mut task = OneTask::new(&Settings::default());
    task.take(&[bot_message("a", 0, "m1")]);
    task.take(&[bot_message("b", 1, "m2")]);
    assert_eq!(
        task.record("cx.metrics", &format!("bot/bo/{FIRST}")),
        json!({"dimension": "bot", "id": "bo", "windowStart": 1_749_999_600_000_i64,
            "windowEnd": 1_750_000_500_000_i64, "figures": {"messages": 2}, "revision": 2, "histograms": {}})
    );
}

#[test]
fn what_a_late_event_takes_away_from_a_window_leaves_a_tombstone_where_nothing_is_left() {
    let mut task = OneTask::new(&Settings::default());
    let (first, second) = (format!("bot/bo/{FIRST}"), format!("bot/bo/{SECOND}"));
    task.take(&[bot_message("b", 1000, "m")]);
    assert_eq!(figures(&task, &second), json!({"messages": 1}));
    // The same message again with an earlier time: this one counts.
    task.take(&[bot_message("a", 0, "m")]);
    assert_eq!(figures(&task, &first), json!({"messages": 1}));
    assert!(task.has_emitted("cx.metrics", &second) && task.record("cx.metrics", &second).is_null());
    assert_eq!(task.keys_with(&second), 0, "the state has forgotten it");
}

#[test]
fn a_window_that_comes_and_goes_within_one_commit_is_never_seen() {
    let mut task = OneTask::new(&Settings::default());
    task.take(&[bot_message("b", 1000, "m"), bot_message("a", 0, "m")]);
    assert!(!task.has_emitted("cx.metrics", &format!("bot/bo/{SECOND}")));
}

#[test]
fn every_configured_size_has_its_own_windows() {
    let settings = Settings { windows: fixed(&[60_000, 900_000]), ..Settings::default() };
    let mut task = OneTask::new(&settings);
    task.take(&[bot_message("a", 0, "m1"), bot_message("b", 30, "m2")]);
    assert_eq!(figures(&task, &format!("bot/bo/{FIRST}")), json!({"messages": 2}));
    assert_eq!(figures(&task, "bot/bo/60000/1749999960000"), json!({"messages": 1}));
    assert_eq!(figures(&task, "bot/bo/60000/1750000020000"), json!({"messages": 1}));
}

#[test]
fn a_size_that_is_configured_twice_counts_once() {
    let settings = Settings { windows: fixed(&[900_000, 900_000]), ..Settings::default() };
    let mut task = OneTask::new(&settings);
    task.take(&[bot_message("a", 0, "m1")]);
    assert_eq!(figures(&task, &format!("bot/bo/{FIRST}")), json!({"messages": 1}));
}

/// Windows stay for a day after their end.
#[test]
fn other_windows_or_another_service_level_are_never_mixed_into_a_state() {
    let standard = Settings::default();
    let message = |n: i64| bot_message(&format!("e{n}"), n, &format!("m{n}"));
    for other in [
        Settings { windows: fixed(&[60_000]), ..standard.clone() },
        Settings { windows: vec![zone("Europe/Berlin")], ..standard.clone() },
        Settings { service_levels_ms: [("q".to_owned(), 1)].into(), ..standard.clone() },
        Settings { service_level_ms: 30_000, ..standard.clone() },
        Settings { longest_span_ms: 1_000, ..standard.clone() },
    ] {
        let mut task = OneTask::new(&standard);
        task.take(&[message(1)]);
        assert_eq!(task.refusal(&standard, &message(2)), None);
        let refusal = task.refusal(&other, &message(3)).unwrap();
        assert!(refusal.contains("begin a new --group"), "{refusal}");
    }
}

fn for_a_day() -> Settings {
    Settings { window_retention_ms: DAY_S * 1000, ..Settings::default() }
}

#[test]
fn a_window_leaves_the_state_when_its_retention_is_over_and_its_record_stays() {
    let mut task = OneTask::new(&for_a_day());
    task.catch_up();
    let window = format!("bot/bo/{FIRST}");
    task.take(&[bot_message("a", 0, "m1")]);
    task.take(&[bot_message("b", DAY_S + 500, "m2")]);
    assert_eq!(task.keys_with(&window), 2, "its last moment: the window and its end");
    task.take(&[bot_message("c", DAY_S + 501, "m3")]);
    assert_eq!(task.keys_with(&window), 0);
    assert_eq!(figures(&task, &window), json!({"messages": 1}));
    assert_eq!(task.count(&CHANGES_EXPIRED), 0);
}

#[test]
fn a_window_that_changes_in_the_commit_in_which_its_retention_ends_keeps_its_record() {
    let window = format!("bot/bo/{FIRST}");
    // The change arrives as a message from another partition, in the commit that ends the retention.
    let mut task = OneTask::new(&for_a_day());
    task.catch_up();
    task.take(&[bot_message("a", 0, "m1")]);
    task.receive_amount("bot/bo", "messages", 1_750_000_000_000);
    task.take(&[bot_message("b", DAY_S + 501, "m2")]);
    assert_eq!(figures(&task, &window), json!({"messages": 2}));
    task.take(&[bot_message("c", DAY_S + 502, "m3")]);
    assert_eq!(task.keys_with(&window), 0, "it has left, with the next commit");
    assert_eq!(figures(&task, &window), json!({"messages": 2}), "and its record stays");
}

#[test]
fn what_comes_for_a_window_that_has_left_is_counted_and_changes_nothing() {
    let mut task = OneTask::new(&for_a_day());
    task.catch_up();
    let window = format!("bot/bo/{FIRST}");
    task.take(&[bot_message("a", 0, "m1")]);
    task.take(&[bot_message("b", 2 * DAY_S, "m2")]);
    task.take(&[bot_message("c", 1, "m3")]);
    assert_eq!(figures(&task, &window), json!({"messages": 1}));
    assert_eq!(task.count(&CHANGES_EXPIRED), 1);
}

#[test]
fn a_window_that_has_left_does_not_come_back_half_empty_while_the_task_catches_up_elsewhere() {
    let mut task = OneTask::new(&for_a_day());
    task.catch_up();
    let window = format!("bot/bo/{FIRST}");
    task.take(&[bot_message("a", 0, "m1"), bot_message("b", 1, "m2")]);
    task.take(&[bot_message("c", 2 * DAY_S, "m3")]);
    task.take(&[bot_message("d", 2 * DAY_S + 1, "m4")]);
    task.move_elsewhere();
    task.take(&[bot_message("e", 2, "m5")]);
    assert_eq!(figures(&task, &window), json!({"messages": 2}));
    assert_eq!(task.count(&CHANGES_EXPIRED), 1);
}

#[test]
fn nothing_leaves_while_the_task_catches_up() {
    let mut task = OneTask::new(&for_a_day());
    task.take(&[bot_message("a", 0, "m1")]);
    task.take(&[bot_message("b", 400 * DAY_S, "m2")]);
    task.take(&[bot_message("c", 1, "m3")]);
    assert_eq!(figures(&task, &format!("bot/bo/{FIRST}")), json!({"messages": 2}));
}

fn of_agent(conversation: &str, agent: &str, id: &str, name: &str, second: i64, role: &str) -> Value {
    let data = json!({"agentParticipant": {"role": role, "participant": {"id": agent}}});
    EventFactory::new(conversation).event(id, name, second, data)
}

fn subscribed(agent: &str, second: i64) -> Value {
    of_agent("c", agent, &format!("a-{agent}"), "AGENT_SUBSCRIBED", second, "PRIMARY")
}

fn unsubscribed(agent: &str, second: i64) -> Value {
    of_agent("c", agent, &format!("b-{agent}"), "AGENT_UNSUBSCRIBED", second, "PRIMARY")
}

/// Sum of each figure over all published windows of an agent.
fn sums(task: &OneTask, agent: &str) -> BTreeMap<String, i64> {
    sums_of(task, "agent", agent)
}

/// A subject's figures over all of its windows.
fn sums_of(task: &OneTask, dimension: &str, id: &str) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for window in task.records("cx.metrics", &format!("{dimension}/{id}/")) {
        for (figure, value) in window["figures"].as_object().unwrap() {
            *sums.entry(figure.clone()).or_default() += value.as_i64().unwrap();
        }
    }
    sums
}

#[test]
fn forty_one_events_with_stays_since_the_year_2000_make_no_windows_of_time_and_are_counted() {
    let mut task = OneTask::new(&Settings::default());
    let since_2000 = -(25 * 365 * DAY_S);
    let mut events: Vec<Value> = (0..20).map(|n| subscribed(&format!("a{n}"), since_2000)).collect();
    events.extend((0..20).map(|n| unsubscribed(&format!("a{n}"), 0)));
    events.push(EventFactory::new("c").event("z", "CONVERSATION_CLOSED", 1, json!({})));
    task.take(&events);
    assert_eq!(task.count(&STAYS_TOO_LONG), 20);
    assert_eq!(
        task.keys_with("agent/"),
        2 * 20,
        "of each agent the window in which the stay began, and its end"
    );
    let summary = task.record("cx.conversations", "c");
    assert_eq!(summary["agents"][0]["engagedMs"], json!(25 * 365 * DAY_S * 1000), "it is there as it is");
}

#[test]
fn a_stay_of_just_the_longest_span_counts_and_one_that_is_a_millisecond_longer_does_not() {
    let week_s = 7 * DAY_S;
    let mut task = OneTask::new(&Settings::default());
    let mut longer = unsubscribed("ben", 0);
    longer["timestamp"] = json!(longer["timestamp"].as_i64().unwrap() + 1);
    task.take(&[subscribed("ann", -week_s), subscribed("ben", -week_s), unsubscribed("ann", 0), longer]);
    assert_eq!(
        sums(&task, "ann"),
        BTreeMap::from([("engagedMs".to_owned(), week_s * 1000), ("stays".to_owned(), 1)])
    );
    assert_eq!(sums(&task, "ben"), BTreeMap::from([("stays".to_owned(), 1)]));
    assert_eq!(task.count(&STAYS_TOO_LONG), 1);
}

#[test]
fn a_stay_of_short_parts_that_is_too_long_as_a_whole_contributes_none_of_them() {
    let mut task = OneTask::new(&Settings::default());
    let role = |id: &str, day: i64, role: &str| {
        let data =
            json!({"conversationParticipant": {"type": "AGENT", "role": role, "participant": {"id": "ann"}}});
        EventFactory::new("c").event(id, "PARTICIPANT_ROLE_CHANGED", day * DAY_S, data)
    };
    task.take(&[
        subscribed("ann", 0),
        role("r1", 3, "WRAP_UP"),
        role("r2", 6, "PRIMARY"),
        unsubscribed("ann", 8 * DAY_S),
    ]);
    assert_eq!(sums(&task, "ann"), BTreeMap::from([("stays".to_owned(), 1)]));
}

#[test]
fn a_late_event_that_makes_a_stay_short_enough_gives_its_times_and_one_that_makes_it_too_long_takes_them() {
    let mut task = OneTask::new(&Settings::default());
    task.take(&[subscribed("ann", 0), unsubscribed("ann", 8 * DAY_S)]);
    assert_eq!(sums(&task, "ann").get("engagedMs"), None);
    // An earlier end of the stay.
    task.take(&[of_agent("c", "ann", "b0", "AGENT_UNSUBSCRIBED", DAY_S, "PRIMARY")]);
    assert_eq!(sums(&task, "ann").get("engagedMs"), Some(&(DAY_S * 1000)));
    // An earlier start.
    task.take(&[of_agent("c", "ann", "a0", "AGENT_SUBSCRIBED", -9 * DAY_S, "PRIMARY")]);
    assert_eq!(sums(&task, "ann").get("engagedMs"), None);
    assert_eq!(task.count(&STAYS_TOO_LONG), 2);
}

#[test]
fn a_commit_changes_a_bounded_number_of_windows_however_many_stays_one_event_ends() {
    let mut task = OneTask::new(&Settings::default());
    let mut events: Vec<Value> = (0..200).map(|n| subscribed(&format!("a{n}"), -6 * DAY_S)).collect();
    events.push(EventFactory::new("c").event("z", "CONVERSATION_CLOSED", 0, json!({})));
    task.take(&events);
    assert!(task.emitted() <= 11_000, "{} records in one commit", task.emitted());
    let mut commits = 1;
    while task.take_message() {
        commits += 1;
        assert!(task.emitted() <= 1_100, "{} records in one commit", task.emitted());
    }
    assert!(commits > 10, "{commits}");
    for n in 0..200 {
        let expected = BTreeMap::from([("engagedMs".to_owned(), 6 * DAY_S * 1000), ("stays".to_owned(), 1)]);
        assert_eq!(sums(&task, &format!("a{n}")), expected);
    }
    assert_eq!(task.violations(), 0);
}

#[test]
fn how_visits_end_is_counted_for_operators_and_taken_back_when_a_late_event_changes_it() {
    let event = |id: &str, name: &str, second: i64, data: Value| {
        json!({"id": id, "name": name, "timestamp": 1_750_000_000_000_i64 + 1000 * second, "conversationId": "c",
            "data": data})
    };
    let enqueued = |id: &str, second: i64| {
        event(id, "TASK_ENQUEUED", second, json!({"task": {"id": "t"}, "queue": {"name": "web"}}))
    };
    let agent = json!({"agentParticipant": {"role": "PRIMARY", "participant": {"id": "ann"}}});
    for queues in [vec![], vec!["mail".to_owned(), "web".to_owned()]] {
        let is_listed = !queues.is_empty();
        let notice = |counter: &'static Counter, value: &'static str| match is_listed {
            true => Notice::CountedOf(counter, 1, value),
            false => Notice::Counted(counter, value),
        };
        let mut task = OneTask::new(&Settings { prometheus_queues: queues, ..Settings::default() });
        task.take(&[enqueued("b", 30), event("c", "AGENT_SUBSCRIBED", 40, agent.clone())]);
        assert_eq!(task.count(notice(&VISITS_ENDED, "answered_in_target")), 1);
        assert_eq!(task.count(notice(&VISITS_OFFERED, "")), 1);
        assert_eq!(task.count(notice(&VISITS_WAITED, "answered")), 10_000);
        task.take(&[enqueued("a", 0)]);
        assert_eq!(task.count(notice(&VISITS_TAKEN_BACK, "answered_in_target")), 1);
        assert_eq!(task.count(notice(&VISITS_ENDED, "answered_late")), 1);
        assert_eq!(task.count(notice(&VISITS_TAKEN_BACK, "answered_late")), 0);
        // What is counted less what was taken back is what the windows have.
        let net = |counted, taken_back, value| {
            task.count(notice(counted, value)) - task.count(notice(taken_back, value))
        };
        let sums = sums_of(&task, "queue", "web");
        assert_eq!(net(&VISITS_OFFERED, &VISITS_OFFERED_TAKEN_BACK, ""), sums["offered"].unsigned_abs());
        assert_eq!(
            net(&VISITS_WAITED, &VISITS_WAITED_TAKEN_BACK, "answered"),
            sums["answeredWaitMs"].unsigned_abs()
        );
    }
}

#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    Commit,
    Abort,
    Crash,
}

fn between() -> impl Strategy<Value = Between> {
    use Between::{Abort, Commit, Crash, Nothing};
    prop_oneof![4 => Just(Nothing), 3 => Just(Commit), 1 => Just(Abort), 1 => Just(Crash)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn windows_are_the_same_on_any_number_of_partitions_whatever_happens(
        (events, shuffled) in events().prop_flat_map(|events| {
            let doubled: Vec<String> = events.iter().chain(events.iter()).cloned().collect();
            (Just(events), Just(doubled).prop_shuffle())
        }),
        failures in prop::collection::vec(between(), 80),
        partitions in 1_i32..6,
    ) {
        // Small windows: the events of these tests are seconds apart.
        let settings = Settings { windows: [fixed(&[2_000, 900_000]), vec![zone("Asia/Kathmandu")]].concat(), ..Settings::default() };
        let expected = windows(&folded(&events, &settings, 1));
        let mut driver = Driver::with_partitions(topology(&settings), partitions);
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
        // A commit may leave work for other partitions.
        driver.commit();
        driver.finish();
        prop_assert_eq!(windows(&driver), expected);
        prop_assert_eq!(driver.violations(), Vec::<&str>::new());
    }

    #[test]
    fn the_windows_of_each_size_add_up_to_the_same(events in events()) {
        let settings = Settings { windows: [fixed(&[1_000, 7_000, 900_000]), vec![zone("Asia/Kathmandu"), zone("Europe/Berlin"), week("UTC")]].concat(), ..Settings::default() };
        let driver = folded(&events, &settings, 1);
        let mut sums: BTreeMap<(String, String, String), BTreeMap<String, i64>> = BTreeMap::new();
        for (key, window) in windows(&driver) {
            let of = model::parse_window_key(&key).unwrap();
            prop_assert_eq!(&window["windowStart"], &json!(of.window_start));
            if let Ok(size_ms) = of.size.parse::<i64>() {
                prop_assert_eq!(&window["windowEnd"], &json!(of.window_start + size_ms));
                prop_assert_eq!(of.window_start % size_ms, 0);
            }
            for (figure, value) in counted(&window) {
                prop_assert!(value > 0, "{} of {}", figure, key);
                let name = (of.dimension.as_str().to_owned(), of.id.clone(), figure);
                *sums.entry(name).or_default().entry(of.size.clone()).or_default() += value;
            }
        }
        for (name, by_size) in sums {
            prop_assert_eq!(by_size.len(), 6, "{:?}", name);
            prop_assert!(by_size.values().all(|sum| Some(sum) == by_size.values().next()), "{:?}: {:?}", name, by_size);
        }
    }
}
