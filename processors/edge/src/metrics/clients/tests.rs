// SPDX-License-Identifier: Apache-2.0

use super::*;
use rdkafka::statistics::{ConsumerGroup, ExactlyOnceSemantics, Partition, Topic, Window};
use std::collections::HashMap;

fn broker(number: i32) -> Broker {
    Broker {
        nodeid: number,
        state: "UP".to_owned(),
        req_timeouts: 2,
        disconnects: Some(1),
        rtt: Some(Window { avg: 1_500, cnt: 3, ..Window::default() }),
        throttle: Some(Window { max: 20, ..Window::default() }),
        ..Broker::default()
    }
}

fn statistics() -> Statistics {
    let brokers = [("b:1/1", broker(1)), ("b:1/bootstrap", broker(-1))];
    Statistics {
        tx: 10,
        tx_bytes: 1_000,
        rx_bytes: 5_000,
        brokers: brokers.map(|(name, broker)| (name.to_owned(), broker)).into_iter().collect(),
        ..Statistics::default()
    }
}

/// Statistics of a consumer that has joined its group.
pub(in crate::metrics) fn consumer() -> ClientFigures {
    let partition = Partition { fetchq_cnt: 3, fetchq_size: 300, ..Partition::default() };
    let partitions = HashMap::from([(0, partition.clone()), (1, partition)]);
    let topic = Topic { partitions, ..Topic::default() };
    ClientFigures::of_consumer(&Statistics {
        topics: HashMap::from([("cx.conversation.secret".to_owned(), topic)]),
        cgrp: Some(ConsumerGroup { join_state: "steady".to_owned(), ..ConsumerGroup::default() }),
        ..statistics()
    })
}

/// Statistics of a producer during a commit.
pub(in crate::metrics) fn producer() -> ClientFigures {
    let state = "CommittingTransaction".to_owned();
    ClientFigures::of_producer(&Statistics {
        msg_cnt: 7,
        msg_size: 700,
        eos: Some(ExactlyOnceSemantics { txn_state: state, ..ExactlyOnceSemantics::default() }),
        ..statistics()
    })
}

struct Shown {
    registry: Registry,
    clients: Clients,
}

fn shown() -> Shown {
    let registry = Registry::new();
    let clients = Clients::new(&registry).unwrap();
    Shown { registry, clients }
}

impl Shown {
    fn text(&self) -> String {
        self.clients.show();
        prometheus::TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap()
    }

    fn expect(&self, lines: &[&str]) {
        let text = self.text();
        for line in lines {
            assert!(text.lines().any(|l| l == format!("cx_timelines_{line}")), "missing: {line}\n{text}");
        }
    }
}

#[test]
fn what_clients_tell_is_what_is_shown_summed_over_the_workers() {
    let shown = shown();
    for worker in ["worker-0", "worker-1"] {
        shown.clients.update(worker, Client::Consumer, consumer());
        shown.clients.update(worker, Client::Producer, producer());
    }
    shown.expect(&[
        r#"client_requests_total{client="consumer"} 20"#,
        r#"client_sent_bytes_total{client="producer"} 2000"#,
        r#"client_received_bytes_total{client="producer"} 10000"#,
        r#"client_errors_total{client="producer",kind="timeout"} 8"#,
        r#"client_errors_total{client="producer",kind="disconnect"} 4"#,
        r#"client_errors_total{client="producer",kind="retry"} 0"#,
        r#"broker_connections{client="consumer"} 4"#,
        r#"broker_round_trip_seconds{broker="1"} 0.0015"#,
        r#"broker_throttle_seconds{broker="1",client="consumer"} 0.02"#,
        "fetch_queue_records 12",
        "fetch_queue_bytes 1200",
        "send_queue_records 14",
        "send_queue_bytes 1400",
        r#"consumers{state="steady"} 2"#,
        r#"consumers{state="init"} 0"#,
        r#"producers{state="CommittingTransaction"} 2"#,
    ]);
}

#[test]
fn neither_topics_nor_brokers_without_a_number_become_labels() {
    let shown = shown();
    shown.clients.update("worker-0", Client::Consumer, consumer());
    let text = shown.text();
    assert!(!text.contains("secret") && !text.contains("bootstrap") && !text.contains("-1"), "{text}");
}

#[test]
fn what_is_told_twice_is_counted_once_and_a_client_that_is_new_counts_from_0() {
    let shown = shown();
    let tell = |requests| {
        let figures = ClientFigures { requests, ..producer() };
        shown.clients.update("worker-0", Client::Producer, figures);
    };
    [10, 10, 12, 5].into_iter().for_each(tell);
    shown.expect(&[
        r#"client_requests_total{client="producer"} 17"#,
        r#"client_errors_total{client="producer",kind="timeout"} 4"#,
    ]);
}

#[test]
fn a_broker_that_is_asked_nothing_keeps_its_last_time_and_one_that_is_gone_does_not() {
    let shown = shown();
    shown.clients.update("worker-0", Client::Producer, producer());
    let mut idle = producer();
    idle.brokers.values_mut().for_each(|broker| broker.round_trip = None);
    shown.clients.update("worker-0", Client::Producer, idle);
    shown.expect(&[r#"broker_round_trip_seconds{broker="1"} 0.0015"#]);
    let alone = ClientFigures { brokers: BTreeMap::new(), ..producer() };
    shown.clients.update("worker-0", Client::Producer, alone);
    assert!(!shown.text().contains("broker_round_trip_seconds{"));
}

#[test]
fn a_worker_that_has_ended_takes_its_clients_out_of_the_gauges_and_nothing_out_of_the_counters() {
    let shown = shown();
    shown.clients.update("worker-0", Client::Consumer, consumer());
    shown.clients.gone("worker-0");
    shown.expect(&[
        r#"consumers{state="steady"} 0"#,
        "fetch_queue_records 0",
        r#"client_requests_total{client="consumer"} 10"#,
    ]);
}

#[test]
fn a_state_that_nobody_declared_makes_no_new_label() {
    let shown = shown();
    let figures = ClientFigures::of_consumer(&statistics());
    shown.clients.update("worker-0", Client::Consumer, figures);
    shown.expect(&[r#"consumers{state="undeclared"} 1"#]);
}
