// SPDX-License-Identifier: Apache-2.0

//! Wall-clock timers and the other periodic work.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::Driver;
use crate::action::{Action, EndOffset, TopicPartition};
use crate::event::Event;
use crate::job::{Job, Outcome, Pending};
use crate::unaligned::Seen;

impl<E: Display> Driver<E> {
    pub(crate) fn look_around(&mut self) -> Outcome<E> {
        if !self.turn.is_time_to_look(self.now, &self.settings.pace) {
            return Ok(None);
        }
        let mut jobs = vec![Job::CountPartitions];
        if !self.damages.is_empty() {
            // A state that was healthy for long enough counts as ready again.
            jobs.push(Job::Readiness);
        }
        jobs.extend([Job::ReadStatistics, Job::TendStores, Job::CatchUp, Job::Timers]);
        self.do_first(jobs);
        Ok(None)
    }

    /// Fires due timers when no record arrives. The wall clock is read before the end offsets are requested, so nothing that
    /// existed at that time is missed by reading up to them. Before the group has caught up, a record may still be on its way
    /// from another partition.
    pub(crate) fn look_for_timers(&mut self) -> Outcome<E> {
        if !self.catch_up.is_done() {
            return Ok(None);
        }
        let asked_ms = self.now.epoch_ms;
        let (mut partitions, mut errors) = (Vec::new(), Vec::new());
        for (partition, task) in &mut self.tasks {
            task.punctuate_when_read();
            match task.needs_ends(asked_ms) {
                Ok(true) => partitions.push(*partition),
                Ok(false) => {}
                Err(error) => errors.push(error),
            }
        }
        self.restore_those(errors)?;
        if partitions.is_empty() {
            return Ok(None);
        }
        let due = partitions.iter().filter_map(|partition| self.tasks.get(partition));
        let all = due.flat_map(super::assigned::AssignedTask::partitions).collect();
        self.ask(Action::FetchEnds(all), Pending::Ends { asked_ms, partitions })
    }

    pub(crate) fn ends_known(
        &mut self,
        asked_ms: i64,
        partitions: &[i32],
        ends: &BTreeMap<TopicPartition, i64>,
    ) {
        for partition in partitions {
            if let Some(task) = self.tasks.get_mut(partition) {
                task.set_ends(ends, asked_ms);
            }
        }
    }

    /// Takes end offsets from statistics.
    pub(crate) fn saw_ends(&mut self, ends: Vec<(TopicPartition, EndOffset)>) {
        for (partition, end) in ends {
            match self.unaligned.saw_end(&partition, end) {
                Some(Seen::OfItsOwn(records)) => self.report(Event::Lag { partition, records }),
                Some(Seen::Summed) => {}
                None => self.saw_end(partition, end),
            }
        }
    }

    fn saw_end(&mut self, partition: TopicPartition, end: EndOffset) {
        let task = self.tasks.get_mut(&partition.partition);
        if let Some(records) = task.and_then(|task| task.saw_end(&partition.topic, end)) {
            self.report(Event::Lag { partition, records });
        }
    }
}
