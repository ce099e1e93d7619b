// SPDX-License-Identifier: Apache-2.0

//! Dead letters: the unchanged record and the reason (contract section 8).

use model::Reason;

use crate::headers::{HEADER_PROCESSOR, HEADER_SCHEMA};
use crate::letter_headers::{LetterHeaders, Origin};
use crate::record::{FRAME_BYTES, LeftOut, OutputRecord, Route, Sink, SinkError, SourceRecord, header_bytes};
use crate::topic::TopicId;

/// Header of a dead letter: its reason.
pub const HEADER_REASON: &str = "cx.error.reason";
/// Header of a dead letter: the record's own Kafka timestamp, in epoch milliseconds. The letter's timestamp is its own time.
pub const HEADER_TIMESTAMP: &str = "cx.error.timestamp";
/// Header of a dead letter whose value was left out because its topic would reject it: the value's size in bytes.
pub const HEADER_TRUNCATED: &str = "cx.error.truncated";
/// Header of a dead letter without the record's headers: their total size in bytes.
pub const HEADER_TRUNCATED_HEADERS: &str = "cx.error.truncated.headers";
/// Header of a dead letter with a cut key: the key's size in bytes.
pub const HEADER_TRUNCATED_KEY: &str = "cx.error.truncated.key";
/// Header of a dead letter: the reason in words, with the place in the record.
pub const HEADER_DETAIL: &str = "cx.error.detail";
/// Header of a dead letter: the topic that the record came from.
pub const HEADER_TOPIC: &str = "cx.error.topic";
/// Header of a dead letter: the record's partition there.
pub const HEADER_PARTITION: &str = "cx.error.partition";
/// Header of a dead letter: the record's offset there.
pub const HEADER_OFFSET: &str = "cx.error.offset";
/// Header of a dead letter: where the record was rejected.
pub const HEADER_ERROR_PROCESSOR: &str = "cx.error.processor";
/// Header of a dead letter: when the record was rejected, in epoch milliseconds.
pub const HEADER_AT: &str = "cx.error.at";
const SCHEMA: &str = "dead-letter/2";
/// Processor name reported for records that fail to decode.
pub(crate) const DECODER: &str = "decode";

/// Size of the headers that say what was left out.
const CUTS_BYTES: usize = 160;
/// Remaining size of a key that is too large, in bytes.
pub(crate) const KEY_BYTES_LEFT: usize = 1024;
/// Maximum size of the detail text, in bytes.
const DETAIL_BYTES_MAX: usize = 1024;
/// Minimum size that every dead-letter topic must accept, in bytes: a letter without the parts that can be left out.
pub const LETTER_BYTES_LEAST: usize = 8 << 10;

/// The topic of dead letters, and how they are written there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LetterTopic {
    pub(crate) topic: TopicId,
    /// Maximum size of a letter in bytes.
    pub(crate) bytes_max: usize,
    /// Headers besides our own.
    pub(crate) headers: LetterHeaders,
}

/// A record that cannot be folded, staged until its transaction commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The reason.
    pub reason: Reason,
    /// The reason in words.
    pub detail: String,
    /// The processor that rejected it.
    pub processor: &'static str,
    /// When, in epoch milliseconds; also the letter's Kafka timestamp, so that retention starts then.
    pub at_ms: i64,
    topic: String,
    partition: i32,
    offset: i64,
    timestamp_ms: Option<i64>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    /// Size of the value in bytes, even if it is left out.
    value_bytes: usize,
    headers: Vec<(String, Option<Vec<u8>>)>,
    /// Parts that were already left out.
    left_out: LeftOut,
}

impl DeadLetter {
    /// Copies the record and adds the reason. Leaves out the value if the record belongs to an erased conversation (contract
    /// section 9), or if the value alone exceeds `bytes_max`, because no letter could contain it and it may be far larger than
    /// anything else in memory.
    #[must_use]
    pub fn new(
        record: &SourceRecord<'_>,
        (processor, reason, detail): (&'static str, Reason, String),
        now_ms: i64,
        bytes_max: usize,
    ) -> Self {
        let value = record.value.filter(|_| reason != Reason::Erased);
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
            value: value.filter(|value| value.len() <= bytes_max).map(<[u8]>::to_vec),
            value_bytes: value.map_or(0, <[u8]>::len),
            headers,
            left_out: record.headers.left_out(),
        }
    }

