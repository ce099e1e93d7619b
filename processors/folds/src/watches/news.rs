//! What the timelines say of the times that run in a conversation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::span::Span;

/// How the spans that ended too late have changed. What is in both, as it was and as it is, cancels out.
#[derive(Debug, Default)]
pub(crate) struct Changed(BTreeMap<Span, i64>);

impl Changed {
    /// The conversation has this span now (1), or had it (-1).
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

/// What has changed in one conversation.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Changes {
    /// Spans that had ended too late, and have not.
    pub(crate) gone: Vec<Span>,
    /// Spans that have ended too late, and had not.
    pub(crate) late: Vec<Span>,
    /// All that run.
    pub(crate) standing: Vec<Span>,
}

impl Changes {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        postcard::from_bytes(bytes).map_err(|problem| problem.to_string())
    }

    /// Its bytes.
    pub(crate) fn write(&self) -> Vec<u8> {
        // Writing plain data into memory cannot fail.
        postcard::to_stdvec(self).unwrap_or_default()
    }
}
