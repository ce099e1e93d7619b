//! `topics`: what is declared against what the cluster has. Creates, never deletes, never alters.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, anyhow};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use crate::cli::{Global, TopicsCommand};
use crate::config::{Config, Role, Topic};
use crate::exit::Failure;
use crate::kafka;

pub(super) const ADMIN_TIMEOUT: Duration = Duration::from_secs(20);
/// How often an unreachable broker is asked, 3 s each, before the command gives up.
const TRIES_MAX: u32 = 5;

/// Applies or checks.
pub fn run(global: &Global, command: &TopicsCommand, config: &Config) -> Result<(), Failure> {
    let client = kafka::client(global)?;
    let metadata = reach(&client, global)?;
    check_rights(&client, &missing(config, &metadata))?;
    let created = match command {
        TopicsCommand::Apply(args) => create_missing(&client, config, &metadata, args.replication)?,
        TopicsCommand::Check => Vec::new(),
    };
    let found = compare(&client, config, &metadata, &created)?;
    let width = found.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut out = std::io::stdout().lock();
    for (name, finding) in &found {
        writeln!(out, "{name:width$}  {}", finding.text())?;
    }
    if found.iter().all(|(_, finding)| finding.is_fine()) { Ok(()) } else { Err(Failure::No) }
}

/// The cluster's metadata, or a failure after some tries.
pub(super) fn reach(client: &ClientConfig, global: &Global) -> Result<Metadata, Failure> {
    let tries = std::cell::Cell::new(0);
    let give_up = || {
        tries.set(tries.get() + 1);
        tries.get() > TRIES_MAX
    };
    kafka::wait_for_cluster(client, &global.bootstrap, &give_up)?
        .ok_or_else(|| Failure::from(anyhow!("no broker answers at {}", global.bootstrap)))
}

/// How many partitions a topic has; `None` where it does not exist.
pub fn partitions(metadata: &Metadata, name: &str) -> Option<i32> {
    let topic = metadata.topics().iter().find(|topic| topic.name() == name && topic.error().is_none())?;
    i32::try_from(topic.partitions().len()).ok().filter(|partitions| *partitions > 0)
}

/// Why a topic cannot be used that does not exist, and what to do.
pub(super) fn no_such_topic(config: &Config, name: &str) -> String {
    if config.topics.iter().any(|topic| topic.exact() == Some(name)) {
        return format!(
            "topic {name} does not exist (run `cx-timelines topics apply`), or we have no right on it (see `cx-timelines acls`)"
        );
    }
    let declared: Vec<&str> = config.topics.iter().filter_map(Topic::exact).collect();
    format!(
        "topic {name} does not exist, and topics.yaml does not declare it; declared are: {}",
        declared.join(", ")
    )
}

/// Declared topics that the cluster has not.
pub fn missing(config: &Config, metadata: &Metadata) -> Vec<String> {
    let names = config.topics.iter().filter_map(Topic::exact);
    names.filter(|name| partitions(metadata, name).is_none()).map(str::to_owned).collect()
}

/// Topics without any right on them look as if they were not there.
///
/// # Errors
/// Some of these are denied: the message says which, and what to do.
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
        "the principal has no right on {}, not even Describe, which comes with Read and Write: `cx-timelines acls run` prints what \
         it needs, `cx-timelines acls topics` what it takes to create topics",
        denied.join(", ")
    )))
}

/// The changelog and the repartition topic have a partition for each partition that the input really has.
pub(super) fn wanted_partitions(topic: &Topic, config: &Config, metadata: &Metadata) -> i32 {
    let declared = topic.partitions.unwrap_or(1);
    if !matches!(topic.role, Role::Changelog | Role::Repartition) {
        return declared;
    }
    let input = config.topics.iter().find(|topic| topic.role == Role::Input && topic.exact().is_some());
    let real = input.and_then(Topic::exact).and_then(|name| partitions(metadata, name));
    real.or_else(|| input?.partitions).unwrap_or(declared)
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future))
}

