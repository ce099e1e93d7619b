// SPDX-License-Identifier: Apache-2.0

//! The declared topics compared with the cluster's, by the rules of `topics check` and `run`; plus permissions, leaders and
//! lagging replicas.

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::metadata::MetadataTopic;
use rdkafka::types::RDKafkaErrorCode;

use super::cluster::{Named, Reached};
use super::report::Check;
use crate::commands::run;
use crate::config::{Config, Role, Topic};
use crate::exit::Failure;
use crate::kafka;
use crate::rules::{self, Around, Deviation, Settings, Weight};
use crate::topics;

/// Each named topic, then those that need equal partition counts.
pub fn checks(reached: &Reached, config: &Config) -> Vec<Check> {
    let declared = config.topics.iter().filter_map(|topic| Some((topic.exact()?, topic)));
    let mut checks: Vec<Check> = declared.map(|(name, topic)| one(reached, config, name, topic)).collect();
    checks.push(together(reached, config));
    checks
}

fn one(reached: &Reached, config: &Config, name: &str, topic: &Topic) -> Check {
    let check = format!("topic {name}");
    let metadata = match reached.topic(name) {
        Ok(Named::There(metadata)) => metadata,
        Ok(Named::Not(code)) => return not_there(check, name, topic.role, code),
        Err(error) => return Check::error(check, &error, "see whether the brokers are well"),
    };
    let Some(real) = metadata.topics().first() else {
        return Check::skip(check, "the cluster says nothing of it");
    };
    let input = config.name_of(Role::Input);
    let asked: BTreeSet<&str> = BTreeSet::from([name, input]);
    let there = asked.into_iter().filter(|name| kafka::partitions(&reached.metadata, name).is_some());
    let mut described = match topics::described(&reached.client, there) {
        Ok(described) => described,
        Err(Failure::Usage(error) | Failure::Failed(error)) => {
            let found = format!("{} partitions; {error:#}", real.partitions().len());
            return Check::warn(
                check,
                found,
                format!("grant DESCRIBE_CONFIGS on topic {name}, so that they can be compared"),
            );
        }
        Err(Failure::No) => BTreeMap::new(),
    };
    let around = Around::of(topic, real, config, &reached.metadata, described.get(input));
    let settings = described.remove(name).unwrap_or_default();
    judge(check, name, real_of(real), &settings, &rules::deviations(topic, config, &settings, &around))
}

/// A missing permission is the one that the topic's role needs, because it includes the permission to see the topic.
fn not_there(check: String, name: &str, role: Role, code: RDKafkaErrorCode) -> Check {
    match code {
        RDKafkaErrorCode::UnknownTopicOrPartition => {
            Check::fail(check, "it does not exist", "`cx-timelines topics apply` creates it")
        }
        RDKafkaErrorCode::TopicAuthorizationFailed => {
            let right = match role {
                Role::Input | Role::AgentStates | Role::Erasures => "READ",
                Role::Output | Role::DeadLetters => "WRITE",
                Role::Changelog => "READ and WRITE",
                Role::Repartition => "READ, WRITE and DELETE",
            };
            Check::fail(
                check,
                "the principal may not see it (TOPIC_AUTHORIZATION_FAILED)",
                format!("grant {right} on topic {name}, and DESCRIBE_CONFIGS"),
            )
        }
        code => Check::fail(check, format!("{code}"), "see whether the brokers are well"),
    }
}

/// Checks of a topic's partitions.
#[derive(Debug, Clone, Copy)]
struct Real {
    partitions: i32,
    without_leader: usize,
    copies: usize,
    in_sync: usize,
}

fn real_of(topic: &MetadataTopic) -> Real {
    let partitions = topic.partitions();
    Real {
        partitions: i32::try_from(partitions.len()).unwrap_or(i32::MAX),
        without_leader: partitions.iter().filter(|partition| partition.leader() < 0).count(),
        copies: partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or(0),
        in_sync: partitions.iter().map(|partition| partition.isr().len()).min().unwrap_or(0),
    }
}

