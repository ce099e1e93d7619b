// SPDX-License-Identifier: Apache-2.0

//! The group coordinator: members, generations, a cooperative assignment, and the committed offsets.

use std::collections::{BTreeMap, BTreeSet};

use super::PartitionId;
use super::transactions::{Refused, TransactionId};

/// A member's id.
pub(crate) type MemberId = u64;

/// The id of a client that is no member.
pub(crate) const NO_MEMBER: MemberId = 0;
/// The session timeout.
pub(super) const SESSION_MS: u64 = 300;
/// The rebalance timeout.
const REBALANCE_MS: u64 = 400;

#[derive(Default)]
struct Member {
    session_ends_ms: u64,
    /// The partitions it claims to own.
    holds: BTreeSet<PartitionId>,
    assigned: BTreeSet<PartitionId>,
    has_joined: bool,
}

/// A committed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offset {
    pub(crate) next: i64,
    /// The metadata committed with it, by number.
    pub(crate) mark: usize,
}

/// Who committed a partition's offset, per generation.
type Committers = BTreeMap<(PartitionId, i32), MemberId>;

#[derive(Default)]
pub(super) struct Group {
    places: Vec<PartitionId>,
    generation: i32,
    members: BTreeMap<MemberId, Member>,
    /// When the current rebalance removes missing members; `None` without one.
    rebalance_ends_ms: Option<u64>,
    joined: MemberId,
    committed: BTreeMap<PartitionId, Offset>,
    pending: BTreeMap<TransactionId, BTreeMap<PartitionId, Offset>>,
    committers: Committers,
    /// Topics that are read again from the beginning.
    read_again: BTreeSet<usize>,
}

impl Group {
    pub(super) fn new(places: Vec<PartitionId>) -> Self {
        Self { places, ..Self::default() }
    }

    /// A member joins or rejoins, with the partitions it owns.
    pub(super) fn join(
        &mut self,
        known: Option<MemberId>,
        holds: BTreeSet<PartitionId>,
        now_ms: u64,
    ) -> MemberId {
        let id = known.filter(|id| self.members.contains_key(id)).unwrap_or_else(|| {
            self.joined += 1;
            self.joined
        });
        let member = self.members.entry(id).or_default();
        member.session_ends_ms = now_ms + SESSION_MS;
        member.holds = holds;
        member.has_joined = true;
        self.begin_rebalance(now_ms);
        self.complete_if_all_joined();
        id
    }

    /// A partition was added.
    pub(super) fn add(&mut self, place: PartitionId, now_ms: u64) {
        if !self.places.contains(&place) {
            self.places.push(place);
            self.begin_rebalance(now_ms);
            self.complete_if_all_joined();
        }
    }

    fn begin_rebalance(&mut self, now_ms: u64) {
        self.rebalance_ends_ms.get_or_insert(now_ms + REBALANCE_MS);
    }

    pub(super) fn leave(&mut self, id: MemberId, now_ms: u64) {
        if self.members.remove(&id).is_some() {
            self.begin_rebalance(now_ms);
            self.complete_if_all_joined();
        }
    }

    /// A heartbeat. Returns whether the member has to rejoin; an error for an unknown member.
    pub(super) fn heartbeat(&mut self, id: MemberId, now_ms: u64) -> Result<bool, Refused> {
        let is_rebalancing = self.rebalance_ends_ms.is_some();
        let member = self.members.get_mut(&id).ok_or(Refused::StaleMember)?;
        member.session_ends_ms = now_ms + SESSION_MS;
        Ok(is_rebalancing && !member.has_joined)
    }

    /// The member's assignment; `None` during a rebalance.
    pub(super) fn sync(&self, id: MemberId) -> Result<Option<(i32, BTreeSet<PartitionId>)>, Refused> {
        let member = self.members.get(&id).ok_or(Refused::StaleMember)?;
        let is_over = self.rebalance_ends_ms.is_none();
        Ok(is_over.then(|| (self.generation, member.assigned.clone())))
    }

    /// Ends sessions and rebalances that have timed out; returns the number of removed members.
    pub(super) fn time_out(&mut self, now_ms: u64) -> usize {
        let before = self.members.len();
        self.members.retain(|_, member| member.session_ends_ms >= now_ms);
        if self.members.len() < before {
            self.begin_rebalance(now_ms);
        }
        if self.rebalance_ends_ms.is_some_and(|ends_ms| now_ms > ends_ms) {
            self.members.retain(|_, member| member.has_joined);
        }
        self.complete_if_all_joined();
        before - self.members.len()
    }

