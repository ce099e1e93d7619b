// SPDX-License-Identifier: Apache-2.0

//! How soon the effect of an event is there for a consumer that reads only what is committed; and what a system uses meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use cx_timelines_tests::figures::percentile;

use crate::ground::Ground;
use crate::process::Running;
use crate::report::{self, Brief, Runs};
use crate::systems::System;

mod reader;
mod sender;

use reader::Reader;
use sender::{Plan, Sender};

/// The system starts meanwhile: a rate that it can catch up with.
const FIRST_RATE: u32 = 100;
const FIRST_SECONDS: u32 = 2;
/// It takes so long at the most until the first events are done.
const START_MAX: Duration = Duration::from_secs(90);
/// What has not come after a silence of this length will not.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Of one run, in ms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delays {
    /// Half of all were sooner.
    pub(crate) p50: f64,
    p90: f64,
    /// One in a hundred was later.
    pub(crate) p99: f64,
    max: f64,
    /// By how much the sender was behind its plan at the most.
    late: f64,
    /// Events whose effect never came.
    missing: usize,
    /// Processor time, in percent of a core.
    pub(crate) cpu: f64,
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Events in a second.
    pub(crate) rate: u32,
    /// For so long it is not measured: the broker and what runs on a virtual machine are compiled meanwhile.
    pub(crate) warm_up_seconds: u32,
    /// For so long it is.
    pub(crate) seconds: u32,
}

/// Sends at a rate whatever the system does, and waits for the effects.
///
/// # Errors
/// The system ends, or does nothing.
pub(crate) fn run(ground: &Ground, system: &System, folder: &Path, pace: Pace) -> Result<Delays, String> {
    let (reader, sender) = (Reader::new(ground.bootstrap()), Sender::new(ground.bootstrap()));
    let mut running = Running::start(system, ground.bootstrap(), folder);
    let mut drive = |name: &'static str, rate: u32, seconds: u32, silence: Duration| {
        let plan = Plan { name, rate, count: rate as usize * seconds as usize };
        let before = running.usage().cpu;
        let begun = Instant::now();
        let driven = drive((&sender, &reader), &mut running, &plan, silence)?;
        let cpu = (running.usage().cpu - before) / begun.elapsed().as_secs_f64() * 100.0;
        Ok::<_, String>((driven, cpu))
    };
    let Pace { rate, warm_up_seconds, seconds } = pace;
    drive("first", rate.min(FIRST_RATE), FIRST_SECONDS, START_MAX)?;
    if warm_up_seconds > 0 {
        drive("warm-up", rate, warm_up_seconds, SILENCE_MAX)?;
    }
    let (Driven { delays, missing, late }, cpu) = drive("run", rate, seconds, SILENCE_MAX)?;
    let of = |percent| percentile(&delays, percent).unwrap_or(f64::NAN);
    Ok(Delays { p50: of(50), p90: of(90), p99: of(99), max: of(100), late, missing, cpu })
}

struct Driven {
    /// In ms, in order.
    delays: Vec<f64>,
    missing: usize,
    late: f64,
}

fn drive(
    (sender, reader): (&Sender, &Reader),
    running: &mut Running,
    plan: &Plan,
    silence: Duration,
) -> Result<Driven, String> {
    let begun = Instant::now() + Duration::from_millis(50);
    let (arrived, late) = std::thread::scope(|scope| {
        let sending = scope.spawn(|| sender.send(plan, begun));
        let arrived = reader.read(plan, silence, || running.check());
        (arrived, sending.join().unwrap())
    });
    let arrived = arrived?;
    let delay = |(number, at): (usize, &Option<Instant>)| {
        at.map(|at| at.saturating_duration_since(begun + plan.due(number)).as_secs_f64() * 1e3)
    };
    let mut delays: Vec<f64> = arrived.iter().enumerate().filter_map(delay).collect();
    delays.sort_by(f64::total_cmp);
    if delays.is_empty() {
        return Err(format!("no effect of any event was seen{}", running.last_lines()));
    }
    Ok(Driven { missing: plan.count - delays.len(), delays, late: late.as_secs_f64() * 1e3 })
}

impl Brief for Delays {
    fn brief(&self) -> String {
        let missing =
            if self.missing == 0 { String::new() } else { format!(", {} NEVER CAME", self.missing) };
        format!(
            "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms, CPU {:.1} %{missing}",
            self.p50, self.p99, self.max, self.cpu
        )
    }
}

/// The part's table.
pub(crate) fn table(runs: &Runs<Delays>) -> String {
    runs.table(
        "Medians, ms from the planned time of an event to the first committed record of its activity; CPU is of a core.",
        &[
            ("p50", &|runs| report::middle(runs, 1, |run| Some(run.p50))),
            ("p50 min–max", &|runs| report::spread(runs, 1, |run| Some(run.p50))),
            ("p90", &|runs| report::middle(runs, 1, |run| Some(run.p90))),
            ("p99", &|runs| report::middle(runs, 1, |run| Some(run.p99))),
            ("max", &|runs| report::middle(runs, 1, |run| Some(run.max))),
            ("sender late, max", &|runs| report::middle(runs, 1, |run| Some(run.late))),
            ("never came", &|runs| report::middle(runs, 0, |run| Some(run.missing as f64))),
            ("CPU %", &|runs| report::middle(runs, 1, |run| Some(run.cpu))),
            ("CPU min–max", &|runs| report::spread(runs, 1, |run| Some(run.cpu))),
        ],
    )
}
