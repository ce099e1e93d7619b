// SPDX-License-Identifier: Apache-2.0

//! A broker with the topics, the input, and instances that can be killed.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cx_timelines_tests::{
    DEAD_LETTERS, Instance, OUTPUTS, Program, Records, Watch, consume, differences, fold, of_lines,
    run_to_end,
};
use sandbox::conversations::{Disorder, Options, Roster, Size, disturb, events};
use sandbox::kafka::Kafka;
use serde_json::json;

const AGENT_STATES: &str = "cx.agent-states";
/// The first line of a file of records.
const HEAD: &str = "{\"#records\":true}";

/// Many small transactions, so that kills hit them in the middle.
fn small_transactions(folder: &Path) -> PathBuf {
    let standard = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml")).unwrap();
    let small = standard.replace("interval: 100ms", "interval: 1ms");
    assert_ne!(small, standard);
    let file = folder.join("topics.yaml");
    std::fs::write(&file, small).unwrap();
    file
}

/// A killed instance's partitions are free after this time.
const SESSION_TIMEOUT: Duration = Duration::from_secs(2);

fn start(folder: &Path, number: usize, bootstrap: &str, flags: &[&str]) -> Program {
    let instance = Instance {
        bootstrap,
        config: &folder.join("topics.yaml"),
        state: &folder.join(format!("state-{number}")),
        session_timeout: SESSION_TIMEOUT,
    };
    instance.start(flags, folder.join(format!("instance-{number}.log")))
}

/// A broker with the topics, and a folder for the instances.
pub(super) struct Ground {
    pub(super) kafka: Kafka,
    folder: tempfile::TempDir,
    pub(super) lines: Vec<String>,
    /// Agents' states that fit the events, as records.
    states: Vec<String>,
    /// Number of these that were loaded.
    loaded: Cell<usize>,
}

impl Ground {
    pub(super) fn new(events_wanted: usize, seed: u64) -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        small_transactions(folder.path());
        let applied = run_to_end(&["topics", "apply", "--bootstrap", kafka.bootstrap()], b"");
        assert!(applied.status.success(), "topics apply: {}", String::from_utf8_lossy(&applied.stderr));
        let options = Options {
            seed,
            start_ms: 1_750_000_000_000,
            size: Size::Slim,
            session_keyed: true,
            ..Options::default()
        };
        let disorder = Disorder {
            late_share: 0.1,
            duplicate_share: 0.05,
            invalid_share: 0.01,
            late_ms_max: 3_600_000,
            seed,
        };
        let planned = events(&options, events_wanted);
        let mut roster = Roster::new();
        let states = planned.iter().flat_map(|event| roster.follow(event));
        let states = states.map(|state| record(AGENT_STATES, &state.value)).collect();
        let lines: Vec<String> =
            disturb(planned, &disorder).into_iter().map(|planned| planned.value).collect();
        assert!(lines.len() >= events_wanted);
        Self { kafka, folder, lines, states, loaded: Cell::new(0) }
    }

    pub(super) fn start(&self, number: usize, flags: &[&str]) -> Program {
        start(self.folder.path(), number, self.kafka.bootstrap(), flags)
    }

    /// Loads events, and their share of the agents' states: the last ones first, and the first half once more.
    pub(super) fn load(&self, lines: &[String]) {
        let share = (self.states.len() * lines.len()).div_ceil(self.lines.len());
        let from = self.loaded.get();
        let until = self.states.len().min(from + share);
        let states = &self.states[from..until];
        let disordered = states.iter().rev().chain(&states[..states.len() / 2]).map(String::as_str);
        let disordered: Vec<&str> = std::iter::once(HEAD).chain(disordered).collect();
        self.loaded.set(until);
        for input in [disordered.join("\n"), lines.join("\n")] {
            let output = run_to_end(&["load", "-", "--bootstrap", self.kafka.bootstrap()], input.as_bytes());
            assert!(output.status.success(), "load: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// Ends the instances once they have taken all agents' states, and checks.
    pub(super) fn end(self, instances: [Program; 2]) {
        Watch::new(self.kafka.bootstrap(), "cx-timelines", AGENT_STATES)
            .wait_for_all(Duration::from_secs(60));
        end(instances);
        self.check();
    }

    /// What consumers see is what `fold` gives; each dead letter is there once.
    fn check(self) {
        assert_eq!(self.loaded.get(), self.states.len(), "all agents' states were loaded");
        let events = self.lines.iter().map(|line| record("cx.events", line));
        let all: Vec<String> =
            std::iter::once(HEAD.to_owned()).chain(events).chain(self.states.iter().cloned()).collect();
        let expected = of_lines(&fold(all.join("\n").as_bytes()));
        assert!(
            expected.finals.len() > self.lines.len() / 4,
            "the input is no input: {}",
            expected.finals.len()
        );
        let consumed = consume(self.kafka.bootstrap(), &OUTPUTS);
        let found = differences(&expected, &consumed.records);
        let first = found[..found.len().min(5)].join("\n");
        assert!(found.is_empty(), "{} differences, the first:\n{first}", found.len());
        let doubled: Vec<_> = consumed.letters.iter().filter(|(_, count)| **count > 1).collect();
        assert!(doubled.is_empty(), "dead-lettered more than once: {doubled:?}");
        assert_eq!(consumed.without_headers, 0, "every output record has its headers");
        for topic in OUTPUTS.iter().filter(|topic| **topic != DEAD_LETTERS) {
            let of_topic =
                |records: &Records| records.finals.keys().filter(|(name, _)| name == topic).count();
            assert!(of_topic(&consumed.records) > 0, "nothing was written to {topic}");
        }
        self.kafka.stop();
    }
}

fn record(topic: &str, value: &str) -> String {
    json!({"topic": topic, "value": value}).to_string()
}

fn end(mut instances: [Program; 2]) {
    for instance in &mut instances {
        assert!(instance.is_running(), "an instance ended by itself: {}", instance.log());
        let (code, took) = instance.terminate();
        assert_eq!(code, Some(0), "{}", instance.log());
        assert!(took < Duration::from_secs(5), "a stop took {took:?}");
    }
}
