// SPDX-License-Identifier: Apache-2.0

//! States that a program must not fold on, and what must not stay in one: a changelog of another form, one that cannot be read, a
//! state directory that an erasure passed by.

use std::path::Path;
use std::time::Duration;

use cx_timelines_tests::{
    OUTPUTS, Program, Watch, consume, differences, fold, of_lines, partitions_of, run_to_end, wait_until,
};
use edge::Deliveries;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use sandbox::kafka::Kafka;
use serde_json::json;

const CHANGELOG: &str = "cx-timelines-changelog";
const TIMEOUT: Duration = Duration::from_secs(120);
const GONE: &str = "forget-what-i-said";

/// A group on a broker.
struct Ground {
    kafka: Kafka,
    folder: tempfile::TempDir,
    input: String,
}

impl Ground {
    fn new() -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let ground = Self { kafka, folder: tempfile::tempdir().unwrap(), input: String::new() };
        ground.ok(&["topics", "apply"], b"");
        ground
    }

    fn bootstrap(&self) -> &str {
        self.kafka.bootstrap()
    }

    fn ok(&self, arguments: &[&str], input: &[u8]) {
        let output = run_to_end(&[arguments, &["--bootstrap", self.bootstrap()]].concat(), input);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    }

    /// A message of each of these conversations.
    fn load(&mut self, conversations: std::ops::Range<usize>, text: &str) {
        let line = |number: usize| {
            let event = json!({
                "id": format!("e-{number}"), "name": "CUSTOMER_MESSAGE", "timestamp": 1_750_000_000_000_i64,
                "conversationId": format!("c-{number}"),
                "data": {"header": {"sender": {"type": "CUSTOMER", "id": "u"}}, "body": {"type": "PLAIN", "markdownText": text}},
            });
            format!("{event}\n")
        };
        let lines: String = conversations.map(line).collect();
        self.ok(&["load", "-"], lines.as_bytes());
        self.input.push_str(&lines);
    }

    fn start(&self, name: &str) -> Program {
        let state = self.folder.path().join(name);
        let flags = ["run", "--bootstrap", self.bootstrap(), "--http", "127.0.0.1:0", "--state-dir"];
        let session = ["--kafka", "session.timeout.ms=6000", "--kafka", "heartbeat.interval.ms=500"];
        let flags = [&flags[..], &[state.to_str().unwrap()], &session].concat();
        Program::start(&flags, self.folder.path().join(format!("{name}.log")))
    }

    /// An instance that has read everything.
    fn run(&self, name: &str) -> Program {
        let instance = self.start(name);
        Watch::new(self.bootstrap(), "cx-timelines", "cx.events").wait_for_all(TIMEOUT);
        instance
    }

    /// Another program writes to these partitions of the changelog.
    fn write_to_changelog(&self, partitions: std::ops::Range<i32>, key: &[u8], value: Option<&[u8]>) {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.bootstrap());
        let producer: BaseProducer<Deliveries> = client.create_with_context(Deliveries::default()).unwrap();
        for partition in partitions {
            let mut record: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(CHANGELOG).partition(partition).key(key);
            record.payload = value;
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(TIMEOUT).unwrap();
        assert_eq!(producer.context().take_failed(), None);
    }

    /// How the outputs differ from what `fold` gives of the input.
    fn wrong(&self) -> Vec<String> {
        let consumed = consume(self.bootstrap(), &OUTPUTS);
        differences(&of_lines(&fold(self.input.as_bytes())), &consumed.records)
    }

    fn holds(&self, name: &str, text: &str) -> bool {
        holds(&self.folder.path().join(name), text.as_bytes())
    }
}

/// Whether a file under a folder holds these bytes. Files come and go while tables are merged.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        std::fs::read(&path).is_ok_and(|content| content.windows(bytes.len()).any(|window| window == bytes))
    })
}

