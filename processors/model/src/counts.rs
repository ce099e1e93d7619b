// SPDX-License-Identifier: Apache-2.0

//! The counts of a conversation's summary (contract, section 5). A fold may store them: a new field changes the state format.

use serde::{Deserialize, Serialize};

use crate::Mark;

/// Counts of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Counts {
    /// Activities of kind `CUSTOMER_MESSAGE`.
    pub customer_messages: i64,
    /// Activities of kind `AGENT_MESSAGE` by an agent.
    pub agent_messages: i64,
    /// Activities of kind `BOT_MESSAGE` by a bot.
    pub bot_messages: i64,
    /// Activities of kind `WHISPER_MESSAGE`.
    pub whispers: i64,
    /// Edits, rejected ones included.
    pub edits: i64,
    /// Deletions, rejected ones included.
    pub deletions: i64,
    /// Reactions and replies to a known message, rejected ones included.
    pub reactions: i64,
    /// Events with suggestions of a bot.
    pub suggestions: i64,
    /// Closed turns.
    pub responses: i64,
    /// Distinct call legs.
    pub call_legs: i64,
    /// Activities of kind `CALL_RECORDING`.
    pub recordings: i64,
    /// Activities of kind `NOTE`.
    pub notes: i64,
    /// Activities of kind `SURVEY_QUESTION`.
    pub survey_questions: i64,
    /// `RESPONSE` reactions shown on these.
    pub survey_answers: i64,
    /// Queue visits by transfer.
    pub transfers: i64,
    /// Queue visits by conference.
    pub conferences: i64,
    /// Missed service levels of agents.
    pub agent_sla_breaches: i64,
    /// Missed service levels of the customer.
    pub customer_sla_breaches: i64,
    /// Timeouts of bots.
    pub bot_timeouts: i64,
    /// Events with names that the contract does not list.
    pub other: i64,
    /// Activities of the kinds `AGENT_MESSAGE` and `BOT_MESSAGE` by other actors.
    pub system_messages: i64,
    /// Activities of kind `CALL`.
    pub calls: i64,
    /// Activities of kind `CAMPAIGN_RESPONSE`.
    pub campaign_responses: i64,
    /// Hides.
    pub hides: i64,
    /// RONAs (reservations that were not answered).
    pub ronas: i64,
    /// Queue visits by consultation.
    pub consults: i64,
    /// Turns ended by a close.
    pub unanswered_turns: i64,
}

impl Counts {
    /// The number of events of a mark.
    #[must_use]
    pub fn of_mark(&self, mark: Mark) -> i64 {
        match mark {
            Mark::Hide => self.hides,
        }
    }

    /// The same, to change it.
    pub fn of_mark_mut(&mut self, mark: Mark) -> &mut i64 {
        match mark {
            Mark::Hide => &mut self.hides,
        }
    }
}

/// Deliveries of activities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryCounts {
    /// Delivered, or read.
    pub delivered: i64,
    /// Read.
    pub read: i64,
    /// Failed.
    pub failed: i64,
}

/// Turns closed by one kind of responder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseFigures {
    /// The number of turns.
    pub count: i64,
    /// Their total duration.
    pub total_ms: i64,
    /// The longest duration; `None` without a turn.
    pub max_ms: Option<i64>,
}
