//! A task: all processors on one state partition. The unit that is assigned, restored, committed and closed.

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
    /// How many state partitions there are: a key belongs to one of them.
    partitions: i32,
    phase: Phase,
    topology: Arc<Topology>,
    limits: Limits,
    store: Box<dyn StateStore>,
    staged: Staged,
    /// Work left for this very task by the record being taken.
    local: VecDeque<Local>,
    stream_time: StreamTime,
    /// Kafka's timestamp of the record that was taken last.
    record_ms: Option<i64>,
    /// Whether the state says its form already, or need not.
    has_form: bool,
    recent: RecentIds,
    /// The time of the newest request to erase a customer.
    asked: Newest,
    /// Whether there may be more to be done than the last commit could do, or than anybody has looked at since the state was
    /// restored.
    is_left: bool,
    /// Whether anything is listed that is to be forgotten or erased.
    is_ending: bool,
    /// The last time that was told, for dead letters made at the commit.
    now_ms: i64,
    restoring: WriteBatch,
    /// For what records cause, which is bounded where they are taken.
    unbounded: Budget,
    scratch: Vec<u8>,
    /// Room for the decoder's work. An event borrows from it while the other scratch is used.
    decoding: Vec<u8>,
}

impl Task {
    /// A task over a store, which may hold what an earlier life left there. `partitions` is the number of partitions that
    /// the input and the repartition topic have.
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

    /// Where in its life the task stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Goes to another phase; `false`, and no change, where the life of a task has no such step.
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
            // Of a key that is too long no restore helps: it would come again.
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

    /// The offsets that belong into the transaction.
    #[must_use]
    pub fn offsets(&self) -> &[SourceOffset] {
        &self.staged.offsets
    }

    /// Bytes staged.
    #[must_use]
    pub fn staged_bytes(&self) -> usize {
        self.staged.bytes()
    }

    /// Whether nothing is staged.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.staged.is_empty()
    }

    /// The transaction is committed: what was staged becomes the state. `changelog_offset` is the offset after the last
    /// record that the transaction wrote to the task's changelog, where that is known; a store that survives the process
    /// is restored from there. Gives the counts of it.
    ///
    /// # Errors
    /// The store failed; its content is then behind the changelog: wipe and restore.
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

    /// The transaction is aborted: what was staged is dropped. The records come again.
    pub fn aborted(&mut self) {
        self.take_staged();
        self.recent.aborted();
        self.local.clear();
    }

    fn take_staged(&mut self) -> Staged {
        std::mem::replace(&mut self.staged, Staged::new(self.topology.nodes().len()))
    }

    /// The task has reached the end that its input had when it was assigned: from now on things may expire (contract
    /// section 9). Until then stream time only runs.
    pub fn caught_up(&mut self) {
        self.stream_time.allow_expiry();
        self.is_left |= self.stream_time_ms().is_some();
    }

    /// Whether there is more to be done than the last commit could do: something that expires, is forgotten or erased. Then a
    /// commit is to come soon, though no record does: see [`go_on`](Self::go_on).
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.is_left && self.phase == Phase::Running
    }

    /// Lets the next commit come about though nothing was taken, so that what is left goes on. `place` is where the input is
    /// committed to, and goes into the transaction.
    pub fn go_on(&mut self, place: SourceOffset) {
        self.staged.come_about(place);
    }

    /// The stream time, where things may expire; none where nothing may.
    #[must_use]
    pub fn stream_time_ms(&self) -> Option<i64> {
        self.stream_time.for_expiry(self.staged.stream_time_ms)
    }

    /// The time on the wall at which something is due though nothing comes; none: nothing is.
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

    /// Lets what is due at this time on the wall be done with the next commit. Whoever calls it has to know that everything
    /// which lay in the task's input at that time was taken, and committed: what would have ended a timer may not lie there
    /// unread. `place` is where the input is committed to, and goes into the transaction.
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

    /// Lets `visit` see what is committed in a place, from a key on and in the order of the keys' bytes, until it breaks: for
    /// whoever looks at a running task from outside. `from` lies in the place.
    ///
    /// # Errors
    /// The store cannot be read: wipe and restore.
    pub fn look(&self, place: &Place, from: &[u8], visit: Visit<'_>) -> Result<(), TaskError> {
        let looked = match place {
            Place::Under(prefix) => self.store.scan_from(prefix, from, visit),
            Place::Key(key) => self.store.with(key, &mut |value| {
                // The only key there is: whether to go on is no question.
                let _ = value.map(|value| visit(key, value));
            }),
        };
        looked.map_err(|source| self.error(ProcessError::Store(source)))
    }

    /// What is staged under a prefix; `None`: it goes. With the commit it becomes the state.
    pub fn staged_under<'t>(
        &'t self,
        prefix: &'t [u8],
    ) -> impl Iterator<Item = (&'t [u8], Option<&'t [u8]>)> {
        self.staged.writes.under(prefix, prefix)
    }

    /// Lets the store do what is due by the clock: about once a second, while the task runs.
    ///
    /// # Errors
    /// The store failed: wipe it and restore.
    pub fn tend(&mut self) -> Result<(), TaskError> {
        self.store.tend().map_err(|source| self.error(ProcessError::Store(source)))
    }

    /// How much state there is.
    #[must_use]
    pub fn state(&self) -> StoreStats {
        self.store.stats()
    }
}
