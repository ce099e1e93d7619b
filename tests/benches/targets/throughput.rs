// SPDX-License-Identifier: Apache-2.0

//! Events that lie in the topic, as fast as a system can.

use std::path::Path;
use std::time::{Duration, Instant};

use cx_timelines_tests::figures::{Costs, Sample, Spent};

use crate::ground::Ground;
use crate::process::{Running, Usage};
use crate::progress::Progress;
use crate::report::{self, Brief, Runs};
use crate::systems::System;

const SAMPLE_EVERY: Duration = Duration::from_millis(50);
/// Outputs that have not grown for so long are whole.
const REST: Duration = Duration::from_secs(1);
/// A system without progress for so long has failed.
const STILL_MAX: Duration = Duration::from_secs(180);

/// Lets a system take all that was loaded.
///
/// # Errors
/// It ended or stopped.
pub(crate) fn run(
    ground: &Ground,
    system: &System,
    folder: &Path,
    warm_up: Duration,
) -> Result<Costs, String> {
    let mut progress = Progress::new(ground.bootstrap());
    let total = progress.total();
    let mut running = Running::start(system, ground.bootstrap(), folder);
    let samples = watch(&mut progress, &mut running, ground.kafka.pid(), total)?;
    Costs::of(&samples, total, warm_up).ok_or_else(|| "nothing was ever done".to_owned())
}

/// Samples until all groups have committed the whole input and the outputs have rested. The last sample is the first that found
/// this.
fn watch(
    progress: &mut Progress<'_>,
    running: &mut Running,
    broker: u32,
    total: i64,
) -> Result<Vec<Sample>, String> {
    let mut samples: Vec<Sample> = Vec::new();
    let mut rest = Rest { written: None, since: Instant::now(), samples: 0 };
    let (mut done, mut moved) = (0, Instant::now());
    loop {
        running.check()?;
        let before = spent(running, broker);
        let sample = Sample { before, done: progress.done(), after: spent(running, broker) };
        samples.push(sample);
        if sample.done > done {
            (done, moved) = (sample.done, Instant::now());
        }
        if sample.done >= total && rest.is_long(progress.written(), samples.len()) {
            samples.truncate(rest.samples);
            return Ok(samples);
        }
        if moved.elapsed() > STILL_MAX && sample.done < total {
            let seconds = STILL_MAX.as_secs();
            return Err(format!(
                "{done} of {total} events committed, and no more for {seconds} s{}",
                running.last_lines()
            ));
        }
        std::thread::sleep(SAMPLE_EVERY);
    }
}

/// Since when outputs have not grown.
struct Rest {
    written: Option<i64>,
    since: Instant,
    /// How many samples there were then.
    samples: usize,
}

impl Rest {
    fn is_long(&mut self, written: Option<i64>, samples: usize) -> bool {
        if written.is_none() || written != self.written {
            *self = Self { written, since: Instant::now(), samples };
            return false;
        }
        self.since.elapsed() > REST
    }
}

fn spent(running: &mut Running, broker: u32) -> Spent {
    let at = running.started.elapsed();
    let Usage { cpu, peak_mib } = running.usage();
    Spent { at, cpu, broker: Usage::of(&[broker]).cpu, peak_mib }
}

impl Brief for Costs {
    fn brief(&self) -> String {
        let one = |value: Option<f64>| report::number(value, 1);
        format!(
            "{} events/s, CPU {} µs/event, with start {}, steady {}, broker {} µs/event, peak {} MiB",
            report::number(self.work.map(|work| work.rate), 0),
            one(self.work.map(|work| work.cpu_us)),
            one(Some(self.cpu_with_start_us)),
            one(self.steady.map(|work| work.cpu_us)),
            one(self.work.map(|work| work.broker_us)),
            report::number(Some(self.peak_mib), 0),
        )
    }
}

/// The part's table.
pub(crate) fn table(runs: &Runs<Costs>) -> String {
    runs.table(
        "Medians; CPU is user and system, µs for each event. Steady leaves out the warm-up; - where a run was too short.",
        &[
            ("events/s", &|runs| report::middle(runs, 0, |run| Some(run.work?.rate))),
            ("CPU", &|runs| report::middle(runs, 1, |run| Some(run.work?.cpu_us))),
            ("min–max", &|runs| report::spread(runs, 1, |run| Some(run.work?.cpu_us))),
            ("CPU with start", &|runs| report::middle(runs, 1, |run| Some(run.cpu_with_start_us))),
            ("steady events/s", &|runs| report::middle(runs, 0, |run| Some(run.steady?.rate))),
            ("steady CPU", &|runs| report::middle(runs, 1, |run| Some(run.steady?.cpu_us))),
            ("broker's CPU", &|runs| report::middle(runs, 1, |run| Some(run.work?.broker_us))),
            ("peak RSS, MiB", &|runs| report::middle(runs, 0, |run| Some(run.peak_mib))),
        ],
    )
}
