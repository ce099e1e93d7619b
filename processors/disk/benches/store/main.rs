// SPDX-License-Identifier: Apache-2.0

//! The store on disk beside fjall and redb, with much more state than memory.
//!
//! `cargo bench -p disk --bench store` fills each store with 256 MiB in 32 MiB of memory; `-- 1024 64` with 1024 MiB in
//! 64 MiB; `-- --only ours` (or `fjall`, `redb`) measures one. It prints a table, which `DECISION.md` explains.
//!
//! Each store implements [`engine::StateStore`] and runs in a process of its own: that process fills the store in batches of
//! 500 records with values of 50 to 600 bytes, twenty records for each conversation; overwrites records, nine of ten among the
//! newest twentieth; reads; and is killed. Another process then opens the store. All figures but those of the restart are
//! processor time, since wall time depends on what else the machine does. "Cold" means: not in the process's memory; the
//! system's page cache may well have it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a benchmark, for a terminal"
)]

mod fjall_store;
mod measure;
mod redb_store;
mod workload;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use disk::{Budget, Home, Stamp};
use engine::StateStore;
use measure::report;
use testkit::process_micros;

/// The program's allocator, since memory is compared.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const STORES: [&str; 3] = ["ours", "fjall", "redb"];

/// The rows of the table.
const ROWS: [(&str, &str); 16] = [
    ("fill", "fill, batches of 500, µs a record"),
    ("fill-caller", "… of that the calling thread"),
    ("overwrite-20", "overwrite, batches of 20, µs a record"),
    ("overwrite-20-caller", "… of that the calling thread"),
    ("overwrite-500", "overwrite, batches of 500, µs a record"),
    ("overwrite-500-caller", "… of that the calling thread"),
    ("read-hot", "read, hot, µs"),
    ("read-cold", "read, cold, µs"),
    ("read-absent", "read of an absent key, µs"),
    ("scan-hot", "scan of 20 records, hot, µs"),
    ("scan-cold", "scan of 20 records, cold, µs"),
    ("memory", "peak resident memory, MiB"),
    ("files", "files, MiB"),
    ("open-wall", "open after `kill -9`, ms of wall time"),
    ("open", "open after `kill -9`, ms of processor time"),
    ("lost", "batches lost by `kill -9`, of all"),
];

/// The command line: in the processes that the benchmark starts, with what to do.
struct Arguments {
    state: u64,
    memory: u64,
    only: Option<String>,
    child: Option<(String, String, PathBuf)>,
}

impl Arguments {
    fn read() -> Self {
        let all: Vec<String> = std::env::args().skip(1).collect();
        let after = |flag: &str, place: usize| -> Option<String> {
            let at = all.iter().position(|argument| argument == flag)?;
            all.get(at + place).cloned()
        };
        let numbers: Vec<u64> = all.iter().filter_map(|argument| argument.parse().ok()).collect();
        let child = after("--child", 1).map(|task| {
            let store = after("--child", 2).unwrap();
            (task, store, PathBuf::from(after("--child", 3).unwrap()))
        });
        Self {
            state: *numbers.first().unwrap_or(&256),
            memory: *numbers.get(1).unwrap_or(&32),
            only: after("--only", 1),
            child,
        }
    }
}

fn main() {
    let arguments = Arguments::read();
    if let Some((task, store, directory)) = &arguments.child {
        let memory = arguments.memory << 20;
        match task.as_str() {
            "fill" => {
                workload::fill_and_die(open(store, directory, memory), directory, arguments.state << 20)
            }
            _ => reopen(store, directory, memory),
        }
        return;
    }
    let chosen: Vec<&str> = STORES
        .into_iter()
        .filter(|store| arguments.only.as_deref().is_none_or(|only| only == *store))
        .collect();
    let measured: Vec<_> = chosen.iter().map(|store| measured(store, &arguments)).collect();
    println!("\n{} MiB of state in {} MiB of memory\n", arguments.state, arguments.memory);
    println!("| | {} |", chosen.join(" | "));
    println!("| --- |{}", " ---: |".repeat(chosen.len()));
    for (key, what) in ROWS {
        let cells: Vec<&str> = measured.iter().map(|of| of.get(key).map_or("-", String::as_str)).collect();
        println!("| {what} | {} |", cells.join(" | "));
    }
}

/// Everything about one store, each figure by its key.
fn measured(store: &str, arguments: &Arguments) -> BTreeMap<String, String> {
    let directory = tempfile::tempdir().unwrap();
    let mut figures = BTreeMap::new();
    for task in ["fill", "reopen"] {
        let began = Instant::now();
        let output = Command::new(std::env::current_exe().unwrap())
            .args([&arguments.state.to_string(), &arguments.memory.to_string(), "--child", task, store])
            .arg(directory.path())
            .output()
            .unwrap();
        eprintln!("{store}: {task} took {:.0} s", began.elapsed().as_secs_f64());
        assert_eq!(
            output.status.success(),
            task == "reopen",
            "{store}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let lines = String::from_utf8(output.stdout).unwrap();
        let pairs = lines.lines().filter_map(|line| line.split_once('\t'));
        figures.extend(pairs.map(|(key, figure)| (key.to_owned(), figure.to_owned())));
    }
    let applied: i64 = figures["applied"].parse().unwrap();
    let held: i64 = figures["held"].parse().unwrap();
    figures.insert("lost".to_owned(), format!("{} of {applied}", applied - held));
    figures
}

fn open(store: &str, directory: &Path, memory_bytes: u64) -> Box<dyn StateStore> {
    match store {
        "ours" => {
            let home = Home::open(directory, Budget { memory_bytes }).unwrap();
            Box::new(home.store(0, &Stamp::default()).unwrap().0)
        }
        "fjall" => Box::new(fjall_store::FjallStore::open(directory, memory_bytes)),
        "redb" => Box::new(redb_store::RedbStore::open(directory, memory_bytes)),
        other => panic!("there is no store {other}: choose of {}", STORES.join(", ")),
    }
}

/// Opens a store that was killed, up to its first read, and reports which batch was the last.
fn reopen(store: &str, directory: &Path, memory: u64) {
    let (busy, began) = (process_micros(), Instant::now());
    let store = open(store, directory, memory);
    store.get(&workload::key(0, 0)).unwrap();
    let wall = began.elapsed().as_secs_f64() * 1e3;
    report("open-wall", format!("{wall:.0}"));
    report("open", format!("{:.0}", (process_micros() - busy) / 1e3));
    report("held", store.changelog_offset().unwrap().unwrap_or_default());
}
