// SPDX-License-Identifier: Apache-2.0

//! Tests of alerts: what starts and stops each timer, and what is emitted when it is overdue.

mod agents;
mod customers;
mod properties;
mod records;

use engine::Topology;
use folds::Settings;
use folds::alerts::{AlertSettings, AlertUnits};
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

const T0: i64 = 1_750_000_000_000;
/// Long after all events.
const AT_LAST: i64 = T0 + 1_000_000_000;
const TOPIC: &str = "cx.alerts";

/// Settings without targets: only those in events are watched.
fn nothing() -> AlertSettings {
    AlertSettings {
        customer_inactive_ms: None,
        agent_response_ms: None,
        response_warning_percent: 80,
        queue_wait_ms: None,
        left_open_ms: None,
        units: AlertUnits::Auto,
        grace_ms: 0,
    }
}

fn topology(alerts: AlertSettings) -> Topology {
    testkit::topology_with(&Settings { alerts, ..Settings::default() })
}

fn driver(alerts: AlertSettings) -> Driver {
    Driver::new(topology(alerts))
}

/// The current alerts in the topic: key and state.
fn alerts(driver: &Driver) -> Vec<(String, String)> {
    let finals = driver.finals().iter().filter(|((topic, _), _)| topic == TOPIC);
    finals.map(|((_, key), alert)| (key.clone(), alert["state"].as_str().unwrap().to_owned())).collect()
}

/// Takes these events and sets the clock to this number of seconds after time 0.
fn after(settings: AlertSettings, events: &[Value], second: i64) -> Vec<(String, String)> {
    let mut driver = driver(settings);
    events.iter().for_each(|event| driver.push(event.to_string()));
    driver.punctuate(T0 + second * 1000);
    assert_eq!(driver.violations(), Vec::<&str>::new());
    alerts(&driver)
}

fn raised(key: &str) -> (String, String) {
    (key.to_owned(), "raised".to_owned())
}

fn resolved(key: &str) -> (String, String) {
    (key.to_owned(), "resolved".to_owned())
}

fn c() -> EventFactory {
    EventFactory::new("c")
}

/// An event in a channel session with a target of ten seconds for its customer.
fn in_session(mut event: Value, session: &str) -> Value {
    event["channelSession"] = json!({"id": session, "channel": {
        "channelType": {"name": "WEB"}, "channelConfig": {"customerActivityTimeout": 10, "responseSla": 0}}});
    event
}

fn message(id: &str, name: &str, second: i64) -> Value {
    let actor = match name {
        "CUSTOMER_MESSAGE" => "CUSTOMER:cus",
        "BOT_MESSAGE" => "BOT:bo",
        _ => "AGENT:ann",
    };
    c().message(id, name, second, &format!("m-{id}"), actor, "x")
}

fn fact(id: &str, name: &str, second: i64) -> Value {
    c().event(id, name, second, json!({}))
}

fn agent(id: &str, name: &str, second: i64, agent: &str) -> Value {
    let participant = json!({"role": "PRIMARY", "participant": {"id": agent}});
    c().event(id, name, second, json!({"agentParticipant": participant}))
}

fn enqueued(id: &str, second: i64, task: &str) -> Value {
    c().event(id, "TASK_ENQUEUED", second, json!({"task": {"id": task}, "queue": {"name": "sales"}}))
}
