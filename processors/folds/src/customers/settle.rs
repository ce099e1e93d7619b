// SPDX-License-Identifier: Apache-2.0

//! Flush of a customer whose list has changed.

use std::collections::BTreeSet;

use engine::{Counter, Emitter, ProcessError};

use super::listed::{self, Stored};
use super::store::{self, Customer, Entry};
use super::{Customers, OUTPUT, tell_left};
use crate::scan::LISTED;
use crate::timers;

/// Conversations left out of their customers' lists.
pub static BEYOND: Counter = Counter::new(
    "cx_timelines_customer_conversations_beyond_total",
    "Conversations that were beyond the last 1,000 of their customer, and so left the list or did not come into it.",
);
/// Number of stored conversations of a customer: the last ones (contract section 6.2).
pub(super) const KEPT: usize = 1_000;
/// Step in which the time of a customer's last event is stored.
pub(super) const STEP_MS: i64 = 60 * 60 * 1000;

impl Customers {
    /// Deletes a customer's conversations beyond the last ones and emits the record: a tombstone if no conversation is left.
    pub(super) fn settle(self, customer: &str, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let key = store::customer_key(customer);
        let known = emitter.read(&key, |bytes| Customer::read(&key, bytes))??;
        let mut list = read_list(customer, emitter)?;
        let beyond = drop_beyond(customer, &mut list, known.and_then(|known| known.beyond), emitter)?;
        let format = emitter.format(OUTPUT);
        let value = listed::with_list(customer, &list, |record| {
            let mut value = Vec::with_capacity(512);
            format.write(record?, &mut value);
            Some(value)
        })?;
        // A conversation that is listed and removed within one commit was never visible.
        let was_emitted = known.is_some() || emitter.read_committed(&key, |bytes| bytes.is_some())?;
        if value.is_none() {
            if let Some(known) = known {
                timers::clear(emitter, store::TIMER, known.due_ms, model::escape(customer).as_bytes());
                emitter.delete(&key);
            }
            if !was_emitted {
                return Ok(());
            }
        } else {
            self.touch(customer, known, beyond, &list, emitter)?;
        }
        emitter.emit(OUTPUT, customer.as_bytes(), customer.as_bytes(), value.as_deref())
    }

    /// Stores the time of a customer's last event.
    fn touch(
        self,
        customer: &str,
        known: Option<Customer>,
        beyond: Option<i64>,
        list: &[Stored],
        emitter: &mut Emitter<'_>,
    ) -> Result<(), ProcessError> {
        let touched_ms = emitter.clock_ms().max(last_event(list)?);
        let next = match known {
            Some(known) => {
                let has_gone_on = touched_ms.saturating_sub(known.touched_ms) >= STEP_MS;
                let touched_ms = if has_gone_on { touched_ms } else { known.touched_ms };
                Customer { touched_ms, beyond, ..known }
            }
            None => {
                let due_ms = self.due_ms(touched_ms);
                timers::set(emitter, store::TIMER, due_ms, model::escape(customer).as_bytes());
                Customer { touched_ms, due_ms, beyond }
            }
        };
        if known != Some(next) {
            emitter.put(&store::customer_key(customer), &next.write());
        }
        Ok(())
    }

    /// Time at which a customer leaves the state if no event follows.
    pub(super) fn due_ms(self, touched_ms: i64) -> i64 {
        touched_ms.saturating_add(STEP_MS).saturating_add(self.retention_ms)
    }
}

/// A customer's sorted list.
fn read_list(customer: &str, emitter: &mut Emitter<'_>) -> Result<Vec<Stored>, ProcessError> {
    let mut list = Vec::new();
    emitter.scan_all(&store::entries_of(customer), |key, value| list.push(Stored::read(key, value)))?;
    let mut list = list.into_iter().collect::<Result<Vec<_>, _>>()?;
    listed::sort(&mut list);
    Ok(list)
}

/// The time of the last event of the listed conversations.
fn last_event(list: &[Stored]) -> Result<i64, ProcessError> {
    let shown = list.get(list.len().saturating_sub(LISTED)..).unwrap_or_default();
    shown.iter().try_fold(0, |last, stored| {
        Ok(Entry::read(&stored.key, &stored.value)?.contact.last_event_at.max(last))
    })
}

/// Deletes conversations beyond the limit, and new ones that began before a deleted one. Returns the start of the last deleted
/// one so far.
fn drop_beyond(
    customer: &str,
    list: &mut Vec<Stored>,
    mut beyond: Option<i64>,
    emitter: &mut Emitter<'_>,
) -> Result<Option<i64>, ProcessError> {
    let mut gone: BTreeSet<usize> = BTreeSet::new();
    if let Some(beyond) = beyond {
        for (index, stored) in list.iter().take_while(|stored| stored.started_at <= beyond).enumerate() {
            let mut is_new = || emitter.read_committed(&stored.key, |committed| committed.is_none());
            if stored.started_at < beyond || is_new()? {
                gone.insert(index);
            }
        }
    }
    let too_many = (list.len() - gone.len()).saturating_sub(KEPT);
    let first: Vec<usize> = (0..list.len()).filter(|index| !gone.contains(index)).take(too_many).collect();
    for index in &first {
        beyond = beyond.max(list.get(*index).map(|stored| stored.started_at));
    }
    gone.extend(first);
    emitter.notice_many(&BEYOND, gone.len() as u64);
    for index in gone.iter().rev() {
        let stored = list.remove(*index);
        store::delete(emitter, &stored.key, stored.started_at);
        tell_left(customer, &stored.conversation, emitter)?;
    }
    Ok(beyond)
}
