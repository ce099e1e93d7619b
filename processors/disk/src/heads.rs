// SPDX-License-Identifier: Apache-2.0

//! Scans of tables, and the first records of those that repeat: each commit looks for the timers that are due, and finds the same
//! first one that is not.

use std::ops::Bound;

use crate::error::Failure;
use crate::tables::{Record, Records, Tables};

const HEADS: usize = 64;
/// Limits of one head.
const RECORDS: usize = 64;
const BYTES: usize = 8 * 1024;

/// Where the records that are only in the tables begin.
enum Rest {
    From(Vec<u8>),
    After(Record),
    Nowhere,
}

/// The first records under a prefix in the tables.
pub(crate) struct Head {
    prefix: Box<[u8]>,
    records: Vec<Record>,
    bytes: usize,
    rest: Rest,
}

/// Heads of prefixes; valid until the tables change, or a change that hides a record is dropped.
#[derive(Default)]
pub(crate) struct Heads(Vec<Head>);

impl Heads {
    /// Takes the head of a prefix. `is_hidden` says whether a buffer has a key: such records are dropped, as the buffers have them.
    pub(crate) fn take(&mut self, prefix: &[u8], is_hidden: impl Fn(&[u8]) -> bool) -> Head {
        let known = self.0.iter().position(|head| *head.prefix == *prefix);
        let Some(known) = known else {
            return Head {
                prefix: prefix.into(),
                records: Vec::new(),
                bytes: 0,
                rest: Rest::From(prefix.to_vec()),
            };
        };
        let mut head = self.0.swap_remove(known);
        head.records.retain(|record| !is_hidden(record.key()));
        head.bytes = head.records.iter().map(Record::bytes).sum();
        head
    }

    pub(crate) fn keep(&mut self, head: Head) {
        // A scan within a scan may have kept one.
        if self.0.len() < HEADS && self.0.iter().all(|known| known.prefix != head.prefix) {
            self.0.push(head);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The records of the tables under a prefix, in order. Opens the tables when it needs them.
pub(crate) struct TableScan<'t> {
    tables: &'t Tables,
    prefix: &'t [u8],
    rest: Rest,
    opened: Option<Records>,
    /// What is known, and is kept for later scans.
    head: Option<Head>,
    /// The number of its records that were returned.
    returned: usize,
    /// Whether the head is full, and records after it were returned.
    is_beyond: bool,
}

impl<'t> TableScan<'t> {
    /// The records from a key on.
    pub(crate) fn from(tables: &'t Tables, prefix: &'t [u8], from: &[u8]) -> Self {
        Self::new(tables, prefix, Rest::From(from.to_vec()), None)
    }

    /// The records of which the first ones may be known.
    pub(crate) fn with_head(tables: &'t Tables, prefix: &'t [u8], mut head: Head) -> Self {
        let rest = std::mem::replace(&mut head.rest, Rest::Nowhere);
        Self::new(tables, prefix, rest, Some(head))
    }

    /// No records.
    pub(crate) fn nothing(tables: &'t Tables) -> Self {
        Self::new(tables, &[], Rest::Nowhere, None)
    }

    fn new(tables: &'t Tables, prefix: &'t [u8], rest: Rest, head: Option<Head>) -> Self {
        Self { tables, prefix, rest, opened: None, head, returned: 0, is_beyond: false }
    }

    /// The next record. None follow an error.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, Failure> {
        if let Some(record) = self.head.as_ref().and_then(|head| head.records.get(self.returned)) {
            self.returned += 1;
            return Ok(Some(record.clone()));
        }
        let opened = match (&mut self.opened, &self.rest) {
            (Some(opened), _) => opened,
            (None, Rest::Nowhere) => return Ok(None),
            (closed, Rest::From(key)) => closed.insert(self.tables.under(self.prefix, Bound::Included(key))?),
            (closed, Rest::After(last)) => {
                closed.insert(self.tables.under(self.prefix, Bound::Excluded(last.key()))?)
            }
        };
        let next = opened.next()?;
        if let Some(head) = self.head.as_mut().filter(|_| !self.is_beyond) {
            match &next {
                None => self.rest = Rest::Nowhere,
                Some(record) if head.records.len() < RECORDS && head.bytes + record.bytes() <= BYTES => {
                    // A copy: a record from a table keeps its block in memory.
                    let record = record.copied();
                    head.bytes += record.bytes();
                    head.records.push(record.clone());
                    self.rest = Rest::After(record);
                    self.returned += 1;
                }
                Some(_) => self.is_beyond = true,
            }
        }
        Ok(next)
    }

    /// What is known now of the first records.
    pub(crate) fn into_head(self) -> Option<Head> {
        let rest = self.rest;
        self.head.map(|head| Head { rest, ..head })
    }
}
