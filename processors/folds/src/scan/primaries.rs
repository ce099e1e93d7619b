// SPDX-License-Identifier: Apache-2.0

//! Effects of primaries that count: messages open and close turns; wrap-ups are listed.

use model::{Dimension, Figure, Histogram, Kind};
use serde::{Deserialize, Serialize};

use super::Scan;
use super::amount::{Amount, Amounts};
use super::counts;
use super::entry::Entry;
use super::turns::{Closed, Responder};

/// A wrap-up of the conversation; whether it is deleted follows from its activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredWrapUp {
    pub(crate) at: i64,
    pub(crate) activity_id: Box<str>,
    /// The actor's id.
    pub(crate) agent_id: Option<Box<str>>,
}

impl Scan {
    /// Applies an accepted primary; returns the turn that it closed.
    pub(super) fn primary(
        &mut self,
        entry: &Entry<'_>,
        activity_id: &str,
        kind: Kind,
        amounts: &mut Amounts<'_>,
    ) -> Option<Closed> {
        let may_respond = may_respond(entry, kind);
        counts::primary(&mut self.counts, kind, may_respond);
        match kind {
            Kind::CustomerMessage => {
                message_of_channel(entry, Figure::CustomerMessages, amounts);
                self.turns.customer(entry.at, activity_id);
                None
            }
            Kind::AgentMessage | Kind::BotMessage if !may_respond => {
                message_of_channel(entry, Figure::SystemMessages, amounts);
                None
            }
            Kind::AgentMessage => {
                message_of_channel(entry, Figure::AgentMessages, amounts);
                let closed = self.respond(entry.at, Responder::Agent, amounts);
                if let Some(agent) = entry.actor_id() {
                    self.stays.message(entry.at, agent, closed.as_ref(), amounts);
                }
                closed
            }
            Kind::BotMessage => {
                message_of_channel(entry, Figure::BotMessages, amounts);
                let closed = self.respond(entry.at, Responder::Bot, amounts);
                message_of_bot(entry, closed.as_ref(), amounts);
                closed
            }
            Kind::WrapUp => {
                self.wrap_up(entry, activity_id);
                None
            }
            _ => None,
        }
    }

    /// A message closes the open turn; it may be a first response of the conversation.
    fn respond(&mut self, at: i64, by: Responder, amounts: &mut Amounts<'_>) -> Option<Closed> {
        let known = self.turns.firsts();
        let closed = self.turns.respond(at, by);
        for (known, now) in known.into_iter().zip(self.turns.firsts()) {
            if let (None, Some(first)) = (known, now) {
                self.profile.responded(first, amounts);
            }
        }
        closed
    }

    /// Wrap-ups are sorted by `(at, activityId)`, which differs from the total order for equal times.
    fn wrap_up(&mut self, entry: &Entry<'_>, activity_id: &str) {
        let place =
            self.wrap_ups.partition_point(|other| (other.at, &*other.activity_id) <= (entry.at, activity_id));
        let agent_id = entry.actor_id().map(Into::into);
        self.wrap_ups.insert(place, StoredWrapUp { at: entry.at, activity_id: activity_id.into(), agent_id });
    }
}

/// Whether a message's actor matches its kind: a message that the system sends in the name of an agent or bot closes no turn.
fn may_respond(entry: &Entry<'_>, kind: Kind) -> bool {
    let own = match kind {
        Kind::AgentMessage => "AGENT",
        Kind::BotMessage => "BOT",
        _ => return true,
    };
    entry.actor.and_then(|actor| actor.actor_type()).is_none_or(|of| of == own)
}

fn message_of_channel(entry: &Entry<'_>, figure: Figure, amounts: &mut Amounts<'_>) {
    if let Some(channel) = entry.channel_type() {
        amounts(Amount::one(Dimension::Channel, channel, figure, entry.at));
    }
}

fn message_of_bot(entry: &Entry<'_>, closed: Option<&Closed>, amounts: &mut Amounts<'_>) {
    let Some(bot) = entry.actor_id() else { return };
    amounts(Amount::one(Dimension::Bot, bot, Figure::Messages, entry.at));
    if let Some(turn) = closed {
        amounts(Amount::one(Dimension::Bot, bot, Figure::Responses, entry.at));
        amounts(Amount::at(Dimension::Bot, bot, Figure::ResponseMs, entry.at, turn.response_ms));
        amounts(Amount::counted(Dimension::Bot, bot, Histogram::ResponseMs, entry.at, turn.response_ms));
    }
}
