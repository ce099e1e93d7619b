// SPDX-License-Identifier: Apache-2.0

//! `reset`: all is read again, and comes out the same; never while an instance runs, and never by half.

use std::path::Path;
use std::time::Duration;

use cx_timelines_tests::{
    Consumed, OUTPUTS, Program, Watch, await_finished, block_on, consume, differences, fold, of_lines,
    partitions_of, run_to_end,
};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sandbox::conversations::{Options, events};
use sandbox::kafka::Kafka;

const CHANGELOG: &str = "cx-timelines-changelog";
const TIMEOUT: Duration = Duration::from_secs(120);

/// A group on a broker, and its input.
struct Ground {
    kafka: Kafka,
    folder: tempfile::TempDir,
    input: String,
}

impl Ground {
    fn new() -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let planned = events(&Options::default(), 400);
        let input: String = planned.iter().map(|event| format!("{}\n", event.value)).collect();
        let ground = Self { kafka, folder: tempfile::tempdir().unwrap(), input };
        ground.ok(&["topics", "apply"], b"");
        ground.ok(&["load", "-"], ground.input.as_bytes());
        ground
    }

    fn bootstrap(&self) -> &str {
        self.kafka.bootstrap()
    }

    fn command(&self, arguments: &[&str], input: &[u8]) -> (Option<i32>, String) {
        let output = run_to_end(&[arguments, &["--bootstrap", self.bootstrap()]].concat(), input);
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }

    fn ok(&self, arguments: &[&str], input: &[u8]) -> String {
        let (code, said) = self.command(arguments, input);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    }

    fn state(&self) -> String {
        self.folder.path().join("state").to_str().unwrap().to_owned()
    }

    /// An instance that has read everything.
    fn run(&self) -> Program {
        self.run_with(&[])
    }

    fn run_with(&self, more: &[&str]) -> Program {
        let state = self.state();
        let flags = ["run", "--bootstrap", self.bootstrap(), "--http", "127.0.0.1:0", "--state-dir", &state];
        let instance = Program::start(&[&flags[..], more].concat(), self.folder.path().join("run.log"));
        self.watch().wait_for_all(TIMEOUT);
        instance
    }

    fn watch(&self) -> Watch {
        Watch::new(self.bootstrap(), "cx-timelines", "cx.events")
    }

    /// The outputs, which are what `fold` gives of the input.
    fn folded(&self) -> Consumed {
        let consumed = consume(self.bootstrap(), &OUTPUTS);
        let differences = differences(&of_lines(&fold(self.input.as_bytes())), &consumed.records);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        consumed
    }

    fn changelog(&self) -> (usize, usize) {
        read_changelog(self.bootstrap())
    }
}

/// How many records the state has had, and how many keys it has.
fn read_changelog(bootstrap: &str) -> (usize, usize) {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::error::KafkaError;
    use rdkafka::message::Message;
    await_finished(bootstrap, &[CHANGELOG]);
    let reader: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "tests")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let mut places = TopicPartitionList::new();
    for partition in 0..partitions_of(bootstrap, CHANGELOG) {
        places.add_partition_offset(CHANGELOG, partition, Offset::Beginning).unwrap();
    }
    reader.assign(&places).unwrap();
    let (mut open, mut records, mut keys) = (places.count(), 0, std::collections::BTreeSet::new());
    while open > 0 {
        match reader.poll(TIMEOUT).expect("the changelog has an end") {
            Err(KafkaError::PartitionEOF(_)) => open -= 1,
            Err(error) => panic!("{error}"),
            Ok(message) => {
                records += 1;
                let key = (message.partition(), message.key().unwrap().to_vec());
                match message.payload() {
                    Some(_) => keys.insert(key),
                    None => keys.remove(&key),
                };
            }
        }
    }
    (records, keys.len())
}

/// As if all that was sent to other partitions had not been taken yet: a reset must not have it taken twice.
fn work_under_way(bootstrap: &str) {
    use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
    let topic = "cx-timelines-repartition";
    let group: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "cx-timelines")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut places = TopicPartitionList::new();
    for partition in 0..partitions_of(bootstrap, topic) {
        places.add_partition_offset(topic, partition, Offset::Offset(0)).unwrap();
    }
    group.commit(&places, CommitMode::Sync).unwrap();
}

