//! `topics`: compares the declared topics with the cluster's. Creates topics, but never deletes or alters them.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, anyhow};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, ConfigSource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use crate::cli::{Global, TopicsCommand};
use crate::config::{Config, Role, Topic};
use crate::exit::Failure;
use crate::kafka;
use crate::rules::{self, Around, Deviation, Setting, Settings, Weight};

pub(super) const ADMIN_TIMEOUT: Duration = Duration::from_secs(20);
/// The number and interval of attempts to read topic settings at startup.
const DESCRIBE_TRIES: u32 = 3;
const DESCRIBE_PAUSE: Duration = Duration::from_millis(300);
/// The number of attempts to reach a broker, 3 s each.
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
    let width = found.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let mut out = std::io::stdout().lock();
    for one in &found {
        writeln!(out, "{:width$}  {}", one.name, one.text())?;
    }
    if found.iter().all(TopicReport::is_fine) { Ok(()) } else { Err(Failure::No) }
}

/// The cluster's metadata, or a failure after some attempts.
pub(super) fn reach(client: &ClientConfig, global: &Global) -> Result<Metadata, Failure> {
    let tries = std::cell::Cell::new(0);
    let give_up = || {
        tries.set(tries.get() + 1);
        tries.get() > TRIES_MAX
    };
    kafka::wait_for_cluster(client, &global.bootstrap, &give_up)?
        .ok_or_else(|| Failure::from(anyhow!("no broker answers at {}", global.bootstrap)))
}

/// The partition count of a topic; `None` if it does not exist.
pub fn partitions(metadata: &Metadata, name: &str) -> Option<i32> {
    let topic = metadata.topics().iter().find(|topic| topic.name() == name && topic.error().is_none())?;
    i32::try_from(topic.partitions().len()).ok().filter(|partitions| *partitions > 0)
}

/// The error for a missing topic, with the remedy.
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

/// Declared topics that do not exist on the cluster.
pub fn missing(config: &Config, metadata: &Metadata) -> Vec<String> {
    let names = config.topics.iter().filter_map(Topic::exact);
    names.filter(|name| partitions(metadata, name).is_none()).map(str::to_owned).collect()
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
        "the principal has no right on {}, not even Describe, which comes with Read and Write: `cx-timelines acls run` prints what \
         it needs, `cx-timelines acls topics` what it takes to create topics",
        denied.join(", ")
    )))
}

/// The changelog and the repartition topic need the partition count of the existing input.
pub fn wanted_partitions(topic: &Topic, config: &Config, metadata: &Metadata) -> i32 {
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
            Some((wanted_partitions(topic, config, metadata), rules::wanted_settings(topic), topic.exact()?))
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

/// The result for a topic.
pub struct TopicReport {
    /// Its name.
    pub name: String,
    state: State,
}

enum State {
    Created,
    Missing,
    There { partitions: i32, deviations: Vec<Deviation> },
}

impl TopicReport {
    /// Whether it is as declared, and `run` accepts it.
    fn is_fine(&self) -> bool {
        match &self.state {
            State::Created => true,
            State::Missing => false,
            State::There { deviations, .. } => {
                deviations.iter().all(|one| one.weight == Weight::Warned && !one.is_undeclared)
            }
        }
    }

    fn text(&self) -> String {
        match &self.state {
            State::Created => "created".to_owned(),
            State::Missing => "MISSING: `cx-timelines topics apply` creates it".to_owned(),
            State::There { partitions, deviations } => {
                let of = |weight, is_undeclared| {
                    let chosen = deviations.iter().filter(move |one| {
                        one.weight == weight
                            && (weight == Weight::Refused || one.is_undeclared == is_undeclared)
                    });
                    chosen.map(|one| one.text.as_str()).collect::<Vec<_>>().join("; ")
                };
                let parts = [
                    ("REFUSED by `run`", of(Weight::Refused, true)),
                    ("DIFFERS", of(Weight::Warned, true)),
                    ("careful", of(Weight::Warned, false)),
                ];
                let parts: Vec<String> = parts
                    .into_iter()
                    .filter(|(_, text)| !text.is_empty())
                    .map(|(word, text)| format!("{word}: {text}"))
                    .collect();
                if deviations.iter().any(|one| one.weight == Weight::Refused || one.is_undeclared) {
                    return parts.join("; ");
                }
                let fine = format!("as declared, {partitions} partitions");
                if parts.is_empty() { fine } else { format!("{fine}; {}", parts.join("; ")) }
            }
        }
    }
}

/// The actual settings of existing topics, by name.
///
/// # Errors
/// The cluster does not answer, or denies access.
pub(super) fn described<'n>(
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
pub(super) fn settings_of<'n>(
    client: &ClientConfig,
    names: impl Iterator<Item = &'n str>,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, Failure> {
    let described = described(client, names)?.into_iter();
    let values =
        |settings: Settings| settings.into_iter().map(|(key, setting)| (key, setting.value)).collect();
    Ok(described.map(|(name, settings)| (name, values(settings))).collect())
}

