// SPDX-License-Identifier: Apache-2.0

//! Platform events besides messages (contract sections 2, 3 and 7), on the real task: comments, calls, campaigns, signals, and
//! read receipts.

mod calls;
mod campaigns;
mod comments;
mod reads;
mod rooms;

use serde_json::Value;
use testkit::{Driver, EventFactory};

fn c() -> EventFactory {
    EventFactory::new("c")
}

fn folded(mut driver: Driver, events: &[Value]) -> Driver {
    for event in events {
        driver.push(event.to_string());
    }
    driver.finish();
    driver
}

fn activity(events: &[Value], key: &str) -> Value {
    folded(crate::common::driver_of_activities(), events)
        .record("cx.activities", key)
        .cloned()
        .unwrap_or(Value::Null)
}
