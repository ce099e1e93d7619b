// SPDX-License-Identifier: Apache-2.0

//! Avro inputs: decoding them in `run`, and writing them in `load`.

use std::sync::Arc;

use anyhow::Context;
use avro::registry::Registry;
use avro::{Inputs, Learner, Plans, Schema};
use edge::{SchemaSource, SchemaUnavailable};
use model::Decode;
use regex::Regex;

use super::outputs::{Output, id_of};
use super::{Retries, registry};
use crate::config::{Config, Format, Role, TopicName};
use crate::exit::Failure;

/// The input decoders, and the source of unknown schemas; `None` when no input is Avro.
pub fn reading(
    config: &Config,
    registry: Option<&Arc<Registry>>,
    outputs: usize,
) -> Option<(Arc<dyn Decode>, Arc<dyn SchemaSource>)> {
    let avro = AvroTopics::of(config);
    if avro.is_empty() {
        return None;
    }
    let plans = Arc::new(Plans::new());
    let learner = Learner::new(Arc::clone(registry?), Arc::clone(&plans));
    let decoder = Inputs::new(plans, move |topic| avro.has(topic));
    Some((Arc::new(decoder), Arc::new(Source { learner, outputs })))
}

/// The Avro inputs.
struct AvroTopics {
    exact: Vec<String>,
    patterns: Vec<Regex>,
}

impl AvroTopics {
    fn of(config: &Config) -> Self {
        let (mut exact, mut patterns) = (Vec::new(), Vec::new());
        let inputs =
            config.topics.iter().filter(|topic| matches!(topic.role, Role::Input | Role::AgentStates));
        for topic in inputs.filter(|topic| topic.format == Format::Avro) {
            match &topic.name {
                TopicName::Exact(name) => exact.push(name.clone()),
                TopicName::Pattern(pattern) => patterns.push(pattern.clone()),
            }
        }
        Self { exact, patterns }
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.patterns.is_empty()
    }

    fn has(&self, topic: &str) -> bool {
        self.exact.iter().any(|name| name == topic)
            || self.patterns.iter().any(|pattern| pattern.is_match(topic))
    }
}

/// The registry as a source of schemas.
struct Source {
    learner: Learner,
    /// The number of the outputs' schemas.
    outputs: usize,
}

impl SchemaSource for Source {
    fn learn(&self, id: u32) -> Result<edge::Learnt, SchemaUnavailable> {
        match self.learner.learn(id) {
            Ok(avro::Learnt::Readable) => Ok(edge::Learnt::Readable),
            Ok(avro::Learnt::Unreadable(why)) => Ok(edge::Learnt::Unreadable(why)),
            Ok(avro::Learnt::NotRegistered) => Ok(edge::Learnt::NotRegistered),
            Err(error) => Err(SchemaUnavailable(error.to_string())),
        }
    }

    fn deny(&self, id: u32) {
        self.learner.deny(id);
    }

    fn allow(&self, id: u32) {
        self.learner.allow(id);
    }

    fn known(&self) -> usize {
        self.learner.known() + self.outputs
    }
}

/// Converts JSON events to Avro, for Avro input topics.
pub struct Writer<'c> {
    config: &'c Config,
    registry: Option<Arc<Registry>>,
}

impl<'c> Writer<'c> {
    /// Creates a writer. No request is sent yet.
    ///
    /// # Errors
    /// As [`registry`].
    pub fn open(config: &'c Config) -> Result<Self, Failure> {
        Ok(Self { config, registry: registry(config, Retries::Some)? })
    }

    /// A JSON event as this topic's Avro value; `None` when the JSON is to be sent unchanged, because the topic is JSON or the
    /// value is no event, which its reader has to reject.
    ///
    /// # Errors
    /// The registry does not return the schema's id.
    pub fn value(&self, topic: &str, json: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        let (Some(spec), Some(registry)) = (&self.config.registry, &self.registry) else { return Ok(None) };
        if !self.config.is_avro(topic) {
            return Ok(None);
        }
        let schema = Schema::CIM_EVENT;
        let subject = spec.subjects.subject(topic, &schema);
        // One request per topic: the registry client caches the answer.
        let id = id_of(registry, spec, &Output { topic: topic.to_owned(), schema, subject })
            .with_context(|| format!("nothing can be loaded into {topic}"))?;
        Ok(avro::event_value(json, id))
    }
}
