// SPDX-License-Identifier: Apache-2.0

//! Metrics of the workers' Kafka clients, from librdkafka's statistics.
//!
//! None has a topic label, because there may be thousands of conversation topics. Only those that differ between brokers have a
//! broker label.

use super::names::{self, UNDECLARED};
use super::{MetricsError, counters, gauge, gauges, locked, seconds};
use prometheus::{GaugeVec, IntCounterVec, IntGauge, IntGaugeVec, Registry};
use rdkafka::statistics::{Broker, Statistics};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// A consumer's join states, as librdkafka names them.
const JOIN_STATES: [&str; 9] = [
    "init",
    "wait-join",
    "wait-metadata",
    "wait-sync",
    "wait-assign-call",
    "wait-unassign-call",
    "wait-unassign-to-complete",
    "wait-incr-unassign-to-complete",
    "steady",
];
/// A producer's transaction states, as librdkafka names them.
const TRANSACTION_STATES: [&str; 13] = [
    "Init",
    "WaitPID",
    "ReadyNotAcked",
    "Ready",
    "InTransaction",
    "BeginCommit",
    "CommittingTransaction",
    "CommitNotAcked",
    "BeginAbort",
    "AbortingTransaction",
    "AbortedNotAcked",
    "AbortableError",
    "FatalError",
];
/// Kinds of broker errors, in the order of [`errors_of`].
const ERRORS: [&str; 5] = ["transmit", "receive", "timeout", "retry", "disconnect"];

/// A client of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Client {
    /// The group's consumer.
    Consumer,
    /// The transactional producer.
    Producer,
}

impl Client {
    const ALL: [Self; 2] = [Self::Consumer, Self::Producer];

    const fn label(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Producer => "producer",
        }
    }
}

/// Figures of one broker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct BrokerFigures {
    /// Its id; `None` for a bootstrap address whose id is not known yet.
    number: Option<i32>,
    is_connected: bool,
    round_trip: Option<Duration>,
    throttle: Duration,
    errors: [u64; ERRORS.len()],
}

/// A client's latest statistics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClientFigures {
    requests: u64,
    sent_bytes: u64,
    received_bytes: u64,
    queue_records: u64,
    queue_bytes: u64,
    state: &'static str,
    /// By the client's name for each broker; the coordinator has its own connection.
    brokers: BTreeMap<String, BrokerFigures>,
}

impl ClientFigures {
    /// Reads a consumer's statistics.
    pub(crate) fn of_consumer(statistics: &Statistics) -> Self {
        let fetched = || statistics.topics.values().flat_map(|topic| topic.partitions.values());
        let state = statistics.cgrp.as_ref().map_or("", |group| &group.join_state);
        Self {
            queue_records: fetched().map(|partition| at_least_0(partition.fetchq_cnt)).sum(),
            queue_bytes: fetched().map(|partition| partition.fetchq_size).sum(),
            state: known(&JOIN_STATES, state),
            ..Self::of_any(statistics)
        }
    }

    /// Reads a producer's statistics.
    pub(crate) fn of_producer(statistics: &Statistics) -> Self {
        let state = statistics.eos.as_ref().map_or("", |transaction| &transaction.txn_state);
        Self {
            queue_records: statistics.msg_cnt,
            queue_bytes: statistics.msg_size,
            state: known(&TRANSACTION_STATES, state),
            ..Self::of_any(statistics)
        }
    }

    fn of_any(statistics: &Statistics) -> Self {
        let brokers = statistics.brokers.iter();
        Self {
            requests: at_least_0(statistics.tx),
            sent_bytes: at_least_0(statistics.tx_bytes),
            received_bytes: at_least_0(statistics.rx_bytes),
            brokers: brokers.map(|(name, broker)| (name.clone(), of_broker(broker))).collect(),
            ..Self::default()
        }
    }
}

