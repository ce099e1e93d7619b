// SPDX-License-Identifier: Apache-2.0

//! The clock difference to the brokers. Kafka's protocol has no request for the time, so it is derived from records that a
//! broker has timestamped: those of the group's commits, which give bounds, or, with --write-probe, a record written for this
//! purpose, which measures it.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::message::Message;
use rdkafka::producer::BaseRecord;
use rdkafka::types::RDKafkaErrorCode;

use super::cluster::Reached;
use super::report::Check;
use crate::cli::Global;
use crate::clock::now_ms;
use crate::config::Config;
use crate::exit::Failure;
use crate::kafka;
use crate::kafka::reader::{Reader, Span};
use crate::kafka::transactions::Transactions;
use crate::topics;

const NAME: &str = "clock";
const REMEDY: &str = "keep the clocks of this machine and of the brokers in step (chrony, systemd-timesyncd)";
/// Above this the difference shows in latencies and alerts.
const NOTABLE_MS: i64 = 1_000;
/// Above this alerts are wrong, and event times near the present are rejected.
const WRONG_MS: i64 = 60_000;
/// The brokers' topic of group commits.
const COMMITS: &str = "__consumer_offsets";
/// Commits of other groups in the same partition count as well.
const COMMITS_READ: i64 = 500;
const TOPIC_WAIT: Duration = Duration::from_millis(100);
const TOPIC_TRIES: u32 = 100;

/// How far the brokers' clock is ahead, in milliseconds: minimum and maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ahead {
    least: i64,
    most: i64,
}

/// Judges the certain part of the difference.
fn of_ahead(Ahead { least, most }: Ahead) -> Check {
    // The true difference is at least this.
    let surely = if least > 0 { least } else { (-most).max(0) };
    let found = match (least.abs().max(most.abs()), least > 0) {
        (within, _) if surely < NOTABLE_MS && within < NOTABLE_MS => {
            return Check::ok(NAME, format!("this machine and the brokers agree within {within} ms"));
        }
        _ if surely < NOTABLE_MS => {
            return Check::ok(
                NAME,
                format!("the brokers are between {least} and {most} ms ahead of this machine"),
            );
        }
        (_, true) => format!("this machine is at least {surely} ms behind the brokers"),
        (_, false) => format!("this machine is at least {surely} ms ahead of the brokers"),
    };
    if surely < WRONG_MS { Check::warn(NAME, found, REMEDY) } else { Check::fail(NAME, found, REMEDY) }
}

/// Judges by the newest record that a broker timestamped and the time it was read: the brokers' clock cannot be behind it.
fn of_newest(newest: i64, now: i64) -> Check {
    if newest > now {
        return of_ahead(Ahead { least: newest - now, most: i64::MAX });
    }
    Check::ok(
        NAME,
        format!(
            "not behind the brokers, and ahead of them by {} ms at the most, by their newest commit; --write-probe measures it",
            now - newest
        ),
    )
}

/// Reads the newest commits in the group's partition.
pub fn look(reached: &Reached, global: &Global) -> Check {
    match newest_commit(reached, &global.group) {
        Ok(Some(newest)) => of_newest(newest, now_ms()),
        Ok(None) => Check::skip(
            NAME,
            "nothing was committed yet that a broker has stamped; --write-probe measures it",
        ),
        Err(error) => Check::skip(
            NAME,
            format!(
                "{COMMITS} cannot be read ({error:#}), which is no right that `run` needs; --write-probe measures it"
            ),
        ),
    }
}

fn newest_commit(reached: &Reached, group: &str) -> anyhow::Result<Option<i64>> {
    let Some(partitions) = kafka::partitions(&reached.metadata, COMMITS) else { return Ok(None) };
    let reader = reader(&reached.client)?;
    let span = reader.span(COMMITS, partition_of(group, partitions))?;
    let span = Span { first: span.first.max(span.end - COMMITS_READ), ..span };
    let mut newest = None;
    reader.read(&[span], &mut |message| {
        newest = newest.max(message.timestamp().to_millis());
        Ok(())
    })?;
    Ok(newest)
}

/// The brokers use Java's hash of the group name.
fn partition_of(group: &str, partitions: i32) -> i32 {
    let hash = group
        .encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit.cast_signed()) & 0xffff));
    hash.checked_abs().unwrap_or(0) % partitions.max(1)
}

fn reader(client: &ClientConfig) -> anyhow::Result<Reader> {
    Reader::new(client).map_err(into_error)
}

fn into_error(failure: Failure) -> anyhow::Error {
    match failure {
        Failure::Usage(error) | Failure::Failed(error) => error,
        Failure::No => anyhow!("it cannot be done"),
    }
}

