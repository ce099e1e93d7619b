//! What a store knows of itself: how far it is and how much it holds. Written with every run of tables.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::StoreStats;

/// Counts that may for a while be too high: what a change replaces is looked up, or estimated, only when it is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) records: i64,
    pub(crate) bytes: i64,
}

impl Totals {
    /// One record of these lengths, or none.
    pub(crate) fn of(key: usize, value: Option<usize>) -> Self {
        value.map_or_else(Self::default, |value| Self { records: 1, bytes: signed(key + value) })
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.records += more.records;
        self.bytes += more.bytes;
    }

    /// What `of` are likely to come to when `seen` of them come to this.
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

/// How far a state is, and how much it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) changelog_offset: Option<i64>,
    pub(crate) totals: Totals,
    /// When it stood there, in epoch milliseconds.
    pub(crate) written_ms: i64,
}

/// The time, in epoch milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Meta {
    /// How long ago the state stood where it stands.
    pub(crate) fn age(&self) -> Duration {
        Duration::from_millis(u64::try_from(now_ms().saturating_sub(self.written_ms)).unwrap_or_default())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        // Offsets are never negative, so −1 can mean none.
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
