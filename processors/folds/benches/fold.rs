// SPDX-License-Identifier: Apache-2.0

//! Measures the cost of folding an event, from the record to the transaction and the state.
//!
//! `cargo bench -p folds --bench fold` folds realistic conversations, interleaved as in a topic, and prints CPU time for each
//! event in nanoseconds, the minimum of all rounds. It includes parsing, folding and the commit's share, in commits of 100 and
//! of 1,000 events; with the activities alone and with all processors; with the state in memory and on disk. The threads of the
//! store on disk are included.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark, for a terminal"
)]

mod common;

use std::sync::Arc;

use common::{Nowhere, disk_store, record, task_of, task_on};
use engine::{MemoryStore, Task, Topology};
use sandbox::conversations::{Options, Size, events};
use testkit::process_micros;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const EVENTS: usize = 20_000;
const ROUNDS: usize = 5;
/// The activities processor and the processors that every topology includes.
const ACTIVITIES: [&str; 3] = ["admission", "correlate", "activities"];

/// A topology of the activities and what they need.
fn activities_only() -> Topology {
    let mut topology = Topology::new(testkit::INNER);
    for (name, writes) in testkit::writes() {
        if ACTIVITIES.contains(&name) {
            let processor = folds::by_name(name, &folds::Settings::default()).unwrap();
            topology.add(processor, &writes).unwrap();
        }
    }
    topology
}

/// Nanoseconds for each event, including the store's threads until the store is closed.
fn fold(values: &[String], batch: usize, mut task: Task) -> f64 {
    let mut sink = Nowhere::default();
    let before = process_micros();
    for (number, chunk) in values.chunks(batch).enumerate() {
        let first = i64::try_from(number * batch).unwrap();
        for (offset, value) in (first..).zip(chunk) {
            task.process(&record(value.as_bytes(), offset), 0).unwrap();
        }
        task.prepare(&mut sink).unwrap();
        task.committed(Some(first)).unwrap();
    }
    drop(task);
    assert!(sink.0 > 0);
    (process_micros() - before) * 1e3 / values.len() as f64
}

fn main() {
    println!("| events | processors | state | ns for each event, commits of 100 | of 1,000 |");
    println!("| --- | --- | --- | ---: | ---: |");
    for size in [Size::Slim, Size::Real] {
        let planned = events(&Options { size, ..Options::default() }, EVENTS);
        let values: Vec<String> = planned.into_iter().map(|planned| planned.value).collect();
        for is_all in [false, true] {
            for is_on_disk in [false, true] {
                let least = |batch| {
                    let round = |_| {
                        let directory = tempfile::tempdir().unwrap();
                        let store: Box<dyn engine::StateStore> = if is_on_disk {
                            disk_store(directory.path())
                        } else {
                            Box::new(MemoryStore::default())
                        };
                        let task =
                            if is_all { task_on(store) } else { task_of(Arc::new(activities_only()), store) };
                        fold(&values, batch, task)
                    };
                    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
                };
                println!(
                    "| {size:?} | {} | {} | {:.0} | {:.0} |",
                    if is_all { "all" } else { "activities" },
                    if is_on_disk { "disk" } else { "memory" },
                    least(100),
                    least(1_000),
                );
            }
        }
    }
}
