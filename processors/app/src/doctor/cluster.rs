// SPDX-License-Identifier: Apache-2.0

//! The cluster: whether it answers, its metadata, and its internal topics of groups and transactions.

use std::time::Duration;

use anyhow::anyhow;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, ResourceSpecifier};
use rdkafka::consumer::Consumer;
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::types::RDKafkaErrorCode;

use super::report::Check;
use crate::cli::Global;
use crate::config::Config;
use crate::exit::Failure;
use crate::kafka::{self, Reading};
use crate::topics;

const NAME: &str = "cluster";
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The brokers' internal topics of groups and transactions.
const OFFSETS: &str = "__consumer_offsets";
const TRANSACTIONS: &str = "__transaction_state";

/// A cluster that answers.
pub struct Reached {
    /// The configuration of further clients.
    pub client: ClientConfig,
    /// All visible metadata.
    pub metadata: Metadata,
    /// Its id.
    pub id: String,
    consumer: Reading,
}

/// The result of asking for one topic by name.
pub enum Named {
    /// It is there.
    There(Metadata),
    /// The cluster's error.
    Not(RDKafkaErrorCode),
}

impl Reached {
    /// Contacts the cluster once.
    ///
    /// # Errors
    /// The failed check.
    pub fn ask(global: &Global) -> Result<Self, Check> {
        let failed = |remedy: &'static str| {
            move |failure: Failure| match failure {
                Failure::Usage(error) | Failure::Failed(error) => Check::error(NAME, &error, remedy),
                Failure::No => Check::fail(NAME, "the cluster cannot be asked", remedy),
            }
        };
        let settings = "correct --kafka, or the file of --kafka-properties";
        let client = kafka::client(global).map_err(failed(settings))?;
        let answer = kafka::ask_cluster(&client, &global.bootstrap)
            .map_err(failed("correct --bootstrap or the --kafka-* flags"))?;
        let metadata = answer.map_err(|why| {
            Check::fail(
                NAME,
                format!("no broker answers at {}: {why}", global.bootstrap),
                "start it, or name others with --bootstrap; where it wants TLS or a password, see the --kafka-* flags",
            )
        })?;
        let consumer = kafka::consumer(&client).map_err(failed(settings))?;
        let id = kafka::cluster_id(&client).map_err(failed(settings))?;
        Ok(Self { client, metadata, id, consumer })
    }

    /// Checks of the cluster.
    pub fn checks(&self, config: Option<&Config>) -> Vec<Check> {
        let brokers = self.metadata.brokers();
        let names: Vec<String> =
            brokers.iter().map(|broker| format!("{}:{}", broker.host(), broker.port())).collect();
        let count = brokers.len();
        let mut checks =
            vec![Check::ok(NAME, format!("{} has {count} broker(s): {}", self.id, names.join(", ")))];
        checks.push(self.inner_topic("group coordinator", OFFSETS));
        checks.push(self.inner_topic("transaction coordinator", TRANSACTIONS));
        checks.extend(config.map(|config| self.transaction_time(config)));
        checks
    }

    /// One topic by name, so that the cluster reports why it is missing.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub fn topic(&self, name: &str) -> anyhow::Result<Named> {
        let metadata = self.consumer.fetch_metadata(Some(name), ANSWER_TIMEOUT)?;
        let problem = metadata.topics().first().and_then(MetadataTopic::error).map(RDKafkaErrorCode::from);
        Ok(problem.map_or(Named::There(metadata), Named::Not))
    }

    /// Coordinators are the leaders of these topics' partitions. Asking for a coordinator by name would need a producer, which
    /// would take the transactional id from its owner.
    fn inner_topic(&self, check: &str, topic: &str) -> Check {
        let metadata = match self.topic(topic) {
            Ok(Named::There(metadata)) => metadata,
            Ok(Named::Not(RDKafkaErrorCode::UnknownTopicOrPartition)) => {
                return Check::ok(
                    check,
                    format!("{topic} does not exist yet: the brokers create it at its first use"),
                );
            }
            Ok(Named::Not(RDKafkaErrorCode::TopicAuthorizationFailed)) => {
                return Check::skip(
                    check,
                    format!("the right to DESCRIBE topic {topic} is missing; nothing else needs it"),
                );
            }
            Ok(Named::Not(code)) => {
                return Check::fail(check, format!("{topic}: {code}"), "look at the brokers' logs");
            }
            Err(error) => return Check::error(check, &error, "look at the brokers' logs"),
        };
        let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
        let (mut all, mut without, mut behind) = (0, 0, 0);
        for partition in partitions {
            all += 1;
            without += usize::from(partition.leader() < 0);
            behind += usize::from(partition.isr().len() < partition.replicas().len());
        }
        let found = format!(
            "{topic} has {all} partitions, {without} without a leader, {behind} with a copy that is behind"
        );
        match (without, behind) {
            (0, 0) => {
                Check::ok(check, format!("{topic} has {all} partitions, each with a leader and all copies"))
            }
            (0, _) => Check::warn(check, found, "look for the broker that is away or slow"),
            _ => Check::fail(
                check,
                found,
                "start the brokers that are down: groups and transactions on those partitions wait",
            ),
        }
    }

    /// The brokers refuse a transactional producer with a longer timeout than theirs.
    fn transaction_time(&self, config: &Config) -> Check {
        const CHECK: &str = "transaction timeout";
        const SETTING: &str = "transaction.max.timeout.ms";
        let wanted = config.transaction_timeout_ms;
        let Some(broker) = self.metadata.brokers().first() else {
            return Check::skip(CHECK, "no broker is known");
        };
        match self.setting_of_broker(broker.id(), SETTING) {
            Ok(Some(most)) if wanted > most => Check::fail(
                CHECK,
                format!("transaction.timeout is {wanted} ms, and the brokers allow {most} ms"),
                format!("lower transaction.timeout in topics.yaml, or raise {SETTING} of the brokers"),
            ),
            Ok(Some(most)) => Check::ok(CHECK, format!("{wanted} ms; the brokers allow {most} ms")),
            Ok(None) => Check::skip(CHECK, format!("the brokers do not report {SETTING}")),
            Err(error) => Check::skip(
                CHECK,
                format!(
                    "the brokers' settings cannot be read ({error:#}); that takes DESCRIBE_CONFIGS on the cluster"
                ),
            ),
        }
    }

    fn setting_of_broker(&self, id: i32, name: &str) -> anyhow::Result<Option<u64>> {
        let admin = kafka::admin(&self.client).map_err(|_| anyhow!("a --kafka property is refused"))?;
        let options = AdminOptions::new().request_timeout(Some(ANSWER_TIMEOUT));
        let brokers = [ResourceSpecifier::Broker(id)];
        let described = topics::block_on(admin.describe_configs(&brokers, &options))??;
        for resource in described {
            let resource = resource.map_err(|code| anyhow!("{code}"))?;
            let value = resource.get(name).and_then(|entry| entry.value.as_deref()?.parse().ok());
            if value.is_some() {
                return Ok(value);
            }
        }
        Ok(None)
    }
}
