// SPDX-License-Identifier: Apache-2.0

//! The file's text to the configuration.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::tree::{Errors, Node, kind};
use super::{
    Cleanup, Commit, Config, Format, ProcessorSpec, Role, Topic, TopicName, alerts, customers, dead_letters,
    metrics, registry, sizes, units,
};

const ROLES: &[(&str, Role)] = &[
    ("input", Role::Input),
    ("output", Role::Output),
    ("dead-letters", Role::DeadLetters),
    ("changelog", Role::Changelog),
    ("repartition", Role::Repartition),
    ("erasures", Role::Erasures),
    ("agent-states", Role::AgentStates),
];
const CLEANUPS: &[(&str, Cleanup)] = &[
    ("delete", Cleanup::Delete),
    ("compact", Cleanup::Compact),
    ("compact,delete", Cleanup::CompactDelete),
    ("delete,compact", Cleanup::CompactDelete),
];
const FORMATS: &[(&str, Format)] = &[("json", Format::Json), ("avro", Format::Avro)];

/// The producer takes records up to 32 MiB, and a dead letter is larger than its record.
const VALUE_BYTES_MAX: usize = 16 << 20;
/// The scan of a late event goes over all later ones.
const CONVERSATION_EVENTS_MAX: u64 = 10_000_000;
const ACTIVITY_BYTES_MAX: usize = 16 << 20;
const COMMIT_BYTES_MIN: usize = 64 << 10;
const COMMIT_BYTES_MAX: usize = 1 << 30;

/// Reads the whole file, or says everything that is wrong with it.
pub(super) fn config(text: &str, group: &str, registry: Option<&str>) -> Result<Config, Vec<String>> {
    let tree: Value = serde_saphyr::from_str(text).map_err(|error| vec![error.to_string()])?;
    let mut errors = Errors::default();
    let mut root = Node::new("", &tree, &mut errors);
    let topics: Vec<Topic> = root
        .list("topics", &mut errors)
        .iter()
        .enumerate()
        .filter_map(|(index, value)| topic(&format!("topics[{index}]"), value, group, &mut errors))
        .collect();
    let processors = processors(root.get("processors"), &mut errors);
    let commit = commit(root.get("commit"), &mut errors);
    let transaction_timeout_ms = transaction(root.get("transaction"), &mut errors);
    let mut folds = metrics::metrics(root.get("metrics"), &mut errors);
    folds.limits = expiry(root.get("expiry"), &mut errors);
    folds.customer_retention_ms =
        customers::retention_ms(root.get("customers"), folds.limits.idle_ms, &mut errors);
    let limits = limits(root.get("limits"), &mut folds, &mut errors);
    folds.alerts = alerts::alerts(root.get("alerts"), &mut errors);
    let letter_headers = dead_letters::headers(root.get("dead_letters"), &mut errors);
    let registry = registry::registry(root.get("schema_registry"), registry, &mut errors);
    root.finish(&mut errors);
    check_topics(&topics, &mut errors);
    check_processors(&processors, &topics, &mut errors);
    let record_sizes = sizes::sizes(limits.value_bytes_max, folds.activity_bytes);
    sizes::check(&topics, &processors, record_sizes, &mut errors);
    registry::check(&topics, &processors, registry.as_ref(), &mut errors);
    if errors.0.is_empty() {
        Ok(Config {
            topics,
            processors,
            limits,
            commit,
            transaction_timeout_ms,
            folds,
            letter_headers,
            registry,
        })
    } else {
        Err(errors.0)
    }
}

/// One of a few words.
pub(super) fn word<T: Copy>(
    node: &mut Node<'_>,
    key: &'static str,
    words: &[(&str, T)],
    errors: &mut Errors,
) -> Option<T> {
    let text = node.text(key, errors)?;
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        errors.add(&node.place(key), format_args!("{text:?} is none of: {}", all.join(", ")));
    }
    found.map(|(_, value)| *value)
}

/// A value with a unit.
pub(super) fn unit<T>(
    node: &mut Node<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Result<T, String>,
    errors: &mut Errors,
) -> Option<T> {
    let text = node.scalar(key, errors)?;
    parse(&text).map_err(|problem| errors.add(&node.place(key), problem)).ok()
}

