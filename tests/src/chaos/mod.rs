// SPDX-License-Identifier: Apache-2.0

//! Chaos: instances and brokers of a three-node cluster are killed, stopped, bounced and started in an order that a seed
//! decides, while events keep coming. What consumers see in the end has to be what `fold` gives for the same events.

mod check;
mod faults;
mod input;
mod progress;
mod report;
mod scene;

use std::time::{Duration, Instant};

pub use faults::Fault;
pub use report::Report;

use faults::schedule;
use scene::Scene;

/// With input, no partition may be blocked for longer. Two faults in a row, each with a rebalance and a restore, take a minute on
/// a machine that also does other work.
const STALL_MAX: Duration = Duration::from_secs(120);

/// How much is to go wrong.
#[derive(Debug, Clone)]
pub struct Options {
    /// The same seed gives the same faults in the same order, and the same events.
    pub seed: u64,
    /// How often an instance is killed (SIGKILL).
    pub instance_kills: usize,
    /// How often a broker is killed (SIGKILL).
    pub broker_kills: usize,
    /// Events in a second.
    pub rate: u32,
    /// No further faults after this time.
    pub time_max: Option<Duration>,
    /// Says each fault on standard error.
    pub verbose: bool,
}

/// Runs it. Whatever is not as it should be panics, and leaves the folder with all logs.
#[must_use]
pub fn run(options: &Options) -> Report {
    println!("chaos with seed {}", options.seed);
    let steps = schedule(options.seed, options.instance_kills, options.broker_kills);
    let mut scene = Scene::new(options);
    let begun = Instant::now();
    for step in &steps {
        if options.time_max.is_some_and(|most| begun.elapsed() >= most) {
            break;
        }
        scene.await_committed(step.records);
        scene.commit(&step.fault);
    }
    scene.end(begun)
}
