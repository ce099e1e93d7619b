// SPDX-License-Identifier: Apache-2.0

//! The command line.

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::systems::{BUILT_IN, Sut};

/// Measures the targets of this program's speed side by side; prints Markdown.
#[derive(Debug, Parser)]
#[command(name = "targets", args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// How many slim events.
    #[arg(long, default_value_t = 1_000_000, value_parser = at_least_one)]
    pub(crate) events: usize,
    /// How many events of real size.
    #[arg(long, default_value_t = 150_000, value_parser = at_least_one)]
    pub(crate) real_events: usize,
    /// How often each system is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeat: u32,
    /// Events as ExpertFlow CX sends them. Without this flag: plain ones, as version 0.1 made them, which programs that know only
    /// contract 1 read, too.
    #[arg(long)]
    pub(crate) platform: bool,
    /// One more program to measure. {bootstrap} is replaced by the broker's address, {state} by a folder of its own, which
    /// STATE_DIR names too. It reads cx.events in a group from the earliest offset, commits there, and ends on SIGTERM.
    #[arg(long, value_name = "NAME=COMMAND", value_parser = sut)]
    pub(crate) sut: Vec<Sut>,
    /// The program that the targets compare with. [default: the first --sut]
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Only these systems, named as in the tables; may be given more than once.
    #[arg(long, value_name = "NAME")]
    system: Vec<String>,
    /// Events in a second, of the latencies.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) latency_rate: u32,
    /// For so many seconds latencies are measured.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seconds: u32,
    /// The share of the work that steady figures and latencies exclude.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) warm_up: u32,
    /// The events are the same for the same seed.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// What `cargo bench` gives to each benchmark.
    #[arg(long, hide = true)]
    bench: bool,
    /// What this program is when it is one of the systems itself.
    #[command(subcommand)]
    pub(crate) hidden: Option<Hidden>,
}

/// One of the systems.
#[derive(Debug, Subcommand)]
pub(crate) enum Hidden {
    /// Copies records, for ever.
    #[command(hide = true)]
    Copy {
        /// The broker's address.
        bootstrap: String,
        /// Write a changelog too.
        #[arg(long)]
        changelog: bool,
    },
}

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Slim events that lie in the topic, as fast as possible.
    Slim,
    /// The same with events of real size.
    Real,
    /// Latencies at --latency-rate.
    Latency,
    /// Processor time while little is to be done.
    Rate,
}

impl Args {
    /// The command line; ends the program where it makes no sense.
    pub(crate) fn checked() -> Self {
        let args = Self::parse();
        let mut names: Vec<&str> = args.sut.iter().map(|sut| sut.name.as_str()).collect();
        names.sort_unstable();
        let wrong = if let Some([name, _]) = names.array_windows().find(|[one, next]| one == next) {
            format!("two programs are called {name}: give each --sut a name of its own")
        } else if let Some(name) = args.baseline.as_deref().filter(|name| !names.contains(name)) {
            format!("--baseline {name} is no --sut: name one of them")
        } else if let Some(name) = args.system.iter().find(|name| !args.knows(name)) {
            format!(
                "--system {name} is none: name a --sut or one of {}",
                BUILT_IN.map(|name| format!("'{name}'")).join(", ")
            )
        } else {
            return args;
        };
        Self::command().error(ErrorKind::ValueValidation, wrong).exit()
    }

    fn knows(&self, system: &str) -> bool {
        BUILT_IN.contains(&system) || self.sut.iter().any(|sut| sut.name == system)
    }

    /// Whether a part is to be measured.
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// Whether a system is to be measured.
    pub(crate) fn wants_system(&self, name: &str) -> bool {
        self.system.is_empty() || self.system.iter().any(|wanted| wanted == name)
    }

    /// The system that the targets compare with, if there is any.
    pub(crate) fn baseline(&self) -> Option<&str> {
        let first = self.sut.first().map(|sut| sut.name.as_str());
        self.baseline.as_deref().or(first)
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number from 1 on is wanted".to_owned()),
        Ok(number) => Ok(number),
    }
}

fn sut(text: &str) -> Result<Sut, String> {
    let wanted = "NAME=COMMAND is wanted, both not empty";
    let (name, command) = text.split_once('=').ok_or(wanted)?;
    if name.trim().is_empty() || command.trim().is_empty() {
        return Err(wanted.to_owned());
    }
    if BUILT_IN.contains(&name) {
        return Err(format!("{name} is measured anyway: give yours another name"));
    }
    Ok(Sut { name: name.to_owned(), command: command.to_owned() })
}
