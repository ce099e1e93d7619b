//! What counts of a record besides its value.

/// What is known of a record besides its value, as far as the event in it depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The conversation in the name of the record's topic, if that has one: the last place that counts (contract section 1).
    pub conversation: Option<&'a str>,
    /// Kafka's timestamp, in epoch milliseconds: of a record that was moved, that of the first one. None: whether the event is
    /// too far ahead of it is not asked.
    pub timestamp_ms: Option<i64>,
}

/// A value without a timestamp, and the conversation in its topic's name.
impl<'a> From<Option<&'a str>> for Origin<'a> {
    fn from(conversation: Option<&'a str>) -> Self {
        Self { conversation, timestamp_ms: None }
    }
}
