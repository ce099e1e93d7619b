// SPDX-License-Identifier: Apache-2.0

//! Topics that were set wrong, each in one way, one after the other, on a real broker: `run` refuses each or warns of it, and
//! `doctor` and `topics check` say the same. None is accepted silently.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use cx_timelines_tests::{Program, block_on, delete_topic, run_to_end, set_topic, wait_until};
use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use sandbox::kafka::Kafka;

const TIMEOUT: Duration = Duration::from_secs(60);
const CHANGELOG: &str = "cx-timelines-changelog";
const REPARTITION: &str = "cx-timelines-repartition";
const ACTIVITIES: &str = "cx.activities";
const METRICS: &str = "cx.metrics";
const LETTERS: &str = "cx.dead-letters";
const ERASURES: &str = "cx.erasures";
const EVENTS: &str = "cx.events";

/// What `run` does about a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Refused,
    Warned,
    Accepted,
}

use Done::{Refused, Warned};

/// A topic, a setting of it, what it is set to, and what is to be done about it.
const WRONG: &[(&str, &str, &str, Done)] = &[
    (CHANGELOG, "cleanup.policy", "delete", Refused),
    (CHANGELOG, "cleanup.policy", "compact,delete", Refused),
    (CHANGELOG, "retention.ms", "3600000", Refused),
    (CHANGELOG, "retention.bytes", "1000000", Refused),
    (CHANGELOG, "max.message.bytes", "1048588", Refused),
    (CHANGELOG, "segment.bytes", "1048576", Refused),
    (CHANGELOG, "delete.retention.ms", "86400000", Refused),
    (CHANGELOG, "delete.retention.ms", "1000", Refused),
    (CHANGELOG, "min.insync.replicas", "2", Refused),
    (CHANGELOG, "message.timestamp.before.max.ms", "1000", Refused),
    (CHANGELOG, "message.timestamp.after.max.ms", "1000", Refused),
    (CHANGELOG, "message.timestamp.type", "LogAppendTime", Warned),
    (CHANGELOG, "min.compaction.lag.ms", "43200000", Warned),
    (CHANGELOG, "max.compaction.lag.ms", "864000000", Warned),
    (CHANGELOG, "min.cleanable.dirty.ratio", "1.0", Warned),
    (CHANGELOG, "unclean.leader.election.enable", "true", Warned),
    (REPARTITION, "cleanup.policy", "compact", Refused),
    (REPARTITION, "cleanup.policy", "compact,delete", Refused),
    (REPARTITION, "retention.ms", "60000", Refused),
    (REPARTITION, "retention.ms", "172800000", Warned),
    (REPARTITION, "retention.bytes", "1000000", Refused),
    (REPARTITION, "max.message.bytes", "1048588", Refused),
    (REPARTITION, "segment.bytes", "1048576", Refused),
    (REPARTITION, "min.insync.replicas", "2", Refused),
    (REPARTITION, "unclean.leader.election.enable", "true", Warned),
    (ERASURES, "cleanup.policy", "delete", Refused),
    (ERASURES, "cleanup.policy", "compact,delete", Refused),
    (ERASURES, "retention.ms", "3600000", Refused),
    (ACTIVITIES, "cleanup.policy", "delete", Refused),
    (ACTIVITIES, "cleanup.policy", "compact,delete", Refused),
    (ACTIVITIES, "retention.ms", "3600000", Warned),
    (ACTIVITIES, "max.message.bytes", "1048588", Refused),
    (ACTIVITIES, "segment.bytes", "1048576", Refused),
    (ACTIVITIES, "min.insync.replicas", "2", Refused),
    (ACTIVITIES, "message.timestamp.type", "LogAppendTime", Warned),
    (ACTIVITIES, "message.timestamp.after.max.ms", "1000", Refused),
    (ACTIVITIES, "message.timestamp.before.max.ms", "600000", Warned),
    (ACTIVITIES, "max.compaction.lag.ms", "9223372036854775807", Warned),
    (ACTIVITIES, "min.compaction.lag.ms", "43200000", Warned),
    (ACTIVITIES, "delete.retention.ms", "1000", Warned),
    (ACTIVITIES, "unclean.leader.election.enable", "true", Warned),
    (METRICS, "cleanup.policy", "delete", Refused),
    (METRICS, "cleanup.policy", "compact", Warned),
    (METRICS, "retention.ms", "3600000", Warned),
    (METRICS, "retention.bytes", "1000000", Warned),
    (LETTERS, "cleanup.policy", "compact", Refused),
    (LETTERS, "cleanup.policy", "compact,delete", Refused),
    (LETTERS, "retention.ms", "60000", Warned),
    (LETTERS, "retention.bytes", "1000000", Warned),
    (LETTERS, "max.message.bytes", "1048588", Warned),
    (LETTERS, "max.message.bytes", "1000", Refused),
    (LETTERS, "segment.bytes", "1048576", Warned),
    (LETTERS, "message.timestamp.before.max.ms", "1000", Refused),
    (LETTERS, "message.timestamp.after.max.ms", "1000", Refused),
    (LETTERS, "min.insync.replicas", "2", Refused),
    (EVENTS, "cleanup.policy", "compact", Refused),
    (EVENTS, "cleanup.policy", "compact,delete", Refused),
    (EVENTS, "retention.ms", "60000", Warned),
    (EVENTS, "retention.bytes", "1000000", Warned),
    (EVENTS, "max.message.bytes", "1048588", Warned),
    (EVENTS, "message.timestamp.type", "LogAppendTime", Warned),
    (EVENTS, "message.timestamp.before.max.ms", "3600000", Warned),
    (EVENTS, "unclean.leader.election.enable", "true", Warned),
];

