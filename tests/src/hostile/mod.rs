// SPDX-License-Identifier: Apache-2.0

//! Hostile input: the worst events there can be within the limits and beyond them, in an order that a seed decides, at an instance
//! that is killed again and again. Whatever comes, the program goes on, its memory stays within `--memory`, each record that is no
//! valid event is a dead letter once, with the reason that was known when it was made, and everything else is what `fold` gives.

mod check;
mod clock;
mod events;
mod hash;
mod input;
mod outputs;
mod record;
mod report;
mod scene;

use std::time::Duration;

pub use report::Report;

use scene::Scene;

/// The input's partitions, as topics.yaml declares them.
const PARTITIONS: i32 = 8;
/// `limits.conversation`, as it is set for this.
const CONVERSATION_EVENTS_MAX: usize = 5_000;

/// What to send, and for how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// The same seed gives the same records in the same order.
    pub seed: u64,
    /// For how long new records are sent; all kinds are sent at least once.
    pub time: Duration,
    /// How often the instance is killed (SIGKILL), about.
    pub kill_every: Duration,
    /// The program's `--memory`, in MiB.
    pub memory_mib: u64,
    /// Not more than so many bytes are sent in a second, in the mean.
    pub bytes_a_second: f64,
    /// Only kinds whose name holds this.
    pub only: Option<String>,
    /// Says each batch and each kill on standard error.
    pub verbose: bool,
}

/// The names of all kinds of records that are sent.
#[must_use]
pub fn kinds() -> Vec<&'static str> {
    events::ALL.iter().map(|(name, _)| *name).collect()
}

/// Runs it. Whatever is not as it should be panics, and leaves the folder with all logs.
#[must_use]
pub fn run(options: &Options) -> Report {
    println!("hostile input with seed {}", options.seed);
    let mut scene = Scene::new(options);
    scene.go_on();
    scene.end()
}
