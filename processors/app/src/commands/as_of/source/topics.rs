// SPDX-License-Identifier: Apache-2.0

//! Events from the cluster: all partitions of the input topics, since another producer's partitioner may have put an event
//! anywhere, and the conversation's own topics.

use anyhow::Context;
use engine::{NoHeaders, SourceRecord};
use rdkafka::Message;
use rdkafka::message::BorrowedMessage;
use rdkafka::metadata::{Metadata, MetadataTopic};

use super::{Gap, RecordVisitor, Source};
use crate::cli::Global;
use crate::commands::as_of::selection::OrderedRecord;
use crate::config::Config;
use crate::exit::Failure;
use crate::formats::Formats;
use crate::kafka;
use crate::kafka::reader::{Reader, Span};
use crate::topics;

/// The input topics, each up to its end at the first read.
pub struct TopicSource<'c> {
    config: &'c Config,
    formats: Formats<'c>,
    reader: Reader,
    spans: Vec<Vec<Span>>,
    gaps: Vec<Gap>,
    /// Partitions of the erasure requests.
    requests: Vec<Span>,
    bootstrap: String,
}

impl<'c> TopicSource<'c> {
    /// Finds the topics and their end offsets.
    ///
    /// # Errors
    /// An input topic is missing, or the cluster does not answer.
    pub fn open(global: &Global, config: &'c Config, conversation: &str) -> Result<Self, Failure> {
        let client = kafka::client(global)?;
        let metadata = topics::reach(&client, global)?;
        let reader = Reader::new(&client)?;
        let mut spans = Vec::new();
        for topic in inputs(config, &metadata, conversation) {
            let partitions = kafka::partitions(&metadata, topic)
                .with_context(|| topics::no_such_topic(config, topic))
                .map_err(Failure::usage)?;
            spans.push(spans_of(&reader, topic, partitions)?);
        }
        let gone = spans.iter().flatten().filter(|span| span.first > 0);
        let gaps = gone.map(Gap::of).collect();
        let erasures = config.erasures().filter(|topic| kafka::partitions(&metadata, topic).is_some());
        let requests = match erasures {
            Some(topic) => spans_of(&reader, topic, kafka::partitions(&metadata, topic).unwrap_or_default())?,
            None => Vec::new(),
        };
        let formats = Formats::open(config)?;
        Ok(Self { config, formats, reader, spans, gaps, requests, bootstrap: global.bootstrap.clone() })
    }
}

impl Gap {
    /// The gap at a partition's beginning. The time of its first record becomes known once it is read.
    fn of(span: &Span) -> Self {
        Self { topic: span.topic.clone(), partition: span.partition, first: span.first, first_ms: None }
    }
}

/// Notes the time of the first record of a partition whose beginning is gone.
fn note_first(gaps: &mut [Gap], message: &BorrowedMessage<'_>) {
    let is_its = |gap: &&mut Gap| gap.partition == message.partition() && gap.topic == message.topic();
    if let Some(gap) = gaps.iter_mut().find(is_its)
        && gap.first_ms.is_none()
    {
        gap.first_ms = message.timestamp().to_millis();
    }
}

fn spans_of(reader: &Reader, topic: &str, partitions: i32) -> anyhow::Result<Vec<Span>> {
    (0..partitions).map(|partition| reader.span(topic, partition)).collect()
}

/// The topics that may hold events of the conversation.
fn inputs<'n>(config: &'n Config, metadata: &'n Metadata, conversation: &str) -> Vec<&'n str> {
    let exact = config.exact_inputs();
    let of_its_own = metadata
        .topics()
        .iter()
        .map(MetadataTopic::name)
        .filter(|name| !exact.contains(name) && config.conversation_of(name) == Some(conversation));
    exact.iter().copied().chain(of_its_own).collect()
}

impl Source for TopicSource<'_> {
    fn each(&mut self, visit: &mut RecordVisitor<'_>) -> anyhow::Result<()> {
        let mut before = 0;
        for spans in [&self.requests].into_iter().chain(&self.spans) {
            // Records of a partition keep their order regardless of their timestamps; partitions are merged by time.
            let mut times = vec![i64::MIN; spans.len()];
            let gaps = &mut self.gaps;
            let (formats, config) = (&self.formats, self.config);
            self.reader.read(spans, &mut |message| {
                let partition = usize::try_from(message.partition()).unwrap_or_default();
                let timestamp_ms = message.timestamp().to_millis();
                let time = times.get_mut(partition).context("a partition that was not asked for")?;
                if *time == i64::MIN {
                    note_first(gaps, message);
                }
                *time = timestamp_ms.map_or(*time, |ms| ms.max(*time));
                let value = formats.json_or_none(message.topic(), message.payload())?;
                let record = SourceRecord {
                    topic: message.topic(),
                    partition: message.partition(),
                    offset: message.offset(),
                    timestamp_ms,
                    key: None,
                    value: value.as_deref(),
                    headers: &NoHeaders,
                    conversation: config.conversation_of(message.topic()),
                };
                visit(&OrderedRecord { record, place: (*time, before + partition, message.offset()) })
            })?;
            before += spans.len();
        }
        Ok(())
    }

    fn place(&self) -> String {
        let partitions = |spans: &Vec<Span>| {
            let topic = spans.first().map(|span| span.topic.as_str()).unwrap_or_default();
            format!("{topic} ({} partitions)", spans.len())
        };
        let topics: Vec<String> = self.spans.iter().map(partitions).collect();
        format!("{} at {}", topics.join(", "), self.bootstrap)
    }

    fn gaps(&self) -> Vec<Gap> {
        self.gaps.clone()
    }
}