fn of_broker(broker: &Broker) -> BrokerFigures {
    let round_trip = broker.rtt.as_ref().filter(|times| times.cnt > 0);
    let throttle = broker.throttle.as_ref().map_or(0, |times| times.max);
    BrokerFigures {
        number: Some(broker.nodeid).filter(|number| *number >= 0),
        is_connected: broker.state == "UP",
        round_trip: round_trip.map(|times| Duration::from_micros(at_least_0(times.avg))),
        throttle: Duration::from_millis(at_least_0(throttle)),
        errors: errors_of(broker),
    }
}

/// Error counts in the order of [`ERRORS`].
fn errors_of(broker: &Broker) -> [u64; ERRORS.len()] {
    let disconnects = broker.disconnects.unwrap_or(0);
    [broker.txerrs, broker.rxerrs, broker.req_timeouts, broker.txretries, at_least_0(disconnects)]
}

/// The word itself when it is one of these.
fn known(words: &[&'static str], word: &str) -> &'static str {
    words.iter().find(|known| **known == word).copied().unwrap_or(UNDECLARED)
}

fn at_least_0(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn gauge_value(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The increase since the last statistics. A rebuilt client counts from 0 again.
fn since(before: u64, now: u64) -> u64 {
    now.checked_sub(before).unwrap_or(now)
}

/// The metrics of all clients. The latest statistics are kept and shown at a scrape.
pub(super) struct Clients {
    last: Mutex<BTreeMap<(String, Client), ClientFigures>>,
    requests: IntCounterVec,
    sent: IntCounterVec,
    received: IntCounterVec,
    errors: IntCounterVec,
    connections: IntGaugeVec,
    round_trip: GaugeVec,
    throttle: GaugeVec,
    fetched_records: IntGauge,
    fetched_bytes: IntGauge,
    sending_records: IntGauge,
    sending_bytes: IntGauge,
    consumers: IntGaugeVec,
    producers: IntGaugeVec,
}

impl Clients {
    pub(super) fn new(registry: &Registry) -> Result<Self, MetricsError> {
        let clients = Self {
            last: Mutex::default(),
            requests: counters(registry, &names::CLIENT_REQUESTS)?,
            sent: counters(registry, &names::CLIENT_SENT)?,
            received: counters(registry, &names::CLIENT_RECEIVED)?,
            errors: counters(registry, &names::CLIENT_ERRORS)?,
            connections: gauges(registry, &names::BROKER_CONNECTIONS)?,
            round_trip: seconds(registry, &names::BROKER_ROUND_TRIP)?,
            throttle: seconds(registry, &names::BROKER_THROTTLE)?,
            fetched_records: gauge(registry, &names::FETCH_QUEUE_RECORDS)?,
            fetched_bytes: gauge(registry, &names::FETCH_QUEUE_BYTES)?,
            sending_records: gauge(registry, &names::SEND_QUEUE_RECORDS)?,
            sending_bytes: gauge(registry, &names::SEND_QUEUE_BYTES)?,
            consumers: gauges(registry, &names::CONSUMERS)?,
            producers: gauges(registry, &names::PRODUCERS)?,
        };
        for client in Client::ALL {
            clients.count(client, &ClientFigures::default(), &ClientFigures::default());
            for kind in ERRORS {
                clients.errors.with_label_values(&[client.label(), kind]);
            }
        }
        clients.show();
        Ok(clients)
    }

    /// Takes a client's statistics.
    pub(super) fn update(&self, worker: &str, client: Client, mut figures: ClientFigures) {
        let mut last = locked(&self.last);
        let before = last.entry((worker.to_owned(), client)).or_default();
        self.count(client, before, &figures);
        // A broker without recent requests has no new round-trip time; the last one stays.
        for (name, broker) in &mut figures.brokers {
            let known = before.brokers.get(name).and_then(|before| before.round_trip);
            broker.round_trip = broker.round_trip.or(known);
        }
        *before = figures;
    }

    /// Removes the clients of a worker that has ended.
    pub(super) fn gone(&self, worker: &str) {
        locked(&self.last).retain(|(of, _), _| of != worker);
    }

    fn count(&self, client: Client, before: &ClientFigures, now: &ClientFigures) {
        let label = [client.label()];
        self.requests.with_label_values(&label).inc_by(since(before.requests, now.requests));
        self.sent.with_label_values(&label).inc_by(since(before.sent_bytes, now.sent_bytes));
        self.received.with_label_values(&label).inc_by(since(before.received_bytes, now.received_bytes));
        let none = BrokerFigures::default();
        for (name, broker) in &now.brokers {
            let before = before.brokers.get(name).unwrap_or(&none);
            for ((kind, before), now) in ERRORS.iter().zip(before.errors).zip(broker.errors) {
                self.errors.with_label_values(&[client.label(), kind]).inc_by(since(before, now));
            }
        }
    }

    /// Sets the gauges from the latest statistics. Must not run during a scrape, because it resets them.
    pub(super) fn show(&self) {
        let last = locked(&self.last);
        let of = |client| last.iter().filter(move |((_, of), _)| *of == client).map(|(_, figures)| figures);
        for client in Client::ALL {
            let standing = of(client).flat_map(|figures| figures.brokers.values());
            let standing = standing.filter(|broker| broker.is_connected).count();
            self.connections.with_label_values(&[client.label()]).set(super::gauge_value(standing));
        }
        let sum = |client, field: fn(&ClientFigures) -> u64| gauge_value(of(client).map(field).sum());
        self.fetched_records.set(sum(Client::Consumer, |figures| figures.queue_records));
        self.fetched_bytes.set(sum(Client::Consumer, |figures| figures.queue_bytes));
        self.sending_records.set(sum(Client::Producer, |figures| figures.queue_records));
        self.sending_bytes.set(sum(Client::Producer, |figures| figures.queue_bytes));
        show_states(&self.consumers, &JOIN_STATES, of(Client::Consumer));
        show_states(&self.producers, &TRANSACTION_STATES, of(Client::Producer));
        self.show_brokers(&last);
    }

    fn show_brokers(&self, last: &BTreeMap<(String, Client), ClientFigures>) {
        let mut round_trips: BTreeMap<i32, Duration> = BTreeMap::new();
        let mut throttles: BTreeMap<(Client, i32), Duration> = BTreeMap::new();
        for ((_, client), figures) in last {
            for broker in figures.brokers.values() {
                let Some(number) = broker.number else { continue };
                let throttle = throttles.entry((*client, number)).or_default();
                *throttle = broker.throttle.max(*throttle);
                // A consumer's fetch waits at the broker for records, so its time says nothing.
                if let Some(took) = broker.round_trip.filter(|_| *client == Client::Producer) {
                    let slowest = round_trips.entry(number).or_default();
                    *slowest = took.max(*slowest);
                }
            }
        }
        // Removes brokers that are gone.
        self.round_trip.reset();
        for (number, took) in round_trips {
            self.round_trip.with_label_values(&[number.to_string()]).set(took.as_secs_f64());
        }
        self.throttle.reset();
        for ((client, number), throttle) in throttles {
            let labels = [client.label(), &number.to_string()];
            self.throttle.with_label_values(&labels).set(throttle.as_secs_f64());
        }
    }
}

/// Sets the number of clients in each state; states without a client are 0.
fn show_states<'f>(
    gauge: &IntGaugeVec,
    states: &[&'static str],
    clients: impl Iterator<Item = &'f ClientFigures>,
) {
    let mut counts: BTreeMap<&'static str, i64> = states.iter().map(|state| (*state, 0)).collect();
    clients.for_each(|figures| *counts.entry(figures.state).or_default() += 1);
    gauge.reset();
    for (state, count) in counts {
        gauge.with_label_values(&[state]).set(count);
    }
}

#[cfg(test)]
pub(super) mod tests;
