// SPDX-License-Identifier: Apache-2.0

//! Compares customers with a reference implementation, over conversations that move between them and late events.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

use super::{DAY, HOUR};
use crate::common::driver_of;
use crate::common::listed::{Finals, records};

const CUSTOMERS: [&str; 4] = ["", "ann", "b/b%", "cy"];

/// An event of one of a few conversations, at some time, with some customer and of some kind.
fn event(number: usize, [conversation, hour, customer, what]: [u8; 4]) -> Value {
    let conversation = format!("c/{}", conversation % 6);
    let of = EventFactory::new(&conversation);
    let id = format!("e{number:03}");
    let at = i64::from(hour) * HOUR / 2;
    let detail = usize::from(what / 8);
    let one = |list: [&'static str; 2], by: usize| list[detail / by % 2];
    // Each agent has one role: summaries do not show later roles of a stay.
    let (agent, role) = [("eve", "PRIMARY"), ("flo", "SILENT_MONITOR")][detail % 2];
    let participant = json!({"role": role, "participant": {"id": agent}});
    let (queue, direction) = (one(["sales", "vip"], 1), one(["INBOUND", "CONSULT"], 2));
    let media = json!([{"queue": {"name": queue}, "type": {"direction": direction}}]);
    let mut event = match what % 8 {
        0 => of.event(&id, "AGENT_SUBSCRIBED", at, json!({"agentParticipant": participant})),
        1 => of.event(&id, "TASK_ENQUEUED", at, json!({"task": {"id": id, "activeMedia": media}})),
        2 => of.event(&id, one(["CONVERSATION_CLOSED", "CONVERSATION_STARTED"], 1), at, json!({})),
        3 => of.event(&id, "AGENT_UNSUBSCRIBED", at, json!({"agentParticipant": participant})),
        _ => of.event(&id, "ANYTHING", at, json!({})),
    };
    if what % 8 == 7 && detail.is_multiple_of(6) {
        event["roomInfo"] = json!({"id": "r", "mode": "PRIVATE"});
    }
    // The order of two events of one millisecond depends on their kind: so only these have a channel.
    let channel_type = one(["WEB", "SMS"], 1);
    let channel = (what % 8 > 3).then(|| json!({"channelType": {"name": channel_type}}));
    let customer = CUSTOMERS[usize::from(customer) % CUSTOMERS.len()];
    event["channelSession"] =
        json!({"id": format!("s of {conversation}"), "channel": channel, "customer": {"_id": customer}});
    event
}

fn customers(driver: &Driver) -> Finals {
    let of = driver.finals().iter().filter(|((topic, _), _)| topic == "cx.customers");
    of.map(|(key, value)| (key.clone(), value.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn customers_are_what_the_summaries_say_in_any_order_with_any_failure(
        (events, shuffled) in prop::collection::vec(any::<[u8; 4]>(), 1..50).prop_flat_map(|numbers| {
            let events: Vec<String> =
                numbers.into_iter().enumerate().map(|(n, numbers)| event(n, numbers).to_string()).collect();
            let doubled: Vec<String> = events.iter().chain(&events).cloned().collect();
            (Just(events), Just(doubled).prop_shuffle())
        }),
        failures in prop::collection::vec(0..6_u8, 60),
        partitions in 1..5,
    ) {
        let mut driver = driver_of(partitions);
        driver.set_clock(model::AT_MAX);
        shuffled.iter().for_each(|event| driver.push(event.as_str()));
        for failure in failures {
            match failure {
                0..=2 => { driver.step(); }
                3 => driver.commit(),
                4 => driver.abort(),
                _ => driver.crash(),
            }
            // A conversation is never in two lists.
            let mut lists: BTreeMap<String, usize> = BTreeMap::new();
            for record in customers(&driver).values() {
                for one in record["conversations"].as_array().unwrap() {
                    *lists.entry(one["conversationId"].as_str().unwrap().to_owned()).or_default() += 1;
                }
            }
            if partitions == 1 {
                prop_assert!(lists.values().all(|count| *count == 1), "{:?}", lists);
            }
        }
        driver.finish();
        prop_assert_eq!(customers(&driver), records(driver.finals()));
        let mut straight = driver_of(1);
        straight.set_clock(model::AT_MAX);
        events.iter().for_each(|event| straight.push(event.as_str()));
        straight.finish();
        prop_assert_eq!(customers(&driver), customers(&straight));
        prop_assert_eq!(driver.violations(), Vec::<&str>::new());
    }

    #[test]
    fn of_many_conversations_the_last_hundred_are_listed_in_whatever_order_they_come(
        starts in prop::collection::vec(0..60_i64, 90..130).prop_shuffle(),
        commit_every in 1..40_usize,
    ) {
        let mut driver = driver_of(2);
        driver.set_clock(model::AT_MAX);
        for (n, day) in starts.iter().enumerate() {
            let event = super::started(&format!("c{n}"), &format!("e{n}"), day * DAY, "cus");
            driver.push(event.to_string());
            while driver.step() {}
            if n % commit_every == 0 {
                driver.commit();
            }
        }
        driver.finish();
        prop_assert_eq!(customers(&driver), records(driver.finals()));
    }
}
