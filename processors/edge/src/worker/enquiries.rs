//! What others want to know of the worker's tasks: looked after between two turns, and not at all where there is no desk.

use super::{Lane, Worker};
use crate::desk::{Counter, TaskStatus};
use crate::errors::{self, EdgeError};

impl Worker {
    /// Answers questions, and tells a slice of what lies in states that nobody has been told of yet.
    pub(super) fn attend(&mut self) -> Result<(), EdgeError> {
        let Self { counter: Some(counter), lanes, .. } = self else { return Ok(()) };
        let mut damaged = Vec::new();
        if let Err(error) = counter.answer(|partition| lanes.get(&partition).map(|lane| &lane.task)) {
            damaged.push(errors::of_task(error)?);
        }
        for lane in lanes.values().filter(|lane| lane.is_live()) {
            if let Err(error) = counter.tell_some(&lane.task) {
                damaged.push(errors::of_task(error)?);
            }
        }
        damaged.into_iter().try_for_each(|damaged| self.restore_anew(damaged))
    }

    /// Whether to come back soon, to tell more.
    pub(super) fn has_more_to_tell(&self) -> bool {
        self.counter.as_ref().is_some_and(Counter::has_more_to_tell)
    }

    /// Says how the tasks are.
    pub(super) fn report_tasks(&self) {
        let Some(counter) = &self.counter else { return };
        let status = |lane: &Lane| {
            let state = lane.task.state();
            TaskStatus {
                partition: lane.partition(),
                worker: self.name.clone(),
                phase: lane.task.phase(),
                records: state.records,
                bytes: state.bytes,
                lags: lane.lags(),
            }
        };
        counter.report(self.lanes.values().map(status).collect());
    }
}
