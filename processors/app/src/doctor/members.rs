// SPDX-License-Identifier: Apache-2.0

//! The consumer group: members, progress, and records removed before they were read.

use super::cluster::Reached;
use super::report::Check;
use crate::cli::{Global, MembershipFlag, RunArgs};
use crate::config::{Config, Role};
use crate::exit::Failure;
use crate::kafka;
use crate::kafka::group::{Group, State};
use crate::kafka::reader::Reader;

const NAME: &str = "group";

/// Checks of the group.
pub fn checks(reached: &Reached, global: &Global, args: &RunArgs, config: &Config) -> Vec<Check> {
    let group = match Group::open(&reached.client, &global.group) {
        Ok(group) => group,
        Err(Failure::Usage(error) | Failure::Failed(error)) => {
            return vec![Check::error(NAME, &error, "correct --kafka, or the file of --kafka-properties")];
        }
        Err(Failure::No) => return Vec::new(),
    };
    let state = match group.state() {
        Ok(state) => of_state(&global.group, state.as_ref(), args.membership),
        Err(error) => Check::error(NAME, &error, &rights(&global.group)),
    };
    let mut checks = vec![state];
    let tasks = [Role::Input, Role::Repartition].map(|role| config.name_of(role));
    for topic in tasks.into_iter().chain(config.agent_states()) {
        checks.extend(kafka::partitions(&reached.metadata, topic).map(|partitions| {
            progress(reached, &group, (topic, partitions)).unwrap_or_else(|error| {
                Check::error(format!("progress of {topic}"), &error, &rights(&global.group))
            })
        }));
    }
    checks
}

fn rights(group: &str) -> String {
    format!(
        "see whether the group's coordinator is well, and grant READ on group {group} where that is denied"
    )
}

fn of_state(group: &str, state: Option<&State>, membership: MembershipFlag) -> Check {
    let Some(State { state, protocol, members }) = state else {
        return Check::ok(NAME, format!("there is no group {group} yet: the first `run` makes it"));
    };
    if membership == MembershipFlag::Broker && members.is_empty() {
        let found = format!("{group} ({state}); the client cannot ask for members under --membership broker");
        return Check::ok(NAME, found);
    }
    let found = format!("{group} is {state}, {} member(s), {protocol}", members.len());
    match state.as_str() {
        "" => Check::fail(NAME, format!("the state of {group} may not be read"), rights(group)),
        "Stable" if protocol != "cooperative-sticky" => Check::fail(
            NAME,
            found,
            format!("others use {group} for something else: end them, or give this pipeline another --group"),
        ),
        "Stable" => Check::ok(NAME, found),
        "Empty" => Check::ok(NAME, format!("{group} is {state}: no instance runs")),
        "Dead" => Check::ok(
            NAME,
            format!(
                "{group} is gone, or under the brokers' own protocol, where its members cannot be listed"
            ),
        ),
        _ => Check::warn(
            NAME,
            found,
            "wait: it shares its partitions out; if it never ends, look at the instances' logs",
        ),
    }
}

fn progress(reached: &Reached, group: &Group, (topic, partitions): (&str, i32)) -> anyhow::Result<Check> {
    let name = format!("progress of {topic}");
    let reader = match Reader::new(&reached.client) {
        Ok(reader) => reader,
        Err(Failure::Usage(error) | Failure::Failed(error)) => return Err(error),
        Err(Failure::No) => return Ok(Check::skip(name, "not known")),
    };
    let mut places = Vec::new();
    for (partition, committed) in (0..).zip(group.committed(topic, partitions)?) {
        let span = reader.span(topic, partition)?;
        places.push(PartitionProgress { committed, first: span.first, end: span.end });
    }
    Ok(of_places(name, &places))
}

/// The progress in a partition.
#[derive(Debug, Clone, Copy)]
struct PartitionProgress {
    committed: Option<i64>,
    first: i64,
    end: i64,
}

fn of_places(name: String, places: &[PartitionProgress]) -> Check {
    let lost: i64 = places.iter().filter_map(|place| Some((place.first - place.committed?).max(0))).sum();
    let ahead = places.iter().any(|place| place.committed.is_some_and(|committed| committed > place.end));
    let lag: i64 =
        places.iter().map(|place| (place.end - place.committed.unwrap_or(place.first)).max(0)).sum();
    let begun = places.iter().filter(|place| place.committed.is_some()).count();
    let found = format!(
        "{begun} of {} partitions begun, {lag} offsets to be read (markers of transactions count)",
        places.len()
    );
    if lost > 0 {
        return Check::fail(
            name,
            format!("up to {lost} records were deleted before they were read; {found}"),
            "raise the topic's retention, and produce what is missing again if its source still has it",
        );
    }
    if ahead {
        return Check::fail(
            name,
            format!("the group has read further than the topic reaches; {found}"),
            "the topic was recreated: see `cx-timelines reset`, or begin with a new --group",
        );
    }
    Check::ok(name, found)
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    fn state(state: &str, protocol: &str) -> State {
        State { state: state.to_owned(), protocol: protocol.to_owned(), members: vec!["m".to_owned()] }
    }

    #[test]
    fn a_group_is_judged_by_its_state_and_protocol() {
        let of = |state: Option<State>| of_state("g", state.as_ref(), MembershipFlag::Classic).status;
        assert_eq!(of(None), Status::Ok);
        assert_eq!(of(Some(state("Stable", "cooperative-sticky"))), Status::Ok);
        assert_eq!(of(Some(state("Stable", "range"))), Status::Fail);
        assert_eq!(of(Some(state("PreparingRebalance", ""))), Status::Warn);
        assert_eq!(of(Some(state("Empty", ""))), Status::Ok);
    }

    #[test]
    fn a_missing_right_on_the_group_is_named() {
        let check = of_state("g", Some(&state("", "")), MembershipFlag::Classic);
        assert_eq!(check.status, Status::Fail);
        assert!(check.remedy.unwrap().contains("READ on group g"));
    }

    #[test]
    fn events_that_went_unread_and_a_topic_made_anew_fail_and_lag_does_not() {
        let of = |committed, first, end| {
            of_places("p".to_owned(), &[PartitionProgress { committed, first, end }]).status
        };
        assert_eq!(of(None, 0, 9), Status::Ok);
        assert_eq!(of(Some(5), 5, 9), Status::Ok);
        assert_eq!(of(Some(4), 5, 9), Status::Fail);
        assert_eq!(of(Some(10), 5, 9), Status::Fail);
    }
}
