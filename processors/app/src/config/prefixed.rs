// SPDX-License-Identifier: Apache-2.0

//! The file with topics of its own, for a load test that must not touch those that are in use.

use serde_json::Value;

/// What stands for the consumer group in a name: such a topic is the group's own already.
const GROUP: &str = "{group}";

/// The text with a prefix before the name of each topic, all of them JSON, without a registry and without patterns: a pattern's
/// topics belong to others. JSON is YAML too.
pub(super) fn text(text: &str, prefix: &str) -> Result<String, String> {
    let mut tree: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    if let Some(root) = tree.as_object_mut() {
        root.remove("schema_registry");
    }
    if let Some(topics) = tree.get_mut("topics").and_then(Value::as_array_mut) {
        topics.retain(|topic| topic.get("name").is_some());
        for topic in topics.iter_mut().filter_map(Value::as_object_mut) {
            topic.remove("format");
            if let Some(name) = topic.get_mut("name") {
                put_before(name, prefix);
            }
        }
    }
    let processors = tree.get_mut("processors").and_then(Value::as_object_mut);
    for processor in processors.into_iter().flat_map(|all| all.values_mut()) {
        for list in ["reads", "writes"] {
            let names = processor.get_mut(list).and_then(Value::as_array_mut);
            names.into_iter().flatten().for_each(|name| put_before(name, prefix));
        }
    }
    Ok(tree.to_string())
}

fn put_before(name: &mut Value, prefix: &str) {
    if let Value::String(name) = name
        && !name.contains(GROUP)
    {
        name.insert_str(0, prefix);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BUILT_IN, Topic, read};
    use super::*;

    #[test]
    fn no_topic_keeps_its_name_and_the_file_is_as_good_as_before() {
        let own = read::config(&text(BUILT_IN, "bench.").unwrap(), "bench.g", None).unwrap();
        let names = |config: &super::super::Config| -> Vec<String> {
            config.topics.iter().filter_map(Topic::exact).map(str::to_owned).collect()
        };
        let before = read::config(BUILT_IN, "g", None).unwrap();
        assert_eq!(
            names(&own),
            names(&before).iter().map(|name| format!("bench.{name}")).collect::<Vec<_>>()
        );
        assert_eq!(own.topics.len(), names(&own).len(), "no patterns");
        assert_eq!(own.processors.len(), before.processors.len());
        assert_eq!(own.commit.interval_ms, before.commit.interval_ms);
    }

    #[test]
    fn formats_and_registry_stay_behind() {
        let avro = BUILT_IN.replace("format: json", "format: avro")
            + "\nschema_registry:\n  url: http://127.0.0.1:1/\n";
        let own = read::config(&text(&avro, "x-").unwrap(), "x-g", None).unwrap();
        assert!(own.registry.is_none());
        assert!(own.topics.iter().all(|topic| topic.format == super::super::Format::Json));
    }
}
