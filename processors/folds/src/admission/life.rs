// SPDX-License-Identifier: Apache-2.0

//! Life of a conversation: how long its state is kept, and the record that remains of it afterwards (contract section 9).

use model::{Action, Event};
use serde::{Deserialize, Serialize};

use super::seen::{Page, Seen};
use crate::stored::behind;
use crate::{Limits, whose};

/// Format version; the first byte. Another version is rejected, and the state is rebuilt.
const VERSION: u8 = 5;
/// Step in which the time of the last event is updated: limits are hours and days, so a minute's precision is enough.
const STEP_MS: i64 = 60 * 1000;
/// Number of customers listed here; a conversation with more stores the others separately.
const CUSTOMERS_MAX: usize = 16;

/// A customer, and the earliest Kafka timestamp of the customer's events, in epoch milliseconds.
pub(super) type Customer<'a> = (&'a str, i64);

/// Life of a conversation, or of a standalone activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Life<'a> {
    /// The conversation has state.
    #[serde(borrow)]
    Alive(Alive<'a>),
    /// The conversation was forgotten: its outputs stay, and further events are rejected until `until_ms`.
    Forgotten { until_ms: i64, customers: Vec<Customer<'a>> },
    /// The conversation was erased on request; further events are rejected for ever.
    Erased,
}

/// Times are in stream time, except those of events.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Alive<'a> {
    /// When its last event was folded.
    folded_ms: i64,
    /// The last event, in the total order, that opened or closed it, and whether it closed it.
    #[serde(borrow)]
    switch: Option<((i64, u8, &'a str), bool)>,
    /// When it was found closed; `None` while it is open.
    closed_ms: Option<i64>,
    /// The first customers with events in it.
    customers: Vec<Customer<'a>>,
    /// Whether its events are counted, because there may be too many.
    pub(super) is_counted: bool,
}

/// Changes of a life by an event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Folded<'a> {
    /// Whether anything changed that must be stored.
    pub(super) has_changed: bool,
    /// Customers that do not fit in the list.
    pub(super) more: Vec<&'a str>,
}

impl<'a> Alive<'a> {
    /// Starts a new life.
    pub(super) fn begin(now_ms: i64) -> Self {
        Self { folded_ms: now_ms, ..Self::default() }
    }

    /// Folds a new event; `came_ms` is its record's Kafka timestamp.
    pub(super) fn fold(&mut self, event: &'a Event<'_>, now_ms: i64, came_ms: i64) -> Folded<'a> {
        let mut folded = Folded::default();
        for customer in whose::customers(event) {
            let has_room = self.customers.len() < CUSTOMERS_MAX;
            match self.customers.iter_mut().find(|(known, _)| *known == customer) {
                Some((_, first_ms)) if *first_ms <= came_ms => {}
                Some((_, first_ms)) => {
                    *first_ms = came_ms;
                    folded.has_changed = true;
                }
                None if has_room => {
                    self.customers.push((customer, came_ms));
                    folded.has_changed = true;
                }
                None => folded.more.push(customer),
            }
        }
        if now_ms - self.folded_ms >= STEP_MS {
            self.folded_ms = now_ms;
            folded.has_changed = true;
        }
        if let Action::Fact(fact) = &event.action
            && let Some(closes) = fact.closes()
        {
            let is_last = self.switch.as_ref().is_none_or(|(order, _)| *order < event.order());
            if is_last {
                self.switch = Some((event.order(), closes));
                self.closed_ms = if closes { self.closed_ms.or(Some(now_ms)) } else { None };
                folded.has_changed = true;
            }
        }
        folded
    }

    /// The same life, with its events counted from now on.
    pub(super) fn counted(self) -> Self {
        Self { is_counted: true, ..self }
    }

    /// Whether the last event closed the conversation.
    pub(super) fn is_closed(&self) -> bool {
        self.closed_ms.is_some()
    }

    /// When the conversation expires if no further event arrives.
    pub(super) fn ends_ms(&self, limits: &Limits) -> i64 {
        let idle = self.folded_ms.saturating_add(STEP_MS).saturating_add(limits.idle_ms);
        self.closed_ms.map_or(idle, |closed| idle.min(closed.saturating_add(limits.closed_ms)))
    }
}

impl<'a> Life<'a> {
    /// The conversation's known customers.
    pub(super) fn customers(&self) -> &[Customer<'a>] {
        match self {
            Life::Alive(Alive { customers, .. }) | Life::Forgotten { customers, .. } => customers,
            Life::Erased => &[],
        }
    }

    /// The same life, forgotten until this time.
    pub(super) fn forgotten(self, until_ms: i64) -> Self {
        match self {
            Life::Alive(Alive { customers, .. }) | Life::Forgotten { customers, .. } => {
                Life::Forgotten { until_ms, customers }
            }
            Life::Erased => Life::Erased,
        }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        // Serializing plain data into memory cannot fail.
        behind(VERSION, self).unwrap_or_default()
    }

    /// Writes the life followed by a page of its events, to which one may be added.
    pub(super) fn write_before(&self, page: Page<'_>, added: Option<&Seen<'_>>) -> Vec<u8> {
        let mut record = self.write();
        record.extend_from_slice(page.bytes());
        if let Some(added) = added {
            added.push_to(&mut record);
        }
        record
    }

    /// Reads a life and the first page of its events.
    pub(super) fn read(bytes: &'a [u8]) -> Result<(Self, Page<'a>), String> {
        match bytes {
            [VERSION, rest @ ..] => {
                let (life, page) = postcard::take_from_bytes(rest).map_err(|problem| problem.to_string())?;
                Ok((life, Page::of(Some(page))))
            }
            other => Err(format!("version {:?} of the form, not {VERSION}", other.first())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_still_knows_its_customers() {
        let mut alive = Alive::begin(3);
        alive.customers.push(("cus", 5));
        let written = Life::Alive(alive).forgotten(70).write();
        let (life, _) = Life::read(&written).unwrap();
        assert_eq!(life, Life::Forgotten { until_ms: 70, customers: vec![("cus", 5)] });
        assert_eq!(Life::Erased.forgotten(70), Life::Erased);
    }
}