fn judge(check: String, name: &str, real: Real, settings: &Settings, deviations: &[Deviation]) -> Check {
    let Real { partitions, without_leader, copies, in_sync } = real;
    let setting = |key: &str| settings.get(key).map_or("unknown", |setting| setting.value.as_str());
    let in_sync_least: usize = setting("min.insync.replicas").parse().unwrap_or(1);
    let retention = match setting("cleanup.policy").contains("delete") {
        true => format!(", retention.ms {}", setting("retention.ms")),
        false => String::new(),
    };
    let found = format!(
        "{partitions} partitions, {copies} copies ({in_sync} in sync, at least {in_sync_least} wanted), {}{}, \
         max.message.bytes {}",
        setting("cleanup.policy"),
        retention,
        setting("max.message.bytes"),
    );
    if without_leader > 0 {
        let found = format!("{without_leader} of {partitions} partitions have no leader");
        return Check::fail(check, found, "start the brokers that are away");
    }
    if in_sync < in_sync_least && in_sync_least <= copies {
        return Check::fail(
            check,
            found,
            format!(
                "nothing can be written: start the brokers that are away, or lower min.insync.replicas of {name}"
            ),
        );
    }
    if let Some(worst) = deviations.first() {
        let texts: Vec<&str> = deviations.iter().map(|deviation| deviation.text.as_str()).collect();
        let only_settings = !deviations.iter().any(|deviation| deviation.is_about_partitions);
        let (found, remedy) = (texts.join("; "), remedy(name, only_settings));
        return match worst.weight {
            Weight::Refused => Check::fail(check, found, remedy),
            Weight::Warned => Check::warn(check, found, remedy),
        };
    }
    if in_sync < copies {
        return Check::warn(check, found, "a copy is behind: look for the broker that is away or slow");
    }
    Check::ok(check, found)
}

fn remedy(name: &str, only_settings: bool) -> String {
    if only_settings {
        return format!(
            "kafka-configs.sh --alter --topic {name} --add-config KEY=VALUE, or declare in topics.yaml what is meant"
        );
    }
    format!(
        "declare in topics.yaml how many {name} has; to change how many, make a new topic, or for the input begin with a new \
         --group"
    )
}

/// Co-partitioned topics need equal partition counts.
fn together(reached: &Reached, config: &Config) -> Check {
    const CHECK: &str = "partitions";
    if !topics::missing(config, &reached.metadata).is_empty() {
        return Check::skip(CHECK, "some topics cannot be seen");
    }
    match run::partitions(config, &reached.metadata) {
        Ok(count) => Check::ok(
            CHECK,
            format!("input, changelog and repartition topic have {count} each, as they must"),
        ),
        Err(Failure::Usage(error) | Failure::Failed(error)) => {
            Check::error(CHECK, &error, "give the three the same number of partitions")
        }
        Err(Failure::No) => Check::skip(CHECK, "not known"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;
    use crate::rules::Setting;

    fn judged(real: Real, settings: &[(&str, &str)], deviations: &[Deviation]) -> Check {
        let own = |value: &str| Setting { value: value.to_owned(), is_own: true };
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), own(value))).collect();
        judge("topic t".to_owned(), "t", real, &settings, deviations)
    }

    fn deviation(weight: Weight, is_about_partitions: bool) -> Deviation {
        Deviation {
            weight,
            is_undeclared: true,
            text: "cleanup.policy is delete".to_owned(),
            is_about_partitions,
        }
    }

    const FINE: Real = Real { partitions: 8, without_leader: 0, copies: 3, in_sync: 3 };
    const COMPACT: (&str, &str) = ("cleanup.policy", "compact");

    #[test]
    fn a_topic_as_declared_is_fine_and_one_with_a_copy_behind_a_warning() {
        assert_eq!(judged(FINE, &[COMPACT], &[]).status, Status::Ok);
        assert_eq!(judged(Real { in_sync: 2, ..FINE }, &[COMPACT], &[]).status, Status::Warn);
    }

    #[test]
    fn too_few_copies_in_sync_or_no_leader_fail_whatever_is_declared() {
        let least = ("min.insync.replicas", "2");
        let check = judged(Real { in_sync: 1, ..FINE }, &[COMPACT, least], &[]);
        assert_eq!(check.status, Status::Fail);
        assert!(check.remedy.unwrap().contains("min.insync.replicas"));
        assert_eq!(judged(Real { without_leader: 1, ..FINE }, &[COMPACT], &[]).status, Status::Fail);
    }

    #[test]
    fn what_run_refuses_fails_and_what_it_warns_of_is_a_warning_both_with_what_to_change() {
        let check = judged(FINE, &[COMPACT], &[deviation(Weight::Refused, false)]);
        assert_eq!(check.status, Status::Fail);
        assert!(check.found.contains("cleanup.policy is delete"), "{check:?}");
        assert!(check.remedy.unwrap().contains("kafka-configs.sh"));
        let check = judged(FINE, &[COMPACT], &[deviation(Weight::Warned, true)]);
        assert_eq!(check.status, Status::Warn);
        assert!(check.remedy.unwrap().contains("topics.yaml"));
    }

    #[test]
    fn a_missing_right_names_what_to_grant() {
        let denied = RDKafkaErrorCode::TopicAuthorizationFailed;
        let check = not_there("topic t".to_owned(), "t", Role::Changelog, denied);
        assert!(check.remedy.unwrap().contains("READ and WRITE on topic t"));
    }
}
