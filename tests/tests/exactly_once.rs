//! 20,000 events with disorder, duplicates and invalid records go through two instances of which one is killed again and
//! again. What consumers see in the end is what `fold` gives for the same events.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use cx_timelines_tests::{
    DEAD_LETTERS, OUTPUTS, Program, Records, Watch, consume, differences, fold, of_lines, run_to_end,
    wait_until,
};
use sandbox::conversations::{Disorder, Options, Size, disturb, events};
use sandbox::kafka::Kafka;

const EVENTS: usize = 20_000;
const CHUNKS: usize = 10;

/// Many small transactions, so that kills hit them in the middle.
fn small_transactions(folder: &Path) -> PathBuf {
    let standard = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml")).unwrap();
    let small = standard.replace("interval: 100ms", "interval: 1ms");
    assert_ne!(small, standard);
    let file = folder.join("topics.yaml");
    std::fs::write(&file, small).unwrap();
    file
}

fn start(folder: &Path, number: usize, bootstrap: &str) -> Program {
    let state: PathBuf = folder.join(format!("state-{number}"));
    let config = folder.join("topics.yaml");
    Program::start(
        &[
            "run",
            "--bootstrap",
            bootstrap,
            "--config",
            config.to_str().unwrap(),
            "--state-dir",
            state.to_str().unwrap(),
            "--http",
            "127.0.0.1:0",
            // A killed instance's partitions are free after this time.
            "--kafka",
            "session.timeout.ms=2000",
            "--kafka",
            "heartbeat.interval.ms=500",
        ],
        folder.join(format!("instance-{number}.log")),
    )
}

/// A broker with the topics, and a folder for the instances.
struct Ground {
    kafka: Kafka,
    folder: tempfile::TempDir,
    lines: Vec<String>,
}

impl Ground {
    fn new(events_wanted: usize, seed: u64) -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        small_transactions(folder.path());
        let applied = run_to_end(&["topics", "apply", "--bootstrap", kafka.bootstrap()], b"");
        assert!(applied.status.success(), "topics apply: {}", String::from_utf8_lossy(&applied.stderr));
        let options = Options { seed, start_ms: 1_750_000_000_000, size: Size::Slim, session_keyed: true };
        let disorder = Disorder {
            late_share: 0.1,
            duplicate_share: 0.05,
            invalid_share: 0.01,
            late_ms_max: 3_600_000,
            seed,
        };
        let lines: Vec<String> = disturb(events(&options, events_wanted), &disorder)
            .into_iter()
            .map(|planned| planned.value)
            .collect();
        assert!(lines.len() >= events_wanted);
        Self { kafka, folder, lines }
    }

    fn start(&self, number: usize) -> Program {
        start(self.folder.path(), number, self.kafka.bootstrap())
    }

    fn load(&self, lines: &[String]) {
        let output =
            run_to_end(&["load", "-", "--bootstrap", self.kafka.bootstrap()], lines.join("\n").as_bytes());
        assert!(output.status.success(), "load: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// What consumers see is what `fold` gives; each dead letter is there once.
    fn check(self) {
        let expected = of_lines(&fold(self.lines.join("\n").as_bytes()));
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

fn end(mut instances: [Program; 2]) {
    for instance in &mut instances {
        assert!(instance.is_running(), "an instance ended by itself: {}", instance.log());
        let (code, took) = instance.terminate();
        assert_eq!(code, Some(0), "{}", instance.log());
        assert!(took < Duration::from_secs(5), "a stop took {took:?}");
    }
}

#[test]
fn kills_in_the_middle_of_everything_lose_nothing_and_double_nothing() {
    let ground = Ground::new(EVENTS, 11);
    let watch = Watch::new(ground.kafka.bootstrap(), "cx-timelines", "cx.events");
    let mut instances = [ground.start(0), ground.start(1)];
    let mut loaded = 0_i64;
    let mut in_the_middle = 0;
    for (number, chunk) in ground.lines.chunks(ground.lines.len().div_ceil(CHUNKS)).enumerate() {
        ground.load(chunk);
        // When a quarter of this chunk is committed one of the two dies, and is started again.
        let quarter = loaded + i64::try_from(chunk.len() / 4).unwrap();
        wait_until("a quarter of the chunk is committed", Duration::from_secs(120), || {
            let (committed, _) = watch.progress()?;
            (committed >= quarter).then_some(())
        });
        loaded += i64::try_from(chunk.len()).unwrap();
        let victim = number % 2;
        instances[victim].kill();
        let (committed, end) = watch.progress().unwrap();
        in_the_middle += usize::from(committed < end);
        instances[victim] = ground.start(victim);
    }
    watch.wait_for_all(Duration::from_secs(120));
    println!("{in_the_middle} of {CHUNKS} kills hit work in progress");
    assert!(in_the_middle >= CHUNKS / 2, "only {in_the_middle} of {CHUNKS} kills hit work in progress");
    end(instances);
    ground.check();
}

#[test]
fn an_instance_that_sleeps_past_its_session_wakes_up_fenced_and_goes_on() {
    let ground = Ground::new(6_000, 31);
    let watch = Watch::new(ground.kafka.bootstrap(), "cx-timelines", "cx.events");
    let instances = [ground.start(0), ground.start(1)];
    for (number, chunk) in ground.lines.chunks(ground.lines.len().div_ceil(4)).enumerate() {
        ground.load(chunk);
        wait_until("some of it is committed", Duration::from_secs(60), || {
            watch.progress().filter(|(committed, end)| end - committed < i64::try_from(chunk.len()).unwrap())
        });
        let sleeper = &instances[number % 2];
        sleeper.signal("STOP");
        // Only when the group has given its partitions to the other one can everything be committed.
        watch.wait_for_all(Duration::from_secs(120));
        sleeper.signal("CONT");
    }
    watch.wait_for_all(Duration::from_secs(60));
    end(instances);
    ground.check();
}