/// All declared topics with their deviations.
fn compare(
    client: &ClientConfig,
    config: &Config,
    metadata: &Metadata,
    created: &[String],
) -> Result<Vec<TopicReport>, Failure> {
    let there = config.topics.iter().filter_map(Topic::exact);
    let real = described(client, there.filter(|name| partitions(metadata, name).is_some()))?;
    Ok(found(config, metadata, created, &real))
}

fn found(
    config: &Config,
    metadata: &Metadata,
    created: &[String],
    real: &BTreeMap<String, Settings>,
) -> Vec<TopicReport> {
    let unknown = Settings::new();
    let input = real.get(config.name_of(Role::Input));
    let state = |name: &str, topic: &Topic| {
        if created.iter().any(|new| new == name) {
            return State::Created;
        }
        let there = metadata.topics().iter().find(|there| there.name() == name && there.error().is_none());
        let Some(there) = there.filter(|there| !there.partitions().is_empty()) else { return State::Missing };
        let around = Around::of(topic, there, config, metadata, input);
        let settings = real.get(name).unwrap_or(&unknown);
        let deviations = rules::deviations(topic, config, settings, &around);
        State::There { partitions: around.partitions, deviations }
    };
    let declared = config.topics.iter().filter_map(|topic| Some((topic.exact()?, topic)));
    declared.map(|(name, topic)| TopicReport { name: name.to_owned(), state: state(name, topic) }).collect()
}

/// Checks that the topics cannot lose records or state. Warns about lesser problems.
///
/// # Errors
/// A topic could lose records or state, or refuses writes: the message has all such problems with remedies.
pub(super) fn require(
    client: &ClientConfig,
    config: &Config,
    metadata: &Metadata,
) -> Result<BTreeMap<String, Settings>, Failure> {
    let ask = || described(client, config.topics.iter().filter_map(Topic::exact));
    // The broker may not know yet of a topic that was just created.
    let mut asked = ask();
    for _ in 0..DESCRIBE_TRIES {
        let Err(Failure::Failed(_)) = &asked else { break };
        std::thread::sleep(DESCRIBE_PAUSE);
        asked = ask();
    }
    let real = match asked {
        Ok(real) => real,
        Err(Failure::Usage(error) | Failure::Failed(error)) => {
            tracing::warn!(
                "the topics' settings cannot be compared with what the pipeline needs ({error:#}); it takes DescribeConfigs on \
                 them, see `cx-timelines acls run`, or run `cx-timelines topics check` as a principal with that permission"
            );
            BTreeMap::new()
        }
        Err(Failure::No) => BTreeMap::new(),
    };
    let mut refused = Vec::new();
    for TopicReport { name, state } in found(config, metadata, &[], &real) {
        let State::There { deviations, .. } = state else { continue };
        for Deviation { weight, text, .. } in deviations {
            match weight {
                Weight::Warned => tracing::warn!("topic {name}: {text}"),
                Weight::Refused => refused.push(format!("topic {name}: {text}")),
            }
        }
    }
    if refused.is_empty() {
        return Ok(real);
    }
    Err(Failure::usage(anyhow!(
        "the pipeline would lose something, or stop, with topics like these:\n  {}\nChange a setting by `kafka-configs.sh --alter \
         --entity-type topics --entity-name TOPIC --add-config KEY=VALUE`; `cx-timelines topics check` shows all that differs",
        refused.join("\n  ")
    )))
}
