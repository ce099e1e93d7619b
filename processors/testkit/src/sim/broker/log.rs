// SPDX-License-Identifier: Apache-2.0

//! One partition: an append-only log with the records and markers of transactions.

use std::collections::{BTreeMap, BTreeSet};

use super::transactions::{Fates, TransactionId};

/// How many characters of a value a trace shows.
const EXCERPT: usize = 300;

/// A record in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) timestamp_ms: i64,
}

impl Record {
    /// The beginning of the value, for traces.
    pub(crate) fn excerpt(&self) -> String {
        let value = self.value.as_deref().unwrap_or_default();
        let text: String = String::from_utf8_lossy(value).chars().take(EXCERPT).collect();
        text
    }
}

impl engine::HeaderSource for Record {
    fn visit(&self, visit: &mut dyn FnMut(&str, Option<&[u8]>)) {
        for (name, value) in &self.headers {
            visit(name, value.as_deref());
        }
    }
}

struct Entry {
    offset: i64,
    transaction: Option<TransactionId>,
    record: Record,
}

/// A partition. Markers take an offset and are never delivered.
#[derive(Default)]
pub(crate) struct Log {
    entries: Vec<Entry>,
    /// The first offset that was not removed.
    begin: i64,
    end: i64,
    /// The first offset of each transaction without a marker yet.
    open: BTreeMap<TransactionId, i64>,
}

impl Log {
    pub(super) fn append(&mut self, record: Record, transaction: Option<TransactionId>) {
        if let Some(transaction) = transaction {
            self.open.entry(transaction).or_insert(self.end);
        }
        self.entries.push(Entry { offset: self.end, transaction, record });
        self.end += 1;
    }

    /// The marker of a transaction.
    pub(super) fn mark(&mut self, transaction: TransactionId) {
        self.open.remove(&transaction);
        self.end += 1;
    }

    /// The first offset that was not removed.
    pub(crate) fn begin(&self) -> i64 {
        self.begin
    }

    /// Removes records below an offset, as far as all transactions are finished.
    pub(super) fn remove_below(&mut self, offset: i64) {
        self.begin = self.begin.max(offset.min(self.stable_end()));
    }

    /// Loses records from this offset on.
    pub(super) fn truncate(&mut self, end: i64) {
        self.entries.retain(|entry| entry.offset < end);
        self.end = self.end.min(end);
    }

    /// A record by its offset, removed or not: only the verdict may read it.
    pub(crate) fn record_at(&self, offset: i64) -> Option<&Record> {
        let at = self.entries.binary_search_by_key(&offset, |entry| entry.offset).ok()?;
        self.entries.get(at).map(|entry| &entry.record)
    }

    /// The offset after the very last record or marker.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// The offset up to which all transactions are finished.
    pub(crate) fn stable_end(&self) -> i64 {
        self.open.values().copied().min().unwrap_or(self.end)
    }

    /// The next committed record from an offset on.
    pub(super) fn next_committed(&self, from: i64, fates: &Fates) -> Option<(i64, &Record)> {
        let stable = self.stable_end();
        let mut entries = self.from(from).take_while(|entry| entry.offset < stable);
        let found = entries.find(|entry| entry.transaction.is_none_or(|id| fates.is_committed(id)));
        found.map(|entry| (entry.offset, &entry.record))
    }

    /// The next record, committed or not.
    pub(super) fn next_written(&self, from: i64) -> Option<(i64, &Record)> {
        self.from(from).next().map(|entry| (entry.offset, &entry.record))
    }

    fn from(&self, from: i64) -> impl Iterator<Item = &Entry> {
        let from = from.max(self.begin);
        let first = self.entries.partition_point(|entry| entry.offset < from);
        self.entries.iter().skip(first)
    }

    /// Keeps only the latest record of each key, as far as all transactions are finished, and no aborted records. Tombstones
    /// stay: a run is shorter than their retention.
    pub(super) fn compact(&mut self, fates: &Fates) {
        let stable = self.stable_end();
        let mut seen: BTreeSet<Option<Vec<u8>>> = BTreeSet::new();
        let mut kept = Vec::with_capacity(self.entries.len());
        for entry in std::mem::take(&mut self.entries).into_iter().rev() {
            let is_kept = entry.offset >= stable
                || (entry.transaction.is_none_or(|id| fates.is_committed(id))
                    && seen.insert(entry.record.key.clone()));
            if is_kept {
                kept.push(entry);
            }
        }
        kept.reverse();
        self.entries = kept;
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.open.is_empty()
    }
}
