//! The figures of a conversation's summary (contract, section 5). A fold may also keep them in its state: a new field
//! changes what is stored.

use serde::{Deserialize, Serialize};

/// How many of what there are in a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Activities of kind `CUSTOMER_MESSAGE`.
    pub customer_messages: i64,
    /// Activities of kind `AGENT_MESSAGE` that an agent wrote.
    pub agent_messages: i64,
    /// Activities of kind `BOT_MESSAGE` that a bot wrote.
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
    /// Turns that were closed.
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
    /// Visits of queues that were transfers.
    pub transfers: i64,
    /// Visits of queues that were conferences.
    pub conferences: i64,
    /// Times that an agent took too long.
    pub agent_sla_breaches: i64,
    /// Times that the customer took too long.
    pub customer_sla_breaches: i64,
    /// Times that a bot took too long.
    pub bot_timeouts: i64,
    /// Events of other names than the contract lists.
    pub other: i64,
    /// Activities of the kinds `AGENT_MESSAGE` and `BOT_MESSAGE` that somebody else wrote in the name of these.
    pub system_messages: i64,
    /// Activities of kind `CALL`.
    pub calls: i64,
    /// Activities of kind `CAMPAIGN_RESPONSE`.
    pub campaign_responses: i64,
    /// Hides.
    pub hides: i64,
    /// Times that an agent let a task ring.
    pub ronas: i64,
    /// Visits of queues that were consultations.
    pub consults: i64,
    /// Turns that a close ended.
    pub unanswered_turns: i64,
}

/// How many activities got how far.
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

/// The turns that one kind of responder closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseFigures {
    /// How many.
    pub count: i64,
    /// The sum of their lengths.
    pub total_ms: i64,
    /// The greatest of their lengths; none without any.
    pub max_ms: Option<i64>,
}
