// SPDX-License-Identifier: Apache-2.0

//! Rules for the cluster's topics, in one table: `run` refuses or warns by it, and `doctor` and `topics check` report by it
//! beforehand.
//!
//! A rule *refuses* when records or state would be lost, or writing would fail; it *warns* when that takes another failure, or
//! something else suffers.

mod real;
mod table;

use std::collections::BTreeMap;

use rdkafka::metadata::Metadata;

use crate::config::{Config, Role, Topic};
use crate::kafka;

pub use real::{Around, Setting, Settings};
use table::{Case, RULES};

/// What `run` does about a deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It warns and continues.
    Warned,
    /// It does not start.
    Refused,
}

/// A deviation of a topic from a rule or from its declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// What `run` does about it.
    pub weight: Weight,
    /// Whether topics.yaml declares another value.
    pub is_undeclared: bool,
    /// The value, the right value, and the consequence.
    pub text: String,
    /// Whether it concerns the partition count, which no setting changes.
    pub is_about_partitions: bool,
}

/// All deviations of an existing topic, the worst first.
pub fn deviations(topic: &Topic, config: &Config, settings: &Settings, around: &Around) -> Vec<Deviation> {
    let case = Case { topic, config, settings, around };
    let mut broken: BTreeMap<&str, Deviation> = BTreeMap::new();
    for rule in RULES.iter().filter(|rule| rule.is_for(topic)) {
        let Some(right) = (rule.wants)(&case) else { continue };
        let found = case.found(rule.setting);
        let deviation = Deviation {
            weight: rule.weight,
            is_undeclared: declared(topic, rule.setting).is_some_and(|declared| !same(&declared, &found)),
            text: format!("{} is {found}, {right}: {}", rule.setting, rule.why),
            is_about_partitions: false,
        };
        // Of several rules that a setting breaks, the first counts.
        broken.entry(rule.setting).or_insert(deviation);
    }
    let mut found: Vec<Deviation> = partitions(&case).into_iter().collect();
    for (setting, declared) in wanted_settings(topic) {
        if settings.is_empty() {
            // Unknown.
            break;
        }
        let real = case.found(&setting);
        if !same(&declared, &real) && !broken.contains_key(setting.as_str()) {
            found.push(Deviation {
                weight: Weight::Warned,
                is_undeclared: true,
                text: format!("{setting} is {real}, declared {declared}"),
                is_about_partitions: false,
            });
        }
    }
    found.extend(broken.into_values());
    found.sort_by_key(|deviation| std::cmp::Reverse(deviation.weight));
    found
}

/// Co-partitioned topics need equal partition counts; for others the declaration is compared.
fn partitions(case: &Case<'_>) -> Option<Deviation> {
    let Case { topic, around, .. } = case;
    let is_bound = is_bound(topic);
    let (real, wanted) = (around.partitions, around.wanted_partitions);
    (real != wanted).then(|| Deviation {
        weight: if is_bound { Weight::Refused } else { Weight::Warned },
        is_undeclared: true,
        text: if is_bound {
            format!("{real} partitions, and the input has {wanted}: the state could not be found")
        } else {
            format!("{real} partitions, declared {wanted}")
        },
        is_about_partitions: true,
    })
}

/// The largest record that a topic accepts, in bytes, as far as its settings are known.
pub fn largest_record(settings: Option<&Settings>) -> usize {
    let number = |name: &str| settings?.get(name)?.value.parse().ok();
    ["max.message.bytes", "segment.bytes"].into_iter().filter_map(number).min().unwrap_or(usize::MAX)
}

/// The partition count that a topic should have: the changelog and the repartition topic need that of the existing input.
pub fn wanted_partitions(topic: &Topic, config: &Config, metadata: &Metadata) -> i32 {
    let real = input(config).and_then(Topic::exact).and_then(|name| kafka::partitions(metadata, name));
    real.filter(|_| is_bound(topic)).unwrap_or_else(|| declared_partitions(topic, config))
}

/// The partition count with which a topic is created where the input does not exist yet either.
pub fn declared_partitions(topic: &Topic, config: &Config) -> i32 {
    let of_input = input(config).and_then(|input| input.partitions).filter(|_| is_bound(topic));
    of_input.or(topic.partitions).unwrap_or(1)
}

/// Whether a topic needs the partition count of the input.
fn is_bound(topic: &Topic) -> bool {
    matches!(topic.role, Role::Changelog | Role::Repartition)
}

fn input(config: &Config) -> Option<&Topic> {
    config.topics.iter().find(|topic| topic.role == Role::Input && topic.exact().is_some())
}

/// The declared settings of a topic.
pub fn wanted_settings(topic: &Topic) -> BTreeMap<String, String> {
    let mut settings = topic.settings.clone();
    settings.insert("cleanup.policy".to_owned(), topic.cleanup.as_str().to_owned());
    if let Some(ms) = topic.retention_ms {
        settings.insert("retention.ms".to_owned(), ms.to_string());
    }
    settings
}

fn declared(topic: &Topic, setting: &str) -> Option<String> {
    wanted_settings(topic).remove(setting)
}

/// `compact,delete` and `delete,compact` are one policy.
fn same(one: &str, other: &str) -> bool {
    sorted_words(one) == sorted_words(other)
}

fn sorted_words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split(',').map(str::trim).collect();
    words.sort_unstable();
    words
}

#[cfg(test)]
mod tests;
