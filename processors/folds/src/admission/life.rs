//! How long a conversation lives, and that it has lived (contract section 9).

use model::{Action, Event};
use serde::{Deserialize, Serialize};

use super::seen::{Page, Seen};
use crate::stored::behind;
use crate::{Limits, whose};

/// Version of the form; the first byte. Another version is refused, and so rebuilt.
const VERSION: u8 = 5;
/// The time of the last event is written down again only when it is so much later: limits are hours and days.
const STEP_MS: i64 = 60 * 1000;
/// So many customers are listed here; a conversation that names more keeps them elsewhere.
const CUSTOMERS_MAX: usize = 16;

/// A customer, and the least Kafka timestamp of the events that are his, in epoch milliseconds.
pub(super) type Customer<'a> = (&'a str, i64);

/// What is known of a conversation, or of an activity that belongs to none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Life<'a> {
    /// It has state.
    #[serde(borrow)]
    Alive(Alive<'a>),
    /// Its outputs stay as they are; until then what still comes is refused.
    Forgotten { until_ms: i64, customers: Vec<Customer<'a>> },
    /// It was erased on request; what still comes is refused, for ever.
    Erased,
}

/// Times are stream time, but for those of events.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Alive<'a> {
    /// When its last event was folded.
    folded_ms: i64,
    /// The last event, in the total order, that opened or closed it, and whether it closed it.
    #[serde(borrow)]
    switch: Option<((i64, u8, &'a str), bool)>,
    /// When it was seen to be closed; none while it is open.
    closed_ms: Option<i64>,
    /// The first customers whose events it has.
    customers: Vec<Customer<'a>>,
    /// Whether its events are counted: it has so many that they might be too many.
    pub(super) is_counted: bool,
}

/// What an event changes in a life.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Folded<'a> {
    /// Whether anything changed that has to be written down.
    pub(super) has_changed: bool,
    /// Customers for whom there is no room in the list.
    pub(super) more: Vec<&'a str>,
}

impl<'a> Alive<'a> {
    /// A new life.
    pub(super) fn begin(now_ms: i64) -> Self {
        Self { folded_ms: now_ms, ..Self::default() }
    }

    /// Takes a new event in, whose record came at `came_ms`.
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

    /// The same, its events being counted.
    pub(super) fn counted(self) -> Self {
        Self { is_counted: true, ..self }
    }

    /// Whether the last event closed it just now.
    pub(super) fn is_closed(&self) -> bool {
        self.closed_ms.is_some()
    }

    /// When it is to be forgotten, should nothing more come.
    pub(super) fn ends_ms(&self, limits: &Limits) -> i64 {
        let idle = self.folded_ms.saturating_add(STEP_MS).saturating_add(limits.idle_ms);
        self.closed_ms.map_or(idle, |closed| idle.min(closed.saturating_add(limits.closed_ms)))
    }
}

impl<'a> Life<'a> {
    /// The customers who are known of it.
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
        // Writing plain data into memory cannot fail.
        behind(VERSION, self).unwrap_or_default()
    }

    /// The life with a page of its events behind it, to which one may be added.
    pub(super) fn write_before(&self, page: Page<'_>, added: Option<&Seen<'_>>) -> Vec<u8> {
        let mut record = self.write();
        record.extend_from_slice(page.bytes());
        if let Some(added) = added {
            added.push_to(&mut record);
        }
        record
    }

    /// A life, and the first page of its events.
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