#[test]
fn a_changelog_of_another_form_is_refused_with_what_to_do_until_it_is_reset() {
    let mut ground = Ground::new();
    ground.load(0..20, "hello");
    assert_eq!(ground.run("first").terminate().0, Some(0));
    let partitions = partitions_of(ground.bootstrap(), CHANGELOG);
    // As a version of form 99 would have written it, and then as one that did not know of forms.
    let forms: [(Option<&[u8]>, &str); 2] =
        [(Some(&[1, 0, 0, 0, 99]), "a state of form 99"), (None, "a state that does not say its form")];
    for (value, words) in forms {
        ground.write_to_changelog(0..partitions, b"\0form", value);
        let mut refused = ground.start(words);
        assert_eq!(refused.wait_for_end(TIMEOUT), Some(1));
        let log = refused.log();
        for words in [words, "cx-timelines reset", "docs/upgrade.md"] {
            assert!(log.contains(words), "{words} is not in {log}");
        }
        assert!(!log.contains("disk"), "the disk is not to blame: {log}");
    }
    ground.ok(&["reset", "--yes"], b"");
    ground.load(20..25, "hello again");
    assert_eq!(ground.run("after").terminate().0, Some(0));
    let wrong = ground.wrong();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_state_that_cannot_be_read_makes_the_program_unready_with_the_reason_and_others_go_on() {
    let mut ground = Ground::new();
    ground.load(0..40, "hello");
    assert_eq!(ground.run("first").terminate().0, Some(0));
    ground.write_to_changelog(0..1, b"\0stream-time", Some(b"no time at all"));
    let mut instance = ground.start("second");
    let reason = "the state of partition 0 could not be read";
    let ready = wait_until("it is not ready and says why", TIMEOUT, || {
        let (status, body) = instance.get("/health/ready");
        (status == 503 && body.contains(reason)).then_some(body)
    });
    assert!(ready.contains("the stream time is no time"), "{ready}");
    // Each further restore waits for longer: a line with the partition, the cause and the wait.
    wait_until("the restores wait", TIMEOUT, || instance.log().contains("wait_ms=4000").then_some(()));
    let log = instance.log();
    let warned = log.lines().find(|line| line.contains("wait_ms=1000")).expect("a line for each restore");
    assert!(
        warned.contains("WARN") && warned.contains("partition=0") && warned.contains("no time"),
        "{warned}"
    );
    assert_eq!(instance.get("/health/live").0, 200, "a restart would not help");
    assert!(instance.figure("cx_timelines_states_unreadable_total") >= 3.0);
    let elsewhere = |number: &usize| engine::partition_of(format!("c-{number}").as_bytes(), 8) != 0;
    let next = (40..).find(elsewhere).unwrap();
    ground.load(next..next + 1, "hello");
    wait_until("others go on", TIMEOUT, || {
        let key = ("cx.conversations".to_owned(), format!("c-{next}"));
        consume(ground.bootstrap(), &["cx.conversations"]).records.finals.contains_key(&key).then_some(())
    });
}

#[test]
fn erased_text_leaves_the_state_directory_of_an_instance_that_was_killed_before() {
    let mut ground = Ground::new();
    ground.load(0..1, GONE);
    ground.load(1..20, "hello");
    assert_eq!(ground.run("killed").terminate().0, Some(0));
    ground.run("killed").kill();
    assert!(ground.holds("killed", GONE), "else this test shows nothing");
    let mut other = ground.run("other");
    ground.ok(&["erase", "--conversation", "c-0", "--yes"], b"");
    wait_until("it is gone where it was erased", TIMEOUT, || (!ground.holds("other", GONE)).then_some(()));
    assert_eq!(other.terminate().0, Some(0));
    assert!(ground.holds("killed", GONE), "else this test shows nothing");
    let _again = ground.run("killed");
    wait_until("it is gone there too", TIMEOUT, || (!ground.holds("killed", GONE)).then_some(()));
}
