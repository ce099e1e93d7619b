//! What the tests of this crate share.
#![allow(dead_code, reason = "not every test needs everything")]

pub(crate) mod generated;

use engine::{InnerTopics, Topology};
use testkit::Driver;

/// The topic that each processor writes.
const TOPICS: [(&str, &[&str]); 8] = [
    ("admission", &[]),
    ("correlate", &[]),
    ("activities", &["cx.activities"]),
    ("timelines", &["cx.timelines"]),
    ("conversations", &["cx.conversations"]),
    ("metrics", &["cx.metrics"]),
    ("audit", &["cx.audit"]),
    ("bot-training", &["cx.bot-training"]),
];

const INNER: InnerTopics<'_> = InnerTopics {
    dead_letters: "cx.dead-letters",
    changelog: "changelog",
    repartition: "repartition",
    erasures: Some("cx.erasures"),
};

/// All processors.
pub(crate) fn topology() -> Topology {
    let mut topology = Topology::new(INNER);
    for (name, topics) in TOPICS {
        topology.add(folds::by_name(name, &folds::Settings::default()).unwrap(), topics).unwrap();
    }
    topology
}

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

/// The real tasks with all processors in so many partitions; records are put into any of them.
pub(crate) fn driver_of(partitions: i32) -> Driver {
    Driver::with_partitions(topology(), partitions)
}
