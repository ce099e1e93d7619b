// SPDX-License-Identifier: Apache-2.0

//! Sums that must match over all windows of a size, for every size: offers and their ends, histograms and their figures,
//! figures and the summaries and activities behind them.

use std::collections::BTreeMap;

use crate::common::generated::events;
use folds::Settings;
use proptest::prelude::*;
use serde_json::Value;
use testkit::Driver;

use crate::metrics::{counted, fixed, folded, week, windows, zone};

/// Small windows, because the events of these tests are seconds apart, and days and weeks.
fn settings() -> Settings {
    let sizes = [fixed(&[1_000, 900_000]), vec![zone("Asia/Kathmandu"), zone("Europe/Berlin"), week("UTC")]];
    Settings { windows: sizes.concat(), ..Settings::default() }
}

const SIZES: usize = 5;

/// By size name: the sums over its windows of a dimension, by id and figure or histogram.
type Sums = BTreeMap<String, BTreeMap<(String, String), i64>>;

fn sums(driver: &Driver, dimension: &str) -> Sums {
    let mut sums = Sums::new();
    for (key, window) in windows(driver) {
        let of = model::parse_window_key(&key).unwrap();
        if of.dimension.as_str() == dimension {
            let of_size = sums.entry(of.size).or_default();
            for (what, value) in counted(&window) {
                // The count of a histogram in all buckets together.
                let what = what.split_once(' ').map_or(what.clone(), |(name, _)| format!("counts of {name}"));
                *of_size.entry((of.id.clone(), what)).or_default() += value;
            }
        }
    }
    sums
}

/// The lists of the summaries that count in metrics.
fn lists(driver: &Driver, field: &str) -> Vec<Value> {
    let records = driver.finals().iter().filter(|((topic, _), _)| topic == "cx.conversations");
    let public = records.map(|(_, summary)| summary).filter(|summary| summary["mode"] != "PRIVATE");
    public.flat_map(|summary| summary[field].as_array().unwrap().clone()).collect()
}

fn total(list: &[&Value], field: &str) -> i64 {
    list.iter().filter_map(|item| item[field].as_i64()).sum()
}

fn count(list: &[&Value], is_it: impl Fn(&Value) -> bool) -> i64 {
    i64::try_from(list.iter().filter(|item| is_it(item)).count()).unwrap()
}

