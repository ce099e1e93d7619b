// SPDX-License-Identifier: Apache-2.0

//! Hanging transactions: `read_committed` consumers cannot read past them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use edge::TopicAndPartition;
use rdkafka::metadata::MetadataTopic;
use rdkafka::{ClientConfig, TopicPartitionList};

use super::cluster::{Named, Reached};
use super::report::Check;
use crate::config::{Config, Role};
use crate::exit::Failure;
use crate::kafka::{self, Reading};

/// The check.
pub const NAME: &str = "open transactions";
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The brokers' default interval of looking for timed-out transactions.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(10);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Where readers are blocked for longer than our transaction timeout. It waits only where a transaction is open.
pub fn check(reached: &Reached, config: &Config) -> Check {
    match look(reached, config) {
        Ok(OpenTransactions { places: 0, .. }) => Check::skip(NAME, "no declared topic is there"),
        Ok(OpenTransactions { places, stuck, .. }) if stuck.is_empty() => {
            Check::ok(NAME, format!("none that stays open, in {places} partitions"))
        }
        Ok(found) => tell(config, &found),
        Err(Failure::Usage(error) | Failure::Failed(error)) => {
            Check::error(NAME, &error, "see whether the brokers are well")
        }
        Err(Failure::No) => Check::skip(NAME, "the cluster cannot be asked"),
    }
}

/// Open transactions.
struct OpenTransactions {
    places: usize,
    /// Blocked partitions, with their last stable offset.
    stuck: BTreeMap<TopicAndPartition, i64>,
    waited: Duration,
}

fn look(reached: &Reached, config: &Config) -> Result<OpenTransactions, Failure> {
    let places = places(reached, config)?;
    let committed = reader(&reached.client, "read_committed")?;
    let all = reader(&reached.client, "read_uncommitted")?;
    let began = Instant::now();
    let timeout = Duration::from_millis(config.transaction_timeout_ms) + CLEANUP_INTERVAL;
    // Last stable offsets first, so that a record written meanwhile can only cause another check.
    let mut stuck = ends(&committed, &places)?;
    keep(&mut stuck, &ends(&all, &places)?, |stable, end| stable < end);
    while !stuck.is_empty() && began.elapsed() < timeout {
        std::thread::sleep(ASK_AGAIN_AFTER);
        let places: Vec<TopicAndPartition> = stuck.keys().cloned().collect();
        keep(&mut stuck, &ends(&committed, &places)?, |before, now| before == now);
    }
    Ok(OpenTransactions { places: places.len(), stuck, waited: began.elapsed() })
}

fn places(reached: &Reached, config: &Config) -> anyhow::Result<Vec<TopicAndPartition>> {
    let mut places = Vec::new();
    for name in config.topics.iter().filter_map(|topic| topic.exact()) {
        if let Named::There(metadata) = reached.topic(name)? {
            let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
            places.extend(partitions.map(|partition| (name.to_owned(), partition.id())));
        }
    }
    Ok(places)
}

fn reader(client: &ClientConfig, isolation: &str) -> Result<Reading, Failure> {
    let mut client = client.clone();
    client.set("isolation.level", isolation);
    kafka::consumer(&client)
}

/// The end offset of each partition as this client sees it; partitions without an answer are missing.
fn ends(client: &Reading, places: &[TopicAndPartition]) -> anyhow::Result<BTreeMap<TopicAndPartition, i64>> {
    let mut question = TopicPartitionList::new();
    for (topic, partition) in places {
        question.add_partition(topic, *partition);
    }
    // After a change of leader the first answer may be an error for all partitions.
    let began = Instant::now();
    let answers = loop {
        match edge::ends(client, question.clone(), ANSWER_TIMEOUT) {
            Ok(answers) => break answers,
            Err(error) if began.elapsed() >= ANSWER_TIMEOUT => return Err(error.into()),
            Err(_) => std::thread::sleep(ASK_AGAIN_AFTER),
        }
    };
    Ok(answers.into_iter().filter_map(|(place, end)| Some((place, end.ok()?))).collect())
}

/// Keeps the partitions that are still blocked.
fn keep(
    stuck: &mut BTreeMap<TopicAndPartition, i64>,
    answers: &BTreeMap<TopicAndPartition, i64>,
    still: impl Fn(i64, i64) -> bool,
) {
    stuck.retain(|place, offset| answers.get(place).is_some_and(|answer| still(*offset, *answer)));
}

fn tell(config: &Config, found: &OpenTransactions) -> Check {
    let is_input = |name: &str| {
        let role = config.topics.iter().find(|topic| topic.exact() == Some(name)).map(|topic| topic.role);
        matches!(role, Some(Role::Input | Role::AgentStates | Role::Erasures))
    };
    let first: Vec<String> = found
        .stuck
        .iter()
        .take(4)
        .map(|((topic, partition), offset)| format!("{topic}/{partition} at offset {offset}"))
        .collect();
    let more = match found.stuck.len() - first.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = format!(
        "readers are blocked for {} s or longer at: {}{more}",
        found.waited.as_secs(),
        first.join(", ")
    );
    let remedy = "see docs/runbook/hanging-transactions.md to find the producer and to continue";
    // A producer of the input may need longer transactions.
    match found.stuck.keys().all(|(topic, _)| is_input(topic)) {
        true => Check::warn(NAME, text, remedy),
        false => Check::fail(NAME, text, remedy),
    }
}
