// SPDX-License-Identifier: Apache-2.0

//! What becomes of a message: topic, key, partition, headers; and a dry run.

use std::collections::BTreeSet;

use cx_timelines_tests::{run_to_end, wait_until};
use sandbox::activemq::{Client, Kind, To};
use serde_json::Value;

use super::ground::{Ground, TIMEOUT, await_settled, event, events};
use super::jms::{Jms, send, send_by_stomp};

const EVENTS: To<'static> = To::Topic("conversation-topic");
const STATES: To<'static> = To::Topic("STATE_CHANNEL");

fn jms(jms_type: &str, text: &str) -> Jms {
    Jms { jms_type: Some(jms_type.to_owned()), text: text.to_owned() }
}

fn state(agent: &str) -> String {
    format!(
        r#"{{"name":"AGENT_STATE_CHANGED","data":{{"agentPresence":{{"agent":{{"id":"{agent}"}},"state":{{"name":"READY","reasonCode":null}},"stateChangeTime":1750000000000}}}}}}"#
    )
}

#[test]
fn each_message_of_activemq_classic_gets_the_topic_key_and_partition_that_load_gives_it() {
    let ground = Ground::new(Kind::Classic);
    let mut bridge = ground.start_ready(&[]);
    // As ExpertFlow's services send them, and as others do by AMQP.
    let mut openwire = ground.publisher(Client::OpenWire);
    let mut amqp = ground.publisher(Client::Amqp);

    let (mut wanted, messages) = events(0..40);
    send(&mut openwire, EVENTS, &messages[..20]);
    send(&mut amqp, EVENTS, &messages[20..]);
    for (number, with_length) in [(40, false), (41, true)] {
        let (id, message) = event(number);
        send_by_stomp(&ground.activemq, EVENTS, &message, with_length);
        wanted.insert(id);
    }
    send(&mut openwire, STATES, &[jms("AGENT_STATE_CHANGED", &state("agent-7"))]);
    // As the routing engine broadcasts it: no event, and not passed on. One that names no channel is a dead letter.
    let task =
        r#"{"name":"TASK_STATE_CHANGED","data":{},"timestamp":1750000000000,"topicId":"STATE_CHANNEL"}"#;
    let lost = r#"{"name":"TASK_STATE_CHANGED","data":{},"timestamp":1750000000000}"#;
    send(&mut openwire, STATES, &[jms("TASK_STATE_CHANGED", task), jms("TASK_STATE_CHANGED", lost)]);
    let (id, mut mistyped) = event(42);
    mistyped.jms_type = Some("ANOTHER_NAME".to_owned());
    send(&mut amqp, EVENTS, &[mistyped, jms("CUSTOMER_MESSAGE", "no json")]);
    wanted.insert(id);

    let ids = ground.await_ids(&wanted);
    assert!(ids.values().all(|count| *count == 1), "{ids:?}");
    wait_until("the others are there", TIMEOUT, || (ground.records("cx.events").len() == 45).then_some(()));
    await_settled(&mut bridge);

    // The same lines by `load`, behind them.
    let records = ground.records("cx.events");
    let lines: Vec<String> =
        records.iter().map(|record| String::from_utf8(record.value.clone()).unwrap()).collect();
    let loaded = run_to_end(&["load", "-", "--bootstrap", ground.bootstrap()], lines.join("\n").as_bytes());
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    let of = |value: &[u8], records: &[super::ground::Record]| {
        let found = records.iter().filter(|record| record.value == value);
        found.map(|record| (record.key.clone(), record.partition)).collect::<Vec<_>>()
    };
    let both = ground.records("cx.events");
    for record in &records {
        let found = of(&record.value, &both);
        assert_eq!(found.len(), 2);
        // What has no key goes to any partition.
        if found[0].0.is_some() {
            assert_eq!(found[0], found[1], "{}", String::from_utf8_lossy(&record.value));
        }
    }
    let keyless: Vec<&[u8]> =
        records.iter().filter(|record| record.key.is_none()).map(|record| &record.value[..]).collect();
    let keyless: BTreeSet<&[u8]> = keyless.into_iter().collect();
    assert_eq!(keyless, BTreeSet::from([&b"no json"[..], lost.as_bytes()]));
    let first = records.iter().find(|record| record.value == messages[0].text.as_bytes()).unwrap();
    assert_eq!(first.headers["cx.jms.type"], "AGENT_MESSAGE");
    assert_eq!(first.headers["cx.jms.destination"], "conversation-topic");
    assert!(first.headers.contains_key("cx.jms.id"), "{:?}", first.headers);

    let states = ground.records("cx.agent-states");
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].key.as_deref(), Some("agent-7"));
    assert_eq!(states[0].value, state("agent-7").as_bytes());

    let figure = |bridge: &mut cx_timelines_tests::Program, name: &str| bridge.figure(name);
    for (name, expected) in [
        ("cx_timelines_bridge_messages_total{outcome=\"accepted\"}", 46.0),
        ("cx_timelines_bridge_messages_total{outcome=\"rejected\"}", 0.0),
        ("cx_timelines_bridge_messages_total{outcome=\"skipped\"}", 1.0),
        ("cx_timelines_bridge_records_total{topic=\"cx.events\"}", 45.0),
        ("cx_timelines_bridge_records_total{topic=\"cx.agent-states\"}", 1.0),
        ("cx_timelines_bridge_messages_without_key_total", 2.0),
        ("cx_timelines_bridge_type_mismatches_total", 1.0),
        ("cx_timelines_bridge_connected", 1.0),
        ("cx_timelines_bridge_connections_total{outcome=\"connected\"}", 1.0),
    ] {
        assert!(
            (figure(&mut bridge, name) - expected).abs() < 0.5,
            "{name} is {}",
            figure(&mut bridge, name)
        );
    }
    assert_eq!(bridge.get("/health/live").0, 200);
    let (code, _) = bridge.terminate();
    assert_eq!(code, Some(0), "{}", bridge.log());
    assert!(!bridge.log().contains(sandbox::activemq::PASSWORD), "the log has the password");
}

