// SPDX-License-Identifier: Apache-2.0

//! Counters declared by processors. The engine and the edge know none of them by name: a new one is declared where it is
//! incremented.

/// A Prometheus counter of a processor. It is incremented only by committed transactions, so a retry counts nothing twice. Its
/// value is a total since the start of the process, over the partitions that the process had meanwhile: a restore and a
/// rebalance leave it as it is.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counter {
    /// The full name: `cx_timelines_…_total`.
    pub name: &'static str,
    /// The help text, one sentence.
    pub help: &'static str,
    /// The names of its labels, at most two.
    pub labels: &'static [&'static str],
    /// All values of the last label: each is exported as 0 from the start. Empty if the values of the only label are listed.
    pub values: &'static [&'static str],
    /// Whether the configuration lists the values of the first label. What has another value is counted with an empty one, so
    /// the sum over the label is the total.
    pub is_listed: bool,
    /// The unit of what is counted.
    pub unit: Unit,
}

/// The unit in which a processor counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Occurrences.
    One,
    /// Milliseconds, exported in seconds.
    Milliseconds,
}

impl Counter {
    /// A counter without a label.
    #[must_use]
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, labels: &[], values: &[], is_listed: false, unit: Unit::One }
    }

    /// A counter with one label (a list of one name) and all of its values.
    #[must_use]
    pub const fn by(self, label: &'static [&'static str; 1], values: &'static [&'static str]) -> Self {
        Self { labels: label, values, ..self }
    }

    /// A counter with one label, whose values the configuration lists.
    #[must_use]
    pub const fn by_listed(self, label: &'static [&'static str; 1]) -> Self {
        Self { labels: label, is_listed: true, ..self }
    }

    /// A counter with two labels: the values of the first are listed by the configuration, those of the second are these.
    #[must_use]
    pub const fn by_listed_and(
        self,
        labels: &'static [&'static str; 2],
        values: &'static [&'static str],
    ) -> Self {
        Self { labels, values, is_listed: true, ..self }
    }

    /// A counter of milliseconds.
    #[must_use]
    pub const fn in_milliseconds(self) -> Self {
        Self { unit: Unit::Milliseconds, ..self }
    }
}
