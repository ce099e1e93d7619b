//! The consumer of one worker: its membership, what it holds, and its positions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::sim::broker::{Broker, MemberId, NO_MEMBER, Place};

/// What the group decided; the worker has to carry it out.
#[derive(Debug)]
pub(super) enum Decision {
    Assigned(BTreeSet<Place>),
    Revoked { places: BTreeSet<Place>, lost: bool },
}

/// Where the consumer stands in a partition.
#[derive(Default, Clone, Copy)]
struct Position {
    next: i64,
    /// Where it was put; it hands out nothing before that.
    from: i64,
}

#[derive(Default)]
pub(super) struct Client {
    member: Option<MemberId>,
    generation: i32,
    /// What it holds, as far as the group was told.
    holds: BTreeSet<Place>,
    /// Joined, and not told yet what it got.
    is_joining: bool,
    /// It has given something up: the group waits for it to join again.
    has_given_up: bool,
    positions: BTreeMap<Place, Position>,
    decisions: VecDeque<Decision>,
}

impl Client {
    /// What the client's own thread does, whatever the worker is doing. That it must join again is looked at by the next poll; that
    /// it is no member any more it notes at once, unless something else is to be carried out first.
    pub(super) fn heartbeat(&mut self, broker: &mut Broker) {
        if let Some(member) = self.member
            && broker.heartbeat(member).is_err()
            && self.decisions.is_empty()
        {
            self.lose();
        }
    }

    /// Whether it has noted that its partitions are lost, and nobody has carried that out yet.
    pub(super) fn is_lost(&self) -> bool {
        self.decisions.iter().any(|decision| matches!(decision, Decision::Revoked { lost: true, .. }))
    }

    /// One poll's worth of membership.
    pub(super) fn follow(&mut self, broker: &mut Broker) {
        if !self.decisions.is_empty() {
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
        let revoked: BTreeSet<Place> = self.holds.difference(&assigned).copied().collect();
        let added: BTreeSet<Place> = assigned.difference(&self.holds).copied().collect();
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
        if !self.holds.is_empty() {
            let places = self.holds.clone();
            self.decisions.push_back(Decision::Revoked { places, lost: true });
        }
    }

    pub(super) fn next_decision(&mut self) -> Option<Decision> {
        self.decisions.pop_front()
    }

    /// Answers an assignment.
    pub(super) fn assign(&mut self, places: &BTreeSet<Place>) {
        self.holds.extend(places);
    }

    /// Answers that something is given up.
    pub(super) fn unassign(&mut self, places: &BTreeSet<Place>) {
        self.holds.retain(|place| !places.contains(place));
        self.positions.retain(|place, _| !places.contains(place));
        self.has_given_up = true;
    }

    /// What a transaction's offsets are sent with.
    pub(super) fn metadata(&self) -> (MemberId, i32) {
        (self.member.unwrap_or(NO_MEMBER), self.generation)
    }

    pub(super) fn leave(&mut self, broker: &mut Broker) {
        if let Some(member) = self.member.take() {
            broker.leave(member);
        }
        *self = Self::default();
    }

    pub(super) fn seek(&mut self, place: Place, offset: i64) {
        self.positions.insert(place, Position { next: offset, from: offset });
    }

    pub(super) fn position(&self, place: Place) -> i64 {
        self.positions.get(&place).map_or(0, |position| position.next)
    }

    /// A record was handed out.
    pub(super) fn advance(&mut self, place: Place, next: i64) {
        self.positions.entry(place).or_default().next = next;
    }

    /// It will hand out some records again.
    pub(super) fn fall_back(&mut self, place: Place, records: i64) {
        if let Some(position) = self.positions.get_mut(&place) {
            position.next = position.from.max(position.next - records);
        }
    }

    pub(super) fn held(&self) -> usize {
        self.holds.len()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.member.is_some() && !self.is_joining && !self.has_given_up && self.decisions.is_empty()
    }
}
