// SPDX-License-Identifier: Apache-2.0

//! Erasure of dead letters, which are records of others in a topic that is not compacted. A record cannot be removed from the
//! middle of a partition. So the letters to keep that precede the last letter to erase are written again at the end, and then
//! the beginning is deleted.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use engine::HEADER_TIMESTAMP;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::BaseRecord;

use super::cluster::Cluster;
use super::subjects::Subjects;
use crate::commands::dead_letters::letter::{HEADER_MOVED, Letter, says_record_time};
use crate::config::Config;
use crate::exit::Failure;
use crate::kafka::reader::Span;
use crate::kafka::transactions::Transactions;

/// A transaction is committed after this many letters …
const BATCH_LETTERS: usize = 1000;
/// … or bytes: far less than can be sent before its timeout.
const BATCH_BYTES: usize = 8 << 20;

/// The conversation in the name of a dead letter's origin topic.
pub fn conversation_of(config: &Config, message: &impl Message) -> Option<String> {
    let topic = Letter::of(message).topic?;
    config.conversation_of(&topic).map(str::to_owned)
}

/// The dead letter's original record as JSON.
///
/// # Errors
/// The schema registry does not return the record's schema.
pub fn json_of<'m>(
    cluster: &Cluster<'_>,
    message: &'m BorrowedMessage<'_>,
) -> anyhow::Result<Option<Cow<'m, [u8]>>> {
    cluster.json(Letter::of(message).topic.as_deref().unwrap_or_default(), message.payload())
}

/// Whether a dead letter belongs to the subjects. A letter without a value holds no data.
///
/// # Errors
/// As [`json_of`].
pub fn is_theirs(
    cluster: &Cluster<'_>,
    subjects: &Subjects,
    message: &BorrowedMessage<'_>,
) -> anyhow::Result<bool> {
    let Some(value) = json_of(cluster, message)? else { return Ok(false) };
    Ok(subjects.own_event(message.key(), &value, conversation_of(cluster.config, message).as_deref()))
}

/// The erasure plan of one partition.
#[derive(Debug, Default)]
struct Hits {
    /// The letters to erase.
    offsets: BTreeSet<i64>,
    /// The first letter after the last of them.
    next: Option<i64>,
    /// The current offset of each letter by its original offset: a letter moved before the command was killed exists twice.
    places: HashMap<i64, i64>,
}

impl Hits {
    fn take(&mut self, letter: &Letter, is_theirs: bool) {
        let offset = letter.position.offset;
        if is_theirs {
            self.offsets.insert(offset);
            self.next = None;
        } else {
            self.next.get_or_insert(offset);
            self.places.insert(letter.first.offset, offset);
        }
    }

    /// Whether this letter has to be moved because it would be deleted too.
    fn moves(&self, letter: &Letter) -> bool {
        let offset = letter.position.offset;
        let is_before = self.offsets.last().is_some_and(|last| offset < *last);
        is_before && !self.offsets.contains(&offset) && self.places.get(&letter.first.offset) == Some(&offset)
    }

    /// The offset up to which the partition is deleted.
    fn cut(&self, span: &Span) -> Option<i64> {
        (!self.offsets.is_empty()).then(|| self.next.unwrap_or(span.end))
    }
}

/// The dead letters of a topic, and the erasure plan.
pub struct Letters<'c> {
    cluster: &'c Cluster<'c>,
    topic: &'c str,
    spans: Vec<Span>,
    hits: Vec<Hits>,
}

impl<'c> Letters<'c> {
    /// Reads all letters.
    ///
    /// # Errors
    /// The topic cannot be read.
    pub fn look(cluster: &'c Cluster<'c>, subjects: &Subjects, topic: &'c str) -> anyhow::Result<Self> {
        let spans = cluster.settled(topic)?;
        let mut hits: Vec<Hits> = spans.iter().map(|_| Hits::default()).collect();
        cluster.read(&spans, &mut |message| {
            if let Some(hits) = of_partition(&mut hits, message) {
                hits.take(&Letter::of(message), is_theirs(cluster, subjects, message)?);
            }
            Ok(())
        })?;
        Ok(Self { cluster, topic, spans, hits })
    }

