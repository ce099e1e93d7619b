// SPDX-License-Identifier: Apache-2.0

//! The shares of the process's memory limit.

use edge::Queues;

/// The default memory limit, in MiB and as a flag's value.
pub const DEFAULT_MIB: u64 = 192;
pub const DEFAULT: &str = "192MiB";
/// The program, HTTP, metrics, and memory that the allocator has not returned yet.
const BASE: u64 = 40 << 20;
/// The API's list of conversations: a sixteenth, and at least this.
const LEAST_LIST: u64 = 8 << 20;
/// A worker's threads and the buffers of its clients, besides their queues.
const WORKER: u64 = 8 << 20;
/// The minimum per worker for queues and staging, and of the whole process for the state.
const LEAST_WORK: u64 = 16 << 20;
const LEAST_STATE: u64 = 32 << 20;

/// The memory shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// For the process's state, if it is on disk.
    pub state_bytes: u64,
    /// For each worker's clients.
    pub queues: Queues,
    /// For each worker's staged records.
    pub staged_bytes: usize,
}

/// The minimum for this number of workers.
pub fn least(workers: u16) -> u64 {
    BASE + LEAST_LIST + LEAST_STATE + u64::from(workers) * (WORKER + LEAST_WORK)
}

/// The share of the API's list of conversations.
pub fn list_bytes(memory_bytes: u64) -> usize {
    at_most(list(memory_bytes))
}

fn list(memory_bytes: u64) -> u64 {
    (memory_bytes / 16).max(LEAST_LIST)
}

/// Computes the shares. With state on disk, half is for the state and the rest for queues; below [`least`] each share is
/// minimal. State in memory is not limited: nothing is reserved for it, because larger transactions cost less per event.
pub fn share_out(memory_bytes: u64, workers: u16, is_on_disk: bool) -> Shares {
    let workers = u64::from(workers.max(1));
    let shared = memory_bytes.saturating_sub(BASE + list(memory_bytes) + workers * WORKER);
    let spared = shared.saturating_sub(workers * LEAST_WORK);
    let state_bytes = if is_on_disk { (shared / 2).min(spared).max(LEAST_STATE) } else { 0 };
    let work = (shared.saturating_sub(state_bytes) / workers).max(LEAST_WORK);
    Shares {
        state_bytes,
        // Fetched records arrive and are freed in batches, and besides each record, which is all that the client counts, it
        // needs some hundred bytes.
        queues: Queues { fetched_bytes: at_most(work / 4), sent_bytes: at_most(work / 2) },
        // Staged records exist twice while they are sent: here, and in the producer's queue.
        staged_bytes: at_most(work / 8),
    }
}

fn at_most(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn sum(memory: u64, shares: &Shares, workers: u64) -> u64 {
        let Queues { fetched_bytes, sent_bytes } = shares.queues;
        let each = (fetched_bytes + sent_bytes + shares.staged_bytes) as u64;
        BASE + list(memory) + shares.state_bytes + workers * (WORKER + each)
    }

    #[test]
    fn the_shares_together_are_not_more_than_the_whole() {
        for (memory, workers) in [(128, 1), (256, 1), (256, 4), (1024, 16), (8192, 256)] {
            let memory = memory * MIB;
            assert!(least(workers) <= memory);
            for is_on_disk in [true, false] {
                let shares = share_out(memory, workers, is_on_disk);
                assert!(sum(memory, &shares, workers.into()) <= memory, "{memory} for {workers}: {shares:?}");
            }
        }
    }

    #[test]
    fn the_default_is_the_same_for_the_flag_and_for_the_program() {
        assert_eq!(DEFAULT, format!("{DEFAULT_MIB}MiB"));
    }

    #[test]
    fn the_least_is_enough_for_the_least_shares() {
        for workers in [1, 2, 16, 256] {
            let shares = share_out(least(workers), workers, true);
            assert_eq!(shares.state_bytes, LEAST_STATE);
            assert!(sum(least(workers), &shares, workers.into()) <= least(workers));
            assert!(shares.staged_bytes >= 1 << 20);
        }
    }

    #[test]
    fn with_too_little_each_has_its_least() {
        assert_eq!(share_out(0, 1, true), share_out(least(1), 1, true));
    }
}
