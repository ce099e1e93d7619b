// SPDX-License-Identifier: Apache-2.0

//! The counters that processors declare.

use std::collections::BTreeMap;

use engine::Unit;
use prometheus::{Counter, CounterVec, IntCounter, IntCounterVec, Registry};

use super::names::{self, UNDECLARED};
use super::{MetricsError, opts, registered};

/// The series of a counter: all exist from the start, and counting takes no lock.
pub(super) struct Counted {
    vec: Family,
    /// By the place of the first label's value in the list of the configuration, after those of the values that it does not
    /// list; then by the value of the last label. A counter without such a label has the first entry only.
    series: Vec<BTreeMap<&'static str, Series>>,
    has_values: bool,
    is_listed: bool,
}

/// A counter's series before its labels are known.
enum Family {
    Occurrences(IntCounterVec),
    Seconds(CounterVec),
}

/// One series.
enum Series {
    Occurrences(IntCounter),
    Seconds(Counter),
}

impl Family {
    fn series(&self, labels: &[&str]) -> Series {
        match self {
            Self::Occurrences(vec) => Series::Occurrences(vec.with_label_values(labels)),
            Self::Seconds(vec) => Series::Seconds(vec.with_label_values(labels)),
        }
    }
}

impl Series {
    fn add(&self, count: u64) {
        match self {
            Self::Occurrences(counter) => counter.inc_by(count),
            Self::Seconds(counter) => counter.inc_by(count as f64 / 1000.0),
        }
    }
}

impl Counted {
    /// Registers a counter, with a series for each known value of its labels.
    pub(super) fn new(
        registry: &Registry,
        declared: &'static engine::Counter,
        listed: &[String],
    ) -> Result<Self, MetricsError> {
        let metric = names::declared(declared);
        let vec = match declared.unit {
            Unit::One => {
                let built = IntCounterVec::new(opts(&metric), metric.labels);
                Family::Occurrences(registered(registry, &metric, built)?)
            }
            Unit::Milliseconds => {
                Family::Seconds(registered(registry, &metric, CounterVec::new(opts(&metric), metric.labels))?)
            }
        };
        let mut counted = Self {
            vec,
            series: Vec::new(),
            has_values: !declared.values.is_empty(),
            is_listed: declared.is_listed,
        };
        let values = if counted.has_values { declared.values } else { &[""] };
        let firsts =
            std::iter::once("").chain(listed.iter().map(String::as_str).filter(|_| declared.is_listed));
        let of = |first| values.iter().map(|value| (*value, counted.of(first, value))).collect();
        counted.series = firsts.map(of).collect();
        Ok(counted)
    }

    fn of(&self, first: &str, value: &str) -> Series {
        match (self.is_listed, self.has_values) {
            (false, false) => self.vec.series(&[]),
            (false, true) => self.vec.series(&[value]),
            (true, false) => self.vec.series(&[first]),
            (true, true) => self.vec.series(&[first, value]),
        }
    }

    /// Adds to the series with this value, and with the first label's value at this place of the list; `None` for values that
    /// are not listed.
    pub(super) fn add(&self, place: Option<u16>, value: &str, count: u64) {
        let entry = place.map_or(0, |place| usize::from(place) + 1);
        let series = self.series.get(entry).or_else(|| self.series.first());
        match series.and_then(|series| series.get(value)) {
            Some(series) => series.add(count),
            None => self.of("", UNDECLARED).add(count),
        }
    }
}