/// The topics of each test: each way takes seconds, so several tests share them.
const TOPICS: [&[&str]; 3] =
    [&[CHANGELOG], &[REPARTITION, ERASURES, ACTIVITIES], &[METRICS, LETTERS, EVENTS]];

/// A cluster with all topics as declared.
struct Ground {
    kafka: Kafka,
    admin: AdminClient<DefaultClientContext>,
    folder: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let admin = ClientConfig::new().set("bootstrap.servers", kafka.bootstrap()).create().unwrap();
        let ground = Self { kafka, admin, folder: tempfile::tempdir().unwrap() };
        assert!(ground.command(&["topics", "apply"]).0, "topics apply");
        ground
    }

    fn bootstrap(&self) -> &str {
        self.kafka.bootstrap()
    }

    /// Whether a command says yes, and what it prints.
    fn command(&self, words: &[&str]) -> (bool, String) {
        let output = run_to_end(&[words, &["--bootstrap", self.bootstrap()]].concat(), b"");
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    /// The settings that a topic has itself.
    fn own_settings(&self, topic: &str) -> BTreeMap<String, String> {
        let topics = [ResourceSpecifier::Topic(topic)];
        let described = block_on(self.admin.describe_configs(&topics, &AdminOptions::new())).unwrap();
        let entries = described.into_iter().flat_map(|resource| resource.unwrap().entries);
        let own = entries.filter(|entry| entry.source == ConfigSource::DynamicTopic);
        own.map(|entry| (entry.name, entry.value.unwrap())).collect()
    }

    fn set(&self, topic: &str, settings: &BTreeMap<String, String>) {
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        set_topic(self.bootstrap(), topic, &settings);
        wait_until("the settings are those", TIMEOUT, || {
            let own = self.own_settings(topic);
            settings.iter().all(|(name, value)| own.get(*name).is_some_and(|own| own == value)).then_some(())
        });
    }

    /// What `run` does, and what it says of the topic.
    fn run(&self, topic: &str) -> (Done, String) {
        let log = self.folder.path().join("run.log");
        let _ = std::fs::remove_file(&log);
        let arguments = ["run", "--bootstrap", self.bootstrap(), "--http", "127.0.0.1:0"];
        let mut program = Program::start(&arguments, log);
        wait_until("it runs, or has ended", TIMEOUT, || {
            (program.log().contains("assigned") || !program.is_running()).then_some(())
        });
        let has_ended = !program.is_running();
        if !has_ended {
            // In order: the next one does not have to wait for this one's session to end.
            assert_eq!(program.terminate().0, Some(0), "{}", program.log());
        }
        let log = program.log();
        let about: Vec<&str> =
            log.lines().filter(|line| line.contains(&format!("topic {topic}: "))).collect();
        let said = about.join("\n");
        match (has_ended, about.is_empty()) {
            (true, false) => (Refused, said),
            (false, false) => (Warned, said),
            (false, true) => (Done::Accepted, log),
            (true, true) => panic!("it ended for another reason:\n{log}"),
        }
    }

    /// What the doctor says of the topic.
    fn doctor(&self, topic: &str) -> Done {
        let (_, said) = self.command(&["doctor", "--json", "--http", "127.0.0.1:0"]);
        let line = said.lines().find(|line| line.contains(&format!("\"topic {topic}\""))).expect("a line");
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        match line["status"].as_str() {
            Some("fail") => Refused,
            Some("warn") => Warned,
            _ => Done::Accepted,
        }
    }

    /// What `topics check` says of the topic.
    fn check(&self, topic: &str) -> Done {
        let (_, said) = self.command(&["topics", "check"]);
        let line = said.lines().find(|line| line.split_whitespace().next() == Some(topic)).expect("a line");
        if line.contains("REFUSED") {
            Refused
        } else if line.contains("DIFFERS") || line.contains("careful") {
            Warned
        } else {
            Done::Accepted
        }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }
}

