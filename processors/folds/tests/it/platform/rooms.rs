// SPDX-License-Identifier: Apache-2.0

//! Private rooms: conversations among agents.

use serde_json::{Value, json};
use testkit::Driver;

use super::{c, folded};
use crate::common::driver;

fn chat(mode: Option<&str>) -> Vec<Value> {
    let mut last = c().message("e3", "AGENT_MESSAGE", 9, "m3", "AGENT:ben", "psst");
    if let Some(mode) = mode {
        last["roomInfo"] = json!({"id": "r", "mode": mode});
    }
    let mut first = c().message("e1", "CUSTOMER_MESSAGE", 1, "m1", "CUSTOMER:cus", "hi");
    first["channelSession"] = json!({"id": "s", "channel": {"channelType": {"name": "WEB"}}});
    vec![first, c().message("e2", "AGENT_MESSAGE", 5, "m2", "AGENT:ann", "hi"), last]
}

fn windows(driver: &Driver) -> usize {
    driver.finals().keys().filter(|(topic, _)| topic == "cx.metrics").count()
}

#[test]
fn a_conversation_that_turns_out_to_be_private_is_taken_out_of_all_figures() {
    assert!(windows(&folded(driver(), &chat(Some("CONTACT_CENTER")))) > 0);
    assert_eq!(windows(&folded(driver(), &chat(Some("PRIVATE")))), 0);
    let mut driver = driver();
    for event in chat(Some("PRIVATE")) {
        driver.push(event.to_string());
        driver.step();
        driver.commit();
    }
    driver.finish();
    assert_eq!(windows(&driver), 0);
    assert_eq!(driver.record("cx.conversations", "c").unwrap()["mode"], "PRIVATE");
}

#[test]
fn one_that_turns_out_to_be_none_comes_into_the_figures_whole() {
    let mut events = chat(Some("PRIVATE"));
    let mut earlier = c().event("e0", "CONVERSATION_STARTED", 0, json!({}));
    earlier["roomInfo"] = json!({"id": "r", "mode": "CONTACT_CENTER"});
    events.push(earlier);
    let mut late = driver();
    for event in &events {
        late.push(event.to_string());
        late.step();
        late.commit();
    }
    late.finish();
    events.rotate_right(1);
    let straight = folded(driver(), &events);
    assert!(windows(&straight) > 0);
    let figures = |driver: &Driver| -> Vec<Value> {
        let of = driver.finals().iter().filter(|((topic, _), _)| topic == "cx.metrics");
        of.map(|(_, window)| window["figures"].clone()).collect()
    };
    assert_eq!(figures(&late), figures(&straight));
}
