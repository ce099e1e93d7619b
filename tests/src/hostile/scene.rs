// SPDX-License-Identifier: Apache-2.0

//! The broker, the instance that is killed, the records that come, and the end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sandbox::kafka::Kafka;
use tempfile::TempDir;

use super::clock::{goes_on, now_ms, too_late};
use super::input::Input;
use super::outputs::Outputs;
use super::record::{Fate, INPUT, Maker};
use super::report::Report;
use super::{CONVERSATION_EVENTS_MAX, Options, PARTITIONS, check, events};
use crate::{Instance, Program, Watch, partitions_of, run_to_end, series, wait_until};

const GROUP: &str = "cx-timelines";
/// The factor of decompressed batches that comes on top of the memory limit.
const UNPACKED_TIMES: u64 = 3;
/// How long the program may take for what lies there, and for what is due in the end.
const TIMEOUT: Duration = Duration::from_secs(600);
/// How long nothing at all may be committed while there is something to do.
const STALL_MAX: Duration = Duration::from_secs(120);
/// Not more records may lie there unread.
const UNREAD_MAX: i64 = 6_000;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The number of expired conversations that get another event.
const TOO_LATE: usize = 60;
/// Every so many records of a batch one lies in a wrong partition, in every other batch.
const MISPLACED_EVERY: usize = 7;

/// All that takes part.
pub(super) struct Scene {
    // Fields are dropped in this order: the instance before the broker, the folder last.
    sender: Option<JoinHandle<Input>>,
    stop: Arc<AtomicBool>,
    outputs: Outputs,
    instance: Program,
    kafka: Kafka,
    folder: Option<TempDir>,
    options: Options,
    rng: ChaCha8Rng,
    lives: usize,
    kills: usize,
    peak_bytes: u64,
    begun: Instant,
}

impl Scene {
    pub(super) fn new(options: &Options) -> Self {
        let folder = tempfile::Builder::new().prefix("cx-hostile-").tempdir().unwrap();
        let kafka = sandbox::kafka::Options {
            data_dir: Some(folder.path().join("kafka")),
            heap_mb: 768,
            ..sandbox::kafka::Options::default()
        };
        let kafka = Kafka::start(kafka, &mut |_| {}).unwrap();
        let bootstrap = kafka.bootstrap().to_owned();
        configure(folder.path());
        let config = folder.path().join("topics.yaml");
        let apply = ["topics", "apply", "--bootstrap", &bootstrap, "--config", config.to_str().unwrap()];
        let applied = run_to_end(&apply, b"");
        assert!(applied.status.success(), "topics apply: {}", String::from_utf8_lossy(&applied.stderr));
        assert_eq!(partitions_of(&bootstrap, INPUT), PARTITIONS);
        let instance = start(&bootstrap, folder.path(), 0, options);
        let own = [format!("{GROUP}-changelog"), format!("{GROUP}-repartition")];
        let outputs = Outputs::follow(&bootstrap, &own);
        let rng = ChaCha8Rng::seed_from_u64(options.seed);
        let stop = Arc::<AtomicBool>::default();
        let mut scene = Self {
            sender: None,
            stop,
            outputs,
            instance,
            kafka,
            folder: Some(folder),
            options: options.clone(),
            rng,
            lives: 1,
            kills: 0,
            peak_bytes: 0,
            begun: Instant::now(),
        };
        scene.sender = Some(scene.send());
        scene
    }

    fn bootstrap(&self) -> &str {
        self.kafka.bootstrap()
    }

    /// Sends in a thread of its own.
    fn send(&self) -> JoinHandle<Input> {
        let rng = ChaCha8Rng::seed_from_u64(self.options.seed.wrapping_add(1));
        let folder = self.folder.as_ref().unwrap().path();
        let input = Input::new(self.bootstrap(), folder, self.outputs.wanted(), rng);
        let watch = Watch::new(self.bootstrap(), GROUP, INPUT);
        let (options, stop) = (self.options.clone(), Arc::clone(&self.stop));
        std::thread::spawn(move || send(input, &watch, &options, &stop))
    }

    /// Kills the instance again and again until all is sent.
    pub(super) fn go_on(&mut self) {
        let mut next = self.next_kill();
        while !self.sender.as_ref().unwrap().is_finished() {
            std::thread::sleep(LOOK_EVERY);
            self.look();
            if self.begun.elapsed() >= self.options.time {
                self.stop.store(true, Ordering::Relaxed);
            }
            if Instant::now() >= next {
                self.kill();
                next = self.next_kill();
            }
        }
    }

    fn next_kill(&mut self) -> Instant {
        Instant::now() + self.options.kill_every.mul_f64(self.rng.random_range(0.5..1.5))
    }

