// SPDX-License-Identifier: Apache-2.0

//! The targets of this program's speed, measured side by side on temporary brokers: with what only copies the records, and with
//! other programs that one names, say an application of Kafka Streams that folds the same activities.
//!
//! `cargo build --release -p app && CX_TIMELINES_BIN=target/release/cx-timelines cargo bench -p cx-timelines-tests --bench targets
//! -- --help` tells the flags. It prints Markdown: a table for each part, and one of the targets. Linux only: it reads /proc.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark, for a terminal"
)]

mod args;
mod copying;
mod events;
mod ground;
mod latency;
mod process;
mod progress;
mod report;
mod systems;
mod targets;
mod throughput;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use sandbox::conversations::{Size, Traffic};

use args::{Args, Hidden, Part};
use ground::Ground;
use report::Runs;
use systems::System;
use targets::Measured;

/// Of the part that asks for processor time while little is to be done.
const LOW_RATE: u32 = 200;

fn main() -> ExitCode {
    let args = Args::checked();
    if let Some(Hidden::Copy { bootstrap, changelog }) = &args.hidden {
        copying::run(bootstrap, *changelog);
    }
    // Where the program finds topics.yaml, and what relative paths on the command line mean.
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
    let mut systems = systems::all(&args.sut);
    systems.retain(|system| args.wants_system(&system.name));
    let suite = Suite { systems, args: &args };
    let measured = suite.measure();
    println!("{}", targets::table(&measured, args.baseline()));
    if measured.failures() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Suite<'a> {
    systems: Vec<System>,
    args: &'a Args,
}

impl Suite<'_> {
    /// Each part's table is printed as soon as it is measured, so stopping the rest loses nothing.
    fn measure(&self) -> Measured {
        let mut measured = Measured::default();
        if self.args.wants(Part::Slim) {
            measured.slim = self.throughput("slim events", Size::Slim, self.args.events);
            println!("{}", throughput::table(&measured.slim));
        }
        if self.args.wants(Part::Real) {
            measured.real = self.throughput("real-size events", Size::Real, self.args.real_events);
            println!("{}", throughput::table(&measured.real));
        }
        if self.args.wants(Part::Latency) {
            measured.latency = self.latency(self.args.latency_rate);
            println!("{}", latency::table(&measured.latency));
        }
        if self.args.wants(Part::Rate) {
            measured.rate = self.latency(LOW_RATE);
            println!("{}", latency::table(&measured.rate));
        }
        measured
    }

    fn throughput(&self, what: &str, size: Size, count: usize) -> Runs<cx_timelines_tests::figures::Costs> {
        let traffic = if self.args.platform { Traffic::Platform } else { Traffic::Plain };
        let events = events::Events::write(traffic, size, self.args.seed, count);
        let title = format!("{} {what} of {} bytes on average", events.count, events.bytes / events.count);
        let warm_up = Duration::from_secs(self.args.warm_up.into());
        self.interleaved(title, |system, folder| {
            let ground = Ground::new();
            ground.load(&events);
            throughput::run(&ground, system, folder, warm_up)
        })
    }

    fn latency(&self, rate: u32) -> Runs<latency::Delays> {
        let Args { seconds, warm_up: warm_up_seconds, .. } = *self.args;
        let title =
            format!("Latency at {rate} events a second, {seconds} s after {warm_up_seconds} s of the same");
        let pace = latency::Pace { rate, warm_up_seconds, seconds };
        self.interleaved(title, |system, folder| latency::run(&Ground::new(), system, folder, pace))
    }

    /// All systems once, then all again: what else the machine does meets each.
    fn interleaved<T: report::Brief>(
        &self,
        title: String,
        run: impl Fn(&System, &Path) -> Result<T, String>,
    ) -> Runs<T> {
        let mut runs = Runs::new(title, &self.systems);
        for repetition in 1..=self.args.repeat {
            for (number, system) in self.systems.iter().enumerate() {
                let folder = tempfile::Builder::new().prefix("cx-targets-").tempdir().unwrap();
                let result = run(system, folder.path());
                let brief = result.as_ref().map_or_else(|why| format!("FAILED: {why}"), T::brief);
                eprintln!("{}, run {repetition}, {}: {brief}", runs.title, system.name);
                runs.add(number, result);
            }
        }
        runs
    }
}
