// SPDX-License-Identifier: Apache-2.0

//! Damaged state: restored from the changelog, at once the first time, after a longer wait each further time. From the second
//! time on the worker is not ready and reports the reason.

use std::fmt::{Display, Write as _};

use engine::{Repeated, TaskError};

use crate::Driver;
use crate::action::Action;
use crate::error::{Damaged, DriverError, damaged_by};
use crate::event::Event;
use crate::job::{Job, Outcome, Unopened};

impl<E: Display> Driver<E> {
    /// Restores the states that these errors report as damaged.
    ///
    /// # Errors
    /// An error with another remedy.
    pub(crate) fn restore_those(&mut self, errors: Vec<TaskError>) -> Result<(), DriverError<E>> {
        let damaged = errors.into_iter().map(|error| damaged_by(error).map(Job::Damaged));
        let damaged: Vec<Job<E>> = damaged.collect::<Result<_, _>>()?;
        self.do_first(damaged);
        Ok(())
    }

    /// Discards the state of a partition and restores it. State that was damaged before waits first, so that restores do not
    /// take all of the worker's time.
    pub(crate) fn restore_anew(&mut self, Damaged { partition, cause }: Damaged) -> Outcome<E> {
        let Some(mut task) = self.tasks.remove(&partition) else { return Ok(None) };
        let now_ms = self.elapsed_ms();
        let wait_ms = self.damages.note(partition, &cause, now_ms);
        self.report(Event::StateDamaged { partition, cause, wait_ms });
        let wiped = task.task.wipe();
        let topic = task.input();
        let mut jobs = vec![Job::Do(Action::Pause(task.partitions().collect()))];
        jobs.extend(self.forget_restores([partition]));
        jobs.push(self.close(&task));
        jobs.extend([Job::Open, Job::Readiness]);
        self.do_first(jobs);
        self.unopened.push(Unopened { partition, topic });
        self.positions.ask_offsets_now(self.now);
        if let Err(error) = wiped {
            damaged_by(error)?;
        }
        Ok(None)
    }

    /// Partitions whose state was damaged more than once, with the reason; empty when there are none.
    pub(crate) fn damaged_again(&self) -> String {
        let is_held = |partition: i32| {
            let is_unopened = self.unopened.iter().any(|unopened| unopened.partition == partition);
            is_unopened || self.tasks.contains_key(&partition)
        };
        let mut text = String::new();
        for Repeated { partition, times, cause } in self.damages.repeated(self.elapsed_ms()) {
            if is_held(partition) {
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
