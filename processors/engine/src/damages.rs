// SPDX-License-Identifier: Apache-2.0

//! Corrupt states: when each partition may be restored again, and which ones to report.
//!
//! The first restore starts immediately: a flipped bit on a disk is no reason to wait. A state that is corrupt again after a
//! restore is likely to fail repeatedly, so the wait doubles with each restore. After a partition was healthy for a while, its
//! history is deleted.

use std::collections::BTreeMap;

/// The wait before the second restore; it doubles with each further one.
const FIRST_WAIT_MS: u64 = 1_000;
const LONGEST_WAIT_MS: u64 = 60_000;
/// A partition is healthy after this time since its last wait.
const WELL_AFTER_MS: u64 = 5 * 60_000;
/// Maximum size of a stored cause, in bytes.
const CAUSE_BYTES_MAX: usize = 512;

#[derive(Debug)]
struct Damage {
    times: u32,
    restore_at_ms: u64,
    cause: String,
}

impl Damage {
    fn is_over(&self, now_ms: u64) -> bool {
        now_ms >= self.restore_at_ms.saturating_add(WELL_AFTER_MS)
    }
}

/// A partition that was corrupt more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeated<'d> {
    /// The partition.
    pub partition: i32,
    /// Number of times.
    pub times: u32,
    /// The last cause.
    pub cause: &'d str,
}

/// History of corrupt states. Times are milliseconds of any monotonic clock.
#[derive(Debug, Default)]
pub struct Damages(BTreeMap<i32, Damage>);

impl Damages {
    /// Records a corrupt state. Returns the wait before its restore, in milliseconds.
    pub fn note(&mut self, partition: i32, cause: &str, now_ms: u64) -> u64 {
        self.0.retain(|_, damage| !damage.is_over(now_ms));
        let times = self.0.get(&partition).map_or(0, |damage| damage.times).saturating_add(1);
        let wait_ms = match times.checked_sub(2) {
            None => 0,
            Some(doublings) => {
                FIRST_WAIT_MS.checked_shl(doublings.min(16)).unwrap_or(LONGEST_WAIT_MS).min(LONGEST_WAIT_MS)
            }
        };
        let cause = cause.get(..cause.floor_char_boundary(CAUSE_BYTES_MAX)).unwrap_or_default().to_owned();
        self.0.insert(partition, Damage { times, restore_at_ms: now_ms.saturating_add(wait_ms), cause });
        wait_ms
    }

    /// Whether no state was corrupt recently.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a partition may be restored now.
    #[must_use]
    pub fn may_restore(&self, partition: i32, now_ms: u64) -> bool {
        self.0.get(&partition).is_none_or(|damage| now_ms >= damage.restore_at_ms)
    }

    /// The partitions that were corrupt more than once and have not been healthy for long enough since.
    pub fn repeated(&self, now_ms: u64) -> impl Iterator<Item = Repeated<'_>> {
        let lasting = self.0.iter().filter(move |(_, damage)| damage.times > 1 && !damage.is_over(now_ms));
        lasting.map(|(partition, damage)| Repeated {
            partition: *partition,
            times: damage.times,
            cause: &damage.cause,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restore_comes_at_once_and_each_further_one_waits_twice_as_long_up_to_a_minute() {
        let mut damages = Damages::default();
        let waits: Vec<u64> = (0..10).map(|_| damages.note(3, "a bit", 0)).collect();
        assert_eq!(waits, [0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
        let mut for_ever = Damages::default();
        assert!((0..1_000).all(|_| for_ever.note(3, "a bit", 0) <= LONGEST_WAIT_MS));
    }

    #[test]
    fn a_partition_may_be_restored_when_its_wait_is_over_and_others_need_not_wait() {
        let mut damages = Damages::default();
        damages.note(3, "a bit", 0);
        assert!(damages.may_restore(3, 0));
        damages.note(3, "a bit", 10);
        assert!(
            !damages.may_restore(3, 1_009) && damages.may_restore(3, 1_010) && damages.may_restore(4, 10)
        );
    }

    #[test]
    fn only_what_is_damaged_again_is_to_be_known_with_its_last_cause() {
        let mut damages = Damages::default();
        damages.note(3, "a bit", 0);
        assert_eq!(damages.repeated(0).count(), 0);
        damages.note(3, &"é".repeat(CAUSE_BYTES_MAX), 1);
        let found: Vec<Repeated<'_>> = damages.repeated(1).collect();
        let cause = "é".repeat(CAUSE_BYTES_MAX / 2);
        assert_eq!(found, [Repeated { partition: 3, times: 2, cause: &cause }]);
    }

    #[test]
    fn what_was_well_for_long_enough_is_forgotten() {
        let mut damages = Damages::default();
        damages.note(3, "a bit", 0);
        damages.note(3, "a bit", 0);
        assert_eq!(damages.repeated(FIRST_WAIT_MS + WELL_AFTER_MS - 1).count(), 1);
        assert_eq!(damages.repeated(FIRST_WAIT_MS + WELL_AFTER_MS).count(), 0);
        assert_eq!(damages.note(3, "a bit", FIRST_WAIT_MS + WELL_AFTER_MS), 0, "as the first time");
    }
}
