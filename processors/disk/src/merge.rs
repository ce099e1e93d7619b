// SPDX-License-Identifier: Apache-2.0

//! Merges buffers and tables into one ordered sequence; newer records hide older ones.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::ops::ControlFlow;

use engine::Visit;

use crate::buffer::Pair;
use crate::error::Failure;
use crate::heads::TableScan;
use crate::tables::Record;

/// Visits the records with this prefix until `visit` breaks. The changes of two buffers and the tables are given from where the
/// scan begins, the changes perhaps with some after the prefix.
pub(crate) fn scan<'b>(
    newest: impl Iterator<Item = Pair<'b>>,
    newer: impl Iterator<Item = Pair<'b>>,
    tables: &mut TableScan<'_>,
    prefix: &[u8],
    visit: Visit<'_>,
) -> Result<(), Failure> {
    let mut changes = Changes { newest: newest.peekable(), newer: newer.peekable() };
    let under = |record: Option<Record>| record.filter(|record| record.key().starts_with(prefix));
    let mut record = under(tables.next()?);
    let mut change = changes.next(prefix);
    loop {
        let order = match (&change, &record) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((changed, _)), Some(record)) => (*changed).cmp(record.key()),
        };
        let flow = match (&change, &record) {
            (Some((key, value)), _) if order.is_le() => value.map(|value| visit(key, value)),
            (_, Some(record)) => Some(visit(record.key(), record.value())),
            (_, None) => None,
        };
        if flow.is_some_and(|flow: ControlFlow<()>| flow.is_break()) {
            return Ok(());
        }
        if order.is_le() {
            change = changes.next(prefix);
        }
        if order.is_ge() {
            record = under(tables.next()?);
        }
    }
}

/// The changes of two buffers.
struct Changes<'b, A: Iterator<Item = (&'b [u8], Option<&'b [u8]>)>, B: Iterator<Item = A::Item>> {
    newest: Peekable<A>,
    newer: Peekable<B>,
}

impl<'b, A: Iterator<Item = (&'b [u8], Option<&'b [u8]>)>, B: Iterator<Item = A::Item>> Changes<'b, A, B> {
    /// The next change of a key with this prefix.
    fn next(&mut self, prefix: &[u8]) -> Option<A::Item> {
        let order = match (self.newest.peek(), self.newer.peek()) {
            (Some((a, _)), Some((b, _))) => a.cmp(b),
            (_, None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
        };
        let older = if order.is_ge() { self.newer.next() } else { None };
        let change = if order.is_le() { self.newest.next() } else { older };
        change.filter(|(key, _)| key.starts_with(prefix))
    }
}
