// SPDX-License-Identifier: Apache-2.0

//! Configuration and construction of the commands' Kafka clients.

pub mod group;
mod probe;
mod reach;
pub mod reader;
pub mod security;
pub mod transactions;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use edge::{Deliveries, NumberedDeliveries, ReadsToTheEnd, clients};
use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;
use rdkafka::producer::BaseProducer;

pub use reach::{ask_cluster, wait_for_cluster, wait_for_cluster_id};

use crate::cli::{self, Global};
use crate::exit::Failure;
use crate::pairs::{self, Pair};

/// A consumer of a command.
pub type Reading = BaseConsumer<ReadsToTheEnd>;

/// What to look at when no broker answers.
pub const AWAY: &str = "is the cluster running, and is --bootstrap (or CX_BOOTSTRAP) its address?";
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// The user's properties: from the file, the command line and the security flags.
pub fn properties(global: &Global) -> Result<Vec<(String, String)>, Failure> {
    let mut given = match &global.kafka_properties {
        Some(file) => properties_of(file).map_err(Failure::usage)?,
        None => Vec::new(),
    };
    given.extend(global.kafka.iter().cloned());
    let secured = security::properties(&global.security, &given, &|name| std::env::var(name).ok());
    given.extend(secured.map_err(Failure::usage)?);
    Ok(given)
}

fn properties_of(file: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut properties = Vec::new();
    for Pair { place, key, value } in pairs::read(file)? {
        cli::allowed(&key).map_err(|problem| anyhow!("{place}: {problem}"))?;
        properties.push((key, value));
    }
    Ok(properties)
}

/// A client configuration with the address and the user's properties.
pub fn client(global: &Global) -> Result<ClientConfig, Failure> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &global.bootstrap);
    config.set("client.id", &global.group);
    for (key, value) in properties(global)? {
        config.set(key, value);
    }
    security::warn_of_openness(&config);
    Ok(config)
}

/// The error for an invalid client configuration.
fn refused(error: KafkaError) -> Failure {
    Failure::usage(
        anyhow!(error).context("the Kafka client refuses a property: correct --kafka or --kafka-properties"),
    )
}

/// A consumer.
///
/// # Errors
/// The client's configuration is invalid.
pub fn consumer(config: &ClientConfig) -> Result<Reading, Failure> {
    clients::consumer(config, ReadsToTheEnd).map_err(refused)
}

/// A producer.
///
/// # Errors
/// The client's configuration is invalid.
pub fn producer(config: &ClientConfig) -> Result<BaseProducer<Deliveries>, Failure> {
    clients::producer(config, Deliveries::default()).map_err(refused)
}

/// A producer of numbered records, which reports the first one that fails.
///
/// # Errors
/// The client's configuration is invalid.
pub fn numbering_producer(config: &ClientConfig) -> Result<BaseProducer<NumberedDeliveries>, Failure> {
    clients::producer(config, NumberedDeliveries::default()).map_err(refused)
}

/// A client that creates topics and reads their settings.
///
/// # Errors
/// The client's configuration is invalid, or it could not present a token.
pub fn admin(config: &ClientConfig) -> Result<AdminClient<DefaultClientContext>, Failure> {
    security::check_admin(config).map_err(Failure::usage)?;
    config.create().map_err(refused)
}

/// The partition count of a topic; `None` if it does not exist.
pub fn partitions(metadata: &Metadata, name: &str) -> Option<i32> {
    let topic = metadata.topics().iter().find(|topic| topic.name() == name && topic.error().is_none())?;
    i32::try_from(topic.partitions().len()).ok().filter(|partitions| *partitions > 0)
}

/// The cluster's id.
///
/// # Errors
/// The client's configuration is invalid, or no broker reports it in time.
pub fn cluster_id(config: &ClientConfig) -> Result<String, Failure> {
    let deadline = Instant::now() + ANSWER_TIMEOUT * 3;
    let id = wait_for_cluster_id(config, &|| Instant::now() >= deadline)?;
    id.ok_or_else(|| Failure::from(anyhow!("no broker reports the cluster id: {AWAY}")))
}
