//! The records of topic `cx.activities` (contract, section 3).
//!
//! These types define only how a record is written: every field is always present, in the contract's order, null or `[]` when
//! empty. The fold computes the content. All times are epoch milliseconds. Lists are in the total order.

use crate::{Actor, Channel, Json, Kind, ReactionKind, SuggestionItem};
use serde::Serialize;

/// An activity: a message, a note, a call leg, …, with its later changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity<'a> {
    /// Its id, unique within its conversation.
    pub activity_id: &'a str,
    /// Its conversation; `None` for a note without one.
    pub conversation_id: Option<&'a str>,
    /// The primary's channel session.
    pub channel_session_id: Option<&'a str>,
    /// The primary's customer.
    pub customer_id: Option<&'a str>,
    /// What it is.
    pub kind: Kind,
    /// Its author (A2).
    pub actor: Option<&'a Actor<'a>>,
    /// The primary's channel.
    pub channel: Option<&'a Channel<'a>>,
    /// The primary's time (A8).
    pub occurred_at: i64,
    /// The greatest time of the accepted events (A8).
    pub updated_at: i64,
    /// The number of accepted distinct events, the primary included (A8).
    pub revision: u64,
    /// The last accepted edit's body, else the primary's; `None` once deleted (A3, A4).
    pub body: Option<&'a Json<'a>>,
    /// The activity that it replies to.
    pub in_reply_to: Option<&'a str>,
    /// The channel provider's own id of the message.
    pub provider_message_id: Option<&'a str>,
    /// The accepted edits (A3).
    pub edits: Vec<Edit<'a>>,
    /// The first accepted deletion (A4).
    pub deletion: Option<Deletion<'a>>,
    /// The reactions shown (A5).
    pub reactions: Vec<Reaction<'a>>,
    /// All suggestions (A6).
    pub suggestions: Vec<Suggestion<'a>>,
    /// Its delivery (A7).
    pub delivery: Option<Delivery<'a>>,
    /// The call leg; `None` for other kinds (A9).
    pub call: Option<Call<'a>>,
    /// Rejected events: the last 200 of them.
    pub rejected: Vec<Rejected<'a>>,
    /// The primary's room.
    pub room_id: Option<&'a str>,
    /// Its first hide (A4).
    pub hidden: Option<Deletion<'a>>,
    /// The number of its events that nothing else in the record shows (A10).
    pub omitted: OmittedEvents,
}

/// The numbers of an activity's events that are left out, because there are more than are folded (A10).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OmittedEvents {
    /// Edits: all but the last 200.
    pub edits: u64,
    /// Reactions, replies among them: all but the last 200.
    pub reactions: u64,
    /// Events with suggestions: all but the last 200.
    pub suggestions: u64,
    /// Primaries, receipts, hides, holds and rejected events: all but the last 200 each.
    pub others: u64,
}

/// An accepted edit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Edit<'a> {
    /// The edit's event.
    pub event_id: &'a str,
    /// The edit's time.
    pub at: i64,
    /// Who edited.
    pub actor: Option<&'a Actor<'a>>,
    /// The new body; `None` once the activity is deleted.
    pub body: Option<&'a Json<'a>>,
}

/// The deletion of an activity, or its hiding.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deletion<'a> {
    /// The deletion's event.
    pub event_id: &'a str,
    /// The deletion's time.
    pub at: i64,
    /// Who deleted.
    pub actor: Option<&'a Actor<'a>>,
}

/// A reaction that is shown, with the event that decided it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reaction<'a> {
    /// The deciding event.
    pub event_id: &'a str,
    /// The deciding event's time.
    pub at: i64,
    /// Who reacted.
    pub actor: Option<&'a Actor<'a>>,
    /// Its kind.
    pub kind: ReactionKind,
    /// Its value, for example the emoji or the replying activity's id; `None` when it quotes a deleted activity.
    pub value: Option<&'a str>,
}

/// A bot's suggestions of one event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suggestion<'a> {
    /// The suggesting event.
    pub event_id: &'a str,
    /// The suggesting event's time.
    pub at: i64,
    /// The bot.
    pub actor: Option<&'a Actor<'a>>,
    /// The suggestions, as ordered by the bot.
    pub items: &'a [SuggestionItem<'a>],
}

/// The delivery of an activity.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery<'a> {
    /// The highest status seen: `ACCEPTED`, `SENT`, `FAILED`, `CONNECTED`, `DELIVERED` or `READ`.
    pub status: &'static str,
    /// The reason of the first event with that status.
    pub reason_code: Option<&'a str>,
    /// The earliest time of an `ACCEPTED`.
    pub accepted_at: Option<i64>,
    /// The earliest time of a `SENT`.
    pub sent_at: Option<i64>,
    /// The earliest time of a `CONNECTED`.
    pub connected_at: Option<i64>,
    /// The earliest time of a `DELIVERED`.
    pub delivered_at: Option<i64>,
    /// The earliest time of a `READ`, its own or of a later message of the same side.
    pub read_at: Option<i64>,
    /// The earliest time of a `FAILED`.
    pub failed_at: Option<i64>,
    /// The later message whose `READ` includes this one.
    pub read_up_to: Option<&'a str>,
}

/// An agent's call leg.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call<'a> {
    /// The leg's id, which is the activity's.
    pub leg_id: &'a str,
    /// The call, or the channel session that represents it.
    pub call_id: Option<&'a str>,
    /// The agent.
    pub agent_id: Option<&'a str>,
    /// The reason of the first started event.
    pub direction: Option<&'a str>,
    /// When it began.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// Its duration in milliseconds, when both ends are known; never negative.
    pub duration_ms: Option<i64>,
    /// The time on hold within it, in milliseconds.
    pub hold_ms: i64,
    /// Why it ended.
    pub reason: Option<&'a str>,
}

