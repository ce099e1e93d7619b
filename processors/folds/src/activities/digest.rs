// SPDX-License-Identifier: Apache-2.0

//! Digest of an activity for the conversation's folds, without texts.

use std::borrow::Cow;

use engine::{Note, ProcessError};
use model::{Figure, Kind, ReactionKind};
use serde::{Deserialize, Serialize};

use super::bounds::Group;
use super::call;
use super::delivery::Rank;
use super::reads::{self, ReadAt};
use super::state::{Events, Stored, What};
use crate::compact;
use crate::scan::ActivityFigures;

/// What other folds need of an activity.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digest {
    /// The first primary: event id and kind code. `None` while the activity is unknown.
    pub(crate) first: Option<(Box<str>, u8)>,
    /// The activity's share of the conversation's summary.
    pub(crate) figures: ActivityFigures,
    /// Whether the activity has any state, including events that wait for its primary.
    pub(crate) is_there: bool,
    /// Delivery status, in the order of rule A7; 0 when unknown.
    pub(crate) delivery_rank: u8,
    /// Whether receipts are left out (rule A10); if so, the delivery status may go back.
    pub(crate) omits_receipts: bool,
    /// Key of the message's read time; only for messages of a conversation. Of no use to other folds.
    #[serde(skip)]
    pub(super) read_place: Option<Vec<u8>>,
    /// What it adds to the figures of its agent, where it is a call leg that ended.
    pub(crate) leg: Option<LegFigures>,
    /// Whether it is known to be a customer's message and has suggestions.
    pub(crate) has_suggestions: bool,
    /// Whether one of its receipts reports a failure.
    #[serde(skip)]
    has_failed: bool,
}

/// An activity that changed, for the other folds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digests {
    /// Its digest at the last commit; `None` if it had no state.
    pub(crate) before: Option<Digest>,
    /// Its digest now.
    pub(crate) after: Digest,
}

/// First byte of the text of a note: whether the activity had a state, and whether it has or had suggestions. Many notes need not
/// be read further.
const WAS_THERE: u8 = 1;
const SUGGESTS: u8 = 2;

impl Digests {
    /// Reads the text of a note of this processor; `None` for another one's.
    pub(crate) fn of(note: &Note<'_>) -> Option<Self> {
        let (_, digests) = note.text.split_first().filter(|_| note.from == super::NAME)?;
        compact::read(digests).ok()
    }

    /// Whether the activity had a state at the last commit, and whether it is, or was, a customer's message with suggestions.
    pub(crate) fn flags_of(note: &Note<'_>) -> Option<(bool, bool)> {
        let flags = note.text.first().filter(|_| note.from == super::NAME)?;
        Some((flags & WAS_THERE != 0, flags & SUGGESTS != 0))
    }

    pub(super) fn text(&self) -> Vec<u8> {
        let had_suggestions = self.before.as_ref().is_some_and(|before| before.has_suggestions);
        let was_there = if self.before.is_some() { WAS_THERE } else { 0 };
        let suggests = if had_suggestions || self.after.has_suggestions { SUGGESTS } else { 0 };
        // Serializing plain data into memory cannot fail.
        compact::write(was_there | suggests, self).unwrap_or_default()
    }
}

/// What a call leg adds to the figures of its agent (contract section 6), at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LegFigures {
    pub(crate) agent: Box<str>,
    pub(crate) ended_at: i64,
    /// The length without the time on hold; 0 where the length is not known.
    pub(crate) talk_ms: i64,
    pub(crate) hold_ms: i64,
}

impl LegFigures {
    /// The figures with their amounts.
    pub(crate) fn figures(&self) -> [(Figure, i64); 3] {
        [(Figure::CallLegs, 1), (Figure::TalkMs, self.talk_ms), (Figure::HoldMs, self.hold_ms)]
    }
}

impl Digest {
    /// Reads an activity's state; sets `read_place` only if `wants_read` is true.
    ///
    /// # Errors
    /// The state is corrupt: wipe and restore it.
    pub(super) fn of(key: &[u8], state: &[u8], wants_read: bool) -> Result<Self, ProcessError> {
        Ok(Self::of_events(key, &Events::read(key, Some(state))?, wants_read))
    }

