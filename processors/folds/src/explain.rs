// SPDX-License-Identifier: Apache-2.0

//! Explains a figure of `cx.metrics` (contract section 11, "Explain"): the contributions of each conversation, computed by
//! scanning its entries again with the code that summed them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use engine::{Place, ProcessError};
use model::{Bucket, Dimension, Figure, Histogram, MetricsWindow};

use crate::Settings;
use crate::amounts::Cell;
use crate::look::{Found, with_state};
use crate::scan::{Amount, When};
use crate::timelines::{self, Timelines};
use crate::{activities, agents};

/// Begins the path of a histogram's count in a record.
const HISTOGRAMS: &str = "histograms.";

/// What a contribution counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// A figure.
    Figure(Figure),
    /// The values of a histogram up to an upper bound.
    Histogram(Histogram, Bucket),
}

impl Counted {
    /// Where a record of `cx.metrics` has it: a figure's name, or the path of a histogram's count, as in
    /// `histograms.answeredWaitMs.22`.
    #[must_use]
    pub fn path(self) -> Cow<'static, str> {
        match self {
            Counted::Figure(figure) => Cow::Borrowed(figure.as_str()),
            Counted::Histogram(histogram, bucket) => {
                Cow::Owned(format!("{HISTOGRAMS}{}.{}", histogram.as_str(), bucket.bound()))
            }
        }
    }
}

/// All that a record counts, by its [path](Counted::path).
#[must_use]
pub fn recorded(window: &MetricsWindow<'_>) -> BTreeMap<Cow<'static, str>, i64> {
    let figures = window.sums().map(|(figure, value)| (Counted::Figure(figure).path(), value));
    let counts = window.counts().flat_map(|(histogram, counts)| {
        counts.map(move |(bucket, count)| (Counted::Histogram(histogram, bucket).path(), count))
    });
    figures.chain(counts).collect()
}

/// Whether a path is a histogram's count.
#[must_use]
pub fn is_of_histogram(path: &str) -> bool {
    path.starts_with(HISTOGRAMS)
}

/// Whether a path is what was asked for: the same path, or a count of the histogram `histograms.NAME`.
#[must_use]
pub fn is_asked(path: &str, asked: &str) -> bool {
    path.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether a record can have this: a figure's name, `histograms.NAME`, or the path of one of its counts.
#[must_use]
pub fn is_known(asked: &str) -> bool {
    let Some(histogram) = asked.strip_prefix(HISTOGRAMS) else { return Figure::from_name(asked).is_some() };
    let (name, bound) =
        histogram.split_once('.').map_or((histogram, None), |(name, bound)| (name, Some(bound)));
    let is_bound = |bound: &str| bound.parse().is_ok_and(|bound| Bucket::of(bound).bound() == bound);
    Histogram::from_name(name).is_some() && bound.is_none_or(is_bound)
}

/// One contribution of a conversation to the windows of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    /// The subject's dimension.
    pub dimension: Dimension,
    /// The queue's name, the agent's or bot's id, the channel's type, or a [`model::queue_agent_id`].
    pub id: String,
    /// The event that causes it; empty for an agent's state.
    pub event_id: String,
    /// The instant, or the start of a span, in epoch milliseconds.
    pub at: i64,
    /// The end of a span, exclusive; each window gets the milliseconds in it.
    pub to: Option<i64>,
    /// What it counts in.
    pub counted: Counted,
    /// The amount; for a span all its milliseconds.
    pub amount: i64,
}

impl Contribution {
    fn of(event_id: &str, amount: &Amount<'_>) -> Option<Self> {
        let (at, to) = match amount.when {
            When::At(at) => (at, None),
            When::Over { from, to } => (from, Some(to)),
        };
        let counted = match amount.cell {
            Cell::Figure(code) => Counted::Figure(Figure::from_code(code)?),
            Cell::Count(code, place) => Counted::Histogram(Histogram::from_code(code)?, Bucket::at(place)?),
        };
        let (dimension, id, event_id) = (amount.dimension, amount.id.to_owned(), event_id.to_owned());
        Some(Self { dimension, id, event_id, at, to, counted, amount: amount.value })
    }

    /// What it counts in, by its path, and its part in a window; `None` if it has none.
    #[must_use]
    pub fn part_of(&self, window: &MetricsWindow<'_>) -> Option<(Cow<'static, str>, i64)> {
        let is_of_it = self.dimension == window.dimension && self.id == window.id;
        let amount = self.within(window.window_start, window.window_end);
        (is_of_it && amount != 0).then(|| (self.counted.path(), amount))
    }

    /// The part in the window from `start` to `end` (exclusive); both in epoch milliseconds.
    #[must_use]
    pub fn within(&self, start: i64, end: i64) -> i64 {
        match self.to {
            None if start <= self.at && self.at < end => self.amount,
            None => 0,
            Some(to) => (to.min(end) - self.at.max(start)).max(0),
        }
    }
}

/// All contributions of a conversation, given the records in its key ranges ([`crate::look::places_of`]). A conversation among
/// agents has none; a stay longer than the longest span contributes no times.
///
/// # Errors
/// The state cannot be read: restore it.
pub fn contributions(
    id: &str,
    found: &Found,
    settings: &Settings,
) -> Result<Vec<Contribution>, ProcessError> {
    let mut all = Vec::new();
    let entries = found.iter().filter(|(key, _)| timelines::is_entry(key)).map(|(_, value)| value.as_slice());
    let first = |activity_id: &str| with_state(id, activity_id, found, activities::first);
    let see = |event_id: &str, amount: &Amount<'_>| {
        let is_short = match amount.when {
            When::At(_) => true,
            When::Over { from, to } => to.saturating_sub(from) <= settings.longest_span_ms,
        };
        all.extend(Contribution::of(event_id, amount).filter(|_| is_short));
    };
    if Timelines::new(settings).contributions(id, entries, first, see)? {
        return Ok(Vec::new());
    }
    all.extend(of_call_legs(found)?);
    Ok(all)
}

