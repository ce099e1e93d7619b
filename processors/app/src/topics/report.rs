// SPDX-License-Identifier: Apache-2.0

//! Declared topics, compared with the cluster's.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::anyhow;
use rdkafka::ClientConfig;
use rdkafka::metadata::Metadata;

use super::described;
use crate::config::{Config, Role, Topic};
use crate::exit::Failure;
use crate::kafka;
use crate::rules::{self, Around, Deviation, Settings, Weight};

/// The number and interval of attempts to read topic settings at startup.
const DESCRIBE_TRIES: u32 = 3;
const DESCRIBE_PAUSE: Duration = Duration::from_millis(300);

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
    pub fn is_fine(&self) -> bool {
        match &self.state {
            State::Created => true,
            State::Missing => false,
            State::There { deviations, .. } => {
                deviations.iter().all(|one| one.weight == Weight::Warned && !one.is_undeclared)
            }
        }
    }

    /// It in words.
    pub fn text(&self) -> String {
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

/// All declared topics with their deviations.
///
/// # Errors
/// The cluster does not answer, or denies access.
pub fn compare(
    client: &ClientConfig,
    config: &Config,
    metadata: &Metadata,
    created: &[String],
) -> Result<Vec<TopicReport>, Failure> {
    let there = config.topics.iter().filter_map(Topic::exact);
    let real = described(client, there.filter(|name| kafka::partitions(metadata, name).is_some()))?;
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
pub fn require(
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
