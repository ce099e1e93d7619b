// SPDX-License-Identifier: Apache-2.0

//! Tests of conversations long enough for checkpoints: late events, near and far, give the same result as events in order.

use std::collections::BTreeMap;

use crate::common::driver;
use crate::common::generated::event;
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::Driver;

/// Enough events for several checkpoints.
const EVENTS: std::ops::Range<usize> = 300..700;

/// Events a quarter of a second apart, so that their order is that of the list.
fn events() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(any::<[u8; 5]>(), EVENTS).prop_map(|numbers| {
        let events = numbers.into_iter().enumerate().map(|(n, numbers)| {
            let mut event = event(n, numbers);
            // Some targets appear late, and some activities have many events, all in one conversation.
            event["conversationId"] = json!("c");
            event["timestamp"] = json!(1_750_000_000_000_i64 + i64::try_from(n).unwrap() * 250);
            event.to_string()
        });
        events.collect()
    })
}

/// Position at which each event arrives: most in order, some a little later, a few at the end.
fn arrival(delays: &[u16], events: usize) -> Vec<usize> {
    let mut order: Vec<(usize, usize)> = (0..events)
        .map(|n| {
            let delay = match delays[n % delays.len()] % 100 {
                0 => events,
                1..=5 => 150,
                6..=15 => 10,
                _ => 0,
            };
            (n + delay, n)
        })
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, n)| n).collect()
}

fn finals(driver: &Driver) -> BTreeMap<(String, String), Value> {
    let mut finals = driver.finals().clone();
    for (_, window) in finals.iter_mut().filter(|((topic, _), _)| topic == "cx.metrics") {
        window.as_object_mut().unwrap().remove("revision");
    }
    finals
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn late_events_near_and_far_give_what_events_in_order_give(
        events in events(),
        delays in prop::collection::vec(any::<u16>(), 97),
        commit_every in 1_usize..60,
    ) {
        let mut straight = driver();
        events.iter().for_each(|event| straight.push(event.as_str()));
        straight.finish();

        let mut late = driver();
        for (count, n) in arrival(&delays, events.len()).into_iter().enumerate() {
            late.push(events[n].as_str());
            late.step();
            if count % commit_every == 0 {
                late.commit();
            }
            if count % 101 == 100 {
                late.crash();
            }
        }
        late.finish();
        prop_assert_eq!(late.violations(), Vec::<&str>::new());
        prop_assert_eq!(finals(&late), finals(&straight));
    }
}

#[test]
fn a_late_event_emits_only_what_it_changes() {
    let factory = testkit::EventFactory::new("c");
    let mut driver = driver();
    for n in 0..500 {
        driver.push(factory.event(&format!("e{n:03}"), "ANYTHING", n * 2, json!({})).to_string());
    }
    driver.finish();
    let before = driver.emissions();
    driver.push(factory.event("late", "ANYTHING", 301, json!({})).to_string());
    driver.finish();
    assert_eq!(driver.emissions() - before, 3, "its own entry, the summary, the audit record");
}
