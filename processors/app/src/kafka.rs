//! Kafka clients of the commands: the user's properties, and waiting for a broker that does not answer yet.

use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::Metadata;

use crate::cli::{self, Global};
use crate::exit::Failure;
use crate::pairs::{self, Pair};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// The user's properties: those of the file, then those of the command line.
pub fn properties(global: &Global) -> Result<Vec<(String, String)>, Failure> {
    let mut properties = match &global.kafka_properties {
        Some(file) => properties_of(file).map_err(Failure::usage)?,
        None => Vec::new(),
    };
    properties.extend(global.kafka.iter().cloned());
    Ok(properties)
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
    Ok(config)
}

/// The cluster's own id, which tells it from every other one.
///
/// # Errors
/// The client refuses its settings, or no broker answers.
pub fn cluster_id(client: &ClientConfig) -> Result<String, Failure> {
    let consumer: BaseConsumer = client
        .create()
        .map_err(|error| Failure::usage(anyhow!(error).context("a --kafka property is refused")))?;
    let id = consumer.client().fetch_cluster_id(ANSWER_TIMEOUT * 3);
    id.ok_or_else(|| Failure::from(anyhow!("no broker says the cluster's id; is it there?")))
}

/// The cluster's metadata. Asks until it is answered, and says so; gives up, with `Ok(None)`, when `stop` says so.
pub fn wait_for_cluster(
    client: &ClientConfig,
    address: &str,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Metadata>, Failure> {
    // Properties for producers or groups are of no use here, and refused properties are wrong use.
    let consumer: BaseConsumer = client
        .create()
        .map_err(|error| Failure::usage(anyhow!(error).context("a --kafka property is refused")))?;
    let mut tries: u64 = 0;
    while !stop() {
        match consumer.fetch_metadata(None, ANSWER_TIMEOUT) {
            Ok(metadata) => {
                if tries > 0 {
                    tracing::info!(address, "the broker answers");
                }
                return Ok(Some(metadata));
            }
            Err(error) => {
                tries += 1;
                if tries == 1 || tries.is_multiple_of(10) {
                    tracing::warn!(%error, "no broker answers at {address}; trying on");
                }
            }
        }
    }
    Ok(None)
}
