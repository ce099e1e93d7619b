//! The restore from the changelog.

use std::ops::ControlFlow;

use super::Task;
use crate::asked::Look;
use crate::ending::ENDING;
use crate::error::{ProcessError, TaskError};
use crate::form::{self, Found, StateForm};
use crate::phase::Phase;
use crate::store::StoreError;

/// Restored records are applied to the store in batches of about this many bytes.
const RESTORE_BATCH_BYTES: usize = 1 << 20;

impl Task {
    /// Takes one changelog record into the store while restoring; a restore that is cut off goes on from there.
    ///
    /// # Errors
    /// The store failed: wipe it and begin anew.
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

    /// The store now stands at this changelog offset: the task can run. Only now anything of it is read, and the form first:
    /// a changelog that was reset holds what was, of whatever form, until it is compacted.
    ///
    /// # Errors
    /// As [`restore`](Self::restore); or the task was not being restored; or the state is of another form, or of other processors: stop.
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

    /// Refuses a state that other programs wrote in another form, or other processors. Those could not go on with it: what one of
    /// them has not folded is missing in it for good, and what one of them has left there nobody looks after.
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

    /// Whether the last commit before the restore has left anything to be done.
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
}