#[test]
fn artemis_is_bridged_with_topics_queues_and_wildcards() {
    let ground = Ground::new(Kind::Artemis);
    let flags = ["--topic", "conversation-topic,chats.#", "--queue", "late"];
    let mut bridge = ground.start_ready(&flags);
    let (mut wanted, messages) = events(0..20);
    let mut publisher = ground.publisher(Client::Amqp);
    send(&mut publisher, EVENTS, &messages[..10]);
    send(&mut publisher, To::Topic("chats.a"), &messages[10..15]);
    send(&mut publisher, To::Queue("late"), &messages[15..]);
    ground.await_ids(&wanted);
    await_settled(&mut bridge);
    assert_eq!(bridge.terminate().0, Some(0), "{}", bridge.log());

    // The subscription lives on without the bridge.
    let (ids, messages) = events(20..30);
    wanted.extend(ids);
    send(&mut publisher, EVENTS, &messages);
    let mut bridge = ground.start_ready(&flags);
    let ids = ground.await_ids(&wanted);
    assert!(ids.values().all(|count| *count == 1), "what was accepted came again: {ids:?}");
    await_settled(&mut bridge);
}

#[test]
fn topics_of_one_conversation_each_are_subscribed_to_by_a_wildcard_and_queues_beside_them() {
    let ground = Ground::new(Kind::Classic);
    let mut bridge = ground.start_ready(&["--topic", "chats.>", "--queue", "late"]);
    let (wanted, messages) = events(0..12);
    let mut publisher = ground.publisher(Client::Amqp);
    for (number, message) in messages.iter().enumerate().take(8) {
        let name = format!("chats.conversation-{number}");
        send(&mut publisher, To::Topic(&name), std::slice::from_ref(message));
    }
    send(&mut publisher, To::Queue("late"), &messages[8..]);
    ground.await_ids(&wanted);
    await_settled(&mut bridge);
    let records = ground.records("cx.events");
    assert!(records.iter().any(|record| record.headers["cx.jms.destination"] == "chats.conversation-3"));
}

#[test]
fn a_dry_run_prints_the_records_and_leaves_the_messages() {
    let ground = Ground::new(Kind::Classic);
    let flags = ["--queue", "events", "--topic", "conversation-topic", "--dry-run"];
    let dry_run = || {
        let arguments = ground.arguments(&flags);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = run_to_end(&arguments, b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    // It subscribes, so that the broker keeps what comes.
    assert_eq!(dry_run(), "{\"#records\":true}\n");
    let (wanted, messages) = events(0..10);
    let mut publisher = ground.publisher(Client::OpenWire);
    send(&mut publisher, To::Queue("events"), &messages[..5]);
    send(&mut publisher, EVENTS, &messages[5..]);
    let task = r#"{"name":"TASK_STATE_CHANGED","data":{},"topicId":"conversation-topic"}"#;
    send(&mut publisher, EVENTS, &[jms("TASK_STATE_CHANGED", task)]);
    for _ in 0..2 {
        let printed = dry_run();
        let lines: Vec<Value> =
            printed.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
        let values: BTreeSet<&str> = lines.iter().map(|line| line["value"].as_str().unwrap()).collect();
        let expected: BTreeSet<&str> = messages.iter().map(|message| message.text.as_str()).collect();
        assert_eq!(values, expected);
        assert!(lines.iter().all(|line| line["topic"] == "cx.events" && line["partition"].is_number()));
        assert!(lines.iter().any(|line| line["jms"]["destination"] == "conversation-topic"), "{printed}");
    }
    assert!(ground.ids().is_empty(), "a dry run sent something");
    let mut bridge = ground.start_ready(&flags[..4]);
    ground.await_ids(&wanted);
    await_settled(&mut bridge);
    assert_eq!(ground.records("cx.events").len(), messages.len(), "the task's state is no event");
}
