// SPDX-License-Identifier: Apache-2.0

//! Restore from the changelog.

use std::ops::ControlFlow;

use super::Task;
use crate::asked::Look;
use crate::ending::ENDING;
use crate::error::{ProcessError, TaskError};
use crate::form::{self, Found, StateForm};
use crate::phase::Phase;
use crate::store::StoreError;

/// Approximate size of the batches in which restored records are applied to the store.
const RESTORE_BATCH_BYTES: usize = 1 << 20;

impl Task {
    /// Applies one changelog record to the store during a restore; an interrupted restore continues from there.
    ///
    /// # Errors
    /// The store failed: wipe it and start again.
    pub fn restore(&mut self, offset: i64, key: &[u8], value: Option<&[u8]>) -> Result<(), TaskError> {
        match value {
            Some(value) => self.restoring.put(key, value),
            None => self.restoring.delete(key),
        }
        if self.restoring.bytes() >= RESTORE_BATCH_BYTES {
            return self.apply_restored(offset + 1);
        }
        Ok(())
    }

    /// The store has reached this changelog offset: the task can run. Only now the state is read, the format record first: a
    /// changelog that was reset holds old records, of any format, until it is compacted.
    ///
    /// # Errors
    /// As [`restore`](Self::restore); or the task was not in the restoring phase; or the state has another format or was made
    /// by other processors: stop.
    pub fn restored(&mut self, changelog_offset: i64) -> Result<(), TaskError> {
        self.check_phase(Phase::Restoring)?;
        self.apply_restored(changelog_offset)?;
        self.check_form().map_err(|source| self.error(source))?;
        let read = self.stream_time.read(&*self.store).and_then(|()| self.asked.read(&*self.store));
        let read = read.and_then(|()| self.recent.read(&*self.store));
        let is_left = read.and_then(|()| self.is_anything_listed());
        self.is_left = is_left.map_err(|source| self.error(ProcessError::Store(source)))?;
        self.is_ending = self.is_left;
        self.become_phase(Phase::Running);
        Ok(())
    }

    /// Rejects a state of another format or of other processors. The current processors could not continue with it: events that
    /// one of them has not folded are missing for good, and the state of a removed one would remain unused.
    fn check_form(&mut self) -> Result<(), ProcessError> {
        let Some(ours) = self.topology.state_form() else { return Ok(()) };
        let mut processors = None;
        let found = match StateForm::of(&*self.store)? {
            Found::Nothing => {
                self.has_form = false;
                return Ok(());
            }
            Found::Unknown => None,
            Found::Form(form) => {
                processors = form.field(form::PROCESSORS).map(<[u8]>::to_vec);
                Some(form.number())
            }
        };
        if found != Some(ours.number()) {
            return Err(ProcessError::OtherForm { found, wanted: ours.number() });
        }
        let is = self.topology.signature();
        if let Some(was) = processors.filter(|was| was.as_slice() != is.as_bytes()) {
            let was = String::from_utf8_lossy(&was).into_owned();
            return Err(ProcessError::ProcessorsChanged { was, is });
        }
        self.has_form = true;
        Ok(())
    }

    /// Whether the last commit before the restore left any work.
    fn is_anything_listed(&self) -> Result<bool, StoreError> {
        let mut is_any = self.store.get(Look::KEY)?.is_some();
        self.store.scan(ENDING, &mut |_, _| {
            is_any = true;
            ControlFlow::Break(())
        })?;
        Ok(is_any)
    }

    fn apply_restored(&mut self, changelog_offset: i64) -> Result<(), TaskError> {
        let batch = std::mem::take(&mut self.restoring);
        self.store
            .take(batch, Some(changelog_offset))
            .map_err(|source| self.error(ProcessError::Store(source)))
    }

    /// Deletes the state and everything staged; the task must be restored.
    ///
    /// # Errors
    /// The store cannot even be emptied: close the task.
    pub fn wipe(&mut self) -> Result<(), TaskError> {
        self.aborted();
        self.restoring.clear();
        self.store.wipe().map_err(|source| self.error(ProcessError::Store(source)))
    }

    /// The changelog offset from which the store must be restored; 0 if it has none.
    ///
    /// # Errors
    /// The store cannot be read: wipe and restore.
    pub fn restore_from(&self) -> Result<i64, TaskError> {
        let offset =
            self.store.changelog_offset().map_err(|source| self.error(ProcessError::Store(source)))?;
        Ok(offset.unwrap_or(0))
    }
}