    /// Like [`of`](Self::of), of events that are read already.
    pub(super) fn of_events(key: &[u8], events: &Events<'_>, wants_read: bool) -> Self {
        let unknown = Self { is_there: !events.is_empty(), ..Self::default() };
        let Some(first) = events.primary() else { return unknown };
        let What::Primary(primary) = &first.what else { return unknown };
        let rank = events.list.iter().filter_map(rank_of).max();
        let is = |kind: Kind| primary.kind == kind.code();
        let count = |what: fn(&What<'_>) -> bool| {
            i64::try_from(events.list.iter().filter(|event| what(&event.what)).count()).unwrap_or(i64::MAX)
        };
        let is_leg = is(Kind::AgentCallLeg);
        let leg_id = if is_leg { activity_of(key) } else { Cow::Borrowed("") };
        let leg = if is_leg { call::of(events, &leg_id) } else { None };
        let talk_ms =
            |leg: &call::Leg<'_>| leg.duration_ms.map_or(0, |duration_ms| duration_ms - leg.hold_ms);
        let figures = ActivityFigures {
            delivered: i64::from(rank >= Some(Rank::Connected)),
            read: i64::from(rank == Some(Rank::Read)),
            failed: i64::from(rank == Some(Rank::Failed)),
            survey_answers: if is(Kind::SurveyQuestion) { count(is_answer) } else { 0 },
            talk_ms: leg.as_ref().map_or(0, talk_ms),
            call_hold_ms: leg.as_ref().map_or(0, |leg| leg.hold_ms),
            reply_reactions: count(|what| matches!(what, What::Response { .. }))
                .saturating_add_unsigned(events.omitted.responses()),
        };
        let delivery_rank = rank.map_or(0, |rank| rank as u8 + 1);
        let omits_receipts = events.omitted.count(Group::Receipts) > 0;
        Self {
            first: Some((first.id.into(), primary.kind)),
            is_there: true,
            figures,
            delivery_rank,
            omits_receipts,
            read_place: if wants_read { reads::place_of(key, events) } else { None },
            leg: leg.and_then(|leg| {
                Some(LegFigures {
                    agent: leg.agent?.into(),
                    ended_at: leg.ended_at?,
                    talk_ms: talk_ms(&leg),
                    hold_ms: leg.hold_ms,
                })
            }),
            has_suggestions: is(Kind::CustomerMessage) && events.list.iter().any(is_suggestion),
            has_failed: events.list.iter().filter_map(rank_of).any(|rank| rank == Rank::Failed),
        }
    }

    /// Applies the read time stored at [`read_place`](Self::read_place).
    pub(super) fn and_read(mut self, read: Option<&ReadAt>) -> Self {
        if read.is_some() && !self.has_failed && self.first.is_some() {
            let figures = &mut self.figures;
            (figures.delivered, figures.read, figures.failed) = (1, 1, 0);
        }
        self
    }
}

/// The id of the activity of this key.
fn activity_of(key: &[u8]) -> Cow<'_, str> {
    let key = std::str::from_utf8(key).ok().and_then(model::parse_activity_key);
    key.map_or(Cow::Borrowed(""), |(_, activity)| activity)
}

/// What a call leg adds to the figures of its agent; `None` for all other activities. `key` may be of any record of the state.
///
/// # Errors
/// The state cannot be read: wipe and restore it.
pub(crate) fn leg_figures(key: &[u8], state: &[u8]) -> Result<Option<LegFigures>, ProcessError> {
    Ok(Digest::of(key, state, false)?.leg)
}

/// The first primary of an activity, as in [`Digest::first`].
///
/// # Errors
/// The state is corrupt: wipe and restore it.
pub(crate) fn first(key: &[u8], state: Option<&[u8]>) -> Result<Option<(Box<str>, u8)>, ProcessError> {
    let events = Events::read(key, state)?;
    Ok(events.primary().and_then(|first| match &first.what {
        What::Primary(primary) => Some((first.id.into(), primary.kind)),
        _ => None,
    }))
}

/// Whether an activity is known and not deleted.
///
/// # Errors
/// The state is corrupt: wipe and restore it.
pub(crate) fn is_shown(key: &[u8], state: Option<&[u8]>) -> Result<bool, ProcessError> {
    let events = Events::read(key, state)?;
    Ok(events.primary().is_some() && !events.is_deleted())
}

/// Whether an activity is known to be a customer's message and has suggestions.
///
/// # Errors
/// The state is corrupt: wipe and restore it.
pub(crate) fn has_suggestions(key: &[u8], state: Option<&[u8]>) -> Result<bool, ProcessError> {
    let events = Events::read(key, state)?;
    let is_message = |event: &Stored<'_>| matches!(&event.what, What::Primary(primary) if primary.kind == Kind::CustomerMessage.code());
    Ok(events.list.iter().any(is_suggestion) && events.primary().is_some_and(is_message))
}

fn is_suggestion(event: &Stored<'_>) -> bool {
    matches!(event.what, What::Suggestion { .. })
}

fn rank_of(event: &Stored<'_>) -> Option<Rank> {
    match &event.what {
        What::Delivery { status, .. } => Rank::of(status),
        _ => None,
    }
}

/// Whether the event is a shown `RESPONSE`, from a reply or a reaction (rule A5).
fn is_answer(what: &What<'_>) -> bool {
    match what {
        What::Response { .. } => true,
        What::Reaction { kind, remove, .. } => *kind == ReactionKind::Response.code() && !remove,
        _ => false,
    }
}
