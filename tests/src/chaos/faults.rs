// SPDX-License-Identifier: Apache-2.0

//! What goes wrong, in an order that a seed decides.

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::scene::{INSTANCES, NODES};

/// How many records are committed, at the most, between two faults.
const RECORDS_MAX: i64 = 300;

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// kill -9, and a start at once.
    KillInstance(usize),
    /// All at once, and a start at once.
    KillAllInstances,
    /// SIGTERM, and a start at once.
    BounceInstance(usize),
    /// SIGSTOP until others have taken over its work, then SIGCONT: a zombie.
    SuspendInstance(usize),
    /// Another instance comes and goes, again and again.
    Storm(Vec<Visit>),
    /// kill -9; it comes back after so many further faults.
    KillBroker(usize, usize),
    /// An orderly stop; it comes back after so many further faults.
    BounceBroker(usize, usize),
}

impl Fault {
    /// Its name in a report.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Fault::KillInstance(_) | Fault::KillAllInstances => "kill -9 of an instance",
            Fault::BounceInstance(_) => "bounce of an instance",
            Fault::SuspendInstance(_) => "instance asleep past its session",
            Fault::Storm(_) => "visit of one more instance",
            Fault::KillBroker(..) => "kill -9 of a broker",
            Fault::BounceBroker(..) => "bounce of a broker",
        }
    }

    /// How often it is one.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Fault::KillAllInstances => INSTANCES,
            Fault::Storm(visits) => visits.len(),
            _ => 1,
        }
    }
}

/// How an instance that does not stay comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// Whether it stays until it has its partitions.
    pub settles: bool,
    /// Whether it is killed in the end, or stopped in order.
    pub is_killed: bool,
}

/// A fault, and how many records are to be committed before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) records: i64,
    pub(super) fault: Fault,
}

/// The number of kills, and other faults in proportion.
pub(super) fn schedule(seed: u64, instance_kills: usize, broker_kills: usize) -> Vec<Step> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut faults = Vec::new();
    let mut left = instance_kills;
    while left > 0 {
        let fault = if left >= INSTANCES && rng.random_bool(0.1) {
            Fault::KillAllInstances
        } else {
            Fault::KillInstance(rng.random_range(0..INSTANCES))
        };
        left -= fault.weight();
        faults.push(fault);
    }
    for _ in 0..instance_kills.div_ceil(8) {
        faults.push(Fault::BounceInstance(rng.random_range(0..INSTANCES)));
    }
    for _ in 0..instance_kills.div_ceil(16) {
        faults.push(Fault::SuspendInstance(rng.random_range(0..INSTANCES)));
        let visits = rng.random_range(2..=4);
        let visit = |_| Visit { settles: rng.random_bool(0.5), is_killed: rng.random_bool(0.5) };
        faults.push(Fault::Storm((0..visits).map(visit).collect()));
    }
    let node = |rng: &mut ChaCha8Rng| (rng.random_range(0..NODES), rng.random_range(0..=3));
    for _ in 0..broker_kills {
        let (node, faults_until_back) = node(&mut rng);
        faults.push(Fault::KillBroker(node, faults_until_back));
    }
    for _ in 0..broker_kills.div_ceil(3) {
        let (node, faults_until_back) = node(&mut rng);
        faults.push(Fault::BounceBroker(node, faults_until_back));
    }
    faults.shuffle(&mut rng);
    // Some follow at once, so that a start, a restore or a rebalance is hit as well.
    let mut records = || if rng.random_bool(0.25) { 0 } else { rng.random_range(1..=RECORDS_MAX) };
    faults.into_iter().map(|fault| Step { records: records(), fault }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_faults_and_another_one_others() {
        assert_eq!(schedule(7, 20, 3), schedule(7, 20, 3));
        assert_ne!(schedule(7, 20, 3), schedule(8, 20, 3));
    }

    #[test]
    fn there_are_as_many_kills_as_were_asked_for() {
        let count = |name| {
            let steps = schedule(3, 200, 30);
            let of_name = steps.iter().filter(|step| step.fault.name() == name);
            of_name.map(|step| step.fault.weight()).sum::<usize>()
        };
        assert_eq!(count("kill -9 of an instance"), 200);
        assert_eq!(count("kill -9 of a broker"), 30);
    }
}
