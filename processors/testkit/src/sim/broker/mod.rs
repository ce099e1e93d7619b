//! A broker, as far as a client can tell: logs, transactions, a group, all in one thread. Every call is one request and
//! its answer; what may happen between two requests is the scheduler's.

mod group;
mod log;
#[cfg(test)]
mod tests;
mod transactions;

use std::collections::{BTreeMap, BTreeSet};

use group::Group;
pub(super) use group::{MemberId, NO_MEMBER, Offset};
pub(super) use log::{Log, Record};
pub(super) use transactions::Refused;
use transactions::{Target, Transactions};

use super::faults::{Fault, Faults};
use super::rng::Rng;

/// A transaction that is open for longer is aborted by the coordinator.
const TRANSACTION_MS: u64 = 200;

/// A partition of a topic, by the topic's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) topic: usize,
    pub(super) partition: i32,
}

/// A producer's name and epoch, which every request of it carries.
pub(super) type Producer<'p> = (&'p str, i32);

/// The end of a transaction that is still on its way.
struct Late {
    id: String,
    epoch: i32,
    commit: bool,
}

/// What the broker holds. Time is the scheduler's.
pub(super) struct Broker {
    pub(super) now_ms: u64,
    logs: BTreeMap<Place, Log>,
    transactions: Transactions,
    group: Group,
    late: Vec<Late>,
    nowhere: Log,
}

impl Broker {
    /// A broker whose group reads these partitions.
    pub(super) fn new(read: Vec<Place>) -> Self {
        Self {
            now_ms: 0,
            logs: BTreeMap::new(),
            transactions: Transactions::default(),
            group: Group::new(read),
            late: Vec::new(),
            nowhere: Log::default(),
        }
    }

    pub(super) fn log(&self, place: Place) -> &Log {
        self.logs.get(&place).unwrap_or(&self.nowhere)
    }

    /// All partitions of a topic that were ever written.
    pub(super) fn places_of(&self, topic: usize) -> Vec<Place> {
        self.logs.keys().filter(|place| place.topic == topic).copied().collect()
    }

    /// Appends a record outside any transaction.
    pub(super) fn append(&mut self, place: Place, record: Record) {
        self.logs.entry(place).or_default().append(record, None);
    }

    /// The next record that is committed.
    pub(super) fn fetch(&self, place: Place, from: i64) -> Option<(i64, &Record)> {
        self.logs.get(&place)?.next_committed(from, &self.transactions.fates)
    }

    /// The next record, committed or not.
    pub(super) fn fetch_uncommitted(&self, place: Place, from: i64) -> Option<(i64, &Record)> {
        self.logs.get(&place)?.next_written(from)
    }

