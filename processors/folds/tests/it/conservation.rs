// SPDX-License-Identifier: Apache-2.0

//! Sums that must always match: queues, stages, windows, deliveries.

use std::collections::BTreeMap;

use crate::common::driver;
use crate::common::generated::events;
use proptest::prelude::*;
use serde_json::Value;
use testkit::Driver;

fn folded(events: &[String]) -> Driver {
    let mut driver = driver();
    for event in events {
        driver.push(event.as_str());
    }
    driver.finish();
    driver
}

fn of_topic<'d>(driver: &'d Driver, topic: &'d str) -> impl Iterator<Item = (&'d str, &'d Value)> {
    let records = driver.finals().iter().filter(move |((name, _), _)| name == topic);
    records.map(|((_, key), value)| (key.as_str(), value))
}

fn figures(driver: &Driver, dimension: &str, id: &str) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for (_, window) in of_topic(driver, "cx.metrics") {
        if window["dimension"] == dimension && window["id"] == id {
            for (name, value) in window["figures"].as_object().unwrap() {
                *sums.entry(name.clone()).or_default() += value.as_i64().unwrap();
            }
        }
    }
    sums
}

/// The summaries of the conversations that count in metrics.
fn public(driver: &Driver) -> impl Iterator<Item = &Value> {
    let all = of_topic(driver, "cx.conversations").map(|(_, summary)| summary);
    all.filter(|summary| summary["mode"] != "PRIVATE")
}

fn visits(driver: &Driver) -> Vec<Value> {
    let lists = public(driver).map(|summary| &summary["queueVisits"]);
    lists.flat_map(|list| list.as_array().unwrap().clone()).collect()
}

fn stays(driver: &Driver) -> Vec<Value> {
    let lists = public(driver).map(|summary| &summary["agents"]);
    lists.flat_map(|list| list.as_array().unwrap().clone()).collect()
}

