// SPDX-License-Identifier: Apache-2.0

//! What was wanted, and what was measured.

use cx_timelines_tests::figures::Costs;

use crate::LOW_RATE;
use crate::latency::Delays;
use crate::report::{Runs, markdown};
use crate::systems::{ACTIVITIES, ACTIVITIES_ON_DISK, ALL, COPYING};

/// All parts; those that were not asked for are empty.
#[derive(Default)]
pub(crate) struct Measured {
    /// Slim events.
    pub(crate) slim: Runs<Costs>,
    /// Events of real size.
    pub(crate) real: Runs<Costs>,
    /// Latencies.
    pub(crate) latency: Runs<Delays>,
    /// While little is to be done.
    pub(crate) rate: Runs<Delays>,
}

impl Measured {
    /// How many runs failed.
    pub(crate) fn failures(&self) -> usize {
        self.slim.failures + self.real.failures + self.latency.failures + self.rate.failures
    }
}

/// One target: at most so much of another's figure.
struct Target {
    what: String,
    wanted: String,
    ours: Option<f64>,
    theirs: Option<f64>,
    limit: f64,
    unit: &'static str,
}

impl Target {
    fn row(&self) -> Vec<String> {
        let (measured, reached) = match (self.ours, self.theirs) {
            (Some(ours), Some(theirs)) if theirs > 0.0 => {
                let (ratio, unit) = (ours / theirs, self.unit);
                let reached = if ratio <= self.limit { "yes" } else { "no" };
                (format!("{ratio:.2} ({ours:.1} / {theirs:.1} {unit})"), reached)
            }
            _ => ("-".to_owned(), "-"),
        };
        vec![self.what.clone(), self.wanted.clone(), measured, reached.to_owned()]
    }
}

/// The targets as Markdown. `baseline` is what they compare with.
pub(crate) fn table(measured: &Measured, baseline: Option<&str>) -> String {
    let name = baseline.unwrap_or("Kafka Streams");
    let Measured { slim, real, latency, rate } = measured;
    let cpu = |part: &Runs<Costs>, system: &str| part.median(system, Costs::settled_cpu_us);
    let beside = |what: &str, part: &Runs<Costs>, system, sixths: u32| Target {
        what: format!("{what}: CPU for each event"),
        wanted: format!("≤ 1/{} of {name}", 6 / sixths),
        ours: cpu(part, system),
        theirs: cpu(part, name),
        limit: f64::from(sixths) / 6.0,
        unit: "µs",
    };
    let copied = |what: &str, part: &Runs<Costs>, limit: f64| Target {
        what: format!("{what}: CPU for each event"),
        wanted: format!("≤ {limit} × {COPYING}"),
        ours: cpu(part, ACTIVITIES),
        theirs: cpu(part, COPYING),
        limit,
        unit: "µs",
    };
    let ratios = [
        beside("slim events, activities", slim, ACTIVITIES, 1),
        copied("slim events, activities", slim, 2.5),
        beside("real-size events, activities", real, ACTIVITIES, 1),
        copied("real-size events, activities", real, 1.5),
        beside("slim events, all processors", slim, ALL, 2),
        Target {
            what: "latency, activities: p99".to_owned(),
            wanted: format!("≤ 1/4 of {name}"),
            ours: latency.median(ACTIVITIES, |run| Some(run.p99)),
            theirs: latency.median(name, |run| Some(run.p99)),
            limit: 1.0 / 4.0,
            unit: "ms",
        },
        Target {
            what: format!("{LOW_RATE} events a second, activities: CPU"),
            wanted: format!("≤ 1/2 of {name}"),
            ours: rate.median(ACTIVITIES, |run| Some(run.cpu)),
            theirs: rate.median(name, |run| Some(run.cpu)),
            limit: 1.0 / 2.0,
            unit: "%",
        },
        Target {
            // Both keep their state on disk; one in memory is as large as it is.
            what: format!("slim events, {ACTIVITIES_ON_DISK}: peak RSS"),
            wanted: format!("≤ 1/6 of {name}"),
            ours: slim.median(ACTIVITIES_ON_DISK, |run| Some(run.peak_mib)),
            theirs: slim.median(name, |run| Some(run.peak_mib)),
            limit: 1.0 / 6.0,
            unit: "MiB",
        },
    ];
    let mut rows: Vec<Vec<String>> = ratios.iter().map(Target::row).collect();
    rows.insert(6, median_latency(latency));
    let head = ["target", "wanted", "measured", "reached"];
    format!("## Targets\n\n{}", markdown(&head, &rows))
}

/// The only target without a comparison.
fn median_latency(latency: &Runs<Delays>) -> Vec<String> {
    const WANTED_MS: f64 = 15.0;
    let measured = latency.median(ACTIVITIES, |run| Some(run.p50));
    let reached = measured.map_or("-", |milliseconds| if milliseconds <= WANTED_MS { "yes" } else { "no" });
    let measured = crate::report::number(measured, 1);
    let unit = if measured == "-" { "" } else { " ms" };
    let what = "latency, activities: p50".to_owned();
    vec![what, format!("≤ {WANTED_MS} ms"), format!("{measured}{unit}"), reached.to_owned()]
}
