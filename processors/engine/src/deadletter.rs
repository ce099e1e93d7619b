//! Dead letters: the record exactly as it came, and why (contract section 8).

use model::Reason;

use crate::record::{OutputRecord, Route, Sink, SinkError, SourceRecord};
use crate::topology::TopicId;

/// Header of every output record: the processor that wrote it.
pub const HEADER_PROCESSOR: &str = "cx.processor";
/// Header of every output record: name and version of its schema.
pub const HEADER_SCHEMA: &str = "cx.schema";
/// Header of a dead letter: its reason.
pub const HEADER_REASON: &str = "cx.error.reason";
const HEADER_DETAIL: &str = "cx.error.detail";
const HEADER_TOPIC: &str = "cx.error.topic";
const HEADER_PARTITION: &str = "cx.error.partition";
const HEADER_OFFSET: &str = "cx.error.offset";
const HEADER_ERROR_PROCESSOR: &str = "cx.error.processor";
const HEADER_AT: &str = "cx.error.at";
const SCHEMA: &str = "dead-letter/1";

/// A record that cannot be folded, staged until its transaction commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why.
    pub reason: Reason,
    /// Why, for a person.
    pub detail: String,
    /// Who refused it.
    pub processor: &'static str,
    /// When, in epoch milliseconds.
    pub at_ms: i64,
    topic: String,
    partition: i32,
    offset: i64,
    timestamp_ms: Option<i64>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl DeadLetter {
    /// Copies the record, with the reason. Of one that belongs to an erased conversation the value is left out (contract
    /// section 9).
    #[must_use]
    pub fn new(
        record: &SourceRecord<'_>,
        processor: &'static str,
        reason: Reason,
        detail: String,
        now_ms: i64,
    ) -> Self {
        let mut headers = Vec::new();
        record.headers.visit(&mut |name, value| headers.push((name.to_owned(), value.map(<[u8]>::to_vec))));
        Self {
            reason,
            detail,
            processor,
            at_ms: now_ms,
            topic: record.topic.to_owned(),
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.filter(|_| reason != Reason::Erased).map(<[u8]>::to_vec),
            headers,
        }
    }

    /// Bytes that it holds, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len)).sum();
        self.detail.len()
            + headers
            + self.key.as_ref().map_or(0, Vec::len)
            + self.value.as_ref().map_or(0, Vec::len)
    }

    pub(crate) fn send(&self, topic: TopicId, sink: &mut dyn Sink) -> Result<(), SinkError> {
        let (partition, offset, at) =
            (self.partition.to_string(), self.offset.to_string(), self.at_ms.to_string());
        let mut headers: Vec<(&str, Option<&[u8]>)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        headers.extend([
            (HEADER_REASON, Some(self.reason.as_str().as_bytes())),
            (HEADER_DETAIL, Some(self.detail.as_bytes())),
            (HEADER_TOPIC, Some(self.topic.as_bytes())),
            (HEADER_PARTITION, Some(partition.as_bytes())),
            (HEADER_OFFSET, Some(offset.as_bytes())),
            (HEADER_ERROR_PROCESSOR, Some(self.processor.as_bytes())),
            (HEADER_AT, Some(at.as_bytes())),
            (HEADER_PROCESSOR, Some(self.processor.as_bytes())),
            (HEADER_SCHEMA, Some(SCHEMA.as_bytes())),
        ]);
        sink.send(OutputRecord {
            topic,
            route: Route::Source(self.partition),
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            timestamp_ms: self.timestamp_ms,
            headers: &headers,
        })
    }
}
