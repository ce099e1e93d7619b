// SPDX-License-Identifier: Apache-2.0

//! Counts the rows of the view for Prometheus: open conversations by stage, and customers who wait in the listed queues. A row
//! is counted when it comes and when it goes, so a scrape costs nothing.

use std::collections::BTreeMap;

use edge::metrics;

use crate::row::Row;

/// The gauges, and what they are made of.
pub(crate) struct Current {
    gauges: metrics::Current,
    /// For each listed queue in which customers wait, their number by the time at which they came.
    waits: BTreeMap<String, BTreeMap<i64, usize>>,
}

impl Current {
    pub(crate) fn new(gauges: metrics::Current) -> Self {
        Self { gauges, waits: BTreeMap::new() }
    }

    /// A row has come.
    pub(crate) fn enter(&mut self, row: &Row) {
        self.count(row, 1, |waits, since| *waits.entry(since).or_default() += 1);
    }

    /// A row that came has gone.
    pub(crate) fn leave(&mut self, row: &Row) {
        self.count(row, -1, |waits, since| {
            if let Some(count) = waits.get_mut(&since) {
                *count = count.saturating_sub(1);
            }
            waits.retain(|_, count| *count > 0);
        });
    }

    fn count(&mut self, row: &Row, more: i64, change: impl Fn(&mut BTreeMap<i64, usize>, i64)) {
        if !row.is_open() || row.is_private {
            return;
        }
        self.gauges.conversations(row.stage, more);
        for visit in row.queue_visits.iter().filter(|visit| visit.is_customer_waiting) {
            let Some(queue) = &visit.queue else { continue };
            let Some(gauges) = self.gauges.queue(queue) else { continue };
            let waits = self.waits.entry(queue.clone()).or_default();
            change(waits, visit.enqueued_at);
            gauges.set(waits.values().sum(), waits.keys().next().copied());
        }
    }
}