fn topic(path: &str, value: &Value, group: &str, errors: &mut Errors) -> Option<Topic> {
    let before = errors.0.len();
    let mut node = Node::new(path, value, errors);
    let name = topic_name(path, &mut node, group, errors);
    let role = word(&mut node, "role", ROLES, errors);
    if role.is_none() && errors.0.len() == before {
        errors.add(path, "a topic needs a `role`");
    }
    let partitions = unit(&mut node, "partitions", partitions, errors);
    let cleanup = word(&mut node, "cleanup", CLEANUPS, errors).unwrap_or(Cleanup::Delete);
    let retention_ms = unit(&mut node, "retention", units::duration_ms, errors);
    let format = word(&mut node, "format", FORMATS, errors).unwrap_or_default();
    let settings = settings(&mut node, errors);
    node.finish(errors);
    Some(Topic { name: name?, role: role?, partitions, cleanup, retention_ms, format, settings })
}

fn topic_name(path: &str, node: &mut Node<'_>, group: &str, errors: &mut Errors) -> Option<TopicName> {
    let name = node.text("name", errors);
    let pattern = node.text("pattern", errors);
    match (name, pattern) {
        (Some(name), None) => {
            let name = name.replace("{group}", group);
            let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            if name.is_empty() || name.len() > 249 || !name.chars().all(legal) {
                let problem = format!("{name:?} is no topic name: 1 to 249 of a-z A-Z 0-9 . _ -");
                errors.add(&node.place("name"), problem);
                return None;
            }
            Some(TopicName::Exact(name))
        }
        (None, Some(pattern)) => topic_pattern(&node.place("pattern"), pattern, errors),
        _ => {
            errors.add(path, "a topic has either a `name` or a `pattern`");
            None
        }
    }
}

fn topic_pattern(place: &str, pattern: &str, errors: &mut Errors) -> Option<TopicName> {
    match Regex::new(pattern) {
        Err(error) => {
            errors.add(place, error);
            None
        }
        Ok(regex) if !regex.capture_names().flatten().any(|name| name == "conversation") => {
            errors.add(place, "needs the capture (?<conversation>…), which is the conversation's id");
            None
        }
        Ok(_) if !pattern.starts_with('^') => {
            errors.add(place, "must begin with ^, or it would match parts of names");
            None
        }
        Ok(regex) => Some(TopicName::Pattern(regex)),
    }
}

const PARTITIONS_MAX: i32 = 100_000;

fn partitions(text: &str) -> Result<i32, String> {
    let number = text.parse().ok().filter(|number| (1..=PARTITIONS_MAX).contains(number));
    number.ok_or_else(|| {
        format!("{text:?} is no number of partitions; write a whole number from 1 to {PARTITIONS_MAX}")
    })
}

/// Settings that have a key of their own, or are none of a topic's.
const OWN_KEYS: &[(&str, &str)] = &[("cleanup.policy", "cleanup"), ("retention.ms", "retention")];

fn settings(node: &mut Node<'_>, errors: &mut Errors) -> BTreeMap<String, String> {
    let place = node.place("settings");
    let mut settings = BTreeMap::new();
    let Some(value) = node.get("settings") else { return settings };
    let Some(fields) = value.as_object() else {
        errors.add(&place, format_args!("expected keys and values, found {}", kind(value)));
        return settings;
    };
    for (key, value) in fields {
        if let Some((_, own)) = OWN_KEYS.iter().find(|(setting, _)| setting == key) {
            errors.add(&format!("{place}.{key}"), format_args!("write `{own}` instead"));
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            other => {
                errors.add(
                    &format!("{place}.{key}"),
                    format_args!("expected one value, found {}", kind(other)),
                );
                continue;
            }
        };
        settings.insert(key.clone(), text);
    }
    settings
}

