// SPDX-License-Identifier: Apache-2.0

//! State of a conversation's alerts.

use engine::ProcessError;
use serde::{Deserialize, Serialize};

use crate::stored::behind;
use crate::watches::Span;

/// Format version; the first byte. Another version is rejected, and the state is rebuilt.
const VERSION: u8 = 1;

/// The timer that is set, and the raised alerts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) timer_ms: Option<i64>,
    /// As they were published.
    pub(super) raised: Vec<Span>,
}

impl Known {
    pub(super) fn is_empty(&self) -> bool {
        self.timer_ms.is_none() && self.raised.is_empty()
    }

    pub(super) fn has_raised(&self, span: &Span) -> bool {
        self.raised.iter().any(|raised| raised.is_same_alert(span))
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(|problem| problem.to_string()),
            Some((version, _)) => Err(format!("version {version} of the form, not {VERSION}")),
            None => Err("it has no bytes".to_owned()),
        }
    }

    pub(super) fn write(&self) -> Result<Vec<u8>, String> {
        behind(VERSION, self).map_err(|problem| problem.to_string())
    }
}

pub(super) fn corrupt(key: &[u8], problem: String) -> ProcessError {
    ProcessError::Corrupt { processor: super::NAME, key: String::from_utf8_lossy(key).into_owned(), problem }
}
