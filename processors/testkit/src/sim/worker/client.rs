// SPDX-License-Identifier: Apache-2.0

//! The consumer of a worker: membership, assignment, positions and fetches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use driver::EndOffset;

use crate::sim::broker::{Broker, Log, MemberId, NO_MEMBER, PartitionId};
use crate::sim::topology::Topics;

/// A decision of the group, for the worker to carry out.
#[derive(Debug)]
pub(super) enum Decision {
    Assigned(BTreeSet<PartitionId>),
    Revoked { places: BTreeSet<PartitionId>, lost: bool },
}

/// The consumer's position in a partition.
#[derive(Default, Clone, Copy)]
struct Position {
    next: i64,
    /// Where it was positioned; earlier records are not delivered.
    from: i64,
    /// Whether it is fetched.
    is_fetched: bool,
}

#[derive(Default)]
pub(super) struct Client {
    member: Option<MemberId>,
    generation: i32,
    /// The membership kept for the offsets of a transaction.
    kept: Option<(MemberId, i32)>,
    /// The partitions it owns according to the group.
    holds: BTreeSet<PartitionId>,
    /// Joined, without an assignment yet.
    is_joining: bool,
    /// Has given partitions up: the group waits for it to rejoin.
    has_given_up: bool,
    positions: BTreeMap<PartitionId, Position>,
    decisions: VecDeque<Decision>,
    /// The decision that the worker has not answered yet: whether it is a loss of partitions.
    outstanding: Option<bool>,
    /// A partition was assigned again, so the client has forgotten that it lost all of them.
    has_forgotten: bool,
    statistics: BTreeMap<PartitionId, EndOffset>,
}

impl Client {
    /// The client's background thread. The need to rejoin is handled by the next poll; the loss of the membership is noted at
    /// once, unless another decision is pending.
    pub(super) fn heartbeat(&mut self, broker: &mut Broker) {
        if let Some(member) = self.member
            && broker.heartbeat(member).is_err()
            && !self.has_news()
        {
            self.lose();
        }
    }

    /// Whether it has noticed the loss of its partitions, and the worker has not carried it out.
    pub(super) fn is_lost(&self) -> bool {
        let is_lost = |decision: &Decision| matches!(decision, Decision::Revoked { lost: true, .. });
        !self.has_forgotten && (self.outstanding == Some(true) || self.decisions.iter().any(is_lost))
    }

    /// Whether a decision is pending.
    pub(super) fn has_news(&self) -> bool {
        !self.decisions.is_empty() || self.outstanding.is_some()
    }

    /// The membership part of a poll.
    pub(super) fn follow(&mut self, broker: &mut Broker) {
        if self.has_news() {
            return;
        }
        let Some(member) = self.member else {
            self.join(broker);
            return;
        };
        match broker.heartbeat(member) {
            Err(_) => self.lose(),
            Ok(true) => self.join(broker),
            Ok(false) if self.is_joining => self.learn(member, broker),
            Ok(false) if self.has_given_up => self.join(broker),
            Ok(false) => {}
        }
    }

    fn join(&mut self, broker: &mut Broker) {
        self.member = Some(broker.join(self.member, self.holds.clone()));
        self.is_joining = true;
        self.has_given_up = false;
    }

    fn learn(&mut self, member: MemberId, broker: &mut Broker) {
        let Ok(Some((generation, assigned))) = broker.sync(member) else { return };
        self.is_joining = false;
        self.generation = generation;
        let revoked: BTreeSet<PartitionId> = self.holds.difference(&assigned).copied().collect();
        let added: BTreeSet<PartitionId> = assigned.difference(&self.holds).copied().collect();
        if !revoked.is_empty() {
            self.decisions.push_back(Decision::Revoked { places: revoked, lost: false });
        }
        if !added.is_empty() {
            self.decisions.push_back(Decision::Assigned(added));
        }
    }

    fn lose(&mut self) {
        self.member = None;
        self.generation = -1;
        self.is_joining = false;
        self.has_forgotten = false;
        if !self.holds.is_empty() {
            let places = self.holds.clone();
            self.decisions.push_back(Decision::Revoked { places, lost: true });
        }
    }

    /// The next decision, once the previous one is answered.
    pub(super) fn next_decision(&mut self) -> Option<Decision> {
        if self.outstanding.is_some() {
            return None;
        }
        let decision = self.decisions.pop_front()?;
        self.outstanding = Some(matches!(decision, Decision::Revoked { lost: true, .. }));
        Some(decision)
    }

