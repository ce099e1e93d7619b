// SPDX-License-Identifier: Apache-2.0

//! `cargo run --release -p cx-timelines-tests --bin chaos -- --instance-kills 200 --broker-kills 30`: the chaos test with as
//! many faults as one likes. Needs the program beside it (`cargo build --release -p app`), or named by `CX_TIMELINES_BIN`.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use cx_timelines_tests::chaos;

/// Kills instances and brokers of a three-node cluster while events keep coming, and compares what comes out with `fold`.
#[derive(Debug, Parser)]
struct Args {
    /// How often an instance is killed; bounces, sleeps and visits come in proportion.
    #[arg(long, default_value_t = 20)]
    instance_kills: usize,
    /// How often a broker is killed; bounces come in proportion.
    #[arg(long, default_value_t = 3)]
    broker_kills: usize,
    /// Faults and events are the same for the same seed. [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// No further faults after so many minutes.
    #[arg(long)]
    minutes: Option<u64>,
    /// Events in a second.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let options = chaos::Options {
        seed: args.seed.unwrap_or(now.as_secs()),
        instance_kills: args.instance_kills,
        broker_kills: args.broker_kills,
        rate: args.rate,
        time_max: args.minutes.map(|minutes| Duration::from_secs(minutes * 60)),
        verbose: true,
    };
    // Whatever is not as it should be panics, with the reason.
    if let Ok(report) = std::panic::catch_unwind(|| chaos::run(&options)) {
        println!("{report}");
        return ExitCode::SUCCESS;
    }
    eprintln!("FAILED; the same faults again: --seed {}", options.seed);
    ExitCode::FAILURE
}
