// SPDX-License-Identifier: Apache-2.0

//! Brokers and bridge killed, paused and slow: nothing is lost, and nothing hangs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cx_timelines_tests::{Program, series, wait_until};
use sandbox::activemq::{Client, Kind, To};

use super::ground::{Ground, TIMEOUT, await_ready, await_settled, event, events};
use super::jms::{Jms, send};

const EVENTS: To<'static> = To::Topic("conversation-topic");
/// How many more messages have come through, before and after a fault.
const SOME: usize = 30;

/// Sends events from `first` on until it is to stop, also when the broker is away meanwhile; a message that the broker may
/// not have taken is sent again, as a JMS client does. Returns the ids that the broker has taken.
fn publish(ground: &Ground, first: usize, is_over: &AtomicBool, sent: &AtomicUsize) -> BTreeSet<String> {
    let mut publisher = ground.publisher(Client::OpenWire);
    let mut ids = BTreeSet::new();
    for number in first.. {
        if is_over.load(Ordering::Acquire) {
            break;
        }
        let (id, Jms { jms_type, text }) = event(number);
        publisher.send(EVENTS, jms_type.as_deref(), &text).unwrap();
        ids.insert(id);
        sent.fetch_add(1, Ordering::AcqRel);
    }
    ids
}

/// Waits until so many more events are sent.
fn await_more(sent: &AtomicUsize, more: usize) {
    let wanted = sent.load(Ordering::Acquire) + more;
    wait_until("more events are sent", TIMEOUT, || (sent.load(Ordering::Acquire) >= wanted).then_some(()));
}

/// Runs a fault while events are published, and checks that all of them arrive.
fn under_load(
    ground: &Ground,
    bridge: &mut Program,
    first: usize,
    fault: impl FnOnce(&AtomicUsize, &mut Program),
) {
    let (is_over, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let ids = std::thread::scope(|scope| {
        let publisher = scope.spawn(|| publish(ground, first, &is_over, &sent));
        await_more(&sent, SOME);
        let fault = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| fault(&sent, bridge)));
        if fault.is_ok() {
            await_more(&sent, SOME);
        }
        is_over.store(true, Ordering::Release);
        fault.unwrap();
        publisher.join().unwrap()
    });
    ground.await_ids(&ids);
    await_settled(bridge);
}

#[test]
fn a_bridge_that_is_killed_loses_nothing() {
    let ground = Ground::new(Kind::Classic);
    let mut bridge = ground.start_ready(&[]);
    let mut first = 0;
    for _ in 0..3 {
        under_load(&ground, &mut bridge, first, |sent, bridge| {
            bridge.kill();
            await_more(sent, SOME);
            *bridge = ground.start(&[]);
        });
        first += 10_000;
    }
    await_ready(&mut bridge);
    let mut publisher = ground.publisher(Client::Amqp);
    // One that is stopped in order has accepted all that it sent: nothing comes again.
    let before = ground.ids();
    assert_eq!(bridge.terminate().0, Some(0), "{}", bridge.log());
    let (wanted, messages) = events(90_000..90_010);
    send(&mut publisher, EVENTS, &messages);
    let mut bridge = ground.start_ready(&[]);
    let after = ground.await_ids(&wanted);
    await_settled(&mut bridge);
    for (id, count) in before {
        assert_eq!(after[&id], count, "{id} came again after a regular stop");
    }
}

#[test]
fn an_activemq_that_is_killed_or_frozen_loses_nothing() {
    let mut ground = Ground::new(Kind::Classic);
    let mut publisher = ground.publisher(Client::OpenWire);
    let mut bridge = ground.start_ready(&["--idle-timeout", "4"]);
    let (mut wanted, messages) = events(0..30);
    send(&mut publisher, EVENTS, &messages);
    ground.activemq.kill();
    wait_until("the bridge notices", TIMEOUT, || (bridge.get("/health/ready").0 == 503).then_some(()));
    assert_eq!(bridge.get("/health/live").0, 200, "a broker that is away is no reason to restart");
    ground.activemq.restart().unwrap();
    await_ready(&mut bridge);
    let (ids, messages) = events(100..130);
    wanted.extend(ids);
    send(&mut publisher, EVENTS, &messages);
    ground.await_ids(&wanted);

    // Frozen: it keeps the connection open and says nothing, so only the silence shows it.
    ground.activemq.pause().unwrap();
    wait_until("the bridge notices the silence", TIMEOUT, || {
        (bridge.get("/health/ready").0 == 503).then_some(())
    });
    ground.activemq.resume().unwrap();
    await_ready(&mut bridge);
    let (ids, messages) = events(200..230);
    wanted.extend(ids);
    send(&mut publisher, EVENTS, &messages);
    ground.await_ids(&wanted);
    await_settled(&mut bridge);
    assert!(bridge.figure("cx_timelines_bridge_connections_total{outcome=\"connected\"}") >= 3.0);
    assert_eq!(bridge.terminate().0, Some(0), "{}", bridge.log());
}

