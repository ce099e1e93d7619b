// SPDX-License-Identifier: Apache-2.0

//! The actual state of a topic on the cluster.

use std::collections::BTreeMap;

use rdkafka::metadata::{Metadata, MetadataTopic};

use crate::config::{Config, Topic};

/// An actual setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its value.
    pub value: String,
    /// Whether it is set on the topic itself, rather than the brokers' default.
    pub is_own: bool,
}

/// The settings of a topic, by name.
pub type Settings = BTreeMap<String, Setting>;

/// Other facts about a topic and the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// Its partition count.
    pub partitions: i32,
    /// The partition count it should have.
    pub wanted_partitions: i32,
    /// The smallest number of replicas of its partitions.
    pub copies: usize,
    /// The number of brokers.
    pub brokers: usize,
    /// The retention of the input, in milliseconds; −1 for unlimited; `None` when unknown.
    pub input_retention_ms: Option<i64>,
}

impl Around {
    /// From the metadata of an existing topic and the settings of the input.
    pub fn of(
        topic: &Topic,
        real: &MetadataTopic,
        config: &Config,
        metadata: &Metadata,
        input: Option<&Settings>,
    ) -> Self {
        let partitions = real.partitions();
        let retention = input.and_then(|settings| settings.get("retention.ms"));
        Self {
            partitions: i32::try_from(partitions.len()).unwrap_or(i32::MAX),
            wanted_partitions: super::wanted_partitions(topic, config, metadata),
            copies: partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or(0),
            brokers: metadata.brokers().len(),
            input_retention_ms: retention.and_then(|setting| setting.value.parse().ok()),
        }
    }
}
