// SPDX-License-Identifier: Apache-2.0

//! Effects of a transaction, staged so that no local state changes before Kafka commits.

use crate::deadletter::DeadLetter;
use crate::marks::Marks;
use crate::outbox::Outbox;
use crate::record::SourceRecord;
use crate::store::WriteBatch;
use crate::tally::Tally;

/// The next offset of a source partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOffset {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// The offset after the last taken record.
    pub next: i64,
}

/// One task's part of the next transaction.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    pub(crate) writes: WriteBatch,
    /// The dirty keys of each processor, by its index.
    pub(crate) marks: Vec<Marks>,
    pub(crate) outbox: Outbox,
    /// Whether something was erased, which must soon leave the medium too.
    pub(crate) erases: bool,
    /// Whether work is left that this commit's budget does not allow.
    pub(crate) is_left: bool,
    /// Whether that work is forgetting or erasing.
    pub(crate) is_ending: bool,
    /// Time of the latest erasure request for a customer, if one was taken.
    pub(crate) asked_ms: Option<i64>,
    pub(crate) dead_letters: Vec<DeadLetter>,
    /// The latest event time taken, if it is later than the committed one.
    pub(crate) stream_time_ms: Option<i64>,
    /// The wall-clock time for processors to do what is due.
    pub(crate) punctuates_ms: Option<i64>,
    pub(crate) offsets: Vec<SourceOffset>,
    pub(crate) tally: Tally,
    dead_letter_bytes: usize,
}

impl Staged {
    /// Nothing staged yet, for this number of processors.
    pub(crate) fn new(processors: usize) -> Self {
        Self { marks: vec![Marks::default(); processors], ..Self::default() }
    }

    pub(crate) fn took(&mut self, record: &SourceRecord<'_>) {
        let next = record.offset + 1;
        let known = self
            .offsets
            .iter_mut()
            .find(|offset| offset.partition == record.partition && offset.topic == record.topic);
        match known {
            Some(offset) => offset.next = next,
            None => self.offsets.push(SourceOffset {
                topic: record.topic.to_owned(),
                partition: record.partition,
                next,
            }),
        }
    }

    /// Makes the next transaction happen even if no record was taken. It contains an offset that is already committed: so the
    /// group's generation protects it, and it can be checked whether it was committed.
    pub(crate) fn punctuate(&mut self, now_ms: i64, place: SourceOffset) {
        self.punctuates_ms = Some(now_ms);
        self.come_about(place);
    }

    /// Makes the next transaction happen for the rest of the work.
    pub(crate) fn come_about(&mut self, place: SourceOffset) {
        let is_there =
            |known: &SourceOffset| known.partition == place.partition && known.topic == place.topic;
        if !self.offsets.iter().any(is_there) {
            self.offsets.push(place);
        }
    }

    pub(crate) fn reject(&mut self, letter: DeadLetter) {
        self.tally.dead_letter(letter.reason);
        self.dead_letter_bytes += letter.bytes();
        self.dead_letters.push(letter);
    }

    pub(crate) fn bytes(&self) -> usize {
        let marks: usize = self.marks.iter().map(Marks::bytes).sum();
        self.writes.bytes() + marks + self.dead_letter_bytes + self.outbox.bytes()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }
}
