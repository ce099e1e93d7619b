// SPDX-License-Identifier: Apache-2.0

//! Validated settings of the edge, and the librdkafka properties with the reason for each.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::members;

/// librdkafka properties. Only their names are printed, since values may be secrets.
#[derive(Clone, Default)]
pub struct Overrides(pub Vec<(String, String)>);

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(key, _)| key)).finish()
    }
}

/// How to connect to the cluster and how to commit.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `host:port`, several with commas.
    pub bootstrap: String,
    /// Consumer group, and the prefix of the transactional ids.
    pub group: String,
    /// The name of this instance. It is stable over restarts, so that a restarted instance ends its open transaction at once
    /// instead of waiting for the timeout.
    pub instance: String,
    /// The user's librdkafka properties, for every client.
    pub overrides: Overrides,
    /// The commit interval: the longest time until a transaction is committed.
    pub commit_interval: Duration,
    /// A transaction is committed when this many bytes are staged.
    pub commit_bytes_max: usize,
    /// Memory limits of each worker's clients.
    pub queues: Queues,
    /// The coordinator aborts a transaction that is open for longer.
    pub transaction_timeout: Duration,
    /// The group protocol.
    pub membership: Membership,
    /// The address at which other instances can query this one; `None` when not advertised.
    pub advertised: Option<String>,
}

/// Memory limits of a worker's clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queues {
    /// Fetched and not processed yet.
    pub fetched_bytes: usize,
    /// Sent and not acknowledged yet. A single record is always allowed, whatever its size.
    pub sent_bytes: usize,
}

impl Default for Queues {
    fn default() -> Self {
        Self { fetched_bytes: 16 << 20, sent_bytes: 32 << 20 }
    }
}

/// The largest record that a producer sends, in bytes. A dead letter is as large as its record was, and the topic's own limit
/// decides.
pub const RECORD_BYTES_MAX: usize = 32 << 20;
/// The fetch size of one partition.
const PARTITION_BYTES: usize = 1 << 20;
/// The fetch size of one response: at least the client's `message.max.bytes`, and at most its default. More memory means a
/// longer queue, not larger requests.
const ANSWER_BYTES: RangeInclusive<usize> = 1_000_000..=50 << 20;
/// The client's range of `queued.max.messages.kbytes`: up to 2 GiB.
const FETCHED_KIB: RangeInclusive<usize> = 1..=(i32::MAX as usize) >> 10;
/// The client's default batch size.
const BATCH_BYTES: usize = 1_000_000;
/// The client's range of `batch.size`.
const BATCHES: RangeInclusive<usize> = 1..=i32::MAX as usize;
/// The client's range of `queue.buffering.max.kbytes`: up to 2 TiB.
const SENT_KIB: RangeInclusive<usize> = 1..=i32::MAX as usize;

/// The group protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Membership {
    /// The classic protocol; a member that stops leaves at once.
    #[default]
    Classic,
    /// The classic protocol with static membership (KIP-345): a member that returns within the session timeout gets its
    /// partitions back without a rebalance.
    Static,
    /// The consumer protocol (KIP-848, Kafka 4.0 and later): each member rebalances by itself.
    Broker,
}

impl Settings {
    fn base(&self, client: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        config.set("client.id", members::client_id(&self.group, &self.instance, client, None));
        // The default backs off for seconds after the first failures, but brokers return sooner.
        config.set("reconnect.backoff.max.ms", "2000");
        config
    }

    fn overridden(&self, mut config: ClientConfig, applies: impl Fn(&str) -> bool) -> ClientConfig {
        for (key, value) in self.overrides.0.iter().filter(|(key, _)| applies(key)) {
            config.set(key, value);
        }
        config
    }

    /// The consumer of the input topics: a group member without commits of its own, since offsets are committed with the
    /// transactions.
    pub(crate) fn consumer(&self, worker: &str) -> ClientConfig {
        let mut config = self.base(worker);
        let advertised = self.advertised.as_deref();
        config.set("client.id", members::client_id(&self.group, &self.instance, worker, advertised));
        config.set("group.id", &self.group);
        config.set("enable.auto.commit", "false");
        // Otherwise the client silently continues elsewhere when an offset is out of range. The driver (`driver::gaps`) finds
        // and reports the loss first.
        config.set("auto.offset.reset", "error");
        config.set("isolation.level", "read_committed");
        self.set_membership(&mut config, worker);
        // For the lag of each partition, and for metrics of the client.
        config.set(STATISTICS, "2000");
        self.bound_fetches(&mut config);
        // New topics that match a pattern are found by listing all topics.
        config.set("topic.metadata.refresh.interval.ms", "3000");
        config.set("check.crcs", "false");
        let by_broker = self.membership == Membership::Broker;
        self.overridden(config, |key| {
            !(PRODUCER_ONLY.contains(&key) || (by_broker && CLASSIC_ONLY.contains(&key)))
        })
    }

