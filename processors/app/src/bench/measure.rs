// SPDX-License-Identifier: Apache-2.0

//! The test itself: one thread sends, one reads, this one monitors.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use edge::Stop;
use rdkafka::ClientConfig;
use rdkafka::metadata::Metadata;

use super::events::Wanted;
use super::facts::Facts;
use super::instance::Instance;
use super::latency::Latencies;
use super::pace::Pace;
use super::progress::ProgressLine;
use super::reader::{Read, Reader};
use super::report::{Cost, OutFigures, Report, SentFigures};
use super::scrape::Scrape;
use super::sender::{self, Means, SentEvents};
use super::taken::Taken;
use crate::cli::Global;
use crate::cli::bench::BenchArgs;
use crate::config::{Config, Role};
use crate::exit::Failure;

/// How long events are sent by default.
const DURATION: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A load test that is ready to start.
pub struct Test<'t> {
    /// The global flags.
    pub global: &'t Global,
    /// The test's own.
    pub args: &'t BenchArgs,
    /// The topics.
    pub config: &'t Config,
    /// The cluster, with all topics.
    pub metadata: &'t Metadata,
    /// The seed of the conversations.
    pub seed: u64,
    /// Ends it early.
    pub stop: &'t Stop,
}

/// The course of the test until no more output was expected.
struct Course {
    taken: Option<u64>,
    is_complete: bool,
    ended: Instant,
}

