// SPDX-License-Identifier: Apache-2.0

//! The cost of removing erased text from the disk: how long the worker is blocked, and how much is written.
//!
//! `cargo bench -p disk --bench purge -- 315 64 100` fills a store with 315 MiB in 64 MiB of memory. Then it applies 100
//! batches as fast as possible, each of which deletes a conversation and requests a purge, like commits that carry out
//! erasures. Finally it waits until no deleted text is left in any file. Times are those of the calls that the worker waits
//! for; bytes are all that this process has written, as the system counts them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark, for a terminal"
)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use disk::{Budget, DiskStore, Home, Stamp};
use engine::{StateStore, WriteBatch};

const RECORDS_EACH: u64 = 20;
const VALUE: usize = 500;

fn key(conversation: u64, record: u64) -> Vec<u8> {
    format!("t{:016x}/{record:04}", conversation.wrapping_mul(0x9E37_79B9_7F4A_7C15)).into_bytes()
}

fn value(conversation: u64) -> Vec<u8> {
    format!("text of conversation {conversation:08} ").into_bytes().into_iter().cycle().take(VALUE).collect()
}

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let mib = *numbers.first().unwrap_or(&315);
    let memory = *numbers.get(1).unwrap_or(&64);
    let erasures = *numbers.get(2).unwrap_or(&100);
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path(), Budget { memory_bytes: memory << 20 }).unwrap();
    let mut store = home.store(0, &Stamp::default()).unwrap().0;
    let conversations = (mib << 20) / (RECORDS_EACH * VALUE as u64);
    let mut offset = 0;
    for conversation in 0..conversations {
        let mut batch = WriteBatch::default();
        (0..RECORDS_EACH).for_each(|record| batch.put(&key(conversation, record), &value(conversation)));
        offset += 1;
        store.apply(&batch, Some(offset)).unwrap();
    }
    store.flush().unwrap();
    settle(directory.path());

    let written = written();
    let (mut total, mut slowest) = (Duration::ZERO, Duration::ZERO);
    for erasure in 0..erasures {
        let mut batch = WriteBatch::default();
        let conversation = erasure * (conversations / erasures);
        (0..RECORDS_EACH).for_each(|record| batch.delete(&key(conversation, record)));
        offset += 1;
        let began = Instant::now();
        store.apply(&batch, Some(offset)).unwrap();
        store.purge().unwrap();
        total += began.elapsed();
        slowest = slowest.max(began.elapsed());
    }
    println!(
        "{erasures} erasing commits    blocked for {:.3} s, the slowest for {:.1} ms",
        total.as_secs_f64(),
        slowest.as_secs_f64() * 1e3
    );
    let began = Instant::now();
    let gone = (erasures - 1) * (conversations / erasures);
    let mut tended = Duration::ZERO;
    while is_wished(directory.path()) {
        let call = Instant::now();
        tend(&mut store);
        tended = tended.max(call.elapsed());
        std::thread::sleep(Duration::from_millis(200));
    }
    let took = began.elapsed();
    settle(directory.path());
    println!(
        "gone after             {:.1} s; the slowest call meanwhile {:.1} ms",
        took.as_secs_f64(),
        tended.as_secs_f64() * 1e3
    );
    assert!(!holds(directory.path(), format!("text of conversation {gone:08} ").as_bytes()), "it is gone");
    println!("written                {} MiB for {mib} MiB", (self::written() - written) >> 20);
}

/// Whether a purge is requested and not done.
fn is_wished(directory: &Path) -> bool {
    let record = fs::read_to_string(directory.join("partition-0/purge"));
    record.is_ok_and(|text| !text.contains("wished_ms=0\n"))
}

fn tend(store: &mut DiskStore) {
    store.tend().unwrap();
}

/// Bytes that this process has written.
fn written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap().parse().unwrap()
}

/// Waits until the files do not change any more.
fn settle(directory: &Path) {
    let mut before = 0;
    loop {
        std::thread::sleep(Duration::from_millis(1500));
        let now = written() + files(directory);
        if now == before {
            return;
        }
        before = now;
    }
}

fn files(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).unwrap().filter_map(|entry| entry.ok()?.path().into());
    entries
        .map(
            |path: std::path::PathBuf| {
                if path.is_dir() { files(&path) } else { fs::metadata(&path).map_or(0, |data| data.len()) }
            },
        )
        .sum()
}

fn holds(directory: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        fs::read(&path).is_ok_and(|content| content.windows(bytes.len()).any(|window| window == bytes))
    })
}
