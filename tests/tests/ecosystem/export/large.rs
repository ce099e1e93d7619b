// SPDX-License-Identifier: Apache-2.0

//! A large topic: exported in bounded memory, killed in the midst, and repaired.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cx_timelines_tests::{Program, run_to_end, wait_until};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use sandbox::kafka::Kafka;

use super::duckdb;
use super::ground::files;

const TOPIC: &str = "cx.metrics";
const DAY_MS: i64 = 86_400_000;
const START_MS: i64 = 1_749_945_600_000;
const DAYS: i64 = 30;
const LARGE: i64 = 240_000;
const SMALL: i64 = 2_400;
const TIMEOUT: Duration = Duration::from_secs(240);
const MIB: u64 = 1 << 20;
/// What a large topic may take more than a small one: the portions that are sorted, one batch, one row group, the filter of keys
/// and the client's queue are full then. The topic's values are many times as large.
const MORE_MAX: u64 = 96 * MIB;

struct Scene {
    kafka: Kafka,
    folder: tempfile::TempDir,
    producer: ThreadedProducer<DefaultProducerContext>,
}

/// What the rows add up to.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Sums {
    rows: i64,
    offered: i64,
}

impl Scene {
    fn new() -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", kafka.bootstrap())
            .set("linger.ms", "20")
            .set("compression.type", "zstd");
        let scene = Self { folder: tempfile::tempdir().unwrap(), producer: client.create().unwrap(), kafka };
        scene.ok(&["topics", "apply"]);
        scene
    }

    fn output(&self, command: &[&str]) -> std::process::Output {
        run_to_end(&[command, &["--bootstrap", self.kafka.bootstrap()]].concat(), b"")
    }

    fn ok(&self, command: &[&str]) -> String {
        let output = self.output(command);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(0), "{command:?}: {said}");
        said
    }

    fn send(&self, key: i64, value: Option<&str>) {
        let key_text = format!("queue/q{key}/900000/0");
        let partition = i32::try_from(key % 8).unwrap();
        loop {
            let mut record: BaseRecord<'_, str, str> =
                BaseRecord::to(TOPIC).key(key_text.as_str()).partition(partition);
            record.payload = value;
            match self.producer.send(record) {
                Ok(()) => return,
                // The queue is full.
                Err(_) => self.producer.flush(TIMEOUT).unwrap(),
            }
        }
    }

    /// A window of about a kilobyte. Its day follows from the key, so that each day has windows of each partition.
    fn put(&self, key: i64, offered: i64) {
        let start = START_MS + key % DAYS * DAY_MS + key / DAYS % 96 * 900_000;
        let figures: Vec<String> = (0..40_i64)
            .map(|number| format!("\"figure{number:02}\":{}", key * 7919 * (number + 1)))
            .collect();
        let value = format!(
            r#"{{"dimension":"queue","id":"q{key}","windowStart":{start},"windowEnd":{},"figures":{{"offered":{offered},{}}},"revision":1,"histograms":{{}}}}"#,
            start + 900_000,
            figures.join(",")
        );
        self.send(key, Some(&value));
    }

    fn flush(&self) {
        self.producer.flush(TIMEOUT).unwrap();
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, dir: &str) -> Program {
        let path = self.dir(dir);
        let flags = [
            "export",
            "--dir",
            path.to_str().unwrap(),
            "--topic",
            TOPIC,
            "--bootstrap",
            self.kafka.bootstrap(),
        ];
        Program::start(&flags, self.folder.path().join(format!("{dir}.log")))
    }

    fn export(&self, dir: &str) -> String {
        self.ok(&["export", "--dir", self.dir(dir).to_str().unwrap(), "--topic", TOPIC])
    }

    /// Exports; returns the most memory that it has taken.
    fn peak(&self, dir: &str) -> u64 {
        let mut export = self.start(dir);
        let mut peak = 0;
        wait_until("the export ends", TIMEOUT, || {
            peak = export.peak_memory().unwrap_or(peak).max(peak);
            (!export.is_running()).then_some(())
        });
        assert!(export.log().contains("written"), "{}", export.log());
        peak
    }

    fn sums(&self, dir: &str) -> Sums {
        let query = format!(
            "SELECT count(*) AS rows, count(DISTINCT _key) AS keys, sum(figures['offered'])::BIGINT AS offered \
             FROM '{dir}/{TOPIC}/**/*.parquet'"
        );
        let answer = duckdb::query(self.folder.path(), &[&query]).remove(0).remove(0);
        let number = |name: &str| answer[name].as_i64().unwrap();
        assert_eq!(number("rows"), number("keys"), "each key once");
        Sums { rows: number("rows"), offered: number("offered") }
    }

    /// Starts an export and kills it once `has_begun`; returns the directory.
    fn kill(&self, dir: &str, has_begun: &dyn Fn(&Path) -> bool) {
        let mut export = self.start(dir);
        let path = self.dir(dir);
        let deadline = std::time::Instant::now() + TIMEOUT;
        while !has_begun(&path) {
            assert!(export.is_running(), "it ended before it was killed: {}", export.log());
            assert!(std::time::Instant::now() < deadline, "it never writes");
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(export.is_running(), "it ended before it was killed: {}", export.log());
        export.kill();
    }
}

