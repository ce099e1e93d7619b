// SPDX-License-Identifier: Apache-2.0

//! The table of rules.

use super::{Around, Settings, Weight, sorted_words};
use crate::config::{Cleanup, Config, Role, Topic};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Clocks that differ by more cause other problems, too.
const CLOCKS_APART_MS: i64 = 60_000;
/// The brokers' former default (`message.max.bytes` before Kafka 2.4), and our producers' batch size.
const BATCH_BYTES: i64 = 1_000_012;
/// The brokers' default.
const DELETE_RETENTION_MS: i64 = DAY_MS;

/// The name that Kafka's tools use for the number of replicas, which is no setting.
const COPIES: &str = "replication.factor";

/// The input of a rule.
pub(super) struct Case<'c> {
    pub(super) topic: &'c Topic,
    pub(super) config: &'c Config,
    pub(super) settings: &'c Settings,
    pub(super) around: &'c Around,
}

impl Case<'_> {
    /// A setting for display.
    pub(super) fn found(&self, setting: &str) -> String {
        if setting == COPIES {
            return self.around.copies.to_string();
        }
        self.settings.get(setting).map_or_else(|| "unknown".to_owned(), |found| found.value.clone())
    }

    fn number(&self, setting: &str) -> Option<i64> {
        self.settings.get(setting)?.value.parse().ok()
    }

    fn is_own(&self, setting: &str) -> bool {
        self.settings.get(setting).is_some_and(|found| found.is_own)
    }

    /// The policy's values; `None` when unknown.
    fn policy(&self) -> Option<Vec<&str>> {
        Some(sorted_words(&self.settings.get("cleanup.policy")?.value))
    }

    fn declared_number(&self, setting: &str) -> Option<i64> {
        self.topic.settings.get(setting)?.parse().ok()
    }
}

/// The wanted value, if a setting violates the rule.
type Wants = fn(&Case<'_>) -> Option<String>;

/// A rule.
pub(super) struct Rule {
    pub(super) setting: &'static str,
    pub(super) weight: Weight,
    of: &'static [Kind],
    pub(super) wants: Wants,
    pub(super) why: &'static str,
}

impl Rule {
    /// Whether it applies to this topic.
    pub(super) fn is_for(&self, topic: &Topic) -> bool {
        self.of.contains(&Kind::of(topic))
    }
}

/// Kinds of topics with the same rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Input,
    /// An output declared `compact`.
    Compacted,
    /// An output declared `compact,delete`.
    Windowed,
    /// An output declared `delete`.
    Log,
    DeadLetters,
    Changelog,
    Repartition,
    Erasures,
}

impl Kind {
    fn of(topic: &Topic) -> Self {
        match (topic.role, topic.cleanup) {
            (Role::Input | Role::AgentStates, _) => Input,
            (Role::Output, Cleanup::Compact) => Compacted,
            (Role::Output, Cleanup::CompactDelete) => Windowed,
            (Role::Output, Cleanup::Delete) => Log,
            (Role::DeadLetters, _) => DeadLetters,
            (Role::Changelog, _) => Changelog,
            (Role::Repartition, _) => Repartition,
            (Role::Erasures, _) => Erasures,
        }
    }
}

use Kind::{Changelog, Compacted, DeadLetters, Erasures, Input, Log, Repartition, Windowed};
use Weight::{Refused, Warned};

/// All topics that `run` writes to.
const WRITTEN: &[Kind] = &[Compacted, Windowed, Log, DeadLetters, Changelog, Repartition];
const ALL: &[Kind] = &[Input, Compacted, Windowed, Log, DeadLetters, Changelog, Repartition, Erasures];

const fn rule(
    setting: &'static str,
    weight: Weight,
    of: &'static [Kind],
    wants: Wants,
    why: &'static str,
) -> Rule {
    Rule { setting, weight, of, wants, why }
}

