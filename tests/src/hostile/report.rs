// SPDX-License-Identifier: Apache-2.0

//! What was done, and what was found to be right.

use std::fmt;
use std::time::Duration;

use super::check::Compared;

/// What a run did.
#[derive(Debug)]
pub struct Report {
    pub(super) seed: u64,
    pub(super) memory_mib: u64,
    pub(super) peak_bytes: u64,
    pub(super) kills: usize,
    pub(super) sent_in: Duration,
    pub(super) sent: usize,
    pub(super) bytes: usize,
    pub(super) took: Duration,
    pub(super) compared: Compared,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {:.0} s", self.seed, self.took.as_secs_f64())?;
        let megabytes = self.bytes as f64 / 1e6;
        writeln!(
            f,
            "{:>8}  records sent, {megabytes:.0} MB, in {:.0} s",
            self.sent,
            self.sent_in.as_secs_f64()
        )?;
        writeln!(f, "{:>8}  times killed, and never ended by itself", self.kills)?;
        let peak = self.peak_bytes as f64 / f64::from(1 << 20);
        writeln!(f, "{peak:>8.1}  MiB of memory at the most, with --memory {}MiB", self.memory_mib)?;
        for (topic, count) in &self.compared.records {
            writeln!(f, "{count:>8}  final records of {topic}, as fold gives them")?;
        }
        for (reason, count) in &self.compared.letters {
            writeln!(f, "{count:>8}  dead letters {reason}, each once")?;
        }
        for (topic, bytes) in &self.compared.largest {
            writeln!(f, "{bytes:>8}  bytes: the largest record of {topic}")?;
        }
        write!(f, "{:>8}  claims of single records hold, 0 differences", self.compared.claims)
    }
}
