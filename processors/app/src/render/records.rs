//! The parts of a conversation's records that are shown (contract sections 3 to 5). Parsed leniently from JSON, so that `show`
//! can read records of other versions: missing fields are empty.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

fn text_or_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The actor of an event.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Actor {
    /// `CUSTOMER`, `AGENT`, ….
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The id.
    pub id: Option<String>,
    /// A name to show.
    pub name: Option<String>,
}

/// A channel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Channel {
    /// `WEB`, `CX_VOICE`, ….
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The number or name of the contact centre.
    pub service_identifier: Option<String>,
}

/// An entry of a timeline.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The event's id.
    pub entry_id: String,
    /// The conversation.
    pub conversation_id: String,
    /// The event's time.
    pub at: i64,
    /// The event's name.
    pub name: String,
    /// What it is.
    pub category: String,
    /// The activity that it creates or changes.
    #[serde(default)]
    pub activity_id: Option<String>,
    /// Who did it.
    #[serde(default)]
    pub actor: Option<Actor>,
    /// The event's channel.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// The time since the conversation's start.
    pub elapsed_ms: i64,
    /// The conversation's stage after it.
    pub stage: String,
    /// The agents present after it.
    #[serde(default)]
    pub agents: Vec<String>,
    /// The conversation's queue after it.
    #[serde(default)]
    pub queue: Option<String>,
    /// How long the customer waited for this response.
    #[serde(default)]
    pub response_ms: Option<i64>,
}

impl Entry {
    /// Its rank within one millisecond (contract section 0), as far as an entry shows it: the event name, and for a state
    /// change only whether the conversation is closed.
    pub fn rank(&self) -> u8 {
        let state = (self.category == "CONVERSATION" && self.stage == "CLOSED").then_some("CLOSED");
        model::rank(&self.name, state, None)
    }
}

/// An activity.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// Its id.
    pub activity_id: String,
    /// Its conversation.
    #[serde(default)]
    pub conversation_id: Option<String>,
    /// What it is.
    pub kind: String,
    /// The author.
    #[serde(default)]
    pub actor: Option<Actor>,
    /// When.
    pub occurred_at: i64,
    /// What it says.
    #[serde(default)]
    pub body: Option<Value>,
    /// The activity that it replies to.
    #[serde(default)]
    pub in_reply_to: Option<String>,
    /// New bodies.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// Its removal.
    #[serde(default)]
    pub deletion: Option<Deletion>,
    /// Hides by readers.
    #[serde(default)]
    pub hidden: Option<Deletion>,
    /// Reactions that are shown.
    #[serde(default)]
    pub reactions: Vec<Reaction>,
    /// A bot's suggestions.
    #[serde(default)]
    pub suggestions: Vec<Suggestion>,
    /// Its delivery.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// The call leg.
    #[serde(default)]
    pub call: Option<Call>,
    /// Rejected events.
    #[serde(default)]
    pub rejected: Vec<Rejected>,
    /// How many of its events are left out, by list.
    #[serde(default)]
    pub omitted: BTreeMap<String, u64>,
}

/// A new body.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Edit {
    /// The event.
    pub event_id: String,
    /// When.
    pub at: i64,
    /// Who.
    pub actor: Option<Actor>,
    /// The new body; `None` once the activity is deleted.
    pub body: Option<Value>,
}

/// The deletion of an activity.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Deletion {
    /// The event.
    pub event_id: String,
    /// When.
    pub at: i64,
    /// Who.
    pub actor: Option<Actor>,
}

/// A reaction.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Reaction {
    /// The event that decided it.
    pub event_id: String,
    /// When.
    pub at: i64,
    /// Who.
    pub actor: Option<Actor>,
    /// `EMOJI`, `FLAG`, ….
    pub kind: String,
    /// The emoji or flag; empty when it quotes a deleted activity.
    #[serde(deserialize_with = "text_or_empty")]
    pub value: String,
}

/// A bot's suggested answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Suggestion {
    /// The event.
    pub event_id: String,
    /// When.
    pub at: i64,
    /// The bot.
    pub actor: Option<Actor>,
    /// The suggestions.
    pub items: Vec<SuggestionItem>,
}

/// One suggestion.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct SuggestionItem {
    /// The suggested message.
    pub body: Option<Value>,
    /// How sure the bot is, from 0 to 1.
    pub confidence: Option<f64>,
}

/// The delivery of a message.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Delivery {
    /// The highest status.
    pub status: String,
    /// The reason, mostly of failures.
    pub reason_code: Option<String>,
    /// When it was taken.
    pub accepted_at: Option<i64>,
    /// When it was sent.
    pub sent_at: Option<i64>,
    /// When its call was connected.
    pub connected_at: Option<i64>,
    /// When it was delivered.
    pub delivered_at: Option<i64>,
    /// When it was read.
    pub read_at: Option<i64>,
    /// When it failed.
    pub failed_at: Option<i64>,
    /// The later message whose receipt covers this one.
    pub read_up_to: Option<String>,
}

impl Delivery {
    /// Its statuses with times, and in words. A `READ` that belongs to a later message is left out.
    pub fn reached(&self) -> impl Iterator<Item = (i64, &'static str, &'static str)> {
        let own_read_at = self.read_at.filter(|_| self.read_up_to.is_none());
        let all = [
            (self.accepted_at, "ACCEPTED", "accepted"),
            (self.sent_at, "SENT", "sent"),
            (self.failed_at, "FAILED", "failed"),
            (self.connected_at, "CONNECTED", "connected"),
            (self.delivered_at, "DELIVERED", "delivered"),
            (own_read_at, "READ", "read"),
        ];
        all.into_iter().filter_map(|(at, status, words)| Some((at?, status, words)))
    }
}