fn processors(value: Option<&Value>, errors: &mut Errors) -> Vec<ProcessorSpec> {
    let Some(value) = value else { return Vec::new() };
    let Some(fields) = value.as_object() else {
        errors.add("processors", format_args!("expected keys and values, found {}", kind(value)));
        return Vec::new();
    };
    let read = |(name, value): (&String, &Value)| {
        let mut node = Node::new(&format!("processors.{name}"), value, errors);
        let reads = node.texts("reads", errors);
        let writes = node.texts("writes", errors);
        node.finish(errors);
        ProcessorSpec { name: name.clone(), reads, writes }
    };
    fields.iter().map(read).collect()
}

/// The limits on a record that comes, on the events of a conversation, and on the records that are written.
fn limits(value: Option<&Value>, folds: &mut folds::Settings, errors: &mut Errors) -> model::Limits {
    let mut limits = model::Limits::default();
    if let Some(value) = value {
        let mut node = Node::new("limits", value, errors);
        if let Some(bytes) = unit(&mut node, "value", units::bytes, errors) {
            if (1..=VALUE_BYTES_MAX).contains(&bytes) {
                limits.value_bytes_max = bytes;
            } else {
                errors.add(&node.place("value"), "is not between 1B and 16MiB");
            }
        }
        if let Some(bytes) = unit(&mut node, "activity", units::bytes, errors) {
            if (1..=ACTIVITY_BYTES_MAX).contains(&bytes) {
                folds.activity_bytes = bytes as u64;
            } else {
                errors.add(&node.place("activity"), "is not between 1B and 16MiB");
            }
        }
        if let Some(ms) = unit(&mut node, "ahead", units::duration_ms, errors) {
            limits.ahead_max_ms = bounded_ms(&node.place("ahead"), ms, errors);
        }
        if let Some(events) = unit(&mut node, "conversation", conversation_events_of, errors) {
            folds.limits.conversation_events = events;
        }
        node.finish(errors);
    }
    limits
}

fn conversation_events_of(text: &str) -> Result<u64, String> {
    let events = text.parse().ok().filter(|events| (1..=CONVERSATION_EVENTS_MAX).contains(events));
    events.ok_or_else(|| format!("is not a number of events between 1 and {CONVERSATION_EVENTS_MAX}"))
}

fn commit(value: Option<&Value>, errors: &mut Errors) -> Commit {
    let mut commit = Commit { interval_ms: 100, bytes_max: 16 << 20 };
    if let Some(value) = value {
        let mut node = Node::new("commit", value, errors);
        if let Some(ms) = unit(&mut node, "interval", units::duration_ms, errors) {
            commit.interval_ms = bounded(&node.place("interval"), ms, 1, 60_000, errors);
        }
        if let Some(bytes) = unit(&mut node, "bytes", units::bytes, errors) {
            if !(COMMIT_BYTES_MIN..=COMMIT_BYTES_MAX).contains(&bytes) {
                errors.add(&node.place("bytes"), "is not between 64KiB and 1GiB");
            }
            commit.bytes_max = bytes;
        }
        node.finish(errors);
    }
    commit
}

fn transaction(value: Option<&Value>, errors: &mut Errors) -> u64 {
    let mut timeout_ms = 10_000;
    if let Some(value) = value {
        let mut node = Node::new("transaction", value, errors);
        if let Some(ms) = unit(&mut node, "timeout", units::duration_ms, errors) {
            timeout_ms = bounded(&node.place("timeout"), ms, 1_000, 900_000, errors);
        }
        node.finish(errors);
    }
    timeout_ms
}

pub(super) const LIMIT_MS_MIN: i64 = 60_000;
const LIMIT_MS_MAX: i64 = 36_500 * 86_400_000;
/// How long things wait and are kept.
fn expiry(value: Option<&Value>, errors: &mut Errors) -> folds::Limits {
    let mut limits = folds::Limits::default();
    let Some(value) = value else { return limits };
    let mut node = Node::new("expiry", value, errors);
    for (key, limit) in [
        ("waiting", &mut limits.waiting_ms),
        ("closed", &mut limits.closed_ms),
        ("idle", &mut limits.idle_ms),
        ("forgotten", &mut limits.forgotten_ms),
    ] {
        if let Some(ms) = unit(&mut node, key, units::duration_ms, errors) {
            *limit = bounded_ms(&node.place(key), ms, errors);
        }
    }
    node.finish(errors);
    limits
}

