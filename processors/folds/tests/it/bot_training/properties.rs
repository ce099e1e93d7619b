// SPDX-License-Identifier: Apache-2.0

//! Properties of the training data, for any events.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::Driver;

use super::{TOPIC, c, driver_of_this_product, reacts, run, run_one_by_one, suggests};
use crate::common::driver_of;

/// An event from a few small numbers, so that many collide.
fn event(number: usize, [what, activity, actor, second]: [u8; 4]) -> Value {
    let id = format!("e{number:03}");
    let pick = |list: &[&'static str], n: u8| list[usize::from(n) % list.len()];
    let activity = pick(&["m1", "m2", "m/3%", "m4"], activity);
    let actor = pick(&["CUSTOMER:cus", "BOT:bo", "AGENT:ann", "SYSTEM:sys"], actor);
    let at = i64::from(second % 10);
    let text = format!("text of {id}");
    match what % 10 {
        0..=2 => c().message(&id, "CUSTOMER_MESSAGE", at, activity, actor, &text),
        3 => c().message(&id, "BOT_MESSAGE", at, activity, actor, &text),
        4 => c().message(&id, "AGENT_MESSAGE", at, activity, actor, &text),
        5 | 6 => suggests(&id, at, activity),
        7 => reacts(
            &id,
            at,
            activity,
            pick(&["FLAG", "EMOJI"], second),
            "v",
            pick(&["ADD", "REMOVE"], what / 10),
        ),
        8 => c().edit(&id, at, activity, actor, &text),
        _ => c().delete(&id, at, activity, actor),
    }
}

fn events() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(any::<[u8; 4]>(), 1..30)
        .prop_map(|numbers| numbers.into_iter().enumerate().map(|(n, numbers)| event(n, numbers)).collect())
}

/// The expected records, computed from the records of activities and timelines.
fn expected(driver: &Driver) -> BTreeMap<&str, Value> {
    let of_topic = |topic: &'static str| {
        let records = driver.finals().iter().filter(move |((name, _), _)| name == topic);
        records.map(|((_, key), record)| (key.as_str(), record))
    };
    let mut expected = BTreeMap::new();
    for (key, message) in of_topic("cx.activities") {
        let is_empty = message["suggestions"].as_array().unwrap().is_empty();
        if message["kind"] != "CUSTOMER_MESSAGE" || !message["deletion"].is_null() || is_empty {
            continue;
        }
        let answer = of_topic("cx.timelines").find(|(_, entry)| entry["respondsTo"] == message["activityId"]);
        let reply = answer.map(|(_, entry)| {
            let (_, reply) = of_topic("cx.activities")
                .find(|(_, other)| other["activityId"] == entry["activityId"])
                .unwrap();
            json!({"activityId": reply["activityId"], "kind": reply["kind"], "actor": reply["actor"],
                "at": entry["at"], "body": reply["body"], "responseMs": entry["responseMs"]})
        });
        let flags =
            message["reactions"].as_array().unwrap().iter().filter(|reaction| reaction["kind"] == "FLAG");
        let flags: Vec<&Value> = flags.collect();
        let record = json!({
            "conversationId": message["conversationId"], "activityId": message["activityId"],
            "occurredAt": message["occurredAt"], "channel": message["channel"], "body": message["body"],
            "suggestions": message["suggestions"], "flags": flags, "reply": reply,
        });
        expected.insert(key, record);
    }
    expected
}

fn actual(driver: &Driver) -> BTreeMap<&str, Value> {
    let records = driver.finals().iter().filter(|((topic, _), _)| topic == TOPIC);
    records.map(|((_, key), record)| (key.as_str(), record.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn after_each_commit_the_records_are_what_activities_and_timelines_say(
        events in events(),
        commits in prop::collection::vec(any::<bool>(), 30),
    ) {
        let mut driver = crate::common::driver();
        for (event, commit) in events.iter().zip(commits) {
            driver.push(event.to_string());
            driver.step();
            if commit {
                driver.commit();
                prop_assert_eq!(actual(&driver), expected(&driver));
            }
        }
        driver.finish();
        prop_assert_eq!(actual(&driver), expected(&driver));
    }

    #[test]
    fn what_no_longer_holds_leaves_the_state(
        (events, shuffled) in events().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
    ) {
        let at_once = run(driver_of_this_product(), &events);
        let one_by_one = run_one_by_one(driver_of_this_product(), &shuffled);
        prop_assert_eq!(one_by_one.changelog_len(), at_once.changelog_len());
    }

    #[test]
    fn order_repetition_failures_and_partitions_do_not_matter(
        (events, shuffled) in events().prop_flat_map(|events| {
            let doubled = [events.clone(), events.clone()].concat();
            (Just(events), Just(doubled).prop_shuffle())
        }),
        between in prop::collection::vec(0..10, 60),
        partitions in 1..4,
    ) {
        let mut driver = driver_of(partitions);
        for event in &shuffled {
            driver.push(event.to_string());
        }
        for between in between {
            match between {
                0..=4 => { driver.step(); }
                5..=7 => driver.commit(),
                8 => driver.abort(),
                _ => driver.crash(),
            }
        }
        driver.finish();
        let straight = run(crate::common::driver(), &events);
        prop_assert_eq!(actual(&driver), actual(&straight));
    }
}
