//! Counts ended queue visits for monitoring of the current service level: over all queues, to limit the number of series. The
//! records have the figures by queue and by window.

use engine::{Counter, Notice};
use model::{Dimension, Figure};

use super::changes::Changes;
use crate::amounts::Cell;

const IN_TARGET: &str = "answered_in_target";
const LATE: &str = "answered_late";
const ABANDONED: &str = "abandoned";
const NO_AGENT: &str = "no_agent";
const CANCELLED: &str = "cancelled";

/// The outcomes of a visit.
const OUTCOMES: &[&str] = &[IN_TARGET, LATE, ABANDONED, NO_AGENT, CANCELLED];

/// Visits that ended.
pub static ENDED: Counter = Counter::new(
    "cx_timelines_queue_visits_total",
    "Visits of queues that ended, by how they ended, over all queues.",
)
.by(&["outcome"], OUTCOMES);
/// Visits that were counted as ended, and have not: a late event has changed their conversation.
pub static TAKEN_BACK: Counter = Counter::new(
    "cx_timelines_queue_visits_taken_back_total",
    "Queue visits counted with an outcome that a late event revoked; to be subtracted.",
)
.by(&["outcome"], OUTCOMES);

/// Tells how many visits ended in which way, and of how many that is taken back.
pub(super) fn count(changes: &Changes, mut tell: impl FnMut(Notice, u64)) {
    let queues = changes.subjects.iter().filter(|((dimension, _), _)| *dimension == Dimension::Queue.code());
    for cells in queues.flat_map(|(_, change)| change.at_instants()) {
        let of = |figure: Figure| cells.get(&Cell::of(figure)).copied().unwrap_or(0);
        let in_target = of(Figure::AnsweredInTarget);
        for (outcome, change) in [
            (IN_TARGET, in_target),
            (LATE, of(Figure::Answered).saturating_sub(in_target)),
            (ABANDONED, of(Figure::Abandoned)),
            (NO_AGENT, of(Figure::NoAgent)),
            (CANCELLED, of(Figure::Cancelled)),
        ] {
            let counter = if change > 0 { &ENDED } else { &TAKEN_BACK };
            tell(Notice::Counted(counter, outcome), change.unsigned_abs());
        }
    }
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

    fn counted(amounts: &[StoredAmount<'_>]) -> Vec<(Notice, u64)> {
        let mut changes = Changes::default();
        amounts.iter().for_each(|amount| changes.add(amount, &fixed(&[100, 1_000]), 1_000));
        changes.drop_zeros();
        let mut counted = Vec::new();
        count(&changes, |notice, count| counted.push((notice, count)));
        counted.retain(|(_, count)| *count > 0);
        counted
    }

    #[test]
    fn an_answer_is_in_time_or_late_and_counts_once_whatever_sizes_windows_have() {
        let changes = [
            amount("web", Figure::Answered, 5),
            amount("web", Figure::AnsweredInTarget, 3),
            amount("web", Figure::Abandoned, 1),
            amount("voice", Figure::Answered, 1),
            amount("voice", Figure::NoAgent, 2),
            amount("voice", Figure::Cancelled, 4),
            amount("voice", Figure::WaitMs, 70_000),
        ];
        let ended = |outcome, count| (Notice::Counted(&ENDED, outcome), count);
        assert_eq!(
            counted(&changes),
            [
                ended(LATE, 1),
                ended(NO_AGENT, 2),
                ended(CANCELLED, 4),
                ended(IN_TARGET, 3),
                ended(LATE, 2),
                ended(ABANDONED, 1),
            ]
        );
    }

    #[test]
    fn an_answer_that_turns_out_to_be_late_is_taken_back_and_counted_anew() {
        assert_eq!(
            counted(&[amount("web", Figure::AnsweredInTarget, -1)]),
            [(Notice::Counted(&TAKEN_BACK, IN_TARGET), 1), (Notice::Counted(&ENDED, LATE), 1)]
        );
    }

    #[test]
    fn what_agents_do_is_no_visit() {
        assert_eq!(counted(&[amount("ann", Figure::Answered, 1)]), []);
    }
}
