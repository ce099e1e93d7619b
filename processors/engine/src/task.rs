//! A task: all processors on one state partition. The unit that is assigned, restored, committed and closed.

use std::sync::Arc;

use model::{Action, Event, Limits};

use crate::deadletter::DeadLetter;
use crate::phase::Phase;
use crate::processor::{Context, Emitter, Outcome, ProcessError, Rejection};
use crate::record::{OutputRecord, Route, Sink, SourceRecord};
use crate::staged::{SourceOffset, Staged};
use crate::store::{StateStore, StoreStats, WriteBatch};
use crate::tally::{EventClass, Tally};
use crate::topology::Topology;

/// Who refuses a record that cannot even be read.
const DECODER: &str = "decode";

/// A task cannot go on. Named by remedy.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Its state cannot be trusted: drop what is staged, wipe the store, restore it from the changelog.
    #[error("the state of partition {partition} is damaged: {source}")]
    StateDamaged {
        /// The task's partition.
        partition: i32,
        /// What was found.
        source: ProcessError,
    },
    /// The records could not be handed to the transaction: abort it, take the records again.
    #[error("the transaction of partition {partition} could not be written: {source}")]
    Abort {
        /// The task's partition.
        partition: i32,
        /// What failed.
        source: ProcessError,
    },
    /// The program is wrong: stop.
    #[error("partition {partition}: {source}")]
    Fatal {
        /// The task's partition.
        partition: i32,
        /// What is wrong.
        source: ProcessError,
    },
}

/// All processors on one state partition.
pub struct Task {
    partition: i32,
    phase: Phase,
    topology: Arc<Topology>,
    limits: Limits,
    store: Box<dyn StateStore>,
    staged: Staged,
    restoring: WriteBatch,
    scratch: Vec<u8>,
}

/// Restored records are applied to the store in batches of about this many bytes.
const RESTORE_BATCH_BYTES: usize = 1 << 20;

