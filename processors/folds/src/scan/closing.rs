//! Whether the conversation is closed, and how long it was on hold.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Closing {
    closed_at: Option<i64>,
    paused_at: Option<i64>,
    /// The length of the pauses that were ended.
    held_ms: i64,
}

impl Closing {
    /// Closes; says whether it was open.
    pub(super) fn close(&mut self, at: i64) -> bool {
        let was_open = self.closed_at.is_none();
        self.closed_at.get_or_insert(at);
        was_open
    }

    pub(super) fn open(&mut self) {
        self.closed_at = None;
    }

    pub(super) fn pause(&mut self, at: i64) {
        self.paused_at.get_or_insert(at);
    }

    pub(super) fn resume(&mut self, at: i64) {
        if let Some(paused_at) = self.paused_at.take() {
            self.held_ms += at - paused_at;
        }
    }

    /// The time of the event that closed it; none while it is open.
    pub(super) fn closed_at(&self) -> Option<i64> {
        self.closed_at
    }

    /// A pause that was not ended lasts until the close; while the conversation is open it counts nothing.
    pub(super) fn hold_ms(&self) -> i64 {
        let unended = match (self.paused_at, self.closed_at) {
            (Some(paused_at), Some(closed_at)) => (closed_at - paused_at).max(0),
            _ => 0,
        };
        self.held_ms + unended
    }
}
