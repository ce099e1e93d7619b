//! What the cluster says of a topic.

use std::collections::BTreeMap;

use rdkafka::metadata::{Metadata, MetadataTopic};

use crate::commands::topics;
use crate::config::{Config, Topic};

/// A setting as it really is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its value.
    pub value: String,
    /// Whether it is set on the topic itself, and not the brokers' default.
    pub is_own: bool,
}

/// The settings of a topic, by name.
pub type Settings = BTreeMap<String, Setting>;

/// What else there is to know of a topic and of what is around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// How many partitions it has.
    pub partitions: i32,
    /// How many it should have.
    pub wanted_partitions: i32,
    /// The least copies that a partition of it has.
    pub copies: usize,
    /// How many brokers there are.
    pub brokers: usize,
    /// How long the input keeps its records, in milliseconds; −1: for ever; none: not known.
    pub input_retention_ms: Option<i64>,
}

impl Around {
    /// What the metadata says of a topic that is there, and the settings of the input.
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
            wanted_partitions: topics::wanted_partitions(topic, config, metadata),
            copies: partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or(0),
            brokers: metadata.brokers().len(),
            input_retention_ms: retention.and_then(|setting| setting.value.parse().ok()),
        }
    }
}