    /// Approximate memory use in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len)).sum();
        self.detail.len()
            + headers
            + self.key.as_ref().map_or(0, Vec::len)
            + self.value.as_ref().map_or(0, Vec::len)
    }

    /// Sends it to its topic. Parts that exceed the topic's limit are left out, and headers say so.
    pub(crate) fn send(&self, to: LetterTopic, sink: &mut dyn Sink) -> Result<(), SinkError> {
        let LetterTopic { topic, bytes_max, headers: others } = to;
        let (partition, offset, at) =
            (self.partition.to_string(), self.offset.to_string(), self.at_ms.to_string());
        let detail = beginning(&self.detail, DETAIL_BYTES_MAX);
        let mut own = vec![
            (HEADER_REASON, Some(self.reason.as_str().as_bytes())),
            (HEADER_DETAIL, Some(detail.as_bytes())),
            (HEADER_TOPIC, Some(self.topic.as_bytes())),
            (HEADER_PARTITION, Some(partition.as_bytes())),
            (HEADER_OFFSET, Some(offset.as_bytes())),
            (HEADER_ERROR_PROCESSOR, Some(self.processor.as_bytes())),
            (HEADER_AT, Some(at.as_bytes())),
            (HEADER_PROCESSOR, Some(self.processor.as_bytes())),
            (HEADER_SCHEMA, Some(SCHEMA.as_bytes())),
        ];
        let timestamp = self.timestamp_ms.map(|at| at.to_string());
        own.extend(timestamp.as_ref().map(|at| (HEADER_TIMESTAMP, Some(at.as_bytes()))));
        others.add(
            &mut own,
            &Origin {
                reason: self.reason.as_str(),
                detail,
                processor: self.processor,
                topic: &self.topic,
                partition: &partition,
                offset: &offset,
                is_undecoded: self.processor == DECODER,
            },
        );
        let theirs: Vec<(&str, Option<&[u8]>)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        let sizes = Sizes {
            own: FRAME_BYTES + CUTS_BYTES + header_bytes(&own),
            key: self.key.as_ref().map_or(0, Vec::len),
            value: self.value_bytes,
            headers: header_bytes(&theirs),
        };
        let cut = sizes.cut_to(bytes_max);
        let cuts: Vec<(&str, String)> = [
            (cut.value, HEADER_TRUNCATED, sizes.value),
            (cut.headers, HEADER_TRUNCATED_HEADERS, sizes.headers),
            (cut.key, HEADER_TRUNCATED_KEY, sizes.key),
        ]
        .into_iter()
        .zip([0, self.left_out.header_bytes as usize, self.left_out.key_bytes as usize])
        .filter(|((is_cut, ..), before)| *is_cut || *before > 0)
        .map(|((_, name, bytes), before)| (name, bytes.max(before).to_string()))
        .collect();
        own.extend(cuts.iter().map(|(name, bytes)| (*name, Some(bytes.as_bytes()))));
        let mut headers = if cut.headers { Vec::new() } else { theirs };
        headers.append(&mut own);
        let key_bytes = if cut.key { KEY_BYTES_LEFT } else { usize::MAX };
        sink.send(OutputRecord {
            topic,
            route: Route::Source(self.partition),
            key: self.key.as_deref().map(|key| key.get(..key_bytes).unwrap_or(key)),
            value: self.value.as_deref().filter(|_| !cut.value),
            timestamp_ms: Some(self.at_ms),
            headers: &headers,
        })
    }
}

/// The parts left out of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    value: bool,
    headers: bool,
    key: bool,
}

impl Cut {
    const fn new(value: bool, headers: bool, key: bool) -> Self {
        Self { value, headers, key }
    }

    /// From nothing to everything that can be left out. The value stays unless it is what is too large.
    const ALL: [Cut; 8] = [
        Cut::new(false, false, false),
        Cut::new(true, false, false),
        Cut::new(false, true, false),
        Cut::new(false, false, true),
        Cut::new(false, true, true),
        Cut::new(true, true, false),
        Cut::new(true, false, true),
        Cut::new(true, true, true),
    ];
}

/// Sizes of the parts of a letter, in bytes.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    /// The added headers and Kafka's overhead.
    own: usize,
    key: usize,
    value: usize,
    headers: usize,
}

