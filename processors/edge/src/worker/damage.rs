//! States that cannot be read: restored from their changelog, the first time at once, and each further time after a longer
//! wait. From the second time on the worker is not ready, and says why.

use std::fmt::Write as _;
use std::time::Instant;

use engine::Repeated;
use rdkafka::consumer::Consumer;

use super::Worker;
use crate::errors::{self, Damaged, EdgeError};

impl Worker {
    /// The state of a partition cannot be trusted any more: everything of it begins anew. What was damaged before waits first,
    /// or it would be restored for ever and nothing else be done.
    pub(super) fn restore_anew(&mut self, Damaged { partition, cause }: Damaged) -> Result<(), EdgeError> {
        let Some(mut lane) = self.lanes.remove(&partition) else { return Ok(()) };
        let wait_ms = self.damages.note(partition, &cause, self.running_ms());
        self.shared.metrics.state_unreadable();
        tracing::warn!(
            partition,
            cause,
            wait_ms,
            "the state of a partition cannot be read, it is restored anew"
        );
        self.consumer
            .pause(&lane.places())
            .map_err(|error| EdgeError::kafka("cannot pause a damaged partition", error))?;
        self.restorer.forget([partition]);
        if let Err(error) = lane.task.wipe() {
            errors::of_task(error)?;
        }
        let input = lane.input().to_owned();
        self.close_lane(lane);
        self.unopened.push((partition, input));
        self.open_lanes()?;
        self.ask_offsets_at = Instant::now();
        self.tell_health();
        Ok(())
    }

    /// Which of its partitions could not be read more than once, and why; empty where there is none.
    pub(super) fn damaged_again(&self) -> String {
        let is_ours = |partition: i32| {
            self.lanes.contains_key(&partition) || self.unopened.iter().any(|(other, _)| *other == partition)
        };
        let mut text = String::new();
        for Repeated { partition, times, cause } in self.damages.repeated(self.running_ms()) {
            if is_ours(partition) {
                // Writing to a string cannot fail.
                let _ = write!(
                    text,
                    "; the state of partition {partition} could not be read {times} times, the last time: {cause} \
                     (docs/runbook/alerts/CxTimelinesStateUnreadable.md)"
                );
            }
        }
        text
    }
}