/// All rules. Of several broken rules for one setting, the first counts.
pub(super) const RULES: &[Rule] = &[
    rule(
        "cleanup.policy",
        Refused,
        &[Changelog],
        |case| is_other_policy(case, &["compact"]),
        "the state would be deleted silently with the topic's old segments",
    ),
    rule(
        "cleanup.policy",
        Refused,
        &[Erasures],
        |case| is_other_policy(case, &["compact"]),
        "reading the input again needs all requests, or erased conversations come back",
    ),
    rule(
        "cleanup.policy",
        Refused,
        &[Input, DeadLetters, Repartition],
        |case| case.policy()?.contains(&"compact").then(|| "must be delete".to_owned()),
        "only the newest record of each key would be kept",
    ),
    rule(
        "cleanup.policy",
        Refused,
        &[Compacted],
        |case| is_other_policy(case, &["compact"]),
        "current records would be deleted, or erased text would stay",
    ),
    rule(
        "cleanup.policy",
        Refused,
        &[Windowed],
        |case| (!case.policy()?.contains(&"compact")).then(|| "must be compact,delete".to_owned()),
        "records that a newer one or a tombstone replaces would stay, erased text too",
    ),
    rule(
        "retention.ms",
        Refused,
        &[Changelog, Erasures],
        is_limited_itself::<RETENTION_MS>,
        "nothing of this topic may be deleted by its age",
    ),
    rule(
        "retention.ms",
        Warned,
        &[Compacted],
        is_limited_itself::<RETENTION_MS>,
        "it would delete records as soon as cleanup.policy had delete",
    ),
    rule(
        "retention.ms",
        Refused,
        &[Repartition],
        |case| is_below(case, "retention.ms", DAY_MS),
        "events that are on their way between partitions would be deleted while nothing runs",
    ),
    rule(
        "retention.ms",
        Warned,
        &[Repartition],
        |case| {
            let input = case.around.input_retention_ms?;
            let found = case.number("retention.ms").filter(|ms| *ms >= 0)?;
            let is_longer = !(0..=found).contains(&input);
            is_longer.then(|| format!("and the input's is {input}"))
        },
        "after a longer outage, events on their way between partitions are lost although the input has them",
    ),
    rule(
        "retention.ms",
        Warned,
        &[Input],
        |case| is_below(case, "retention.ms", DAY_MS),
        "unread events would be deleted after a short outage",
    ),
    rule(
        "retention.ms",
        Warned,
        &[DeadLetters],
        |case| is_below(case, "retention.ms", DAY_MS),
        "dead letters would be deleted before they can be inspected",
    ),
    rule(
        "retention.bytes",
        Refused,
        &[Changelog, Erasures],
        is_limited_itself::<RETENTION_BYTES>,
        "nothing of this topic may be deleted by its size",
    ),
    rule(
        "retention.bytes",
        Refused,
        &[Repartition],
        |case| is_limited(case, "retention.bytes"),
        "events that are on their way between partitions would be deleted when there are many",
    ),
    rule(
        "retention.bytes",
        Warned,
        &[Compacted],
        is_limited_itself::<RETENTION_BYTES>,
        "it would delete records as soon as cleanup.policy had delete",
    ),
    rule(
        "retention.bytes",
        Warned,
        &[Input, Windowed, Log, DeadLetters],
        |case| is_limited(case, "retention.bytes"),
        "records are deleted when there are many, read or not",
    ),
    rule(
        "max.message.bytes",
        Refused,
        &[Compacted, Windowed, Log, Changelog, Repartition],
        |case| is_below(case, "max.message.bytes", needed_bytes(case)),
        "a record that it refuses would stop the pipeline",
    ),
    rule(
        "max.message.bytes",
        Refused,
        &[DeadLetters],
        |case| is_below(case, "max.message.bytes", i64::try_from(engine::LETTER_BYTES_LEAST).ok()?),
        "even a dead letter without its value would be refused",
    ),
    rule(
        "max.message.bytes",
        Warned,
        &[DeadLetters],
        |case| is_below(case, "max.message.bytes", needed_bytes(case)),
        "dead letters that are larger lose their value",
    ),
    rule(
        "max.message.bytes",
        Warned,
        &[Input],
        |case| is_below(case, "max.message.bytes", i64::try_from(case.config.limits.value_bytes_max).ok()?),
        "producers could not send events within limits.value",
    ),
    rule(
        "segment.bytes",
        Refused,
        &[Compacted, Windowed, Log, Changelog, Repartition],
        |case| is_below(case, "segment.bytes", needed_bytes(case)),
        "a record larger than a segment is refused, and would stop the pipeline",
    ),
    rule(
        "segment.bytes",
        Warned,
        &[DeadLetters],
        |case| is_below(case, "segment.bytes", needed_bytes(case)),
        "dead letters that are larger than a segment lose their value",
    ),
    rule(
        "message.timestamp.type",
        Warned,
        WRITTEN,
        |case| is_text(case, "message.timestamp.type", "LogAppendTime", "should be CreateTime"),
        "consumers do not see the creation time of a record",
    ),
    rule(
        "message.timestamp.type",
        Warned,
        &[Input],
        |case| is_text(case, "message.timestamp.type", "LogAppendTime", "should be CreateTime"),
        "replayed events count as new: an event of an erased conversation would come back",
    ),
    rule(
        "message.timestamp.before.max.ms",
        Refused,
        WRITTEN,
        |case| is_below(case, "message.timestamp.before.max.ms", CLOCKS_APART_MS),
        "the topic refuses records as soon as our clock and the brokers' differ a little",
    ),
    rule(
        "message.timestamp.after.max.ms",
        Refused,
        WRITTEN,
        |case| is_below(case, "message.timestamp.after.max.ms", CLOCKS_APART_MS),
        "the topic refuses records as soon as our clock and the brokers' differ a little",
    ),
    rule(
        "message.timestamp.before.max.ms",
        Warned,
        WRITTEN,
        |case| is_below(case, "message.timestamp.before.max.ms", HOUR_MS),
        "the topic refuses records as soon as our clock and the brokers' differ by that",
    ),
    rule(
        "message.timestamp.after.max.ms",
        Warned,
        WRITTEN,
        |case| is_below(case, "message.timestamp.after.max.ms", HOUR_MS),
        "the topic refuses records as soon as our clock and the brokers' differ by that",
    ),
    rule(
        "message.timestamp.before.max.ms",
        Warned,
        &[Input],
        |case| {
            let most = case.number("message.timestamp.before.max.ms")?;
            let kept = case.number("retention.ms").filter(|ms| *ms >= 0).unwrap_or(i64::MAX);
            (most < kept).then(|| format!("below retention.ms, {kept}"))
        },
        "dead letters and events that are sent again are refused with their own time",
    ),
    rule(
        "min.insync.replicas",
        Refused,
        WRITTEN,
        |case| {
            let copies = i64::try_from(case.around.copies).ok().filter(|copies| *copies > 0)?;
            let most = case.number("min.insync.replicas")?;
            (most > copies).then(|| format!("and each partition has {copies} copies"))
        },
        "nothing can be written",
    ),
    rule(
        "min.insync.replicas",
        Warned,
        ALL,
        |case| {
            let is_one = case.number("min.insync.replicas")? < 2;
            (is_one && case.around.copies > 2).then(|| "should be 2 with that many copies".to_owned())
        },
        "a record is acknowledged when one broker has it, and is lost with that broker",
    ),
    rule(
        COPIES,
        Warned,
        ALL,
        |case| {
            let is_one = case.around.copies < 2 && case.around.brokers > 1;
            is_one.then(|| format!("of {} brokers only one has each record", case.around.brokers))
        },
        "all of a partition is lost with its broker",
    ),
    rule(
        "unclean.leader.election.enable",
        Warned,
        ALL,
        |case| is_text(case, "unclean.leader.election.enable", "true", "should be false"),
        "an out-of-sync replica may become leader, which silently loses committed records",
    ),
    rule(
        "delete.retention.ms",
        Refused,
        &[Changelog],
        |case| {
            let trusted = case.declared_number("delete.retention.ms").unwrap_or(DELETE_RETENTION_MS);
            is_below(case, "delete.retention.ms", trusted)
        },
        "a state on disk is trusted for half the declared time, and would miss tombstones",
    ),
    rule(
        "delete.retention.ms",
        Warned,
        &[Compacted, Windowed],
        |case| is_below(case, "delete.retention.ms", HOUR_MS),
        "a consumer that was down for longer misses tombstones",
    ),
    rule(
        "min.compaction.lag.ms",
        Warned,
        &[Compacted, Windowed, Changelog, Erasures],
        |case| {
            let found = case.number("min.compaction.lag.ms")?;
            (found > HOUR_MS).then(|| format!("should be {HOUR_MS} at the most"))
        },
        "overwritten and erased records stay for that time, and every restore reads them",
    ),
    rule(
        "min.cleanable.dirty.ratio",
        Warned,
        &[Compacted, Windowed, Changelog, Erasures],
        |case| {
            let found: f64 = case.settings.get("min.cleanable.dirty.ratio")?.value.parse().ok()?;
            (found > 0.9).then(|| "should be 0.9 at the most".to_owned())
        },
        "overwritten and erased records stay until almost the whole topic is overwritten",
    ),
];

