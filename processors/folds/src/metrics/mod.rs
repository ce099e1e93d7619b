// SPDX-License-Identifier: Apache-2.0

//! Windowed metrics for analytics (contract section 6), in two stages.
//!
//! The first stage runs in the conversation's partition: its timeline reports how its contributions changed. They are summed
//! over all conversations of the commit and sent to the partition of each subject (queue, agent, channel or bot), one message
//! for each subject. The second stage adds them to the subject's windows. Both stages are exactly once, and addition is
//! commutative, so a window is the sum of its conversations' contributions. This also holds after late events: the message with
//! the new contributions also subtracts the old ones.

mod calendar;
mod changes;
mod ends;
mod grid;
pub(crate) mod visits;
mod window;

use std::collections::BTreeSet;

use engine::{
    Context, Counter, Emitter, Expire, News, Notice, Place, ProcessError, Processor, Product, State,
};
use model::{Dimension, MetricsWindow};

use crate::agents;
use crate::amounts::read_amounts;
use crate::timelines::{self, Said};
use crate::widths::{ID, INTEGER, Sizes};
pub use calendar::{Calendar, Unit, UnknownZone};
use changes::{Change, Changes, Windows};
pub(crate) use changes::{MESSAGE_CELLS_MAX, MESSAGE_MAX};
pub use chrono::Weekday;
use grid::Grid;
pub use grid::WindowSize;
pub(crate) use grid::longest_span_windows;
pub use visits::{
    ENDED as VISITS_ENDED, OFFERED as VISITS_OFFERED, OFFERED_TAKEN_BACK as VISITS_OFFERED_TAKEN_BACK,
    TAKEN_BACK as VISITS_TAKEN_BACK, WAITED as VISITS_WAITED, WAITED_TAKEN_BACK as VISITS_WAITED_TAKEN_BACK,
};
pub use window::CHANGES_EXPIRED;
use window::parse_subject_key;
pub(crate) use window::subject_key;

/// The processor's name in topics.yaml.
pub const NAME: &str = "metrics";
/// Invariant: over all windows of a size, a figure is the sum of its contributions.
pub const RULE_SUMS: &str = "windows";
/// Stays that are too long and count in no window.
pub static STAYS_TOO_LONG: Counter = Counter::new(
    "cx_timelines_stays_too_long_total",
    "Stays of agents longer than metrics.longest_span; their times are counted in no window.",
);
/// Key prefix of the processor's state.
const NAMESPACE: u8 = b'm';
/// Its output.
pub const PRODUCT: Product = Product {
    topic: "cx.metrics",
    schema: model::Schema::METRICS_WINDOW.header,
    one_for_each: "window of a queue, agent, agent at a queue, channel or bot",
    key: "`dimension/id/size/windowStart`",
};
const OUTPUT: usize = 0;

/// How many figures a window has at most, and how many counts in histograms.
const FIGURES: u64 = 64;
const COUNTS: u64 = (model::Histogram::ALL.len() * model::BUCKETS) as u64;
/// How many cells a window has at most.
pub(crate) const WINDOW_CELLS: u64 = FIGURES + COUNTS;

/// Maximum size of a record's value.
pub(crate) fn record_bytes(_: Sizes) -> u64 {
    2 * ID + FIGURES * (64 + INTEGER) + COUNTS * (2 * INTEGER + 8)
}

/// Key of the settings that the state was made with.
const SETTINGS: &[u8] = b"settings";
/// Maximum number of windows of the own partition that one commit changes directly. Further changes go to this partition as
/// messages and are taken one by one; otherwise the stays of a conversation could make a commit arbitrarily large.
const CHANGED_MAX: u64 = 10_000;

/// Sums contributions in windows: writes one topic, `cx.metrics`.
#[derive(Debug, Clone)]
pub struct Metrics {
    grid: Grid,
    window_retention_ms: i64,
    longest_span_ms: i64,
    /// The queues that have Prometheus series of their own.
    listed_queues: visits::Listed,
    /// The settings that the amounts in the windows depend on.
    fingerprint: String,
}