    /// No instance may end by itself, or exceed its memory limit.
    fn look(&mut self) {
        let seed = self.options.seed;
        let peak = self.instance.peak_memory();
        let is_running = self.instance.is_running();
        assert!(is_running, "seed {seed}: the program ended by itself:\n{}", end_of(&self.instance.log()));
        self.peak_bytes = self.peak_bytes.max(peak.unwrap_or_default());
    }

    fn kill(&mut self) {
        self.look();
        let folder = self.folder.as_ref().unwrap().path().to_owned();
        if self.options.verbose {
            eprintln!(
                "{:>7.1} s  kill -9, peak {} MiB",
                self.begun.elapsed().as_secs_f64(),
                self.peak_bytes >> 20
            );
        }
        self.instance.kill();
        self.kills += 1;
        self.instance = start(self.kafka.bootstrap(), &folder, self.lives, &self.options);
        self.lives += 1;
    }

    fn wait_until<T>(&mut self, what: &str, mut question: impl FnMut(&mut Self) -> Option<T>) -> T {
        wait_until(what, TIMEOUT, || {
            self.look();
            question(self)
        })
    }

    /// All that was sent comes out, all that waits is over, and what comes out is what it has to be.
    pub(super) fn end(mut self) -> Report {
        let mut input = self.sender.take().unwrap().join().unwrap();
        input.flush();
        let sent_in = self.begun.elapsed();
        self.await_all(&input);
        self.let_time_go_on(&mut input);
        self.write_to_the_forgotten(&mut input);
        let scrape = self.instance.get("/metrics").1;
        let ready = self.instance.get("/health/ready");
        let (code, _) = self.instance.terminate();
        let mut found = Vec::new();
        if ready.0 != 200 {
            found.push(format!("not ready in the end: {}", ready.1));
        }
        if code != Some(0) {
            found.push(format!("the stop in the end gave {code:?}:\n{}", end_of(&self.instance.log())));
        }
        if series(&scrape, "cx_timelines_invariant_violations_total").unwrap_or(0.0) > 0.0 {
            found.push("cx_timelines_invariant_violations_total is not 0".to_owned());
        }
        found.extend(self.logs_speak_of_panics());
        // What the client makes of compressed batches comes on top (docs/limits.md).
        let on_top = UNPACKED_TIMES * input.unpacked as u64;
        let limit = (self.options.memory_mib << 20) + on_top;
        if self.peak_bytes > limit {
            found.push(format!(
                "{} bytes of memory at the peak, with --memory {}MiB and {on_top} bytes for unpacking",
                self.peak_bytes, self.options.memory_mib
            ));
        }
        let seen = self.outputs.read_to_the_end();
        let compared = check::check(&input, seen, &mut found);
        let seed = self.options.seed;
        assert!(found.is_empty(), "seed {seed}: {} things are wrong:\n{}", found.len(), found.join("\n"));
        Report {
            seed,
            memory_mib: self.options.memory_mib,
            peak_bytes: self.peak_bytes,
            kills: self.kills,
            sent_in,
            sent: input.sent.len(),
            bytes: input.bytes,
            took: self.begun.elapsed(),
            compared,
        }
    }

    /// Until all is committed that was sent.
    fn await_all(&mut self, input: &Input) {
        let topics: Vec<&str> = [INPUT].into_iter().chain(input.own_topics().map(String::as_str)).collect();
        for topic in topics {
            let watch = Watch::new(self.bootstrap(), GROUP, topic);
            self.wait_until(&format!("all of {topic} is committed"), |_| {
                let (committed, end) = watch.progress()?;
                (committed >= end).then_some(())
            });
        }
        let watch = Watch::new(self.bootstrap(), GROUP, INPUT);
        watch.wait_for_all(TIMEOUT);
    }

    /// Until what waited is a dead letter, and every conversation is forgotten.
    fn let_time_go_on(&mut self, input: &mut Input) {
        let mut number = 0;
        let mut next = Instant::now();
        let prefix = format!("h{}-clock", self.options.seed);
        self.wait_until("all that waits is over, and all conversations are forgotten", |scene| {
            if Instant::now() >= next {
                number += 1;
                let prefix = format!("{prefix}{number}");
                input.send(&prefix, goes_on(&prefix));
                input.flush();
                next = Instant::now() + Duration::from_secs(2);
            }
            let seen = scene.outputs.seen();
            let waiting =
                input.sent.iter().filter(|sent| matches!(sent.fate, Fate::LetterInTheEnd(_))).filter(
                    |sent| {
                        let (partition, offset) = sent.place.unwrap();
                        !seen.letters.contains_key(&(sent.topic.clone(), partition, offset))
                    },
                );
            let (waiting, remembered) = (
                waiting.count(),
                input.conversations.iter().filter(|id| !seen.forgotten.contains(*id)).count(),
            );
            if scene.options.verbose && (waiting, remembered) != (0, 0) && number % 5 == 0 {
                eprintln!("still waiting: {waiting} records, {remembered} conversations");
            }
            (waiting == 0 && remembered == 0).then_some(())
        });
    }

