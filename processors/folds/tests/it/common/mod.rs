// SPDX-License-Identifier: Apache-2.0

//! Shared code of this crate's tests.
#![allow(dead_code, reason = "not every test needs everything")]

pub(crate) mod generated;
pub(crate) mod listed;

use engine::Topology;
use testkit::{Driver, INNER, topology};

/// The real task with all processors.
pub(crate) fn driver() -> Driver {
    Driver::new(topology())
}

/// The real task with the activities only.
pub(crate) fn driver_of_activities() -> Driver {
    let mut topology = Topology::new(INNER);
    let processor = |name| folds::by_name(name, &folds::Settings::default()).unwrap();
    topology.add(processor("admission"), &[]).unwrap();
    topology.add(processor("correlate"), &[]).unwrap();
    topology.add(processor("activities"), &["cx.activities"]).unwrap();
    Driver::new(topology)
}

/// The real tasks with all processors in this number of partitions; records are pushed to any of them.
pub(crate) fn driver_of(partitions: i32) -> Driver {
    Driver::with_partitions(topology(), partitions)
}