/// Creates the declared topics that are missing; gives their names.
///
/// # Errors
/// The cluster refuses to create one: the message says which and why.
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
            Some((wanted_partitions(topic, config, metadata), wanted_settings(topic), topic.exact()?))
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

fn wanted_settings(topic: &Topic) -> BTreeMap<String, String> {
    let mut settings = topic.settings.clone();
    settings.insert("cleanup.policy".to_owned(), topic.cleanup.as_str().to_owned());
    if let Some(ms) = topic.retention_ms {
        settings.insert("retention.ms".to_owned(), ms.to_string());
    }
    settings
}

/// What was found of a topic.
enum Finding {
    Created,
    AsDeclared(i32),
    Missing,
    Differs(Vec<String>),
}

impl Finding {
    fn is_fine(&self) -> bool {
        matches!(self, Finding::Created | Finding::AsDeclared(_))
    }

    fn text(&self) -> String {
        match self {
            Finding::Created => "created".to_owned(),
            Finding::AsDeclared(partitions) => format!("as declared, {partitions} partitions"),
            Finding::Missing => "MISSING: `cx-timelines topics apply` creates it".to_owned(),
            Finding::Differs(what) => format!("DIFFERS: {}", what.join("; ")),
        }
    }
}

/// The settings that topics really have, by their names. The topics have to exist.
///
/// # Errors
/// The cluster does not answer, or denies the right to look.
pub(super) fn settings_of<'n>(
    client: &ClientConfig,
    names: impl Iterator<Item = &'n str>,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, Failure> {
    let there: Vec<ResourceSpecifier<'_>> = names.map(ResourceSpecifier::Topic).collect();
    let mut real: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    if there.is_empty() {
        return Ok(real);
    }
    let options = AdminOptions::new().request_timeout(Some(ADMIN_TIMEOUT));
    let described = block_on(kafka::admin(client)?.describe_configs(&there, &options))?;
    for resource in described.context("the topics' settings cannot be read")? {
        let resource = resource.map_err(|code| anyhow!("the topics' settings cannot be read: {code}"))?;
        if let rdkafka::admin::OwnedResourceSpecifier::Topic(name) = &resource.specifier {
            let entries = resource.entries.iter();
            let settings = entries.filter_map(|entry| Some((entry.name.clone(), entry.value.clone()?)));
            real.insert(name.clone(), settings.collect());
        }
    }
    Ok(real)
}

fn compare(
    client: &ClientConfig,
    config: &Config,
    metadata: &Metadata,
    created: &[String],
) -> Result<Vec<(String, Finding)>, Failure> {
    let declared: Vec<(&str, &Topic)> =
        config.topics.iter().filter_map(|topic| Some((topic.exact()?, topic))).collect();
    let there = declared.iter().map(|(name, _)| *name).filter(|name| partitions(metadata, name).is_some());
    let real = settings_of(client, there)?;
    let finding = |name: &str, topic: &Topic| {
        if created.iter().any(|new| new == name) {
            return Finding::Created;
        }
        let Some(partitions) = partitions(metadata, name) else { return Finding::Missing };
        let settings = real.get(name).cloned().unwrap_or_default();
        let different = differences(topic, partitions, wanted_partitions(topic, config, metadata), &settings);
        if different.is_empty() { Finding::AsDeclared(partitions) } else { Finding::Differs(different) }
    };
    Ok(declared.iter().map(|(name, topic)| ((*name).to_owned(), finding(name, topic))).collect())
}

/// What of a topic is not as declared, in words.
pub(super) fn differences(
    topic: &Topic,
    real: i32,
    wanted: i32,
    settings: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut different = Vec::new();
    if real != wanted {
        different.push(format!("{real} partitions, declared {wanted}"));
    }
    for (key, declared) in wanted_settings(topic) {
        let found = settings.get(&key).map_or("unknown", String::as_str);
        if sorted_words(found) != sorted_words(&declared) {
            different.push(format!("{key} is {found}, declared {declared}"));
        }
    }
    different
}

/// `compact,delete` and `delete,compact` are one policy.
fn sorted_words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split(',').map(str::trim).collect();
    words.sort_unstable();
    words
}
