//! What a store and the keeper share: the tables of one partition, and how far the keeper is with them.

use std::fs;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::Failure;
use crate::meta::Totals;
use crate::tables::Tables;

/// From so many unmerged runs on a store waits for the merging before it gives the keeper more to write.
const RUNS_TO_WAIT: usize = 16;

#[derive(Default)]
struct Progress {
    /// A buffer is being written, or waits for it.
    writing: bool,
    /// Merging is going on, or waits for its turn.
    merging: bool,
    /// All tables are to be merged into one run, not only those that are due.
    all_wanted: bool,
    /// What the written buffers replaced and the totals have not heard of.
    replaced: Totals,
    failure: Option<Failure>,
    /// The state is thrown away; its files go with the last one that uses them.
    discarded: bool,
}

/// The tables of one partition.
pub(crate) struct Shelf {
    pub(crate) tables: Tables,
    pub(crate) generation: u64,
    directory: PathBuf,
    progress: Mutex<Progress>,
    changed: Condvar,
}

impl Shelf {
    pub(crate) fn new(tables: Tables, generation: u64, directory: PathBuf) -> Self {
        Self { tables, generation, directory, progress: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        // Nothing that can panic runs under this lock.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the tables can no longer be used.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.lock().failure.clone()
    }

    pub(crate) fn fail(&self, failure: Failure) {
        self.lock().failure.get_or_insert(failure);
        self.changed.notify_all();
    }

    /// Waits until the last buffer has been written and there is room for another run. Gives what that buffer replaced.
    pub(crate) fn wait_for_room(&self) -> Result<Totals, Failure> {
        self.wait_while(|shelf, progress| {
            progress.writing || (progress.merging && shelf.tables.runs() >= RUNS_TO_WAIT)
        })
    }

    /// Waits until the last buffer has been written.
    pub(crate) fn wait_for_writing(&self) -> Result<Totals, Failure> {
        self.wait_while(|_, progress| progress.writing)
    }

    fn wait_while(&self, busy: impl Fn(&Self, &Progress) -> bool) -> Result<Totals, Failure> {
        let mut progress = self.lock();
        while progress.failure.is_none() && busy(self, &progress) {
            progress = self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
        match &progress.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(std::mem::take(&mut progress.replaced)),
        }
    }

    /// Notes that a buffer waits to be written.
    pub(crate) fn begin_writing(&self) {
        self.lock().writing = true;
    }

    /// Notes that it has been.
    pub(crate) fn end_writing(&self, outcome: Result<Totals, Failure>) {
        let mut progress = self.lock();
        progress.writing = false;
        match outcome {
            Ok(replaced) => progress.replaced.add(replaced),
            Err(failure) => {
                progress.failure.get_or_insert(failure);
            }
        }
        drop(progress);
        self.changed.notify_all();
    }

    /// Whether the caller is to have the runs merged: not, when that is going on or nobody wants the state any more.
    pub(crate) fn begin_merging(&self) -> bool {
        let mut progress = self.lock();
        let begin = !progress.merging && !progress.discarded && progress.failure.is_none();
        progress.merging |= begin;
        begin
    }

    pub(crate) fn end_merging(&self) {
        self.lock().merging = false;
        self.changed.notify_all();
    }

    /// From the next merging on nothing that was removed or replaced is to stay on the disk.
    pub(crate) fn want_all_merged(&self) {
        self.lock().all_wanted = true;
    }

    /// Whether that is wanted; the caller does it.
    pub(crate) fn take_all_wanted(&self) -> bool {
        std::mem::take(&mut self.lock().all_wanted)
    }

    /// Tells those who wait that there are fewer runs.
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    pub(crate) fn is_discarded(&self) -> bool {
        self.lock().discarded
    }

    /// Throws the state away. Its files are deleted when nobody uses them any more.
    pub(crate) fn discard(&self) {
        self.lock().discarded = true;
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        if self.is_discarded() {
            // What is left here the next start deletes: no stamp names it.
            drop(fs::remove_dir_all(&self.directory));
        }
    }
}
