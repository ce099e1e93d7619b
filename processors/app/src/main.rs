// SPDX-License-Identifier: Apache-2.0

//! The cx-timelines program: configuration, wiring, commands. The only place for `anyhow`.
#![allow(
    unreachable_pub,
    reason = "nothing of a program can be reached from outside; pub says: for other modules"
)]

mod bench;
mod cli;
mod clock;
mod commands;
mod config;
mod doctor;
#[cfg(test)]
mod documents;
mod exit;
mod formats;
mod instance;
mod kafka;
mod logging;
mod memory;
mod no_json;
mod pairs;
mod products;
mod records;
mod render;
mod rules;
mod serving;
mod signals;
mod state;
mod telemetry;
mod topics;
mod trial;
mod wiring;

use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::ErrorKind;

use cli::{Cli, Command, help};
use config::Config;
use exit::Failure;

/// Also for C code: memory that librdkafka frees is returned to the system, which the C library would keep.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let telemetry = telemetry::Telemetry::start(&cli.command);
    let tracer = telemetry.as_ref().ok().and_then(Option::as_ref).map(telemetry::Telemetry::tracer);
    logging::start(&cli.global, tracer);
    // Held until the end.
    exit::code(telemetry.map_err(Failure::usage).and_then(|_telemetry| dispatch(&cli)))
}

/// The command line; without a command, the greeting.
fn read() -> Result<Cli, ExitCode> {
    let is_brief = std::env::args_os().any(|word| word == "-h");
    let matches = help::command(is_brief).try_get_matches();
    matches.and_then(|matches| Cli::from_arg_matches(&matches)).map_err(|shown| {
        if std::env::args_os().len() < 2
            && shown.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        {
            anstream::eprint!("{}", help::greeting());
        } else {
            // An error means that standard output is closed.
            let _ = shown.print();
        }
        ExitCode::from(u8::try_from(shown.exit_code()).unwrap_or(2))
    })
}

fn dispatch(cli: &Cli) -> Result<(), Failure> {
    let global = &cli.global;
    // Read by those commands that need it: others work with a broken configuration.
    let registry = global.schema_registry.as_deref();
    let load = || Config::load(global.config.as_deref(), &global.group, registry);
    let config = || load().map_err(Failure::usage);
    match &cli.command {
        Command::Run(args) => commands::run::run(global, args, &config()?),
        Command::Fold(args) => commands::fold::run(global, args, &config()?),
        Command::Load(args) => commands::load::run(global, args, &config()?),
        Command::Bridge(args) => commands::bridge::run(global, args, &config()?),
        Command::Tail(args) => commands::tail::run(global, args, &config()?),
        Command::Show(args) => commands::show::run(global, args, &config()?),
        Command::Explain(args) => commands::explain::run(global, args, &config()?),
        Command::Export(args) => commands::export::run(global, args, &config()?),
        Command::AsOf(args) => commands::as_of::run(global, args, &config()?),
        Command::DeadLetters(command) => commands::dead_letters::run(global, command, &config()?),
        Command::Erase(args) => commands::erase::run(global, args, &config()?),
        Command::Demo(args) => commands::demo::run(global, args, &config()?),
        Command::Bench(args) => bench::run(global, args, &config()?),
        Command::Topics(command) => commands::topics::run(global, command, &config()?),
        Command::Acls(args) => commands::acls::run(global, args, &config()?),
        Command::Schemas(command) => commands::schemas::run(command, &config()?),
        Command::Generate(what) => commands::generate::run(global, what, &config()?),
        Command::Doctor(args) => doctor::run(global, args, load()),
        Command::Reset(args) => commands::reset::run(global, args, &config()?),
        Command::Completions(args) => commands::manual::completions(*args),
        Command::Man(args) => commands::manual::pages(args),
    }
}