    /// The number of letters to erase.
    pub fn count(&self) -> usize {
        self.hits.iter().map(|hits| hits.offsets.len()).sum()
    }

    /// Moves the letters to keep, and deletes the topic's beginning; returns the number moved.
    ///
    /// # Errors
    /// The cluster refuses. The next run recognizes moved letters by their header.
    pub fn erase(mut self, transactions: &Transactions) -> Result<usize, Failure> {
        let mut batch = Batch { transactions, topic: self.topic, moved: 0, open: 0, bytes: 0 };
        let concerned: Vec<Span> = self
            .spans
            .iter()
            .zip(&self.hits)
            .filter(|(_, hits)| !hits.offsets.is_empty())
            .map(|(span, _)| span.clone())
            .collect();
        let hits = &mut self.hits;
        self.cluster.read(&concerned, &mut |message| {
            let letter = Letter::of(message);
            match of_partition(hits, message) {
                Some(hits) if hits.moves(&letter) => batch.send(&letter, message),
                _ => Ok(()),
            }
        })?;
        batch.commit()?;
        let cuts = self.spans.iter().zip(&self.hits);
        let cuts: Vec<(i32, i64)> =
            cuts.filter_map(|(span, hits)| Some((span.partition, hits.cut(span)?))).collect();
        self.cluster.cut(self.topic, &cuts)?;
        Ok(batch.moved)
    }
}

fn of_partition<'h>(hits: &'h mut [Hits], message: &impl Message) -> Option<&'h mut Hits> {
    hits.get_mut(usize::try_from(message.partition()).ok()?)
}

/// The current transaction.
struct Batch<'b> {
    transactions: &'b Transactions,
    topic: &'b str,
    /// Letters moved in total.
    moved: usize,
    /// Letters in this transaction; 0 when it has not begun.
    open: usize,
    bytes: usize,
}

impl Batch<'_> {
    fn send(&mut self, letter: &Letter, message: &BorrowedMessage<'_>) -> anyhow::Result<()> {
        if self.open == 0 {
            self.transactions.begin()?;
        }
        let mut record: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(self.topic).partition(message.partition());
        record.key = message.key();
        record.payload = message.payload();
        // The letter's own timestamp, so that its retention does not change.
        record.timestamp = letter.at_ms.or_else(|| message.timestamp().to_millis());
        record.headers = Some(moved_headers(letter, message));
        self.transactions.send(record)?;
        self.moved += 1;
        self.open += 1;
        self.bytes += message.payload().map_or(0, <[u8]>::len);
        if self.open >= BATCH_LETTERS || self.bytes >= BATCH_BYTES { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        if self.open > 0 {
            self.transactions.commit()?;
            (self.open, self.bytes) = (0, 0);
        }
        Ok(())
    }
}