impl Test<'_> {
    /// Sends, and monitors until all output has arrived.
    ///
    /// # Errors
    /// The cluster or the test's instance fails.
    pub fn measure(
        &self,
        client: &ClientConfig,
        mut instance: Option<&mut Instance>,
    ) -> Result<Report, Failure> {
        let activities = self.activities()?;
        let topics = (activities, self.config.name_of(Role::DeadLetters));
        let reader = Reader::new(client, self.metadata, topics)?;
        let taken = match &instance {
            Some(_) => {
                let input = self.config.name_of(Role::Input);
                Some(Taken::of(client, &self.global.group, input, self.metadata)?)
            }
            None => None,
        };
        let before = instance.as_deref().map(Instance::scrape).transpose()?;
        let (latencies, sent, is_read) = (Latencies::new()?, AtomicU64::new(0), AtomicBool::new(false));
        // Sends without batching delay, so that latency is measured without it.
        let mut sending = client.clone();
        if self.args.rate.is_some() && sending.get("linger.ms").is_none() {
            sending.set("linger.ms", "0");
        }
        let means = Means {
            client: &sending,
            config: self.config,
            metadata: self.metadata,
            latencies: &latencies,
            sent: &sent,
            stop: self.stop,
        };
        let begun = Instant::now();
        let pace = self.pace(begun);
        let wanted = Wanted::of(self.args, self.seed);
        let (sent, read, course) = std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let sent = sender::send(wanted, &pace, begun, &means);
                if sent.is_err() {
                    // Waiting for the rest is useless.
                    self.stop.request();
                }
                sent
            });
            let reading = scope.spawn(|| reader.read(&latencies, &is_read));
            let course =
                self.watch(begun, &means, taken.as_ref(), instance.as_deref_mut(), &|| sender.is_finished());
            if course.is_err() {
                self.stop.request();
            }
            is_read.store(true, Ordering::Relaxed);
            let sent = sender.join().map_err(|_| anyhow!("the sender panicked"))?;
            let read = reading.join().map_err(|_| anyhow!("the reader panicked"))?;
            // The sender's error explains more than missing output.
            let sent = sent?;
            Ok::<_, Failure>((sent, read, course?))
        })?;
        let cost = match (&instance, &before) {
            (Some(instance), Some(before)) => Some(cost(instance, before, course.taken)?),
            _ => None,
        };
        Ok(self.report((sent, read, course), &latencies, cost, begun))
    }

    /// The topic of the activities.
    fn activities(&self) -> Result<&str, Failure> {
        let mut processors = self.config.processors.iter();
        let declared = processors.find(|processor| processor.name == folds::activities::NAME);
        declared.and_then(|processor| processor.writes.first()).map(String::as_str).ok_or_else(|| {
            Failure::usage(anyhow!(
                "topics.yaml does not declare where activities go: nothing can be measured"
            ))
        })
    }

    fn pace(&self, begun: Instant) -> Pace {
        let BenchArgs { rate, events, duration, .. } = *self.args;
        let duration = if events.is_none() { duration.or(Some(DURATION)) } else { None };
        Pace::new(begun, rate, events, duration)
    }

    /// Monitors until all output has arrived, or no more comes.
    fn watch(
        &self,
        begun: Instant,
        means: &Means<'_>,
        taken: Option<&Taken>,
        mut instance: Option<&mut Instance>,
        is_sent: &dyn Fn() -> bool,
    ) -> Result<Course, Failure> {
        let progress = ProgressLine::new();
        let (mut last, mut moved) = ((0, 0, 0), Instant::now());
        let mut committed = taken.map(|_| 0);
        loop {
            if let Some(instance) = instance.as_deref_mut() {
                instance.check()?;
            }
            // In this order: what is sent after this check is not missed by the others.
            let all_sent = is_sent();
            let sent = means.sent.load(Ordering::Relaxed);
            match taken.map(Taken::count) {
                Some(Ok(count)) => committed = Some(count),
                // A broker may be down for a moment; a longer outage ends the test by its timeout.
                Some(Err(error)) => tracing::warn!("{error:#}"),
                None => {}
            }
            let latency = means.latencies.percentiles();
            progress.tell(sent, committed, latency, begun.elapsed());
            let is_complete = all_sent
                && means.latencies.awaited() == 0
                && committed.is_none_or(|committed| committed >= sent);
            let ended = Instant::now();
            let now = (sent, committed.unwrap_or(0), latency.count);
            if now != last {
                (last, moved) = (now, ended);
            }
            // A requested stop has a shorter timeout and limits the wait for output.
            let is_over = all_sent && (self.stop.is_overdue() || moved.elapsed() >= self.args.timeout);
            if is_complete || is_over {
                return Ok(Course { taken: committed, is_complete, ended });
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn report(
        &self,
        (sent, read, course): (SentEvents, Read, Course),
        latencies: &Latencies,
        cost: Option<Cost>,
        begun: Instant,
    ) -> Report {
        let latency_ms = latencies.percentiles();
        // Monitoring is periodic, but the time of the last read is exact.
        let end = latencies.last_seen().map_or(course.ended, |seen| seen.max(begun + sent.took));
        let end = if course.is_complete { end } else { course.ended };
        let seconds = end.saturating_duration_since(begun).as_secs_f64();
        Report {
            command: command(),
            seed: self.seed,
            stopped_early: self.stop.is_requested(),
            sent: SentFigures {
                rate: self.args.rate,
                events: sent.events,
                duplicates: sent.duplicates,
                late: sent.late,
                conversations: sent.conversations,
                seconds: sent.took.as_secs_f64(),
                per_second: ratio(sent.events, sent.took.as_secs_f64()),
                bytes_each: ratio(sent.bytes, float(sent.events)),
                behind_ms_max: sent.behind_max.as_secs_f64() * 1e3,
            },
            out: OutFigures {
                events: course.taken,
                seconds,
                per_second: course.taken.map(|taken| ratio(taken, seconds)),
                activities_expected: sent.activities,
                activities_seen: latency_ms.count,
                is_complete: course.is_complete,
            },
            latency_ms,
            cost,
            dead_letters: read.dead_letters,
            errors: read.errors,
            facts: Facts::of(self.global, self.args, self.config, self.metadata),
        }
    }
}

fn cost(instance: &Instance, before: &Scrape, taken: Option<u64>) -> anyhow::Result<Cost> {
    let after = instance.scrape()?;
    let cpu_seconds = after.since(before, "process_cpu_seconds_total");
    let by = |name: &str, label: &str| -> BTreeMap<String, u64> { after.since_by(before, name, label) };
    Ok(Cost {
        cpu_seconds,
        cpu_micros_per_event: taken.map_or(0.0, |events| ratio_of(cpu_seconds * 1e6, float(events))),
        peak_memory_bytes: instance.peak_memory_bytes(),
        events: by("cx_timelines_events_total", "kind"),
        records: by("cx_timelines_outputs_total", "topic"),
        transactions: by("cx_timelines_transactions_total", "outcome"),
        commit_ms_mean: mean_ms(&after, before, "cx_timelines_commit_latency_seconds"),
    })
}

/// The mean of a histogram in seconds, since `before`.
fn mean_ms(after: &Scrape, before: &Scrape, histogram: &str) -> f64 {
    let since = |part: &str| after.since(before, &format!("{histogram}_{part}"));
    let count = since("count");
    ratio_of(since("sum") * 1e3, count)
}

fn ratio(count: u64, of: f64) -> f64 {
    ratio_of(float(count), of)
}

fn ratio_of(amount: f64, of: f64) -> f64 {
    if of > 0.0 { amount / of } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "counts, far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

/// The command line for a shell. Secrets are never on a command line.
fn command() -> String {
    let quoted = |word: String| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,%+@".contains(c);
        if !word.is_empty() && word.chars().all(is_plain) {
            word
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    let arguments = std::env::args_os().skip(1).map(|word| quoted(word.to_string_lossy().into_owned()));
    std::iter::once("cx-timelines".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}
