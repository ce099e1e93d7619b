// SPDX-License-Identifier: Apache-2.0

//! The report, in Markdown and JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::facts::Facts;
use super::latency::Percentiles;

/// The report. Values that were not measured are null.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The command that made it.
    pub command: String,
    /// The seed of the conversations.
    pub seed: u64,
    /// Whether it was stopped before its end.
    pub stopped_early: bool,
    /// The input.
    pub sent: SentFigures,
    /// The output.
    pub out: OutFigures,
    /// From the planned send time of an event until its activity is readable as committed, in milliseconds.
    pub latency_ms: Percentiles,
    /// The cost of the test's instance; null with --existing.
    pub cost: Option<Cost>,
    /// Dead letters by reason.
    pub dead_letters: BTreeMap<String, u64>,
    /// Errors, with counts.
    pub errors: BTreeMap<String, u64>,
    /// The environment of the figures.
    pub facts: Facts,
}

/// The input.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SentFigures {
    /// The requested events per second; null: as fast as possible.
    pub rate: Option<u32>,
    /// Events, duplicates included.
    pub events: u64,
    /// Duplicates.
    pub duplicates: u64,
    /// Events sent after a later one of their conversation.
    pub late: u64,
    /// Conversations that have begun.
    pub conversations: u64,
    /// How long sending took.
    pub seconds: f64,
    /// Events per second.
    pub per_second: f64,
    /// The mean size of a value.
    pub bytes_each: f64,
    /// The largest delay of the sender behind its schedule.
    pub behind_ms_max: f64,
}

/// The output.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutFigures {
    /// Events of committed transactions; null with --existing, where others send too.
    pub events: Option<u64>,
    /// From the first event until the last output.
    pub seconds: f64,
    /// Events per second over that time.
    pub per_second: Option<f64>,
    /// Activities expected.
    pub activities_expected: u64,
    /// Activities read.
    pub activities_seen: u64,
    /// Whether all output arrived.
    pub is_complete: bool,
}

/// The cost of the test's instance.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// CPU time, user and system, from the first event to the end.
    pub cpu_seconds: f64,
    /// The same per event, in microseconds.
    pub cpu_micros_per_event: f64,
    /// The peak memory since its start.
    pub peak_memory_bytes: Option<u64>,
    /// Events by outcome.
    pub events: BTreeMap<String, u64>,
    /// Records written, by topic.
    pub records: BTreeMap<String, u64>,
    /// Transactions by outcome.
    pub transactions: BTreeMap<String, u64>,
    /// The mean commit latency, in milliseconds.
    pub commit_ms_mean: f64,
}

impl Report {
    /// The report for people.
    pub fn markdown(&self) -> String {
        let mut text = format!("# Load test of cx-timelines\n\n```sh\n{}\n```\n\n", self.command);
        if self.stopped_early {
            text.push_str("Stopped before its end; these are the figures until then.\n\n");
        }
        if !self.out.is_complete {
            text.push_str("**Not everything had come out when the test ended.**\n\n");
        }
        table(&mut text, ["figure", "value"], &self.rows());
        let Percentiles { count, p50, p90, p99, p99_9, max } = self.latency_ms;
        let _ = write!(
            text,
            "\n## Latency\n\nFrom the time at which an event was to be sent until its activity could be read as committed, \
             {count} activities:\n\n"
        );
        let row = |name: &str, value: f64| (name.to_owned(), format!("{value:.1} ms"));
        let rows = [("p50", p50), ("p90", p90), ("p99", p99), ("p99.9", p99_9), ("max", max)];
        table(&mut text, ["percentile", "latency"], &rows.map(|(name, value)| row(name, value)));
        if self.sent.rate.is_none() {
            text.push_str(
                "\nThe events were sent as fast as possible: these are the times in a queue that grew. `--rate` tells how long an \
                 event takes.\n",
            );
        }
        text.push_str("\n## Ground\n\n");
        table(&mut text, ["", ""], &self.ground());
        text
    }