    /// Limits on prefetching; the default is 64 MiB. The client checks the queue before each request, and the response comes on
    /// top, so it gets its own share.
    fn bound_fetches(&self, config: &mut ClientConfig) {
        let bytes = self.queues.fetched_bytes;
        config.set("queued.max.messages.kbytes", within(&FETCHED_KIB, bytes >> 11).to_string());
        config.set("fetch.max.bytes", within(&ANSWER_BYTES, bytes / 2).to_string());
        config.set("fetch.message.max.bytes", (bytes / 4).clamp(1, PARTITION_BYTES).to_string());
        // By default a full queue is checked again after 1 s, which kept restores idle for most of their time.
        config.set("fetch.queue.backoff.ms", "5");
    }

    fn set_membership(&self, config: &mut ClientConfig, worker: &str) {
        match self.membership {
            Membership::Broker => {
                // Sessions, heartbeats and assignors are the brokers' decision; the client refuses these properties.
                config.set("group.protocol", "consumer");
                return;
            }
            Membership::Static => {
                config.set("group.instance.id", format!("{}-{worker}", self.instance));
            }
            Membership::Classic => {}
        }
        config.set("partition.assignment.strategy", "cooperative-sticky");
        // A dead instance's partitions are reassigned after this time (default 45 s).
        config.set("session.timeout.ms", "10000");
        config.set("heartbeat.interval.ms", "2000");
    }

    /// A consumer without a group, for changelogs and end offsets. `committed` selects `read_committed`, so that the end is the
    /// last stable offset, or the very last record.
    pub(crate) fn reader(&self, worker: &str, committed: bool) -> ClientConfig {
        let mut config = self.base(&format!("{worker}-restore"));
        // librdkafka requires a group id even without membership. The principal has permissions on this one.
        config.set("group.id", &self.group);
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        config.set("auto.offset.reset", "earliest");
        config.set("isolation.level", if committed { "read_committed" } else { "read_uncommitted" });
        config.set("enable.partition.eof", "true");
        // The end of a partition arrives with an empty response; the broker must not wait 500 ms for more.
        config.set("fetch.wait.max.ms", "10");
        self.bound_fetches(&mut config);
        // The state is built from these records and persists: a record damaged in transit would stay in it.
        config.set("check.crcs", "true");
        self.overridden(config, |key| {
            !PRODUCER_ONLY.contains(&key) && !GROUP_ONLY.contains(&key) && key != STATISTICS
        })
    }

    /// The client for topic metadata and for deleting records.
    pub(crate) fn admin(&self, name: &str) -> ClientConfig {
        self.overridden(self.base(name), |key| {
            ![PRODUCER_ONLY, CONSUMER_ONLY, GROUP_ONLY].iter().any(|keys| keys.contains(&key))
                && key != STATISTICS
        })
    }

    /// The largest record that the producers send, in bytes.
    #[must_use]
    pub fn record_bytes_max(&self) -> usize {
        let config = self.producer("", usize::MAX);
        config.get("message.max.bytes").and_then(|bytes| bytes.parse().ok()).unwrap_or(RECORD_BYTES_MAX)
    }

