// SPDX-License-Identifier: Apache-2.0

//! `completions` and `man`, generated from the commands and flags.

use std::io::Write;

use anyhow::{Context, anyhow};
use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::exit::Failure;

/// Prints a completion script.
pub fn completions(args: CompletionsArgs) -> Result<(), Failure> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name.as_str(), &mut script);
    let script = String::from_utf8(script)?;
    // For bash, a hyphen in the program's name is encoded in two ways, so that only commands would be completed
    // (clap-rs/clap#6421). With one encoding this changes nothing.
    let script = script.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"));
    Ok(std::io::stdout().write_all(script.as_bytes())?)
}

/// Prints a manual page, or writes all of them.
pub fn pages(args: &ManArgs) -> Result<(), Failure> {
    if let Some(folder) = &args.dir {
        std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(documented(), folder))
            .with_context(|| format!("--dir {}: the pages cannot be written", folder.display()))?;
        return Ok(());
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(find(&args.command).map_err(Failure::usage)?).render(&mut page)?;
    Ok(std::io::stdout().write_all(&page)?)
}

/// All commands but `help`, which needs no page.
fn documented() -> clap::Command {
    Cli::command().disable_help_subcommand(true)
}

/// The command with these names.
fn find(words: &[String]) -> anyhow::Result<clap::Command> {
    let mut whole = documented();
    // Sets full command names and global flags.
    whole.build();
    let mut found = &whole;
    for word in words {
        found = found.find_subcommand(word).ok_or_else(|| {
            let known: Vec<&str> = found.get_subcommands().map(clap::Command::get_name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            anyhow!("{} has no command {word:?}; there are: {known}", found.get_name())
        })?;
    }
    Ok(found.clone())
}
