// SPDX-License-Identifier: Apache-2.0

//! Notifications from the timelines about the spans of a conversation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::span::Span;

/// Changes of the spans that ended too late. A span that was there before and after cancels out.
#[derive(Debug, Default)]
pub(crate) struct Changed(BTreeMap<Span, i64>);

impl Changed {
    /// Counts a span: `1` if the conversation has it now, `-1` if it had it.
    pub(crate) fn enter(&mut self, span: Span, sign: i64) {
        *self.0.entry(span).or_default() += sign;
    }

    /// The changes, with the spans that run now.
    pub(crate) fn into_changes(self, standing: Vec<Span>) -> Changes {
        let mut changes = Changes { gone: Vec::new(), late: Vec::new(), standing };
        for (span, count) in self.0 {
            match count {
                1.. => changes.late.push(span),
                0 => {}
                _ => changes.gone.push(span),
            }
        }
        changes
    }
}

/// Changes in one conversation.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Changes {
    /// Spans that no longer count as ended too late.
    pub(crate) gone: Vec<Span>,
    /// Spans that newly ended too late.
    pub(crate) late: Vec<Span>,
    /// All running spans.
    pub(crate) standing: Vec<Span>,
}

impl Changes {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        postcard::from_bytes(bytes).map_err(|problem| problem.to_string())
    }

    /// Serializes the changes.
    pub(crate) fn write(&self) -> Vec<u8> {
        // Serializing plain data into memory cannot fail.
        postcard::to_stdvec(self).unwrap_or_default()
    }
}
