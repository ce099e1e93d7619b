// SPDX-License-Identifier: Apache-2.0

//! General properties of a conversation. Every valid event counts here, including rejected ones (contract section 4, last
//! point).

use model::{Dimension, Figure, Outcome, RoomMode};
use serde::{Deserialize, Serialize};

use super::LISTED;
use super::amount::{Amount, Amounts};
use super::cycles::Cycles;
use super::entry::Entry;
use super::turns::{First, Turns};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Profile {
    /// Time of the first entry; `None` before it.
    started_at: Option<i64>,
    last_event_at: i64,
    /// Number of entries.
    revision: u64,
    direction: Option<Box<str>>,
    customer: Option<Box<str>>,
    /// The first channel types, sorted.
    channels: Vec<Box<str>>,
    first_channel: Option<Box<str>>,
    /// Code of the first [`RoomMode`] in an event.
    mode: Option<u8>,
    room: Option<Box<str>>,
}

impl Profile {
    /// Takes an entry in; gives the time at which the conversation started. `before` is what happened before it, which counts for the
    /// first channel even if that becomes known only now.
    pub(super) fn take(
        &mut self,
        entry: &Entry<'_>,
        before: (&Cycles, &Turns),
        amounts: &mut Amounts<'_>,
    ) -> i64 {
        let started_at = *self.started_at.get_or_insert(entry.at);
        self.last_event_at = entry.at;
        self.revision += 1;
        if self.direction.is_none() {
            self.direction = entry.direction.map(Into::into);
        }
        if let Some(customer) = entry.customer
            && self.customer.as_deref() != Some(customer)
        {
            self.customer = Some(customer.into());
        }
        if let Some(channel) = entry.channel_type() {
            self.take_channel(channel, started_at, before, amounts);
        }
        self.mode = self.mode.or(entry.mode);
        if self.room.is_none() {
            self.room = entry.room.map(Into::into);
        }
        started_at
    }

    fn take_channel(
        &mut self,
        channel: &str,
        started_at: i64,
        (cycles, turns): (&Cycles, &Turns),
        amounts: &mut Amounts<'_>,
    ) {
        if self.first_channel.is_none() {
            self.first_channel = Some(channel.into());
            amounts(Amount::one(Dimension::Channel, channel, Figure::Conversations, started_at));
            for (at, outcome) in cycles.closed() {
                amounts(closed(channel, at, outcome));
            }
            for at in cycles.reopened() {
                self.reopened(at, amounts);
            }
            for first in turns.firsts().into_iter().flatten() {
                self.responded(first, amounts);
            }
        }
        // A channel beyond the listed ones never enters the list: only earlier ones are added to it.
        if let Err(place) = self.channels.binary_search_by(|known| (**known).cmp(channel))
            && place < LISTED
        {
            self.channels.insert(place, channel.into());
            self.channels.truncate(LISTED);
        }
    }

    /// The earliest time; 0 before the first entry.
    pub(super) fn started_at(&self) -> i64 {
        self.started_at.unwrap_or_default()
    }

    /// The latest time; 0 before the first entry.
    pub(super) fn last_event_at(&self) -> i64 {
        self.last_event_at
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn direction(&self) -> Option<&str> {
        self.direction.as_deref()
    }

    pub(super) fn customer(&self) -> Option<&str> {
        self.customer.as_deref()
    }

    pub(super) fn channels(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().take(LISTED).map(|channel| &**channel)
    }

    /// Records a closed cycle.
    pub(super) fn closed(&self, at: i64, outcome: Outcome, amounts: &mut Amounts<'_>) {
        if let Some(channel) = self.first_channel() {
            amounts(closed(channel, at, outcome));
        }
    }

    /// A cycle but the first begins.
    pub(super) fn reopened(&self, at: i64, amounts: &mut Amounts<'_>) {
        if let Some(channel) = self.first_channel() {
            amounts(Amount::one(Dimension::Channel, channel, Figure::Reopened, at));
        }
    }

    /// A first response of the conversation.
    pub(super) fn responded(&self, (at, histogram, ms): First, amounts: &mut Amounts<'_>) {
        if let Some(channel) = self.first_channel() {
            amounts(Amount::counted(Dimension::Channel, channel, histogram, at, ms));
        }
    }

    pub(super) fn mode(&self) -> Option<RoomMode> {
        self.mode.and_then(RoomMode::from_code)
    }

    pub(super) fn room(&self) -> Option<&str> {
        self.room.as_deref()
    }

    pub(super) fn first_channel(&self) -> Option<&str> {
        self.first_channel.as_deref()
    }
}

fn closed(channel: &str, at: i64, outcome: Outcome) -> Amount<'_> {
    let figure = match outcome {
        Outcome::Handled => Figure::Handled,
        Outcome::Abandoned => Figure::AbandonedConversations,
        Outcome::NoAgent => Figure::NoAgentConversations,
        Outcome::Contained => Figure::Contained,
    };
    Amount::one(Dimension::Channel, channel, figure, at)
}