#[test]
fn a_changelog_that_is_set_wrong_is_refused_or_warned_of_by_run_doctor_and_topics_check_alike() {
    set_each_wrong(0);
}

#[test]
fn inner_topics_and_activities_that_are_set_wrong_are_refused_or_warned_of_by_all_three_alike() {
    set_each_wrong(1);
}

#[test]
fn other_topics_that_are_set_wrong_are_refused_or_warned_of_by_all_three_alike() {
    set_each_wrong(2);
}

/// Sets the topics of a test wrong in each way, one after the other.
fn set_each_wrong(test: usize) {
    assert!(WRONG.iter().all(|(topic, ..)| TOPICS.concat().contains(topic)), "a topic has no test");
    let topics = TOPICS[test];
    let ground = Ground::new();
    for topic in topics {
        assert_eq!((ground.doctor(topic), ground.check(topic)), (Done::Accepted, Done::Accepted), "{topic}");
    }
    assert_eq!(ground.run(EVENTS).0, Done::Accepted);
    println!(
        "| topic | setting | run | doctor | topics check | what run says |\n| --- | --- | --- | --- | --- | --- |"
    );
    let mut wrong = Vec::new();
    for (topic, setting, value, expected) in WRONG.iter().filter(|(topic, ..)| topics.contains(topic)) {
        let right = ground.own_settings(topic);
        let mut changed = right.clone();
        changed.insert((*setting).to_owned(), (*value).to_owned());
        ground.set(topic, &changed);
        let (run, said) = ground.run(topic);
        let (doctor, check) = (ground.doctor(topic), ground.check(topic));
        ground.set(topic, &right);
        let words =
            said.lines().next().unwrap_or_default().split(&format!("topic {topic}: ")).last().unwrap();
        println!("| {topic} | {setting}={value} | {run:?} | {doctor:?} | {check:?} | {words} |");
        if [run, doctor, check] != [*expected; 3] || !words.contains(setting) {
            wrong.push(format!("{topic} {setting}={value}: {run:?}, {doctor:?}, {check:?}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ground.folder().exists());
}

#[test]
fn topics_of_which_the_number_of_partitions_does_not_fit_are_refused_or_warned_of() {
    let ground = Ground::new();
    delete_topic(ground.bootstrap(), REPARTITION);
    wait_until("the topic is gone", TIMEOUT, || {
        (cx_timelines_tests::partitions_of(ground.bootstrap(), REPARTITION) == 0).then_some(())
    });
    let four = NewTopic::new(REPARTITION, 4, TopicReplication::Fixed(1))
        .set("max.message.bytes", "33554432")
        .set("segment.ms", "86400000")
        .set("retention.ms", "604800000");
    block_on(ground.admin.create_topics(&[four], &AdminOptions::new())).unwrap();
    let more = NewPartitions::new(ACTIVITIES, 12);
    block_on(ground.admin.create_partitions(&[more], &AdminOptions::new())).unwrap();
    wait_until("there are as many", TIMEOUT, || {
        (cx_timelines_tests::partitions_of(ground.bootstrap(), REPARTITION) == 4
            && cx_timelines_tests::partitions_of(ground.bootstrap(), ACTIVITIES) == 12)
            .then_some(())
    });
    assert_eq!((ground.doctor(REPARTITION), ground.check(REPARTITION)), (Refused, Refused));
    assert_eq!((ground.doctor(ACTIVITIES), ground.check(ACTIVITIES)), (Warned, Warned));
    let (run, said) = ground.run(REPARTITION);
    assert!(run == Refused && said.contains("4 partitions, and the input has 8"), "{run:?}: {said}");
}
