//! A decoder that does not know a record's schema when the seed says so. All topics are JSON all the same: only that a record
//! cannot be read yet, perhaps in the middle of another one's effects, makes a difference to a worker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use model::{Decode, Event, JsonDecode, Limits, NotDecoded, Origin};

/// After how many records the next one is not known; none: all are known.
#[derive(Default)]
pub(super) struct Schemas {
    until_unknown: Mutex<Option<usize>>,
    has_refused: AtomicBool,
}

impl Schemas {
    /// After so many more records one is not known. `None`: all are.
    pub(super) fn forget_after(&self, records: Option<usize>) {
        *self.until_unknown.lock().unwrap_or_else(PoisonError::into_inner) = records;
    }

    /// Whether one was not known since this was asked last.
    pub(super) fn has_refused(&self) -> bool {
        self.has_refused.swap(false, Ordering::Relaxed)
    }

    fn is_known(&self) -> bool {
        let mut until = self.until_unknown.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = *until != Some(0);
        *until = until.map(|records| records.saturating_sub(1));
        is_known
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
        if !self.is_known() {
            self.has_refused.store(true, Ordering::Relaxed);
            return Err(NotDecoded::UnknownSchema(1));
        }
        JsonDecode.decode(topic, value, origin, limits, scratch)
    }
}
