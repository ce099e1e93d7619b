//! Writes buffers, merges tables and purges, beside the workers: one thread for each, since none must hold up another.

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

/// Of so many keys what they replace is counted; of more it is estimated, from one in so many.
const COUNTED: usize = 1024;
const ESTIMATED_FROM: usize = 16;

/// So often what nothing has used for long is looked for; the first time after so long, since partitions come after the start.
const SWEEP_EVERY: Duration = Duration::from_secs(30 * 60);
/// What nothing has used for so long goes. Together with the time between two looks that is less than a day.
const UNUSED_FOR: Duration = Duration::from_secs(12 * 3600);

/// So long a purge waits at least until it looks again whether a merge that was in its way is done.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);

struct Job {
    shelf: Arc<Shelf>,
    buffer: Arc<Buffer>,
    meta: Meta,
    /// How many purges were wished when the buffer was full.
    wishes: u64,
}

/// The three threads. Dropping it waits for what has been given to it to write, but not for all merging.
pub(crate) struct Keeper {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    stopping: Arc<AtomicBool>,
}

impl Keeper {
    /// Begins to work for the partitions of a register. `stopping` is set when it ends.
    pub(crate) fn start(register: &Arc<Register>, stopping: &Arc<AtomicBool>) -> std::io::Result<Self> {
        let (jobs, to_write) = channel();
        let (merges, to_merge) = channel();
        let (purges, to_purge) = channel();
        let stop = Arc::clone(stopping);
        let purger = Purger::new(Arc::clone(register), Arc::clone(stopping));
        let then = Then { merges, purges };
        let threads = vec![
            thread::Builder::new().name("disk-write".into()).spawn(move || write_all(&to_write, &then))?,
            thread::Builder::new().name("disk-merge".into()).spawn(move || merge_all(&to_merge, &stop))?,
            thread::Builder::new().name("disk-purge".into()).spawn(move || purger.run(&to_purge))?,
        ];
        Ok(Self { jobs: Some(jobs), threads, stopping: Arc::clone(stopping) })
    }

    /// Has a buffer written. The shelf says when it is done.
    pub(crate) fn write(&self, shelf: &Arc<Shelf>, buffer: &Arc<Buffer>, meta: Meta) {
        shelf.begin_writing();
        let wishes = shelf.wishes();
        let job = Job { shelf: Arc::clone(shelf), buffer: Arc::clone(buffer), meta, wishes };
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if !sent {
            shelf.end_writing(Err(Failure::Corrupt("nobody writes any more".into())), 0);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A panic of a keeper's thread has been told to the stores that waited for it.
            drop(thread.join());
        }
    }
}

/// Where a shelf goes when a buffer of it has been written.
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
            // Without a purger the process ends, and the wish is written down.
            drop(then.purges.send(Arc::clone(&job.shelf)));
        }
    }
}

/// Writes a buffer, and gives what it replaces and was not known to replace.
fn write(job: &Job, turn: usize) -> Result<Totals, Failure> {
    let replaced = replaced(job, turn)?;
    let mut meta = job.meta;
    meta.totals.add(replaced);
    // First the wish: after a kill it is known, and what it is about comes again from the changelog.
    job.shelf.write_wish_down()?;
    job.shelf.tables.write(&job.buffer, &meta)?;
    Ok(replaced)
}

/// What the tables hold of the keys of which that is not known, to be taken off: counted where they are few, and else
/// estimated from every sixteenth. To look for all of them would cost as much as to write them.
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

fn merge_all(shelves: &Receiver<Arc<Shelf>>, stopping: &AtomicBool) {
    for shelf in shelves {
        merge(&shelf, stopping);
    }
}

/// Merges what is due of a shelf, of which that was begun.
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

/// Merges all tables where that is wished, when it is time; and looks for what nothing uses any more. In a thread of its own: it
/// may take minutes, and others have runs to be merged meanwhile.
struct Purger {
    register: Arc<Register>,
    stopping: Arc<AtomicBool>,
    /// Where a purge is wished. A store that is closed meanwhile says so when it is opened again.
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
                // What could not be deleted is looked for again; that a disk fails its stores notice.
                drop(self.register.sweep(UNUSED_FOR));
            }
        }
    }

    fn remember(&mut self, shelf: &Arc<Shelf>) {
        if !self.wished.iter().any(|known| known.as_ptr() == Arc::as_ptr(shelf)) {
            self.wished.push(Arc::downgrade(shelf));
        }
    }

    /// The next purge, and when it may begin.
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

    /// Merges all tables of a shelf, of which a merge was begun, and then the runs that came meanwhile.
    fn purge(&self, shelf: &Shelf) {
        if let Err(failure) = shelf.purge() {
            shelf.fail(failure);
        }
        merge(shelf, &self.stopping);
    }
}
