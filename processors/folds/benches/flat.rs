//! Whether an event costs the same however many conversations are open, and however long its conversation is.
//!
//! `cargo bench -p folds --bench flat` folds with all processors, on the store that the program uses, with its state in a
//! temporary directory and the memory that `run` gives it by default. `-- 10000 1000` goes no further than 10,000 open
//! conversations and 1,000 events; `-- memory` keeps the state in memory instead. It takes some minutes and, for a million conversations,
//! some 2 GB of disk.
//!
//! Each commit is one of 200 events of as many conversations. "Any": each conversation's turn comes, in an order that is far
//! from that of its keys. "Busy": nine of ten events are of the same 1,000 conversations. Printed is what the processor worked
//! for each event, in microseconds: of the thread that folds the least of five rounds, of the store's threads, which write and
//! merge, the mean.
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

/// As in the program: much of what a store costs is its memory.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Open conversations, each with its first few events.
const OPEN: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const FIRST: usize = 6;
/// The kinds of events that take turns in a conversation.
const KINDS: usize = 3;
/// Events in a conversation, of so many conversations side by side.
const LONG: [usize; 4] = [10, 100, 1_000, 10_000];
const SIDE_BY_SIDE: usize = 400;
const COMMIT: usize = 200;
const ROUNDS: usize = 5;
const BUSY: usize = 1_000;
/// Prime to all sizes above: every conversation's turn comes, and none twice in a commit.
const STRIDE: usize = 7_919;

/// A task with its conversations.
struct Folding {
    task: Task,
    sink: Nowhere,
    /// How many events each conversation has had.
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

    /// The next event of each of these conversations, and a commit. What the processor worked for this thread, in microseconds.
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

    /// Lets every conversation have so many events, or one or two more: what is measured then is of all kinds at any time.
    fn fill(&mut self, length: usize) {
        let all = self.steps.len();
        for step in 0..length + KINDS - 1 {
            for first in (0..all).step_by(COMMIT) {
                let last = (first + COMMIT).min(all);
                self.commit((first..last).filter(|number| step < length + number % KINDS));
            }
        }
    }

    /// Microseconds for each event, of the folding thread and of the others, in rounds of so many commits.
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
        // The caches fill, and the store's threads end what they have to do for the events before.
        round();
        await_idle();
        let others = process_micros() - thread_micros();
        let own = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
        let others = process_micros() - thread_micros() - others;
        (own, others.max(0.0) / (ROUNDS * commits * COMMIT) as f64)
    }
}

/// Waits until no other thread of this process works any more.
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
        // Few: what is measured is not to make short ones long.
        let (own, store) = folding.measure(5, |turn| turn % SIDE_BY_SIDE);
        let megabytes = state.bytes as f64 / 1e6;
        println!("| {length} | {} | {megabytes:.1} | {own:.1} | {store:.1} |", state.records);
    }
}
