// SPDX-License-Identifier: Apache-2.0

//! Limits the work of one commit that no record causes: expiry, forgetting and erasure (contract section 9).
//!
//! The amount of such work depends on the past: eight thousand conversations that close on one day result in a million
//! deletions. One transaction with all of them would exceed the memory and the transaction timeout. Each commit therefore has a
//! budget shared by all processors; the rest follows in the next commit.

/// The remaining budget of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    records: usize,
    bytes: usize,
    was_short: bool,
}

impl Budget {
    /// Default number of records: of the changelog, outputs, repartition topic and dead letters together.
    pub const RECORDS: usize = 20_000;
    /// Default size of their keys and values in bytes.
    pub const BYTES: usize = 8 << 20;

    /// A budget of this many records, and of this many bytes of their keys and values.
    #[must_use]
    pub fn new(records: usize, bytes: usize) -> Self {
        Self { records, bytes, was_short: false }
    }

    /// An unlimited budget: for work caused by records, which is limited when they are taken.
    pub(crate) fn unbounded() -> Self {
        Self::new(usize::MAX, usize::MAX)
    }

    /// Whether any budget is left. The last item may exceed it, so every commit makes progress, however small the budget is.
    pub fn has_any(&mut self) -> bool {
        let has_any = self.records > 0 && self.bytes > 0;
        self.was_short |= !has_any;
        has_any
    }

    /// Records that work is left, whatever the remaining budget.
    pub(crate) fn put_off(&mut self) {
        self.was_short = true;
    }

    /// The remaining number of records.
    pub(crate) fn records(&self) -> usize {
        self.records
    }

    /// Records that this many bytes were read.
    pub(crate) fn look(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Records that a record of this size was written.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Takes one of `parts` equal parts out of it.
    #[must_use]
    pub fn share(&mut self, parts: usize) -> Self {
        let share = |whole: usize| (whole / parts.max(1)).max(usize::from(whole > 0));
        let taken = Self::new(share(self.records), share(self.bytes));
        self.records -= taken.records;
        self.bytes -= taken.bytes;
        taken
    }

    /// Returns the rest of a part.
    pub fn give_back(&mut self, part: &Self) {
        self.records = self.records.saturating_add(part.records);
        self.bytes = self.bytes.saturating_add(part.bytes);
        self.was_short |= part.was_short;
    }

    /// Whether any processor had more work than the budget allowed.
    pub(crate) fn was_short(&self) -> bool {
        self.was_short
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Self::RECORDS, Self::BYTES)
    }
}

/// Size of a worker's transactions. After a failed transaction the size is halved, because it may be the cause; after each
/// commit it may grow again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Number of times that the size was halved.
    halvings: u32,
    /// Maximum number of input records; `None` is unlimited.
    records_max: Option<usize>,
}

/// After this many halvings, a budget of 20,000 records is 19.
const HALVINGS_MAX: u32 = 10;

impl Effort {
    /// Records a failed transaction with this number of input records.
    pub fn failed(&mut self, records: usize) {
        self.halvings = (self.halvings + 1).min(HALVINGS_MAX);
        let so_far = self.records_max.unwrap_or(usize::MAX);
        // A transaction without input records says nothing about their number.
        let half = (so_far.min(records) / 2).max(1);
        self.records_max = Some(half).filter(|_| records > 0).or(self.records_max);
    }

    /// Records a committed transaction.
    pub fn succeeded(&mut self) {
        self.halvings = self.halvings.saturating_sub(1);
        self.records_max = self.records_max.map(|max| max.saturating_mul(2)).filter(|_| self.halvings > 0);
    }

    /// Whether this number of input records fills a transaction.
    #[must_use]
    pub fn is_enough(&self, records: usize) -> bool {
        self.records_max.is_some_and(|max| records >= max)
    }

    /// The part of a byte limit that may be staged for one transaction.
    #[must_use]
    pub fn bytes(&self, max: usize) -> usize {
        (max >> self.halvings).max(1)
    }

    /// The budget of the next transaction, given the full one.
    #[must_use]
    pub fn budget(&self, full: &Budget) -> Budget {
        Budget::new((full.records >> self.halvings).max(1), (full.bytes >> self.halvings).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_over_when_its_records_or_its_bytes_are() {
        let mut budget = Budget::new(2, 100);
        assert!(budget.has_any() && !budget.was_short());
        budget.spend(10);
        assert!(budget.has_any());
        budget.spend(10);
        assert!(!budget.has_any() && budget.was_short());
        let mut budget = Budget::new(10, 5);
        budget.spend(6);
        assert!(!budget.has_any());
    }

    #[test]
    fn a_share_is_taken_out_and_what_is_left_of_it_comes_back() {
        let mut budget = Budget::new(10, 100);
        let mut part = budget.share(4);
        assert_eq!((&part, &budget), (&Budget::new(2, 25), &Budget::new(8, 75)));
        part.spend(5);
        budget.give_back(&part);
        assert_eq!(budget, Budget::new(9, 95));
        assert_eq!(Budget::new(1, 1).share(9), Budget::new(1, 1), "something can always be done");
    }

    #[test]
    fn what_failed_comes_back_smaller_and_grows_again_with_each_success() {
        let mut effort = Effort::default();
        let full = Budget::new(1000, 4000);
        assert!(!effort.is_enough(1_000_000));
        effort.failed(900);
        assert!(effort.is_enough(450) && !effort.is_enough(449));
        assert_eq!((effort.budget(&full), effort.bytes(64)), (Budget::new(500, 2000), 32));
        effort.failed(450);
        assert!(effort.is_enough(225));
        effort.succeeded();
        assert!(effort.is_enough(450) && !effort.is_enough(449));
        effort.succeeded();
        assert_eq!(effort, Effort::default());
    }

    #[test]
    fn what_keeps_failing_still_takes_one_record_and_does_one_thing() {
        let mut effort = Effort::default();
        for _ in 0..100 {
            effort.failed(7);
        }
        assert!(effort.is_enough(1) && !effort.is_enough(0));
        assert_eq!(effort.budget(&Budget::new(3, 3)), Budget::new(1, 1));
        let mut without_records = Effort::default();
        without_records.failed(0);
        assert!(!without_records.is_enough(1_000_000), "its size did not come of records");
    }
}
