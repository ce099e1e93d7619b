// SPDX-License-Identifier: Apache-2.0

//! A task: all processors on one state partition; the unit of assignment, restore, commit and closing.

mod endings;
mod prepare;
mod restore;
mod take;

use std::collections::VecDeque;
use std::sync::Arc;

use model::Limits;

use crate::asked::Newest;
use crate::budget::Budget;
use crate::committed::Committed;
use crate::context::Local;
use crate::error::{ProcessError, TaskError};
use crate::form::StateForm;
use crate::phase::Phase;
use crate::recent::RecentIds;
use crate::staged::{SourceOffset, Staged};
use crate::store::{Place, StateStore, StoreError, StoreStats, Visit, WriteBatch};
use crate::stream_time::StreamTime;
use crate::tally::Tally;
use crate::topology::Topology;

/// All processors on one state partition.
pub struct Task {
    partition: i32,
    /// Number of state partitions; each key belongs to one.
    partitions: i32,
    phase: Phase,
    topology: Arc<Topology>,
    limits: Limits,
    store: Box<dyn StateStore>,
    staged: Staged,
    /// Work for this task, left by the record being taken.
    local: VecDeque<Local>,
    stream_time: StreamTime,
    /// Kafka's timestamp of the record taken last.
    record_ms: Option<i64>,
    /// Whether the state already has a format record, or needs none.
    has_form: bool,
    recent: RecentIds,
    /// Time of the latest erasure request for a customer.
    asked: Newest,
    /// Whether there may be more work than the last commit could do, or work that has not been looked for since the restore.
    is_left: bool,
    /// Whether anything is listed to be forgotten or erased.
    is_ending: bool,
    /// The last time passed in, for dead letters made at the commit.
    now_ms: i64,
    restoring: WriteBatch,
    /// Budget for work caused by records, which is limited when they are taken.
    unbounded: Budget,
    scratch: Vec<u8>,
    /// Scratch space for the decoder. An event borrows from it while the other scratch space is used.
    decoding: Vec<u8>,
}

impl Task {
    /// A task over a store, which may hold the state of an earlier task. `partitions` is the number of partitions of the input
    /// and the repartition topic.
    #[must_use]
    pub fn new(
        partition: i32,
        partitions: i32,
        topology: Arc<Topology>,
        limits: Limits,
        store: Box<dyn StateStore>,
    ) -> Self {
        let staged = Staged::new(topology.nodes().len());
        Self {
            partition,
            partitions,
            phase: Phase::Created,
            topology,
            limits,
            store,
            staged,
            local: VecDeque::new(),
            stream_time: StreamTime::default(),
            record_ms: None,
            has_form: false,
            recent: RecentIds::default(),
            asked: Newest::default(),
            is_left: false,
            is_ending: false,
            now_ms: 0,
            restoring: WriteBatch::default(),
            unbounded: Budget::unbounded(),
            scratch: Vec::new(),
            decoding: Vec::new(),
        }
    }

    /// The state partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// The current phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Enters another phase; returns `false` without a change if the transition is not allowed.
    pub fn become_phase(&mut self, next: Phase) -> bool {
        let allowed = self.phase.can_become(next);
        if allowed {
            self.phase = next;
        }
        allowed
    }

    fn error(&self, source: ProcessError) -> TaskError {
        let partition = self.partition;
        match source {
            // A restore does not help with a key that is too long: it would occur again.
            ProcessError::Store(StoreError::Io(_) | StoreError::Corrupt(_))
            | ProcessError::Corrupt { .. } => TaskError::StateDamaged { partition, source },
            ProcessError::UnknownSchema(id) => TaskError::UnknownSchema { partition, id },
            ProcessError::Sink(_) => TaskError::Abort { partition, source },
            ProcessError::Store(StoreError::KeyTooLong { .. })
            | ProcessError::UndeclaredOutput(_)
            | ProcessError::NotFollowed(_)
            | ProcessError::SettingsChanged { .. }
            | ProcessError::OtherForm { .. }
            | ProcessError::ProcessorsChanged { .. }
            | ProcessError::NotRunning(_)
            | ProcessError::UnknownMessage(_) => TaskError::Fatal { partition, source },
        }
    }

    /// The offsets for the transaction.
    #[must_use]
    pub fn offsets(&self) -> &[SourceOffset] {
        &self.staged.offsets
    }

    /// Size of the staged records in bytes.
    #[must_use]
    pub fn staged_bytes(&self) -> usize {
        self.staged.bytes()
    }

