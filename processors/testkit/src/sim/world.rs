//! What all workers of a run share: the broker, chance, faults, the trace.

use std::fmt;

use super::broker::Broker;
use super::defect::Defect;
use super::faults::{Fault, Faults};
use super::rng::Rng;
use super::topology::Topics;
use super::trace::Trace;

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
    /// Whether stores lie on the disk and are used again, or in memory.
    pub(super) keeps_stores: bool,
}

impl World {
    pub(super) fn note(&mut self, what: fmt::Arguments<'_>) {
        self.trace.note(self.broker.now_ms, what);
    }

    /// Whether the fault happens now, where it could.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        self.faults.strikes(fault, &mut self.rng)
    }

    pub(super) fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }
}