#[test]
fn an_artemis_that_is_killed_loses_nothing() {
    let mut ground = Ground::new(Kind::Artemis);
    let mut publisher = ground.publisher(Client::Amqp);
    let mut bridge = ground.start_ready(&["--topic", "conversation-topic"]);
    let (mut wanted, messages) = events(0..30);
    send(&mut publisher, EVENTS, &messages);
    ground.activemq.restart().unwrap();
    await_ready(&mut bridge);
    let (ids, messages) = events(30..60);
    wanted.extend(ids);
    send(&mut publisher, EVENTS, &messages);
    ground.await_ids(&wanted);
    await_settled(&mut bridge);
}

#[test]
fn a_kafka_that_is_killed_or_slow_holds_the_messages_at_the_broker_and_loses_none() {
    let mut ground = Ground::new(Kind::Classic);
    let mut publisher = ground.publisher(Client::OpenWire);
    let mut bridge = ground.start_ready(&["--max-in-flight", "40", "--kafka", "message.timeout.ms=5000"]);
    let (mut wanted, messages) = events(0..30);
    send(&mut publisher, EVENTS, &messages);
    ground.await_ids(&wanted);

    // Frozen: nothing is confirmed, so nothing is accepted, and no more come than the window takes.
    ground.kafka.nodes_mut()[0].pause().unwrap();
    let (ids, messages) = events(1_000..1_200);
    wanted.extend(ids);
    send(&mut publisher, EVENTS, &messages);
    let unsettled = "cx_timelines_bridge_unsettled_messages";
    wait_until("the window is full", TIMEOUT, || (bridge.figure(unsettled) > 39.5).then_some(()));
    // The client gives records up after their timeout: they are sent again, and still not accepted.
    wait_until("records are sent again", TIMEOUT, || {
        (bridge.figure("cx_timelines_bridge_records_sent_again_total") > 0.5).then_some(())
    });
    let scrape = bridge.get("/metrics").1;
    assert!(series(&scrape, unsettled).unwrap() <= 40.5, "more than the window: {scrape}");
    let accepted = series(&scrape, "cx_timelines_bridge_messages_total{outcome=\"accepted\"}").unwrap();
    assert!((accepted - 30.0).abs() < 0.5, "{accepted} accepted");
    ground.kafka.nodes_mut()[0].resume().unwrap();
    ground.await_ids(&wanted);
    await_settled(&mut bridge);

    // Killed.
    let (ids, messages) = events(2_000..2_100);
    wanted.extend(ids);
    send(&mut publisher, EVENTS, &messages[..50]);
    ground.kafka.nodes_mut()[0].kill();
    send(&mut publisher, EVENTS, &messages[50..]);
    assert_eq!(bridge.get("/health/live").0, 200);
    ground.kafka.nodes_mut()[0].restart().unwrap();
    ground.await_ids(&wanted);
    await_settled(&mut bridge);

    // Stopped while Kafka is away: it ends in time, and accepts nothing that Kafka lacks.
    ground.kafka.nodes_mut()[0].pause().unwrap();
    let (ids, messages) = events(3_000..3_020);
    wanted.extend(ids);
    send(&mut publisher, EVENTS, &messages);
    wait_until("they have come", TIMEOUT, || (bridge.figure(unsettled) > 19.5).then_some(()));
    assert_eq!(bridge.terminate().0, Some(0), "{}", bridge.log());
    ground.kafka.nodes_mut()[0].resume().unwrap();
    let mut bridge = ground.start_ready(&[]);
    ground.await_ids(&wanted);
    await_settled(&mut bridge);
}

#[test]
fn a_message_that_kafka_will_never_take_goes_to_the_dead_letter_queue_of_the_broker() {
    let ground = Ground::new(Kind::Classic);
    let mut publisher = ground.publisher(Client::OpenWire);
    let mut bridge = ground.start_ready(&["--queue", "events"]);
    // Larger than cx.events takes (max.message.bytes).
    let (_, mut huge) = event(1);
    huge.text = huge.text.replace("Grüße", &"x".repeat(3 << 20));
    let (wanted, messages) = events(2..12);
    send(&mut publisher, To::Queue("events"), &[vec![huge.clone()], messages].concat());
    ground.await_ids(&wanted);
    await_settled(&mut bridge);
    let rejected = "cx_timelines_bridge_messages_total{outcome=\"rejected\"}";
    wait_until("it is rejected", TIMEOUT, || (bridge.figure(rejected) > 0.5).then_some(()));
    assert_eq!(bridge.terminate().0, Some(0), "{}", bridge.log());
    let arguments = ground.arguments(&["--queue", "ActiveMQ.DLQ", "--dry-run"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let printed = cx_timelines_tests::run_to_end(&arguments, b"");
    let printed = String::from_utf8(printed.stdout).unwrap();
    let letter: serde_json::Value = serde_json::from_str(printed.lines().nth(1).expect("a letter")).unwrap();
    assert_eq!(letter["value"], huge.text);
}