    fn write_to_the_forgotten(&mut self, input: &mut Input) {
        let mut conversations = input.conversations.clone();
        conversations.shuffle(&mut self.rng);
        let prefix = format!("h{}-late", self.options.seed);
        input.send(&prefix, too_late(&prefix, conversations.iter().take(TOO_LATE)));
        input.flush();
        self.await_all(input);
    }

    fn logs_speak_of_panics(&self) -> Vec<String> {
        let folder = self.folder.as_ref().unwrap().path();
        let logs =
            (0..self.lives).map(|life| std::fs::read_to_string(log_of(folder, life)).unwrap_or_default());
        let panics = logs.flat_map(|log| {
            let lines: Vec<String> =
                log.lines().filter(|line| line.contains("panicked at")).map(str::to_owned).collect();
            lines
        });
        panics.collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            eprintln!("seed {}; all logs are kept in {}", self.options.seed, folder.keep().display());
        }
    }
}

fn log_of(folder: &Path, life: usize) -> std::path::PathBuf {
    folder.join(format!("instance-life-{life:04}.log"))
}

fn start(bootstrap: &str, folder: &Path, life: usize, options: &Options) -> Program {
    let instance = Instance {
        bootstrap,
        config: &folder.join("topics.yaml"),
        state: &folder.join("state"),
        session_timeout: Duration::from_secs(6),
    };
    instance.start(&["--memory", &format!("{}MiB", options.memory_mib)], log_of(folder, life))
}

/// The last lines of a log.
fn end_of(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// All kinds in a random order, and again, until it is to stop; the first time all of them.
fn send(mut input: Input, watch: &Watch, options: &Options, stop: &AtomicBool) -> Input {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let chosen: Vec<_> = events::ALL
        .iter()
        .filter(|(name, _)| options.only.as_ref().is_none_or(|only| name.contains(only)))
        .collect();
    assert!(!chosen.is_empty(), "no kind is called {:?}; there are: {:?}", options.only, super::kinds());
    let begun = Instant::now();
    for round in 0_usize.. {
        let mut order = chosen.clone();
        order.shuffle(&mut rng);
        for (number, (what, make)) in order.into_iter().enumerate() {
            if round > 0 && stop.load(Ordering::Relaxed) {
                return input;
            }
            let prefix = format!("h{}-{round}.{number}", options.seed);
            let misplaced_every = if rng.random() { MISPLACED_EVERY } else { 0 };
            let mut maker = Maker::new(prefix.clone(), now_ms(), misplaced_every);
            maker.batch.what = what;
            make(&mut maker, &mut rng);
            if options.verbose {
                let (records, seconds) = (maker.batch.records.len(), begun.elapsed().as_secs_f64());
                eprintln!("{seconds:>7.1} s  {what}: {records} records");
            }
            let is_unpacked = input.send(&prefix, maker.batch) > 0;
            input.turn_over();
            // What is unpacked is not fetched together with anything else.
            let unread_max = if is_unpacked { 0 } else { UNREAD_MAX };
            hold_back(&input, (watch, unread_max), options, begun, what);
        }
    }
    input
}

/// Waits while too much lies there unread, and while too much was sent for the time.
fn hold_back(
    input: &Input,
    (watch, unread_max): (&Watch, i64),
    options: &Options,
    begun: Instant,
    what: &str,
) {
    let (mut done, mut heard) = (-1, Instant::now());
    let sent = input.of_input();
    loop {
        if let Some(now) = watch.done() {
            if now != done {
                (done, heard) = (now, Instant::now());
            }
            if sent - now <= unread_max {
                break;
            }
        }
        assert!(heard.elapsed() < STALL_MAX, "after {what}: nothing is committed any more, {done} of {sent}");
        std::thread::sleep(Duration::from_millis(200));
    }
    let due = Duration::from_secs_f64(input.bytes as f64 / options.bytes_a_second);
    std::thread::sleep(due.saturating_sub(begun.elapsed()));
}

/// Not many events for a conversation, and short times, so that things expire while others come; they are over in the end, when the clock goes on.
fn configure(folder: &Path) {
    let standard = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml")).unwrap();
    let full = format!("  conversation: {CONVERSATION_EVENTS_MAX}");
    let changes = [
        ("waiting: 24h", "waiting: 15m"),
        ("closed: 24h", "closed: 15m"),
        ("idle: 7d", "idle: 20m"),
        ("  # conversation: 100000", &full),
    ];
    let config = changes.iter().fold(standard, |config, (from, to)| {
        assert!(config.contains(from), "topics.yaml has no {from:?}");
        config.replace(from, to)
    });
    std::fs::write(folder.join("topics.yaml"), config).unwrap();
}
