// SPDX-License-Identifier: Apache-2.0

//! Facts about a record besides its value.

/// Facts about a record besides its value that its event depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The conversation in the name of the record's topic, with the lowest priority (contract section 1).
    pub conversation: Option<&'a str>,
    /// Kafka's timestamp, in epoch milliseconds; for a repartitioned record the original one. `None` skips the check that the
    /// event's time is not too far ahead of it.
    pub timestamp_ms: Option<i64>,
}

/// A value without a timestamp, with the conversation in its topic's name.
impl<'a> From<Option<&'a str>> for Origin<'a> {
    fn from(conversation: Option<&'a str>) -> Self {
        Self { conversation, timestamp_ms: None }
    }
}
