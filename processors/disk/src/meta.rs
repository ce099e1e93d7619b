// SPDX-License-Identifier: Apache-2.0

//! A store's metadata: changelog offset and size. Written with every run of tables.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::StoreStats;

/// Counts. They may be too high for a while: replaced values are looked up or estimated only when changes are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) records: i64,
    pub(crate) bytes: i64,
}

impl Totals {
    /// A record with these lengths, or none.
    pub(crate) fn of(key: usize, value: Option<usize>) -> Self {
        value.map_or_else(Self::default, |value| Self { records: 1, bytes: signed(key + value) })
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.records += more.records;
        self.bytes += more.bytes;
    }

    /// The estimate for `of` keys when `seen` of them have these totals.
    pub(crate) fn scaled(self, of: usize, seen: usize) -> Self {
        let scaled = |count: i64| count.saturating_mul(signed(of)) / signed(seen).max(1);
        Self { records: scaled(self.records), bytes: scaled(self.bytes) }
    }

    pub(crate) fn subtract(&mut self, less: Self) {
        self.records -= less.records;
        self.bytes -= less.bytes;
    }
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

impl From<Totals> for StoreStats {
    fn from(totals: Totals) -> Self {
        Self {
            records: u64::try_from(totals.records).unwrap_or_default(),
            bytes: u64::try_from(totals.bytes).unwrap_or_default(),
        }
    }
}

/// The offset and size of a state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) changelog_offset: Option<i64>,
    pub(crate) totals: Totals,
    /// When it was reached, in epoch milliseconds.
    pub(crate) written_ms: i64,
}

/// The current time in epoch milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Meta {
    /// The age of the state.
    pub(crate) fn age(&self) -> Duration {
        Duration::from_millis(u64::try_from(now_ms().saturating_sub(self.written_ms)).unwrap_or_default())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        // Offsets are never negative, so −1 means none.
        let numbers =
            [self.changelog_offset.unwrap_or(-1), self.totals.records, self.totals.bytes, self.written_ms];
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks::<8>();
        let [offset, records, held, written] = numbers else { return None };
        let offset = i64::from_be_bytes(*offset);
        rest.is_empty().then(|| Self {
            changelog_offset: (offset >= 0).then_some(offset),
            totals: Totals { records: i64::from_be_bytes(*records), bytes: i64::from_be_bytes(*held) },
            written_ms: i64::from_be_bytes(*written),
        })
    }
}
