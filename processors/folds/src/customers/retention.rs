// SPDX-License-Identifier: Apache-2.0

//! Retention: customers without events for a long time leave the state.

use std::ops::ControlFlow;

use engine::{Emitter, Expire, ProcessError};

use super::store::{self, Customer};
use super::{Customers, tell_left};
use crate::timers;

/// Delay before the next check of a customer who changes with this commit.
const AGAIN_MS: i64 = 60 * 1000;

impl Expire for Customers {
    /// Deletes expired customers within the budget. Their records stay.
    fn expire(&self, now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        timers::each_due(emitter, store::TIMER, now_ms, |escaped, emitter| {
            let Some(customer) = store::unescaped(escaped) else { return Ok(()) };
            let key = store::customer_key(&customer);
            let Some(known) = emitter.read(&key, |bytes| Customer::read(&key, bytes))?? else {
                return Ok(());
            };
            let due_ms = self.due_ms(known.touched_ms);
            let next_ms = if due_ms > now_ms {
                Some(due_ms)
            } else if is_changing(&customer, emitter)? {
                Some(now_ms.saturating_add(AGAIN_MS))
            } else {
                (!leave(&customer, emitter)?).then_some(now_ms)
            };
            match next_ms {
                Some(due_ms) => {
                    timers::set(emitter, store::TIMER, due_ms, escaped);
                    emitter.put(&key, &Customer { due_ms, ..known }.write());
                }
                None => emitter.delete(&key),
            }
            Ok(())
        })
    }
}

/// Whether a customer's list has changed since the last commit: the record is emitted first.
fn is_changing(customer: &str, emitter: &mut Emitter<'_>) -> Result<bool, ProcessError> {
    let prefix = store::entries_of(customer);
    let (mut is, mut was) = (Vec::new(), Vec::new());
    emitter.scan_all(&prefix, |key, value| is.push((key.to_vec(), value.to_vec())))?;
    emitter.scan_committed(&prefix, |key, value| {
        was.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })?;
    Ok(is != was)
}

/// Deletes a customer's conversations within the budget, at least one; returns whether all are deleted.
fn leave(customer: &str, emitter: &mut Emitter<'_>) -> Result<bool, ProcessError> {
    let most = emitter.keys_max().max(1);
    let (mut entries, mut is_all) = (Vec::new(), true);
    let prefix = store::entries_of(customer);
    emitter.scan(&prefix, |key, value| {
        is_all = entries.len() < most;
        if !is_all {
            return ControlFlow::Break(());
        }
        entries.push(store::start(key, value).map(|started_at| (key.to_vec(), started_at)));
        ControlFlow::Continue(())
    })?;
    let entries = entries.into_iter().collect::<Result<Vec<_>, _>>()?;
    for (place, (key, started_at)) in entries.iter().enumerate() {
        if place > 0 && !emitter.has_budget() {
            return Ok(false);
        }
        let conversation = key.get(1..).and_then(store::parts_of_entry);
        if let Some(conversation) = conversation.and_then(|(_, id)| store::unescaped(id)) {
            tell_left(customer, &conversation, emitter)?;
        }
        store::delete(emitter, key, *started_at);
    }
    if !is_all {
        emitter.put_off();
    }
    Ok(is_all)
}
