// SPDX-License-Identifier: Apache-2.0

//! Settings of a driver.

use std::sync::Arc;
use std::time::Duration;

use engine::{Budget, Topology};
use model::Limits;

/// The content of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicKind {
    /// Events, with the partitions of the state.
    Input,
    /// Events of one conversation, unless they name another one.
    Conversation(String),
    /// Agents' states, by agent. It may have any number of partitions.
    AgentStates,
    /// Erasure requests.
    Erasures,
    /// Nothing to read: only the name matches the subscription's pattern.
    Other,
}

/// Maps a topic's name to its content.
pub type TopicKinds = Arc<dyn Fn(&str) -> TopicKind + Send + Sync>;

/// The schemas of Avro records, shared by all drivers of a process. Another thread fetches them.
pub trait Schemas: Send {
    /// Requests a schema that a partition needs to continue.
    fn request(&self, id: u32);

    /// Requests a schema that a waiting partition will need; `false` when too many are requested already.
    fn request_ahead(&self, id: u32) -> bool;

    /// Whether the schema is still unknown.
    fn is_awaited(&self, id: u32) -> bool;
}

/// Time limits and intervals. The defaults suit Kafka; the simulation has its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// The poll timeout when there is nothing else to do.
    pub idle: Duration,
    /// The poll timeout while a task waits for an answer of the cluster.
    pub busy: Duration,
    /// The minimum time between a commit and the next transaction, unless reading input takes that long anyway. The coordinator
    /// answers a commit before it has written the markers, and until then it refuses the first partitions of the next
    /// transaction. The client then retries after a fixed 20 ms, which at 1,000 events per second affected every sixth
    /// transaction.
    pub between_commits: Duration,
    /// How many records are taken between two reads of the clock.
    pub records_between_looks: u32,
    /// A record of at least this size triggers a check of the clock and of the staged bytes: a few of them may exceed the
    /// transaction's limit.
    pub large_record_bytes: usize,
    /// The interval of periodic work: timers, statistics, catching up, stores.
    pub look_every: Duration,
    /// The interval for checking partition counts.
    pub count_partitions_every: Duration,
    /// The commit back-off after a failed transaction.
    pub failure_backoff: Duration,
    /// The longest attempt to abort before the producer is replaced.
    pub abort_timeout: Duration,
    /// The time after which the client retries sending offsets by itself. A later answer may belong to a retry.
    pub offsets_retried_after: Duration,
    /// The back-off for committed offsets without an answer.
    pub offsets_backoff: Duration,
    /// The back-off after an error of the coordinator, which may persist.
    pub error_backoff: Duration,
    /// The back-off of requests to the changelog.
    pub restore_backoff: Duration,
    /// A restore without progress for this time is assigned again.
    pub restore_silence: Duration,
    /// How long a restore waits for an open transaction before reporting it. Longer than the transaction timeout plus the time
    /// brokers take to notice it.
    pub unfinished_timeout: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            idle: ms(100),
            busy: ms(5),
            between_commits: ms(5),
            records_between_looks: 64,
            large_record_bytes: 64 << 10,
            look_every: ms(1_000),
            count_partitions_every: ms(10_000),
            failure_backoff: ms(50),
            abort_timeout: ms(20_000),
            offsets_retried_after: ms(400),
            offsets_backoff: ms(100),
            error_backoff: ms(1_000),
            restore_backoff: ms(50),
            restore_silence: ms(5_000),
            unfinished_timeout: ms(30_000),
        }
    }
}

/// Settings of a driver.
pub struct Settings {
    /// The prefix of the metadata of every committed offset, followed by a number. Unique to this worker.
    pub name: String,
    /// The number of the first transaction. No earlier worker of this name used it or a higher one.
    pub first_transaction: u128,
    /// The processors.
    pub topology: Arc<Topology>,
    /// Limits on input.
    pub limits: Limits,
    /// The partition count of the state, and so of input, repartition topic and changelog.
    pub partitions: i32,
    /// Maps a topic's name to its content.
    pub kinds: TopicKinds,
    /// The commit interval: the longest time a record waits for its commit.
    pub commit_interval: Duration,
    /// The maximum of staged bytes per commit.
    pub commit_bytes_max: usize,
    /// The work that one commit may spend on expiry and erasure.
    pub budget: Budget,
    /// The prefix of the state whose changes are reported; `None` where interactive queries are disabled.
    pub watched: Option<Vec<u8>>,
    /// Time limits and intervals.
    pub pace: Pace,
}