impl Metrics {
    /// Creates the processor from the settings.
    #[must_use]
    pub fn new(settings: &crate::Settings) -> Self {
        let grid = Grid::new(&settings.windows);
        let fingerprint = format!(
            "windows of {grid}, service level {} ms, of queues {:?} ms, longest span {} ms",
            settings.service_level_ms, settings.service_levels_ms, settings.longest_span_ms
        );
        Self {
            grid,
            window_retention_ms: settings.window_retention_ms,
            longest_span_ms: settings.longest_span_ms,
            listed_queues: visits::listed(&settings.prometheus_queues),
            fingerprint,
        }
    }

    /// With other settings, subtracted contributions would differ from the added ones.
    fn check_settings(&self, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let wanted = self.fingerprint.as_bytes();
        let known = emitter.read(SETTINGS, |known| known.map(|known| known == wanted))?;
        match known {
            Some(true) => Ok(()),
            Some(false) => {
                let was = emitter.read(SETTINGS, |known| {
                    String::from_utf8_lossy(known.unwrap_or_default()).into_owned()
                })?;
                Err(ProcessError::SettingsChanged { processor: NAME, was, is: self.fingerprint.clone() })
            }
            None => {
                emitter.put(SETTINGS, wanted);
                Ok(())
            }
        }
    }

    /// Adds changes to a subject's windows; returns the names of the changed windows.
    fn add(
        &self,
        state: &mut State<'_>,
        (dimension, id): (Dimension, &str),
        windows: &Windows,
    ) -> Result<Vec<String>, ProcessError> {
        let mut changed = Vec::with_capacity(windows.len());
        for (window, cells) in windows {
            let name = model::window_key(dimension, id, self.grid.name(window.size), window.start);
            if window::add(state, &name, window.end, cells, self.window_retention_ms)? {
                changed.push(name);
            }
        }
        Ok(changed)
    }
}

impl Processor for Metrics {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        NAMESPACE
    }

    fn products(&self) -> &'static [Product] {
        &[PRODUCT]
    }

    fn as_expire(&self) -> Option<&dyn Expire> {
        Some(self)
    }

    fn counters(&self) -> Vec<&'static Counter> {
        [&STAYS_TOO_LONG, &CHANGES_EXPIRED].into_iter().chain(visits::COUNTERS).collect()
    }

    fn rules(&self) -> &'static [&'static str] {
        &[RULE_SUMS]
    }

    fn follows(&self) -> &'static [&'static str] {
        &[timelines::NAME, agents::NAME]
    }

    fn receive(&self, key: &[u8], payload: &[u8], context: &mut Context<'_>) -> Result<(), ProcessError> {
        let unknown = |problem: &str| ProcessError::UnknownMessage(format!("processor {NAME}: {problem}"));
        let (dimension, id) = parse_subject_key(key).ok_or_else(|| unknown("its key is no subject"))?;
        let change = Change::read(payload).map_err(|problem| unknown(&problem))?;
        let (windows, adds_up) = change.spread(&self.grid);
        if !adds_up {
            context.notice(Notice::Violation(RULE_SUMS));
        }
        for name in self.add(context, (dimension, &id), &windows)? {
            context.mark(name.as_bytes());
        }
        Ok(())
    }

    fn flush(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        self.check_settings(emitter)?;
        let changes = self.changes(news, emitter)?;
        let marked = news.marked().map(|name| String::from_utf8_lossy(name).into_owned());
        let mut changed: BTreeSet<String> = marked.collect();
        let mut room = CHANGED_MAX;
        for ((dimension, id), change) in changes.subjects {
            let Some(dimension) = Dimension::from_code(dimension) else { continue };
            let key = subject_key(dimension, &id);
            for piece in change.pieces(&self.grid, MESSAGE_MAX) {
                let count = piece.windows_max(&self.grid);
                if !emitter.is_here(key.as_bytes()) || count > room {
                    emitter.send(key.as_bytes(), &piece.write())?;
                    continue;
                }
                room -= count;
                let (windows, adds_up) = piece.spread(&self.grid);
                if !adds_up {
                    emitter.notice(Notice::Violation(RULE_SUMS));
                }
                changed.extend(self.add(emitter, (dimension, &id), &windows)?);
            }
        }
        changed.iter().try_for_each(|name| emit(name, emitter))
    }
}

