// SPDX-License-Identifier: Apache-2.0

//! Latency from the planned send time of an event until its activity is readable.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hdrhistogram::Histogram;
use serde::Serialize;

/// A day; longer latencies count as that.
const LONGEST_MICROS: u64 = 24 * 3_600 * 1_000_000;

/// Pending activities, and the latencies of the others.
#[derive(Debug)]
pub struct Latencies(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    /// Keys of pending activities, with their start time.
    awaited: HashMap<String, Instant>,
    /// Microseconds.
    taken: Histogram<u64>,
    last_seen: Option<Instant>,
}

impl Latencies {
    /// Creates an empty recorder.
    pub fn new() -> anyhow::Result<Self> {
        // Three significant digits of microseconds.
        let taken = Histogram::new_with_bounds(1, LONGEST_MICROS, 3)?;
        Ok(Self(Mutex::new(Inner { awaited: HashMap::new(), taken, last_seen: None })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Expects an activity with this key, of an event planned for this time. Call it before sending.
    pub fn expect(&self, key: String, from: Instant) {
        self.lock().awaited.insert(key, from);
    }

    /// The event was not sent after all.
    pub fn expect_no_more(&self, key: &str) {
        self.lock().awaited.remove(key);
    }

    /// An activity with this key was read at this time; only the first one of each key counts.
    pub fn seen(&self, key: &str, at: Instant) {
        let mut inner = self.lock();
        if let Some(from) = inner.awaited.remove(key) {
            let micros = u64::try_from(at.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX);
            // At least one, because this kind of histogram has no zero.
            inner.taken.saturating_record(micros.max(1));
            inner.last_seen = inner.last_seen.max(Some(at));
        }
    }

    /// The number of pending activities.
    pub fn awaited(&self) -> usize {
        self.lock().awaited.len()
    }

    /// When the last pending one was read.
    pub fn last_seen(&self) -> Option<Instant> {
        self.lock().last_seen
    }

    /// The percentiles so far.
    pub fn percentiles(&self) -> Percentiles {
        Percentiles::of(&self.lock().taken)
    }
}

/// Percentiles of all measurements, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// The number of measurements.
    pub count: u64,
    /// The median.
    pub p50: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// 999 of a thousand.
    #[serde(rename = "p99.9")]
    pub p99_9: f64,
    /// The longest.
    pub max: f64,
}

impl Percentiles {
    fn of(taken: &Histogram<u64>) -> Self {
        if taken.is_empty() {
            return Self::default();
        }
        #[expect(clippy::cast_precision_loss, reason = "microseconds, far below 2^53")]
        let ms = |micros: u64| micros as f64 / 1e3;
        let at = |quantile: f64| ms(taken.value_at_quantile(quantile));
        Self {
            count: taken.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            max: ms(taken.max()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn percentiles_are_those_of_the_times_from_when_an_event_was_due() {
        let (latencies, begun) = (Latencies::new().unwrap(), Instant::now());
        for number in 1..=1_000_u64 {
            latencies.expect(number.to_string(), begun);
            latencies.seen(&number.to_string(), begun + Duration::from_millis(number));
        }
        let Percentiles { count, p50, p90, p99, p99_9, max } = latencies.percentiles();
        assert_eq!(count, 1_000);
        for (found, wanted) in [(p50, 500.0), (p90, 900.0), (p99, 990.0), (p99_9, 999.0), (max, 1_000.0)] {
            assert!((found / wanted - 1.0).abs() < 0.002, "{found} for {wanted}");
        }
        assert_eq!(latencies.last_seen(), Some(begun + Duration::from_secs(1)));
    }

    #[test]
    fn only_the_first_record_of_an_awaited_activity_counts() {
        let (latencies, begun) = (Latencies::new().unwrap(), Instant::now());
        latencies.expect("a".to_owned(), begun);
        latencies.expect("b".to_owned(), begun);
        latencies.expect("c".to_owned(), begun);
        latencies.expect_no_more("c");
        latencies.seen("other", begun);
        latencies.seen("a", begun + Duration::from_millis(3));
        latencies.seen("a", begun + Duration::from_secs(9));
        assert_eq!(latencies.awaited(), 1);
        let percentiles = latencies.percentiles();
        assert_eq!(percentiles.count, 1);
        assert!((percentiles.max - 3.0).abs() < 0.01, "{percentiles:?}");
    }

    #[test]
    fn of_nothing_there_are_no_percentiles() {
        assert_eq!(Latencies::new().unwrap().percentiles(), Percentiles::default());
    }
}
