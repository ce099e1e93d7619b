// SPDX-License-Identifier: Apache-2.0

//! `reset`: clears the group's state, so that the next `run` reads all input from its beginning.
//!
//! One transaction does all of it on the cluster: it deletes every key of the changelog, resets the group's offsets of the
//! input to the beginning, and moves that of the repartition topic to its end, because reading the input again repeats those
//! messages. So it happens completely or not at all. State on other machines is a cache of the changelog: these tombstones
//! clear it like any other change. The changelog itself is kept, because offsets that restart would make such a state look
//! ahead of the changelog.
//!
//! The outputs stay. They are a function of the set of events, so reading the same events again writes the same final records.

mod plan;

use std::io::IsTerminal;

use anyhow::{Context, anyhow, bail};
use rdkafka::TopicPartitionList;
use rdkafka::producer::BaseRecord;

use self::plan::Plan;
use super::erase::cluster::Cluster;
use crate::cli::{Global, ResetArgs};
use crate::commands::confirm::is_confirmed;
use crate::config::{Config, Role};
use crate::exit::Failure;
use crate::instance::Instance;
use crate::kafka::group::State;
use crate::kafka::transactions::Transactions;
use crate::state;

/// One transaction deletes everything, which may take a while; brokers allow 15 minutes by default.
const TRANSACTION_TIMEOUT_MS: u64 = 600_000;

/// Prints the plan and carries it out, if allowed.
pub fn run(global: &Global, args: &ResetArgs, config: &Config) -> Result<(), Failure> {
    if !args.dry_run && !args.yes && !std::io::stdin().is_terminal() {
        return Err(Failure::usage(anyhow!(
            "there is no terminal to ask at: write --yes to reset, or --dry-run to see what would be done"
        )));
    }
    // Held until the end: no instance may start with a state that is about to be deleted.
    let folder = global.state_dir.as_deref().filter(|folder| folder.exists());
    let held = folder.filter(|_| !args.dry_run).map(|folder| Instance::claim(Some(folder))).transpose()?;
    let cluster = Cluster::open(global, config)?;
    let state = cluster.group().state()?;
    if !args.dry_run {
        refuse_members(&global.group, state.as_ref())?;
    }
    // End the transaction of an earlier run first, so that nothing has to wait for it.
    let transactions = match args.dry_run {
        true => None,
        false => Some(Transactions::start(
            &cluster.client,
            &format!("{}-reset", global.group),
            TRANSACTION_TIMEOUT_MS,
        )?),
    };
    if transactions.is_some() {
        refuse_use(&cluster, &global.group)?;
    }
    let plan = Plan::make(&cluster, config, transactions.is_some())?;
    anstream::print!("{}", plan.text(&global.group, state.as_ref(), folder));
    let Some(transactions) = transactions else {
        anstream::println!("nothing was changed");
        return Ok(());
    };
    if plan.lost() > 0 && !args.despite_lost_events {
        return Err(anyhow!(
            "events have gone with the retention of the input, and what is made of the rest would be written over what is made of \
             all: nothing was changed; give --despite-lost-events if that is what you want"
        )
        .into());
    }
    if !args.yes && !is_confirmed(&format!("reset the group {}", global.group))? {
        anstream::println!("nothing was changed");
        return Ok(());
    }
    carry_out(&cluster, &plan, &transactions)?;
    if let Some(folder) = folder {
        let wiped = state::wipe(folder).with_context(|| {
            "the group is reset; only the state here could not be deleted, and is emptied when it is used"
                .to_owned()
        })?;
        anstream::println!("{}: state of {wiped} partitions deleted", folder.display());
    }
    drop(held);
    // Read only: offsets written now could be those from before the reset.
    refuse_members(&global.group, cluster.group().state()?.as_ref()).map_err(|_| {
        anyhow!("an instance was started meanwhile, with the state of before: stop it and reset again")
    })?;
    anstream::println!("the group is reset: the next `cx-timelines run` reads all input again");
    Ok(())
}

/// In a transaction the coordinator accepts offsets from outside even while the group has members, so check first: here by the
/// member list of the classic protocol.
fn refuse_members(group: &str, state: Option<&State>) -> anyhow::Result<()> {
    let Some(state) = state else { return Ok(()) };
    if state.members.is_empty() && matches!(state.state.as_str(), "Empty" | "Dead") {
        return Ok(());
    }
    Err(anyhow!(
        "the group {group} is in use ({}, {} member(s): {}): stop all its instances first, then wait until their sessions have \
         ended, which takes 10 s where one was killed",
        state.state,
        state.members.len(),
        state.members.join(", ")
    ))
}

/// Here by the coordinator's behaviour, under any protocol.
fn refuse_use(cluster: &Cluster<'_>, group: &str) -> anyhow::Result<()> {
    for topic in cluster.of_role(Role::Input).into_iter().chain(cluster.of_role(Role::Repartition)) {
        let partitions = cluster.partitions(topic).map_err(|_| anyhow!("topic {topic} is gone"))?;
        match cluster.group().is_free(topic, partitions)? {
            Some(true) => return Ok(()),
            Some(false) => bail!(
                "the group {group} is in use: stop all its instances first, then wait until their sessions have ended"
            ),
            None => {}
        }
    }
    Ok(())
}

fn carry_out(cluster: &Cluster<'_>, plan: &Plan, transactions: &Transactions) -> anyhow::Result<()> {
    transactions.begin()?;
    let done = send(cluster, plan, transactions).and_then(|()| transactions.commit());
    done.inspect_err(|_| transactions.abort())
        .context("the reset was not confirmed: run it again, which settles whether it was done")?;
    cluster.group().await_settled(&plan.offsets()?)
}

fn send(cluster: &Cluster<'_>, plan: &Plan, transactions: &Transactions) -> anyhow::Result<()> {
    for changelog in cluster.of_role(Role::Changelog) {
        for (partition, keys) in plan.state() {
            for key in keys {
                let mut tombstone: BaseRecord<'_, [u8], [u8]> =
                    BaseRecord::to(changelog).partition(partition);
                tombstone.key = Some(key);
                transactions.send(tombstone)?;
            }
        }
    }
    let offsets: TopicPartitionList = plan.offsets()?;
    if offsets.count() > 0 {
        transactions.send_offsets(&offsets, &cluster.group().outsider()?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_with_members_is_refused_and_one_without_is_not() {
        let of = |word: &str, members: &[&str]| State {
            state: word.to_owned(),
            protocol: String::new(),
            members: members.iter().map(|member| (*member).to_owned()).collect(),
        };
        assert!(refuse_members("g", None).is_ok());
        assert!(refuse_members("g", Some(&of("Empty", &[]))).is_ok());
        let refused = refuse_members("g", Some(&of("Stable", &["a-1"]))).unwrap_err().to_string();
        assert!(refused.contains("a-1") && refused.contains("stop all its instances"), "{refused}");
        assert!(refuse_members("g", Some(&of("PreparingRebalance", &[]))).is_err());
        assert!(refuse_members("g", Some(&of("", &[]))).is_err(), "a state that may not be read is unknown");
    }
}
