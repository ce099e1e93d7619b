// SPDX-License-Identifier: Apache-2.0

//! `generate strimzi`: the declared topics as KafkaTopics and principals as KafkaUsers, for a cluster that Strimzi runs. The topics
//! are those of `topics apply`, the permissions those of `acls`.

mod names;
mod resources;
mod topics;
mod users;

use anyhow::Context;

use crate::cli::strimzi::StrimziArgs;
use crate::config::{Config, Topic};

/// All resources, as YAML documents.
///
/// # Errors
/// None that is known: YAML can hold every name and value of a configuration that was read.
pub fn yaml(config: &Config, group: &str, args: &StrimziArgs) -> anyhow::Result<String> {
    let mut documents = topics::topics(config, args);
    documents.extend(users::users(config, group, args));
    let yaml =
        serde_saphyr::to_string_multiple(&documents).context("the resources cannot be written as YAML")?;
    Ok(format!("{}{yaml}", head(config)))
}

/// What a reader of the file has to know.
fn head(config: &Config) -> String {
    let mut head = format!(
        "# Strimzi's resources for cx-timelines {}, made by `cx-timelines generate strimzi`.\n",
        env!("CARGO_PKG_VERSION")
    );
    for topic in config.topics.iter().filter(|topic: &&Topic| topic.exact().is_none()) {
        head.push_str(&format!("# Topics that match {} are their producers'.\n", topic.name));
    }
    head
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::cli::Purpose;
    use crate::cli::strimzi::UserAuthentication;
    use crate::commands::rights::rights;
    use crate::rules;

    fn args(users: &[Purpose]) -> StrimziArgs {
        StrimziArgs {
            cluster: "main".to_owned(),
            namespace: Some("kafka".to_owned()),
            replication: 3,
            users: users.to_vec(),
            authentication: UserAuthentication::Tls,
        }
    }

    fn documents(group: &str, args: &StrimziArgs) -> (Config, Vec<Value>) {
        let config = Config::load(None, group, None).unwrap();
        let yaml = yaml(&config, group, args).unwrap();
        assert!(yaml.contains(r"# Topics that match ^cx\.conversation"), "{yaml}");
        let documents = serde_saphyr::from_multiple(&yaml).unwrap();
        (config, documents)
    }

    #[test]
    fn every_declared_topic_is_a_resource_with_what_topics_apply_would_create() {
        let (config, documents) = documents("cx-timelines", &args(&[]));
        let declared: Vec<&Topic> = config.topics.iter().filter(|topic| topic.exact().is_some()).collect();
        assert_eq!(documents.len(), declared.len());
        for (topic, document) in declared.iter().zip(&documents) {
            assert_eq!(document["metadata"]["name"], topic.exact().unwrap());
            assert_eq!(document["metadata"]["namespace"], "kafka");
            assert_eq!(document["metadata"]["labels"]["strimzi.io/cluster"], "main");
            assert_eq!(document["spec"]["partitions"], rules::declared_partitions(topic, &config));
            assert_eq!(document["spec"]["replicas"], 3);
            let found: BTreeMap<String, String> = document["spec"]["config"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(key, value)| {
                    (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                })
                .collect();
            assert_eq!(found, rules::wanted_settings(topic));
        }
        let changelog =
            documents.iter().find(|one| one["metadata"]["name"] == "cx-timelines-changelog").unwrap();
        assert_eq!(changelog["spec"]["partitions"], 8, "as many as the input has");
    }

    #[test]
    fn a_topic_whose_name_kubernetes_does_not_take_keeps_it_as_its_topic_name() {
        let (_, documents) = documents("CX_blue", &args(&[Purpose::Run]));
        let changelog = documents.iter().find(|one| one["spec"]["topicName"] == "CX_blue-changelog").unwrap();
        let name = changelog["metadata"]["name"].as_str().unwrap();
        assert!(name.starts_with("cx-blue-changelog-"), "{name}");
        let user = documents.last().unwrap();
        assert!(user["metadata"]["name"].as_str().unwrap().starts_with("cx-blue-"), "{user}");
    }

    #[test]
    fn the_brokers_default_of_replicas_is_left_to_them() {
        let (_, documents) = documents("g", &StrimziArgs { replication: -1, ..args(&[]) });
        assert!(documents.iter().all(|one| one["spec"]["replicas"].is_null()));
    }

    #[test]
    fn users_have_the_permissions_of_acls_and_no_others() {
        let all =
            [Purpose::Run, Purpose::Topics, Purpose::Load, Purpose::Look, Purpose::Replay, Purpose::Erase];
        let (config, documents) = documents("g", &args(&all));
        for purpose in all {
            let name =
                if purpose == Purpose::Run { "g".to_owned() } else { format!("g-{}", users::word(purpose)) };
            let user =
                documents.iter().find(|one| one["kind"] == "KafkaUser" && one["metadata"]["name"] == name);
            let spec = &user.unwrap_or_else(|| panic!("no {name}"))["spec"];
            assert_eq!(spec["authentication"], json!({"type": "tls"}));
            assert_eq!(spec["authorization"]["type"], "simple");
            let mut found = Vec::new();
            for acl in spec["authorization"]["acls"].as_array().unwrap() {
                for operation in acl["operations"].as_array().unwrap() {
                    let text = |value: &Value| value.as_str().unwrap().to_owned();
                    let resource = &acl["resource"];
                    let is_prefix = resource["patternType"] == "prefix";
                    found.push((
                        text(&resource["type"]),
                        text(&resource["name"]),
                        is_prefix,
                        text(operation),
                    ));
                }
            }
            let mut expected = Vec::new();
            for right in rights(purpose, &config, "g") {
                for name in &right.names {
                    for operation in right.operations {
                        let kind = users::kind(right.kind).to_owned();
                        expected.push((kind, name.clone(), right.is_prefix, (*operation).to_owned()));
                    }
                }
            }
            found.sort();
            expected.sort();
            expected.dedup();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn who_authenticates_elsewhere_has_no_authentication() {
        let args = StrimziArgs { authentication: UserAuthentication::None, ..args(&[Purpose::Run]) };
        let (_, documents) = documents("g", &args);
        assert_eq!(documents.last().unwrap()["spec"]["authentication"], Value::Null);
    }
}
