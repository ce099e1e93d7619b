// SPDX-License-Identifier: Apache-2.0

//! What is made of samples: costs of each event, medians, percentiles.

use std::time::Duration;

/// Less than this is too short for a figure without the warm-up.
const STEADY_MIN: Duration = Duration::from_secs(3);

/// What had been used at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spent {
    /// The time, since the system was started.
    pub at: Duration,
    /// Its processor time, in seconds.
    pub cpu: f64,
    /// The broker's processor time, in seconds.
    pub broker: f64,
    /// The most memory that it has taken, in MiB.
    pub peak_mib: f64,
}

/// How much of the input was done, and what had been used just before and just after that was asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Before the question.
    pub before: Spent,
    /// The answer, in events.
    pub done: i64,
    /// After the answer.
    pub after: Spent,
}

/// What a run took. A start is timed before its question and an end after its answer, so a slow answer never flatters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// Without what was done until the first progress was seen. None where that was more than half of all.
    pub work: Option<Work>,
    /// Processor time for each event from the start of the process on, in µs.
    pub cpu_with_start_us: f64,
    /// As `work`, without the warm-up. None where the run was too short.
    pub steady: Option<Work>,
    /// The most memory that it has taken, in MiB.
    pub peak_mib: f64,
}

/// Of a stretch of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// Events in a second.
    pub rate: f64,
    /// Processor time for each event, in µs.
    pub cpu_us: f64,
    /// The broker's processor time for each event, in µs.
    pub broker_us: f64,
}

impl Work {
    fn between(done: i64, first: &Spent, total: i64, last: &Spent) -> Self {
        let events = (total - done) as f64;
        Self {
            rate: events / (last.at - first.at).as_secs_f64(),
            cpu_us: (last.cpu - first.cpu) / events * 1e6,
            broker_us: (last.broker - first.broker) / events * 1e6,
        }
    }
}

impl Costs {
    /// What a run took whose last sample is the first that found all events done; none where nothing was ever done.
    #[must_use]
    pub fn of(samples: &[Sample], total: i64, warm_up: Duration) -> Option<Self> {
        let begin = samples.iter().find(|sample| sample.done > 0)?;
        let last = samples.last()?.after;
        let warm = samples.iter().find(|sample| sample.before.at >= begin.before.at + warm_up);
        let is_long = |warm: &&Sample| warm.done < total && last.at - warm.before.at >= STEADY_MIN;
        Some(Self {
            work: (begin.done <= total / 2).then(|| Work::between(begin.done, &begin.before, total, &last)),
            cpu_with_start_us: last.cpu / total as f64 * 1e6,
            steady: warm.filter(is_long).map(|warm| Work::between(warm.done, &warm.before, total, &last)),
            peak_mib: samples.iter().map(|sample| sample.after.peak_mib).fold(0.0, f64::max),
        })
    }

    /// Processor time for each event, in µs, once it is warm; of the whole run where that was too short.
    #[must_use]
    pub fn settled_cpu_us(&self) -> Option<f64> {
        self.steady.or(self.work).map(|work| work.cpu_us)
    }
}

/// The value in the middle, or between the two that are.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(sorted[middle - 1], upper)) }
}

/// The smallest and the largest.
#[must_use]
pub fn extremes(values: &[f64]) -> Option<(f64, f64)> {
    let smallest = values.iter().copied().reduce(f64::min)?;
    Some((smallest, values.iter().copied().reduce(f64::max)?))
}

/// The value that so many of a hundred are not above, of values in order.
#[must_use]
pub fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of work is 1,000 events, half a second of its processor and a quarter of the broker's; it began in second 2, when
    /// it had used one second.
    fn sample(second: u64) -> Sample {
        let worked = second.saturating_sub(2) as f64;
        let spent = |millis: u64| Spent {
            at: Duration::from_millis(second * 1_000 + millis),
            cpu: 1.0 + worked / 2.0,
            broker: 7.0 + worked / 4.0,
            peak_mib: 10.0 + worked,
        };
        Sample { before: spent(0), done: 1_000 * second.saturating_sub(2).cast_signed(), after: spent(0) }
    }

    fn samples(seconds: u64) -> Vec<Sample> {
        (0..=seconds).map(sample).collect()
    }

    #[test]
    fn what_was_done_before_the_first_progress_counts_nowhere() {
        let costs = Costs::of(&samples(12), 10_000, Duration::from_secs(30)).unwrap();
        let work = costs.work.unwrap();
        assert_eq!((work.rate, work.cpu_us, work.broker_us), (1_000.0, 500.0, 250.0));
        assert_eq!((costs.cpu_with_start_us, costs.peak_mib, costs.steady), (600.0, 20.0, None));
        assert_eq!(costs.settled_cpu_us(), Some(500.0));
    }

    #[test]
    fn once_it_is_warm_only_what_comes_after_counts() {
        let mut samples = samples(12);
        // The first two seconds of work took ten seconds of processor more.
        samples.iter_mut().skip(5).for_each(|sample| {
            sample.before.cpu += 10.0;
            sample.after.cpu += 10.0;
        });
        let costs = Costs::of(&samples, 10_000, Duration::from_secs(2)).unwrap();
        assert_eq!(costs.steady.map(|work| work.cpu_us), Some(500.0));
        assert!(costs.work.unwrap().cpu_us > 1_500.0);
        assert_eq!(costs.settled_cpu_us(), Some(500.0));
    }

    #[test]
    fn a_run_that_was_half_done_when_it_was_first_seen_has_no_figure_but_its_whole() {
        let costs = Costs::of(&samples(3), 1_000, Duration::ZERO).unwrap();
        assert_eq!((costs.work, costs.steady, costs.cpu_with_start_us), (None, None, 1_500.0));
        assert_eq!(Costs::of(&samples(2), 1_000, Duration::ZERO), None);
    }

    #[test]
    fn medians_percentiles_and_extremes_are_of_the_values_in_order() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(extremes(&[3.0, 1.0, 2.0]), Some((1.0, 3.0)));
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!([50, 99, 100].map(|percent| percentile(&hundred, percent)), [50.0, 99.0, 100.0].map(Some));
        assert_eq!(percentile(&[7.0], 50), Some(7.0));
        assert_eq!((median(&[]), extremes(&[]), percentile(&[], 99)), (None, None, None));
    }
}