fn cut_the_input(bootstrap: &str) {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
    let reader: BaseConsumer = ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
    let has_events =
        |partition: &i32| reader.fetch_watermarks("cx.events", *partition, TIMEOUT).unwrap().1 > 0;
    let partition = (0..partitions_of(bootstrap, "cx.events")).find(has_events).unwrap();
    let mut places = TopicPartitionList::new();
    places.add_partition_offset("cx.events", partition, Offset::Offset(1)).unwrap();
    let cut = block_on(admin.delete_records(&places, &AdminOptions::new())).unwrap();
    cut.elements().iter().for_each(|element| element.error().unwrap());
}

#[test]
fn after_a_reset_all_is_read_again_and_comes_out_the_same_and_no_reset_happens_while_an_instance_runs() {
    let ground = Ground::new();
    let mut instance = ground.run();
    let before = ground.folded();
    refused_while_running(&ground);
    assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());

    let (committed, state) = (ground.watch().places().unwrap(), ground.changelog());
    assert!(state.1 > 100, "there is a state: {state:?}");
    let said = ground.ok(&["reset", "--dry-run", "--state-dir", &ground.state()], b"");
    for words in ["cx.events: read again", "keys removed", "unchanged; reading again", "nothing was changed"]
    {
        assert!(said.contains(words), "{words:?} is not in\n{said}");
    }
    assert_eq!(ground.watch().places().unwrap(), committed);
    assert_eq!(ground.changelog(), state);
    assert!(Path::new(&ground.state()).join("state/partition-0").exists());

    ground.ok(&["reset", "--yes", "--state-dir", &ground.state()], b"");
    assert_eq!(ground.watch().progress().unwrap().0, 0, "all is to be read again");
    assert_eq!(ground.changelog().1, 0, "the state is empty");
    assert!(!Path::new(&ground.state()).join("state/partition-0").exists());
    let mut instance = ground.run();
    let again = ground.folded();
    let entries = |consumed: &Consumed| -> usize {
        let written = consumed.written.iter().filter(|((topic, _), _)| topic == "cx.timelines");
        written.map(|(_, count)| count).sum()
    };
    assert!(entries(&again) >= entries(&before) * 3 / 2, "it was written again");
    assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());

    work_under_way(ground.bootstrap());
    // What lies on other machines cannot be deleted from here. It follows the changelog.
    ground.ok(&["reset", "--yes"], b"");
    assert!(Path::new(&ground.state()).join("state/partition-0").exists());
    let mut instance = ground.run();
    ground.folded();
    assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());

    // The members of a group under the consumer protocol cannot be listed; it is refused all the same.
    let mut instance = ground.run_with(&["--membership", "broker"]);
    let committed = ground.watch().places().unwrap();
    let (code, said) = ground.command(&["reset", "--yes"], b"");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is in use") && said.contains("stop all its instances"), "{said}");
    assert_eq!(ground.watch().places().unwrap(), committed);
    assert!(ground.changelog().1 > 100, "the state is there");
    assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());

    events_that_are_gone_are_not_passed_over_in_silence(&ground);
    ground.kafka.stop();
}

fn refused_while_running(ground: &Ground) {
    let committed = ground.watch().places().unwrap();
    let (code, said) = ground.command(&["reset", "--yes"], b"");
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("is in use (Stable, 1 member(s)") && said.contains("stop all its instances"),
        "{said}"
    );
    let (code, said) = ground.command(&["reset", "--yes", "--state-dir", &ground.state()], b"");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is in use by process"), "{said}");
    let said = ground.ok(&["reset", "--dry-run"], b"");
    assert!(said.contains("cannot be reset before its members are stopped"), "{said}");
    let (code, said) = ground.command(&["reset"], b"");
    assert_eq!(code, Some(2), "without a terminal: {said}");
    assert_eq!(ground.watch().places().unwrap(), committed);
}

fn events_that_are_gone_are_not_passed_over_in_silence(ground: &Ground) {
    cut_the_input(ground.bootstrap());
    let committed = ground.watch().places().unwrap();
    let (code, said) = ground.command(&["reset", "--yes"], b"");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("WARNING: up to 1 events") && said.contains("--despite-lost-events"), "{said}");
    assert_eq!(ground.watch().places().unwrap(), committed);
    ground.ok(&["reset", "--yes", "--despite-lost-events"], b"");
    assert_eq!(ground.watch().progress().unwrap().0, 1, "its partition begins with what is left");
}
