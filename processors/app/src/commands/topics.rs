// SPDX-License-Identifier: Apache-2.0

//! `topics`: creates missing topics, and compares the declared ones with the cluster's.

use std::io::Write;

use crate::cli::{Global, TopicsCommand};
use crate::config::Config;
use crate::exit::Failure;
use crate::kafka;
use crate::topics::{self, TopicReport};

/// Applies or checks.
pub fn run(global: &Global, command: &TopicsCommand, config: &Config) -> Result<(), Failure> {
    let client = kafka::client(global)?;
    let metadata = topics::reach(&client, global)?;
    topics::check_rights(&client, &topics::missing(config, &metadata))?;
    let created = match command {
        TopicsCommand::Apply(args) => topics::create_missing(&client, config, &metadata, args.replication)?,
        TopicsCommand::Check => Vec::new(),
    };
    let found = topics::compare(&client, config, &metadata, &created)?;
    let width = found.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let mut out = std::io::stdout().lock();
    for one in &found {
        writeln!(out, "{:width$}  {}", one.name, one.text())?;
    }
    if found.iter().all(TopicReport::is_fine) { Ok(()) } else { Err(Failure::No) }
}
