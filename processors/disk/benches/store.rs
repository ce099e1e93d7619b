//! What the disk store costs, with much more state than memory.
//!
//! `cargo bench -p disk --bench store -- 1024 64` fills a store with 1024 MiB in 64 MiB of memory, in batches of 500 records
//! with values of 50 to 600 bytes, twenty records for each conversation; overwrites records, nine of ten among the newest
//! twentieth; reads; and is killed. Then it opens the store again. Times are those of the calls, without making the data;
//! beside them, what the processor did for it, the keeper's threads included: that does not depend on who else runs.
//! "Cold" means: not in the process's memory; the system's page cache may well have it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a benchmark, for a terminal"
)]

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, id};
use std::time::Instant;

use disk::{Budget, DiskStore, Home, Stamp};
use engine::{StateStore, WriteBatch};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testkit::{process_micros, thread_micros};

const RECORDS_EACH: u64 = 20;
const IN_FLIGHT: u64 = 100;
const CHILD: &str = "--as-child";

fn prefix(conversation: u64) -> Vec<u8> {
    let spread = conversation.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("t{spread:016x}-{:06}/", conversation % 1_000_000).into_bytes()
}

fn key(conversation: u64, record: u64) -> Vec<u8> {
    let mut key = prefix(conversation);
    key.extend(format!("{record:010}").bytes());
    key
}

fn value(random: &mut ChaCha8Rng) -> Vec<u8> {
    let length = random.random_range(50..=600);
    let mut value = Vec::with_capacity(length + 8);
    while value.len() < length {
        if random.random() { value.extend(b"\"agent\":") } else { value.extend(random.random::<[u8; 8]>()) }
    }
    value.truncate(length);
    value
}

/// Applies batches and keeps the time.
struct Applying {
    store: DiskStore,
    offset: i64,
    micros: f64,
    worst: f64,
    records: usize,
    /// Processor time of this thread in `apply`, and that of the others when the count began.
    own: f64,
    others: f64,
}

impl Applying {
    fn apply(&mut self, batch: &WriteBatch) {
        self.offset += 1;
        let (own, began) = (thread_micros(), Instant::now());
        self.store.apply(batch, Some(self.offset)).unwrap();
        let micros = began.elapsed().as_secs_f64() * 1e6;
        self.own += thread_micros() - own;
        self.micros += micros;
        self.worst = self.worst.max(micros);
        self.records += batch.len();
    }

    fn summary(&mut self) -> String {
        let records = self.records as f64;
        let busy = (self.own + others_micros() - self.others) / records;
        let summary = format!(
            "{:6.2} µs a record, processor {:5.2}, of that this thread {:5.2}; slowest batch {:.0} ms",
            self.micros / records,
            busy,
            self.own / records,
            self.worst / 1e3
        );
        (self.micros, self.worst, self.records, self.own) = (0.0, 0.0, 0, 0.0);
        self.others = others_micros();
        summary
    }
}

/// Microseconds that the processor has worked for the other threads of this process.
fn others_micros() -> f64 {
    process_micros() - thread_micros()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let numbers: Vec<u64> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let (state, memory) = (*numbers.first().unwrap_or(&1024), *numbers.get(1).unwrap_or(&64));
    if let Some(at) = arguments.iter().position(|argument| argument == CHILD) {
        fill_and_die(Path::new(&arguments[at + 1]), state << 20, memory << 20);
    }
    let directory = tempfile::tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args([&state.to_string(), &memory.to_string(), CHILD])
        .arg(directory.path())
        .status()
        .unwrap();
    assert!(!child.success(), "it was to be killed");
    let began = Instant::now();
    let (store, found) = open(directory.path(), memory << 20);
    store.get(&key(0, 0)).unwrap();
    println!(
        "open after kill −9   {:.0} ms, {found:?}, {:?}",
        began.elapsed().as_secs_f64() * 1e3,
        store.stats()
    );
}

fn open(directory: &Path, memory_bytes: u64) -> (DiskStore, disk::OpenedState) {
    let home = Home::open(directory, Budget { memory_bytes }).unwrap();
    home.store(0, &Stamp::default()).unwrap()
}

