//! From the configuration to the engine's topology.

use anyhow::Context;
use engine::Topology;

use crate::config::{Config, Role};

/// The topology of these processors (all that are declared where `only` is empty).
///
/// # Errors
/// A processor is not declared in topics.yaml, does not exist, or its outputs do not fit: mend topics.yaml or the flag.
pub fn topology(config: &Config, only: &[String]) -> anyhow::Result<Topology> {
    let dead_letters = config.name_of(Role::DeadLetters);
    let changelog = config.name_of(Role::Changelog);
    let mut topology = Topology::new(dead_letters, changelog);
    for name in only {
        anyhow::ensure!(
            config.processors.iter().any(|spec| &spec.name == name),
            "--processors names {name:?}, which topics.yaml does not declare; it declares: {}",
            config.processors.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ")
        );
    }
    // Whatever is chosen, an event that has to wait for its conversation is kept, not dropped.
    let chosen = |name: &String| only.is_empty() || only.contains(name) || name == folds::correlate::NAME;
    for spec in config.processors.iter().filter(|spec| chosen(&spec.name)) {
        let processor = folds::by_name(&spec.name).with_context(|| {
            format!("there is no processor {:?}; there are: {}", spec.name, folds::NAMES.join(", "))
        })?;
        let writes: Vec<&str> = spec.writes.iter().map(String::as_str).collect();
        topology.add(processor, &writes)?;
    }
    Ok(topology)
}
