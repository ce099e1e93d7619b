// SPDX-License-Identifier: Apache-2.0

//! Shutdown: the worker commits what it has taken and leaves the group, so that its partitions move at once.

use std::fmt::Display;

use crate::Driver;
use crate::action::{Action, TopicPartition};
use crate::error::DriverError;
use crate::job::{Job, Outcome};

impl<E: Display> Driver<E> {
    /// Leaves the group and ends with the error. If leaving fails too, ends with less.
    pub(crate) fn fail(&mut self, error: DriverError<E>) {
        self.jobs.clear();
        self.pending = None;
        self.turn.end();
        self.failures += 1;
        let jobs = match self.failures {
            1 => vec![Job::FollowGroup, Job::Leave],
            2 => vec![Job::Leave],
            3 => vec![Job::Left],
            _ => vec![Job::Finish],
        };
        self.do_first(jobs);
        // The first error is the cause.
        self.failure.get_or_insert(error);
    }

    /// Leaves the group. Pending decisions were answered before, or the close would wait for the answer. The repartition
    /// partitions are given up first, because the group takes back only what it assigned and would wait for the rest.
    pub(crate) fn leave(&mut self) -> Outcome<E> {
        let unassign: Vec<TopicPartition> =
            self.tasks.keys().map(|number| self.repartition(*number)).collect();
        let is_committed = self.failure.is_none();
        self.do_first([Job::Do(Action::Leave { unassign, is_committed }), Job::Left]);
        Ok(None)
    }

    /// Closes the stores.
    pub(crate) fn left(&mut self) -> Outcome<E> {
        let mut jobs = Vec::new();
        for (_, task) in std::mem::take(&mut self.tasks) {
            jobs.push(self.close(&task));
        }
        jobs.push(Job::Finish);
        self.do_first(jobs);
        Ok(None)
    }

    pub(crate) fn finish(&mut self) -> Outcome<E> {
        self.turn.end();
        Ok(Some(Action::Finish(self.failure.take().map_or(Ok(()), Err))))
    }
}