impl Task {
    /// A task over a store, which may hold what an earlier life left there.
    #[must_use]
    pub fn new(partition: i32, topology: Arc<Topology>, limits: Limits, store: Box<dyn StateStore>) -> Self {
        Self {
            partition,
            phase: Phase::Created,
            topology,
            limits,
            store,
            staged: Staged::default(),
            restoring: WriteBatch::default(),
            scratch: Vec::new(),
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

    /// Takes one record: its effects are staged, nothing is visible yet. `now_ms` is the time for a dead letter's header.
    ///
    /// # Errors
    /// The state cannot be read; the record is not taken. See [`TaskError`] for the remedy.
    pub fn process(&mut self, record: &SourceRecord<'_>, now_ms: i64) -> Result<(), TaskError> {
        let class = match record.value {
            None => EventClass::Tombstone,
            Some(value) => match model::decode(value, record.conversation, &self.limits) {
                Ok(event) => self.fold(&event, record, now_ms).map_err(|source| self.error(source))?,
                Err(invalid) => self.reject(
                    record,
                    DECODER,
                    Rejection { reason: invalid.reason, detail: invalid.detail },
                    now_ms,
                ),
            },
        };
        self.staged.took(record);
        self.staged.tally.event(class);
        self.staged.tally.timestamp(record.timestamp_ms);
        Ok(())
    }

    fn reject(
        &mut self,
        record: &SourceRecord<'_>,
        processor: &'static str,
        rejection: Rejection,
        now_ms: i64,
    ) -> EventClass {
        self.staged.reject(DeadLetter::new(record, processor, rejection.reason, rejection.detail, now_ms));
        EventClass::Invalid
    }

    fn fold(
        &mut self,
        event: &Event<'_>,
        record: &SourceRecord<'_>,
        now_ms: i64,
    ) -> Result<EventClass, ProcessError> {
        let mut class = match event.action {
            Action::Primary(_) => EventClass::Primary,
            Action::Relation(_) => EventClass::Relation,
            Action::Fact(_) => EventClass::Fact,
        };
        let home = event.home();
        let topology = Arc::clone(&self.topology);
        for (index, node) in topology.nodes().iter().enumerate() {
            if !node.processor.wants(&home) {
                continue;
            }
            let mut context = Context {
                namespace: node.processor.namespace(),
                store: &*self.store,
                writes: &mut self.staged.writes,
                marks: &mut self.staged.marks,
                node: index,
                scratch: &mut self.scratch,
            };
            match node.processor.process(event, record, &mut context)? {
                Outcome::Folded | Outcome::Ignored => {}
                Outcome::Duplicate => class = EventClass::Duplicate,
                Outcome::Held => class = EventClass::Held,
                Outcome::Rejected(rejection) => {
                    return Ok(self.reject(record, node.processor.name(), rejection, now_ms));
                }
            }
        }
        Ok(class)
    }

    /// Hands everything staged to the transaction: outputs, one for each marked key, the changelog, dead letters.
    ///
    /// # Errors
    /// See [`TaskError`]; the caller aborts the transaction in every case.
    pub fn prepare(&mut self, sink: &mut dyn Sink) -> Result<(), TaskError> {
        self.hand_over(sink).map_err(|source| self.error(source))
    }

    fn hand_over(&mut self, sink: &mut dyn Sink) -> Result<(), ProcessError> {
        let Staged { writes, marks, dead_letters, tally, .. } = &mut self.staged;
        for (index, key) in marks.iter() {
            let Some(node) = self.topology.nodes().get(*index) else { continue };
            let mut emitter = Emitter {
                namespace: node.processor.namespace(),
                processor: node.processor.name(),
                store: &*self.store,
                writes,
                outputs: &node.writes,
                sink,
                tally,
                scratch: &mut self.scratch,
            };
            node.processor.emit(key, &mut emitter)?;
        }
        let changelog = self.topology.changelog();
        for (key, value) in writes.iter() {
            let route = Route::Partition(self.partition);
            tally.output(changelog.index());
            sink.send(OutputRecord {
                topic: changelog,
                route,
                key: Some(key),
                value,
                timestamp_ms: None,
                headers: &[],
            })?;
        }
        for letter in dead_letters.iter() {
            tally.output(self.topology.dead_letters().index());
            letter.send(self.topology.dead_letters(), sink)?;
        }
        Ok(())
    }

    fn error(&self, source: ProcessError) -> TaskError {
        let partition = self.partition;
        match source {
            ProcessError::Store(_) | ProcessError::Corrupt { .. } => {
                TaskError::StateDamaged { partition, source }
            }
            ProcessError::Sink(_) => TaskError::Abort { partition, source },
            ProcessError::UndeclaredOutput(_) => TaskError::Fatal { partition, source },
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

    /// The transaction is committed: what was staged becomes the state. Gives the counts of it.
    ///
    /// # Errors
    /// The store failed; its content is then behind the changelog: wipe and restore.
    pub fn committed(&mut self) -> Result<Tally, TaskError> {
        let staged = std::mem::take(&mut self.staged);
        let applied = self.store.apply(&staged.writes, None);
        applied.map_err(|source| self.error(ProcessError::Store(source)))?;
        Ok(staged.tally)
    }

    /// The transaction is aborted: what was staged is dropped. The records come again.
    pub fn aborted(&mut self) {
        self.staged = Staged::default();
    }

    /// Takes one changelog record into the store while restoring.
    ///
    /// # Errors
    /// The store failed: wipe it and begin anew.
    pub fn restore(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), TaskError> {
        match value {
            Some(value) => self.restoring.put(key, value),
            None => self.restoring.delete(key),
        }
        if self.restoring.bytes() >= RESTORE_BATCH_BYTES {
            return self.apply_restored(None);
        }
        Ok(())
    }

    /// The store now stands at this changelog offset: the task can run.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub fn restored(&mut self, changelog_offset: i64) -> Result<(), TaskError> {
        self.apply_restored(Some(changelog_offset))?;
        self.become_phase(Phase::Running);
        Ok(())
    }

    fn apply_restored(&mut self, changelog_offset: Option<i64>) -> Result<(), TaskError> {
        let batch = std::mem::take(&mut self.restoring);
        self.store.apply(&batch, changelog_offset).map_err(|source| self.error(ProcessError::Store(source)))
    }

    /// Forgets the state and all that is staged; the task has to be restored.
    ///
    /// # Errors
    /// The store cannot even be emptied: close the task.
    pub fn wipe(&mut self) -> Result<(), TaskError> {
        self.aborted();
        self.restoring.clear();
        self.store.wipe().map_err(|source| self.error(ProcessError::Store(source)))
    }

    /// From which changelog offset the store has to be restored; 0 where it knows nothing.
    ///
    /// # Errors
    /// The store cannot be read: wipe and restore.
    pub fn restore_from(&self) -> Result<i64, TaskError> {
        let offset =
            self.store.changelog_offset().map_err(|source| self.error(ProcessError::Store(source)))?;
        Ok(offset.unwrap_or(0))
    }

    /// How much state there is.
    #[must_use]
    pub fn state(&self) -> StoreStats {
        self.store.stats()
    }
}
