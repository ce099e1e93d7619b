// SPDX-License-Identifier: Apache-2.0

//! AsyncAPI's bindings for Kafka: a topic's settings, and the key of its records.

use super::description::key;
use crate::json::{Json, object};
use crate::{Name, Topic};

/// The version of AsyncAPI's bindings for Kafka.
const BINDING: &str = "0.5.0";

/// The settings of a topic.
pub(super) fn bindings(topic: &Topic) -> Json {
    let number = |name: &str| topic.settings.get(name).and_then(|value| value.parse::<i64>().ok());
    let cleanup: Vec<&str> = topic.cleanup.split(',').collect();
    let settings = object()
        .with("cleanup.policy", cleanup)
        .with_some("retention.ms", topic.retention_ms)
        .with_some("delete.retention.ms", number("delete.retention.ms"))
        .with_some("max.message.bytes", number("max.message.bytes"));
    let name = match &topic.name {
        Name::Exact(name) => Some(name.as_str()),
        Name::Pattern(_) => None,
    };
    object()
        .with_some("topic", name)
        .with_some("partitions", topic.partitions.map(i64::from))
        .with("topicConfiguration", settings)
        .with("bindingVersion", BINDING)
}

/// The key of a topic's records.
pub(super) fn binding_of_key(topic: &Topic) -> Json {
    let key = object().with("type", "string").with("description", key(topic));
    object().with("kafka", object().with("key", key).with("bindingVersion", BINDING))
}
