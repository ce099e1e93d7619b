// SPDX-License-Identifier: Apache-2.0

//! Measures the cost of an event in a short, a long and a very long conversation: in order, and with one event in a hundred
//! late.
//!
//! `cargo bench -p folds --bench long_conversations` prints microseconds for each event, with all processors and the state in
//! memory. A late event makes its conversation repeat the scan, once for each commit.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark, for a terminal"
)]

mod common;

use std::time::Instant;

use common::{Nowhere, event, record, task_on};
use engine::MemoryStore;

const LENGTHS: [usize; 3] = [200, 2_000, 20_000];
const BATCHES: [usize; 3] = [1, 20, 500];
/// Number of events folded for each figure, in as many conversations as necessary.
const EVENTS: usize = 20_000;
const ROUNDS: usize = 3;

/// Every hundredth event arrives ten positions later.
fn with_late_ones(events: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut order: Vec<usize> = (0..events.len()).collect();
    order.sort_by_key(|place| if place % 100 == 50 { place + 10 } else { *place });
    order.into_iter().map(|place| events[place].clone()).collect()
}

/// Microseconds for each event.
fn fold(conversations: &[Vec<Vec<u8>>], batch: usize) -> f64 {
    let mut task = task_on(Box::new(MemoryStore::default()));
    let mut sink = Nowhere::default();
    let began = Instant::now();
    let mut offset = 0;
    for events in conversations {
        for chunk in events.chunks(batch) {
            for value in chunk {
                task.process(&record(value, offset), 0).unwrap();
                offset += 1;
            }
            task.prepare(&mut sink).unwrap();
            task.committed(None).unwrap();
        }
    }
    assert!(sink.0 > 0);
    began.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(offset).unwrap())
}

fn main() {
    println!("microseconds for each event, least of {ROUNDS} rounds");
    println!("{:>8} {:>12} {:>12} {:>12}", "events", "a commit for", "in order", "1 % late");
    for length in LENGTHS {
        let in_order: Vec<Vec<Vec<u8>>> = (0..EVENTS / length)
            .map(|number| (0..length).map(|step| event(number, step)).collect())
            .collect();
        let late: Vec<Vec<Vec<u8>>> = in_order.iter().map(|events| with_late_ones(events)).collect();
        for batch in BATCHES {
            let least = |events: &[Vec<Vec<u8>>]| {
                (0..ROUNDS).map(|_| fold(events, batch)).fold(f64::INFINITY, f64::min)
            };
            println!("{length:>8} {batch:>12} {:>12.1} {:>12.1}", least(&in_order), least(&late));
        }
    }
}
