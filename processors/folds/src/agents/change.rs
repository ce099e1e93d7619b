// SPDX-License-Identifier: Apache-2.0

//! Changes of an agent's state, and the spans between them.

use std::collections::BTreeMap;

use model::{AgentNews, Dimension, Figure};
use serde::{Deserialize, Serialize};

use crate::amounts::{Cell, StoredAmount};

/// Number of stored changes of an agent: the last ones.
pub const CHANGES_MAX: u64 = 1_000;
/// Maximum age of a stored change relative to the last one, in milliseconds.
pub const OLDEST_MS: i64 = 30 * DAY_MS;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A change: time, state and reason. Changes sort by these, absent ones first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) at: i64,
    pub(super) state: Option<Box<str>>,
    pub(super) reason: Option<Box<str>>,
}

impl Change {
    pub(super) fn of(news: &AgentNews<'_>) -> Self {
        Self {
            at: news.at,
            state: news.state.as_deref().map(Box::from),
            reason: news.reason.as_deref().map(Box::from),
        }
    }

    /// Its day, counted from the epoch.
    pub(super) fn day(&self) -> i64 {
        self.at.div_euclid(DAY_MS)
    }

    /// Whether another change was to the same state for the same reason.
    pub(super) fn is_to_the_same(&self, other: &Self) -> bool {
        self.state == other.state && self.reason == other.reason
    }

    /// The figures that time in this state counts in.
    pub(super) fn figures(&self) -> &'static [Figure] {
        match self.state.as_deref() {
            Some("LOGOUT") => &[],
            Some("READY") => &[Figure::LoggedInMs, Figure::ReadyMs],
            Some("NOT_READY") => &[Figure::LoggedInMs, Figure::NotReadyMs],
            Some(_) | None => &[Figure::LoggedInMs],
        }
    }
}

/// Changes of an agent's spans within a commit: figure code, start, end (exclusive), and the difference in their number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spans(BTreeMap<(u8, i64, i64), i64>);

impl Spans {
    /// Inserts a change between two others, if there are any.
    pub(super) fn split(&mut self, before: Option<&Change>, change: &Change, behind: Option<&Change>) {
        if let (Some(before), Some(behind)) = (before, behind) {
            self.enter(before, behind.at, -1);
        }
        if let Some(before) = before {
            self.enter(before, change.at, 1);
        }
        if let Some(behind) = behind {
            self.enter(change, behind.at, 1);
        }
    }

    fn enter(&mut self, change: &Change, until: i64, times: i64) {
        if change.at >= until {
            return;
        }
        for figure in change.figures() {
            let place = (figure.code(), change.at, until);
            let sum = self.0.entry(place).or_default();
            *sum += times;
            if *sum == 0 {
                self.0.remove(&place);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The changes in the format of `metrics`.
    pub(super) fn amounts<'a>(&self, agent_id: &'a str) -> Vec<StoredAmount<'a>> {
        let amount = |(&(figure, from, to), &value): (&(u8, i64, i64), &i64)| StoredAmount {
            dimension: Dimension::Agent.code(),
            id: agent_id,
            cell: Cell::Figure(figure),
            from,
            to: Some(to),
            value,
        };
        self.0.iter().map(amount).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(at: i64, state: &str) -> Change {
        Change { at, state: Some(state.into()), reason: None }
    }

    #[test]
    fn absent_states_and_reasons_come_first() {
        let to = |state: Option<&str>, reason: Option<&str>| Change {
            at: 1,
            state: state.map(Box::from),
            reason: reason.map(Box::from),
        };
        let sorted = [
            to(None, None),
            to(None, Some("a")),
            to(Some("READY"), None),
            to(Some("READY"), Some("")),
            to(Some("READY"), Some("a")),
            change(2, "A"),
        ];
        assert!(sorted.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn a_span_that_is_split_is_taken_back_and_what_cancels_out_is_gone() {
        let (login, ready, logout) = (change(0, "LOGIN"), change(10, "READY"), change(30, "LOGOUT"));
        let mut spans = Spans::default();
        spans.split(None, &login, None);
        assert!(spans.is_empty());
        spans.split(Some(&login), &logout, None);
        spans.split(Some(&login), &ready, Some(&logout));
        let found: Vec<_> = spans.amounts("ann").iter().map(|a| (a.cell, a.from, a.to, a.value)).collect();
        let (logged_in, ready) = (Cell::of(Figure::LoggedInMs), Cell::of(Figure::ReadyMs));
        assert_eq!(
            found,
            [(logged_in, 0, Some(10), 1), (logged_in, 10, Some(30), 1), (ready, 10, Some(30), 1),]
        );
    }

    #[test]
    fn nothing_lies_between_two_changes_of_one_instant_and_nothing_counts_after_a_logout() {
        let mut spans = Spans::default();
        spans.split(Some(&change(5, "READY")), &change(5, "NOT_READY"), None);
        spans.split(Some(&change(1, "LOGOUT")), &change(5, "LOGIN"), None);
        assert!(spans.is_empty());
    }
}
