// SPDX-License-Identifier: Apache-2.0

//! Avro outputs: their schemas, subjects and ids.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use avro::registry::{Registry, RegistryError};
use avro::{AvroFormat, Schema};
use edge::Stop;
use edge::metrics::Metrics;
use engine::Topology;
use model::Format;

use crate::config::{Config, RegistrySpec};
use crate::exit::Failure;
use crate::products;

const PAUSE: Duration = Duration::from_millis(500);
/// One in this many consecutive failures is logged.
const LOG_EVERY: u64 = 20;

/// A topic whose records are Avro, with their schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The topic.
    pub topic: String,
    /// The schema of its records.
    pub schema: Schema,
    /// The subject in the registry.
    pub subject: String,
}

/// The outputs that are Avro.
pub fn of(config: &Config, spec: &RegistrySpec) -> Vec<Output> {
    let mut outputs: Vec<Output> = Vec::new();
    for processor in &config.processors {
        let Some(schema) = products::schema_of(&processor.name) else { continue };
        for topic in processor.writes.iter().filter(|topic| config.is_avro(topic)) {
            if outputs.iter().all(|known| known.topic != *topic) {
                let subject = spec.subjects.subject(topic, &schema);
                outputs.push(Output { topic: topic.clone(), schema, subject });
            }
        }
    }
    outputs
}

/// Sets the formats of a topology's outputs from topics.yaml, once the registry has returned the schemas' ids; retried as long
/// as necessary. Returns their number; `None` when a stop was requested.
///
/// # Errors
/// The registry refuses, or does not know a schema that it should.
pub fn set_formats(
    topology: &mut Topology,
    config: &Config,
    registry: Option<&Registry>,
    metrics: &Metrics,
    stop: &Stop,
) -> Result<Option<usize>, Failure> {
    let (Some(spec), Some(registry)) = (&config.registry, registry) else { return Ok(Some(0)) };
    let written = topology.topics().to_vec();
    let outputs: Vec<Output> =
        of(config, spec).into_iter().filter(|output| written.contains(&output.topic)).collect();
    for output in &outputs {
        let Some(id) = persist(metrics, stop, || id_of(registry, spec, output))? else { return Ok(None) };
        tracing::info!("{} is written with schema {id}, subject {}", output.topic, output.subject);
        let format: Arc<dyn Format> = Arc::new(AvroFormat::new(id, &output.schema)?);
        topology.set_format(&output.topic, &format);
    }
    Ok(Some(outputs.len()))
}

/// The id of an output's schema, which is registered if that is allowed.
pub fn id_of(registry: &Registry, spec: &RegistrySpec, output: &Output) -> Result<u32, RegistryError> {
    let Output { subject, schema, .. } = output;
    if spec.register {
        return registry.register(subject, schema.text);
    }
    registry.id_of(subject, schema.text)?.ok_or_else(|| RegistryError::NotFound {
        what: format!(
            "the schema of {} under subject {subject}; run `cx-timelines schemas register`, or set schema_registry.register to \
             true",
            output.topic
        ),
    })
}

/// Retries until there is an answer or a stop.
fn persist<T>(
    metrics: &Metrics,
    stop: &Stop,
    ask: impl Fn() -> Result<T, RegistryError>,
) -> Result<Option<T>, Failure> {
    let mut failures: u64 = 0;
    while !stop.is_requested() {
        let answer = ask();
        metrics.registry_asked(answer.is_ok());
        match answer {
            Ok(answer) => return Ok(Some(answer)),
            Err(error) if error.is_temporary() => {
                if failures.is_multiple_of(LOG_EVERY) {
                    tracing::warn!("{error}; retrying, nothing is folded before");
                }
                failures += 1;
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(anyhow!(error).into()),
        }
    }
    Ok(None)
}

/// The registry's settings.
///
/// # Errors
/// None is configured: a usage error.
pub fn spec(config: &Config) -> Result<&RegistrySpec, Failure> {
    let missing = "there is no schema registry: name its `url` under `schema_registry` in topics.yaml, or give --schema-registry";
    config.registry.as_ref().context(missing).map_err(Failure::usage)
}
