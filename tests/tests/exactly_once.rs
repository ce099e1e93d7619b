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

use cx_timelines_tests::{Program, Watch, consume, differences, fold, of_lines, run_to_end};
use sandbox::conversations::{Disorder, Options, Size, disturb, events};
use sandbox::kafka::Kafka;

const EVENTS: usize = 20_000;
const CHUNKS: usize = 10;
const OUTPUTS: [&str; 2] = ["cx.activities", "cx.dead-letters"];

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

fn load(bootstrap: &str, lines: &str) {
    let output = run_to_end(&["load", "-", "--bootstrap", bootstrap], lines.as_bytes());
    assert!(output.status.success(), "load: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn kills_in_the_middle_of_everything_lose_nothing_and_double_nothing() {
    let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
    let bootstrap = kafka.bootstrap();
    let folder = tempfile::tempdir().unwrap();
    let applied = run_to_end(&["topics", "apply", "--bootstrap", bootstrap], b"");
    assert!(applied.status.success(), "topics apply: {}", String::from_utf8_lossy(&applied.stderr));

    let options = Options { seed: 11, start_ms: 1_750_000_000_000, size: Size::Slim, session_keyed: true };
    let disorder = Disorder {
        late_share: 0.1,
        duplicate_share: 0.05,
        invalid_share: 0.01,
        late_ms_max: 3_600_000,
        seed: 12,
    };
    let lines: Vec<String> =
        disturb(events(&options, EVENTS), &disorder).into_iter().map(|planned| planned.value).collect();
    assert!(lines.len() >= EVENTS);

    small_transactions(folder.path());
    let watch = Watch::new(bootstrap, "cx-timelines", "cx.events");
    let mut instances = [start(folder.path(), 0, bootstrap), start(folder.path(), 1, bootstrap)];
    let mut loaded = 0_i64;
    let mut in_the_middle = 0;
    for (number, chunk) in lines.chunks(lines.len().div_ceil(CHUNKS)).enumerate() {
        load(bootstrap, &chunk.join("\n"));
        // In the middle of this chunk one of the two dies, and is started again.
        let middle = loaded + i64::try_from(chunk.len() / 2).unwrap();
        cx_timelines_tests::wait_until("half of the chunk is committed", Duration::from_secs(120), || {
            let (committed, _) = watch.progress()?;
            (committed >= middle).then_some(())
        });
        loaded += i64::try_from(chunk.len()).unwrap();
        let victim = number % 2;
        instances[victim].kill();
        let (committed, end) = watch.progress().unwrap();
        in_the_middle += usize::from(committed < end);
        instances[victim] = start(folder.path(), victim, bootstrap);
    }
    watch.wait_for_all(Duration::from_secs(120));
    assert!(in_the_middle >= CHUNKS / 2, "only {in_the_middle} of {CHUNKS} kills hit work in progress");
    for instance in &mut instances {
        assert!(instance.is_running(), "an instance ended by itself: {}", instance.log());
        let (code, took) = instance.terminate();
        assert_eq!(code, Some(0), "{}", instance.log());
        assert!(took < Duration::from_secs(5), "a stop took {took:?}");
    }

    let expected = of_lines(&fold(lines.join("\n").as_bytes()));
    let consumed = consume(bootstrap, &OUTPUTS);
    let found = differences(&expected, &consumed.records);
    assert!(
        found.is_empty(),
        "{} differences, the first:\n{}",
        found.len(),
        found[..found.len().min(5)].join("\n")
    );
    assert!(expected.finals.len() > 5_000, "the input is no input: {} activities", expected.finals.len());
    let doubled: Vec<_> = consumed.letters.iter().filter(|(_, count)| **count > 1).collect();
    assert!(doubled.is_empty(), "dead-lettered more than once: {doubled:?}");
    assert_eq!(consumed.without_headers, 0, "every output record has its headers");
    kafka.stop();
}