fn day_files(dir: &Path) -> Vec<PathBuf> {
    let is_of_day = |file: &PathBuf| file.to_string_lossy().contains("/day=");
    files(dir).into_iter().filter(is_of_day).collect()
}

fn newest(dir: &Path) -> SystemTime {
    day_files(dir).iter().map(|file| std::fs::metadata(file).unwrap().modified().unwrap()).max().unwrap()
}

#[test]
fn a_large_topic_takes_no_more_memory_and_a_killed_export_is_repaired() {
    let scene = Scene::new();
    (0..SMALL).for_each(|key| scene.put(key, 1));
    scene.flush();
    let small = scene.peak("small");
    (SMALL..LARGE).for_each(|key| scene.put(key, 1));
    scene.flush();

    // Killed in its midst, the directory can be read, and lacks days; the next run has all.
    scene.kill("lake", &|dir| day_files(dir).len() >= 3);
    assert!(day_files(&scene.dir("lake")).len() < usize::try_from(DAYS).unwrap());
    let part = scene.sums("lake");
    assert!(part.rows >= 3 && part.rows < LARGE, "{part:?}");
    let large = scene.peak("lake");
    let mut expected = Sums { rows: LARGE, offered: LARGE };
    assert_eq!(scene.sums("lake"), expected);
    eprintln!("peak memory: {} MiB of {SMALL} records, {} MiB of {LARGE}", small / MIB, large / MIB);
    assert!(large < small + MORE_MAX, "{large} bytes, of few records {small}");

    // The same with corrections and deletions of every day.
    for key in (0..LARGE).step_by(49) {
        match key / 49 % 2 {
            0 => {
                scene.put(key, 5);
                expected.offered += 4;
            }
            _ => {
                scene.send(key, None);
                expected = Sums { rows: expected.rows - 1, offered: expected.offered - 1 };
            }
        }
    }
    scene.flush();
    let before = newest(&scene.dir("lake"));
    scene.kill("lake", &|dir| newest(dir) > before);
    let part = scene.sums("lake");
    assert!(part.rows <= LARGE && part.rows >= expected.rows, "{part:?}");
    let said = scene.export("lake");
    assert!(said.contains("new record") && !said.contains("read whole"), "{said}");
    assert_eq!(scene.sums("lake"), expected);
    let names: Vec<String> =
        files(&scene.dir("lake")).iter().map(|file| file.display().to_string()).collect();
    assert!(names.iter().all(|name| !name.contains("_work")), "{names:?}");
}
