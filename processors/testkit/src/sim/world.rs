// SPDX-License-Identifier: Apache-2.0

//! What all workers of a run share: broker, randomness, faults, trace.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use driver::Defect;
use engine::Budget;

use super::broker::{Broker, PartitionId, Record};
use super::faults::{Fault, Faults};
use super::rng::Rng;
use super::topology::Topics;
use super::trace::Trace;

/// The key of a state's format.
const FORM_KEY: &[u8] = b"\0form";
/// A partition, the position that is gone, and the first available offset.
pub(super) type Gap = (PartitionId, i64, i64);

/// Everything but the instances.
pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) trace: Trace,
    pub(super) faults: Faults,
    pub(super) broker: Broker,
    pub(super) topics: Topics,
    pub(super) defect: Option<Defect>,
    /// The number of workers so far.
    pub(super) marks: u64,
    /// Metadata of committed offsets, by number.
    pub(super) metadata: Vec<String>,
    /// The workers' wall clock.
    pub(super) wall_ms: i64,
    /// Records removed unread: from an offset up to another.
    pub(super) removed: BTreeSet<Gap>,
    /// Records removed from partitions of which nothing was committed yet. A new group begins with what is available.
    pub(super) removed_first: BTreeSet<Gap>,
    /// The gaps that workers have reported.
    pub(super) said: BTreeSet<Gap>,
    /// Whether input partitions may lose their ends in this run.
    pub(super) may_be_truncated: bool,
    /// Whether one has: its topic is read again, so counts per record may be higher.
    pub(super) is_truncated: bool,
    /// Records for partitions that have lost their ends, until a worker has noticed and committed its new position. Written at
    /// once they would take the lost offsets, and whether a client notices depends on its version.
    pub(super) held: BTreeMap<PartitionId, Vec<Record>>,
    /// The offsets from which partitions hold only tombstones that may be lost.
    pub(super) tails: BTreeMap<PartitionId, i64>,
    /// Whether stores are on disk and used again, or in memory.
    pub(super) keeps_stores: bool,
    /// The work that one commit may spend on expiry and erasure.
    pub(super) budget: Budget,
}

impl World {
    /// Writes records held back for partitions where the group has committed a position that exists.
    pub(super) fn release(&mut self) {
        let broker = &self.broker;
        let is_noticed = |place: &PartitionId| {
            let committed =
                broker.committed(&[*place]).ok().and_then(|found| found.first().copied().flatten());
            committed.is_some_and(|offset| offset.next <= broker.log(*place).end())
        };
        let places: Vec<PartitionId> = self.held.keys().copied().filter(is_noticed).collect();
        for place in places {
            for record in self.held.remove(&place).unwrap_or_default() {
                self.broker.append(place, record);
            }
        }
    }

    pub(super) fn note(&mut self, what: fmt::Arguments<'_>) {
        self.trace.note(self.broker.now_ms, what);
    }

    /// Whether the fault occurs at this opportunity.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        self.faults.strikes(fault, &mut self.rng)
    }

    /// Whether each changelog has its format.
    pub(super) fn all_forms_are_known(&self) -> bool {
        let says = |place| {
            let mut records = self.broker.committed_records(place);
            records.any(|(_, record)| record.key.as_deref() == Some(FORM_KEY))
        };
        (0..self.topics.partitions)
            .all(|partition| says(PartitionId { topic: self.topics.changelog(), partition }))
    }
}
