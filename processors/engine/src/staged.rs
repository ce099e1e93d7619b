//! What a transaction will do, collected while nothing is decided: nothing local changes before Kafka commits.

use crate::deadletter::DeadLetter;
use crate::marks::Marks;
use crate::outbox::Outbox;
use crate::record::SourceRecord;
use crate::store::WriteBatch;
use crate::tally::Tally;

/// The next offset to read of a source partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOffset {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// The offset after the last record taken.
    pub next: i64,
}

/// Everything that one task wants of the next transaction.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    pub(crate) writes: WriteBatch,
    /// The marked keys of each processor, by its index.
    pub(crate) marks: Vec<Marks>,
    pub(crate) outbox: Outbox,
    /// Whether something was erased whole: it is soon to leave the medium too.
    pub(crate) erases: bool,
    /// Whether there is more to be done than this commit may do.
    pub(crate) is_left: bool,
    /// Whether that is something to be forgotten or erased.
    pub(crate) is_ending: bool,
    /// The time of the newest request to erase a customer, where one was taken.
    pub(crate) asked_ms: Option<i64>,
    pub(crate) dead_letters: Vec<DeadLetter>,
    /// The greatest event time taken, where that is later than what is committed.
    pub(crate) stream_time_ms: Option<i64>,
    /// The time on the wall by which processors do what is due.
    pub(crate) punctuates_ms: Option<i64>,
    pub(crate) offsets: Vec<SourceOffset>,
    pub(crate) tally: Tally,
    dead_letter_bytes: usize,
}

impl Staged {
    /// Nothing staged yet, for so many processors.
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

    /// Lets a transaction come about though nothing was taken. It carries an offset that is committed already: so the group's
    /// generation guards it, and it can be found out whether it was committed.
    pub(crate) fn punctuate(&mut self, now_ms: i64, place: SourceOffset) {
        self.punctuates_ms = Some(now_ms);
        self.come_about(place);
    }

    /// The same, for what is left.
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
        self.writes.bytes() + self.dead_letter_bytes + self.outbox.bytes()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }
}
