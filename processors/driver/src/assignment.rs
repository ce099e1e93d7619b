// SPDX-License-Identifier: Apache-2.0

//! Assignment and revocation of partitions, after librdkafka's example of a transactional consumer. A decision of the group is
//! carried out after the poll that delivered it.

use std::fmt::Display;
use std::sync::Arc;

use crate::Driver;
use crate::action::{Action, Rebalance, TopicPartition};
use crate::division::Division;
use crate::event::Event;
use crate::job::{Job, Outcome, Unopened};

impl<E: Display> Driver<E> {
    /// Carries out the group's decisions in order, before any other work.
    pub(crate) fn follow_group(&mut self) -> Outcome<E> {
        let decisions: Vec<Job<E>> = self.rebalances.drain(..).map(Job::Rebalance).collect();
        self.do_first(decisions);
        Ok(None)
    }

    pub(crate) fn carry_out(&mut self, decision: Rebalance) -> Outcome<E> {
        match decision {
            Rebalance::Assigned(partitions) => {
                self.has_joined = true;
                self.report(Event::Assigned(partitions.clone()));
                let division = Division::of(&partitions, &self.settings);
                let all = self.with_repartition(partitions, &division.tasks);
                self.do_first([Job::Do(Action::Assign(all)), Job::Assigned(division)]);
            }
            Rebalance::Revoked { partitions, is_lost } => {
                self.report(Event::Revoked { partitions: partitions.clone(), is_lost });
                let release = Job::Release(partitions);
                if is_lost {
                    // The worker is no member until the group answers again, so it is not ready.
                    self.has_joined = false;
                    if !self.unaligned.repartitioner.is_clean() {
                        // Nothing of lost partitions may be committed; records of the others are taken again.
                        self.unaligned.rewind();
                    }
                    self.do_first([release]);
                } else {
                    self.do_first([Job::Commit, release]);
                }
            }
        }
        Ok(None)
    }

    /// New tasks take nothing until their state is restored.
    pub(crate) fn assigned(&mut self, division: Division) -> Outcome<E> {
        let opened = division.tasks.into_iter();
        self.unopened.extend(opened.map(|TopicPartition { topic, partition }| Unopened { partition, topic }));
        for (partition, kind) in division.unaligned {
            self.unaligned.assigned(&partition, kind);
        }
        self.hold_unreadable(division.unreadable);
        self.positions.ask_offsets_now(self.now);
        self.do_first([Job::Open, Job::Readiness, Job::Report(Event::Rebalanced)]);
        Ok(None)
    }

    /// The revoked partitions are committed or lost.
    pub(crate) fn release(&mut self, partitions: Vec<TopicPartition>) -> Outcome<E> {
        let division = Division::of(&partitions, &self.settings);
        division.unaligned.iter().for_each(|(partition, _)| self.unaligned.revoked(partition));
        self.drop_unreadable(&division.unreadable);
        let mut jobs: Vec<Job<E>> = Vec::new();
        let numbers = division.tasks.iter().map(|partition| partition.partition);
        jobs.extend(self.forget_restores(numbers));
        for TopicPartition { partition, .. } in &division.tasks {
            self.unopened.retain(|unopened| unopened.partition != *partition);
            if let Some(mut task) = self.tasks.remove(partition) {
                task.task.aborted();
                jobs.push(self.close(&task));
            }
        }
        jobs.push(Job::Do(Action::Unassign(self.with_repartition(partitions, &division.tasks))));
        jobs.extend([Job::Readiness, Job::Report(Event::Rebalanced)]);
        self.do_first(jobs);
        Ok(None)
    }

    /// Adds the repartition partition of the same number to each input partition. The group assigns the input only, because no
    /// assignor of the client keeps two topics together. Both are assigned in the one call that answers the group.
    fn with_repartition(
        &self,
        mut partitions: Vec<TopicPartition>,
        of_tasks: &[TopicPartition],
    ) -> Vec<TopicPartition> {
        let numbers = of_tasks.iter().map(|partition| partition.partition);
        partitions.extend(numbers.map(|number| self.repartition(number)));
        partitions
    }

    /// A partition of the repartition topic.
    pub(crate) fn repartition(&self, number: i32) -> TopicPartition {
        TopicPartition::new(Arc::clone(&self.input_topics.repartition), number)
    }

    /// The consumer has subscribed.
    pub(crate) fn joining(&mut self) -> Outcome<E> {
        self.report(Event::Readiness { is_ready: false, detail: "joining the group".to_owned() });
        Ok(None)
    }
}