fn known(list: &[&Value], field: &str) -> i64 {
    count(list, |item| !item[field].is_null())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn in_each_size_what_a_queue_is_offered_is_answered_abandoned_refused_cancelled_or_open(events in events()) {
        let driver = folded(&events, &settings(), 1);
        let visits = lists(&driver, "queueVisits");
        let sums = sums(&driver, "queue");
        prop_assert!(sums.is_empty() || sums.len() == SIZES, "{:?}", sums.keys());
        for (size, sums) in sums {
            for queue in ["sales", "vip/%"] {
                let sum = |figure: &str| sums.get(&(queue.to_owned(), figure.to_owned())).copied().unwrap_or(0);
                let of_queue: Vec<&Value> =
                    visits.iter().filter(|visit| visit["waits"] == "CUSTOMER" && visit["queue"] == queue).collect();
                let open = count(&of_queue, |visit| visit["endedAt"].is_null());
                let ended = ["answered", "abandoned", "noAgent", "cancelled"].map(sum).iter().sum::<i64>();
                prop_assert_eq!(sum("offered"), ended + open, "{} of {}", size, queue);
                prop_assert_eq!(sum("ronas"), total(&of_queue, "ronas"));
                prop_assert_eq!(sum("waitMs"), total(&of_queue, "waitMs"));
                for (figure, wait, outcome) in
                    [("answered", "answeredWaitMs", "ANSWERED"), ("abandoned", "abandonedWaitMs", "ABANDONED")]
                {
                    let ended_so: Vec<&Value> =
                        of_queue.iter().copied().filter(|visit| visit["outcome"] == outcome).collect();
                    prop_assert_eq!(sum(figure), known(&ended_so, "endedAt"));
                    prop_assert_eq!(sum(wait), total(&ended_so, "waitMs"));
                    prop_assert_eq!(sum(&format!("counts of {wait}")), sum(figure), "{} of {}", size, queue);
                    prop_assert_eq!(sum(&format!("{figure}InTarget")), count(&ended_so, |visit| visit["waitMs"].as_i64() <= Some(20_000)));
                }
                prop_assert!(sum("ronasInTarget") <= sum("ronas"));
                let of_queue: Vec<&Value> = visits.iter().filter(|visit| visit["queue"] == queue).collect();
                prop_assert_eq!(sum("consults"), count(&of_queue, |visit| visit["direction"] == "CONSULT"));
                prop_assert_eq!(sum("transfersIn"), count(&of_queue, |visit| visit["direction"] == "DIRECT_TRANSFER"));
            }
        }
    }

    #[test]
    fn in_each_size_the_work_of_an_agent_at_a_queue_is_that_of_the_tasks(events in events()) {
        let driver = folded(&events, &settings(), 1);
        let tasks = lists(&driver, "tasks");
        for (size, sums) in sums(&driver, "queue-agent") {
            for (queue, agent) in [("sales", "ann"), ("sales", "ben"), ("vip/%", "ann"), ("vip/%", "ben")] {
                let id = model::queue_agent_id(queue, agent);
                let sum = |figure: &str| sums.get(&(id.clone(), figure.to_owned())).copied().unwrap_or(0);
                let own: Vec<&Value> =
                    tasks.iter().filter(|task| task["queue"] == queue && task["agentId"] == agent).collect();
                let closed: Vec<&Value> = own.iter().copied().filter(|task| !task["closedAt"].is_null()).collect();
                prop_assert_eq!(sum("offered"), known(&own, "reservedAt"), "{} of {}", size, id);
                prop_assert_eq!(sum("answered"), known(&own, "answeredAt"), "{} of {}", size, id);
                let ended = ["done", "ronas", "cancelled", "transferred", "otherwise"].map(sum).iter().sum::<i64>();
                prop_assert_eq!(ended, known(&closed, "closedAt"), "{} of {}", size, id);
                for ms in ["ringMs", "handleMs", "wrapUpMs"] {
                    prop_assert_eq!(sum(ms), total(&closed, ms), "{} of {}", size, id);
                }
                for ms in ["ringMs", "handleMs"] {
                    prop_assert_eq!(sum(&format!("counts of {ms}")), known(&closed, ms), "{} of {}", size, id);
                }
            }
        }
    }

    #[test]
    fn in_each_size_the_figures_of_agents_are_those_of_their_stays_and_calls(events in events()) {
        let driver = folded(&events, &settings(), 1);
        let records = |topic: &'static str| {
            driver.finals().iter().filter(move |((name, _), _)| name == topic).map(|(_, record)| record)
        };
        let private: Vec<&Value> =
            records("cx.conversations").filter(|summary| summary["mode"] == "PRIVATE").map(|summary| &summary["conversationId"]).collect();
        let legs: Vec<&Value> = records("cx.activities")
            .filter(|activity| !private.contains(&&activity["conversationId"]))
            .map(|activity| &activity["call"])
            .filter(|call| !call["endedAt"].is_null())
            .collect();
        let stays = lists(&driver, "agents");
        for (size, sums) in sums(&driver, "agent") {
            for agent in ["ann", "ben"] {
                let sum = |figure: &str| sums.get(&(agent.to_owned(), figure.to_owned())).copied().unwrap_or(0);
                let own: Vec<&Value> = legs.iter().copied().filter(|call| call["agentId"] == agent).collect();
                prop_assert_eq!(sum("callLegs"), known(&own, "endedAt"), "{} of {}", size, agent);
                prop_assert_eq!(sum("holdMs"), total(&own, "holdMs"), "{} of {}", size, agent);
                let own_known: Vec<&Value> = own.into_iter().filter(|call| !call["durationMs"].is_null()).collect();
                prop_assert_eq!(sum("talkMs"), total(&own_known, "durationMs") - total(&own_known, "holdMs"));
                let own: Vec<&Value> = stays.iter().filter(|stay| stay["agentId"] == agent).collect();
                prop_assert!(sum("agentResponseMs") >= total(&own, "agentResponseMsTotal"));
                prop_assert!(sum("agentResponseMs") <= sum("responseMs"), "from the joining on is never longer");
                prop_assert_eq!(sum("counts of responseMs"), sum("responses"), "{} of {}", size, agent);
            }
        }
        for (size, sums) in sums(&driver, "bot") {
            let sum = |figure: &str| sums.get(&("bo".to_owned(), figure.to_owned())).copied().unwrap_or(0);
            prop_assert_eq!(sum("counts of responseMs"), sum("responses"), "{}", size);
        }
    }

    #[test]
    fn in_each_size_the_figures_of_channels_are_those_of_the_summaries(events in events()) {
        let driver = folded(&events, &settings(), 1);
        let records = driver.finals().iter().filter(|((topic, _), _)| topic == "cx.conversations");
        let summaries: Vec<&Value> = records
            .map(|(_, summary)| summary)
            .filter(|summary| summary["mode"] != "PRIVATE" && summary["channels"] != serde_json::json!([]))
            .collect();
        for (size, sums) in sums(&driver, "channel") {
            let over_channels = |figure: &str| {
                let of_figure = sums.iter().filter(|((_, name), _)| name == figure);
                of_figure.map(|(_, value)| value).sum::<i64>()
            };
            prop_assert_eq!(over_channels("conversations"), count(&summaries, |_| true), "{}", size);
            let cycles: Vec<&Value> =
                summaries.iter().flat_map(|summary| summary["cycles"].as_array().unwrap()).collect();
            prop_assert_eq!(
                over_channels("reopened"),
                count(&cycles, |_| true) - count(&summaries, |_| true), "{}", size
            );
            for (figure, outcome) in [
                ("contained", "CONTAINED"), ("handled", "HANDLED"),
                ("abandonedConversations", "ABANDONED"), ("noAgentConversations", "NO_AGENT"),
            ] {
                prop_assert_eq!(over_channels(figure), count(&cycles, |cycle| cycle["outcome"] == outcome), "{}", size);
            }
            for ms in ["firstResponseMs", "firstAgentResponseFromRequestMs"] {
                prop_assert_eq!(over_channels(&format!("counts of {ms}")), known(&summaries, ms), "{} {}", size, ms);
            }
        }
    }
}