fn fill_and_die(directory: &Path, state: u64, memory: u64) -> ! {
    let random = &mut ChaCha8Rng::seed_from_u64(1);
    let (store, _) = open(directory, memory);
    let mut applying =
        Applying { store, offset: 0, micros: 0.0, worst: 0.0, records: 0, own: 0.0, others: others_micros() };

    let mut bytes = 0;
    let mut next = IN_FLIGHT;
    let mut in_flight: Vec<(u64, u64)> = (0..IN_FLIGHT).map(|conversation| (conversation, 0)).collect();
    while bytes < state {
        let mut batch = WriteBatch::default();
        for _ in 0..500 {
            let slot = &mut in_flight[random.random_range(0..IN_FLIGHT as usize)];
            batch.put(&key(slot.0, slot.1), &value(random));
            slot.1 += 1;
            if slot.1 == RECORDS_EACH {
                *slot = (next, 0);
                next += 1;
            }
        }
        bytes += batch.bytes() as u64;
        applying.apply(&batch);
    }
    let records = applying.records;
    println!("fill, by 500         {} ({records} records, {} MiB)", applying.summary(), bytes >> 20);
    let done = next - IN_FLIGHT;
    for (size, rounds) in [(20, 5000), (500, 400)] {
        for _ in 0..rounds {
            let mut batch = WriteBatch::default();
            while batch.len() < size {
                let conversation = newest_or_any(random, done);
                batch.put(&key(conversation, random.random_range(0..RECORDS_EACH)), &value(random));
            }
            applying.apply(&batch);
        }
        println!("overwrite, by {size:<6} {}", applying.summary());
    }
    println!("memory               {}", memory_of_this_process());
    read(&applying.store, random, done);
    println!("memory               {}", memory_of_this_process());
    println!("files                {} MiB", files(directory) >> 20);
    Command::new("kill").args(["-9", &id().to_string()]).status().unwrap();
    panic!("the process was not killed")
}

fn newest_or_any(random: &mut ChaCha8Rng, done: u64) -> u64 {
    if random.random_ratio(9, 10) {
        random.random_range(done - done / 20..done)
    } else {
        random.random_range(0..done)
    }
}

fn read(store: &DiskStore, random: &mut ChaCha8Rng, done: u64) {
    let some = |random: &mut ChaCha8Rng, from: u64, to: u64, count: usize| -> Vec<Vec<u8>> {
        (0..count).map(|_| key(random.random_range(from..to), random.random_range(0..RECORDS_EACH))).collect()
    };
    let hot = some(random, done - 100, done, 2000);
    timed("read, hot", &hot, 1, |key| with(store, key));
    timed("read, hot, again", &hot, 50, |key| with(store, key));
    timed("read, cold", &some(random, 0, done, 10_000), 1, |key| with(store, key));
    timed("read, absent", &some(random, 2 * done, 3 * done, 10_000), 1, |key| with(store, key));
    let prefixes = |random: &mut ChaCha8Rng, from: u64| -> Vec<Vec<u8>> {
        (0..5_000).map(|_| prefix(random.random_range(from..done))).collect()
    };
    timed("scan of 20, hot", &prefixes(random, done - 100), 1, |prefix| scan(store, prefix));
    timed("scan of 20, cold", &prefixes(random, 0), 1, |prefix| scan(store, prefix));
}

fn timed(what: &str, keys: &[Vec<u8>], rounds: usize, mut call: impl FnMut(&[u8])) {
    let (own, began) = (thread_micros(), Instant::now());
    for _ in 0..rounds {
        keys.iter().for_each(|key| call(key));
    }
    let count = (rounds * keys.len()) as f64;
    let (micros, busy) = (began.elapsed().as_secs_f64() * 1e6 / count, (thread_micros() - own) / count);
    println!("{what:<20} {micros:6.2} µs, processor {busy:5.2}");
}

fn with(store: &DiskStore, key: &[u8]) {
    store
        .with(key, &mut |value| {
            std::hint::black_box(value);
        })
        .unwrap();
}

fn scan(store: &DiskStore, prefix: &[u8]) {
    let mut visit = |key: &[u8], value: &[u8]| {
        std::hint::black_box((key, value));
        ControlFlow::Continue(())
    };
    store.scan(prefix, &mut visit).unwrap();
}

fn memory_of_this_process() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let lines = status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", ")
}

fn files(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() { files(&entry.path()) } else { metadata.blocks() * 512 }
        })
        .sum()
}
