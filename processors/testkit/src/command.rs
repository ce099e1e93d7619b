//! The command line of the simulation.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use testkit::sim::{Counts, Defect, Failure, Options, simulate};

const USAGE: &str = "\
Simulated runs of the real engine and folds; one seed is one run.

  --seed N [--trace]        replay one run, with --trace every step of it
  --seeds N [--from S]      run N seeds, beginning with S (0); stops at the first that breaks a rule
  --defect NAME             be wrong on purpose; it has to be found";

/// Two cores are what a small machine has.
const THREADS: u64 = 2;

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    seed: Option<u64>,
    seeds: Option<u64>,
    from: u64,
    trace: bool,
    defect: Option<Defect>,
}

/// Runs what the arguments say. Exit codes: 0 done, 1 a rule was broken, 2 wrong use.
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

/// What one thread has done.
#[derive(Default)]
struct Done {
    runs: u64,
    steps: u64,
    faults: Counts,
    failure: Option<Failure>,
}

fn many(from: u64, seeds: u64, defect: Option<Defect>) -> ExitCode {
    let began = Instant::now();
    let is_over = AtomicBool::new(false);
    let work = |thread: u64| {
        let mut done = Done::default();
        let mut seed = from + thread;
        while seed < from.saturating_add(seeds) && !is_over.load(Ordering::Relaxed) {
            match simulate(seed, Options { trace: false, defect }) {
                Ok(report) => {
                    done.steps += report.steps;
                    report
                        .faults
                        .iter()
                        .for_each(|(fault, count)| *done.faults.entry(*fault).or_default() += count);
                }
                Err(failure) => {
                    is_over.store(true, Ordering::Relaxed);
                    done.failure = Some(failure);
                }
            }
            done.runs += 1;
            seed += THREADS;
        }
        done
    };
    let all: Vec<Done> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        // A panic was printed by its thread; what it had done does not count.
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| panicked())).collect()
    });
    let (runs, steps) =
        (all.iter().map(|done| done.runs).sum::<u64>(), all.iter().map(|done| done.steps).sum::<u64>());
    let mut faults = Counts::new();
    for (fault, count) in all.iter().flat_map(|done| &done.faults) {
        *faults.entry(*fault).or_default() += count;
    }
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for a person")]
    let rate = runs as f64 / seconds;
    println!("{runs} seeds from {from}, {steps} steps, {seconds:.1} s, {rate:.0} seeds/s");
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

fn panicked() -> Done {
    let what = "a thread panicked; the message above says where".to_owned();
    Done { failure: Some(Failure { seed: 0, what, lines: Vec::new() }), ..Done::default() }
}

fn print_faults(faults: &Counts) {
    for (fault, count) in faults {
        println!("  {:<28}{count:>10}", fault.as_str());
    }
}
