//! What the edge needs to know, already validated; and the librdkafka settings, in one place, with the why of each.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::members;

/// librdkafka properties, some of which may be secrets: shown are only their names.
#[derive(Clone, Default)]
pub struct Overrides(pub Vec<(String, String)>);

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(key, _)| key)).finish()
    }
}

/// How to reach the cluster and how to commit.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `host:port`, several with commas.
    pub bootstrap: String,
    /// Consumer group, and the prefix of the transactional ids.
    pub group: String,
    /// Name of this instance; stable over restarts, so that a restarted instance ends its own unfinished transaction at
    /// once instead of waiting for its time-out.
    pub instance: String,
    /// librdkafka properties of the user's, for every client.
    pub overrides: Overrides,
    /// A transaction is committed after this time at the latest.
    pub commit_interval: Duration,
    /// A transaction is committed when this many bytes are staged.
    pub commit_bytes_max: usize,
    /// How much each worker's clients may hold.
    pub queues: Queues,
    /// The coordinator aborts a transaction that is open for longer.
    pub transaction_timeout: Duration,
    /// How the group works.
    pub membership: Membership,
    /// Where others can ask this instance over HTTP; none: they are not told.
    pub advertised: Option<String>,
}

/// How much a worker's clients may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queues {
    /// Fetched and not taken yet.
    pub fetched_bytes: usize,
    /// Sent and not acknowledged yet. One record may always be, however large.
    pub sent_bytes: usize,
}

impl Default for Queues {
    fn default() -> Self {
        Self { fetched_bytes: 16 << 20, sent_bytes: 32 << 20 }
    }
}

/// The largest record that a topic is asked to take, in bytes: a dead letter is as large as its record was, and the topic's own
/// limit decides.
pub const RECORD_BYTES_MAX: usize = 32 << 20;
/// Of one partition in one answer.
const PARTITION_BYTES: usize = 1 << 20;
/// Of one answer: not less than the client's own `message.max.bytes`, and not more than it asks for by default. With more memory
/// more is kept, not more asked for at once.
const ANSWER_BYTES: RangeInclusive<usize> = 1_000_000..=50 << 20;
/// What the client takes as `queued.max.messages.kbytes`: up to 2 GiB.
const FETCHED_KIB: RangeInclusive<usize> = 1..=(i32::MAX as usize) >> 10;
/// What records that go together have at the most, by the client's default.
const BATCH_BYTES: usize = 1_000_000;
/// What the client takes as `batch.size`.
const BATCHES: RangeInclusive<usize> = 1..=i32::MAX as usize;
/// What the client takes as `queue.buffering.max.kbytes`: up to 2 TiB.
const SENT_KIB: RangeInclusive<usize> = 1..=i32::MAX as usize;

/// How the members of the group find out about each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Membership {
    /// The classic protocol; who goes leaves at once.
    #[default]
    Classic,
    /// The classic protocol with names that are kept over restarts (KIP-345): who comes back within the session's time
    /// finds its partitions as it left them, and nobody else moves.
    Static,
    /// The brokers' own protocol (KIP-848, Kafka 4.0 and later): each member moves by itself.
    Broker,
}

impl Settings {
    fn base(&self, client: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        config.set("client.id", members::client_id(&self.group, &self.instance, client, None));
        // The default backs off for seconds after the first failures; brokers come back faster.
        config.set("reconnect.backoff.max.ms", "2000");
        config
    }

    fn overridden(&self, mut config: ClientConfig, applies: impl Fn(&str) -> bool) -> ClientConfig {
        for (key, value) in self.overrides.0.iter().filter(|(key, _)| applies(key)) {
            config.set(key, value);
        }
        config
    }

    /// The consumer of the input topics: group membership, no commits of its own (offsets go with the transactions).
    pub(crate) fn consumer(&self, worker: &str) -> ClientConfig {
        let mut config = self.base(worker);
        let advertised = self.advertised.as_deref();
        config.set("client.id", members::client_id(&self.group, &self.instance, worker, advertised));
        config.set("group.id", &self.group);
        config.set("enable.auto.commit", "false");
        // Where an offset is not there any more the client would go on elsewhere without a word. What is lost is found out
        // and said first: `worker/gaps.rs`.
        config.set("auto.offset.reset", "error");
        config.set("isolation.level", "read_committed");
        self.set_membership(&mut config, worker);
        // For the lag of each partition, and what operators see of the client.
        config.set(STATISTICS, "2000");
        self.bound_fetches(&mut config);
        // New topics of a pattern are found by asking for all topics.
        config.set("topic.metadata.refresh.interval.ms", "3000");
        config.set("check.crcs", "false");
        let by_broker = self.membership == Membership::Broker;
        self.overridden(config, |key| {
            !(PRODUCER_ONLY.contains(&key) || (by_broker && CLASSIC_ONLY.contains(&key)))
        })
    }

