// SPDX-License-Identifier: Apache-2.0

//! Deterministic simulation: the real driver, tasks and processors on a simulated cluster, with a scheduler that can inject a
//! fault between any two steps. One seed gives the same run on every machine; its results are compared with a direct fold of
//! its inputs.

mod broker;
mod disk;
mod faults;
mod inputs;
mod instance;
mod rng;
mod scheduler;
mod schemas;
mod topology;
mod trace;
mod verdict;
mod worker;
mod world;

pub use driver::Defect;
pub use faults::{Counts, Fault, add_counts};

use scheduler::Scheduler;

/// Options of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether to keep the schedule's lines.
    pub trace: bool,
    /// The defect to simulate.
    pub defect: Option<Defect>,
}

/// A run without violations.
#[derive(Debug, Clone)]
pub struct Report {
    /// A hash of the schedule, determined by the seed.
    pub hash: u64,
    /// The number of steps.
    pub steps: u64,
    /// The number of records produced.
    pub inputs: usize,
    /// The faults.
    pub faults: Counts,
    /// The schedule, if requested.
    pub lines: Vec<String>,
}

/// A run with a violated rule.
#[derive(Debug, Clone, thiserror::Error)]
#[error("seed {seed}: {what}")]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The rule.
    pub what: String,
    /// The schedule, if requested.
    pub lines: Vec<String>,
}

/// Runs one seed.
///
/// # Errors
/// A rule was violated; the same seed with `trace` shows how.
pub fn simulate(seed: u64, options: Options) -> Result<Report, Failure> {
    let mut scheduler = Scheduler::new(seed, options);
    // A panic is a violation as well, and its seed is needed.
    let run = std::panic::AssertUnwindSafe(|| scheduler.run());
    let outcome = std::panic::catch_unwind(run)
        .unwrap_or_else(|_| Err("it panicked; the message above says where".to_owned()));
    let report = scheduler.into_report();
    match outcome {
        Ok(()) => Ok(report),
        Err(what) => Err(Failure { seed, what, lines: report.lines }),
    }
}