/// Key ranges of an agent's state, in the partition of the agent's id.
#[must_use]
pub fn places_of_agent(id: &str) -> Vec<Place> {
    agents::places(id).to_vec()
}

/// The contributions of an agent's states, given the records in its key ranges ([`places_of_agent`]).
///
/// # Errors
/// The state cannot be read: restore it.
pub fn contributions_of_agent(
    id: &str,
    found: &Found,
    settings: &Settings,
) -> Result<Vec<Contribution>, ProcessError> {
    let found = found.iter().map(|(key, value)| (key.as_slice(), value.as_slice()));
    let spans = agents::spans(id, found)?.into_iter();
    let short = spans.filter(|(_, from, to)| to.saturating_sub(*from) <= settings.longest_span_ms);
    let contributions = short.filter_map(|(figure, from, to)| {
        Contribution::of("", &Amount::over(Dimension::Agent, id, figure, from, to))
    });
    Ok(contributions.collect())
}

/// The contributions of call legs to their agents' figures, at their ends.
fn of_call_legs(found: &Found) -> Result<Vec<Contribution>, ProcessError> {
    let mut all = Vec::new();
    for (key, value) in found {
        let Some(key) = key.strip_prefix(&[activities::NAMESPACE]) else { continue };
        if activities::is_beside(key) {
            continue;
        }
        let Some(leg) = activities::leg_figures(key, value)? else { continue };
        let event_id = activities::first(key, Some(value))?.map(|(event_id, _)| event_id).unwrap_or_default();
        for (figure, value) in leg.figures() {
            let amount = Amount::at(Dimension::Agent, &leg.agent, figure, leg.ended_at, value);
            all.extend(Contribution::of(&event_id, &amount).filter(|contribution| contribution.amount != 0));
        }
    }
    Ok(all)
}