    /// Answers an assignment, which may include partitions that the group does not assign.
    pub(super) fn assign(&mut self, places: &[PartitionId], topics: &Topics) {
        self.outstanding = None;
        self.holds.extend(places.iter().filter(|place| place.topic != topics.repartition()));
        self.positions.extend(places.iter().map(|place| (*place, Position::default())));
    }

    /// Answers a revocation.
    pub(super) fn unassign(&mut self, places: &[PartitionId], topics: &Topics) {
        self.outstanding = None;
        self.holds.retain(|place| !places.contains(place));
        self.positions.retain(|place, _| !places.contains(place));
        self.statistics.retain(|place, _| !places.contains(place));
        self.has_given_up |= places.iter().any(|place| place.topic != topics.repartition());
    }

    /// Assigns partitions again.
    pub(super) fn reassign(&mut self, positions: &[(PartitionId, i64)]) {
        self.has_forgotten = true;
        positions.iter().for_each(|(place, offset)| self.seek(*place, *offset));
    }

    pub(super) fn pause(&mut self, places: &[PartitionId]) {
        for place in places {
            if let Some(position) = self.positions.get_mut(place) {
                position.is_fetched = false;
            }
        }
    }

    /// Keeps the current membership for a transaction's offsets.
    pub(super) fn keep_membership(&mut self) {
        self.kept = Some((self.member.unwrap_or(NO_MEMBER), self.generation));
    }

    /// The membership that was kept last.
    pub(super) fn kept_membership(&self) -> (MemberId, i32) {
        self.kept.unwrap_or((NO_MEMBER, -1))
    }

    pub(super) fn leave(&mut self, broker: &mut Broker) {
        if let Some(member) = self.member.take() {
            broker.leave(member);
        }
        *self = Self::default();
    }

    /// Fetches a partition from an offset on. Earlier statistics of it become invalid.
    pub(super) fn seek(&mut self, place: PartitionId, offset: i64) {
        self.statistics.remove(&place);
        if let Some(position) = self.positions.get_mut(&place) {
            *position = Position { next: offset, from: offset, is_fetched: true };
        }
    }

    pub(super) fn position(&self, place: PartitionId) -> i64 {
        self.positions.get(&place).map_or(0, |position| position.next)
    }

    /// Partitions with a record to deliver, or a position that is gone.
    pub(super) fn readable(&self, broker: &Broker) -> Vec<PartitionId> {
        let is_readable = |(place, position): &(&PartitionId, &Position)| {
            let is_off = is_out_of_range(position.next, broker.log(**place));
            position.is_fetched && (is_off || broker.fetch(**place, position.next).is_some())
        };
        self.positions.iter().filter(is_readable).map(|(place, _)| *place).collect()
    }

    /// Whether the position is gone.
    pub(super) fn is_out_of_range(&self, place: PartitionId, broker: &Broker) -> bool {
        is_out_of_range(self.position(place), broker.log(place))
    }

    /// A record was delivered.
    pub(super) fn advance(&mut self, place: PartitionId, next: i64) {
        self.positions.entry(place).or_default().next = next;
    }

    /// Delivers some records again.
    pub(super) fn fall_back(&mut self, place: PartitionId, records: i64) {
        if let Some(position) = self.positions.get_mut(&place) {
            position.next = position.from.max(position.next - records);
        }
    }

    /// Updates the end offsets of fetched partitions.
    pub(super) fn renew_statistics(&mut self, broker: &Broker) {
        for (place, position) in self.positions.iter().filter(|(_, position)| position.is_fetched) {
            let is_drained = broker.fetch(*place, position.next).is_none();
            let end = EndOffset { stable: broker.log(*place).stable_end(), is_drained };
            self.statistics.insert(*place, end);
        }
    }

    pub(super) fn take_statistics(&mut self) -> BTreeMap<PartitionId, EndOffset> {
        std::mem::take(&mut self.statistics)
    }

    pub(super) fn held(&self) -> usize {
        self.holds.len()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.member.is_some() && !self.is_joining && !self.has_given_up && !self.has_news()
    }
}

fn is_out_of_range(next: i64, log: &Log) -> bool {
    next < log.begin() || next > log.end()
}
