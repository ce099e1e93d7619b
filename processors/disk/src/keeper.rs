//! Writes buffers and merges tables, beside the workers: one thread for each, since a merge must not hold up a write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use crate::buffer::Buffer;
use crate::error::Failure;
use crate::meta::{Meta, Totals};
use crate::shelf::Shelf;

/// Of so many keys what they replace is counted; of more it is estimated, from one in so many.
const COUNTED: usize = 1024;
const ESTIMATED_FROM: usize = 16;

struct Job {
    shelf: Arc<Shelf>,
    buffer: Arc<Buffer>,
    meta: Meta,
}

/// The two threads. Dropping it waits for what has been given to it, but not for all merging.
pub(crate) struct Keeper {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    stopping: Arc<AtomicBool>,
}

impl Keeper {
    pub(crate) fn start() -> std::io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let (jobs, to_write) = channel();
        let (merges, to_merge) = channel();
        let stop = Arc::clone(&stopping);
        let threads = vec![
            thread::Builder::new().name("disk-write".into()).spawn(move || write_all(&to_write, &merges))?,
            thread::Builder::new().name("disk-merge".into()).spawn(move || merge_all(&to_merge, &stop))?,
        ];
        Ok(Self { jobs: Some(jobs), threads, stopping })
    }

    /// Has a buffer written. The shelf says when it is done.
    pub(crate) fn write(&self, shelf: &Arc<Shelf>, buffer: &Arc<Buffer>, meta: Meta) {
        shelf.begin_writing();
        let job = Job { shelf: Arc::clone(shelf), buffer: Arc::clone(buffer), meta };
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if !sent {
            shelf.end_writing(Err(Failure::Corrupt("nobody writes any more".into())));
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

fn write_all(jobs: &Receiver<Job>, merges: &Sender<Arc<Shelf>>) {
    for (turn, job) in jobs.iter().enumerate() {
        let outcome = if job.shelf.is_discarded() { Ok(Totals::default()) } else { write(&job, turn) };
        let written = outcome.is_ok();
        job.shelf.end_writing(outcome);
        if written && job.shelf.begin_merging() && merges.send(Arc::clone(&job.shelf)).is_err() {
            job.shelf.end_merging();
        }
    }
}

/// Writes a buffer, and gives what it replaces and was not known to replace.
fn write(job: &Job, turn: usize) -> Result<Totals, Failure> {
    let replaced = replaced(job, turn)?;
    let mut meta = job.meta;
    meta.totals.add(replaced);
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
        let wanted = || !stopping.load(Ordering::Relaxed) && !shelf.is_discarded();
        while wanted() {
            let merged =
                if shelf.take_all_wanted() { shelf.tables.merge_all() } else { shelf.tables.merge() };
            match merged {
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
}
