// SPDX-License-Identifier: Apache-2.0

//! Topics of a load test: temporary ones that are deleted afterwards, or existing ones.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use rdkafka::ClientConfig;
use rdkafka::admin::AdminOptions;
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaErrorCode;
use tempfile::TempDir;

use crate::cli::Global;
use crate::cli::bench::BenchArgs;
use crate::config::{Config, Topic};
use crate::exit::Failure;
use crate::kafka;
use crate::topics::{self, ADMIN_TIMEOUT};

/// Temporary topics, a configuration that names them, and a group for the test's instance only.
pub struct Ground {
    /// Names the test's own topics.
    pub config: Config,
    /// Global flags for the test's instance.
    pub global: Global,
    /// A folder for the files of the test's instance.
    pub folder: TempDir,
    created: Vec<String>,
}

impl Ground {
    /// Creates the topics.
    ///
    /// # Errors
    /// Some of them exist already, the cluster refuses, or there is no space for files.
    pub fn make(global: &Global, args: &BenchArgs) -> Result<Self, Failure> {
        let folder = match &global.state_dir {
            Some(state) => std::fs::create_dir_all(state)
                .and_then(|()| tempfile::tempdir_in(state))
                .with_context(|| format!("--state-dir {} cannot be used", state.display()))
                .map_err(Failure::usage)?,
            None => tempfile::tempdir().context("there is no folder for temporary files")?,
        };
        let group = format!("{}{}", args.prefix, global.group);
        let text =
            Config::text_with_prefix(global.config.as_deref(), &args.prefix).map_err(Failure::usage)?;
        let file = folder.path().join("topics.yaml");
        write(&file, &text)?;
        let config = Config::load(Some(&file), &group, None).map_err(Failure::usage)?;
        let state_dir = global.state_dir.is_some().then(|| folder.path().join("instance"));
        let global = Global { config: Some(file), group, state_dir, schema_registry: None, ..global.clone() };
        let client = kafka::client(&global)?;
        let metadata = topics::reach(&client, &global)?;
        refuse_existing(&config, &metadata, &args.prefix)?;
        let mut ground = Self { config, global, folder, created: Vec::new() };
        match topics::create_missing(&client, &ground.config, &metadata, args.replication) {
            Ok(created) => ground.created = created,
            Err(failure) => {
                // Some of them may exist by now.
                ground.created = topics::missing(&ground.config, &metadata);
                ground.remove(&client)?;
                return Err(failure);
            }
        }
        Ok(ground)
    }

    /// Deletes the created topics and the group.
    ///
    /// # Errors
    /// Some still exist: the message names them.
    pub fn remove(self, client: &ClientConfig) -> Result<(), Failure> {
        let names: Vec<&str> = self.created.iter().map(String::as_str).collect();
        let admin = kafka::admin(client)?;
        let options =
            AdminOptions::new().operation_timeout(Some(ADMIN_TIMEOUT)).request_timeout(Some(ADMIN_TIMEOUT));
        let deleted = topics::block_on(admin.delete_topics(&names, &options))?;
        let left: BTreeSet<String> = match deleted {
            Ok(results) => results
                .into_iter()
                .filter_map(Result::err)
                .filter(|(_, code)| *code != RDKafkaErrorCode::UnknownTopicOrPartition)
                .map(|(name, code)| format!("{name} ({code})"))
                .collect(),
            Err(error) => names.iter().map(|name| format!("{name} ({error})")).collect(),
        };
        // A group without members expires by itself, so a failed deletion is no error.
        if let Ok(Err(error)) = topics::block_on(admin.delete_groups(&[self.global.group.as_str()], &options))
        {
            tracing::debug!(%error, "the group stays for a while");
        }
        if left.is_empty() {
            return Ok(());
        }
        let left: Vec<String> = left.into_iter().collect();
        Err(anyhow!("topics of the test could not be deleted, please do: {}", left.join(", ")).into())
    }
}

fn write(file: &PathBuf, text: &str) -> anyhow::Result<()> {
    std::fs::File::create(file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("{} cannot be written", file.display()))
}

/// Existing topics may belong to others: they are neither used nor deleted.
fn refuse_existing(config: &Config, metadata: &Metadata, prefix: &str) -> Result<(), Failure> {
    let declared = config.topics.iter().filter_map(Topic::exact);
    let there: Vec<&str> =
        declared.filter(|name| metadata.topics().iter().any(|topic| topic.name() == *name)).collect();
    if there.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(anyhow!(
        "the load test makes its own topics, and these exist already: {}. Another one may be running, or was killed; choose \
         another --prefix than {prefix}, or delete them",
        there.join(", ")
    )))
}
