// SPDX-License-Identifier: Apache-2.0

//! `generate`: what is made of topics.yaml and the schemas.

use clap::Subcommand;

/// What to make. Each is printed, and depends on nothing but topics.yaml and the flags.
#[derive(Debug, Clone, Subcommand)]
pub enum GenerateCommand {
    /// DDL for Apache Flink SQL: a table for each topic, and examples.
    ///
    /// The tables connect to --bootstrap, those with Avro values to the schema registry.
    Flink,
}
