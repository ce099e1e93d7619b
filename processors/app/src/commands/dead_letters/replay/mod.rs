// SPDX-License-Identifier: Apache-2.0

//! `dead-letters replay`: sends dead letters back to their topics, each once even after repeated or killed runs.
//!
//! One transaction contains some records and a marker for each. The producer's transactional id is derived from the group, so a
//! later run ends the transactions of earlier ones before it reads the markers.

mod marks;
mod plan;
mod send;

use std::io::{IsTerminal, Write};

use edge::Stop;

use self::marks::Marks;
use self::plan::Plan;
use super::letter::Letter;
use super::source::Letters;
use crate::cli::Global;
use crate::cli::dead_letters::ReplayArgs;
use crate::commands::confirm::is_confirmed;
use crate::commands::dead_letters::list::letters as in_words;
use crate::config::Config;
use crate::exit::Failure;
use crate::kafka::transactions::Transactions;
use crate::topics;
use crate::{kafka, signals};

pub use self::marks::topic as marks_topic;

/// The transactional id of replays.
pub fn transactional_id(group: &str) -> String {
    format!("{group}-dead-letters")
}

/// Selects, prints the plan, asks, sends.
pub(super) fn run(global: &Global, args: &ReplayArgs, config: &Config) -> Result<(), Failure> {
    if !args.dry_run && !args.yes && !std::io::stdin().is_terminal() {
        return Err(Failure::usage(anyhow::anyhow!(
            "there is no terminal to ask at: write --yes to send, or --dry-run to see what would be sent"
        )));
    }
    let client = kafka::client(global)?;
    let metadata = topics::reach(&client, global)?;
    let marks_topic = marks::topic(&global.group);
    // End transactions of an earlier run first, then read its markers.
    let transactions = match args.dry_run {
        true => None,
        false => {
            let id = transactional_id(&global.group);
            Some(Transactions::start(&client, &id, config.transaction_timeout_ms)?)
        }
    };
    let marks = Marks::read(&client, &metadata, &marks_topic, transactions.is_some())?;
    let letters = Letters::open(&client, &metadata, config, &args.positions)?;
    let mut plan = Plan::new(args, config, &metadata, &marks);
    letters.each(&mut |message| {
        plan.take(&Letter::of(message), message);
        Ok(())
    })?;
    if let Some(position) = plan.not_found() {
        return Err(letters.none_at(position).into());
    }
    print(&plan, args.dry_run)?;
    if let Some(transactions) = transactions
        && !plan.routes.is_empty()
    {
        if !args.yes && !is_confirmed(&format!("send back {}", in_words(plan.routes.len() as u64)))? {
            anstream::println!("nothing was sent");
            return Ok(());
        }
        let stop = Stop::default();
        signals::listen(stop.clone())?;
        let sent = send::all(&plan.routes, &letters, &transactions, &marks_topic, &stop)?;
        anstream::println!("sent back {}", in_words(sent));
    }
    // A named letter that cannot be sent is an error; a selection sends what it can.
    if !args.positions.is_empty() && plan.has_refused() { Err(Failure::No) } else { Ok(()) }
}

fn print(plan: &Plan<'_>, with_each: bool) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    if with_each {
        for (position, route) in &plan.routes {
            writeln!(out, "{position} would go to {}/{}", route.topic, route.partition)?;
        }
    }
    out.write_all(plan.summary().as_bytes())
}