fn sum(list: &[Value], field: &str) -> i64 {
    list.iter().filter_map(|item| item[field].as_i64()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_a_queue_is_offered_is_answered_abandoned_refused_cancelled_or_open(events in events()) {
        let driver = folded(&events);
        let visits = visits(&driver);
        for queue in ["sales", "vip/%"] {
            let of_customer = visits.iter().filter(|visit| visit["waits"] == "CUSTOMER");
            let of_queue: Vec<Value> = of_customer.filter(|visit| visit["queue"] == queue).cloned().collect();
            let figures = figures(&driver, "queue", queue);
            let figure = |name: &str| figures.get(name).copied().unwrap_or(0);
            let open = of_queue.iter().filter(|visit| visit["endedAt"].is_null()).count();
            let ended = ["answered", "abandoned", "noAgent", "cancelled"].map(figure).iter().sum::<i64>();
            prop_assert_eq!(figure("offered"), ended + i64::try_from(open).unwrap());
            prop_assert_eq!(figure("offered"), i64::try_from(of_queue.len()).unwrap());
            prop_assert_eq!(figure("waitMs"), sum(&of_queue, "waitMs"));
        }
    }

    #[test]
    fn the_figures_of_agents_over_all_windows_are_those_of_their_stays(events in events()) {
        let driver = folded(&events);
        let stays = stays(&driver);
        for agent in ["ann", "ben"] {
            let of_agent: Vec<Value> = stays.iter().filter(|stay| stay["agentId"] == agent).cloned().collect();
            let figures = figures(&driver, "agent", agent);
            let figure = |name: &str| figures.get(name).copied().unwrap_or(0);
            let serves = |stay: &&Value| !matches!(stay["role"].as_str(), Some("SILENT_MONITOR" | "CONSULTED"));
            prop_assert_eq!(figure("stays"), i64::try_from(of_agent.iter().filter(serves).count()).unwrap());
            for (figure_name, field) in [("engagedMs", "engagedMs"), ("wrapUpMs", "wrapUpMs")] {
                prop_assert_eq!(figure(figure_name), sum(&of_agent, field), "{} of {}", field, agent);
            }
            // Messages may be outside every stay.
            for (figure_name, field) in
                [("messages", "messages"), ("responses", "responses"), ("responseMs", "responseMsTotal")]
            {
                prop_assert!(figure(figure_name) >= sum(&of_agent, field), "{} of {}", field, agent);
            }
        }
    }

    #[test]
    fn the_stages_tile_the_time_of_a_conversation(events in events()) {
        let driver = folded(&events);
        for (id, summary) in of_topic(&driver, "cx.conversations") {
            let prefix = format!("{}/", model::escape(id));
            let mut entries: Vec<(i64, &Value)> = of_topic(&driver, "cx.timelines")
                .filter(|(key, _)| key.starts_with(&prefix))
                .map(|(_, entry)| (entry["at"].as_i64().unwrap(), entry))
                .collect();
            // Entries of one instant share the time before them, and have none between them.
            entries.sort_by_key(|(at, _)| *at);
            prop_assert_eq!(summary["revision"].as_u64().unwrap(), entries.len() as u64);
            let mut in_stages: BTreeMap<&str, i64> = BTreeMap::new();
            for pair in entries.windows(2) {
                *in_stages.entry(pair[0].1["stage"].as_str().unwrap()).or_default() += pair[1].0 - pair[0].0;
            }
            let whole = summary["lastEventAt"].as_i64().unwrap() - summary["startedAt"].as_i64().unwrap();
            prop_assert_eq!(in_stages.values().sum::<i64>(), whole);
            prop_assert_eq!(entries.first().unwrap().1["elapsedMs"].as_i64(), Some(0));
            prop_assert_eq!(entries.last().unwrap().1["elapsedMs"].as_i64(), Some(whole));
        }
    }

    #[test]
    fn a_summary_counts_what_its_activities_and_entries_are(events in events()) {
        let driver = folded(&events);
        for (id, summary) in of_topic(&driver, "cx.conversations") {
            let prefix = format!("{}/", model::escape(id));
            let activities: Vec<&Value> = of_topic(&driver, "cx.activities")
                .filter(|(key, _)| key.starts_with(&prefix))
                .map(|(_, activity)| activity)
                .collect();
            let of_kind = |kind: &str| activities.iter().filter(|activity| activity["kind"] == kind).count() as u64;
            let counts = &summary["counts"];
            for (field, kind) in [
                ("customerMessages", "CUSTOMER_MESSAGE"),
                ("callLegs", "AGENT_CALL_LEG"),
            ] {
                prop_assert_eq!(counts[field].as_u64().unwrap(), of_kind(kind), "{}", field);
            }
            let spoken = ["agentMessages", "botMessages", "systemMessages"].map(|field| counts[field].as_u64().unwrap());
            prop_assert_eq!(spoken.iter().sum::<u64>(), of_kind("AGENT_MESSAGE") + of_kind("BOT_MESSAGE"));
            let delivered = activities.iter().filter(|activity| {
                matches!(activity["delivery"]["status"].as_str(), Some("CONNECTED" | "DELIVERED" | "READ"))
            });
            prop_assert_eq!(summary["delivery"]["delivered"].as_u64().unwrap(), delivered.count() as u64);
            let of_legs = |field: &str| -> i64 {
                let known = activities.iter().filter(|activity| !activity["call"]["durationMs"].is_null());
                known.filter_map(|activity| activity["call"][field].as_i64()).sum()
            };
            prop_assert_eq!(summary["talkMs"].as_i64().unwrap(), of_legs("durationMs") - of_legs("holdMs"));
        }
    }

    #[test]
    fn no_rule_is_ever_violated_while_events_come_one_by_one(events in events()) {
        let mut driver = driver();
        for event in &events {
            driver.push(event.as_str());
        }
        while driver.step() {
            driver.commit();
        }
        prop_assert_eq!(driver.violations(), Vec::<&str>::new());
    }
}
