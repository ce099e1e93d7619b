// SPDX-License-Identifier: Apache-2.0

//! A conversation in a list.

use std::borrow::Cow;

use folds::look::Standing;
use model::{ConversationState, Outcome, RoomMode, VisitOutcome, Waits};
use serde::Serialize;

/// The maximum of stays and visits in a row: current ones, then the latest.
pub(crate) const LISTED_MAX: usize = 20;

/// A conversation's current state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    pub(crate) conversation_id: String,
    pub(crate) state: &'static str,
    pub(crate) stage: &'static str,
    pub(crate) outcome: Option<&'static str>,
    pub(crate) started_at: i64,
    pub(crate) last_event_at: i64,
    pub(crate) closed_at: Option<i64>,
    pub(crate) direction: Option<String>,
    pub(crate) customer_id: Option<String>,
    pub(crate) channels: Vec<String>,
    pub(crate) agents: Vec<Stay>,
    pub(crate) queue_visits: Vec<QueueVisitRow>,
    pub(crate) customer_messages: i64,
    pub(crate) agent_messages: i64,
    pub(crate) bot_messages: i64,
    pub(crate) awaits_reply_since: Option<i64>,
    /// Whether only agents are in it.
    #[serde(skip)]
    pub(crate) is_private: bool,
}

/// An agent's stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stay {
    pub(crate) agent_id: String,
    pub(crate) name: Option<String>,
    pub(crate) joined_at: i64,
    pub(crate) left_at: Option<i64>,
}

/// A visit of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueVisitRow {
    pub(crate) queue: Option<String>,
    pub(crate) enqueued_at: i64,
    pub(crate) ended_at: Option<i64>,
    pub(crate) outcome: Option<&'static str>,
    /// Whether it is open, and a customer's.
    #[serde(skip)]
    pub(crate) is_customer_waiting: bool,
}

impl Row {
    /// The row of a conversation.
    pub(crate) fn of(standing: &Standing<'_>) -> Self {
        let summary = &standing.summary;
        let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let agents = summary.agents.iter().map(|stay| Stay {
            agent_id: stay.agent_id.to_string(),
            name: owned(&stay.name),
            joined_at: stay.joined_at,
            left_at: stay.left_at,
        });
        let visits = summary.queue_visits.iter().map(|visit| QueueVisitRow {
            queue: owned(&visit.queue),
            enqueued_at: visit.enqueued_at,
            ended_at: visit.ended_at,
            outcome: visit.outcome.map(VisitOutcome::as_str),
            is_customer_waiting: visit.ended_at.is_none() && visit.waits == Waits::Customer,
        });
        Self {
            conversation_id: summary.conversation_id.to_string(),
            state: summary.state.as_str(),
            stage: standing.stage.as_str(),
            outcome: summary.outcome.map(Outcome::as_str),
            started_at: summary.started_at,
            last_event_at: summary.last_event_at,
            closed_at: summary.closed_at,
            direction: owned(&summary.direction),
            customer_id: owned(&summary.customer_id),
            channels: summary.channels.iter().map(ToString::to_string).collect(),
            agents: shortened(agents.collect(), |stay| stay.left_at.is_none()),
            queue_visits: shortened(visits.collect(), |visit| visit.ended_at.is_none()),
            customer_messages: summary.counts.customer_messages,
            agent_messages: summary.counts.agent_messages,
            bot_messages: summary.counts.bot_messages,
            awaits_reply_since: standing.awaits_reply_since,
            is_private: summary.mode == Some(RoomMode::Private),
        }
    }

    /// The memory of the row with everything it owns.
    pub(crate) fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
        let channels: usize = self.channels.iter().map(String::capacity).sum();
        let agents: usize = self.agents.iter().map(|stay| stay.agent_id.capacity() + text(&stay.name)).sum();
        let queues: usize = self.queue_visits.iter().map(|visit| text(&visit.queue)).sum();
        size_of::<Self>()
            + self.conversation_id.capacity()
            + text(&self.direction)
            + text(&self.customer_id)
            + size_of::<String>() * self.channels.capacity()
            + size_of::<Stay>() * self.agents.capacity()
            + size_of::<QueueVisitRow>() * self.queue_visits.capacity()
            + (channels + agents + queues)
    }

    /// Whether the conversation is open.
    pub(crate) fn is_open(&self) -> bool {
        self.state == ConversationState::Open.as_str()
    }
}

/// The first `LISTED_MAX` of a list, current ones first.
fn shortened<T>(mut list: Vec<T>, goes_on: impl Fn(&T) -> bool) -> Vec<T> {
    let mut surplus = list.len().saturating_sub(LISTED_MAX);
    list.retain(|item| {
        let goes = surplus > 0 && !goes_on(item);
        surplus -= usize::from(goes);
        !goes
    });
    list.drain(..surplus);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_keeps_what_goes_on_and_then_the_last() {
        let kept = shortened((0..50).collect(), |n| *n == 3);
        assert_eq!(kept.len(), LISTED_MAX);
        assert_eq!((kept.first(), kept.get(1), kept.last()), (Some(&3), Some(&31), Some(&49)));
    }
}
