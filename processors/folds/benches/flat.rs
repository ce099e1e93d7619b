// SPDX-License-Identifier: Apache-2.0

//! Measures whether the cost of an event is independent of the number of open conversations and of the conversation's length.
//!
//! `cargo bench -p folds --bench flat` folds with all processors, on the store that the program uses, with its state in a
//! temporary directory and the default memory of `run`. `-- 10000 1000` limits it to 10,000 open conversations and 1,000
//! events; `-- memory` keeps the state in memory instead. It takes some minutes and, for a million conversations, about 2 GB of
//! disk.
//!
//! Each commit has 200 events of as many conversations. "Any": conversations take turns in an order far from that of their
//! keys. "Busy": nine of ten events are of the same 1,000 conversations. The output is CPU time for each event in microseconds:
//! the minimum of five rounds for the folding thread, and the mean for the store's threads, which write and merge.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark, for a terminal"
)]

mod common;

use std::time::Duration;

use common::{Nowhere, disk_store, event, record, task_on};
use engine::{MemoryStore, StateStore, Task};
use tempfile::TempDir;
use testkit::{process_micros, thread_micros};

/// As in the program: the store's cost depends on its memory.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Number of open conversations, each with its first few events.
const OPEN: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const FIRST: usize = 6;
/// Number of event kinds that alternate in a conversation.
const KINDS: usize = 3;
/// Number of events in a conversation, for `SIDE_BY_SIDE` conversations.
const LONG: [usize; 4] = [10, 100, 1_000, 10_000];
const SIDE_BY_SIDE: usize = 400;
const COMMIT: usize = 200;
const ROUNDS: usize = 5;
const BUSY: usize = 1_000;
/// Prime to all sizes above: every conversation takes its turn, and none twice in a commit.
const STRIDE: usize = 7_919;

/// A task with its conversations.
struct Folding {
    task: Task,
    sink: Nowhere,
    /// Number of events in each conversation so far.
    steps: Vec<usize>,
    offset: i64,
    _directory: Option<TempDir>,
}

impl Folding {
    fn new(conversations: usize, in_memory: bool) -> Self {
        let (store, directory) = if in_memory {
            (Box::new(MemoryStore::default()) as Box<dyn StateStore>, None)
        } else {
            let directory = tempfile::tempdir().unwrap();
            (disk_store(directory.path()), Some(directory))
        };
        let mut task = task_on(store);
        task.caught_up();
        let steps = vec![0; conversations];
        Self { task, sink: Nowhere::default(), steps, offset: 0, _directory: directory }
    }

    /// Folds the next event of each of these conversations and commits. Returns this thread's CPU time in microseconds.
    fn commit(&mut self, conversations: impl Iterator<Item = usize>) -> f64 {
        let mut values = Vec::with_capacity(COMMIT);
        for number in conversations {
            values.push(event(number, self.steps[number]));
            self.steps[number] += 1;
        }
        let before = thread_micros();
        for value in &values {
            self.task.process(&record(value, self.offset), 0).unwrap();
            self.offset += 1;
        }
        self.task.prepare(&mut self.sink).unwrap();
        self.task.committed(Some(self.offset)).unwrap();
        thread_micros() - before
    }

    /// Fills every conversation to this length, plus one or two events so that all kinds are measured at any time.
    fn fill(&mut self, length: usize) {
        let all = self.steps.len();
        for step in 0..length + KINDS - 1 {
            for first in (0..all).step_by(COMMIT) {
                let last = (first + COMMIT).min(all);
                self.commit((first..last).filter(|number| step < length + number % KINDS));
            }
        }
    }

    /// Microseconds for each event, of the folding thread and of the others, in rounds of this number of commits.
    fn measure(&mut self, commits: usize, mut next: impl FnMut(usize) -> usize) -> (f64, f64) {
        let mut turn = 0;
        let mut round = || {
            let mut own = 0.0;
            for _ in 0..commits {
                own += self.commit((turn..turn + COMMIT).map(&mut next));
                turn += COMMIT;
            }
            own / (commits * COMMIT) as f64
        };
        // Warm up: fill the caches and let the store's threads finish earlier work.
        round();
        await_idle();
        let others = process_micros() - thread_micros();
        let own = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
        let others = process_micros() - thread_micros() - others;
        (own, others.max(0.0) / (ROUNDS * commits * COMMIT) as f64)
    }
}

/// Waits until the other threads of this process are idle.
fn await_idle() {
    let others = || process_micros() - thread_micros();
    let mut before = others();
    loop {
        std::thread::sleep(Duration::from_millis(100));
        let now = others();
        if now - before < 1_000.0 {
            return;
        }
        before = now;
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let in_memory = arguments.iter().any(|argument| argument == "memory");
    let most: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let (most_open, most_long) = (*most.first().unwrap_or(&usize::MAX), *most.get(1).unwrap_or(&usize::MAX));

    println!("| open conversations | state records | state MB | any: fold | store | busy: fold | store |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for open in OPEN.into_iter().filter(|open| *open <= most_open) {
        let mut folding = Folding::new(open, in_memory);
        folding.fill(FIRST);
        let state = folding.task.state();
        let any = folding.measure(50, |turn| turn * STRIDE % open);
        let busy = folding.measure(50, |turn| {
            let among = if turn % 10 == 0 { open } else { BUSY };
            turn * STRIDE % among
        });
        let megabytes = state.bytes as f64 / 1e6;
        println!(
            "| {open} | {} | {megabytes:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
            state.records, any.0, any.1, busy.0, busy.1
        );
    }

    println!("\n| events of a conversation | state records | state MB | fold | store |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    for length in LONG.into_iter().filter(|length| *length <= most_long) {
        let mut folding = Folding::new(SIDE_BY_SIDE, in_memory);
        folding.fill(length);
        let state = folding.task.state();
        // Few, so that measuring does not make short conversations long.
        let (own, store) = folding.measure(5, |turn| turn % SIDE_BY_SIDE);
        let megabytes = state.bytes as f64 / 1e6;
        println!("| {length} | {} | {megabytes:.1} | {own:.1} | {store:.1} |", state.records);
    }
}
