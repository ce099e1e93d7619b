// SPDX-License-Identifier: Apache-2.0

//! A fresh broker with the topics.

use std::process::Output;

use cx_timelines_tests::run_to_end;
use sandbox::kafka::{Compiler, Kafka, Options};

use crate::events::Events;

/// A broker that no system has seen yet.
pub(crate) struct Ground {
    /// The broker.
    pub(crate) kafka: Kafka,
}

impl Ground {
    /// Starts it, with empty topics.
    pub(crate) fn new() -> Self {
        let options = Options { heap_mb: 1024, compiler: Compiler::Full, ..Options::default() };
        let kafka = Kafka::start(options, &mut |_| {}).unwrap();
        succeeded("topics apply", &run_to_end(&["topics", "apply", "--bootstrap", kafka.bootstrap()], b""));
        Self { kafka }
    }

    /// Puts the events into the input topic, each in its conversation's partition.
    pub(crate) fn load(&self, events: &Events) {
        let arguments = ["load", &events.path(), "--bootstrap", self.bootstrap()];
        succeeded("load", &run_to_end(&arguments, b""));
    }

    /// Where clients connect.
    pub(crate) fn bootstrap(&self) -> &str {
        self.kafka.bootstrap()
    }
}

fn succeeded(what: &str, output: &Output) {
    assert!(output.status.success(), "cx-timelines {what}: {}", String::from_utf8_lossy(&output.stderr));
}
