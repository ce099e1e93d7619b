//! The consumer group of the pipeline, seen from outside: commands never join it.

use std::time::Duration;

use anyhow::Context;
use rdkafka::consumer::{CommitMode, Consumer, ConsumerGroupMetadata};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::exit::Failure;
use crate::kafka::{self, Reading};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The transaction of an instance that was killed ends after `transaction.timeout`, and a little.
const SETTLED_TIMEOUT: Duration = Duration::from_secs(30);

/// The group.
pub struct Group {
    consumer: Reading,
    settled: Reading,
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
        let consumer = |isolation: &str| {
            let mut client = client.clone();
            client.set("group.id", name);
            client.set("enable.auto.commit", "false");
            client.set("isolation.level", isolation);
            kafka::consumer(&client)
        };
        Ok(Self {
            // What is committed by now, without waiting for transactions that a killed instance left open.
            consumer: consumer("read_uncommitted")?,
            // What no open transaction can change any more.
            settled: consumer("read_committed")?,
            name: name.to_owned(),
        })
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
        let asked = || format!("the group's offsets of {topic} cannot be asked for");
        let answer = answer.with_context(asked)?;
        let committed = |partition| match answer.find_partition(topic, partition) {
            Some(found) => edge::committed_offset(&found).with_context(asked),
            None => Ok(None),
        };
        (0..partitions).map(committed).collect()
    }

    /// Whether nobody is in it, as its coordinator has it, whatever protocol the group works by: it is given offsets that it has
    /// already, and takes them from outside only while there is no member. Where nothing is committed of this topic it cannot
    /// be told: none.
    ///
    /// # Errors
    /// The cluster does not answer, or denies the right.
    pub fn is_free(&self, topic: &str, partitions: i32) -> anyhow::Result<Option<bool>> {
        let mut question = TopicPartitionList::new();
        for partition in 0..partitions {
            question.add_partition(topic, partition);
        }
        let asked = || format!("whether the group {} is in use cannot be asked for", self.name);
        // Of a transaction that has just ended the offsets may not be there yet: given the old ones it would be undone.
        let answer = self.settled.committed_offsets(question, SETTLED_TIMEOUT).with_context(asked)?;
        let mut same = TopicPartitionList::new();
        for element in answer.elements() {
            if let Some(offset) = edge::committed_offset(&element).with_context(asked)? {
                let mut again = same.add_partition(element.topic(), element.partition());
                again.set_offset(Offset::Offset(offset))?;
                again.set_metadata(element.metadata());
            }
        }
        if same.count() == 0 {
            return Ok(None);
        }
        match self.settled.commit(&same, CommitMode::Sync) {
            Ok(()) => Ok(Some(true)),
            Err(KafkaError::ConsumerCommit(
                RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::RebalanceInProgress,
            )) => Ok(Some(false)),
            Err(error) => Err(error).with_context(asked),
        }
    }

    /// Waits until offsets of a transaction that was committed are there for everybody: the coordinator answers a little before.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub fn await_settled(&self, offsets: &TopicPartitionList) -> anyhow::Result<()> {
        let asked = || format!("the offsets of the group {} cannot be asked for", self.name);
        self.settled.committed_offsets(offsets.clone(), SETTLED_TIMEOUT).map(|_| ()).with_context(asked)
    }

    /// What a transaction needs that commits offsets of the group from outside. The coordinator takes them from whoever is no
    /// member, so see whether it [is free](Self::is_free) first.
    ///
    /// # Errors
    /// The client does not know its group.
    pub fn outsider(&self) -> anyhow::Result<ConsumerGroupMetadata> {
        self.consumer.group_metadata().context("the client does not know its group")
    }
}
