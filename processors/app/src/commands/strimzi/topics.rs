// SPDX-License-Identifier: Apache-2.0

//! The declared topics as KafkaTopics.

use super::names;
use super::resources::{Document, Resource, Setting, TopicSpec};
use crate::cli::strimzi::StrimziArgs;
use crate::config::{Config, Topic};
use crate::rules;

pub(super) fn topics(config: &Config, args: &StrimziArgs) -> Vec<Document> {
    let named = config.topics.iter().filter_map(|topic| Some((topic, topic.exact()?)));
    named.map(|(topic, name)| document(topic, name, config, args)).collect()
}

fn document(topic: &Topic, name: &str, config: &Config, args: &StrimziArgs) -> Document {
    let resource = names::resource(name);
    let spec = TopicSpec {
        topic_name: (resource != name).then(|| name.to_owned()),
        partitions: rules::declared_partitions(topic, config),
        replicas: (args.replication > 0).then_some(args.replication),
        config: rules::wanted_settings(topic).into_iter().map(|(key, value)| (key, setting(value))).collect(),
    };
    Document::Topic(Resource::new("KafkaTopic", resource, args.place(), spec))
}

/// A number only where it is written as one.
fn setting(value: String) -> Setting {
    let number = value.parse().ok().filter(|number: &i64| number.to_string() == value);
    number.map_or(Setting::Text(value), Setting::Number)
}
