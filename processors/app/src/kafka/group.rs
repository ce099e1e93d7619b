// SPDX-License-Identifier: Apache-2.0

//! The pipeline's consumer group from outside: commands never join it.

use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::consumer::{CommitMode, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::exit::Failure;
use crate::kafka::{self, Reading};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A killed instance's transaction ends soon after `transaction.timeout`.
const SETTLED_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait before a coordinator is asked again that is moving or still loading its group.
const COORDINATOR_BACKOFF: Duration = Duration::from_millis(200);

/// The group.
pub struct Group {
    consumer: Reading,
    settled: Reading,
    name: String,
}

/// The state of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The coordinator's state: `Stable`, `Empty`, …; empty without the permission to describe.
    pub state: String,
    /// The assignment protocol.
    pub protocol: String,
    /// The client ids of its members.
    pub members: Vec<String>,
}

impl Group {
    /// A group by name. No request is sent yet.
    ///
    /// # Errors
    /// The client's configuration is invalid.
    pub fn open(client: &ClientConfig, name: &str) -> Result<Self, Failure> {
        let consumer = |isolation: &str| {
            let mut client = client.clone();
            client.set("group.id", name);
            client.set("enable.auto.commit", "false");
            client.set("isolation.level", isolation);
            kafka::consumer(&client)
        };
        Ok(Self {
            // Latest committed offsets, regardless of transactions that a killed instance left open.
            consumer: consumer("read_uncommitted")?,
            // Committed offsets that no open transaction can change.
            settled: consumer("read_committed")?,
            name: name.to_owned(),
        })
    }

    /// The group's state; `None` if it does not exist.
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

    /// The committed offset of each partition of a topic; `None` without one.
    ///
    /// # Errors
    /// The cluster does not answer, or denies access.
    pub fn committed(&self, topic: &str, partitions: i32) -> anyhow::Result<Vec<Option<i64>>> {
        let mut question = TopicPartitionList::new();
        for partition in 0..partitions {
            question.add_partition(topic, partition);
        }
        let answer = committed_offsets(&self.consumer, &question, ANSWER_TIMEOUT);
        let asked = || format!("the group's offsets of {topic} cannot be asked for");
        let answer = answer.with_context(asked)?;
        let committed = |partition| match answer.find_partition(topic, partition) {
            Some(found) => edge::committed_offset(&found).with_context(asked),
            None => Ok(None),
        };
        (0..partitions).map(committed).collect()
    }

    /// Whether the group has no members, under any protocol. It commits the offsets that are committed already; the coordinator
    /// accepts that from outside only while the group is empty. `None` when no offset of this topic is committed.
    ///
    /// # Errors
    /// The cluster does not answer, or denies access.
    pub fn is_free(&self, topic: &str, partitions: i32) -> anyhow::Result<Option<bool>> {
        let mut question = TopicPartitionList::new();
        for partition in 0..partitions {
            question.add_partition(topic, partition);
        }
        let asked = || format!("whether the group {} is in use cannot be asked for", self.name);
        // Offsets of a transaction that has just ended may not be visible yet; committing the old ones would revert it.
        let answer = committed_offsets(&self.settled, &question, SETTLED_TIMEOUT).with_context(asked)?;
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

    /// Waits until the offsets of a committed transaction are visible: the coordinator answers slightly earlier.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub fn await_settled(&self, offsets: &TopicPartitionList) -> anyhow::Result<()> {
        let asked = || format!("the offsets of the group {} cannot be asked for", self.name);
        committed_offsets(&self.settled, offsets, SETTLED_TIMEOUT).map(|_| ()).with_context(asked)
    }

    /// The metadata for a transaction that commits the group's offsets from outside. The coordinator accepts them from
    /// non-members, so check [`is_free`](Self::is_free) first.
    ///
    /// # Errors
    /// The client does not know its group.
    pub fn outsider(&self) -> anyhow::Result<ConsumerGroupMetadata> {
        self.consumer.group_metadata().context("the client does not know its group")
    }
}

/// The group's committed offsets. The client does not ask again by itself when the coordinator has moved or loads its group, as
/// it does in the first seconds of a broker.
fn committed_offsets(
    consumer: &Reading,
    partitions: &TopicPartitionList,
    timeout: Duration,
) -> KafkaResult<TopicPartitionList> {
    let until = Instant::now() + timeout;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match consumer.committed_offsets(partitions.clone(), left.max(COORDINATOR_BACKOFF)) {
            Err(error) if is_moving(&error) && !left.is_zero() => std::thread::sleep(COORDINATOR_BACKOFF),
            answer => return answer,
        }
    }
}

fn is_moving(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
        )
    )
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;

    #[test]
    fn a_coordinator_that_is_moving_is_asked_again() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", cluster.bootstrap_servers());
        let Ok(group) = Group::open(&client, "g") else { panic!("the client is not configured") };
        let moving = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
        cluster.request_errors(RDKafkaApiKey::OffsetFetch, &[moving]);
        assert_eq!(group.committed("t", 1).unwrap(), [None]);
    }
}
