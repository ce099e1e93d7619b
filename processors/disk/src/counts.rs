// SPDX-License-Identifier: Apache-2.0

//! Counts of what reached the tables.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the stores of a [`Home`](crate::Home) asked of their tables since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Keys that were looked up in the tables and found.
    pub found: u64,
    /// Keys that were looked up in the tables and are not there.
    pub absent: u64,
    /// Scans.
    pub scans: u64,
    /// Scans that opened the tables.
    pub table_scans: u64,
    /// Records written to tables, removals included. Merges, which write records again, are not counted.
    pub written: u64,
    /// Bytes of their keys and values.
    pub written_bytes: u64,
}

/// The same, counted by all stores and threads.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) found: AtomicU64,
    pub(crate) absent: AtomicU64,
    pub(crate) scans: AtomicU64,
    pub(crate) table_scans: AtomicU64,
    pub(crate) written: AtomicU64,
    pub(crate) written_bytes: AtomicU64,
}

impl Counters {
    pub(crate) fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            found: of(&self.found),
            absent: of(&self.absent),
            scans: of(&self.scans),
            table_scans: of(&self.table_scans),
            written: of(&self.written),
            written_bytes: of(&self.written_bytes),
        }
    }
}

pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
