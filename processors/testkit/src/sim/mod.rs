//! Deterministic simulation: the real driver with the real tasks and processors on a simulated cluster, under a scheduler that lets
//! anything go wrong between any two steps. One seed is one run, on every machine; what a run leaves behind is compared
//! with a direct fold of its inputs.

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

/// How to run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Keep the lines of the schedule.
    pub trace: bool,
    /// Be wrong on purpose.
    pub defect: Option<Defect>,
}

/// A run that kept all rules.
#[derive(Debug, Clone)]
pub struct Report {
    /// A hash of the schedule: the same for the same seed.
    pub hash: u64,
    /// How many steps there were.
    pub steps: u64,
    /// How many records were produced.
    pub inputs: usize,
    /// The faults.
    pub faults: Counts,
    /// The schedule, where it was asked for.
    pub lines: Vec<String>,
}

/// A run that broke a rule.
#[derive(Debug, Clone, thiserror::Error)]
#[error("seed {seed}: {what}")]
pub struct Failure {
    /// Which run.
    pub seed: u64,
    /// Which rule.
    pub what: String,
    /// The schedule, where it was asked for.
    pub lines: Vec<String>,
}

/// Runs one seed.
///
/// # Errors
/// A rule was broken; the same seed with `trace` shows how.
pub fn simulate(seed: u64, options: Options) -> Result<Report, Failure> {
    let mut scheduler = Scheduler::new(seed, options);
    // A panic breaks a rule too, and its seed is what is wanted.
    let run = std::panic::AssertUnwindSafe(|| scheduler.run());
    let outcome = std::panic::catch_unwind(run)
        .unwrap_or_else(|_| Err("it panicked; the message above says where".to_owned()));
    let report = scheduler.into_report();
    match outcome {
        Ok(()) => Ok(report),
        Err(what) => Err(Failure { seed, what, lines: report.lines }),
    }
}