    fn rows(&self) -> Vec<(String, String)> {
        let Self { sent, out, .. } = self;
        let mut rows = Vec::new();
        let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
        let asked = sent.rate.map_or("as fast as possible".to_owned(), |rate| format!("{rate}/s asked for"));
        row(
            "events sent",
            format!("{} in {:.1} s: {:.0}/s, {asked}", sent.events, sent.seconds, sent.per_second),
        );
        row("duplicates, late events among them", format!("{}, {}", sent.duplicates, sent.late));
        row("conversations", sent.conversations.to_string());
        row("size of an event", format!("{:.0} bytes in the mean", sent.bytes_each));
        if sent.rate.is_some() {
            row("sender behind its plan", format!("at most {:.1} ms", sent.behind_ms_max));
        }
        if let (Some(events), Some(rate)) = (out.events, out.per_second) {
            row("events taken and committed", format!("{events} in {:.1} s: {rate:.0}/s", out.seconds));
        }
        row("activities", format!("{} of {}", out.activities_seen, out.activities_expected));
        if let Some(cost) = &self.cost {
            row("CPU for each event", format!("{:.1} µs", cost.cpu_micros_per_event));
            row("CPU in all", format!("{:.2} s", cost.cpu_seconds));
            let memory =
                cost.peak_memory_bytes.map_or("not known".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
            row("peak memory", memory);
            row("events by outcome", counts(&cost.events));
            row("transactions", counts(&cost.transactions));
            row("a commit", format!("{:.1} ms in the mean", cost.commit_ms_mean));
            row("records written", counts(&cost.records));
        }
        row("dead letters read", counts(&self.dead_letters));
        row("errors", counts(&self.errors));
        rows
    }

    fn ground(&self) -> Vec<(String, String)> {
        let facts = &self.facts;
        let mut rows = Vec::new();
        let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
        row("version", format!("cx-timelines {}, {}", facts.version, facts.client));
        row("cores of this machine", facts.cores.to_string());
        row("brokers", facts.brokers.to_string());
        row("partitions of the input", format!("{}, {} copies of each", facts.partitions, facts.replication));
        row("commit interval", format!("{} ms", facts.commit_interval_ms));
        if let Some(processors) = &facts.processors {
            row("processors", processors.join(", "));
        }
        if let (Some(workers), Some(memory), Some(state)) = (facts.workers, facts.memory_mib, facts.state) {
            row("instance", format!("one, {workers} workers, --memory {memory}MiB, state {state}"));
        } else {
            row("instances", "those that ran already".to_owned());
        }
        row("seed", self.seed.to_string());
        rows
    }
}

fn counts(of: &BTreeMap<String, u64>) -> String {
    if of.is_empty() {
        return "none".to_owned();
    }
    of.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

fn table(text: &mut String, head: [&str; 2], rows: &[(String, String)]) {
    let [left, right] = head;
    let _ = write!(text, "| {left} | {right} |\n| --- | --- |\n");
    for (name, value) in rows {
        // A pipe character would end the cell.
        let _ = writeln!(text, "| {name} | {} |", value.replace('|', "\\|"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            command: "cx-timelines bench --rate 5".to_owned(),
            seed: 7,
            stopped_early: false,
            sent: SentFigures {
                rate: Some(5),
                events: 10,
                duplicates: 1,
                late: 2,
                conversations: 3,
                seconds: 2.0,
                per_second: 5.0,
                bytes_each: 700.0,
                behind_ms_max: 0.5,
            },
            out: OutFigures {
                events: Some(10),
                seconds: 2.1,
                per_second: Some(4.8),
                activities_expected: 6,
                activities_seen: 6,
                is_complete: true,
            },
            latency_ms: Percentiles { count: 6, p50: 1.0, p90: 2.0, p99: 3.0, p99_9: 4.0, max: 5.25 },
            cost: None,
            dead_letters: BTreeMap::from([("no-key".to_owned(), 2)]),
            errors: BTreeMap::from([("a|b".to_owned(), 1)]),
            facts: Facts {
                version: "1".to_owned(),
                client: "librdkafka 2".to_owned(),
                cores: 2,
                brokers: 3,
                partitions: 8,
                replication: 2,
                commit_interval_ms: 100,
                processors: None,
                workers: None,
                memory_mib: None,
                state: None,
            },
        }
    }

    #[test]
    fn the_report_says_what_made_it_and_what_was_measured() {
        let text = report().markdown();
        for wanted in [
            "cx-timelines bench --rate 5\n",
            "| events sent | 10 in 2.0 s: 5/s, 5/s asked for |",
            "| activities | 6 of 6 |",
            "| max | 5.2 ms |",
            "| dead letters read | no-key 2 |",
            "| errors | a\\|b 1 |",
            "| partitions of the input | 8, 2 copies of each |",
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        assert!(!text.contains("Stopped") && !text.contains("Not everything"));
    }

    #[test]
    fn what_is_not_whole_says_so() {
        let mut report = report();
        (report.stopped_early, report.out.is_complete, report.sent.rate) = (true, false, None);
        let text = report.markdown();
        assert!(text.contains("Stopped before its end") && text.contains("Not everything"));
        assert!(text.contains("in a queue that grew"));
    }
}
