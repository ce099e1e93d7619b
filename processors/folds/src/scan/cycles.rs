// SPDX-License-Identifier: Apache-2.0

//! Cycles: from each opening of a conversation to the next close.

use model::{Cycle, Outcome, VisitOutcome};
use serde::{Deserialize, Serialize};

/// All cycles, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cycles {
    list: Vec<StoredCycle>,
    /// What has happened in the current cycle; `None` while the conversation is closed.
    open: Option<Happened>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredCycle {
    started_at: i64,
    /// When and how it was closed: the code of an [`Outcome`].
    closed: Option<(i64, u8)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Happened {
    /// An agent served or answered the customer.
    is_handled: bool,
    /// The customer was queued.
    is_queued: bool,
    /// Of the customer's visits, the one that ended last ended without an agent.
    has_no_agent: bool,
}

impl Cycles {
    /// The conversation opens; `false`: it is open.
    pub(super) fn begin(&mut self, at: i64) -> bool {
        let opens = self.open.is_none();
        if opens {
            self.list.push(StoredCycle { started_at: at, closed: None });
            self.open = Some(Happened::default());
        }
        opens
    }

    /// Starts the conversation with its first event.
    pub(super) fn begin_first(&mut self, at: i64) {
        if self.list.is_empty() {
            self.begin(at);
        }
    }

    /// Closes the conversation; returns how its cycle ended.
    pub(super) fn close(&mut self, at: i64) -> Option<Outcome> {
        let happened = self.open.take()?;
        let outcome = match happened {
            Happened { is_handled: true, .. } => Outcome::Handled,
            Happened { is_queued: false, .. } => Outcome::Contained,
            Happened { has_no_agent: true, .. } => Outcome::NoAgent,
            Happened { .. } => Outcome::Abandoned,
        };
        if let Some(cycle) = self.list.last_mut() {
            cycle.closed = Some((at, outcome.code()));
        }
        Some(outcome)
    }

    /// The number of the current cycle.
    pub(super) fn current(&self) -> Option<u64> {
        self.open.as_ref().map(|_| self.list.len() as u64)
    }

    /// Records that an agent serves.
    pub(super) fn serve(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_handled = true;
        }
    }

    /// Records that the customer is queued.
    pub(super) fn queue(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_queued = true;
        }
    }

    /// Records the end of a customer's visit that was opened in this cycle.
    pub(super) fn visit_ended(&mut self, opened_in: Option<u64>, outcome: VisitOutcome) {
        let is_of_this = opened_in.is_some() && opened_in == self.current();
        let Some(open) = &mut self.open else { return };
        open.is_handled |= outcome == VisitOutcome::Answered;
        if is_of_this {
            open.has_no_agent = outcome == VisitOutcome::NoAgent;
        }
    }

    /// When each but the first began.
    pub(super) fn reopened(&self) -> impl Iterator<Item = i64> {
        self.list.iter().skip(1).map(|cycle| cycle.started_at)
    }

    /// The closed cycles: when and how.
    pub(super) fn closed(&self) -> impl Iterator<Item = (i64, Outcome)> {
        self.list.iter().filter_map(|cycle| {
            let (at, outcome) = cycle.closed?;
            Some((at, Outcome::from_code(outcome)?))
        })
    }

    /// When and how the conversation was closed; `None` while it is open.
    pub(super) fn last_closed(&self) -> Option<(i64, Outcome)> {
        let (at, outcome) = self.list.last()?.closed?;
        Some((at, Outcome::from_code(outcome)?))
    }

    /// Number of cycles.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// All cycles but the first `skipped` ones.
    pub(super) fn shown(&self, skipped: usize) -> Vec<Cycle> {
        let shown = self.list.iter().skip(skipped).map(|cycle| Cycle {
            started_at: cycle.started_at,
            closed_at: cycle.closed.map(|(at, _)| at),
            outcome: cycle.closed.and_then(|(_, outcome)| Outcome::from_code(outcome)),
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome_of(happen: impl Fn(&mut Cycles)) -> Option<Outcome> {
        let mut cycles = Cycles::default();
        cycles.begin_first(1);
        happen(&mut cycles);
        cycles.close(9)
    }

    #[test]
    fn a_cycle_ends_by_what_happened_in_it() {
        assert_eq!(outcome_of(|_| ()), Some(Outcome::Contained));
        assert_eq!(outcome_of(Cycles::queue), Some(Outcome::Abandoned));
        assert_eq!(outcome_of(Cycles::serve), Some(Outcome::Handled));
        let without_agent = |cycles: &mut Cycles| {
            cycles.queue();
            cycles.visit_ended(Some(1), VisitOutcome::NoAgent);
        };
        assert_eq!(outcome_of(without_agent), Some(Outcome::NoAgent));
        assert_eq!(
            outcome_of(|cycles| {
                without_agent(cycles);
                cycles.visit_ended(Some(1), VisitOutcome::Abandoned);
            }),
            Some(Outcome::Abandoned)
        );
    }

    #[test]
    fn what_comes_while_it_is_closed_belongs_to_no_cycle() {
        let mut cycles = Cycles::default();
        cycles.begin_first(1);
        cycles.close(2);
        cycles.serve();
        cycles.begin_first(3);
        assert_eq!((cycles.current(), cycles.close(4), cycles.count()), (None, None, 1));
        cycles.begin(5);
        cycles.visit_ended(Some(1), VisitOutcome::NoAgent);
        assert_eq!(cycles.close(6), Some(Outcome::Contained));
        assert_eq!(cycles.closed().count(), 2);
    }
}
