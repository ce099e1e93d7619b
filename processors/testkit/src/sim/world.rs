//! What all workers of a run share: the broker, chance, faults, the trace.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use driver::Defect;
use engine::Budget;

use super::broker::{Broker, Place, Record};
use super::faults::{Fault, Faults};
use super::rng::Rng;
use super::topology::Topics;
use super::trace::Trace;

/// Under this key a state says its form.
const FORM_KEY: &[u8] = b"\0form";
/// A partition, the offset that was to be read, and the first one that was there.
pub(super) type Gap = (Place, i64, i64);

/// Everything but the instances.
pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) trace: Trace,
    pub(super) faults: Faults,
    pub(super) broker: Broker,
    pub(super) topics: Topics,
    pub(super) defect: Option<Defect>,
    /// How many workers there ever were.
    pub(super) marks: u64,
    /// The texts beside committed offsets, by their number.
    pub(super) metadata: Vec<String>,
    /// What the workers' clocks say.
    pub(super) wall_ms: i64,
    /// What was removed before anybody had read it: from an offset up to another.
    pub(super) removed: BTreeSet<Gap>,
    /// What workers have said of that.
    pub(super) said: BTreeSet<Gap>,
    /// Whether partitions of the input may lose their ends in this run.
    pub(super) may_be_truncated: bool,
    /// Whether one has: its topic is read again, so what is counted for each record may be there more than once.
    pub(super) is_truncated: bool,
    /// What comes for partitions that have lost their ends before a worker has noticed that. Written at once it would take the lost
    /// offsets, and whether a client notices depends on its version.
    pub(super) held: BTreeMap<Place, Vec<Record>>,
    /// From where on partitions hold nothing but tombstones that may be lost.
    pub(super) tails: BTreeMap<Place, i64>,
    /// Whether stores lie on the disk and are used again, or in memory.
    pub(super) keeps_stores: bool,
    /// What one commit may do of what expires, is forgotten or erased.
    pub(super) budget: Budget,
}

impl World {
    /// A worker reads a topic anew: what was held back comes now.
    pub(super) fn release(&mut self, topic: usize) {
        let places: Vec<Place> = self.held.keys().filter(|place| place.topic == topic).copied().collect();
        for place in places {
            for record in self.held.remove(&place).unwrap_or_default() {
                self.broker.append(place, record);
            }
        }
    }

    pub(super) fn note(&mut self, what: fmt::Arguments<'_>) {
        self.trace.note(self.broker.now_ms, what);
    }

    /// Whether the fault happens now, where it could.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        self.faults.strikes(fault, &mut self.rng)
    }

    /// Whether each changelog says of which form it is.
    pub(super) fn all_forms_are_known(&self) -> bool {
        let says = |place| {
            let mut records = self.broker.committed_records(place);
            records.any(|(_, record)| record.key.as_deref() == Some(FORM_KEY))
        };
        (0..self.topics.partitions).all(|partition| says(Place { topic: self.topics.changelog(), partition }))
    }
}