    fn complete_if_all_joined(&mut self) {
        if self.rebalance_ends_ms.is_none() || !self.members.values().all(|member| member.has_joined) {
            return;
        }
        self.rebalance_ends_ms = None;
        self.generation += 1;
        self.assign();
        self.members.values_mut().for_each(|member| member.has_joined = false);
    }

    /// Cooperative assignment: each member keeps its partitions up to its fair share. Unowned partitions go to members with the
    /// fewest; a partition that a member has to give up is reassigned only afterwards.
    fn assign(&mut self) {
        let Some(fair) = self.places.len().checked_div(self.members.len()) else { return };
        let mut larger_shares = self.places.len() % self.members.len();
        let mut held: BTreeSet<PartitionId> = BTreeSet::new();
        for member in self.members.values_mut() {
            let mine: Vec<PartitionId> =
                member.holds.iter().filter(|place| self.places.contains(place)).copied().collect();
            let share = if mine.len() > fair && larger_shares > 0 {
                larger_shares -= 1;
                fair + 1
            } else {
                fair
            };
            held.extend(mine.iter().copied());
            member.assigned = mine.into_iter().take(share).collect();
        }
        for place in self.places.iter().filter(|place| !held.contains(place)) {
            let least = self.members.values_mut().min_by_key(|member| member.assigned.len());
            if let Some(member) = least {
                member.assigned.insert(*place);
            }
        }
    }

    /// Accepts a transaction's offsets. The membership was checked.
    pub(super) fn take_offsets(&mut self, transaction: TransactionId, offsets: &[(PartitionId, Offset)]) {
        self.pending.entry(transaction).or_default().extend(offsets.iter().copied());
    }

    /// Whether the member may commit in this generation. In a transaction, a commit without a member id is not checked, like
    /// one from outside the group.
    pub(super) fn admits(&self, id: MemberId, generation: i32) -> bool {
        let is_outsider = id == NO_MEMBER && generation < 0;
        is_outsider || (generation == self.generation && self.members.contains_key(&id))
    }

    /// Notes who commits a partition in a generation.
    ///
    /// # Errors
    /// Two members committed the same partition.
    pub(super) fn note_committer(
        &mut self,
        (id, generation): (MemberId, i32),
        offsets: &[(PartitionId, Offset)],
    ) -> Result<(), String> {
        for (place, _) in offsets {
            let first = *self.committers.entry((*place, generation)).or_insert(id);
            if first != id {
                return Err(format!(
                    "members {first} and {id} both commit offsets of {place:?} in generation {generation}"
                ));
            }
        }
        Ok(())
    }

    /// The transaction's marker was written to the offsets.
    ///
    /// # Errors
    /// A committed offset decreased.
    pub(super) fn mark(&mut self, transaction: TransactionId, committed: bool) -> Result<(), String> {
        let offsets = self.pending.remove(&transaction).unwrap_or_default();
        if !committed {
            return Ok(());
        }
        for (place, offset) in offsets {
            self.put(place, offset)?;
        }
        Ok(())
    }

    /// Allows committed offsets of a topic to decrease.
    pub(super) fn may_go_back(&mut self, topic: usize) {
        self.read_again.insert(topic);
    }

    /// Sets a committed offset.
    ///
    /// # Errors
    /// It decreased.
    pub(super) fn put(&mut self, place: PartitionId, offset: Offset) -> Result<(), String> {
        let (before, next) =
            (self.committed.insert(place, offset).map_or(0, |before| before.next), offset.next);
        if next < before && !self.read_again.contains(&place.topic) {
            return Err(format!("the committed offset of {place:?} goes back from {before} to {next}"));
        }
        Ok(())
    }

    /// The committed offset of a partition, unless an open transaction could change it.
    pub(super) fn committed(&self, place: PartitionId) -> Result<Option<Offset>, Refused> {
        if self.pending.values().any(|offsets| offsets.contains_key(&place)) {
            return Err(Refused::Unstable);
        }
        Ok(self.committed.get(&place).copied())
    }

    /// The latest committed offset.
    pub(super) fn latest_committed(&self, place: PartitionId) -> Option<Offset> {
        self.committed.get(&place).copied()
    }

    /// The number of partitions to read.
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    /// Whether no rebalance is in progress.
    pub(super) fn is_settled(&self) -> bool {
        self.rebalance_ends_ms.is_none()
    }
}
