// SPDX-License-Identifier: Apache-2.0

//! Whether the group has read everything that existed when a partition was taken over. Nothing may expire before that.
//!
//! The position of one partition is not enough: an event may wait for one of another input partition, which arrives through the
//! repartition topic, and other instances may still be reading. So the driver follows the group's committed offsets in three
//! rounds. First the input has to be read up to its ends. What it sent is in the repartition topic by then, because it is
//! committed with the offsets; so next the repartition topic has to be read up to its ends. Misplaced records have then reached
//! their partition and may have sent something again, hence the third round.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::Driver;
use crate::action::{Action, GroupOffsets, Range, TopicPartition};
use crate::event::Event;
use crate::job::{Job, Outcome, Pending};
use crate::settings::TopicKind;

/// How many partitions one look checks for records after the committed offsets.
const LOOKED_AT_MAX: usize = 64;
/// Up to this many records may be transaction markers only, which justifies a check at once.
const MARKERS: i64 = 16;
/// After this many looks without progress the topics are listed again: one may have been deleted.
const STILL_MAX: u32 = 30;

type Goals = BTreeMap<TopicPartition, Goal>;

/// The partitions that a round follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    Input,
    FirstHop,
    SecondHop,
}

/// A partition that a round still has to see read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Goal {
    /// The end that the partition had when the round began.
    end: i64,
    /// The last known committed offset of the group.
    committed: Option<i64>,
}

impl Goal {
    /// Whether to check for transaction markers only between the committed offset and the end.
    fn may_be_drained(&self, committed: Option<i64>) -> bool {
        self.committed == committed || self.end - committed.unwrap_or(0) <= MARKERS
    }
}

/// Follows the group until it has caught up.
#[derive(Default)]
pub(crate) struct CatchUp {
    /// The current round; `None` after the last one.
    round: Option<Round>,
    goals: Option<Goals>,
    /// The goals before the last look.
    before: Goals,
    /// The number of looks without progress.
    still: u32,
}

impl CatchUp {
    /// Begins with the current ends of the topics.
    pub(crate) fn begin(&mut self) {
        *self = Self { round: Some(Round::Input), ..Self::default() };
    }

    /// Whether all rounds are done.
    pub(crate) fn is_done(&self) -> bool {
        self.round.is_none()
    }
}

impl<E: Display> Driver<E> {
    /// Follows the group's progress. Questions without an answer are asked again at the next look.
    pub(crate) fn follow_catching_up(&mut self) -> Outcome<E> {
        if self.catch_up.is_done() {
            return Ok(None);
        }
        let Some(goals) = &self.catch_up.goals else {
            return self.ask(Action::ListPartitions, Pending::Partitions);
        };
        if goals.is_empty() {
            self.end_look();
            return Ok(None);
        }
        let partitions = goals.keys().cloned().collect();
        self.ask(Action::FetchLatestCommitted(partitions), Pending::CommittedOfGoals)
    }

    /// Takes the list of all partitions. A round follows those that the group reads; others would never be read to their ends.
    pub(crate) fn goals_listed(&mut self, partitions: Option<Vec<TopicPartition>>) {
        let Some(partitions) = partitions else {
            self.report(Event::Unanswered { what: "which partitions there are" });
            return;
        };
        let Some(round) = self.catch_up.round else { return };
        let kinds = &self.settings.kinds;
        let is_wanted = |TopicPartition { topic, partition }: &TopicPartition| {
            let is_states = *partition < self.settings.partitions;
            match round {
                Round::Input => match kinds(topic) {
                    TopicKind::Input => is_states,
                    TopicKind::Conversation(_) => true,
                    // Nothing waits for agents' states.
                    TopicKind::AgentStates | TopicKind::Erasures | TopicKind::Other => false,
                },
                Round::FirstHop | Round::SecondHop => *topic == self.input_topics.repartition && is_states,
            }
        };
        let wanted = partitions.into_iter().filter(is_wanted).collect();
        self.do_first([Job::MeasureGoals(wanted)]);
    }

    pub(crate) fn measure_goals(&mut self, partitions: Vec<TopicPartition>) -> Outcome<E> {
        if partitions.is_empty() {
            self.goals_measured(&[], &BTreeMap::new());
            return Ok(None);
        }
        self.ask(Action::FetchEnds(partitions.clone()), Pending::EndsOfGoals(partitions))
    }

    pub(crate) fn goals_measured(&mut self, asked: &[TopicPartition], ends: &BTreeMap<TopicPartition, i64>) {
        if asked.iter().any(|partition| !ends.contains_key(partition)) {
            self.report(Event::Unanswered { what: "where partitions end" });
            return;
        }
        let goals =
            ends.iter().map(|(partition, end)| (partition.clone(), Goal { end: *end, committed: None }));
        self.catch_up.goals = Some(goals.collect());
        self.do_first([Job::CatchUp]);
    }

    /// Drops the goals that are reached, and checks the others for records that remain.
    pub(crate) fn goals_committed(&mut self, offsets: Option<GroupOffsets>) {
        let Some(goals) = &mut self.catch_up.goals else { return };
        self.catch_up.before.clone_from(goals);
        if offsets.is_none() {
            self.events.push_back(Event::Unanswered { what: "committed offsets" });
        }
        let mut ranges = Vec::new();
        for (partition, committed) in offsets.unwrap_or_default() {
            let committed = committed.map(|offset| offset.next);
            let Some(goal) = goals.get_mut(&partition) else { continue };
            if committed.unwrap_or(0) >= goal.end {
                goals.remove(&partition);
                continue;
            }
            if goal.may_be_drained(committed) && ranges.len() < LOOKED_AT_MAX {
                ranges.push(Range { partition, from: committed, to: goal.end });
            }
            goal.committed = committed;
        }
        if ranges.is_empty() {
            self.end_look();
        } else {
            self.do_first([Job::FindDrained(ranges)]);
        }
    }

    pub(crate) fn goals_drained(&mut self, drained: &[TopicPartition]) {
        if let Some(goals) = &mut self.catch_up.goals {
            goals.retain(|partition, _| !drained.contains(partition));
        }
        self.end_look();
    }

    /// Goes on to the next round when all goals of this one are reached.
    fn end_look(&mut self) {
        let CatchUp { round, goals, before, still } = &mut self.catch_up;
        if goals.as_ref().is_some_and(Goals::is_empty) {
            *goals = None;
            *still = 0;
            *round = match round {
                Some(Round::Input) => Some(Round::FirstHop),
                Some(Round::FirstHop) => Some(Round::SecondHop),
                Some(Round::SecondHop) | None => None,
            };
            if round.is_some() {
                self.do_first([Job::CatchUp]);
            } else {
                self.report(Event::CaughtUp);
                self.tasks.values_mut().for_each(|task| task.task.caught_up());
            }
            return;
        }
        *still = if goals.as_ref() == Some(before) { *still + 1 } else { 0 };
        if *still > STILL_MAX {
            *goals = None;
            *still = 0;
        }
    }
}
