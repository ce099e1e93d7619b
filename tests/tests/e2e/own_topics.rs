// SPDX-License-Identifier: Apache-2.0

//! The topics that are the pipeline's own: what was taken of the repartition topic is deleted, one that has lost records is never
//! read again, and a state continues with the processors that made it.

use std::time::Duration;

use cx_timelines_tests::{
    OUTPUTS, Program, Watch, consume, differences, fold, of_lines, partitions_of, run_to_end, wait_until,
};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sandbox::conversations::{Options, events};
use sandbox::kafka::Kafka;

const REPARTITION: &str = "cx-timelines-repartition";
const TIMEOUT: Duration = Duration::from_secs(120);

/// A group on a broker, and its input in parts.
struct Ground {
    kafka: Kafka,
    folder: tempfile::TempDir,
    parts: Vec<String>,
    loaded: usize,
}

impl Ground {
    fn new(parts: usize) -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let planned = events(&Options::default(), 40);
        let lines: Vec<String> = planned.iter().map(|event| format!("{}\n", event.value)).collect();
        let parts = lines.chunks(lines.len().div_ceil(parts)).map(<[String]>::concat).collect();
        let ground = Self { kafka, folder: tempfile::tempdir().unwrap(), parts, loaded: 0 };
        ground.ok(&["topics", "apply"], b"");
        ground
    }

    fn ok(&self, arguments: &[&str], input: &[u8]) -> String {
        let output = run_to_end(&[arguments, &["--bootstrap", self.kafka.bootstrap()]].concat(), input);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        said
    }

    fn load_next(&mut self) {
        self.ok(&["load", "-"], self.parts[self.loaded].as_bytes());
        self.loaded += 1;
    }

    fn start(&self, more: &[&str]) -> Program {
        let state = self.folder.path().join("state").to_str().unwrap().to_owned();
        let flags =
            ["run", "--bootstrap", self.kafka.bootstrap(), "--http", "127.0.0.1:0", "--state-dir", &state];
        Program::start(&[&flags[..], more].concat(), self.folder.path().join("run.log"))
    }

    fn wait_for_all(&self) {
        Watch::new(self.kafka.bootstrap(), "cx-timelines", "cx.events").wait_for_all(TIMEOUT);
    }

    /// The outputs are what `fold` gives of all that was loaded.
    fn check(&self) {
        let input = self.parts[..self.loaded].concat();
        let consumed = consume(self.kafka.bootstrap(), &OUTPUTS);
        let differences = differences(&of_lines(&fold(input.as_bytes())), &consumed.records);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }

    fn group(&self) -> BaseConsumer {
        ClientConfig::new()
            .set("bootstrap.servers", self.kafka.bootstrap())
            .set("group.id", "cx-timelines")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap()
    }

    /// Of each partition of the repartition topic that the group has read: its beginning, and how far the group is.
    fn work(&self) -> Vec<(i64, i64)> {
        let group = self.group();
        let mut places = TopicPartitionList::new();
        for partition in 0..partitions_of(self.kafka.bootstrap(), REPARTITION) {
            places.add_partition(REPARTITION, partition);
        }
        let committed = group.committed_offsets(places, TIMEOUT).unwrap();
        let of = |partition| group.fetch_watermarks(REPARTITION, partition, TIMEOUT).unwrap().0;
        let read = committed.elements();
        let read = read.iter().filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some((of(element.partition()), offset)),
            _ => None,
        });
        read.collect()
    }
}

fn ends_with(mut instance: Program, words: &[&str]) {
    assert_eq!(instance.wait_for_end(TIMEOUT), Some(1), "{}", instance.log());
    let said = instance.log();
    for part in words {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

#[test]
fn what_was_taken_of_the_repartition_topic_is_deleted_and_nothing_else_of_it() {
    let mut ground = Ground::new(2);
    let mut instance = ground.start(&[]);
    ground.load_next();
    ground.wait_for_all();
    let deleted = wait_until("all that was taken is deleted", TIMEOUT, || {
        let work = ground.work();
        let is_deleted = work.iter().all(|(first, committed)| first == committed);
        (is_deleted && work.iter().any(|(first, _)| *first > 0)).then_some(work)
    });
    ground.load_next();
    ground.wait_for_all();
    ground.check();
    let more = ground.work();
    assert!(more.iter().zip(&deleted).any(|((_, now), (_, before))| now > before), "{deleted:?} {more:?}");
    assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());
    // One that is restored goes on where the group is.
    let mut instance = ground.start(&[]);
    ground.wait_for_all();
    ground.check();
    assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());
    assert!(!instance.log().contains("cannot be deleted"), "{}", instance.log());
    ground.kafka.stop();
}

#[test]
fn a_repartition_topic_that_lost_records_ends_it_with_what_to_do_and_adds_to_no_window_twice() {
    let mut ground = Ground::new(2);
    let mut instance = ground.start(&[]);
    ground.load_next();
    ground.wait_for_all();
    assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());
    // As if the group had read records that a leader of the topic has lost.
    let group = ground.group();
    let mut places = TopicPartitionList::new();
    for partition in 0..partitions_of(ground.kafka.bootstrap(), REPARTITION) {
        places.add_partition_offset(REPARTITION, partition, Offset::Offset(1_000_000)).unwrap();
    }
    group.commit(&places, CommitMode::Sync).unwrap();
    drop(group);
    ground.load_next();
    for _ in 0..2 {
        let words = ["topic cx-timelines-repartition ends before what was taken of it", "cx-timelines reset"];
        ends_with(ground.start(&[]), &words);
    }
    ground.ok(&["reset", "--yes"], b"");
    let mut instance = ground.start(&[]);
    ground.wait_for_all();
    ground.check();
    assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());
    ground.kafka.stop();
}

#[test]
fn a_state_goes_on_only_with_the_processors_that_made_it() {
    let mut ground = Ground::new(2);
    let mut instance = ground.start(&["--processors", "activities,conversations"]);
    ground.load_next();
    ground.wait_for_all();
    assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());
    // With metrics it would take back what it never added.
    let words =
        ["activities, admission, correlate, timelines", "the same --processors", "cx-timelines reset"];
    ends_with(ground.start(&[]), &words);
    // Without the timelines no processor would maintain their state.
    ends_with(ground.start(&["--processors", "activities"]), &words);
    // Audit has none of its own.
    let mut instance = ground.start(&["--processors", "activities,timelines,conversations,audit"]);
    ground.load_next();
    ground.wait_for_all();
    assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());
    ground.ok(&["reset", "--yes"], b"");
    let mut instance = ground.start(&[]);
    ground.wait_for_all();
    ground.check();
    assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());
    ground.kafka.stop();
}
