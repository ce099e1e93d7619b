// SPDX-License-Identifier: Apache-2.0

//! `bench`: a load test of the pipeline on a cluster.

mod events;
mod facts;
mod flags;
mod ground;
mod instance;
mod latency;
mod measure;
mod pace;
mod progress;
mod reader;
mod report;
mod scrape;
mod sender;
mod taken;

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, anyhow};
use edge::Stop;

use self::ground::Ground;
use self::instance::Instance;
use self::measure::Test;
use self::report::Report;
use crate::cli::Global;
use crate::cli::bench::BenchArgs;
use crate::config::Config;
use crate::exit::Failure;
use crate::topics;
use crate::{kafka, signals};

/// New topics take a moment to reach all brokers.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs the load test. It leaves nothing behind, except with --existing.
pub fn run(global: &Global, args: &BenchArgs, config: &Config) -> Result<(), Failure> {
    check(global)?;
    let stop = Stop::default();
    signals::listen(stop.clone())?;
    let measured = if args.existing {
        measure_existing(global, args, config, &stop)?
    } else {
        let ground = Ground::make(global, args)?;
        let client = kafka::client(&ground.global)?;
        let measured = measure_own(&ground, args, &stop);
        // The topics are deleted whatever the result.
        match (measured, ground.remove(&client)) {
            (measured, Ok(())) => measured?,
            (Ok(_), Err(failure)) => return Err(failure),
            (Err(first), Err(second)) => return Err(first.and(&second)),
        }
    };
    let Some(report) = measured else {
        tracing::info!("stopped before the first event; there is nothing to report");
        return Ok(());
    };
    publish(&report, args)?;
    let whole = report.out.is_complete && report.errors.is_empty();
    if whole || report.stopped_early { Ok(()) } else { Err(Failure::No) }
}

/// The latency is measured on activities.
fn check(global: &Global) -> Result<(), Failure> {
    let all = global.processors.is_empty();
    if all || global.processors.iter().any(|name| name == folds::activities::NAME) {
        return Ok(());
    }
    Err(Failure::usage(anyhow!(
        "--processors has to have activities: the test measures until they can be read"
    )))
}

fn measure_existing(
    global: &Global,
    args: &BenchArgs,
    config: &Config,
    stop: &Stop,
) -> Result<Option<Report>, Failure> {
    let client = kafka::client(global)?;
    let metadata = topics::reach(&client, global)?;
    if let Some(missing) = topics::missing(config, &metadata).first() {
        return Err(Failure::usage(anyhow!(topics::no_such_topic(config, missing))));
    }
    let test = Test { global, args, config, metadata: &metadata, seed: seed(args), stop };
    test.measure(&client, None).map(Some)
}

fn measure_own(ground: &Ground, args: &BenchArgs, stop: &Stop) -> Result<Option<Report>, Failure> {
    let Ground { config, global, folder, .. } = ground;
    let client = kafka::client(global)?;
    let metadata = loop {
        let metadata = topics::reach(&client, global)?;
        if topics::missing(config, &metadata).is_empty() {
            break metadata;
        }
        if stop.is_requested() {
            return Ok(None);
        }
        std::thread::sleep(PAUSE);
    };
    let mut instance = Instance::start(global, args, folder.path())?;
    if !instance.await_ready(stop)? {
        instance.stop()?;
        return Ok(None);
    }
    let test = Test { global, args, config, metadata: &metadata, seed: seed(args), stop };
    let measured = test.measure(&client, Some(&mut instance));
    let stopped = instance.stop();
    let measured = measured?;
    stopped?;
    Ok(Some(measured))
}

fn seed(args: &BenchArgs) -> u64 {
    // Short enough to write down.
    args.seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().1 % 1_000_000_000)
}

fn publish(report: &Report, args: &BenchArgs) -> Result<(), Failure> {
    let markdown = report.markdown();
    if let Some(file) = &args.report {
        std::fs::write(file, &markdown)
            .with_context(|| format!("--report {} cannot be written", file.display()))?;
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, report)?;
        writeln!(out)?;
    } else {
        write!(out, "{markdown}")?;
    }
    Ok(())
}
