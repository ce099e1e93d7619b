// SPDX-License-Identifier: Apache-2.0

//! A decoder that does not know a record's schema when the seed says so. All topics are JSON nevertheless: for a worker it only
//! matters that a record cannot be decoded yet, perhaps in the middle of another one's effects.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use model::{AgentNews, Decode, Event, JsonDecode, Limits, NotDecoded, Origin};

/// The number of records until an unknown schema; `None` without one.
#[derive(Default)]
pub(super) struct Schemas {
    until_unknown: Mutex<Option<usize>>,
    has_refused: AtomicBool,
}

impl Schemas {
    /// Makes the schema unknown after this many records; `None` for never.
    pub(super) fn forget_after(&self, records: Option<usize>) {
        *self.until_unknown.lock().unwrap_or_else(PoisonError::into_inner) = records;
    }

    /// Whether a schema was unknown since the last call.
    pub(super) fn has_refused(&self) -> bool {
        self.has_refused.swap(false, Ordering::Relaxed)
    }

    fn is_known(&self) -> bool {
        let mut until = self.until_unknown.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = *until != Some(0);
        *until = until.map(|records| records.saturating_sub(1));
        is_known
    }

    fn check(&self) -> Result<(), NotDecoded> {
        if self.is_known() {
            return Ok(());
        }
        self.has_refused.store(true, Ordering::Relaxed);
        Err(NotDecoded::UnknownSchema(1))
    }
}

impl Decode for Schemas {
    fn decode<'a>(
        &self,
        topic: &str,
        value: &'a [u8],
        origin: Origin<'a>,
        limits: &Limits,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Event<'a>, NotDecoded> {
        self.check()?;
        JsonDecode.decode(topic, value, origin, limits, scratch)
    }

    fn decode_agent<'a>(
        &self,
        topic: &str,
        value: &'a [u8],
        origin: Origin<'a>,
        limits: &Limits,
        scratch: &'a mut Vec<u8>,
    ) -> Result<AgentNews<'a>, NotDecoded> {
        self.check()?;
        JsonDecode.decode_agent(topic, value, origin, limits, scratch)
    }
}
