// SPDX-License-Identifier: Apache-2.0

//! `dead-letters`: records that could not be folded, to inspect and, after a correction of the cause, to replay.

mod choice;
pub mod letter;
mod list;
mod pretty;
pub mod replay;
mod show;
mod source;

use crate::cli::Global;
use crate::cli::dead_letters::DeadLettersCommand;
use crate::config::Config;
use crate::exit::Failure;

/// Lists, shows or replays.
pub fn run(global: &Global, command: &DeadLettersCommand, config: &Config) -> Result<(), Failure> {
    match command {
        DeadLettersCommand::List(args) => list::run(global, args, config),
        DeadLettersCommand::Show(args) => show::run(global, args, config),
        DeadLettersCommand::Replay(args) => replay::run(global, args, config),
    }
}
