// SPDX-License-Identifier: Apache-2.0

//! The cluster's topics: whether the declared ones exist, their settings, and how they are created. Nothing is deleted or
//! altered.

mod report;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, anyhow};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, ConfigSource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use crate::cli::Global;
use crate::config::{Config, Topic};
use crate::exit::Failure;
use crate::kafka;
use crate::rules::{self, Setting, Settings};

pub use report::{TopicReport, compare, require};

/// The timeout of an administrative request.
pub const ADMIN_TIMEOUT: Duration = Duration::from_secs(20);
/// The number of attempts to reach a broker, 3 s each.
const TRIES_MAX: u32 = 5;

/// The cluster's metadata, or a failure after some attempts.
pub fn reach(client: &ClientConfig, global: &Global) -> Result<Metadata, Failure> {
    let tries = std::cell::Cell::new(0);
    let give_up = || {
        tries.set(tries.get() + 1);
        tries.get() > TRIES_MAX
    };
    kafka::wait_for_cluster(client, &global.bootstrap, &give_up)?
        .ok_or_else(|| Failure::from(anyhow!("no broker answers at {}: {}", global.bootstrap, kafka::AWAY)))
}

/// The error for a missing topic, with the remedy.
pub fn no_such_topic(config: &Config, name: &str) -> String {
    if config.topics.iter().any(|topic| topic.exact() == Some(name)) {
        return format!(
            "topic {name} does not exist, or the principal has no right on it: `cx-timelines topics apply` creates it, \
             `cx-timelines acls` prints the rights that are needed"
        );
    }
    let declared: Vec<&str> = config.topics.iter().filter_map(Topic::exact).collect();
    format!(
        "topic {name} does not exist, and topics.yaml does not declare it: write one of {}",
        declared.join(", ")
    )
}

/// Declared topics that do not exist on the cluster.
pub fn missing(config: &Config, metadata: &Metadata) -> Vec<String> {
    let names = config.topics.iter().filter_map(Topic::exact);
    names.filter(|name| kafka::partitions(metadata, name).is_none()).map(str::to_owned).collect()
}

/// A topic without any permission looks like a missing one, so permissions are checked.
///
/// # Errors
/// Access to some topics is denied: the message names them and the remedy.
pub fn check_rights(client: &ClientConfig, names: &[String]) -> Result<(), Failure> {
    let asker = kafka::consumer(client)?;
    let is_denied = |name: &&String| {
        let metadata = asker.fetch_metadata(Some(name), ADMIN_TIMEOUT);
        metadata.is_ok_and(|metadata| {
            let mut errors = metadata.topics().iter().filter_map(MetadataTopic::error);
            errors.any(|error| error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        })
    };
    let denied: Vec<&str> = names.iter().filter(is_denied).map(String::as_str).collect();
    if denied.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(anyhow!(
        "the principal has no right on {}, not even Describe: `cx-timelines acls run` prints the rights that `run` needs, \
         `cx-timelines acls topics` those that creating topics needs",
        denied.join(", ")
    )))
}

/// Waits for a request of the admin client.
///
/// # Errors
/// No runtime can be started.
pub fn block_on<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future))
}

/// Creates missing declared topics; returns their names.
///
/// # Errors
/// The cluster refuses to create one: the message has its name and the reason.
pub fn create_missing(
    client: &ClientConfig,
    config: &Config,
    metadata: &Metadata,
    replication: i32,
) -> Result<Vec<String>, Failure> {
    let missing = missing(config, metadata);
    if missing.is_empty() {
        return Ok(missing);
    }
    let declared = config
        .topics
        .iter()
        .filter(|topic| topic.exact().is_some_and(|name| missing.iter().any(|m| m == name)));
    let plans: Vec<(i32, BTreeMap<String, String>, &str)> = declared
        .filter_map(|topic| {
            Some((
                rules::wanted_partitions(topic, config, metadata),
                rules::wanted_settings(topic),
                topic.exact()?,
            ))
        })
        .collect();
    let new: Vec<NewTopic<'_>> = plans
        .iter()
        .map(|(partitions, settings, name)| {
            let topic = NewTopic::new(name, *partitions, TopicReplication::Fixed(replication));
            settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
        })
        .collect();
    let options =
        AdminOptions::new().operation_timeout(Some(ADMIN_TIMEOUT)).request_timeout(Some(ADMIN_TIMEOUT));
    let results =
        block_on(kafka::admin(client)?.create_topics(&new, &options))?.context("topics cannot be created")?;
    for result in results {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code @ RDKafkaErrorCode::TopicAuthorizationFailed)) => {
                return Err(anyhow!(
                    "topic {name} cannot be created: {code}: the principal lacks Create on it; `cx-timelines acls topics` prints \
                     what it needs"
                )
                .into());
            }
            Err((name, code)) => return Err(anyhow!("topic {name} cannot be created: {code}").into()),
        }
    }
    Ok(missing)
}

/// The actual settings of existing topics, by name.
///
/// # Errors
/// The cluster does not answer, or denies access.
pub fn described<'n>(
    client: &ClientConfig,
    names: impl Iterator<Item = &'n str>,
) -> Result<BTreeMap<String, Settings>, Failure> {
    let there: Vec<ResourceSpecifier<'_>> = names.map(ResourceSpecifier::Topic).collect();
    let mut real: BTreeMap<String, Settings> = BTreeMap::new();
    if there.is_empty() {
        return Ok(real);
    }
    let options = AdminOptions::new().request_timeout(Some(ADMIN_TIMEOUT));
    let described = block_on(kafka::admin(client)?.describe_configs(&there, &options))?;
    for resource in described.context("the topics' settings cannot be read")? {
        let resource = resource.map_err(|code| anyhow!("the topics' settings cannot be read: {code}"))?;
        if let rdkafka::admin::OwnedResourceSpecifier::Topic(name) = &resource.specifier {
            let settings = resource.entries.iter().filter_map(|entry| {
                let is_own = entry.source == ConfigSource::DynamicTopic;
                Some((entry.name.clone(), Setting { value: entry.value.clone()?, is_own }))
            });
            real.insert(name.clone(), settings.collect());
        }
    }
    Ok(real)
}

/// Like [`described`], without the origin of each setting.
///
/// # Errors
/// As [`described`].
pub fn settings_of<'n>(
    client: &ClientConfig,
    names: impl Iterator<Item = &'n str>,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, Failure> {
    let described = described(client, names)?.into_iter();
    let values =
        |settings: Settings| settings.into_iter().map(|(key, setting)| (key, setting.value)).collect();
    Ok(described.map(|(name, settings)| (name, values(settings))).collect())
}
