// SPDX-License-Identifier: Apache-2.0

//! Erasure of customers: conversations in their lists that no life knows any more (contract section 9).
//!
//! A conversation with any record of its existence is erased in its own partition, which also removes it from this list. The
//! rest are conversations that were forgotten so long ago that even that record has expired.

use std::collections::BTreeSet;

use engine::{Emitter, HandleErasures, ProcessError, Slice};

use super::store::{self, ENTRY, Entry};
use super::{Customers, tell_left};

/// A conversation in a list, and the list's customer.
struct Found {
    key: Vec<u8>,
    customer: String,
    conversation: String,
    started_at: i64,
    came_ms: i64,
}

impl Found {
    fn read(key: &[u8], value: &[u8]) -> Result<Self, ProcessError> {
        let parts = key.get(1..).and_then(store::parts_of_entry);
        let ids = parts.and_then(|(customer, conversation)| {
            Some((store::unescaped(customer)?, store::unescaped(conversation)?))
        });
        let (customer, conversation) = ids.ok_or_else(|| store::corrupt(key, &"no conversation"))?;
        let Entry { came_ms, contact } = Entry::read(key, value)?;
        let started_at = contact.started_at;
        Ok(Self { key: key.to_vec(), customer, conversation, started_at, came_ms })
    }
}

impl HandleErasures for Customers {
    /// Checks all lists.
    fn look_for_asked(&self, from: &[u8], emitter: &mut Emitter<'_>) -> Result<Slice, ProcessError> {
        let mut from = from.to_vec();
        loop {
            if !emitter.has_budget() {
                return Ok(Slice::GoesOn(from));
            }
            let mut found = Vec::new();
            let next = emitter.look_on(&[ENTRY], &from, |key, value| found.push(Found::read(key, value)))?;
            let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
            let is_all = self.take_out_asked(found, &mut from, emitter)?;
            match next {
                _ if !is_all => return Ok(Slice::GoesOn(from)),
                Some(next) => from = next,
                None => return Ok(Slice::Last),
            }
        }
    }
}

impl Customers {
    /// Removes the conversations that are to be erased, within the budget; returns whether it was enough. Otherwise `from` is
    /// the last one that was checked.
    fn take_out_asked(
        self,
        found: Vec<Found>,
        from: &mut Vec<u8>,
        emitter: &mut Emitter<'_>,
    ) -> Result<bool, ProcessError> {
        let mut changed: BTreeSet<String> = BTreeSet::new();
        let mut is_all = true;
        for (place, Found { key, customer, conversation, started_at, came_ms }) in
            found.into_iter().enumerate()
        {
            if place > 0 && !emitter.has_budget() {
                is_all = false;
                break;
            }
            if emitter.is_asked(&customer, came_ms)? {
                store::delete(emitter, &key, started_at);
                tell_left(&customer, &conversation, emitter)?;
                changed.insert(customer);
            }
            *from = key;
        }
        changed.iter().try_for_each(|customer| self.settle(customer, emitter))?;
        Ok(is_all)
    }
}
