// SPDX-License-Identifier: Apache-2.0

//! `generate`: what is made of topics.yaml and the schemas.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::strimzi::StrimziArgs;

/// What to make. Each is printed, and depends on nothing but topics.yaml and the flags.
#[derive(Debug, Clone, Subcommand)]
pub enum GenerateCommand {
    /// An AsyncAPI 3 document of all topics.
    Asyncapi,
    /// JSON Schemas (2020-12) of the records of all output topics.
    ///
    /// Without --dir, all of them in one document.
    JsonSchemas(FilesArgs),
    /// DDL for Apache Flink SQL: a table for each topic, and examples.
    ///
    /// The tables connect to --bootstrap, those with Avro values to the schema registry.
    Flink,
    /// DDL for ClickHouse: tables of the current records.
    Clickhouse,
    /// DDL for ksqlDB: tables and streams.
    Ksqldb,
    /// A module of typed consumers in Python.
    Python(FilesArgs),
    /// A module of typed consumers in TypeScript.
    Typescript(FilesArgs),
    /// Strimzi's KafkaTopics and KafkaUsers, for a cluster on Kubernetes.
    ///
    /// The topics are those of `topics apply`, the permissions those of `acls`.
    Strimzi(StrimziArgs),
}

/// Flags of what may become files.
#[derive(Debug, Clone, Args)]
pub struct FilesArgs {
    /// Write files to this directory, which is created if it is missing.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