impl Expire for Metrics {
    fn expire(&self, _now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        window::forget(emitter, self.window_retention_ms)
    }
}

impl Metrics {
    /// What the conversations and the agents' states of this commit change.
    fn changes(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<Changes, ProcessError> {
        let mut changes = Changes::default();
        for note in news.heard() {
            let of_conversation = match Said::of(&note) {
                Some(Said::Amounts(bytes)) => Some(bytes),
                _ => None,
            };
            let Some(bytes) = of_conversation.or_else(|| agents::amounts_of(&note)) else { continue };
            let unreadable = |problem| ProcessError::UnknownMessage(format!("processor {NAME}: {problem}"));
            for amount in read_amounts(bytes).map_err(unreadable)? {
                changes.add(&amount, &self.grid, self.longest_span_ms);
            }
        }
        emitter.notice_many(&STAYS_TOO_LONG, u64::try_from(changes.too_long).unwrap_or(0));
        changes.drop_zeros();
        visits::count(&changes, &self.listed_queues, |notice, count| emitter.notice_many(notice, count));
        Ok(changes)
    }
}

/// Emits a window's current record, or a tombstone if all its figures are 0.
fn emit(name: &str, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    let format = emitter.format(OUTPUT);
    let value = window::with_record(emitter, name, |record| {
        let mut value = Vec::with_capacity(256);
        format.write(record?, &mut value);
        Some(value)
    })?;
    if value.is_none() && !window::was_emitted(emitter, name)? {
        return Ok(());
    }
    let Some(of) = model::parse_window_key(name) else { return Ok(()) };
    let subject = subject_key(of.dimension, &of.id);
    emitter.emit(OUTPUT, subject.as_bytes(), name.as_bytes(), value.as_deref())
}

/// The partition key of the record of `cx.metrics` with this key; `None` where that is the key of no window.
#[must_use]
pub fn partition_key_of(key: &str) -> Option<Vec<u8>> {
    let of = model::parse_window_key(key)?;
    Some(subject_key(of.dimension, &of.id).into_bytes())
}

/// The key range of a subject's windows in the state.
pub(crate) fn place(dimension: Dimension, id: &str) -> Place {
    window::place(NAMESPACE, (dimension, id))
}

/// Where the names of all windows lie that end in `from..to`, in epoch milliseconds, and a few of others.
pub(crate) fn places_of_ends(from: i64, to: i64) -> Vec<Place> {
    ends::places_of_ends(NAMESPACE, from, to)
}

/// Where the names of a subject's windows lie that end at an instant, in epoch milliseconds.
pub(crate) fn place_of_end(dimension: Dimension, id: &str, end: i64) -> Place {
    ends::place_of_end(NAMESPACE, (dimension, id), end)
}

/// The name of a window and when it ends, of a key in such a place; `None` for another key.
pub(crate) fn ending(key: &[u8]) -> Option<(&str, i64)> {
    ends::ending(key.strip_prefix(&[NAMESPACE])?)
}

/// Where the window of this name lies.
pub(crate) fn place_of_name(name: &str) -> Place {
    ends::place_of_name(NAMESPACE, name)
}

/// Passes the window in a record of the state to `look`; `None` for any other record.
///
/// # Errors
/// The record cannot be read.
pub(crate) fn with_window<R>(
    key: &[u8],
    value: &[u8],
    look: impl FnOnce(Option<&MetricsWindow<'_>>) -> R,
) -> Result<R, ProcessError> {
    match key.strip_prefix(&[NAMESPACE]) {
        Some(key) => window::with_state(key, value, look),
        None => Ok(look(None)),
    }
}
