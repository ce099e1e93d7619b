// SPDX-License-Identifier: Apache-2.0

//! How the memory of a process's state is divided.

const LEAST_MEMORY: u64 = 32 * 1024 * 1024;
/// The memory for writing and merging, independent of the state's size.
const WORK_BYTES: u64 = 16 * 1024 * 1024;
const LEAST_BUFFER: usize = 64 * 1024;
/// A store has two: the fresh one, and the last one, which is being written or is written already.
const BUFFERS: usize = 2;

/// The memory limit of a process's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Memory for all partitions: 16 MiB for work, and about half of the rest each for tables (cached blocks, and filters of their
    /// keys) and for the latest changes. Values below 32 MiB count as 32 MiB.
    pub memory_bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { memory_bytes: 64 * 1024 * 1024 }
    }
}

/// The largest sizes in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shares {
    /// Blocks of tables that are cached, for all stores together.
    pub(crate) blocks: u64,
    /// A buffer.
    pub(crate) buffer: usize,
    /// The least size of a buffer, however many stores there are.
    least_buffer: usize,
    /// Cached values of tables.
    pub(crate) recent: usize,
    /// A filter of a store's keys.
    pub(crate) filter: usize,
}

impl Shares {
    /// The shares of all stores together.
    pub(crate) fn of(budget: Budget) -> Self {
        // In tenths: four for buffers, two for blocks, one for values, two for filters; one for memory that the allocator cannot
        // return.
        let tenth = (budget.memory_bytes.max(LEAST_MEMORY) - WORK_BYTES) / 10;
        let tenths = |count| usize::try_from(tenth * count).unwrap_or(usize::MAX);
        let (buffer, recent, filter) = (tenths(4) / BUFFERS, tenths(1), tenths(2));
        Self { blocks: tenth * 2, buffer, least_buffer: LEAST_BUFFER, recent, filter }
    }

    /// So little that everything is evicted, written and built again all the time.
    #[cfg(test)]
    pub(crate) fn tiny() -> Self {
        Self { blocks: 16 * 1024, buffer: 8 * 1024, least_buffer: 1, recent: 4 * 1024, filter: 4 * 1024 }
    }

    /// The shares of each of this number of stores.
    pub(crate) fn among(self, stores: usize) -> Self {
        let each = |bytes: usize| bytes / stores.max(1);
        let buffer = each(self.buffer).max(self.least_buffer);
        Self { buffer, recent: each(self.recent), filter: each(self.filter), ..self }
    }
}
