// SPDX-License-Identifier: Apache-2.0

//! Counts queue visits for Prometheus: the current load, service level and waits of the queues that `metrics.prometheus_queues`
//! lists, and of all others together, to limit the number of series. The records have the figures of all queues, by window.
//!
//! Prometheus wants counters that only grow, or it takes a decrease for a restart. A figure can be taken back by a late event,
//! so each counter has a second one of what was taken back, to be subtracted. Both count what conversations contribute, at the
//! commit that changes it, in the partition of the conversation: so they do not depend on where the queue's windows are, on
//! restores, or on rebalances, and a visit that came late counts when it is folded.

use std::collections::BTreeMap;

use engine::{Counter, Notice};
use model::{Dimension, Figure};

use super::changes::{Cells, Changes};
use crate::amounts::Cell;

const ANSWERED_IN_TARGET: &str = "answered_in_target";
const ANSWERED_LATE: &str = "answered_late";
const ABANDONED_IN_TARGET: &str = "abandoned_in_target";
const ABANDONED_LATE: &str = "abandoned_late";
const NO_AGENT: &str = "no_agent";
const CANCELLED: &str = "cancelled";
const ANSWERED: &str = "answered";
const ABANDONED: &str = "abandoned";
const OTHER: &str = "other";

/// The outcomes of a visit.
const OUTCOMES: &[&str] =
    &[ANSWERED_IN_TARGET, ANSWERED_LATE, ABANDONED_IN_TARGET, ABANDONED_LATE, NO_AGENT, CANCELLED];
/// The outcomes of waits.
const WAIT_OUTCOMES: &[&str] = &[ANSWERED, ABANDONED, OTHER];
const QUEUE: &[&str; 1] = &["queue"];
const QUEUE_AND_OUTCOME: &[&str; 2] = &["queue", "outcome"];

/// A counter, and that of what was taken back.
#[derive(Clone, Copy)]
struct Pair(&'static Counter, &'static Counter);

/// Visits that began.
pub static OFFERED: Counter = Counter::new(
    "cx_timelines_queue_visits_offered_total",
    "Visits of queues that began, by listed queue; an empty queue is all others together.",
)
.by_listed(QUEUE);
/// Visits that were counted as begun, and have not.
pub static OFFERED_TAKEN_BACK: Counter = Counter::new(
    "cx_timelines_queue_visits_offered_taken_back_total",
    "Queue visits counted as offered that a late event revoked; to be subtracted.",
)
.by_listed(QUEUE);
/// Visits that ended.
pub static ENDED: Counter = Counter::new(
    "cx_timelines_queue_visits_total",
    "Visits of queues that ended, by listed queue and by how they ended; an empty queue is all others together.",
)
.by_listed_and(QUEUE_AND_OUTCOME, OUTCOMES);
/// Visits that were counted as ended, and have not: a late event has changed their conversation.
pub static TAKEN_BACK: Counter = Counter::new(
    "cx_timelines_queue_visits_taken_back_total",
    "Queue visits counted with an outcome that a late event revoked; to be subtracted.",
)
.by_listed_and(QUEUE_AND_OUTCOME, OUTCOMES);
/// Waits of the visits that ended.
pub static WAITED: Counter = Counter::new(
    "cx_timelines_queue_wait_seconds_total",
    "Waits of the queue visits that ended, by listed queue and outcome; an empty queue is all others together.",
)
.by_listed_and(QUEUE_AND_OUTCOME, WAIT_OUTCOMES)
.in_milliseconds();
/// Waits that a late event has taken back.
pub static WAITED_TAKEN_BACK: Counter = Counter::new(
    "cx_timelines_queue_wait_taken_back_seconds_total",
    "Waits counted with an outcome that a late event revoked; to be subtracted.",
)
.by_listed_and(QUEUE_AND_OUTCOME, WAIT_OUTCOMES)
.in_milliseconds();

/// All counters of visits.
pub(super) const COUNTERS: [&Counter; 6] =
    [&OFFERED, &OFFERED_TAKEN_BACK, &ENDED, &TAKEN_BACK, &WAITED, &WAITED_TAKEN_BACK];

/// The queues that have series of their own, each with its place in the list.
pub(super) type Listed = BTreeMap<String, u16>;

/// The queues by name; what is beyond the greatest place has no series of its own.
pub(super) fn listed(queues: &[String]) -> Listed {
    queues.iter().cloned().zip(0..u16::MAX).collect()
}

/// Tells how many visits began, ended and waited for how long, and how much of that is taken back.
pub(super) fn count(changes: &Changes, listed: &Listed, mut tell: impl FnMut(Notice, u64)) {
    for ((dimension, queue), change) in &changes.subjects {
        if *dimension != Dimension::Queue.code() {
            continue;
        }
        let place = listed.get(queue).copied();
        for cells in change.at_instants() {
            for (Pair(counted, taken_back), value, amount) in of_cells(cells) {
                let counter = if amount > 0 { counted } else { taken_back };
                let notice = match place {
                    Some(place) => Notice::CountedOf(counter, place, value),
                    None => Notice::Counted(counter, value),
                };
                tell(notice, amount.unsigned_abs());
            }
        }
    }
}

