// SPDX-License-Identifier: Apache-2.0

//! Counts what an event costs on the store on disk: what reached its tables, bytes read and written, CPU time of both sides.
//!
//! `cargo bench -p folds --bench traffic` folds 100,000 slim events of interleaved conversations with all processors, in commits
//! of 200. `-- open` folds the first events of 100,000 conversations that take turns, and then three more of each, in an order
//! far from that of their keys. Two numbers are those of the events or conversations, and the memory for the state in MiB;
//! `memory` keeps the state in memory. The bytes are those of the system calls (`/proc/self/io`), so merges are included.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark, for a terminal"
)]

mod common;

use common::{Nowhere, event, record, task_on};
use disk::{Budget, Counts, Home, Stamp};
use engine::{MemoryStore, StateStore, Task};
use sandbox::conversations::{Options, events};
use testkit::{process_micros, thread_micros};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const COMMIT: usize = 200;

/// Bytes that system calls read and wrote so far.
fn io_bytes() -> (u64, u64) {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let of =
        |name: &str| io.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0);
    (of("rchar:"), of("wchar:"))
}

/// The first events of a conversation, and its further events.
const FIRST: usize = 6;
const FURTHER: usize = 3;
/// Prime to the numbers of conversations: their turns are far from the order of their keys.
const STRIDE: usize = 7_919;

/// What one event costs.
struct Costs<'h> {
    home: &'h Home,
    counts: Counts,
    io: (u64, u64),
    /// Microseconds of the other threads.
    others: f64,
    /// Microseconds of folding.
    own: f64,
}

/// Microseconds of the other threads so far.
fn others_micros() -> f64 {
    process_micros() - thread_micros()
}

impl<'h> Costs<'h> {
    fn begin(home: &'h Home) -> Self {
        Self { home, counts: home.counts(), io: io_bytes(), others: others_micros(), own: 0.0 }
    }

    fn print(&self, name: &str, events: usize) {
        let each = |now: u64, before: u64| (now - before) as f64 / events as f64;
        let (now, before, io) = (self.home.counts(), self.counts, io_bytes());
        println!(
            "| {name} | {:.1} | {:.1} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} |",
            self.own / events as f64,
            (others_micros() - self.others) / events as f64,
            each(now.found, before.found),
            each(now.absent, before.absent),
            each(now.scans, before.scans),
            each(now.table_scans, before.table_scans),
            each(now.written, before.written),
            each(now.written_bytes, before.written_bytes),
            each(io.0, self.io.0),
            each(io.1, self.io.1),
        );
    }
}

/// Folds events, in commits; returns the microseconds of this thread.
fn fold(task: &mut Task, offset: &mut i64, values: &[String]) -> f64 {
    let before = thread_micros();
    let mut sink = Nowhere::default();
    for chunk in values.chunks(COMMIT) {
        for value in chunk {
            task.process(&record(value.as_bytes(), *offset), 0).unwrap();
            *offset += 1;
        }
        task.prepare(&mut sink).unwrap();
        task.committed(Some(*offset)).unwrap();
    }
    thread_micros() - before
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let numbers: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let (count, memory) = (*numbers.first().unwrap_or(&100_000), *numbers.get(1).unwrap_or(&66));

    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path(), Budget { memory_bytes: (memory as u64) << 20 }).unwrap();
    let store: Box<dyn StateStore> = if has("memory") {
        Box::new(MemoryStore::default())
    } else {
        Box::new(home.store(0, &Stamp::default()).unwrap().0)
    };
    let mut task = task_on(store);
    task.caught_up();
    let mut offset = 0;
    println!(
        "| events | fold µs | others µs | looked up in tables: found | absent | scans | of tables | records written | bytes \
         | bytes read by system calls | written |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    if has("open") {
        let turn = |step: usize, stride: usize| {
            let of = move |number: usize| (number * stride) % count;
            (0..count)
                .map(move |number| String::from_utf8(event(of(number), step)).unwrap())
                .collect::<Vec<_>>()
        };
        let mut costs = Costs::begin(&home);
        costs.own = (0..FIRST).map(|step| fold(&mut task, &mut offset, &turn(step, 1))).sum();
        costs.print("first", count * FIRST);
        let mut costs = Costs::begin(&home);
        let steps = FIRST..FIRST + FURTHER;
        costs.own = steps.map(|step| fold(&mut task, &mut offset, &turn(step, STRIDE))).sum();
        costs.print("further", count * FURTHER);
    } else {
        let planned = events(&Options::default(), count).into_iter();
        let values: Vec<String> = planned.map(|planned| planned.value).collect();
        let mut costs = Costs::begin(&home);
        costs.own = fold(&mut task, &mut offset, &values);
        costs.print("interleaved", values.len());
        let state = task.state();
        drop(task);
        costs.print("and closed", values.len());
        println!("\n{} records of the state, {:.1} MB", state.records, state.bytes as f64 / 1e6);
    }
}