    /// Whether nothing is staged.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.staged.is_empty()
    }

    /// Called when the transaction is committed: the staged changes become the state. `changelog_offset` is the offset after
    /// the transaction's last record in the task's changelog, if known; a store that survives the process is restored from
    /// there. Returns the transaction's counts.
    ///
    /// # Errors
    /// The store failed and is behind the changelog: wipe and restore.
    pub fn committed(&mut self, changelog_offset: Option<i64>) -> Result<Tally, TaskError> {
        let staged = self.take_staged();
        self.stream_time.committed(staged.stream_time_ms);
        self.has_form |= StateForm::is_staged(&staged.writes);
        self.recent.committed();
        self.asked.committed(staged.asked_ms);
        self.is_left = staged.is_left;
        self.is_ending = staged.is_ending;
        let applied = self.store.take(staged.writes, changelog_offset);
        let purged = applied.and_then(|()| match staged.erases {
            false => Ok(()),
            true => self.store.purge(),
        });
        purged.map_err(|source| self.error(ProcessError::Store(source)))?;
        Ok(staged.tally)
    }

    /// Called when the transaction is aborted: drops what was staged. The records are read again.
    pub fn aborted(&mut self) {
        self.take_staged();
        self.recent.aborted();
        self.local.clear();
    }

    fn take_staged(&mut self) -> Staged {
        std::mem::replace(&mut self.staged, Staged::new(self.topology.nodes().len()))
    }

    /// The task has reached the end that its input had at the assignment: from now on state may expire (contract section 9).
    /// Until then only stream time advances.
    pub fn caught_up(&mut self) {
        self.stream_time.allow_expiry();
        self.is_left |= self.stream_time_ms().is_some();
    }

    /// Whether there is more work than the last commit could do: expiry, forgetting or erasing. If so, commit again soon even
    /// without a record: see [`go_on`](Self::go_on).
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.is_left && self.phase == Phase::Running
    }

    /// Makes the next commit happen even if no record was taken, so that the remaining work continues. `place` is the committed
    /// input position, which goes into the transaction.
    pub fn go_on(&mut self, place: SourceOffset) {
        self.staged.come_about(place);
    }

    /// The stream time if state may expire, else `None`.
    #[must_use]
    pub fn stream_time_ms(&self) -> Option<i64> {
        self.stream_time.for_expiry(self.staged.stream_time_ms)
    }

    /// The wall-clock time at which work is due without a record; `None` if there is none.
    ///
    /// # Errors
    /// The state cannot be read: see [`TaskError`] for the remedy.
    pub fn next_due(&self) -> Result<Option<i64>, TaskError> {
        let mut next: Option<i64> = None;
        for node in self.topology.nodes() {
            let Some(timers) = node.processor.as_punctuate() else { continue };
            let state = Committed { namespace: node.processor.namespace(), store: &*self.store };
            let due = timers.next_due(&state).map_err(|source| self.error(source))?;
            next = [next, due].into_iter().flatten().min();
        }
        Ok(next)
    }

    /// Has the work that is due at this wall-clock time done with the next commit. The caller must make sure that all records
    /// in the task's input at that time were taken and committed, because an unread record could end a timer. `place` is the
    /// committed input position, which goes into the transaction.
    pub fn punctuate(&mut self, now_ms: i64, place: SourceOffset) {
        self.now_ms = self.now_ms.max(now_ms);
        self.staged.punctuate(now_ms, place);
    }

    fn check_phase(&self, wanted: Phase) -> Result<(), TaskError> {
        if self.phase == wanted {
            return Ok(());
        }
        Err(self.error(ProcessError::NotRunning(self.phase.as_str())))
    }

    /// Passes the committed records in a range to `visit`, from a key on and in byte order, until it breaks; for queries on a
    /// running task. `from` is in the range.
    ///
    /// # Errors
    /// The store cannot be read: wipe and restore.
    pub fn look(&self, place: &Place, from: &[u8], visit: Visit<'_>) -> Result<(), TaskError> {
        let looked = match place {
            Place::Under(prefix) => self.store.scan_from(prefix, from, visit),
            Place::Key(key) => self.store.with(key, &mut |value| {
                // There is only one key, so the visitor's result does not matter.
                let _ = value.map(|value| visit(key, value));
            }),
        };
        looked.map_err(|source| self.error(ProcessError::Store(source)))
    }

    /// Staged changes under a prefix; `None` for a removed key. They become the state with the commit.
    pub fn staged_under<'t>(
        &'t self,
        prefix: &'t [u8],
    ) -> impl Iterator<Item = (&'t [u8], Option<&'t [u8]>)> {
        self.staged.writes.under(prefix, prefix)
    }

    /// Lets the store do background work: call it about once a second while the task runs.
    ///
    /// # Errors
    /// The store failed: wipe it and restore.
    pub fn tend(&mut self) -> Result<(), TaskError> {
        self.store.tend().map_err(|source| self.error(ProcessError::Store(source)))
    }

    /// Size of the state.
    #[must_use]
    pub fn state(&self) -> StoreStats {
        self.store.stats()
    }
}
