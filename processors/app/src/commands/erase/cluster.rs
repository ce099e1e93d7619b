// SPDX-License-Identifier: Apache-2.0

//! The cluster's topics for an erasure: reading up to settled ends, and deleting from the beginning.

use std::borrow::Cow;
use std::time::Duration;

use anyhow::Context;
use rdkafka::admin::AdminOptions;
use rdkafka::message::BorrowedMessage;
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::cli::Global;
use crate::config::{Config, Role, Topic};
use crate::exit::Failure;
use crate::formats::Formats;
use crate::kafka;
use crate::kafka::group::Group;
use crate::kafka::reader::{self, Reader, Span};
use crate::topics;

/// The cluster and the pipeline's group.
pub struct Cluster<'c> {
    /// The configuration of further clients.
    pub client: ClientConfig,
    /// The configuration of topics.yaml.
    pub config: &'c Config,
    formats: Formats<'c>,
    metadata: Metadata,
    reader: Reader,
    everything: Reader,
    group: Group,
}

impl<'c> Cluster<'c> {
    /// Connects.
    ///
    /// # Errors
    /// The cluster does not answer, or a client's configuration is invalid.
    pub fn open(global: &Global, config: &'c Config) -> Result<Self, Failure> {
        let client = kafka::client(global)?;
        let metadata = topics::reach(&client, global)?;
        let group = Group::open(&client, &global.group)?;
        Ok(Self {
            reader: Reader::new(&client)?,
            everything: Reader::of_everything(&client)?,
            client,
            config,
            formats: Formats::open(config)?,
            metadata,
            group,
        })
    }

    /// A record as JSON, converted from its topic's format; `None` for a tombstone.
    ///
    /// # Errors
    /// The schema registry does not return the record's schema.
    pub fn json<'v>(&self, topic: &str, value: Option<&'v [u8]>) -> anyhow::Result<Option<Cow<'v, [u8]>>> {
        self.formats.json_or_none(topic, value)
    }

    /// The outputs with records of conversations. Windows contain no personal data of customers, and agents are no customers.
    pub fn outputs(&self) -> Vec<&'c str> {
        let others = [folds::metrics::NAME, folds::agents::NAME];
        let others = self.config.processors.iter().filter(|spec| others.contains(&spec.name.as_str()));
        let others: Vec<&str> = others.flat_map(|spec| &spec.writes).map(String::as_str).collect();
        self.of_role(Role::Output).into_iter().filter(|name| !others.contains(name)).collect()
    }

    /// The existing named topics of this role.
    pub fn of_role(&self, role: Role) -> Vec<&'c str> {
        let declared = self.config.topics.iter().filter(|topic| topic.role == role).filter_map(Topic::exact);
        declared.filter(|name| self.exists(name)).collect()
    }

    /// The existing topics of single conversations that `is_wanted` selects.
    pub fn of_conversations(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let inputs = self.config.exact_inputs();
        let names = self.metadata.topics().iter().map(MetadataTopic::name);
        let of_their_own = names.filter(|name| !inputs.contains(name) && self.exists(name));
        let wanted = of_their_own.filter(|name| self.config.conversation_of(name).is_some_and(&is_wanted));
        wanted.map(str::to_owned).collect()
    }

    fn exists(&self, topic: &str) -> bool {
        kafka::partitions(&self.metadata, topic).is_some()
    }

    /// The partition count of a topic.
    ///
    /// # Errors
    /// It does not exist: the message has the remedy.
    pub fn partitions(&self, topic: &str) -> Result<i32, Failure> {
        kafka::partitions(&self.metadata, topic)
            .with_context(|| topics::no_such_topic(self.config, topic))
            .map_err(Failure::usage)
    }

    /// All records of a topic, aborted ones included.
    ///
    /// # Errors
    /// The topic is gone, or the cluster does not answer.
    pub fn all(&self, topic: &str) -> anyhow::Result<Vec<Span>> {
        self.each_partition(topic, &|partition| self.everything.span(topic, partition))
    }

    /// All committed records of a topic, after every transaction now open has ended: no record can appear before these ends any
    /// more.
    ///
    /// # Errors
    /// A transaction does not end, the topic is gone, or the cluster does not answer.
    pub fn settled(&self, topic: &str) -> anyhow::Result<Vec<Span>> {
        let timeout = Duration::from_millis(self.config.transaction_timeout_ms);
        self.each_partition(topic, &|partition| {
            reader::settled(&self.reader, &self.everything, topic, partition, timeout)
        })
    }

    fn each_partition(
        &self,
        topic: &str,
        span: &dyn Fn(i32) -> anyhow::Result<Span>,
    ) -> anyhow::Result<Vec<Span>> {
        let partitions = kafka::partitions(&self.metadata, topic)
            .with_context(|| topics::no_such_topic(self.config, topic))?;
        (0..partitions).map(span).collect()
    }

    /// Passes each committed record to `visit`.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn read(
        &self,
        spans: &[Span],
        visit: &mut dyn FnMut(&BorrowedMessage<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.reader.read(spans, visit)
    }

    /// Passes each record to `visit`, committed or not.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn read_everything(
        &self,
        spans: &[Span],
        visit: &mut dyn FnMut(&BorrowedMessage<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.everything.read(spans, visit)
    }

    /// The group's committed offset of each partition of a topic; `None` without one.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub fn committed(&self, topic: &str, partitions: i32) -> anyhow::Result<Vec<Option<i64>>> {
        self.group.committed(topic, partitions)
    }

    /// The group.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Deletes the records before these offsets, by partition.
    ///
    /// # Errors
    /// The cluster refuses: the message has the missing permission.
    pub fn cut(&self, topic: &str, offsets: &[(i32, i64)]) -> Result<(), Failure> {
        if offsets.is_empty() {
            return Ok(());
        }
        let mut places = TopicPartitionList::new();
        for (partition, offset) in offsets {
            places.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
        }
        let options = AdminOptions::new()
            .operation_timeout(Some(topics::ADMIN_TIMEOUT))
            .request_timeout(Some(topics::ADMIN_TIMEOUT));
        let admin = kafka::admin(&self.client)?;
        let refused = || {
            format!(
                "records of {topic} cannot be deleted: it needs cleanup.policy=delete, and the principal needs DELETE"
            )
        };
        let results = topics::block_on(admin.delete_records(&places, &options))?.with_context(refused)?;
        for element in results.elements() {
            element.error().with_context(refused)?;
        }
        Ok(())
    }
}
