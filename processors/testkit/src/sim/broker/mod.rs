// SPDX-License-Identifier: Apache-2.0

//! A broker as clients see it: logs, transactions, a group, in one thread. Every call is one request and its response; the
//! scheduler decides what happens in between.

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

/// The transaction timeout.
const TRANSACTION_MS: u64 = 200;

/// A partition, by its topic's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartitionId {
    pub(super) topic: usize,
    pub(super) partition: i32,
}

/// A producer's id and epoch, which all its requests carry.
pub(super) type Producer<'p> = (&'p str, i32);

/// A delayed request to end a transaction.
struct Late {
    id: String,
    epoch: i32,
    commit: bool,
}

/// The broker's data. The scheduler controls the time.
pub(super) struct Broker {
    pub(super) now_ms: u64,
    logs: BTreeMap<PartitionId, Log>,
    transactions: Transactions,
    group: Group,
    late: Vec<Late>,
    nowhere: Log,
}

impl Broker {
    /// A broker with a group that reads these partitions.
    pub(super) fn new(read: Vec<PartitionId>) -> Self {
        Self {
            now_ms: 0,
            logs: BTreeMap::new(),
            transactions: Transactions::default(),
            group: Group::new(read),
            late: Vec::new(),
            nowhere: Log::default(),
        }
    }

    pub(super) fn log(&self, place: PartitionId) -> &Log {
        self.logs.get(&place).unwrap_or(&self.nowhere)
    }

    /// All partitions of a topic that were ever written.
    pub(super) fn places_of(&self, topic: usize) -> Vec<PartitionId> {
        self.logs.keys().filter(|place| place.topic == topic).copied().collect()
    }

    /// Appends a record outside any transaction.
    pub(super) fn append(&mut self, place: PartitionId, record: Record) {
        self.logs.entry(place).or_default().append(record, None);
    }

    /// The next committed record.
    pub(super) fn fetch(&self, place: PartitionId, from: i64) -> Option<(i64, &Record)> {
        self.logs.get(&place)?.next_committed(from, &self.transactions.fates)
    }

    /// The next record, committed or not.
    pub(super) fn fetch_uncommitted(&self, place: PartitionId, from: i64) -> Option<(i64, &Record)> {
        self.logs.get(&place)?.next_written(from)
    }

    /// A partition's records as `read_committed` consumers see them.
    pub(super) fn committed_records(&self, place: PartitionId) -> impl Iterator<Item = (i64, &Record)> {
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

    /// Writes records of the open transaction to one partition; returns the end offset.
    pub(super) fn produce(
        &mut self,
        producer: Producer<'_>,
        place: PartitionId,
        records: Vec<Record>,
    ) -> Result<i64, Refused> {
        let transaction = self.transactions.add(producer, Target::Partition(place), self.now_ms)?;
        let log = self.logs.entry(place).or_default();
        records.into_iter().for_each(|record| log.append(record, Some(transaction)));
        Ok(log.end())
    }

    /// Adds offsets to the open transaction; `checked` as a member of this generation.
    ///
    /// # Errors
    /// The inner error is a response; the outer one is a violated rule.
    pub(super) fn send_offsets(
        &mut self,
        producer: Producer<'_>,
        member: (MemberId, i32),
        offsets: &[(PartitionId, Offset)],
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

    /// Commits offsets outside a transaction, which only a defect does.
    pub(super) fn commit_at_once(&mut self, offsets: &[(PartitionId, Offset)]) -> Result<(), String> {
        offsets.iter().try_for_each(|(place, offset)| self.group.put(*place, *offset))
    }

    pub(super) fn end(&mut self, producer: Producer<'_>, commit: bool) -> Result<(), Refused> {
        self.transactions.end(producer, commit)
    }

    /// How a producer's last transaction ended; clients cannot ask this.
    pub(super) fn decided(&self, id: &str) -> Option<bool> {
        self.transactions.decided(id)
    }

    /// Delays a request to end a transaction.
    pub(super) fn end_later(&mut self, (id, epoch): Producer<'_>, commit: bool) {
        self.late.push(Late { id: id.to_owned(), epoch, commit });
    }

    /// Delivers one delayed request.
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

    /// Writes one due marker.
    ///
    /// # Errors
    /// A rule was violated.
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

    /// Applies timeouts.
    pub(super) fn tick(&mut self, faults: &mut Faults) -> Option<String> {
        let transactions = self.transactions.time_out(self.now_ms, TRANSACTION_MS);
        let sessions = self.group.time_out(self.now_ms);
        (0..transactions).for_each(|_| faults.count(Fault::TransactionTimeout));
        (0..sessions).for_each(|_| faults.count(Fault::SessionTimeout));
        (transactions + sessions > 0).then(|| {
            format!("{transactions} transactions and {sessions} members have lasted too long or are gone")
        })
    }

    /// Removes records of a partition below an offset, like retention.
    pub(super) fn remove_below(&mut self, place: PartitionId, offset: i64) {
        if let Some(log) = self.logs.get_mut(&place) {
            log.remove_below(offset);
        }
    }

    /// A partition loses its end. Committed offsets of the topic may decrease from now on.
    pub(super) fn truncate(&mut self, place: PartitionId, end: i64) {
        if let Some(log) = self.logs.get_mut(&place) {
            log.truncate(end);
        }
        self.group.may_go_back(place.topic);
    }

    /// Compacts a partition.
    pub(super) fn compact(&mut self, place: PartitionId) {
        if let Some(log) = self.logs.get_mut(&place) {
            log.compact(&self.transactions.fates);
        }
    }

    pub(super) fn join(&mut self, known: Option<MemberId>, holds: BTreeSet<PartitionId>) -> MemberId {
        self.group.join(known, holds, self.now_ms)
    }

    pub(super) fn leave(&mut self, member: MemberId) {
        self.group.leave(member, self.now_ms);
    }

    pub(super) fn heartbeat(&mut self, member: MemberId) -> Result<bool, Refused> {
        self.group.heartbeat(member, self.now_ms)
    }

    pub(super) fn sync(&self, member: MemberId) -> Result<Option<(i32, BTreeSet<PartitionId>)>, Refused> {
        self.group.sync(member)
    }

    /// The group's committed offsets, unless an open transaction could change them.
    pub(super) fn committed(&self, places: &[PartitionId]) -> Result<Vec<Option<Offset>>, Refused> {
        places.iter().map(|place| self.group.committed(*place)).collect()
    }

    /// Adds a partition to the group.
    pub(super) fn add_to_group(&mut self, place: PartitionId) {
        self.group.add(place, self.now_ms);
    }

    /// The group's latest committed offset.
    pub(super) fn latest_committed(&self, place: PartitionId) -> Option<Offset> {
        self.group.latest_committed(place)
    }

    /// The number of partitions that the group reads.
    pub(super) fn read_places(&self) -> usize {
        self.group.places()
    }

    /// Whether nothing is in progress.
    pub(super) fn is_quiet(&self) -> bool {
        self.late.is_empty()
            && self.transactions.is_quiet()
            && self.group.is_settled()
            && self.logs.values().all(Log::is_settled)
    }
}
