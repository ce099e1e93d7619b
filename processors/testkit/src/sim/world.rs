//! What all workers of a run share: the broker, chance, faults, the trace.

use std::collections::BTreeSet;
use std::fmt;

use engine::Budget;

use super::broker::{Broker, Place};
use super::defect::Defect;
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
    /// How many transactions were begun: each has a mark of its own.
    pub(super) marks: u64,
    /// What the workers' clocks say.
    pub(super) wall_ms: i64,
    /// What was removed before anybody had read it: from an offset up to another.
    pub(super) removed: BTreeSet<Gap>,
    /// What workers have said of that.
    pub(super) said: BTreeSet<Gap>,
    /// Whether stores lie on the disk and are used again, or in memory.
    pub(super) keeps_stores: bool,
    /// What one commit may do of what expires, is forgotten or erased.
    pub(super) budget: Budget,
}

impl World {
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

    pub(super) fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }
}
