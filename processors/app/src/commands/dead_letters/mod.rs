//! `dead-letters`: what could not be folded, to be looked at and, once the cause is mended, to be sent back.

pub mod args;
pub mod letter;
mod list;
mod pretty;
pub mod replay;
mod show;
mod source;

pub use self::letter::Position;

use self::args::DeadLettersCommand;
use crate::cli::Global;
use crate::config::Config;
use crate::exit::Failure;

/// Lists, shows or sends back.
pub fn run(global: &Global, command: &DeadLettersCommand, config: &Config) -> Result<(), Failure> {
    match command {
        DeadLettersCommand::List(args) => list::run(global, args, config),
        DeadLettersCommand::Show(args) => show::run(global, args, config),
        DeadLettersCommand::Replay(args) => replay::run(global, args, config),
    }
}