/// What the changes of a queue's figures add to its counters.
fn of_cells(cells: &Cells) -> [(Pair, &'static str, i64); 10] {
    let of = |figure: Figure| cells.get(&Cell::of(figure)).copied().unwrap_or(0);
    let offered = Pair(&OFFERED, &OFFERED_TAKEN_BACK);
    let ended = Pair(&ENDED, &TAKEN_BACK);
    let waited = Pair(&WAITED, &WAITED_TAKEN_BACK);
    let late = |all: Figure, in_target: Figure| of(all).saturating_sub(of(in_target));
    let (answered_ms, abandoned_ms) = (of(Figure::AnsweredWaitMs), of(Figure::AbandonedWaitMs));
    let other_ms = of(Figure::WaitMs).saturating_sub(answered_ms).saturating_sub(abandoned_ms);
    [
        (offered, "", of(Figure::Offered)),
        (ended, ANSWERED_IN_TARGET, of(Figure::AnsweredInTarget)),
        (ended, ANSWERED_LATE, late(Figure::Answered, Figure::AnsweredInTarget)),
        (ended, ABANDONED_IN_TARGET, of(Figure::AbandonedInTarget)),
        (ended, ABANDONED_LATE, late(Figure::Abandoned, Figure::AbandonedInTarget)),
        (ended, NO_AGENT, of(Figure::NoAgent)),
        (ended, CANCELLED, of(Figure::Cancelled)),
        (waited, ANSWERED, answered_ms),
        (waited, ABANDONED, abandoned_ms),
        (waited, OTHER, other_ms),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amounts::StoredAmount;
    use crate::metrics::grid::fixed;

    fn amount(id: &'static str, figure: Figure, value: i64) -> StoredAmount<'static> {
        let dimension = if id == "ann" { Dimension::Agent } else { Dimension::Queue };
        StoredAmount { dimension: dimension.code(), id, cell: Cell::of(figure), from: 5, to: None, value }
    }

    fn counted(amounts: &[StoredAmount<'_>], queues: &[&str]) -> Vec<(Notice, u64)> {
        let mut changes = Changes::default();
        amounts.iter().for_each(|amount| changes.add(amount, &fixed(&[100, 1_000]), 1_000));
        changes.drop_zeros();
        let queues: Vec<String> = queues.iter().map(|queue| (*queue).to_owned()).collect();
        let mut counted = Vec::new();
        count(&changes, &listed(&queues), |notice, count| counted.push((notice, count)));
        counted.retain(|(_, count)| *count > 0);
        counted
    }

    #[test]
    fn an_answer_is_in_time_or_late_and_counts_once_whatever_sizes_windows_have() {
        let changes = [
            amount("web", Figure::Answered, 5),
            amount("web", Figure::AnsweredInTarget, 3),
            amount("web", Figure::Abandoned, 3),
            amount("web", Figure::AbandonedInTarget, 1),
            amount("voice", Figure::Answered, 1),
            amount("voice", Figure::NoAgent, 2),
            amount("voice", Figure::Cancelled, 4),
            amount("voice", Figure::Ronas, 9),
        ];
        let ended = |outcome, count| (Notice::Counted(&ENDED, outcome), count);
        assert_eq!(
            counted(&changes, &[]),
            [
                ended(ANSWERED_LATE, 1),
                ended(NO_AGENT, 2),
                ended(CANCELLED, 4),
                ended(ANSWERED_IN_TARGET, 3),
                ended(ANSWERED_LATE, 2),
                ended(ABANDONED_IN_TARGET, 1),
                ended(ABANDONED_LATE, 2),
            ]
        );
    }

    #[test]
    fn a_listed_queue_is_counted_on_its_own_and_the_others_together() {
        let changes = [
            amount("voice", Figure::Offered, 2),
            amount("web", Figure::Offered, 3),
            amount("mail", Figure::Offered, 4),
        ];
        let expected = [
            (Notice::Counted(&OFFERED, ""), 4),
            (Notice::CountedOf(&OFFERED, 1, ""), 2),
            (Notice::CountedOf(&OFFERED, 0, ""), 3),
        ];
        assert_eq!(counted(&changes, &["web", "voice"]), expected);
    }

    #[test]
    fn waits_are_those_of_the_answered_the_abandoned_and_the_rest() {
        let changes = [
            amount("web", Figure::WaitMs, 70),
            amount("web", Figure::AnsweredWaitMs, 40),
            amount("web", Figure::AbandonedWaitMs, 20),
        ];
        let waited = |outcome, ms| (Notice::Counted(&WAITED, outcome), ms);
        assert_eq!(counted(&changes, &[]), [waited(ANSWERED, 40), waited(ABANDONED, 20), waited(OTHER, 10)]);
    }

    #[test]
    fn what_a_late_event_changes_is_taken_back_and_counted_again() {
        let changes = [
            amount("web", Figure::AnsweredInTarget, -1),
            amount("web", Figure::WaitMs, 500),
            amount("web", Figure::AnsweredWaitMs, 500),
            amount("voice", Figure::Offered, -1),
            amount("voice", Figure::WaitMs, -10),
        ];
        assert_eq!(
            counted(&changes, &["voice"]),
            [
                (Notice::CountedOf(&OFFERED_TAKEN_BACK, 0, ""), 1),
                (Notice::CountedOf(&WAITED_TAKEN_BACK, 0, OTHER), 10),
                (Notice::Counted(&TAKEN_BACK, ANSWERED_IN_TARGET), 1),
                (Notice::Counted(&ENDED, ANSWERED_LATE), 1),
                (Notice::Counted(&WAITED, ANSWERED), 500),
            ]
        );
    }

    #[test]
    fn what_agents_do_is_no_visit() {
        assert_eq!(counted(&[amount("ann", Figure::Answered, 1)], &["ann"]), []);
    }
}
