// SPDX-License-Identifier: Apache-2.0

//! Sends the planned letters: several per transaction, each with its marker.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use edge::Stop;
use engine::{HEADER_PROCESSOR, HEADER_REASON, HEADER_SCHEMA, LETTER_HEADERS_OF_OTHERS};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::BaseRecord;

use super::marks::{self, Mark};
use super::plan::Route;
use crate::cli::dead_letters::Position;
use crate::clock::now_ms;
use crate::commands::dead_letters::letter::{HEADER_MOVED, HEADER_PREFIX, Letter};
use crate::commands::dead_letters::list::letters as in_words;
use crate::commands::dead_letters::source::Letters;
use crate::kafka::transactions::Transactions;

/// A transaction is committed after this many letters …
const BATCH_LETTERS: u64 = 100;
/// … or bytes: far less than can be sent before its timeout.
const BATCH_BYTES: usize = 8 << 20;

/// Sends them and returns the number; fewer than planned if some have left the topic meanwhile.
///
/// # Errors
/// The cluster refuses, or a stop was requested: the message has the number sent.
pub(super) fn all(
    routes: &BTreeMap<Position, Route>,
    letters: &Letters<'_>,
    transactions: &Transactions,
    marks_topic: &str,
    stop: &Stop,
) -> anyhow::Result<u64> {
    let mut batch = Batch { transactions, marks_topic, total: routes.len(), sent: 0, open: 0, bytes: 0 };
    let done = letters
        .each(&mut |message| {
            let letter = Letter::of(message);
            let Some(route) = routes.get(&letter.position) else { return Ok(()) };
            batch.send(&letter, route, message)?;
            if stop.is_requested() {
                batch.commit()?;
                bail!("a stop was requested");
            }
            Ok(())
        })
        .and_then(|()| batch.commit());
    done.inspect_err(|_| transactions.abort()).with_context(|| {
        format!(
            "{} of {} were surely sent back; run it again with the same choice for the rest, what was sent is left out",
            batch.sent,
            in_words(routes.len() as u64)
        )
    })?;
    Ok(batch.sent)
}

/// The current transaction.
struct Batch<'b> {
    transactions: &'b Transactions,
    marks_topic: &'b str,
    total: usize,
    /// Letters of committed transactions.
    sent: u64,
    /// Letters in this one; 0 when it has not begun.
    open: u64,
    bytes: usize,
}

impl Batch<'_> {
    fn send(&mut self, letter: &Letter, route: &Route, message: &impl Message) -> anyhow::Result<()> {
        if self.open == 0 {
            self.transactions.begin()?;
        }
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&route.topic).partition(route.partition);
        record.key = message.key();
        record.payload = message.payload();
        record.timestamp = letter.record_ms;
        record.headers = own_headers(message);
        self.transactions.send(record).with_context(|| format!("dead letter {}", letter.position))?;
        let key = letter.first.to_string();
        let mark = serde_json::to_vec(&Mark { replayed_at: now_ms(), letter_at: letter.at_ms })?;
        let mut record: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(self.marks_topic).partition(marks::PARTITION);
        record.key = Some(key.as_bytes());
        record.payload = Some(&mark);
        self.transactions.send(record)?;
        self.open += 1;
        self.bytes += message.payload().map_or(0, <[u8]>::len);
        if self.open >= BATCH_LETTERS || self.bytes >= BATCH_BYTES { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        if self.open > 0 {
            self.transactions.commit()?;
            self.sent += self.open;
            (self.open, self.bytes) = (0, 0);
            tracing::debug!("sent back {} of {}", self.sent, self.total);
        }
        Ok(())
    }
}

/// The record's own headers. Those under the names of other programs are ours after our reason, which is the first header that
/// we add; before it the record came with them.
fn own_headers(message: &impl Message) -> Option<OwnedHeaders> {
    let headers = message.headers()?;
    let ours_begin = headers.iter().enumerate().filter(|(_, header)| header.key == HEADER_REASON).last();
    let ours_begin = ours_begin.map_or(usize::MAX, |(index, _)| index);
    let is_own = |index: usize, name: &str| {
        let is_ours = name.starts_with(HEADER_PREFIX)
            || [HEADER_PROCESSOR, HEADER_SCHEMA, HEADER_MOVED].contains(&name)
            || (index > ours_begin && LETTER_HEADERS_OF_OTHERS.contains(&name));
        !is_ours
    };
    let own = headers.iter().enumerate().filter(|(index, header)| is_own(*index, header.key));
    own.fold(None, |all: Option<OwnedHeaders>, (_, header)| {
        Some(all.unwrap_or_default().insert(Header { key: header.key, value: header.value }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dead_letters::letter::tests::message;

    #[test]
    fn only_the_headers_that_the_record_came_with_go_back() {
        let headers = own_headers(&message(&[
            ("trace", "1"),
            ("cx.error.reason", "malformed"),
            ("trace", "2"),
            ("cx.processor", "decode"),
            ("cx.schema", "dead-letter/2"),
            ("cx.moved.from", "5"),
        ]))
        .unwrap();
        let left: Vec<_> = headers.iter().map(|header| (header.key, header.value.unwrap())).collect();
        assert_eq!(left, [("trace", b"1".as_slice()), ("trace", b"2".as_slice())]);
    }

    #[test]
    fn headers_of_other_programs_go_back_if_the_record_came_with_them() {
        let headers = own_headers(&message(&[
            ("__connect.errors.topic", "its own"),
            ("cx.error.reason", "malformed"),
            ("__streams.errors.topic", "cx.events"),
            ("__connect.errors.topic", "cx.events"),
            ("cx.error.truncated", "5"),
        ]))
        .unwrap();
        let left: Vec<_> = headers.iter().map(|header| (header.key, header.value.unwrap())).collect();
        assert_eq!(left, [("__connect.errors.topic", b"its own".as_slice())]);
    }

    #[test]
    fn a_record_that_came_without_headers_goes_without() {
        assert!(own_headers(&message(&[("cx.error.reason", "malformed")])).is_none());
    }
}
