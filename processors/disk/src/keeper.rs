// SPDX-License-Identifier: Apache-2.0

//! The keeper: writes buffers, merges tables, purges and builds filters beside the workers, with one thread each, so that none delays
//! another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::buffer::Buffer;
use crate::error::Failure;
use crate::meta::{Meta, Totals};
use crate::register::Register;
use crate::shelf::Shelf;

/// Up to this many keys, replaced values are counted; beyond, they are estimated from a sample.
const COUNTED: usize = 1024;
const ESTIMATED_FROM: usize = 16;

/// The interval of looking for unused partitions, and the first delay, because partitions arrive after the start.
const SWEEP_EVERY: Duration = Duration::from_secs(30 * 60);
/// The age at which unused partitions are deleted. Together with the interval this is less than a day.
const UNUSED_FOR: Duration = Duration::from_secs(12 * 3600);

/// The minimum wait of a purge for a merge that blocks it.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);

struct Job {
    shelf: Arc<Shelf>,
    buffer: Arc<Buffer>,
    meta: Meta,
    /// The number of purges requested when the buffer was full.
    wishes: u64,
}

/// A filter to be built of a shelf's tables.
struct FilterJob {
    shelf: Weak<Shelf>,
    items: usize,
    most_bytes: usize,
}

/// The threads. Dropping it waits for pending writes, but not for all merges.
pub(crate) struct Keeper {
    jobs: Option<Sender<Job>>,
    filters: Option<Sender<FilterJob>>,
    threads: Vec<JoinHandle<()>>,
    stopping: Arc<AtomicBool>,
}

impl Keeper {
    /// Starts the threads for the partitions of a register. `stopping` is set at the end.
    pub(crate) fn start(register: &Arc<Register>, stopping: &Arc<AtomicBool>) -> std::io::Result<Self> {
        let (jobs, to_write) = channel();
        let (merges, to_merge) = channel();
        let (purges, to_purge) = channel();
        let (filters, to_filter) = channel();
        let stop = Arc::clone(stopping);
        let purger = Purger::new(Arc::clone(register), Arc::clone(stopping));
        let then = Then { merges, purges };
        let threads = vec![
            thread::Builder::new().name("disk-write".into()).spawn(move || write_all(&to_write, &then))?,
            thread::Builder::new().name("disk-merge".into()).spawn(move || merge_all(&to_merge, &stop))?,
            thread::Builder::new().name("disk-purge".into()).spawn(move || purger.run(&to_purge))?,
            thread::Builder::new().name("disk-filter".into()).spawn(move || filter_all(&to_filter))?,
        ];
        Ok(Self { jobs: Some(jobs), filters: Some(filters), threads, stopping: Arc::clone(stopping) })
    }

    /// Queues a buffer for writing. The shelf reports when it is written.
    pub(crate) fn write(&self, shelf: &Arc<Shelf>, buffer: &Arc<Buffer>, meta: Meta) {
        shelf.begin_writing();
        let wishes = shelf.wishes();
        let job = Job { shelf: Arc::clone(shelf), buffer: Arc::clone(buffer), meta, wishes };
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if !sent {
            shelf.end_writing(Err(Failure::Corrupt("the writer has stopped".into())), 0);
        }
    }

