// SPDX-License-Identifier: Apache-2.0

//! `cargo run -p testkit -- --seed N [--trace]` replays one simulated run; `--seeds N [--from S]` runs many.

mod command;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::run(std::env::args().skip(1))
}
