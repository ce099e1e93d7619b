// SPDX-License-Identifier: Apache-2.0

//! Invariant of queues: what was offered has been answered, was abandoned, refused or cancelled, or is open.
//!
//! It is checked at each change of a conversation, by comparing what changes: the contributions to a queue's figures, as the
//! ledger has them, and the visits that are open, as the scan has them. Both begin with none, so while every change conserves
//! them, the sums over all conversations do. `metrics` checks that each contribution is in one window of every size; together
//! these are the invariant of each queue and size, without a state of its own.

use std::collections::BTreeMap;

use model::Figure;

use super::ledger::Ledger;
use crate::scan::Scan;

/// The customers' open visits of a conversation, by queue.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct OpenVisits(BTreeMap<Box<str>, i64>);

impl OpenVisits {
    /// Those after a scan; a conversation among agents has none.
    pub(super) fn of(scan: &Scan) -> Self {
        let mut open = Self::default();
        if !scan.is_private() {
            scan.waiting().filter_map(|(_, queue)| queue).for_each(|queue| open.add(queue, 1));
        }
        open
    }

    fn add(&mut self, queue: &str, count: i64) {
        match self.0.get_mut(queue) {
            Some(sum) => *sum += count,
            None => drop(self.0.insert(queue.into(), count)),
        }
    }
}

/// Whether queues are offered as many visits more as have ended, or are open now and were not.
pub(super) fn is_conserved(was: &OpenVisits, is: &OpenVisits, ledger: &Ledger) -> bool {
    let mut balance = is.clone();
    was.0.iter().for_each(|(queue, count)| balance.add(queue, -count));
    for (queue, figure, change) in ledger.of_queues() {
        match figure {
            Figure::Offered => balance.add(queue, -change),
            Figure::Answered | Figure::Abandoned | Figure::NoAgent | Figure::Cancelled => {
                balance.add(queue, change);
            }
            _ => {}
        }
    }
    balance.0.values().all(|rest| *rest == 0)
}

#[cfg(test)]
mod tests {
    use super::super::ledger::Sight;
    use super::*;
    use crate::scan::Amount;
    use model::Dimension;

    fn open(queues: &[&str]) -> OpenVisits {
        let mut open = OpenVisits::default();
        queues.iter().for_each(|queue| open.add(queue, 1));
        open
    }

    fn ledger(amounts: &[(&str, Figure, Sight)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (queue, figure, sight) in amounts {
            ledger.enter(&Amount::at(Dimension::Queue, queue, *figure, 5, 1), *sight);
        }
        ledger
    }

    #[test]
    fn what_is_offered_is_open_or_has_ended() {
        let offered = ("web", Figure::Offered, Sight::Is);
        assert!(is_conserved(&open(&[]), &open(&["web"]), &ledger(&[offered])));
        for end in [Figure::Answered, Figure::Abandoned, Figure::NoAgent, Figure::Cancelled] {
            assert!(is_conserved(&open(&[]), &open(&[]), &ledger(&[offered, ("web", end, Sight::Is)])));
            assert!(is_conserved(
                &open(&["web", "mail"]),
                &open(&["mail"]),
                &ledger(&[("web", end, Sight::Is)])
            ));
        }
        assert!(is_conserved(
            &open(&["web"]),
            &open(&["web"]),
            &ledger(&[("web", Figure::Ronas, Sight::Is)])
        ));
    }

    #[test]
    fn a_visit_that_moves_to_another_queue_is_taken_back_of_the_first() {
        let moved = [("web", Figure::Offered, Sight::Was), ("mail", Figure::Offered, Sight::Is)];
        assert!(is_conserved(&open(&["web"]), &open(&["mail"]), &ledger(&moved)));
        assert!(!is_conserved(&open(&["web"]), &open(&["mail"]), &ledger(&moved[1..])));
    }

    #[test]
    fn a_visit_that_is_lost_or_counted_twice_is_found() {
        let offered = ("web", Figure::Offered, Sight::Is);
        let answered = ("web", Figure::Answered, Sight::Is);
        for (was, is, amounts) in [
            (open(&[]), open(&[]), vec![offered]),
            (open(&[]), open(&["web"]), vec![]),
            (open(&["web"]), open(&[]), vec![]),
            (open(&["web"]), open(&["web"]), vec![answered]),
            (open(&["web"]), open(&[]), vec![answered, ("web", Figure::Abandoned, Sight::Is)]),
            (open(&["web"]), open(&[]), vec![("mail", Figure::Answered, Sight::Is)]),
        ] {
            assert!(!is_conserved(&was, &is, &ledger(&amounts)), "{was:?} {is:?} {amounts:?}");
        }
    }
}
