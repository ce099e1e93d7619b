// SPDX-License-Identifier: Apache-2.0

//! The transaction coordinator: epochs, states and outcomes. Like Kafka before "transactions V2", which librdkafka does not
//! support: a request to end names producer and epoch, and ends their open transaction when it arrives.

use std::collections::{BTreeMap, BTreeSet};

use super::PartitionId;

/// A transaction's number, which exists only in the simulation.
pub(crate) type TransactionId = u64;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// An old epoch: there is a newer producer, or the coordinator ended the transaction.
    Fenced,
    /// The previous transaction is not finished; retry.
    Busy,
    /// There is no such transaction.
    NoTransaction,
    /// An old generation or an unknown member.
    StaleMember,
    /// An unfinished transaction has offsets of this partition; retry.
    Unstable,
}

/// Outcomes of transactions.
#[derive(Default)]
pub(crate) struct Fates(BTreeMap<TransactionId, bool>);

impl Fates {
    /// Whether the transaction is committed.
    pub(super) fn is_committed(&self, transaction: TransactionId) -> bool {
        self.0.get(&transaction).copied().unwrap_or(false)
    }
}

/// A receiver of markers: a partition, or the group's offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Partition(PartitionId),
    Offsets,
}

enum State {
    Empty,
    Ongoing { transaction: TransactionId, since_ms: u64, targets: BTreeSet<Target> },
    Ending { transaction: TransactionId, targets: BTreeSet<Target> },
}

struct Producer {
    epoch: i32,
    state: State,
    /// How the last one ended: the same request again gets the same response.
    last: Option<bool>,
    /// The outcome of the last decided one.
    decided: Option<bool>,
}

/// A marker to write.
pub(super) struct Marker {
    pub(super) transaction: TransactionId,
    pub(super) target: Target,
    pub(super) committed: bool,
}

#[derive(Default)]
pub(super) struct Transactions {
    producers: BTreeMap<String, Producer>,
    pub(super) fates: Fates,
    begun: TransactionId,
}

impl Transactions {
    /// A new epoch; an open transaction of the previous one is aborted first.
    pub(super) fn init(&mut self, id: &str) -> Result<i32, Refused> {
        let new = || Producer { epoch: -1, state: State::Empty, last: None, decided: None };
        let producer = self.producers.entry(id.to_owned()).or_insert_with(new);
        match producer.state {
            State::Ending { .. } => Err(Refused::Busy),
            State::Ongoing { .. } => {
                producer.epoch += 1;
                Self::decide(producer, false, &mut self.fates);
                Err(Refused::Busy)
            }
            State::Empty => {
                producer.epoch += 1;
                producer.last = None;
                Ok(producer.epoch)
            }
        }
    }

    fn producer(&mut self, id: &str, epoch: i32) -> Result<&mut Producer, Refused> {
        match self.producers.get_mut(id) {
            Some(producer) if producer.epoch == epoch => Ok(producer),
            Some(_) | None => Err(Refused::Fenced),
        }
    }

    /// Adds a target to the open transaction, or begins one.
    pub(super) fn add(
        &mut self,
        (id, epoch): (&str, i32),
        target: Target,
        now_ms: u64,
    ) -> Result<TransactionId, Refused> {
        let next = self.begun + 1;
        let producer = self.producer(id, epoch)?;
        match &mut producer.state {
            State::Ending { .. } => return Err(Refused::Busy),
            State::Ongoing { transaction, targets, .. } => {
                targets.insert(target);
                return Ok(*transaction);
            }
            State::Empty => {}
        }
        producer.state =
            State::Ongoing { transaction: next, since_ms: now_ms, targets: BTreeSet::from([target]) };
        producer.last = None;
        self.begun = next;
        Ok(next)
    }

    /// Decides the open transaction.
    pub(super) fn end(&mut self, (id, epoch): (&str, i32), commit: bool) -> Result<(), Refused> {
        // The borrow of the producer ends before the fates are written.
        self.producer(id, epoch)?;
        let Some(producer) = self.producers.get_mut(id) else { return Err(Refused::Fenced) };
        match producer.state {
            State::Ongoing { .. } => {
                Self::decide(producer, commit, &mut self.fates);
                Ok(())
            }
            State::Ending { .. } | State::Empty if producer.last == Some(commit) => Ok(()),
            State::Ending { .. } | State::Empty => Err(Refused::NoTransaction),
        }
    }

    fn decide(producer: &mut Producer, commit: bool, fates: &mut Fates) {
        if let State::Ongoing { transaction, targets, .. } =
            std::mem::replace(&mut producer.state, State::Empty)
        {
            fates.0.insert(transaction, commit);
            producer.last = Some(commit);
            producer.decided = Some(commit);
            producer.state = State::Ending { transaction, targets };
        }
    }

    /// The outcome of a producer's last decided transaction.
    pub(super) fn decided(&self, id: &str) -> Option<bool> {
        self.producers.get(id)?.decided
    }

    /// Aborts transactions beyond the timeout; returns their number.
    pub(super) fn time_out(&mut self, now_ms: u64, most_ms: u64) -> usize {
        let mut ended = 0;
        for producer in self.producers.values_mut() {
            if let State::Ongoing { since_ms, .. } = producer.state
                && now_ms > since_ms + most_ms
            {
                producer.epoch += 1;
                Self::decide(producer, false, &mut self.fates);
                ended += 1;
            }
        }
        ended
    }

    /// The markers to write.
    pub(super) fn markers(&self) -> Vec<Marker> {
        let mut markers = Vec::new();
        for producer in self.producers.values() {
            if let State::Ending { transaction, targets } = &producer.state {
                let committed = self.fates.is_committed(*transaction);
                markers.extend(targets.iter().map(|target| Marker {
                    transaction: *transaction,
                    target: *target,
                    committed,
                }));
            }
        }
        markers
    }

    /// The marker was written.
    pub(super) fn marked(&mut self, marker: &Marker) {
        for producer in self.producers.values_mut() {
            let State::Ending { transaction, targets } = &mut producer.state else { continue };
            if *transaction == marker.transaction {
                targets.remove(&marker.target);
                if targets.is_empty() {
                    producer.state = State::Empty;
                }
            }
        }
    }

    /// Whether no transaction is open or being finished.
    pub(super) fn is_quiet(&self) -> bool {
        self.producers.values().all(|producer| matches!(producer.state, State::Empty))
    }
}