    /// The transactional producer of one worker. `batch_bytes` limits a batch, since a topic's limit applies to whole batches.
    pub(crate) fn producer(&self, worker: &str, batch_bytes: usize) -> ClientConfig {
        let mut config = self.base(worker);
        config.set("transactional.id", format!("{}-{}-{worker}", self.group, self.instance));
        config.set("transaction.timeout.ms", self.transaction_timeout.as_millis().to_string());
        // Nothing is sent until a commit begins, and then everything at once.
        config.set("linger.ms", "1");
        // The coordinator often answers CONCURRENT_TRANSACTIONS just after a commit; the default back-off is 100 ms.
        config.set("retry.backoff.ms", "10");
        // The client never accepts a record larger than its whole queue.
        let queue = self.queues.sent_bytes.max(RECORD_BYTES_MAX + RECORD_BYTES_MAX / 8);
        config.set("queue.buffering.max.kbytes", within(&SENT_KIB, queue >> 10).to_string());
        config.set("queue.buffering.max.messages", "500000");
        // Sending offsets to a transaction has no timeout in the client (librdkafka#5456). When the group's coordinator is
        // gone, the client looks for it only after the state of some connection changes (#5511), which may take minutes while
        // the worker waits. Closing idle connections causes such a change.
        config.set("connections.max.idle.ms", "10000");
        // Only the offset shows that a record was written; see `Deliveries`.
        config.set("delivery.report.only.error", "false");
        // For metrics of the client.
        config.set(STATISTICS, "2000");
        config.set("message.max.bytes", RECORD_BYTES_MAX.to_string());
        let mut config =
            self.overridden(config, |key| !CONSUMER_ONLY.contains(&key) && !GROUP_ONLY.contains(&key));
        let batch = config.get("batch.size").and_then(|bytes| bytes.parse().ok()).unwrap_or(BATCH_BYTES);
        config.set("batch.size", within(&BATCHES, batch.min(batch_bytes)).to_string());
        // Only the client's log shows that a connection broke, together with a request that the client repeats: see
        // `deliveries.rs`.
        config.set("log.connection.close", "true");
        if !matches!(config.log_level, RDKafkaLogLevel::Debug) {
            config.set_log_level(RDKafkaLogLevel::Info);
        }
        config
    }
}

/// The closest value that the client accepts.
fn within(range: &RangeInclusive<usize>, value: usize) -> usize {
    value.clamp(*range.start(), *range.end())
}

/// The statistics interval. Clients of restores have none.
const STATISTICS: &str = "statistics.interval.ms";

/// Properties that a consumer refuses or warns about.
const PRODUCER_ONLY: &[&str] = &[
    "linger.ms",
    "queue.buffering.max.ms",
    "batch.size",
    "batch.num.messages",
    "compression.type",
    "compression.codec",
    "compression.level",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "message.timeout.ms",
    "delivery.timeout.ms",
    // A consumer requires `fetch.max.bytes` to be at least this value.
    "message.max.bytes",
    "sticky.partitioning.linger.ms",
];

/// Properties that the brokers decide under the consumer protocol.
const CLASSIC_ONLY: &[&str] = &["session.timeout.ms", "heartbeat.interval.ms", "group.protocol.type"];

/// Properties of group members.
const GROUP_ONLY: &[&str] = &[
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "max.poll.interval.ms",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "partition.assignment.strategy",
];

/// Properties that a producer refuses or warns about.
const CONSUMER_ONLY: &[&str] = &[
    "fetch.wait.max.ms",
    "fetch.min.bytes",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "max.partition.fetch.bytes",
    "queued.min.messages",
    "queued.max.messages.kbytes",
    "fetch.queue.backoff.ms",
    "check.crcs",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(queues: Queues) -> Settings {
        Settings {
            bootstrap: "127.0.0.1:1".to_owned(),
            group: "g".to_owned(),
            instance: "i".to_owned(),
            overrides: Overrides(vec![("message.max.bytes".to_owned(), "67108864".to_owned())]),
            commit_interval: Duration::from_millis(100),
            commit_bytes_max: 1 << 20,
            queues,
            transaction_timeout: Duration::from_secs(10),
            membership: Membership::Classic,
            advertised: None,
        }
    }

    #[test]
    fn the_client_takes_the_settings_that_come_of_any_memory_from_a_mebibyte_to_a_tebibyte() {
        for power in 20..=40 {
            for bytes in [1_usize << power, (1 << power) + (1 << (power - 1))] {
                let settings = settings(Queues { fetched_bytes: bytes, sent_bytes: bytes });
                for config in [settings.consumer("w"), settings.reader("w", true)] {
                    let made = config.create::<rdkafka::consumer::BaseConsumer>();
                    assert!(made.is_ok(), "{bytes} bytes: {:?}", made.err());
                }
                let made = settings.producer("w", usize::MAX).create::<rdkafka::producer::BaseProducer>();
                assert!(made.is_ok(), "{bytes} bytes: {:?}", made.err());
            }
        }
    }

    #[test]
    fn secrets_among_the_properties_are_not_shown() {
        let overrides = Overrides(vec![("sasl.password".to_owned(), "s3cret".to_owned())]);
        assert_eq!(format!("{overrides:?}"), r#"["sasl.password"]"#);
    }
}