    /// Bounds on what is fetched ahead; the default is 64 MiB. A queue is looked at before each request: the answer comes on
    /// top, so it has a share of its own.
    fn bound_fetches(&self, config: &mut ClientConfig) {
        let bytes = self.queues.fetched_bytes;
        config.set("queued.max.messages.kbytes", within(&FETCHED_KIB, bytes >> 11).to_string());
        config.set("fetch.max.bytes", within(&ANSWER_BYTES, bytes / 2).to_string());
        config.set("fetch.message.max.bytes", (bytes / 4).clamp(1, PARTITION_BYTES).to_string());
        // A full queue is looked at again after 1 s by default; restores stood still for most of their time.
        config.set("fetch.queue.backoff.ms", "5");
    }

    fn set_membership(&self, config: &mut ClientConfig, worker: &str) {
        match self.membership {
            Membership::Broker => {
                // Sessions, heartbeats and assignors are the brokers' business; the client refuses their settings.
                config.set("group.protocol", "consumer");
                return;
            }
            Membership::Static => {
                config.set("group.instance.id", format!("{}-{worker}", self.instance));
            }
            Membership::Classic => {}
        }
        config.set("partition.assignment.strategy", "cooperative-sticky");
        // A dead instance's partitions are taken over after this time (45 s by default).
        config.set("session.timeout.ms", "10000");
        config.set("heartbeat.interval.ms", "2000");
    }

    /// A consumer without a group, for changelogs and offsets of ends. `committed` decides whether the end is that of
    /// the finished transactions, or the very last record.
    pub(crate) fn reader(&self, worker: &str, committed: bool) -> ClientConfig {
        let mut config = self.base(&format!("{worker}-restore"));
        // librdkafka wants a group even where none is joined. Of this one we have the rights anyway.
        config.set("group.id", &self.group);
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        config.set("auto.offset.reset", "earliest");
        config.set("isolation.level", if committed { "read_committed" } else { "read_uncommitted" });
        config.set("enable.partition.eof", "true");
        // The end of a partition is told with an empty answer: do not let the broker wait 500 ms for more.
        config.set("fetch.wait.max.ms", "10");
        self.bound_fetches(&mut config);
        // The state is made of these records and stays: one that was damaged on its way would be in it for good.
        config.set("check.crcs", "true");
        self.overridden(config, |key| {
            !PRODUCER_ONLY.contains(&key) && !GROUP_ONLY.contains(&key) && key != STATISTICS
        })
    }

    /// What asks about topics, and deletes records.
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

    /// The transactional producer of one worker. Records that go together have no more than `batch_bytes`, since a topic refuses
    /// them together, too.
    pub(crate) fn producer(&self, worker: &str, batch_bytes: usize) -> ClientConfig {
        let mut config = self.base(worker);
        config.set("transactional.id", format!("{}-{}-{worker}", self.group, self.instance));
        config.set("transaction.timeout.ms", self.transaction_timeout.as_millis().to_string());
        // Nothing is sent until a commit begins, and then everything at once.
        config.set("linger.ms", "1");
        // The coordinator often answers CONCURRENT_TRANSACTIONS just after a commit; the default waits 100 ms.
        config.set("retry.backoff.ms", "10");
        // The client refuses a record that is larger than its whole queue for ever.
        let queue = self.queues.sent_bytes.max(RECORD_BYTES_MAX + RECORD_BYTES_MAX / 8);
        config.set("queue.buffering.max.kbytes", within(&SENT_KIB, queue >> 10).to_string());
        config.set("queue.buffering.max.messages", "500000");
        // Putting the offsets into a transaction has no time-out in the client (librdkafka#5456), and when the group's
        // coordinator is gone it is looked for only after a change of some connection (#5511): for minutes there may be none,
        // and the worker stands still. A connection that closes when nothing is sent is such a change.
        config.set("connections.max.idle.ms", "10000");
        // What was written is known by its offset alone, see `Deliveries`.
        config.set("delivery.report.only.error", "false");
        // For what operators see of the client.
        config.set(STATISTICS, "2000");
        config.set("message.max.bytes", RECORD_BYTES_MAX.to_string());
        let mut config =
            self.overridden(config, |key| !CONSUMER_ONLY.contains(&key) && !GROUP_ONLY.contains(&key));
        let batch = config.get("batch.size").and_then(|bytes| bytes.parse().ok()).unwrap_or(BATCH_BYTES);
        config.set("batch.size", within(&BATCHES, batch.min(batch_bytes)).to_string());
        // Only by its log the client tells that a connection broke, and with it a request that it asks again by itself:
        // `deliveries.rs`.
        config.set("log.connection.close", "true");
        if !matches!(config.log_level, RDKafkaLogLevel::Debug) {
            config.set_log_level(RDKafkaLogLevel::Info);
        }
        config
    }
}

/// The value that the client takes which is closest.
fn within(range: &RangeInclusive<usize>, value: usize) -> usize {
    value.clamp(*range.start(), *range.end())
}

/// How often a client tells how it goes. Nobody listens to those that restore.
const STATISTICS: &str = "statistics.interval.ms";

/// Properties that a consumer would refuse or warn of.
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
    // A consumer takes it for the least that `fetch.max.bytes` may be.
    "message.max.bytes",
    "sticky.partitioning.linger.ms",
];

/// Properties that the brokers decide under their own protocol.
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

/// Properties that a producer would refuse or warn of.
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
