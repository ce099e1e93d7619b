// SPDX-License-Identifier: Apache-2.0

//! Hold time of a conversation.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hold {
    since: Option<i64>,
    /// Total length of ended holds.
    held_ms: i64,
}

impl Hold {
    pub(super) fn begin(&mut self, at: i64) {
        self.since.get_or_insert(at);
    }

    pub(super) fn end(&mut self, at: i64) {
        if let Some(since) = self.since.take() {
            self.held_ms += at - since;
        }
    }

    /// An open hold does not count.
    pub(super) fn held_ms(&self) -> i64 {
        self.held_ms
    }
}
