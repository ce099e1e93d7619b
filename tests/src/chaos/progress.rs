// SPDX-License-Identifier: Apache-2.0

//! The group's progress, sampled continuously; and how long a partition was blocked despite input.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Watch;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// An answer that takes longer is given up; a broker is away.
const ANSWER: Duration = Duration::from_secs(1);

/// One partition of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartitionOffsets {
    pub(super) committed: i64,
    pub(super) end: i64,
}

/// What is known of the group's progress.
#[derive(Debug)]
pub(super) struct GroupProgress {
    /// As it was last seen, by partition.
    pub(super) places: Vec<PartitionOffsets>,
    /// Since when a partition has not advanced though there was something.
    still_since: Vec<Instant>,
    /// The longest time any partition was blocked, and which.
    pub(super) longest: (Duration, usize),
}

impl GroupProgress {
    fn new(partitions: usize, now: Instant) -> Self {
        let nothing = PartitionOffsets { committed: 0, end: 0 };
        Self {
            places: vec![nothing; partitions],
            still_since: vec![now; partitions],
            longest: (Duration::ZERO, 0),
        }
    }

    /// Takes a sample; `None` without an answer, which counts as blocked.
    fn take(&mut self, places: Option<&[PartitionOffsets]>, now: Instant) {
        for (partition, since) in self.still_since.iter_mut().enumerate() {
            if self.places[partition].committed < self.places[partition].end {
                self.longest = self.longest.max((now - *since, partition));
            }
            let Some(place) = places.map(|places| places[partition]) else { continue };
            // What came only now has not waited yet.
            let had_nothing = self.places[partition].committed >= self.places[partition].end;
            if had_nothing || place.committed > self.places[partition].committed {
                *since = now;
            }
            self.places[partition] = place;
        }
    }

    /// How long a partition has been blocked that is blocked now.
    pub(super) fn standing(&self, now: Instant) -> Duration {
        let waiting =
            self.places.iter().zip(&self.still_since).filter(|(place, _)| place.committed < place.end);
        waiting.map(|(_, since)| now - *since).max().unwrap_or_default()
    }

    /// All records committed.
    pub(super) fn committed(&self) -> i64 {
        self.places.iter().map(|place| place.committed).sum()
    }

    /// All records.
    pub(super) fn end(&self) -> i64 {
        self.places.iter().map(|place| place.end).sum()
    }
}

/// Looks at the group's progress in a thread of its own.
pub(super) struct ProgressWatch {
    seen: Arc<Mutex<GroupProgress>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ProgressWatch {
    pub(super) fn start(bootstrap: &str, group: &str, topic: &str) -> Self {
        let watch = Watch::new(bootstrap, group, topic).answering_within(ANSWER);
        let seen = Arc::new(Mutex::new(GroupProgress::new(watch.partitions(), Instant::now())));
        let stop = Arc::new(AtomicBool::new(false));
        let (samples, is_over) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let places = watch.places();
                let places: Option<Vec<PartitionOffsets>> = places.map(|places| {
                    places.into_iter().map(|(committed, end)| PartitionOffsets { committed, end }).collect()
                });
                samples.lock().unwrap().take(places.as_deref(), Instant::now());
                std::thread::sleep(LOOK_EVERY);
            }
        });
        Self { seen, stop, thread: Some(thread) }
    }

    /// Reads what was seen last.
    pub(super) fn now<T>(&self, read: impl FnOnce(&GroupProgress) -> T) -> T {
        read(&self.seen.lock().unwrap())
    }
}

impl Drop for ProgressWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest_of(looks: &[Option<(i64, i64)>]) -> u64 {
        let begun = Instant::now();
        let mut seen = GroupProgress::new(1, begun);
        for (second, look) in (1..).zip(looks) {
            let places = look.map(|(committed, end)| [PartitionOffsets { committed, end }]);
            seen.take(places.as_ref().map(|places| &places[..]), begun + Duration::from_secs(second));
        }
        seen.longest.0.as_secs()
    }

    #[test]
    fn a_partition_without_input_does_not_stand_still() {
        assert_eq!(longest_of(&[Some((5, 5)), Some((5, 5)), Some((5, 5)), Some((5, 9))]), 0);
    }

    #[test]
    fn a_partition_stands_still_until_it_advances() {
        assert_eq!(longest_of(&[Some((1, 9)), Some((1, 9)), Some((1, 9)), Some((2, 9)), Some((9, 9))]), 3);
    }

    #[test]
    fn not_to_know_is_to_stand_still() {
        assert_eq!(longest_of(&[Some((1, 9)), None, None, None, None, Some((9, 9))]), 5);
    }
}
