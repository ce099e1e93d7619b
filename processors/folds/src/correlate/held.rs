//! A record that waits, with what has to be known of it while it does.

const NUMBER_BYTES: usize = size_of::<u64>();

/// A waiting record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held<'h> {
    /// The number for what its event says.
    pub(super) content: u64,
    /// The stream time at which it came.
    pub(super) came_ms: i64,
    /// The record, packed.
    pub(super) carried: &'h [u8],
}

impl<'h> Held<'h> {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 * NUMBER_BYTES + self.carried.len());
        bytes.extend_from_slice(&self.content.to_be_bytes());
        bytes.extend_from_slice(&self.came_ms.to_be_bytes());
        bytes.extend_from_slice(self.carried);
        bytes
    }

    /// Reads what [`write`](Self::write) wrote; `None` for anything shorter.
    pub(super) fn read(bytes: &'h [u8]) -> Option<Self> {
        let (content, rest) = bytes.split_first_chunk::<NUMBER_BYTES>()?;
        let (came_ms, carried) = rest.split_first_chunk::<NUMBER_BYTES>()?;
        Some(Self { content: u64::from_be_bytes(*content), came_ms: i64::from_be_bytes(*came_ms), carried })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_record_reads_back_as_it_was_written() {
        let held = Held { content: u64::MAX, came_ms: 1_750_000_000_000, carried: b"x" };
        assert_eq!(Held::read(&held.write()), Some(held));
        assert_eq!(Held::read(b"too short"), None);
    }
}
