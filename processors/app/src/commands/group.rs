//! The consumer group of the pipeline, seen from outside: commands never join it.

use std::time::Duration;

use anyhow::{Context, anyhow};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::exit::Failure;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The group.
pub struct Group {
    consumer: BaseConsumer,
    name: String,
}

/// How a group is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The coordinator's word: `Stable`, `Empty`, …; empty where the right to look is missing.
    pub state: String,
    /// How partitions are shared out.
    pub protocol: String,
    /// The client ids of its members.
    pub members: Vec<String>,
}

impl Group {
    /// Of this name. Nothing is asked yet.
    ///
    /// # Errors
    /// The client refuses its settings.
    pub fn open(client: &ClientConfig, name: &str) -> Result<Self, Failure> {
        let mut client = client.clone();
        client.set("group.id", name);
        client.set("enable.auto.commit", "false");
        // What is committed by now, without waiting for transactions that a killed instance left open.
        client.set("isolation.level", "read_uncommitted");
        let consumer = client
            .create()
            .map_err(|error| Failure::usage(anyhow!(error).context("a --kafka property is refused")))?;
        Ok(Self { consumer, name: name.to_owned() })
    }

    /// How it is; none where there is no such group.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub fn state(&self) -> anyhow::Result<Option<State>> {
        let list = self.consumer.fetch_group_list(Some(&self.name), ANSWER_TIMEOUT);
        let list = list.with_context(|| format!("the group {} cannot be asked for", self.name))?;
        let found = list.groups().iter().find(|group| group.name() == self.name);
        Ok(found.map(|group| State {
            state: group.state().to_owned(),
            protocol: group.protocol().to_owned(),
            members: group.members().iter().map(|member| member.client_id().to_owned()).collect(),
        }))
    }

    /// Its committed offset of each partition of a topic, in their order; `None` where it has none.
    ///
    /// # Errors
    /// The cluster does not answer, or denies the right.
    pub fn committed(&self, topic: &str, partitions: i32) -> anyhow::Result<Vec<Option<i64>>> {
        let mut question = TopicPartitionList::new();
        for partition in 0..partitions {
            question.add_partition(topic, partition);
        }
        let answer = self.consumer.committed_offsets(question, ANSWER_TIMEOUT);
        let answer = answer.with_context(|| format!("the group's offsets of {topic} cannot be asked for"))?;
        let committed = |partition| match answer.find_partition(topic, partition)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        Ok((0..partitions).map(committed).collect())
    }

    /// What a transaction needs that commits offsets of the group from outside. The coordinator takes them from whoever is no
    /// member, so look at [`Self::state`] first.
    ///
    /// # Errors
    /// The client does not know its group.
    pub fn outsider(&self) -> anyhow::Result<ConsumerGroupMetadata> {
        self.consumer.group_metadata().context("the client does not know its group")
    }
}
