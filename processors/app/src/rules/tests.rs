// SPDX-License-Identifier: Apache-2.0

use super::*;
use crate::rules::table::RULES;

/// The brokers' defaults.
const DEFAULTS: [(&str, &str); 15] = [
    ("cleanup.policy", "delete"),
    ("retention.ms", "604800000"),
    ("retention.bytes", "-1"),
    ("max.message.bytes", "1048588"),
    ("segment.bytes", "1073741824"),
    ("segment.ms", "604800000"),
    ("message.timestamp.type", "CreateTime"),
    ("message.timestamp.before.max.ms", "9223372036854775807"),
    ("message.timestamp.after.max.ms", "3600000"),
    ("min.insync.replicas", "1"),
    ("unclean.leader.election.enable", "false"),
    ("delete.retention.ms", "86400000"),
    ("min.compaction.lag.ms", "0"),
    ("max.compaction.lag.ms", "9223372036854775807"),
    ("min.cleanable.dirty.ratio", "0.5"),
];

fn config() -> Config {
    Config::load(None, "g", None).unwrap()
}

fn topic<'c>(config: &'c Config, name: &str) -> &'c Topic {
    config.topics.iter().find(|topic| topic.exact() == Some(name)).unwrap()
}

/// A topic as `topics apply` creates it, with some settings changed.
fn settings(topic: &Topic, changed: &[(&str, &str)]) -> Settings {
    let of = |value: &str, is_own| Setting { value: value.to_owned(), is_own };
    let mut settings: Settings =
        DEFAULTS.iter().map(|(name, value)| ((*name).to_owned(), of(value, false))).collect();
    let own = wanted_settings(topic);
    settings.extend(own.iter().map(|(name, value)| (name.clone(), of(value, true))));
    settings.extend(changed.iter().map(|(name, value)| ((*name).to_owned(), of(value, true))));
    settings
}

const AROUND: Around = Around {
    partitions: 8,
    wanted_partitions: 8,
    copies: 1,
    brokers: 1,
    input_retention_ms: Some(604_800_000),
};

fn found(name: &str, changed: &[(&str, &str)], around: &Around) -> Vec<Deviation> {
    let config = config();
    let topic = topic(&config, name);
    deviations(topic, &config, &settings(topic, changed), around)
}

#[test]
fn topics_as_they_are_created_are_fine() {
    for topic in config().topics.iter().filter_map(Topic::exact) {
        assert_eq!(found(topic, &[], &AROUND), [], "{topic}");
    }
}

#[test]
fn a_topic_with_more_brokers_than_copies_or_too_few_in_sync_is_warned_of_or_refused() {
    let around = |copies, brokers| Around { copies, brokers, ..AROUND };
    let weights = |changed: &[(&str, &str)], around| {
        found("g-changelog", changed, &around).iter().map(|one| one.weight).collect::<Vec<_>>()
    };
    assert_eq!(weights(&[], around(1, 3)), [Weight::Warned]);
    assert_eq!(weights(&[], around(3, 3)), [Weight::Warned], "min.insync.replicas is 1");
    assert_eq!(weights(&[("min.insync.replicas", "2")], around(3, 3)), []);
    assert_eq!(weights(&[("min.insync.replicas", "4")], around(3, 3)), [Weight::Refused]);
    assert_eq!(weights(&[("min.insync.replicas", "2")], around(1, 1)), [Weight::Refused]);
}

#[test]
fn partitions_bind_state_and_work_to_the_input_and_elsewhere_are_only_not_as_declared() {
    let around = Around { partitions: 4, ..AROUND };
    let of = |name: &str| found(name, &[], &around).first().map(|one| (one.weight, one.is_about_partitions));
    assert_eq!(of("g-changelog"), Some((Weight::Refused, true)));
    assert_eq!(of("g-repartition"), Some((Weight::Refused, true)));
    assert_eq!(of("cx.activities"), Some((Weight::Warned, true)));
}

#[test]
fn what_is_declared_otherwise_is_at_least_warned_of_whatever_it_is() {
    let config = config();
    for topic in config.topics.iter().filter(|topic| topic.exact().is_some()) {
        for (setting, declared) in wanted_settings(topic) {
            let other = match declared.parse::<i64>() {
                Ok(number) => (number + 1).to_string(),
                Err(_) => "something else".to_owned(),
            };
            let changed = settings(topic, &[(&setting, &other)]);
            let found = deviations(topic, &config, &changed, &AROUND);
            let about = found.iter().find(|one| one.text.starts_with(&setting));
            assert!(about.is_some_and(|one| one.is_undeclared), "{}: {setting}: {found:?}", topic.name);
        }
    }
}

#[test]
fn where_the_settings_are_not_known_only_what_is_known_is_judged() {
    let config = config();
    let changelog = topic(&config, "g-changelog");
    assert_eq!(deviations(changelog, &config, &Settings::new(), &AROUND), []);
    let around = Around { partitions: 4, ..AROUND };
    assert_eq!(deviations(changelog, &config, &Settings::new(), &around).len(), 1);
}

#[test]
fn each_rule_says_what_was_found_what_is_right_and_what_comes_of_it() {
    let refused = found("g-changelog", &[("cleanup.policy", "delete")], &AROUND);
    assert_eq!(
        refused.first().map(|one| one.text.as_str()),
        Some(
            "cleanup.policy is delete, must be compact: the state would be deleted silently with the topic's old segments"
        )
    );
    for rule in RULES {
        assert!(!rule.why.ends_with('.') && rule.why.len() > 20, "{}", rule.setting);
    }
}

#[test]
fn how_large_a_record_may_be_is_what_the_topic_and_its_segments_take() {
    let config = config();
    let letters = topic(&config, "cx.dead-letters");
    assert_eq!(largest_record(Some(&settings(letters, &[]))), 33_554_432);
    assert_eq!(largest_record(Some(&settings(letters, &[("segment.bytes", "2097152")]))), 2_097_152);
    assert_eq!(largest_record(None), usize::MAX);
}
