//! Counters declared by processors. The engine and the edge know none of them by name: a new one is declared where it is
//! incremented.

/// A Prometheus counter of a processor. It is incremented only by committed transactions, so a retry counts nothing twice.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counter {
    /// The full name: `cx_timelines_…_total`.
    pub name: &'static str,
    /// The help text, one sentence.
    pub help: &'static str,
    /// The name of its label, if it has one.
    pub labels: &'static [&'static str],
    /// All values of the label: each is exported as 0 from the start.
    pub values: &'static [&'static str],
}

impl Counter {
    /// A counter without a label.
    #[must_use]
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, labels: &[], values: &[] }
    }

    /// A counter with one label (a list of one name) and all of its values.
    #[must_use]
    pub const fn by(self, label: &'static [&'static str; 1], values: &'static [&'static str]) -> Self {
        Self { labels: label, values, ..self }
    }
}
