// SPDX-License-Identifier: Apache-2.0

//! The environment of the figures: machine, cluster, settings.

use rdkafka::metadata::Metadata;
use serde::Serialize;

use crate::cli::Global;
use crate::cli::bench::BenchArgs;
use crate::config::{Config, Role};

/// The environment of the figures.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// This program's version.
    pub version: String,
    /// The Kafka client's version.
    pub client: String,
    /// CPU cores of the sending machine.
    pub cores: usize,
    /// Brokers of the cluster.
    pub brokers: usize,
    /// Partitions of the input.
    pub partitions: usize,
    /// The replication factor.
    pub replication: usize,
    /// The commit interval.
    pub commit_interval_ms: u64,
    /// The processors that run; `None` with --existing.
    pub processors: Option<Vec<String>>,
    /// Workers of the test's instance.
    pub workers: Option<u16>,
    /// The memory limit of the test's instance.
    pub memory_mib: Option<u64>,
    /// Where its state is stored.
    pub state: Option<&'static str>,
}

impl Facts {
    /// Collects the facts.
    pub fn of(global: &Global, args: &BenchArgs, config: &Config, metadata: &Metadata) -> Self {
        let input = config.name_of(Role::Input);
        let input = metadata.topics().iter().find(|topic| topic.name() == input);
        let partitions = input.map_or(&[][..], |topic| topic.partitions());
        let all = || config.processors.iter().map(|processor| processor.name.clone()).collect();
        let own = !args.existing;
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            client: format!("librdkafka {}", rdkafka::util::get_rdkafka_version().1),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            brokers: metadata.brokers().len(),
            partitions: partitions.len(),
            replication: partitions.first().map_or(0, |partition| partition.replicas().len()),
            commit_interval_ms: config.commit.interval_ms,
            processors: own
                .then(|| if global.processors.is_empty() { all() } else { global.processors.clone() }),
            workers: own.then_some(args.workers),
            memory_mib: own.then_some(args.memory >> 20),
            state: own.then_some(if global.state_dir.is_some() { "on disk" } else { "in memory" }),
        }
    }
}
