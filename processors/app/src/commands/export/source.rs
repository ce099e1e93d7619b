// SPDX-License-Identifier: Apache-2.0

//! The topics to export: their ends, how long they keep tombstones, and their records as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use export::Extent;
use rdkafka::ClientConfig;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::metadata::Metadata;

use crate::clock;
use crate::config::Config;
use crate::exit::Failure;
use crate::formats::Formats;
use crate::kafka;
use crate::kafka::reader::{self, Reader, Span};
use crate::topics;

const TOMBSTONES_KEPT: &str = "delete.retention.ms";
/// Kafka's default, for a cluster that does not say.
const TOMBSTONES_KEPT_MS: i64 = 86_400_000;

/// The partitions of a topic at a time.
pub struct Extents {
    /// The partitions.
    pub extents: Vec<Extent>,
    /// The time just before their ends were fetched.
    pub at_ms: i64,
    /// How long the topic keeps tombstones.
    pub tombstones_kept_ms: i64,
}

/// Takes a record, and its value as JSON.
type RecordVisitor<'v> = dyn FnMut(&BorrowedMessage<'_>, Option<&[u8]>) -> anyhow::Result<()> + 'v;

/// The cluster.
pub struct Source<'c> {
    committed: Reader,
    everything: Reader,
    formats: Formats<'c>,
    transaction_timeout: Duration,
    /// By topic: the number of partitions, and how long it keeps tombstones.
    topics: BTreeMap<String, (i32, i64)>,
}

impl<'c> Source<'c> {
    /// Connects, for these topics.
    ///
    /// # Errors
    /// A topic does not exist, or the cluster does not answer or denies access.
    pub fn open(
        client: &ClientConfig,
        metadata: &Metadata,
        config: &'c Config,
        names: &[String],
    ) -> Result<Self, Failure> {
        let mut topics = BTreeMap::new();
        for name in names {
            let partitions = kafka::partitions(metadata, name)
                .with_context(|| topics::no_such_topic(config, name))
                .map_err(Failure::usage)?;
            topics.insert(name.clone(), (partitions, TOMBSTONES_KEPT_MS));
        }
        let settings = topics::settings_of(client, names.iter().map(String::as_str));
        let settings = settings.map_err(|failure| match failure {
            Failure::Failed(error) => Failure::Failed(error.context(
                "`cx-timelines acls look` prints the rights that are needed, DescribeConfigs among them",
            )),
            other => other,
        })?;
        for (name, (_, kept_ms)) in &mut topics {
            let own = settings.get(name).and_then(|settings| settings.get(TOMBSTONES_KEPT));
            *kept_ms = own.and_then(|text| text.parse().ok()).unwrap_or(TOMBSTONES_KEPT_MS);
        }
        Ok(Self {
            committed: Reader::new(client)?,
            everything: Reader::of_everything(client)?,
            formats: Formats::open(config)?,
            transaction_timeout: Duration::from_millis(config.transaction_timeout_ms),
            topics,
        })
    }

    /// The partitions of a topic, with ends before which no record can appear any more.
    ///
    /// # Errors
    /// A transaction does not end, or the cluster does not answer.
    pub fn extents(&self, topic: &str) -> anyhow::Result<Extents> {
        let (partitions, tombstones_kept_ms) = self.topics.get(topic).copied().unwrap_or_default();
        let at_ms = clock::now_ms();
        let extent = |partition| {
            let timeout = self.transaction_timeout;
            let span = reader::settled(&self.committed, &self.everything, topic, partition, timeout)?;
            Ok(Extent { partition, first: span.first, end: span.end })
        };
        let extents = (0..partitions).map(extent).collect::<anyhow::Result<_>>()?;
        Ok(Extents { extents, at_ms, tombstones_kept_ms })
    }

    /// Passes each committed record of these ranges to `visit`, with its value as JSON.
    ///
    /// # Errors
    /// The cluster stops answering, the schema registry does not return a schema, or `visit` fails.
    pub fn read(&self, topic: &str, extents: &[Extent], visit: &mut RecordVisitor<'_>) -> anyhow::Result<()> {
        let span = |extent: &Extent| {
            let Extent { partition, first, end } = *extent;
            Span { topic: topic.to_owned(), partition, first, end }
        };
        let spans: Vec<Span> = extents.iter().map(span).collect();
        self.committed.read(&spans, &mut |message| {
            let value = self.formats.json_or_none(topic, message.payload())?;
            visit(message, value.as_deref())
        })
    }
}
