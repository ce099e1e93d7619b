// SPDX-License-Identifier: Apache-2.0

//! `doctor`: checks everything that `run` needs, and prints the remedy for each problem.
//!
//! It only reads, unless `--write-probe` is given. Its rules are those of `run` and the other commands.

mod clock;
mod cluster;
mod declared;
mod http;
mod machine;
mod members;
mod registry;
mod report;
mod state;
mod unfinished;

use self::cluster::Reached;
use self::report::{Check, Report};
use crate::cli::{DoctorArgs, Global};
use crate::commands::run;
use crate::config::{Config, ConfigErrors, Role};
use crate::exit::Failure;
use crate::state::Origin;
use crate::wiring;

/// Checks that need the cluster and the configuration.
const ON_CLUSTER: [&str; 4] = ["topics", unfinished::NAME, "group", "clock"];

/// Runs all checks. Those that depend on something broken are skipped and reported as such.
pub fn run(global: &Global, args: &DoctorArgs, config: Result<Config, ConfigErrors>) -> Result<(), Failure> {
    let mut report = Report::new(args.json);
    let config = match config {
        Ok(config) => {
            let found = format!("{} topics, {} processors", config.topics.len(), config.processors.len());
            report.tell([Check::ok("configuration", found)])?;
            Some(config)
        }
        Err(errors) => {
            let remedy = "correct the file; docs/reference/configuration.md explains each key";
            report.tell([Check::fail("configuration", errors.to_string(), remedy)])?;
            None
        }
    };
    let config = config.as_ref();
    report.tell([flags(global, args, config)])?;
    let reached = match Reached::ask(global) {
        Ok(reached) => {
            report.tell(reached.checks(config))?;
            Some(reached)
        }
        Err(check) => {
            report.tell([check])?;
            None
        }
    };
    match (&reached, config) {
        (Some(reached), Some(config)) => on_cluster(reached, global, args, config, &mut report)?,
        (None, _) => {
            let why = "not looked at, since no broker answers";
            report.tell(ON_CLUSTER.map(|check| Check::skip(check, why)))?;
        }
        (_, None) => {
            let why = "not looked at, since the configuration cannot be used";
            report.tell(ON_CLUSTER.map(|check| Check::skip(check, why)))?;
        }
    }
    match config {
        Some(config) => report.tell(registry::checks(config))?,
        None => report.tell([Check::skip("schema registry", "the configuration says where it is")])?,
    }
    report.tell(state_directory(reached.as_ref(), global, config))?;
    let brokers = reached.as_ref().map(|reached| reached.metadata.brokers().len());
    report.tell([
        machine::memory(&args.run),
        machine::open_files(&args.run, brokers),
        http::check(global, &args.run),
    ])?;
    if report.end()? { Ok(()) } else { Err(Failure::No) }
}

/// Checks incompatible flags, and the files that they name.
fn flags(global: &Global, args: &DoctorArgs, config: Option<&Config>) -> Check {
    let checked =
        run::check_flags(global, &args.run).and_then(|()| http::flags(global, &args.run)).and_then(|()| {
            config.map_or(Ok(()), |config| wiring::topology(config, &global.processors).map(|_| ()))
        });
    match checked {
        Ok(()) => Check::ok("flags", "they go together"),
        Err(error) => Check::error("flags", &error, "start `run` with other flags"),
    }
}

fn on_cluster(
    reached: &Reached,
    global: &Global,
    args: &DoctorArgs,
    config: &Config,
    report: &mut Report,
) -> anyhow::Result<()> {
    report.tell(declared::checks(reached, config))?;
    report.tell([unfinished::check(reached, config)])?;
    report.tell(members::checks(reached, global, &args.run, config))?;
    match args.write_probe {
        true => report.tell(clock::probe(reached, global, config)),
        false => report.tell([clock::look(reached, global)]),
    }
}

fn state_directory(reached: Option<&Reached>, global: &Global, config: Option<&Config>) -> Vec<Check> {
    let folder = global.state_dir.as_deref();
    let (Some(reached), Some(config)) = (reached, config) else { return state::check(folder, None) };
    let Ok(partitions) = run::partitions(config, &reached.metadata) else {
        return state::check(folder, None);
    };
    let origin = Origin {
        cluster: &reached.id,
        group: &global.group,
        changelog: config.name_of(Role::Changelog),
        partitions,
        removals_known: config.removals_known(Role::Changelog),
    };
    state::check(folder, Some(&origin))
}
