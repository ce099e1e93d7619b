// SPDX-License-Identifier: Apache-2.0

//! `cargo run --release -p cx-timelines-tests --bin hostile -- --minutes 60`: the hostile test for as long as one likes. Needs the
//! program beside it (`cargo build --release -p app`), or named by `CX_TIMELINES_BIN`.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use cx_timelines_tests::hostile;

/// Sends the worst events there can be to an instance that is killed again and again, and compares what comes out with what has to.
#[derive(Debug, Parser)]
struct Args {
    /// For how long records are sent; all kinds are sent at least once.
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// The instance is killed about so often, in seconds.
    #[arg(long, default_value_t = 20.0)]
    kill_every: f64,
    /// The program's --memory, in MiB.
    #[arg(long, default_value_t = 192)]
    memory: u64,
    /// Megabytes in a second, at the most, in the mean.
    #[arg(long, default_value_t = 2.0)]
    megabytes: f64,
    /// Records are the same for the same seed. [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// Only kinds whose name holds this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Print the names of all kinds, and do nothing.
    #[arg(long)]
    kinds: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.kinds {
        hostile::kinds().iter().for_each(|kind| println!("{kind}"));
        return ExitCode::SUCCESS;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let options = hostile::Options {
        seed: args.seed.unwrap_or(now.as_secs()),
        time: Duration::from_secs_f64(args.minutes * 60.0),
        kill_every: Duration::from_secs_f64(args.kill_every),
        memory_mib: args.memory,
        bytes_a_second: args.megabytes * 1e6,
        only: args.only,
        verbose: true,
    };
    // Whatever is not as it should be panics, with the reason.
    if let Ok(report) = std::panic::catch_unwind(|| hostile::run(&options)) {
        println!("{report}");
        return ExitCode::SUCCESS;
    }
    eprintln!("FAILED; the same records again: --seed {}", options.seed);
    ExitCode::FAILURE
}