const RETENTION_MS: bool = true;
const RETENTION_BYTES: bool = false;

/// Set on the topic itself, where it must not be; the brokers' default does not affect a compacted topic.
fn is_limited_itself<const BY_TIME: bool>(case: &Case<'_>) -> Option<String> {
    let setting = if BY_TIME { "retention.ms" } else { "retention.bytes" };
    if case.is_own(setting) { is_limited(case, setting) } else { None }
}

fn is_limited(case: &Case<'_>, setting: &str) -> Option<String> {
    let is_limited = case.number(setting)? >= 0;
    is_limited.then(|| "must not be set (-1)".to_owned())
}

fn is_other_policy(case: &Case<'_>, wanted: &[&str]) -> Option<String> {
    (case.policy()? != wanted).then(|| format!("must be {}", wanted.join(",")))
}

/// Whether a number is too small; negative values mean unlimited.
fn is_below(case: &Case<'_>, setting: &str, least: i64) -> Option<String> {
    let found = case.number(setting)?;
    (0..least).contains(&found).then(|| format!("must be {least} at least"))
}

fn is_text(case: &Case<'_>, setting: &str, wrong: &str, right: &str) -> Option<String> {
    (case.settings.get(setting)?.value == wrong).then(|| right.to_owned())
}

/// The record size that the topic has to accept, in bytes.
fn needed_bytes(case: &Case<'_>) -> i64 {
    let needed = case.config.needed_bytes(case.topic).and_then(|bytes| i64::try_from(bytes).ok());
    needed.unwrap_or(BATCH_BYTES)
}