/// Writes one record in a transaction to a temporary topic, reads it and deletes the topic.
pub fn probe(reached: &Reached, global: &Global, config: &Config) -> Vec<Check> {
    const PROBE: &str = "write probe";
    let topic = format!("{}-doctor", global.group);
    let measured = measure(reached, global, config, &topic);
    let deleted = delete(&reached.client, &topic);
    let remedy = format!(
        "the principal needs CREATE, READ, WRITE and DELETE on topic {topic}, and WRITE and DESCRIBE on transactional id {topic}"
    );
    let mut checks = match measured {
        Ok(ahead) => {
            let found = format!("a record was written to {topic} in a transaction, and read back");
            vec![Check::ok(PROBE, found), of_ahead(ahead)]
        }
        Err(error) => vec![Check::error(PROBE, &error, &remedy), Check::skip(NAME, "the write probe failed")],
    };
    if let Err(error) = deleted {
        let found = format!("topic {topic} is left: {error:#}");
        checks.push(Check::warn(PROBE, found, format!("delete it, or grant DELETE on topic {topic}")));
    }
    checks
}

fn measure(reached: &Reached, global: &Global, config: &Config, topic: &str) -> anyhow::Result<Ahead> {
    create(&reached.client, topic)?;
    await_topic(&reached.client, global, topic)?;
    let transactions =
        Transactions::start(&reached.client, topic, config.transaction_timeout_ms).map_err(into_error)?;
    transactions.begin()?;
    let before = now_ms();
    transactions.send(BaseRecord::to(topic).partition(0).key(b"probe".as_slice()).payload(b"".as_slice()))?;
    transactions.commit()?;
    let after = now_ms();
    let reader = reader(&reached.client)?;
    let mut stamped = None;
    reader.read(&[reader.span(topic, 0)?], &mut |message| {
        stamped = stamped.max(message.timestamp().to_millis());
        Ok(())
    })?;
    let stamped = stamped.context("the record that was written is not there")?;
    Ok(Ahead { least: stamped - after, most: stamped - before })
}

fn create(client: &ClientConfig, topic: &str) -> anyhow::Result<()> {
    let admin = kafka::admin(client).map_err(into_error)?;
    let new = NewTopic::new(topic, 1, TopicReplication::Fixed(-1))
        .set("message.timestamp.type", "LogAppendTime")
        .set("retention.ms", "3600000");
    for result in
        topics::block_on(admin.create_topics([&new], &options()))?.context("no topic can be created")?
    {
        match result {
            // Left by an earlier probe that was killed; it can be used.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => bail!("topic {name} cannot be created: {code}"),
        }
    }
    Ok(())
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .operation_timeout(Some(topics::ADMIN_TIMEOUT))
        .request_timeout(Some(topics::ADMIN_TIMEOUT))
}

/// A new topic takes a moment to reach all brokers.
fn await_topic(client: &ClientConfig, global: &Global, topic: &str) -> anyhow::Result<()> {
    for _ in 0..TOPIC_TRIES {
        let metadata = topics::reach(client, global).map_err(into_error)?;
        if kafka::partitions(&metadata, topic).is_some() {
            return Ok(());
        }
        std::thread::sleep(TOPIC_WAIT);
    }
    bail!("topic {topic} was created, but no broker knows it")
}

fn delete(client: &ClientConfig, topic: &str) -> anyhow::Result<()> {
    let admin = kafka::admin(client).map_err(into_error)?;
    for result in topics::block_on(admin.delete_topics(&[topic], &options()))?? {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic)) => {}
            Err((_, code)) => bail!("{code}"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    fn status(least: i64, most: i64) -> Status {
        of_ahead(Ahead { least, most }).status
    }

    #[test]
    fn clocks_that_may_agree_are_fine_and_those_that_surely_do_not_are_told() {
        assert_eq!(status(-20, 30), Status::Ok);
        assert_eq!(status(-5_000, 5_000), Status::Ok, "it may be nothing");
        assert_eq!(status(2_000, 2_100), Status::Warn);
        assert_eq!(status(-2_100, -2_000), Status::Warn);
        assert_eq!(status(90_000, 90_050), Status::Fail);
        assert_eq!(status(-90_050, -90_000), Status::Fail);
    }

    #[test]
    fn which_clock_is_wrong_and_what_to_do_is_said() {
        let behind = of_ahead(Ahead { least: 90_000, most: 90_050 });
        assert!(behind.found.contains("at least 90000 ms behind"), "{behind:?}");
        assert!(behind.remedy.unwrap().contains("chrony"));
        let ahead = of_ahead(Ahead { least: -90_050, most: -90_000 });
        assert!(ahead.found.contains("at least 90000 ms ahead"), "{ahead:?}");
    }

    #[test]
    fn a_commit_of_the_future_is_a_wrong_clock_and_one_of_the_past_a_bound() {
        assert_eq!(of_newest(1_000_000, 900_000).status, Status::Fail);
        assert_eq!(of_newest(1_002_000, 1_000_000).status, Status::Warn);
        let bound = of_newest(1_000_000, 1_000_250);
        assert_eq!(bound.status, Status::Ok);
        assert!(bound.found.contains("250 ms at the most"), "{bound:?}");
    }

    #[test]
    fn the_group_s_partition_is_found_as_java_finds_it() {
        assert_eq!(partition_of("a", 50), 97 % 50);
        assert_eq!(partition_of("ab", 50), (97 * 31 + 98) % 50);
        assert!((0..50).contains(&partition_of("a group whose name is long enough to wrap around", 50)));
    }
}
