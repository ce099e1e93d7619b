// SPDX-License-Identifier: Apache-2.0

//! Record formats that need the schema registry.

mod credentials;
pub mod inputs;
pub mod outputs;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use avro::registry::{Registry, RegistryError, Settings};
use avro::{RecordReader, Unreadable};

use crate::config::{Config, RegistrySpec};
use crate::exit::Failure;

/// The timeout of a request in `run`, so that a stop is noticed in time. The caller retries.
const RUN_TIMEOUT: Duration = Duration::from_secs(3);

/// How a failed request is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retries {
    /// Some times, as a command does for a waiting user.
    Some,
    /// Not at all: the caller retries, and checks for a stop in between.
    None,
}

/// The registry's client; `None` when topics.yaml names no registry.
///
/// # Errors
/// A file cannot be read or is invalid: a usage error.
pub fn registry(config: &Config, retries: Retries) -> Result<Option<Arc<Registry>>, Failure> {
    let Some(spec) = &config.registry else { return Ok(None) };
    client(spec, retries).map(|registry| Some(Arc::new(registry))).map_err(Failure::usage)
}

fn client(spec: &RegistrySpec, retries: Retries) -> anyhow::Result<Registry> {
    let ca_pem = spec.ca_file.as_ref().map(|file| {
        std::fs::read_to_string(file)
            .with_context(|| format!("schema_registry.ca_file: {} cannot be read", file.display()))
    });
    let settings = Settings {
        urls: spec.urls.clone(),
        auth: credentials::auth(spec.credentials_file.as_deref())
            .context("the credentials of the schema registry")?,
        ca_pem: ca_pem.transpose()?,
        ..Settings::default()
    };
    let settings = match retries {
        Retries::Some => settings,
        Retries::None => Settings { timeout: RUN_TIMEOUT, attempts: 1, ..settings },
    };
    Ok(Registry::new(settings)?)
}

/// Converts records of all topics to JSON, for commands that read.
pub struct Formats<'c> {
    config: &'c Config,
    reader: Option<RecordReader>,
}

impl<'c> Formats<'c> {
    /// Creates the converter. No request is sent yet.
    ///
    /// # Errors
    /// As [`registry`].
    pub fn open(config: &'c Config) -> Result<Self, Failure> {
        Ok(Self { config, reader: registry(config, Retries::Some)?.map(RecordReader::new) })
    }

    /// A record as JSON. A record that is not valid Avro of its schema is returned unchanged.
    ///
    /// # Errors
    /// The registry does not return a schema that it should know: it is down, or denies access.
    pub fn json<'v>(&self, topic: &str, value: &'v [u8]) -> anyhow::Result<Cow<'v, [u8]>> {
        let Some(reader) = self.reader.as_ref().filter(|_| self.config.is_avro(topic)) else {
            return Ok(Cow::Borrowed(value));
        };
        match reader.json(value) {
            Ok(Some(json)) => Ok(Cow::Owned(json)),
            Ok(None)
            | Err(
                Unreadable::Schema { .. }
                | Unreadable::Mismatch(_)
                | Unreadable::Registry(RegistryError::NotFound { .. } | RegistryError::NotAvro { .. }),
            ) => Ok(Cow::Borrowed(value)),
            Err(Unreadable::Registry(error)) => {
                Err(error).with_context(|| format!("a record of {topic} cannot be read"))
            }
        }
    }

    /// Like [`json`](Self::json), for values that may be tombstones.
    ///
    /// # Errors
    /// As [`json`](Self::json).
    pub fn json_or_none<'v>(
        &self,
        topic: &str,
        value: Option<&'v [u8]>,
    ) -> anyhow::Result<Option<Cow<'v, [u8]>>> {
        value.map(|value| self.json(topic, value)).transpose()
    }
}
