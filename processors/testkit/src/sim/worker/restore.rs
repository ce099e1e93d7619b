//! Reads a task's state back from the changelog: first the very last record that lies there, then wait until all up to it
//! is finished, then read what is committed, to the end. The same stages as the edge's.

use engine::TaskError;

use super::lane::Lane;
use crate::sim::broker::{Broker, Place};
use crate::sim::defect::Defect;

/// How many records are read in one step.
const A_STEP: usize = 8;

#[derive(Debug, Clone, Copy)]
enum Stage {
    Measure,
    AwaitStable { end: i64 },
    Read { end: i64 },
}

/// How far one partition is.
pub(super) struct Progress {
    next: i64,
    stage: Stage,
}

impl Progress {
    /// Begins with a store that stands at `from`.
    pub(super) fn new(from: i64) -> Self {
        Self { next: from, stage: Stage::Measure }
    }
}

/// One step; whether anything was done.
pub(super) fn step(
    lane: &mut Lane,
    changelog: Place,
    broker: &Broker,
    defect: Option<Defect>,
) -> Result<bool, TaskError> {
    let Some(Progress { mut next, stage }) = lane.restoring.take() else { return Ok(false) };
    let log = broker.log(changelog);
    let stage = match stage {
        Stage::Measure => {
            let end = log.end();
            if next > end {
                lane.task.wipe()?;
                next = 0;
            }
            Stage::AwaitStable { end }
        }
        Stage::AwaitStable { end } if next >= end => {
            lane.restored(next)?;
            return Ok(true);
        }
        Stage::AwaitStable { end } => {
            let is_stable = log.stable_end() >= end || defect == Some(Defect::RestoresUncommitted);
            if is_stable { Stage::Read { end } } else { Stage::AwaitStable { end } }
        }
        Stage::Read { end } => {
            for _ in 0..A_STEP {
                let found = if defect == Some(Defect::RestoresUncommitted) {
                    broker.fetch_uncommitted(changelog, next)
                } else {
                    broker.fetch(changelog, next)
                };
                let Some((offset, record)) = found else {
                    lane.restored(next.max(end))?;
                    return Ok(true);
                };
                next = offset + 1;
                lane.task.restore(
                    offset,
                    record.key.as_deref().unwrap_or_default(),
                    record.value.as_deref(),
                )?;
            }
            Stage::Read { end }
        }
    };
    lane.restoring = Some(Progress { next, stage });
    Ok(true)
}
