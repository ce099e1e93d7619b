//! What the tests of this crate share.

use engine::Topology;
use testkit::Driver;

/// The real task with all processors.
pub(crate) fn driver() -> Driver {
    let mut topology = Topology::new("cx.dead-letters", "changelog");
    topology.add(folds::by_name("activities").unwrap(), &["cx.activities"]).unwrap();
    topology.add(folds::by_name("correlate").unwrap(), &[]).unwrap();
    Driver::new(topology)
}
