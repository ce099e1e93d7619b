// SPDX-License-Identifier: Apache-2.0

//! Headers of dead letters under the names of other programs, for tools that know only those: Kafka Streams' dead letter queue
//! (KIP-1034) and that of Kafka Connect's sinks (KIP-298). Ours are always there (contract section 8); these are added where
//! topics.yaml asks for them.

const STREAMS_EXCEPTION: &str = "__streams.errors.exception";
const STREAMS_MESSAGE: &str = "__streams.errors.message";
const STREAMS_STACKTRACE: &str = "__streams.errors.stacktrace";
const STREAMS_TOPIC: &str = "__streams.errors.topic";
const STREAMS_PARTITION: &str = "__streams.errors.partition";
const STREAMS_OFFSET: &str = "__streams.errors.offset";

const CONNECT_TOPIC: &str = "__connect.errors.topic";
const CONNECT_PARTITION: &str = "__connect.errors.partition";
const CONNECT_OFFSET: &str = "__connect.errors.offset";
const CONNECT_CONNECTOR: &str = "__connect.errors.connector.name";
const CONNECT_TASK: &str = "__connect.errors.task.id";
const CONNECT_STAGE: &str = "__connect.errors.stage";
const CONNECT_CLASS: &str = "__connect.errors.class.name";
const CONNECT_EXCEPTION: &str = "__connect.errors.exception.class.name";
const CONNECT_MESSAGE: &str = "__connect.errors.exception.message";
const CONNECT_STACKTRACE: &str = "__connect.errors.exception.stacktrace";

/// What Connect's headers name as the connector.
const CONNECTOR: &str = "cx-timelines";
/// Connect's stage of a record that cannot be decoded.
const STAGE_DECODE: &str = "VALUE_CONVERTER";
/// Connect's stage of a record that was decoded, and then rejected.
const STAGE_FOLD: &str = "TRANSFORMATION";

/// All headers of [`LetterHeaders`]. A letter has them after `cx.error.reason`; before it they are the record's own.
pub const LETTER_HEADERS_OF_OTHERS: [&str; 16] = [
    STREAMS_EXCEPTION,
    STREAMS_MESSAGE,
    STREAMS_STACKTRACE,
    STREAMS_TOPIC,
    STREAMS_PARTITION,
    STREAMS_OFFSET,
    CONNECT_TOPIC,
    CONNECT_PARTITION,
    CONNECT_OFFSET,
    CONNECT_CONNECTOR,
    CONNECT_TASK,
    CONNECT_STAGE,
    CONNECT_CLASS,
    CONNECT_EXCEPTION,
    CONNECT_MESSAGE,
    CONNECT_STACKTRACE,
];

/// The programs under whose names a dead letter has its reason and position too. By default there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LetterHeaders {
    /// `__streams.errors.*`, as Kafka Streams writes them.
    pub streams: bool,
    /// `__connect.errors.*`, as Kafka Connect writes them.
    pub connect: bool,
}

/// What the headers of a letter say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'l> {
    pub(crate) reason: &'l str,
    pub(crate) detail: &'l str,
    pub(crate) processor: &'l str,
    pub(crate) topic: &'l str,
    pub(crate) partition: &'l str,
    pub(crate) offset: &'l str,
    /// Whether the record could not be decoded.
    pub(crate) is_undecoded: bool,
}

impl LetterHeaders {
    /// Adds the headers. Nothing was thrown, so the stack traces are empty.
    pub(crate) fn add<'l>(self, all: &mut Vec<(&'l str, Option<&'l [u8]>)>, origin: &Origin<'l>) {
        let mut put = |name, text: &'l str| all.push((name, Some(text.as_bytes())));
        if self.streams {
            put(STREAMS_EXCEPTION, origin.reason);
            put(STREAMS_MESSAGE, origin.detail);
            put(STREAMS_STACKTRACE, "");
            put(STREAMS_TOPIC, origin.topic);
            put(STREAMS_PARTITION, origin.partition);
            put(STREAMS_OFFSET, origin.offset);
        }
        if self.connect {
            put(CONNECT_TOPIC, origin.topic);
            put(CONNECT_PARTITION, origin.partition);
            put(CONNECT_OFFSET, origin.offset);
            put(CONNECT_CONNECTOR, CONNECTOR);
            // A task is one partition.
            put(CONNECT_TASK, origin.partition);
            put(CONNECT_STAGE, if origin.is_undecoded { STAGE_DECODE } else { STAGE_FOLD });
            put(CONNECT_CLASS, origin.processor);
            put(CONNECT_EXCEPTION, origin.reason);
            put(CONNECT_MESSAGE, origin.detail);
            put(CONNECT_STACKTRACE, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(which: LetterHeaders, processor: &'static str, is_undecoded: bool) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let origin = Origin {
            reason: "malformed",
            detail: "line 1 column 2",
            processor,
            topic: "cx.events",
            partition: "3",
            offset: "17",
            is_undecoded,
        };
        which.add(&mut all, &origin);
        let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap().to_vec()).unwrap();
        all.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
    }

    fn owned(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn by_default_nothing_is_added() {
        assert_eq!(added(LetterHeaders::default(), "decode", true), []);
    }

    #[test]
    fn kafka_streams_headers_have_its_names_as_text() {
        let found = added(LetterHeaders { streams: true, connect: false }, "decode", true);
        let expected = [
            ("__streams.errors.exception", "malformed"),
            ("__streams.errors.message", "line 1 column 2"),
            ("__streams.errors.stacktrace", ""),
            ("__streams.errors.topic", "cx.events"),
            ("__streams.errors.partition", "3"),
            ("__streams.errors.offset", "17"),
        ];
        assert_eq!(found, owned(&expected));
    }

    #[test]
    fn kafka_connect_s_headers_have_its_names_and_stages() {
        let connect = LetterHeaders { streams: false, connect: true };
        let expected = |stage, class| {
            owned(&[
                ("__connect.errors.topic", "cx.events"),
                ("__connect.errors.partition", "3"),
                ("__connect.errors.offset", "17"),
                ("__connect.errors.connector.name", "cx-timelines"),
                ("__connect.errors.task.id", "3"),
                ("__connect.errors.stage", stage),
                ("__connect.errors.class.name", class),
                ("__connect.errors.exception.class.name", "malformed"),
                ("__connect.errors.exception.message", "line 1 column 2"),
                ("__connect.errors.exception.stacktrace", ""),
            ])
        };
        assert_eq!(added(connect, "decode", true), expected("VALUE_CONVERTER", "decode"));
        assert_eq!(added(connect, "activities", false), expected("TRANSFORMATION", "activities"));
    }

    #[test]
    fn the_list_of_names_is_that_of_what_is_added() {
        let found = added(LetterHeaders { streams: true, connect: true }, "decode", true);
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, LETTER_HEADERS_OF_OTHERS);
    }
}
