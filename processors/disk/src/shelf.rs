// SPDX-License-Identifier: Apache-2.0

//! What a store and the keeper share: the tables of one partition, and the keeper's progress.

use std::fs;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::error::Failure;
use crate::meta::{self, Totals};
use crate::purge::{self, Record};
use crate::tables::Tables;

/// With this many unmerged runs a store waits for merges before it queues another buffer.
const RUNS_TO_WAIT: usize = 16;
/// The same during a purge, which takes longer.
const RUNS_TO_WAIT_FOR_PURGE: usize = 64;
/// With this many runs a purge stops resting.
const RUNS_TO_HURRY: usize = 8;

#[derive(Default)]
struct KeeperProgress {
    /// Whether a buffer is being written or queued.
    writing: bool,
    /// Whether a merge is running or queued.
    merging: bool,
    /// Whether all tables are being merged into one run.
    purging: bool,
    /// The numbers of purges requested, of requests whose removals are written, and of requests fulfilled.
    wishes: u64,
    written_wishes: u64,
    fulfilled_wishes: u64,
    purges: Record,
    /// Whether the current request is recorded on disk.
    is_wish_written: bool,
    /// The earliest time of the next purge.
    rests_until: Option<Instant>,
    /// What written buffers replaced and the totals do not include yet.
    replaced: Totals,
    failure: Option<Failure>,
    /// The state is discarded; its last user deletes its files.
    discarded: bool,
}

/// The tables of one partition.
pub(crate) struct Shelf {
    pub(crate) tables: Tables,
    pub(crate) generation: u64,
    directory: PathBuf,
    progress: Mutex<KeeperProgress>,
    changed: Condvar,
}

impl Shelf {
    pub(crate) fn new(tables: Tables, generation: u64, directory: PathBuf, purges: Record) -> Self {
        let progress = Mutex::new(KeeperProgress { purges, ..KeeperProgress::default() });
        Self { tables, generation, directory, progress, changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, KeeperProgress> {
        // Nothing that can panic runs under this lock.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the tables cannot be used any more.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.lock().failure.clone()
    }

    pub(crate) fn fail(&self, failure: Failure) {
        self.lock().failure.get_or_insert(failure);
        self.changed.notify_all();
    }

    /// Waits until the last buffer is written and there is room for another run. Returns what that buffer replaced.
    pub(crate) fn wait_for_room(&self) -> Result<Totals, Failure> {
        self.wait_while(|shelf, progress| progress.writing || shelf.has_too_many_runs(progress))
    }

    /// Waits until the last buffer is written.
    pub(crate) fn wait_for_writing(&self) -> Result<Totals, Failure> {
        self.wait_while(|_, progress| progress.writing)
    }

    fn wait_while(&self, busy: impl Fn(&Self, &KeeperProgress) -> bool) -> Result<Totals, Failure> {
        let mut progress = self.lock();
        while progress.failure.is_none() && busy(self, &progress) {
            progress = self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
        match &progress.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(std::mem::take(&mut progress.replaced)),
        }
    }

    /// Notes that a buffer is queued.
    pub(crate) fn begin_writing(&self) {
        self.lock().writing = true;
    }

    /// Notes that it is written, with the removals of the first `wishes` requests.
    pub(crate) fn end_writing(&self, outcome: Result<Totals, Failure>, wishes: u64) {
        if self.tables.runs() >= RUNS_TO_HURRY {
            self.tables.pace.hurry();
        }
        let mut progress = self.lock();
        progress.writing = false;
        match outcome {
            Ok(replaced) => {
                progress.replaced.add(replaced);
                progress.written_wishes = progress.written_wishes.max(wishes);
            }
            Err(failure) => {
                progress.failure.get_or_insert(failure);
            }
        }
        drop(progress);
        self.changed.notify_all();
    }

    /// Whether the caller has to start a merge: not if one is running or the state is discarded.
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

    /// Whether queueing a buffer would block.
    pub(crate) fn is_busy(&self) -> bool {
        let progress = self.lock();
        progress.writing || self.has_too_many_runs(&progress)
    }

    fn has_too_many_runs(&self, progress: &KeeperProgress) -> bool {
        let most = if progress.purging { RUNS_TO_WAIT_FOR_PURGE } else { RUNS_TO_WAIT };
        progress.merging && self.tables.runs() >= most
    }

    /// Requests a purge: deleted data must not stay on disk for long. It takes effect once the store's memory is written.
    pub(crate) fn wish(&self, now_ms: i64) {
        let mut progress = self.lock();
        progress.wishes += 1;
        if progress.purges.wished_ms == 0 {
            progress.purges.wished_ms = now_ms;
        }
    }

    /// The number of requests, for the buffer that is queued now.
    pub(crate) fn wishes(&self) -> u64 {
        self.lock().wishes
    }

    /// Whether an earlier request is unfulfilled, or a purge is due anyway.
    pub(crate) fn is_purge_due(&self, now_ms: i64) -> bool {
        let progress = self.lock();
        let is_wished = progress.wishes > progress.fulfilled_wishes;
        !is_wished && (progress.purges.wished_ms != 0 || progress.purges.is_due(now_ms))
    }

    /// The earliest time of a requested purge that can take effect; `None` without one.
    pub(crate) fn purge_at(&self) -> Option<Instant> {
        let progress = self.lock();
        let is_wished = progress.written_wishes > progress.fulfilled_wishes;
        let is_wanted = is_wished && !progress.discarded && progress.failure.is_none();
        is_wanted.then(|| progress.rests_until.unwrap_or_else(Instant::now))
    }

    /// Merges all tables, if no other merge is running.
    pub(crate) fn purge(&self) -> Result<(), Failure> {
        let (covered, began, began_ms) = {
            let mut progress = self.lock();
            progress.purging = true;
            (progress.written_wishes, Instant::now(), meta::now_ms())
        };
        let merged = self.tables.merge_all();
        let mut progress = self.lock();
        progress.purging = false;
        if !merged? {
            return Ok(());
        }
        progress.rests_until = Some(Instant::now() + purge::rest_after(began.elapsed()));
        progress.fulfilled_wishes = covered;
        progress.purges.purged_ms = began_ms;
        if progress.wishes == covered {
            progress.purges.wished_ms = 0;
            progress.is_wish_written = false;
        }
        let purges = progress.purges;
        drop(progress);
        self.changed.notify_all();
        self.write_down(purges)
    }

    /// Records a request on disk, if there is one.
    pub(crate) fn write_wish_down(&self) -> Result<(), Failure> {
        let purges = {
            let mut progress = self.lock();
            let is_new = progress.purges.wished_ms != 0 && !progress.is_wish_written;
            progress.is_wish_written = progress.purges.wished_ms != 0;
            is_new.then_some(progress.purges)
        };
        purges.map_or(Ok(()), |purges| self.write_down(purges))
    }

    fn write_down(&self, purges: Record) -> Result<(), Failure> {
        let partition = self.directory.parent().unwrap_or(&self.directory);
        Ok(purges.write(partition, self.generation)?)
    }

    /// Wakes waiting stores after the number of runs has decreased.
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    pub(crate) fn is_discarded(&self) -> bool {
        self.lock().discarded
    }

    /// Discards the state. Its last user deletes its files.
    pub(crate) fn discard(&self) {
        self.lock().discarded = true;
        self.tables.pace.stop();
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        if self.is_discarded() {
            // The next start deletes what is left: no stamp refers to it.
            drop(fs::remove_dir_all(&self.directory));
        }
    }
}
