// SPDX-License-Identifier: Apache-2.0

//! The schedule of events. It does not wait for the pipeline: an event that is sent late counts from its planned time (no
//! coordinated omission).

use std::time::{Duration, Instant};

/// The schedule of a load test.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    begun: Instant,
    rate: Option<u32>,
    events: Option<u64>,
    duration: Option<Duration>,
}

impl Pace {
    /// A schedule that begins now: at this rate or as fast as possible, limited by events or time.
    pub fn new(begun: Instant, rate: Option<u32>, events: Option<u64>, duration: Option<Duration>) -> Self {
        Self { begun, rate, events, duration }
    }

    /// The planned time of the event with this number, from 0; `None` when the test is over.
    pub fn due(&self, number: u64, now: Instant) -> Option<Instant> {
        if self.events.is_some_and(|events| number >= events) {
            return None;
        }
        let due = match self.rate {
            Some(rate) => self.begun + after(number, rate),
            None => now,
        };
        // Neither what is planned for later, nor what is long overdue.
        let end = self.duration.map(|duration| self.begun + duration);
        let is_over = end.is_some_and(|end| due >= end || now >= end);
        (!is_over).then_some(due)
    }
}

/// The offset from the start in whole nanoseconds, so that no error accumulates.
fn after(number: u64, rate: u32) -> Duration {
    let rate = u64::from(rate.max(1));
    let rest = Duration::from_nanos(number % rate * 1_000_000_000 / rate);
    Duration::from_secs(number / rate) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_kept_however_late_it_is() {
        let begun = Instant::now();
        let pace = Pace::new(begun, Some(1_000), Some(5_000), None);
        for late in [Duration::ZERO, Duration::from_secs(60)] {
            assert_eq!(pace.due(0, begun + late), Some(begun));
            assert_eq!(pace.due(1_500, begun + late), Some(begun + Duration::from_millis(1_500)));
        }
        assert_eq!(pace.due(5_000, begun), None);
    }

    #[test]
    fn an_hour_at_an_odd_rate_ends_to_the_nanosecond() {
        let begun = Instant::now();
        let pace = Pace::new(begun, Some(7), None, None);
        assert_eq!(pace.due(7 * 3_600, begun), Some(begun + Duration::from_secs(3_600)));
    }

    #[test]
    fn a_duration_ends_by_the_plan_and_by_the_clock() {
        let begun = Instant::now();
        let pace = Pace::new(begun, Some(10), None, Some(Duration::from_secs(2)));
        assert!(pace.due(19, begun).is_some());
        assert_eq!(pace.due(20, begun), None);
        assert_eq!(pace.due(3, begun + Duration::from_secs(2)), None);
    }

    #[test]
    fn without_a_rate_an_event_is_due_at_once() {
        let begun = Instant::now();
        let pace = Pace::new(begun, None, None, Some(Duration::from_secs(2)));
        let now = begun + Duration::from_secs(1);
        assert_eq!(pace.due(1_000_000, now), Some(now));
    }
}
