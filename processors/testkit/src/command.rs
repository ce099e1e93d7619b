// SPDX-License-Identifier: Apache-2.0

//! The command line of the simulation.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use testkit::sim::{Counts, Defect, Failure, Options, add_counts, simulate};

const USAGE: &str = "\
Simulated runs of the real engine and folds; one seed is one run.

  --seed N [--trace]        replay one run, with --trace every step of it
  --seeds N [--from S]      run N seeds, beginning with S (0); stops at the first that breaks a rule
  --defect NAME             be wrong on purpose; it has to be found";

/// A small machine has two cores.
const THREADS: usize = 2;

/// The parsed arguments.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    seed: Option<u64>,
    seeds: Option<u64>,
    from: u64,
    trace: bool,
    defect: Option<Defect>,
}

/// Runs the command. Exit codes: 0 success, 1 a violated rule, 2 wrong usage.
pub(crate) fn run(arguments: impl Iterator<Item = String>) -> ExitCode {
    match parse(arguments) {
        Ok(Wanted { seed: Some(seed), seeds: None, trace, defect, .. }) => {
            one(seed, Options { trace, defect })
        }
        Ok(Wanted { seed: None, seeds: Some(seeds), from, trace: false, defect }) => {
            many(from, seeds, defect)
        }
        Ok(_) => wrong_use("give either --seed, or --seeds without --trace"),
        Err(problem) => wrong_use(&problem),
    }
}

fn wrong_use(problem: &str) -> ExitCode {
    eprintln!("error: {problem}\n\n{USAGE}");
    ExitCode::from(2)
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--seed" => wanted.seed = Some(number(&value()?)?),
            "--seeds" => wanted.seeds = Some(number(&value()?)?),
            "--from" => wanted.from = number(&value()?)?,
            "--trace" => wanted.trace = true,
            "--defect" => wanted.defect = Some(defect(&value()?)?),
            other => return Err(format!("there is no {other:?}")),
        }
    }
    Ok(wanted)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

fn defect(name: &str) -> Result<Defect, String> {
    let found = Defect::ALL.into_iter().find(|defect| defect.as_str() == name);
    found.ok_or_else(|| {
        let names = Defect::ALL.map(Defect::as_str).join(", ");
        format!("there is no defect {name:?}; there are: {names}")
    })
}

fn one(seed: u64, options: Options) -> ExitCode {
    let outcome = simulate(seed, options);
    let lines = match &outcome {
        Ok(report) => &report.lines,
        Err(failure) => &failure.lines,
    };
    lines.iter().for_each(|line| println!("{line}"));
    match outcome {
        Ok(report) => {
            println!(
                "seed {seed}: {} records, {} steps, all rules kept; hash {:016x}",
                report.inputs, report.steps, report.hash
            );
            print_faults(&report.faults);
            ExitCode::SUCCESS
        }
        Err(failure) => broken(&failure, options.defect),
    }
}

fn broken(failure: &Failure, defect: Option<Defect>) -> ExitCode {
    let defect = defect.map_or(String::new(), |defect| format!(" --defect {}", defect.as_str()));
    eprintln!("{failure}\n\nreplay: cargo run -p testkit -- --seed {}{defect} --trace", failure.seed);
    ExitCode::FAILURE
}

/// The result of one thread.
#[derive(Default)]
struct Done {
    runs: u64,
    steps: u64,
    faults: Counts,
    failure: Option<Failure>,
}

/// The seeds of one thread.
struct Part<'o> {
    seeds: std::iter::StepBy<std::ops::Range<u64>>,
    defect: Option<Defect>,
    /// Whether a thread has found a violation.
    is_over: &'o AtomicBool,
}

fn work(part: Part<'_>) -> Done {
    let mut done = Done::default();
    for seed in part.seeds {
        if part.is_over.load(Ordering::Relaxed) {
            break;
        }
        done.runs += 1;
        match simulate(seed, Options { trace: false, defect: part.defect }) {
            Ok(report) => {
                done.steps += report.steps;
                add_counts(&mut done.faults, &report.faults);
            }
            Err(failure) => {
                part.is_over.store(true, Ordering::Relaxed);
                done.failure = Some(failure);
            }
        }
    }
    done
}

fn many(from: u64, seeds: u64, defect: Option<Defect>) -> ExitCode {
    let began = Instant::now();
    let is_over = AtomicBool::new(false);
    let end = from.saturating_add(seeds);
    let all: Vec<Done> = std::thread::scope(|scope| {
        let part = |thread| Part { seeds: (from + thread..end).step_by(THREADS), defect, is_over: &is_over };
        let threads: Vec<_> =
            (0..).take(THREADS).map(part).map(|part| scope.spawn(move || work(part))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let mut faults = Counts::new();
    all.iter().for_each(|done| add_counts(&mut faults, &done.faults));
    print_rate(from, &all, began.elapsed().as_secs_f64());
    print_faults(&faults);
    let failures = all.into_iter().filter_map(|done| done.failure);
    match failures.min_by_key(|failure| failure.seed) {
        None => {
            println!("no rule was broken");
            ExitCode::SUCCESS
        }
        Some(failure) => broken(&failure, defect),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for a person")]
fn print_rate(from: u64, all: &[Done], seconds: f64) {
    let runs: u64 = all.iter().map(|done| done.runs).sum();
    let steps: u64 = all.iter().map(|done| done.steps).sum();
    println!("{runs} seeds from {from}, {steps} steps, {seconds:.1} s, {:.0} seeds/s", runs as f64 / seconds);
}

fn print_faults(faults: &Counts) {
    for (fault, count) in faults {
        println!("  {:<28}{count:>10}", fault.as_str());
    }
}
