// SPDX-License-Identifier: Apache-2.0

//! The worker's readiness, with a description for operators.

use std::fmt::Display;

use crate::Driver;
use crate::assigned::AssignedTask;
use crate::event::Event;
use crate::job::Outcome;

impl<E: Display> Driver<E> {
    pub(crate) fn report_readiness(&mut self) -> Outcome<E> {
        let live = self.tasks.values().filter(|task| task.is_live()).count();
        let all = self.tasks.len() + self.unopened.len();
        let awaits_schema =
            self.unaligned.awaits_schema() || self.tasks.values().any(AssignedTask::awaits_schema);
        let is_positioned = self.positions.is_certain() && !self.unaligned.is_beginning();
        let damaged = self.damaged_again();
        let is_whole = damaged.is_empty() && !self.counts.holds_unreadable();
        let is_ready = self.has_joined && live == all && !awaits_schema && is_positioned && is_whole;
        let mut detail = format!("{live} of {all} tasks running");
        if awaits_schema {
            detail.push_str(", waiting for the schema registry");
        }
        if !is_positioned {
            detail.push_str(", finding out where partitions begin");
        }
        detail.push_str(&damaged);
        if let Some(problem) = self.counts.problem() {
            detail.push_str("; ");
            detail.push_str(problem);
        }
        self.report(Event::Readiness { is_ready, detail });
        Ok(None)
    }
}