/// The letter's headers, with the record's own timestamp for letters of earlier versions, and the original offset.
fn moved_headers(letter: &Letter, message: &impl Message) -> OwnedHeaders {
    let mut headers: Vec<Header<'_, &[u8]>> = message.headers().into_iter().flat_map(Headers::iter).collect();
    let is_moved = |header: &Header<'_, &[u8]>| header.key == HEADER_MOVED;
    if letter.first != letter.position
        && let Some(last) = headers.iter().rposition(is_moved)
    {
        headers.remove(last);
    }
    let record_ms = letter.record_ms.filter(|_| !says_record_time(message)).map(|at| at.to_string());
    let from = letter.first.offset.to_string();
    let record_ms = record_ms.as_ref().map(|at| (HEADER_TIMESTAMP, at));
    let added = record_ms.into_iter().chain([(HEADER_MOVED, &from)]);
    headers.extend(added.map(|(key, value)| Header { key, value: Some(value.as_bytes()) }));
    let all = OwnedHeaders::new_with_capacity(headers.len());
    headers.into_iter().fold(all, OwnedHeaders::insert)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::dead_letters::Position;
    use crate::commands::dead_letters::letter::tests::{letter, message};

    fn at(offset: i64, first: i64) -> Letter {
        let position = |offset| Position { partition: 3, offset };
        Letter { position: position(offset), first: position(first), ..letter("malformed", None) }
    }

    /// The letters to move, and the offset to delete up to. Each input has the offset, the original offset, and whether to
    /// erase it.
    fn plan(letters: &[(i64, i64, bool)]) -> (Vec<i64>, Option<i64>) {
        let mut hits = Hits::default();
        for (offset, first, is_theirs) in letters {
            hits.take(&at(*offset, *first), *is_theirs);
        }
        let moved = letters.iter().filter(|(offset, first, _)| hits.moves(&at(*offset, *first)));
        let span = Span { topic: "letters".to_owned(), partition: 3, first: 0, end: 100 };
        (moved.map(|(offset, ..)| *offset).collect(), hits.cut(&span))
    }

    #[test]
    fn what_lies_before_the_last_that_has_to_go_is_moved() {
        let letters =
            [(0, 0, false), (1, 1, true), (3, 3, false), (5, 5, true), (8, 8, false), (9, 9, false)];
        assert_eq!(plan(&letters), (vec![0, 3], Some(8)));
    }

    #[test]
    fn where_none_has_to_go_nothing_is_moved_or_cut() {
        assert_eq!(plan(&[(0, 0, false), (1, 1, false)]), (vec![], None));
        assert_eq!(plan(&[]), (vec![], None));
    }

    #[test]
    fn where_none_comes_after_the_last_all_is_cut_off() {
        assert_eq!(plan(&[(0, 0, true), (1, 1, true)]), (vec![], Some(100)));
    }

    #[test]
    fn what_was_moved_before_the_command_died_is_not_moved_again() {
        let letters = [(0, 0, false), (1, 1, false), (2, 2, true), (4, 0, false)];
        assert_eq!(plan(&letters), (vec![1], Some(4)));
    }

    #[test]
    fn what_was_moved_for_another_erasure_is_moved_on_and_knows_its_first_place() {
        assert_eq!(plan(&[(7, 2, false), (8, 8, true)]), (vec![7], Some(100)));
        assert_eq!(plan(&[(7, 2, false), (8, 8, true), (10, 2, false)]), (vec![], Some(10)));
    }

    #[test]
    fn a_moved_letter_has_all_its_headers_and_its_first_place_once() {
        let names = |letter: &Letter| {
            let headers = [
                ("cx.moved.from", "its own"),
                ("cx.error.reason", "no-key"),
                ("cx.error.timestamp", "7"),
                ("cx.moved.from", "5"),
            ];
            let ours = if letter.first == letter.position { &headers[..3] } else { &headers[..] };
            let moved = moved_headers(letter, &message(ours));
            let named = |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.unwrap().to_vec());
            moved.iter().map(named).collect::<Vec<_>>()
        };
        let expected = |from: &str| {
            let all = [
                ("cx.moved.from", "its own"),
                ("cx.error.reason", "no-key"),
                ("cx.error.timestamp", "7"),
                ("cx.moved.from", from),
            ];
            all.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec()
        };
        assert_eq!(names(&at(17, 17)), expected("17"));
        assert_eq!(names(&at(17, 5)), expected("5"), "the message has it already");
    }

    #[test]
    fn a_moved_letter_of_an_earlier_version_keeps_its_record_s_time_in_a_header() {
        let headers = [("cx.error.reason", "no-key"), ("cx.error.at", "5")];
        let moved = moved_headers(&Letter::of(&message(&headers)), &message(&headers));
        let names: Vec<&str> = moved.iter().map(|header| header.key).collect();
        assert_eq!(names, ["cx.error.reason", "cx.error.at", "cx.error.timestamp", "cx.moved.from"]);
        assert_eq!(moved.get(2).value, Some(b"7".as_slice()));
    }
}
