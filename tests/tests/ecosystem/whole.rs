// SPDX-License-Identifier: Apache-2.0

//! The whole way, with the real programs: JMS clients, ActiveMQ, the bridge, Kafka, the pipeline, Kafka Connect, Postgres.

use std::path::PathBuf;

use cx_timelines_tests::Program;
use sandbox::activemq::{ActiveMq, Client, Kind, PASSWORD, Publisher, To};
use serde_json::Value;

use crate::bridge::{await_ready, flags};
use crate::pipeline::Pipeline;
use crate::sinks::{Source, Tables, story};

/// The address of the events, as the bridge subscribes to it by default.
const EVENTS: To<'static> = To::Topic("conversation-topic");

/// An ActiveMQ, a JMS client that publishes to it, and the bridge.
struct Bridged {
    // First: its log is printed when a test fails.
    bridge: Option<Program>,
    publisher: Publisher,
    activemq: ActiveMq,
    starts: u32,
}

impl Bridged {
    fn new() -> Self {
        let activemq = ActiveMq::start(Kind::Classic, &mut |_| {}).unwrap();
        let publisher = Publisher::start(&activemq, Client::OpenWire).unwrap();
        Self { bridge: None, publisher, activemq, starts: 0 }
    }

    fn start_bridge(&mut self, pipeline: &Pipeline) {
        let folder = pipeline.folder.path();
        let password: PathBuf = folder.join("activemq-password");
        std::fs::write(&password, PASSWORD).unwrap();
        self.starts += 1;
        let log = folder.join(format!("bridge-{}.log", self.starts));
        let flags = flags(pipeline.bootstrap(), &self.activemq.url(), &password);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        self.bridge = Some(Program::start(&flags, log));
    }
}

impl Source for Bridged {
    fn start(&mut self, pipeline: &Pipeline) {
        self.start_bridge(pipeline);
        // A durable subscription has what is published after it began.
        await_ready(self.bridge.as_mut().unwrap());
    }

    fn send(&mut self, _: &Pipeline, events: &str) {
        for line in events.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            self.publisher.send(EVENTS, event["name"].as_str(), line).unwrap();
        }
    }

    fn kill_and_restart(&mut self, pipeline: &Pipeline) {
        self.bridge.take().unwrap().kill();
        self.activemq.restart().unwrap();
        self.start_bridge(pipeline);
    }
}

#[test]
fn events_of_activemq_become_rows_whatever_is_killed_and_the_erased_customer_is_in_no_table() {
    story(Tables::Columns, &mut Bridged::new());
}
