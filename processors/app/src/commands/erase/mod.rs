// SPDX-License-Identifier: Apache-2.0

//! `erase`: erasure on request (contract section 9).
//!
//! The pipeline erases conversations in its state and rejects later events; requests in a topic trigger it. This command finds
//! the subjects, writes the requests and waits until they are carried out. Then it does what the pipeline cannot: it overwrites
//! records of conversations whose state has expired, removes dead letters, and deletes consumed records of the repartition
//! topic. Every step can be repeated, so run the command again after a failure.

pub(super) mod cluster;
mod customers;
mod letters;
mod outputs;
mod progress;
mod report;
mod requests;
mod resolve;
mod subjects;
mod verify;

use std::io::IsTerminal;
use std::time::Instant;

use anyhow::anyhow;

use self::cluster::Cluster;
use self::letters::Letters;
use self::report::{ErasureReport, Inputs};
use self::subjects::Subjects;
use crate::cli::{EraseArgs, Global};
use crate::commands::confirm::is_confirmed;
use crate::config::{Config, Role};
use crate::exit::Failure;
use crate::kafka::transactions::Transactions;

/// Erases, or shows what can still be read.
pub fn run(global: &Global, args: &EraseArgs, config: &Config) -> Result<(), Failure> {
    let requests = config.erasures().ok_or_else(|| {
        Failure::usage(anyhow!(
            "topics.yaml declares no topic of the role erasures: declare one, run `cx-timelines topics apply`, and restart \
             the pipeline"
        ))
    })?;
    if args.verify {
        return verify::run(global, args, config);
    }
    if !args.dry_run && !args.yes && !std::io::stdin().is_terminal() {
        return Err(Failure::usage(anyhow!(
            "there is no terminal to ask at: write --yes to erase, or --dry-run to see what would be erased"
        )));
    }
    let cluster = Cluster::open(global, config)?;
    let partitions = cluster.partitions(requests)?;
    // End transactions of an earlier run first, so that nothing has to wait for them.
    let transactions = match args.dry_run {
        true => None,
        false => {
            let id = transactional_id(&global.group);
            Some(Transactions::start(&cluster.client, &id, config.transaction_timeout_ms)?)
        }
    };
    let subjects = resolve::subjects(&cluster, args)?;
    let found = find(&cluster, &subjects)?;
    anstream::print!("{}", found.text(&subjects));
    let Some(transactions) = transactions else { return Ok(()) };
    let question = format!("erase {} for ever", report::conversations(subjects.conversations.len()));
    if !args.yes && !is_confirmed(&question)? {
        anstream::println!("nothing was erased");
        return Ok(());
    }
    requests::write(&subjects, requests, partitions, &transactions)?;
    wait(&cluster, requests, args)?;
    sweep(&cluster, &subjects, &transactions)
}

/// The transactional id of erasures.
pub fn transactional_id(group: &str) -> String {
    format!("{group}-erasures")
}

/// Counts the subjects' records.
fn find(cluster: &Cluster<'_>, subjects: &Subjects) -> Result<ErasureReport, Failure> {
    let mut counts = Vec::new();
    for topic in cluster.outputs() {
        counts.push((topic.to_owned(), outputs::count(cluster, subjects, topic)?));
    }
    for topic in cluster.of_role(Role::DeadLetters) {
        counts.push((topic.to_owned(), Letters::look(cluster, subjects, topic)?.count()));
    }
    Ok(ErasureReport { counts, inputs: Inputs::look(cluster, subjects)? })
}

/// Waits until the pipeline has carried the requests out: it has read them, then the messages they caused in the repartition
/// topic, its state has nothing left to erase, and the messages that this caused are read, too: customers' lists are elsewhere.
fn wait(cluster: &Cluster<'_>, requests: &str, args: &EraseArgs) -> Result<(), Failure> {
    let deadline = Instant::now() + args.timeout;
    let repartition = cluster.of_role(Role::Repartition);
    for topic in [requests].into_iter().chain(repartition.iter().copied()) {
        taken(cluster, topic, deadline, args)?;
    }
    if !progress::is_carried_out(cluster, deadline)? {
        return Err(anyhow!(
            "the requests are taken, but after {:?} the pipeline has not carried all of them out: it goes on as long as an instance \
             of `cx-timelines run` runs with this group; run this command again then, for dead letters and older records are not \
             erased yet",
            args.timeout
        )
        .into());
    }
    repartition.into_iter().try_for_each(|topic| taken(cluster, topic, deadline, args))
}

/// Waits until the pipeline has taken all that a topic holds now.
fn taken(cluster: &Cluster<'_>, topic: &str, deadline: Instant, args: &EraseArgs) -> Result<(), Failure> {
    if requests::are_taken(cluster, topic, deadline)? {
        return Ok(());
    }
    Err(anyhow!(
        "the requests are written, but after {:?} the pipeline has not taken all of {topic}: they are carried out as soon as an \
         instance of `cx-timelines run` runs with this group; run this command again then, for dead letters and older records are \
         not erased yet",
        args.timeout
    )
    .into())
}

/// The steps that the pipeline cannot do.
fn sweep(cluster: &Cluster<'_>, subjects: &Subjects, transactions: &Transactions) -> Result<(), Failure> {
    for topic in cluster.outputs() {
        let count = outputs::erase(cluster, subjects, topic, transactions)?;
        report::line(topic, &report::swept(count));
    }
    for topic in cluster.of_role(Role::DeadLetters) {
        let letters = Letters::look(cluster, subjects, topic)?;
        let count = letters.count();
        let moved = letters.erase(transactions)?;
        report::line(topic, &report::letters(count, moved));
    }
    for topic in cluster.of_role(Role::Repartition) {
        let cut = cut_what_was_taken(cluster, topic)?;
        report::line(topic, &report::cut(cut));
    }
    for (topic, text) in Inputs::look(cluster, subjects)?.lines() {
        report::line(&topic, &text);
    }
    anstream::println!(
        "erased: nothing of it is current any more; `cx-timelines erase --verify` tells when the last of it has left the \
         brokers' disks"
    );
    Ok(())
}

/// Deletes consumed records of the repartition topic, which no task reads again. Returns the number of partitions.
fn cut_what_was_taken(cluster: &Cluster<'_>, topic: &str) -> Result<usize, Failure> {
    let spans = cluster.settled(topic)?;
    let committed = cluster.committed(topic, i32::try_from(spans.len())?)?;
    let taken = spans.iter().zip(committed).filter_map(|(span, committed)| {
        let committed = committed.filter(|committed| *committed > span.first)?;
        Some((span.partition, committed))
    });
    let taken: Vec<(i32, i64)> = taken.collect();
    cluster.cut(topic, &taken)?;
    Ok(taken.len())
}
