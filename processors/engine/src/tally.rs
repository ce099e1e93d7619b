// SPDX-License-Identifier: Apache-2.0

//! Counts of a task, reported to the metrics only after the commit, so that a retry counts nothing twice.

use std::collections::BTreeMap;

use model::Reason;

use crate::counter::Counter;

/// Outcome of an input record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventClass {
    /// Created or completed an activity.
    Primary,
    /// Changed an activity, or waits for it.
    Relation,
    /// A fact of the conversation.
    Fact,
    /// Known already; changed nothing.
    Duplicate,
    /// Waits until its conversation is known (contract section 7).
    Held,
    /// A null value.
    Tombstone,
    /// Became a dead letter.
    Invalid,
    /// Was in another partition than its key's, or had only a session; counted again, by its outcome, in its own partition.
    Moved,
    /// An erasure request.
    Erasure,
    /// A signal, which only the audit records.
    Signal,
    /// An agent's state.
    AgentState,
}

/// A notice to the operator, besides the outcomes of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// An invariant was violated (`cx_timelines_invariant_violations_total`): a bug, or corrupt state.
    Violation(&'static str),
    /// An event whose id another conversation also has (contract section 7). In the same partition it becomes a dead letter.
    EventIdConflict,
    /// A counter of a processor with the value of its last label; empty if it has none.
    Counted(&'static Counter, &'static str),
    /// The same with a value of its first label: its place in the list of the configuration.
    CountedOf(&'static Counter, u16, &'static str),
}

impl From<&'static Counter> for Notice {
    fn from(counter: &'static Counter) -> Self {
        Notice::Counted(counter, "")
    }
}

impl EventClass {
    /// All classes, in the order of their index.
    pub const ALL: [EventClass; 11] = [
        EventClass::Primary,
        EventClass::Relation,
        EventClass::Fact,
        EventClass::Duplicate,
        EventClass::Held,
        EventClass::Tombstone,
        EventClass::Invalid,
        EventClass::Moved,
        EventClass::Erasure,
        EventClass::Signal,
        EventClass::AgentState,
    ];

    /// Name in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EventClass::Primary => "primary",
            EventClass::Relation => "relation",
            EventClass::Fact => "fact",
            EventClass::Duplicate => "duplicate",
            EventClass::Held => "held",
            EventClass::Tombstone => "tombstone",
            EventClass::Invalid => "invalid",
            EventClass::Moved => "moved",
            EventClass::Erasure => "erasure",
            EventClass::Signal => "signal",
            EventClass::AgentState => "agent-state",
        }
    }
}

/// Counts since the last commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    events: [u64; EventClass::ALL.len()],
    dead_letters: Vec<(Reason, u64)>,
    notices: BTreeMap<Notice, u64>,
    /// Records emitted by topic, by the topic's index in the topology.
    outputs: Vec<u64>,
    /// Kafka timestamps of the records taken, in epoch milliseconds (for end-to-end latency), at most
    /// [`Tally::TIMESTAMPS_MAX`] of them.
    pub timestamps_ms: Vec<i64>,
}

impl Tally {
    /// Number of timestamps kept for one commit: a sample is enough for a histogram, and it limits the memory.
    pub const TIMESTAMPS_MAX: usize = 1024;

    pub(crate) fn event(&mut self, class: EventClass) {
        if let Some(count) = self.events.get_mut(class as usize) {
            *count += 1;
        }
    }

    pub(crate) fn dead_letter(&mut self, reason: Reason) {
        match self.dead_letters.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => self.dead_letters.push((reason, 1)),
        }
    }

    pub(crate) fn notice(&mut self, notice: Notice, count: u64) {
        *self.notices.entry(notice).or_default() += count;
    }

    pub(crate) fn output(&mut self, topic: usize) {
        if self.outputs.len() <= topic {
            self.outputs.resize(topic + 1, 0);
        }
        if let Some(count) = self.outputs.get_mut(topic) {
            *count += 1;
        }
    }

    pub(crate) fn timestamp(&mut self, ms: Option<i64>) {
        if let Some(ms) = ms
            && self.timestamps_ms.len() < Self::TIMESTAMPS_MAX
        {
            self.timestamps_ms.push(ms);
        }
    }

    /// Records taken, by outcome.
    pub fn events(&self) -> impl Iterator<Item = (EventClass, u64)> {
        EventClass::ALL.into_iter().zip(self.events)
    }

    /// Dead letters by reason.
    #[must_use]
    pub fn dead_letters(&self) -> &[(Reason, u64)] {
        &self.dead_letters
    }

    /// Other notices and their number.
    pub fn notices(&self) -> impl Iterator<Item = (Notice, u64)> {
        self.notices.iter().map(|(notice, count)| (*notice, *count))
    }

    /// Records emitted, as (index of the topic in the topology, count).
    pub fn outputs(&self) -> impl Iterator<Item = (usize, u64)> {
        self.outputs.iter().copied().enumerate()
    }
}