    /// Queues a filter for being built.
    pub(crate) fn filter(&self, shelf: &Arc<Shelf>, items: usize, most_bytes: usize) {
        let job = FilterJob { shelf: Arc::downgrade(shelf), items, most_bytes };
        if let Some(filters) = &self.filters {
            // Without the thread the process is ending.
            drop(filters.send(job));
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.jobs = None;
        self.filters = None;
        for thread in self.threads.drain(..) {
            // A panic of a thread was reported to the stores that waited for it.
            drop(thread.join());
        }
    }
}

/// Where a shelf goes after a buffer was written.
struct Then {
    merges: Sender<Arc<Shelf>>,
    purges: Sender<Arc<Shelf>>,
}

fn write_all(jobs: &Receiver<Job>, then: &Then) {
    for (turn, job) in jobs.iter().enumerate() {
        let outcome = if job.shelf.is_discarded() { Ok(Totals::default()) } else { write(&job, turn) };
        let written = outcome.is_ok();
        job.shelf.end_writing(outcome, job.wishes);
        if written && job.shelf.begin_merging() && then.merges.send(Arc::clone(&job.shelf)).is_err() {
            job.shelf.end_merging();
        }
        if job.shelf.purge_at().is_some() {
            // Without a purge thread the process is ending; the request is recorded on disk.
            drop(then.purges.send(Arc::clone(&job.shelf)));
        }
    }
}

/// Writes a buffer; returns what it replaced, as far as that was unknown.
fn write(job: &Job, turn: usize) -> Result<Totals, Failure> {
    let replaced = replaced(job, turn)?;
    let mut meta = job.meta;
    meta.totals.add(replaced);
    // The request first: after a kill it is known, and the removals come again from the changelog.
    job.shelf.write_wish_down()?;
    job.shelf.tables.write(&job.buffer, &meta)?;
    Ok(replaced)
}

/// What the buffer's keys replace in the tables, where unknown: counted for few keys, else estimated from every sixteenth.
/// Looking all of them up would cost as much as writing them.
fn replaced(job: &Job, turn: usize) -> Result<Totals, Failure> {
    let unknown = job.buffer.unknown().count();
    let step = if unknown <= COUNTED { 1 } else { ESTIMATED_FROM };
    let mut replaced = Totals::default();
    let mut asked = 0;
    for key in job.buffer.unknown().skip(turn % step).step_by(step) {
        let old = job.shelf.tables.get(key)?;
        replaced.subtract(Totals::of(key.len(), old.map(|old| old.len())));
        asked += 1;
    }
    Ok(replaced.scaled(unknown, asked))
}

fn filter_all(jobs: &Receiver<FilterJob>) {
    for job in jobs {
        if let Some(shelf) = job.shelf.upgrade() {
            // Without a filter reads are slower. What was damaged shows in reads.
            drop(shelf.tables.build_filter(job.items, job.most_bytes));
        }
    }
}

fn merge_all(shelves: &Receiver<Arc<Shelf>>, stopping: &AtomicBool) {
    for shelf in shelves {
        merge(&shelf, stopping);
    }
}

/// Runs due merges of a shelf.
fn merge(shelf: &Shelf, stopping: &AtomicBool) {
    while !stopping.load(Ordering::Relaxed) && !shelf.is_discarded() {
        match shelf.tables.merge() {
            Ok(true) => shelf.notify(),
            Ok(false) => break,
            Err(failure) => {
                shelf.fail(failure);
                break;
            }
        }
    }
    shelf.end_merging();
}

/// Purges tables when requested and due, and looks for unused partitions. It has its own thread, because a purge may take
/// minutes while other shelves need merges.
struct Purger {
    register: Arc<Register>,
    stopping: Arc<AtomicBool>,
    /// Shelves with a requested purge. A store that is closed meanwhile requests it again when opened.
    wished: Vec<Weak<Shelf>>,
    sweep_at: Instant,
}

impl Purger {
    fn new(register: Arc<Register>, stopping: Arc<AtomicBool>) -> Self {
        Self { register, stopping, wished: Vec::new(), sweep_at: Instant::now() + SWEEP_EVERY }
    }

    fn run(mut self, shelves: &Receiver<Arc<Shelf>>) {
        loop {
            let next = self.next_purge().map_or(self.sweep_at, |(at, _)| at.min(self.sweep_at));
            match shelves.recv_timeout(next.saturating_duration_since(Instant::now()).max(SHORTEST_WAIT)) {
                Ok(shelf) => self.remember(&shelf),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if let Some((at, shelf)) = self.next_purge()
                && at <= Instant::now()
                && shelf.begin_merging()
            {
                self.purge(&shelf);
            }
            if Instant::now() >= self.sweep_at {
                self.sweep_at = Instant::now() + SWEEP_EVERY;
                // Files that could not be deleted are found again; a failing disk shows in its stores.
                drop(self.register.sweep(UNUSED_FOR));
            }
        }
    }

    fn remember(&mut self, shelf: &Arc<Shelf>) {
        if !self.wished.iter().any(|known| known.as_ptr() == Arc::as_ptr(shelf)) {
            self.wished.push(Arc::downgrade(shelf));
        }
    }

    /// The next purge, and its earliest time.
    fn next_purge(&mut self) -> Option<(Instant, Arc<Shelf>)> {
        let mut next: Option<(Instant, Arc<Shelf>)> = None;
        self.wished.retain(|shelf| {
            let Some((at, shelf)) = shelf.upgrade().and_then(|shelf| Some((shelf.purge_at()?, shelf))) else {
                return false;
            };
            if next.as_ref().is_none_or(|(first, _)| at < *first) {
                next = Some((at, shelf));
            }
            true
        });
        next
    }

    /// Merges all tables of a shelf, and then the runs that arrived meanwhile.
    fn purge(&self, shelf: &Shelf) {
        if let Err(failure) = shelf.purge() {
            shelf.fail(failure);
        }
        merge(shelf, &self.stopping);
    }
}
