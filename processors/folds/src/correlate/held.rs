//! A record that waits, with what has to be known of it while it does.

use serde::{Deserialize, Serialize};

const NUMBER_BYTES: usize = size_of::<u64>();

/// A waiting record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held<'h> {
    /// The number for what its event says.
    pub(super) content: u64,
    /// The stream time at which it came.
    pub(super) came_ms: i64,
    /// Whose its event is.
    pub(super) whose: Whose<'h>,
    /// The record, packed; empty: it is erased, and so will be its conversation.
    pub(super) carried: &'h [u8],
}

/// Whose an event is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Whose<'h> {
    /// Its customers.
    #[serde(borrow)]
    pub(super) customers: Vec<&'h str>,
    /// Its record's Kafka timestamp, in epoch milliseconds.
    pub(super) at_ms: i64,
}

impl<'h> Held<'h> {
    /// What is left of it once it is erased: that there was one.
    pub(super) fn erased(&self) -> Held<'static> {
        Held { content: self.content, came_ms: self.came_ms, whose: Whose::default(), carried: b"" }
    }

    /// Whether it is erased.
    pub(super) fn is_erased(&self) -> bool {
        self.carried.is_empty()
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 * NUMBER_BYTES + 64 + self.carried.len());
        bytes.extend_from_slice(&self.content.to_be_bytes());
        bytes.extend_from_slice(&self.came_ms.to_be_bytes());
        // Writing plain data into memory cannot fail.
        let mut bytes = postcard::to_extend(&self.whose, bytes).unwrap_or_default();
        bytes.extend_from_slice(self.carried);
        bytes
    }

    /// Reads what [`write`](Self::write) wrote; `None` for anything else.
    pub(super) fn read(bytes: &'h [u8]) -> Option<Self> {
        let (content, rest) = bytes.split_first_chunk::<NUMBER_BYTES>()?;
        let (came_ms, rest) = rest.split_first_chunk::<NUMBER_BYTES>()?;
        let (whose, carried) = postcard::take_from_bytes(rest).ok()?;
        let (content, came_ms) = (u64::from_be_bytes(*content), i64::from_be_bytes(*came_ms));
        Some(Self { content, came_ms, whose, carried })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> Held<'static> {
        let whose = Whose { customers: vec!["cus", "+49"], at_ms: 1_750_000_000_007 };
        Held { content: u64::MAX, came_ms: 1_750_000_000_000, whose, carried: b"x" }
    }

    #[test]
    fn a_held_record_reads_back_as_it_was_written() {
        assert_eq!(Held::read(&held().write()), Some(held()));
        assert_eq!(Held::read(b"too short"), None);
        let erased = held().erased().write();
        assert!(Held::read(&erased).unwrap().is_erased() && !held().is_erased());
    }
}