/// A rejected event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected<'a> {
    /// The event.
    pub event_id: &'a str,
    /// The event's time.
    pub at: i64,
    /// Its relation: `PRIMARY`, `EDIT`, `DELETE`, `REACTION`, `RESPONSE`, `SUGGESTION`, `DELIVERY`, `HIDE` or `HOLD`.
    pub relation: &'static str,
    /// Why it was rejected: a constant of section 3, for example `not-author`.
    pub reason: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, text};
    use std::borrow::Cow;

    fn bare<'a>() -> Activity<'a> {
        Activity {
            activity_id: "m",
            conversation_id: None,
            channel_session_id: None,
            customer_id: None,
            kind: Kind::Note,
            actor: None,
            channel: None,
            occurred_at: 1,
            updated_at: 2,
            revision: 3,
            body: None,
            in_reply_to: None,
            provider_message_id: None,
            edits: vec![],
            deletion: None,
            reactions: vec![],
            suggestions: vec![],
            delivery: None,
            call: None,
            rejected: vec![],
            room_id: None,
            hidden: None,
            omitted: OmittedEvents::default(),
        }
    }

    fn json(activity: &Activity<'_>) -> String {
        text(|out| activity.write_json(out))
    }

    #[test]
    fn a_bare_activity_has_all_its_fields_in_the_contracts_order() {
        assert_eq!(
            json(&bare()),
            r#"{"activityId":"m","conversationId":null,"channelSessionId":null,"customerId":null,"kind":"NOTE","actor":null,"channel":null,"occurredAt":1,"updatedAt":2,"revision":3,"body":null,"inReplyTo":null,"providerMessageId":null,"edits":[],"deletion":null,"reactions":[],"suggestions":[],"delivery":null,"call":null,"rejected":[],"roomId":null,"hidden":null,"omitted":{"edits":0,"reactions":0,"suggestions":0,"others":0}}"#
        );
    }

    #[test]
    fn a_full_activity_has_all_nested_fields_in_the_contracts_order() {
        let ann = Actor { actor_type: Some("AGENT".into()), id: Some("a".into()), name: None };
        let channel = Channel { channel_type: Some("WEB".into()), service_identifier: None };
        let body = Json::from_compact(Cow::Borrowed(r#"{"x":1.0}"#));
        let items = [SuggestionItem { body: Some(body.clone()), confidence: None }];
        let (event_id, at, actor) = ("e", 9, Some(&ann));
        let full = Activity {
            conversation_id: Some("c"),
            channel_session_id: Some("s"),
            customer_id: Some("k"),
            actor,
            channel: Some(&channel),
            body: Some(&body),
            in_reply_to: Some("r"),
            provider_message_id: Some("p"),
            edits: vec![Edit { event_id, at, actor, body: Some(&body) }],
            deletion: Some(Deletion { event_id, at, actor: None }),
            reactions: vec![Reaction { event_id, at, actor, kind: ReactionKind::Flag, value: Some("v") }],
            suggestions: vec![Suggestion { event_id, at, actor: None, items: &items }],
            delivery: Some(Delivery {
                status: "READ",
                reason_code: None,
                accepted_at: Some(1),
                sent_at: Some(2),
                connected_at: None,
                delivered_at: Some(3),
                read_at: Some(4),
                failed_at: None,
                read_up_to: Some("n"),
            }),
            call: Some(Call {
                leg_id: "l",
                call_id: Some("k"),
                agent_id: Some("a"),
                direction: Some("INBOUND"),
                started_at: Some(1),
                ended_at: Some(3),
                duration_ms: Some(2),
                hold_ms: 1,
                reason: None,
            }),
            rejected: vec![Rejected { event_id, at, relation: "EDIT", reason: "not-author" }],
            room_id: Some("o"),
            hidden: Some(Deletion { event_id, at, actor: None }),
            omitted: OmittedEvents { edits: 1, reactions: 2, suggestions: 3, others: 4 },
            ..bare()
        };
        let a = r#"{"type":"AGENT","id":"a","name":null}"#;
        assert_eq!(
            json(&full),
            format!(
                r#"{{"activityId":"m","conversationId":"c","channelSessionId":"s","customerId":"k","kind":"NOTE","actor":{a},"channel":{{"type":"WEB","serviceIdentifier":null}},"occurredAt":1,"updatedAt":2,"revision":3,"body":{{"x":1.0}},"inReplyTo":"r","providerMessageId":"p","edits":[{{"eventId":"e","at":9,"actor":{a},"body":{{"x":1.0}}}}],"deletion":{{"eventId":"e","at":9,"actor":null}},"reactions":[{{"eventId":"e","at":9,"actor":{a},"kind":"FLAG","value":"v"}}],"suggestions":[{{"eventId":"e","at":9,"actor":null,"items":[{{"body":{{"x":1.0}},"confidence":null}}]}}],"delivery":{{"status":"READ","reasonCode":null,"acceptedAt":1,"sentAt":2,"connectedAt":null,"deliveredAt":3,"readAt":4,"failedAt":null,"readUpTo":"n"}},"call":{{"legId":"l","callId":"k","agentId":"a","direction":"INBOUND","startedAt":1,"endedAt":3,"durationMs":2,"holdMs":1,"reason":null}},"rejected":[{{"eventId":"e","at":9,"relation":"EDIT","reason":"not-author"}}],"roomId":"o","hidden":{{"eventId":"e","at":9,"actor":null}},"omitted":{{"edits":1,"reactions":2,"suggestions":3,"others":4}}}}"#
            )
        );
    }
}