impl Sizes {
    /// The minimum that must be left out.
    fn cut_to(self, bytes_max: usize) -> Cut {
        let fits = |cut: &Cut| {
            let key = if cut.key { self.key.min(KEY_BYTES_LEFT) } else { self.key };
            let value = if cut.value { 0 } else { self.value };
            let headers = if cut.headers { 0 } else { self.headers };
            let is_sensible = (!cut.key || self.key > KEY_BYTES_LEFT)
                && (!cut.value || self.value > 0)
                && (!cut.headers || self.headers > 0);
            is_sensible && self.own + key + value + headers <= bytes_max
        };
        let all = Cut::new(self.value > 0, self.headers > 0, self.key > KEY_BYTES_LEFT);
        Cut::ALL.into_iter().find(fits).unwrap_or(all)
    }
}

/// The whole characters within this number of bytes.
fn beginning(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::NoHeaders;

    struct Headers(Vec<(&'static str, Vec<u8>)>);

    impl crate::record::HeaderSource for Headers {
        fn visit(&self, visit: &mut dyn FnMut(&str, Option<&[u8]>)) {
            self.0.iter().for_each(|(name, value)| visit(name, Some(value)));
        }
    }

    fn letters() -> TopicId {
        let inner = crate::InnerTopics {
            dead_letters: "letters",
            changelog: "changelog",
            repartition: "repartition",
            erasures: None,
        };
        crate::Topology::new(inner).dead_letters()
    }

    /// A record as it was written.
    #[derive(Default)]
    struct Written {
        bytes: usize,
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        timestamp_ms: Option<i64>,
        headers: Vec<(String, Vec<u8>)>,
    }

    impl Written {
        fn header(&self, wanted: &str) -> Option<String> {
            let (_, value) = self.headers.iter().find(|(name, _)| name == wanted)?;
            Some(String::from_utf8(value.clone()).unwrap())
        }
    }

    impl Sink for Written {
        fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
            let text = |value: Option<&[u8]>| value.map(<[u8]>::to_vec);
            let bytes = |value: Option<&[u8]>| value.map_or(0, <[u8]>::len);
            let headers = record.headers.iter();
            let of_headers: usize =
                headers.clone().map(|(name, value)| name.len() + bytes(*value) + 10).sum();
            *self = Written {
                bytes: 61 + 36 + bytes(record.key) + bytes(record.value) + of_headers,
                key: text(record.key),
                value: text(record.value),
                timestamp_ms: record.timestamp_ms,
                headers: headers
                    .map(|(name, value)| ((*name).to_owned(), text(*value).unwrap_or_default()))
                    .collect(),
            };
            Ok(())
        }
    }

    /// The longest name that Kafka gives to a topic.
    fn long_topic() -> String {
        "t".repeat(249)
    }

    fn at_most(bytes_max: usize) -> LetterTopic {
        LetterTopic { topic: letters(), bytes_max, headers: LetterHeaders::default() }
    }

    fn written(key: usize, value: usize, header: usize, bytes_max: usize) -> Written {
        written_to(at_most(bytes_max), key, value, header)
    }

    fn written_to(to: LetterTopic, key: usize, value: usize, header: usize) -> Written {
        let (bytes_max, topic) = (to.bytes_max, long_topic());
        let headers = Headers(if header > 0 { vec![("trace", vec![b'h'; header])] } else { vec![] });
        let (value_bytes, others_bytes) = (value, key + header);
        let (key, value) = (vec![b'k'; key], vec![b'v'; value]);
        let record = SourceRecord {
            topic: &topic,
            partition: 3,
            offset: 17,
            timestamp_ms: Some(1_000),
            key: (!key.is_empty()).then_some(key.as_slice()),
            value: Some(&value),
            headers: &headers,
            conversation: None,
        };
        let letter =
            DeadLetter::new(&record, ("decode", Reason::TooLarge, "much".repeat(1000)), 9_000, bytes_max);
        assert!(
            value_bytes <= bytes_max || letter.bytes() < others_bytes + 5_000,
            "no letter has it: no copy"
        );
        let mut sink = Written::default();
        letter.send(to, &mut sink).unwrap();
        sink
    }

    #[test]
    fn a_letter_has_its_own_time_and_its_record_s_in_a_header() {
        let letter = written(2, 5, 3, usize::MAX);
        assert_eq!(letter.timestamp_ms, Some(9_000));
        assert_eq!(letter.header(HEADER_TIMESTAMP).as_deref(), Some("1000"));
        assert_eq!(letter.header(HEADER_AT).as_deref(), Some("9000"));
        assert_eq!(letter.header(HEADER_TRUNCATED), None);
    }

    #[test]
    fn a_record_without_a_time_leaves_a_letter_without_one_in_its_headers() {
        let record = SourceRecord {
            topic: "t",
            partition: 0,
            offset: 0,
            timestamp_ms: None,
            key: None,
            value: None,
            headers: &NoHeaders,
            conversation: None,
        };
        let mut sink = Written::default();
        let letter =
            DeadLetter::new(&record, ("decode", Reason::Malformed, String::new()), 9_000, usize::MAX);
        letter.send(at_most(usize::MAX), &mut sink).unwrap();
        assert_eq!((sink.timestamp_ms, sink.header(HEADER_TIMESTAMP)), (Some(9_000), None));
    }

    #[test]
    fn whatever_a_record_has_its_letter_is_no_larger_than_its_topic_takes_and_says_what_it_lacks() {
        const KIB: usize = 1 << 10;
        let sizes = [0, 1, 100, 3 * KIB, 900 * KIB, 5 * KIB * KIB];
        let (none, all) = (LetterHeaders::default(), LetterHeaders { streams: true, connect: true });
        let limits = [
            (LETTER_BYTES_LEAST, none),
            (LETTER_BYTES_LEAST, all),
            (64 * KIB, all),
            (KIB * KIB, none),
            (KIB * KIB, all),
            (usize::MAX, none),
        ];
        for key in sizes {
            for value in sizes {
                for header in sizes {
                    for (bytes_max, headers) in limits {
                        let to = LetterTopic { headers, ..at_most(bytes_max) };
                        let letter = written_to(to, key, value, header);
                        let case = format!("key {key}, value {value}, header {header}, {to:?}");
                        assert!(letter.bytes <= bytes_max, "{case}: {}", letter.bytes);
                        let found = letter.value.as_ref().map(Vec::len);
                        match letter.header(HEADER_TRUNCATED) {
                            Some(bytes) => assert_eq!((bytes, found), (value.to_string(), None), "{case}"),
                            None => assert_eq!(found, Some(value), "{case}"),
                        }
                        let found = letter.key.as_ref().map_or(0, Vec::len);
                        match letter.header(HEADER_TRUNCATED_KEY) {
                            Some(bytes) => {
                                assert_eq!((bytes, found), (key.to_string(), KEY_BYTES_LEFT), "{case}");
                            }
                            None => assert_eq!(found, key, "{case}"),
                        }
                        let is_there = letter.headers.iter().any(|(name, _)| name == "trace");
                        let is_cut = letter.headers.iter().any(|(name, _)| name == HEADER_TRUNCATED_HEADERS);
                        assert_eq!(is_there, header > 0 && !is_cut, "{case}");
                        let whole = key + value + header + 6 * KIB <= bytes_max;
                        let names = letter.headers.iter();
                        let cuts = names.filter(|(name, _)| name.starts_with(HEADER_TRUNCATED)).count();
                        assert!(!whole || cuts == 0, "{case}: nothing had to be left out");
                    }
                }
            }
        }
    }

    #[test]
    fn a_value_that_is_not_what_is_too_large_stays() {
        let letter = written(10, 200, 1 << 20, 64 << 10);
        assert_eq!(
            (letter.value.as_ref().map(Vec::len), letter.key.as_ref().map(Vec::len)),
            (Some(200), Some(10))
        );
        assert_eq!(letter.header(HEADER_TRUNCATED_HEADERS), Some((10 + 5 + (1 << 20)).to_string()));
    }

    #[test]
    fn what_was_left_out_when_the_record_was_moved_is_in_its_letter() {
        let headers = Headers(vec![("trace", vec![0; 2000])]);
        let key = [b'k'; 3000];
        let record = SourceRecord {
            topic: "cx.events",
            partition: 3,
            offset: 17,
            timestamp_ms: None,
            key: Some(&key),
            value: Some(b"{}"),
            headers: &headers,
            conversation: None,
        };
        let moved = crate::Carried::pack(&record, None, 1024);
        let moved = crate::Carried::unpack(&moved).unwrap();
        let letter = DeadLetter::new(&moved.record(), ("decode", Reason::NoKey, String::new()), 5, 1 << 20);
        let mut written = Written::default();
        letter.send(at_most(1 << 20), &mut written).unwrap();
        assert_eq!(written.header(HEADER_TRUNCATED_HEADERS), Some("2005".to_owned()));
        assert_eq!(written.header(HEADER_TRUNCATED_KEY), Some("3000".to_owned()));
        assert_eq!(written.header(HEADER_TRUNCATED), None);
        assert_eq!((written.key.map(|key| key.len()), written.value), (Some(1024), Some(b"{}".to_vec())));
    }
}
