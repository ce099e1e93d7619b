// SPDX-License-Identifier: Apache-2.0

//! Builds the engine's topology from the configuration.

use std::collections::BTreeSet;

use anyhow::Context;
use engine::{InnerTopics, Processor, StateForm, Topology};

use crate::config::{Config, Role};

/// The topology of these processors (all declared ones if `only` is empty). Processors that they follow run too, without
/// output, and so do those of every topology.
///
/// # Errors
/// A processor is not declared in topics.yaml or does not exist, or its outputs do not match. Remedy: correct topics.yaml or
/// the flag.
pub fn topology(config: &Config, only: &[String]) -> anyhow::Result<Topology> {
    let declared = |name: &str| config.processors.iter().find(|spec| spec.name == name);
    for name in only {
        anyhow::ensure!(
            declared(name).is_some(),
            "--processors names {name:?}, which topics.yaml does not declare; it declares: {}",
            config.processors.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ")
        );
    }
    let chosen =
        |name: &str| only.is_empty() || only.iter().any(|one| one == name) || folds::ALWAYS.contains(&name);
    let chosen: Vec<&str> =
        config.processors.iter().map(|spec| spec.name.as_str()).filter(|name| chosen(name)).collect();
    let needed = with_followed(chosen.iter().copied().chain(folds::ALWAYS), config)?;
    let mut topology = Topology::new(InnerTopics {
        dead_letters: config.name_of(Role::DeadLetters),
        changelog: config.name_of(Role::Changelog),
        repartition: config.name_of(Role::Repartition),
        erasures: config.erasures(),
    });
    topology.set_state_form(StateForm::new(folds::STATE_FORMAT));
    topology.set_letter_headers(config.letter_headers);
    // In an order where each processor comes after those that it follows.
    for name in folds::NAMES.into_iter().filter(|name| needed.contains(name)) {
        let processor = processor(name, config)?;
        match declared(name).filter(|_| chosen.contains(&name)) {
            Some(spec) => {
                let writes: Vec<&str> = spec.writes.iter().map(String::as_str).collect();
                topology.add(processor, &writes)?;
            }
            None => topology.add_silent(processor)?,
        }
    }
    if needed.contains(folds::agents::NAME) {
        topology.set_agent_states(config.agent_states().into_iter().map(str::to_owned).collect());
    }
    Ok(topology)
}

/// The selected processors and those that they follow.
fn with_followed<'n>(
    chosen: impl Iterator<Item = &'n str>,
    config: &Config,
) -> anyhow::Result<BTreeSet<&'static str>> {
    let mut needed = BTreeSet::new();
    let mut open = chosen.map(|name| processor(name, config)).collect::<anyhow::Result<Vec<_>>>()?;
    while let Some(next) = open.pop() {
        if needed.insert(next.name()) {
            for leader in next.follows() {
                open.push(processor(leader, config)?);
            }
        }
    }
    Ok(needed)
}

fn processor(name: &str, config: &Config) -> anyhow::Result<Box<dyn Processor>> {
    folds::by_name(name, &config.folds)
        .with_context(|| format!("there is no processor {name:?}; there are: {}", folds::NAMES.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(only: &[&str]) -> anyhow::Result<Vec<String>> {
        let config = Config::load(None, "g", None).unwrap();
        let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
        let mut topics = topology(&config, &only)?.topics().to_vec();
        topics.sort();
        Ok(topics)
    }

    #[test]
    fn all_processors_write_all_topics() {
        let topics = topics(&[]).unwrap();
        for topic in folds::products().map(|(_, product)| product.topic) {
            assert!(topics.iter().any(|other| other == topic), "{topic} in {topics:?}");
        }
    }

    #[test]
    fn what_a_chosen_processor_follows_runs_without_publishing() {
        assert_eq!(
            topics(&["metrics"]).unwrap(),
            ["cx.dead-letters", "cx.metrics", "g-changelog", "g-repartition"]
        );
    }

    #[test]
    fn agents_states_are_read_where_a_processor_needs_them() {
        let config = Config::load(None, "g", None).unwrap();
        let read = |only: &str| topology(&config, &[only.to_owned()]).unwrap().agent_states().to_vec();
        assert_eq!(read("agents"), ["cx.agent-states"]);
        assert_eq!(read("metrics"), ["cx.agent-states"]);
        assert!(read("activities").is_empty());
    }

    #[test]
    fn a_processor_that_is_not_declared_is_refused_with_those_that_are() {
        let refused = topics(&["activites"]).unwrap_err().to_string();
        assert!(refused.contains("\"activites\"") && refused.contains("bot-training"), "{refused}");
    }
}
