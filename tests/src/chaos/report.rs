// SPDX-License-Identifier: Apache-2.0

//! What a run did and found.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The figures of a run in which nothing differed.
#[derive(Debug)]
pub struct Report {
    /// The seed that gives the same faults again.
    pub seed: u64,
    /// How often each kind of fault was committed, and how often while there was work in progress.
    pub faults: BTreeMap<&'static str, (usize, usize)>,
    /// Stops that the program could not end in order, because a broker was away.
    pub unanswered_stops: usize,
    /// The slowest of all orderly stops.
    pub slowest_stop: Duration,
    /// Events that were sent.
    pub events: usize,
    /// How many of them the producer wrote once more.
    pub written_twice: usize,
    /// How long it took until all of them were committed.
    pub took: Duration,
    /// The longest time a partition was blocked despite input.
    pub longest_stall: Duration,
    /// Final records compared, by topic.
    pub records: BTreeMap<String, usize>,
    /// Dead letters compared.
    pub dead_letters: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        for (name, (count, in_the_middle)) in &self.faults {
            writeln!(f, "{count:>8}  {name} ({in_the_middle} with work in progress)")?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = self.events as f64 / self.took.as_secs_f64();
        writeln!(f, "{:>8}  events in {:.0} s, {rate:.0}/s", self.events, self.took.as_secs_f64())?;
        writeln!(f, "{:>8}  of them written twice by their producer", self.written_twice)?;
        writeln!(
            f,
            "{:>8.1}  s: the longest time a partition was blocked",
            self.longest_stall.as_secs_f64()
        )?;
        writeln!(f, "{:>8.1}  s: the slowest orderly stop", self.slowest_stop.as_secs_f64())?;
        writeln!(f, "{:>8}  stops without an answer of the cluster", self.unanswered_stops)?;
        for (topic, count) in &self.records {
            writeln!(f, "{count:>8}  final records of {topic}, as fold gives them")?;
        }
        writeln!(f, "{:>8}  dead letters, each once", self.dead_letters)?;
        write!(f, "       0  differences, 0 unfinished transactions")
    }
}
