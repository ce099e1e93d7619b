// SPDX-License-Identifier: Apache-2.0

//! A waiting record, with what is needed while it waits.

use serde::{Deserialize, Serialize};

const NUMBER_BYTES: usize = size_of::<u64>();

/// A waiting record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held<'h> {
    /// Hash of its event's content.
    pub(super) content: u64,
    /// Stream time of its arrival.
    pub(super) came_ms: i64,
    /// Customers and time of the event, for erasure requests.
    pub(super) of: EventCustomers<'h>,
    /// The packed record; empty if it is erased, and its conversation will be erased too.
    pub(super) carried: &'h [u8],
}

/// Customers and time of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EventCustomers<'h> {
    /// The event's customers.
    #[serde(borrow)]
    pub(super) customers: Vec<&'h str>,
    /// The record's Kafka timestamp, in epoch milliseconds.
    pub(super) at_ms: i64,
}

impl<'h> Held<'h> {
    /// The rest of it once it is erased: only that it existed.
    pub(super) fn erased(&self) -> Held<'static> {
        Held { content: self.content, came_ms: self.came_ms, of: EventCustomers::default(), carried: b"" }
    }

    /// Whether it is erased.
    pub(super) fn is_erased(&self) -> bool {
        self.carried.is_empty()
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 * NUMBER_BYTES + 64 + self.carried.len());
        bytes.extend_from_slice(&self.content.to_be_bytes());
        bytes.extend_from_slice(&self.came_ms.to_be_bytes());
        // Serializing plain data into memory cannot fail.
        let mut bytes = postcard::to_extend(&self.of, bytes).unwrap_or_default();
        bytes.extend_from_slice(self.carried);
        bytes
    }

    /// Reads what [`write`](Self::write) wrote; `None` for anything else.
    pub(super) fn read(bytes: &'h [u8]) -> Option<Self> {
        let (content, rest) = bytes.split_first_chunk::<NUMBER_BYTES>()?;
        let (came_ms, rest) = rest.split_first_chunk::<NUMBER_BYTES>()?;
        let (of, carried) = postcard::take_from_bytes(rest).ok()?;
        let (content, came_ms) = (u64::from_be_bytes(*content), i64::from_be_bytes(*came_ms));
        Some(Self { content, came_ms, of, carried })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> Held<'static> {
        let of = EventCustomers { customers: vec!["cus", "+49"], at_ms: 1_750_000_000_007 };
        Held { content: u64::MAX, came_ms: 1_750_000_000_000, of, carried: b"x" }
    }

    #[test]
    fn a_held_record_reads_back_as_it_was_written() {
        assert_eq!(Held::read(&held().write()), Some(held()));
        assert_eq!(Held::read(b"too short"), None);
        let erased = held().erased().write();
        assert!(Held::read(&erased).unwrap().is_erased() && !held().is_erased());
    }
}
