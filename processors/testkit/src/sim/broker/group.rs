//! The group coordinator: members, generations, a cooperative assignment, and the committed offsets.

use std::collections::{BTreeMap, BTreeSet};

use super::Place;
use super::transactions::{Refused, TransactionId};

/// A member, as the coordinator calls it.
pub(crate) type MemberId = u64;

/// What who is no member is called.
pub(crate) const NO_MEMBER: MemberId = 0;
/// A member is gone when nothing was heard of it for so long.
pub(super) const SESSION_MS: u64 = 300;
/// A member that does not take part in a rebalance for so long is gone.
const REBALANCE_MS: u64 = 400;

#[derive(Default)]
struct Member {
    session_ends_ms: u64,
    /// What it said that it holds.
    holds: BTreeSet<Place>,
    assigned: BTreeSet<Place>,
    has_joined: bool,
}

/// A committed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offset {
    pub(crate) next: i64,
    /// What the client wrote beside it: Kafka keeps a text with each offset, here its number.
    pub(crate) mark: usize,
}

/// Who committed a partition's offset, in one generation.
type Committers = BTreeMap<(Place, i32), MemberId>;

#[derive(Default)]
pub(super) struct Group {
    places: Vec<Place>,
    generation: i32,
    members: BTreeMap<MemberId, Member>,
    /// When the rebalance that is going on ends whoever is missing; none while there is none.
    rebalance_ends_ms: Option<u64>,
    joined: MemberId,
    committed: BTreeMap<Place, Offset>,
    pending: BTreeMap<TransactionId, BTreeMap<Place, Offset>>,
    committers: Committers,
    /// Topics that are read again from their beginnings.
    read_again: BTreeSet<usize>,
}

impl Group {
    pub(super) fn new(places: Vec<Place>) -> Self {
        Self { places, ..Self::default() }
    }

    /// A member joins, or takes part in a rebalance, and says what it holds.
    pub(super) fn join(&mut self, known: Option<MemberId>, holds: BTreeSet<Place>, now_ms: u64) -> MemberId {
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

    /// There is one more partition to read.
    pub(super) fn add(&mut self, place: Place, now_ms: u64) {
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

    /// A heartbeat: whether the member has to join again; an error where nobody knows it.
    pub(super) fn heartbeat(&mut self, id: MemberId, now_ms: u64) -> Result<bool, Refused> {
        let is_rebalancing = self.rebalance_ends_ms.is_some();
        let member = self.members.get_mut(&id).ok_or(Refused::StaleMember)?;
        member.session_ends_ms = now_ms + SESSION_MS;
        Ok(is_rebalancing && !member.has_joined)
    }

    /// What the last rebalance gave to the member; none while it goes on.
    pub(super) fn sync(&self, id: MemberId) -> Result<Option<(i32, BTreeSet<Place>)>, Refused> {
        let member = self.members.get(&id).ok_or(Refused::StaleMember)?;
        let is_over = self.rebalance_ends_ms.is_none();
        Ok(is_over.then(|| (self.generation, member.assigned.clone())))
    }

    /// Ends sessions and rebalances that have lasted too long; gives how many members that cost.
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

    /// Each keeps what it holds, up to its fair share. What is held by nobody goes to those that have least; what
    /// somebody has to give up is given on only after that.
    fn assign(&mut self) {
        let Some(fair) = self.places.len().checked_div(self.members.len()) else { return };
        let mut larger_shares = self.places.len() % self.members.len();
        let mut held: BTreeSet<Place> = BTreeSet::new();
        for member in self.members.values_mut() {
            let mine: Vec<Place> =
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

    /// Takes the offsets of a transaction, as long as the member that sends them still is one.
    pub(super) fn take_offsets(&mut self, transaction: TransactionId, offsets: &[(Place, Offset)]) {
        self.pending.entry(transaction).or_default().extend(offsets.iter().copied());
    }

    /// Whether the member may commit in this generation. Who names neither, as one that commits from outside does, is not checked
    /// where the offsets come with a transaction.
    pub(super) fn admits(&self, id: MemberId, generation: i32) -> bool {
        let is_outsider = id == NO_MEMBER && generation < 0;
        is_outsider || (generation == self.generation && self.members.contains_key(&id))
    }

    /// Notes who commits what in a generation.
    ///
    /// # Errors
    /// Two members did for the same partition.
    pub(super) fn note_committer(
        &mut self,
        (id, generation): (MemberId, i32),
        offsets: &[(Place, Offset)],
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

    /// The marker of a transaction has come to the offsets.
    ///
    /// # Errors
    /// An offset goes back.
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

    /// Offsets of a topic may go back.
    pub(super) fn may_go_back(&mut self, topic: usize) {
        self.read_again.insert(topic);
    }

    /// Sets a committed offset.
    ///
    /// # Errors
    /// It goes back.
    pub(super) fn put(&mut self, place: Place, offset: Offset) -> Result<(), String> {
        let (before, next) =
            (self.committed.insert(place, offset).map_or(0, |before| before.next), offset.next);
        if next < before && !self.read_again.contains(&place.topic) {
            return Err(format!("the committed offset of {place:?} goes back from {before} to {next}"));
        }
        Ok(())
    }

    /// The committed offset of a partition, once no transaction that could change it is open.
    pub(super) fn committed(&self, place: Place) -> Result<Option<Offset>, Refused> {
        if self.pending.values().any(|offsets| offsets.contains_key(&place)) {
            return Err(Refused::Unstable);
        }
        Ok(self.committed.get(&place).copied())
    }

    /// The committed offset as it is now.
    pub(super) fn latest_committed(&self, place: Place) -> Option<Offset> {
        self.committed.get(&place).copied()
    }

    /// How many partitions there are to read.
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    /// Whether no rebalance is going on.
    pub(super) fn is_settled(&self) -> bool {
        self.rebalance_ends_ms.is_none()
    }
}