/// A limit of time, which is neither too short for clocks and networks nor beyond all calendars.
fn bounded_ms(place: &str, ms: i64, errors: &mut Errors) -> i64 {
    if !(LIMIT_MS_MIN..=LIMIT_MS_MAX).contains(&ms) {
        errors.add(place, "is not between 1m and 36500d");
    }
    ms
}

fn bounded(place: &str, ms: i64, least: u64, most: u64, errors: &mut Errors) -> u64 {
    let ms = ms.cast_unsigned();
    if !(least..=most).contains(&ms) {
        errors.add(place, format_args!("{ms}ms is not between {least}ms and {most}ms"));
    }
    ms
}

fn check_topics(topics: &[Topic], errors: &mut Errors) {
    let names: Vec<String> = topics.iter().map(|topic| topic.name.to_string()).collect();
    for (index, name) in names.iter().enumerate() {
        if names.iter().take(index).any(|earlier| earlier == name) {
            errors.add(&format!("topics[{index}]"), format_args!("{name} is declared already"));
        }
    }
    for (index, topic) in topics.iter().enumerate() {
        check_topic(&format!("topics[{index}]"), topic, topics, errors);
    }
    for (word, role) in ROLES {
        let of_role = topics.iter().filter(|topic| topic.role == *role);
        let (exact, patterns): (Vec<_>, Vec<_>) = of_role.partition(|topic| topic.exact().is_some());
        let one = !matches!(role, Role::Output | Role::Erasures | Role::AgentStates);
        if *role == Role::Erasures && exact.len() > 1 {
            errors
                .add("topics", format_args!("need at most one topic of role {word}, found {}", exact.len()));
        }
        if one && exact.len() != 1 {
            errors.add(
                "topics",
                format_args!("need exactly one topic with a name and role {word}, found {}", exact.len()),
            );
        }
        if !patterns.is_empty() && *role != Role::Input {
            errors.add("topics", format_args!("a pattern can only have role input, not {word}"));
        }
    }
}

/// Declarations that would lose records.
fn check_topic(place: &str, topic: &Topic, all: &[Topic], errors: &mut Errors) {
    let wanted = match topic.role {
        Role::Input | Role::AgentStates | Role::DeadLetters | Role::Repartition => Some(Cleanup::Delete),
        Role::Changelog | Role::Erasures => Some(Cleanup::Compact),
        Role::Output => None,
    };
    if let Some(wanted) = wanted
        && topic.cleanup != wanted
    {
        let problem = format!("must be {}: anything else would lose records of this role", wanted.as_str());
        errors.add(&format!("{place}.cleanup"), problem);
    }
    let matched = all.iter().find_map(|other| match &other.name {
        TopicName::Pattern(pattern) => topic.exact().filter(|name| pattern.is_match(name)),
        TopicName::Exact(_) => None,
    });
    if let Some(name) = matched {
        errors.add(
            place,
            format_args!("{name} also matches an input pattern: its records would be read as events"),
        );
    }
}

fn check_processors(processors: &[ProcessorSpec], topics: &[Topic], errors: &mut Errors) {
    if processors.is_empty() {
        errors.add("processors", "declare at least one");
    }
    let role_of =
        |name: &str| topics.iter().find(|topic| topic.name.to_string() == name).map(|topic| topic.role);
    for spec in processors {
        let place = format!("processors.{}", spec.name);
        if !folds::NAMES.contains(&spec.name.as_str()) {
            errors.add(
                &place,
                format_args!("there is no such processor; there are: {}", folds::NAMES.join(", ")),
            );
        }
        let read = if spec.name == folds::agents::NAME { Role::AgentStates } else { Role::Input };
        for (list, names, wanted) in [("reads", &spec.reads, read), ("writes", &spec.writes, Role::Output)] {
            for name in names {
                match role_of(name) {
                    None => errors
                        .add(&format!("{place}.{list}"), format_args!("{name} is not declared under topics")),
                    Some(role) if role != wanted => errors
                        .add(&format!("{place}.{list}"), format_args!("{name} has not the role for that")),
                    Some(_) => {}
                }
            }
        }
    }
}