/// An agent's call leg.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Call {
    /// How long.
    pub duration_ms: Option<i64>,
    /// How long of it on hold.
    pub hold_ms: i64,
    /// Why it ended.
    pub reason: Option<String>,
}

/// A rejected event.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rejected {
    /// The event.
    pub event_id: String,
    /// When.
    pub at: i64,
    /// Its relation.
    pub relation: String,
    /// The reason.
    pub reason: String,
}

/// A conversation's summary.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Summary {
    /// The least time of its events.
    pub started_at: i64,
    /// The greatest.
    pub last_event_at: i64,
    /// When it was closed last.
    pub closed_at: Option<i64>,
    /// From its start to its close.
    pub duration_ms: Option<i64>,
    /// `OPEN` or `CLOSED`.
    pub state: String,
    /// Whether its figures can still change.
    pub finality: String,
    /// How it ended.
    pub outcome: Option<String>,
    /// `INBOUND`, `OUTBOUND`.
    pub direction: Option<String>,
    /// The customer.
    pub customer_id: Option<String>,
    /// The number of its events.
    pub revision: i64,
    /// The channel types.
    pub channels: Vec<String>,
    /// The channel sessions.
    pub sessions: Vec<Session>,
    /// The agents' stays.
    pub agents: Vec<Stay>,
    /// The visits of queues.
    pub queue_visits: Vec<QueueVisit>,
    /// The tasks of the routing.
    pub tasks: Vec<Task>,
    /// From each opening to its close.
    pub cycles: Vec<Cycle>,
    /// `PRIVATE` for a room of agents only.
    pub mode: Option<String>,
    /// The wrap-ups.
    pub wrap_ups: Vec<WrapUp>,
    /// How many of its lists' entries are left out, by list.
    pub omitted: BTreeMap<String, u64>,
    /// Counts.
    pub counts: BTreeMap<String, i64>,
    /// Deliveries of its messages.
    pub delivery: Delivered,
    /// The first response.
    pub first_response_ms: Option<i64>,
    /// The first response of an agent.
    pub first_agent_response_ms: Option<i64>,
    /// The agents' responses.
    pub agent_responses: Responses,
    /// The bots' responses.
    pub bot_responses: Responses,
    /// The time on hold.
    pub hold_ms: i64,
    /// The time in calls.
    pub talk_ms: i64,
    /// The time on hold within calls.
    pub call_hold_ms: i64,
    /// The time in queues.
    pub wait_ms: i64,
}

/// A channel session.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Session {
    /// Its id.
    pub channel_session_id: String,
    /// Its channel.
    pub channel: Option<Channel>,
    /// When it began.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// How it ended.
    pub ended_by: Option<String>,
}

/// An agent's stay.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Stay {
    /// The agent.
    pub agent_id: String,
    /// The agent's name.
    pub name: Option<String>,
    /// The agent's role.
    pub role: Option<String>,
    /// When the agent joined.
    pub joined_at: i64,
    /// When the agent left.
    pub left_at: Option<i64>,
    /// Why.
    pub reason: Option<String>,
    /// The time outside of wrap-up.
    pub engaged_ms: Option<i64>,
    /// The time in wrap-up.
    pub wrap_up_ms: Option<i64>,
    /// The agent's messages.
    pub messages: i64,
    /// Messages that ended a turn.
    pub responses: i64,
    /// The sum of these turns.
    pub response_ms_total: i64,
}

/// A visit of a queue.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct QueueVisit {
    /// The queue.
    pub queue: Option<String>,
    /// `INBOUND`, `DIRECT_TRANSFER`, ….
    pub direction: Option<String>,
    /// When it began.
    pub enqueued_at: i64,
    /// How long it took.
    pub wait_ms: Option<i64>,
    /// How it ended.
    pub outcome: Option<String>,
    /// Who answered.
    pub agent_id: Option<String>,
    /// How many reservations were not answered (RONA).
    pub ronas: i64,
}

/// A task of the routing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Task {
    /// Its queue.
    pub queue: Option<String>,
    /// `INBOUND`, `CONSULT`, ….
    pub direction: Option<String>,
    /// When it was first reserved.
    pub reserved_at: Option<i64>,
    /// The agent of the last reservation.
    pub agent_id: Option<String>,
    /// When it was answered.
    pub answered_at: Option<i64>,
    /// When it was closed.
    pub closed_at: Option<i64>,
    /// Why it was closed.
    pub disposition: Option<String>,
    /// How long it rang.
    pub ring_ms: Option<i64>,
    /// The handle time.
    pub handle_ms: Option<i64>,
    /// The wrap-up time.
    pub wrap_up_ms: Option<i64>,
}

/// A cycle: from opening a conversation to closing it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Cycle {
    /// When it was opened.
    pub started_at: i64,
    /// When it was closed.
    pub closed_at: Option<i64>,
    /// How it ended.
    pub outcome: Option<String>,
}

/// A wrap-up.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WrapUp {
    /// When.
    pub at: i64,
    /// Who.
    pub agent_id: Option<String>,
    /// The wrap-up.
    pub body: Option<Value>,
}

/// Deliveries.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Delivered {
    /// Delivered, read or not.
    pub delivered: i64,
    /// Read.
    pub read: i64,
    /// Failed.
    pub failed: i64,
}

/// Responses and their times.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Responses {
    /// How many.
    pub count: i64,
    /// The total.
    pub total_ms: i64,
    /// The longest.
    pub max_ms: Option<i64>,
}