    /// All that a consumer sees of a partition which reads only what is committed.
    pub(super) fn committed_records(&self, place: Place) -> impl Iterator<Item = (i64, &Record)> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let (offset, record) = self.fetch(place, next)?;
            next = offset + 1;
            Some((offset, record))
        })
    }

    pub(super) fn init_producer(&mut self, id: &str) -> Result<i32, Refused> {
        self.transactions.init(id)
    }

    /// Writes records of the open transaction to one partition; gives the offset after the last one.
    pub(super) fn produce(
        &mut self,
        producer: Producer<'_>,
        place: Place,
        records: Vec<Record>,
    ) -> Result<i64, Refused> {
        let transaction = self.transactions.add(producer, Target::Partition(place), self.now_ms)?;
        let log = self.logs.entry(place).or_default();
        records.into_iter().for_each(|record| log.append(record, Some(transaction)));
        Ok(log.end())
    }

    /// Puts offsets into the open transaction; `checked` as a member of this generation.
    ///
    /// # Errors
    /// The inner one is an answer; the outer one is a rule that was broken.
    pub(super) fn send_offsets(
        &mut self,
        producer: Producer<'_>,
        member: (MemberId, i32),
        offsets: &[(Place, Offset)],
        checked: bool,
    ) -> Result<Result<(), Refused>, String> {
        let transaction = match self.transactions.add(producer, Target::Offsets, self.now_ms) {
            Ok(transaction) => transaction,
            Err(refused) => return Ok(Err(refused)),
        };
        if checked && !self.group.admits(member.0, member.1) {
            return Ok(Err(Refused::StaleMember));
        }
        self.group.note_committer(member, offsets)?;
        self.group.take_offsets(transaction, offsets);
        Ok(Ok(()))
    }

    /// Commits offsets outside any transaction; only a defect does so.
    pub(super) fn commit_at_once(&mut self, offsets: &[(Place, Offset)]) -> Result<(), String> {
        offsets.iter().try_for_each(|(place, offset)| self.group.put(*place, *offset))
    }

    pub(super) fn end(&mut self, producer: Producer<'_>, commit: bool) -> Result<(), Refused> {
        self.transactions.end(producer, commit)
    }

    /// How the last transaction of a producer ended: what no client can ask.
    pub(super) fn decided(&self, id: &str) -> Option<bool> {
        self.transactions.decided(id)
    }

    /// The end of a transaction that will arrive some time later.
    pub(super) fn end_later(&mut self, (id, epoch): Producer<'_>, commit: bool) {
        self.late.push(Late { id: id.to_owned(), epoch, commit });
    }

    /// One of the requests that are still on their way arrives.
    pub(super) fn deliver_late(&mut self, rng: &mut Rng, faults: &mut Faults) -> Option<String> {
        if self.late.is_empty() {
            return None;
        }
        let Late { id, epoch, commit } = self.late.remove(rng.below(self.late.len()));
        let answer = self.transactions.end((&id, epoch), commit);
        faults.count(Fault::LateEnd);
        if answer.is_ok() {
            faults.count(Fault::LateEndActed);
        }
        Some(format!("a late EndTxn of {id}, epoch {epoch}, commit {commit}: {answer:?}"))
    }

    /// Writes one marker of those that are due.
    ///
    /// # Errors
    /// A rule was broken.
    pub(super) fn write_marker(&mut self, rng: &mut Rng) -> Result<Option<String>, String> {
        let markers = self.transactions.markers();
        let Some(marker) = rng.pick(&markers) else { return Ok(None) };
        match marker.target {
            Target::Partition(place) => self.logs.entry(place).or_default().mark(marker.transaction),
            Target::Offsets => self.group.mark(marker.transaction, marker.committed)?,
        }
        self.transactions.marked(marker);
        let (transaction, target, committed) = (marker.transaction, marker.target, marker.committed);
        Ok(Some(format!("marker of transaction {transaction} on {target:?}, commit {committed}")))
    }

    /// Lets time have its effects.
    pub(super) fn tick(&mut self, faults: &mut Faults) -> Option<String> {
        let transactions = self.transactions.time_out(self.now_ms, TRANSACTION_MS);
        let sessions = self.group.time_out(self.now_ms);
        (0..transactions).for_each(|_| faults.count(Fault::TransactionTimeout));
        (0..sessions).for_each(|_| faults.count(Fault::SessionTimeout));
        (transactions + sessions > 0).then(|| {
            format!("{transactions} transactions and {sessions} members have lasted too long or are gone")
        })
    }

    /// Retention, or somebody, removes everything of a partition below an offset.
    pub(super) fn remove_below(&mut self, place: Place, offset: i64) {
        if let Some(log) = self.logs.get_mut(&place) {
            log.remove_below(offset);
        }
    }

    /// A partition loses its end. What the group has committed of the topic may go back from now on.
    pub(super) fn truncate(&mut self, place: Place, end: i64) {
        if let Some(log) = self.logs.get_mut(&place) {
            log.truncate(end);
        }
        self.group.may_go_back(place.topic);
    }

    /// Compacts a partition.
    pub(super) fn compact(&mut self, place: Place) {
        if let Some(log) = self.logs.get_mut(&place) {
            log.compact(&self.transactions.fates);
        }
    }

    pub(super) fn join(&mut self, known: Option<MemberId>, holds: BTreeSet<Place>) -> MemberId {
        self.group.join(known, holds, self.now_ms)
    }

    pub(super) fn leave(&mut self, member: MemberId) {
        self.group.leave(member, self.now_ms);
    }

    pub(super) fn heartbeat(&mut self, member: MemberId) -> Result<bool, Refused> {
        self.group.heartbeat(member, self.now_ms)
    }

    pub(super) fn sync(&self, member: MemberId) -> Result<Option<(i32, BTreeSet<Place>)>, Refused> {
        self.group.sync(member)
    }

    /// The group's committed offsets, once none of them can change any more by itself.
    pub(super) fn committed(&self, places: &[Place]) -> Result<Vec<Option<Offset>>, Refused> {
        places.iter().map(|place| self.group.committed(*place)).collect()
    }

    /// The group reads one more partition.
    pub(super) fn add_to_group(&mut self, place: Place) {
        self.group.add(place, self.now_ms);
    }

    /// The group's committed offset as it is now.
    pub(super) fn latest_committed(&self, place: Place) -> Option<Offset> {
        self.group.latest_committed(place)
    }

    /// How many partitions the group reads.
    pub(super) fn read_places(&self) -> usize {
        self.group.places()
    }

    /// Whether nothing is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.late.is_empty()
            && self.transactions.is_quiet()
            && self.group.is_settled()
            && self.logs.values().all(Log::is_settled)
    }
}
