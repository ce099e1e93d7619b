// SPDX-License-Identifier: Apache-2.0

//! The records of topic `cx.activities` (contract, section 3).
//!
//! These types define only how a record is written and read: every field is always present, in the contract's order, null or `[]`
//! when empty. The fold computes the content. All times are epoch milliseconds. Lists are in the total order.
//!
//! Records of earlier versions are read, too: what their schema does not have takes the default of the newest schema.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Actor, Channel, Json, Kind, Mark, ReactionKind, SuggestionItem};

/// An activity: a message, a note, a call leg, …, with its later changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity<'a> {
    /// Its id, unique within its conversation.
    pub activity_id: Cow<'a, str>,
    /// Its conversation; `None` for a note without one.
    pub conversation_id: Option<Cow<'a, str>>,
    /// The primary's channel session.
    pub channel_session_id: Option<Cow<'a, str>>,
    /// The primary's customer.
    pub customer_id: Option<Cow<'a, str>>,
    /// What it is.
    pub kind: Kind,
    /// Its author (A2).
    #[serde(default, deserialize_with = "crate::event::owned_actor")]
    pub actor: Option<Actor<'a>>,
    /// The primary's channel.
    #[serde(default, deserialize_with = "crate::event::owned_channel")]
    pub channel: Option<Channel<'a>>,
    /// The primary's time (A8).
    pub occurred_at: i64,
    /// The greatest time of the accepted events (A8).
    pub updated_at: i64,
    /// The number of accepted distinct events, the primary included (A8).
    pub revision: u64,
    /// The last accepted edit's body, else the primary's; `None` once deleted (A3, A4).
    pub body: Option<Json<'a>>,
    /// The activity that it replies to.
    pub in_reply_to: Option<Cow<'a, str>>,
    /// The channel provider's own id of the message.
    pub provider_message_id: Option<Cow<'a, str>>,
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
    pub room_id: Option<Cow<'a, str>>,
    /// Its first hide (A4).
    pub hidden: Option<Deletion<'a>>,
    /// The number of its events that nothing else in the record shows (A10).
    #[serde(default)]
    pub omitted: OmittedEvents,
}

impl<'a> Activity<'a> {
    /// An activity with nothing but its id, its kind and its time.
    #[must_use]
    pub fn new(activity_id: Cow<'a, str>, kind: Kind, occurred_at: i64) -> Self {
        Self {
            activity_id,
            conversation_id: None,
            channel_session_id: None,
            customer_id: None,
            kind,
            actor: None,
            channel: None,
            occurred_at,
            updated_at: occurred_at,
            revision: 1,
            body: None,
            in_reply_to: None,
            provider_message_id: None,
            edits: Vec::new(),
            deletion: None,
            reactions: Vec::new(),
            suggestions: Vec::new(),
            delivery: None,
            call: None,
            rejected: Vec::new(),
            room_id: None,
            hidden: None,
            omitted: OmittedEvents::default(),
        }
    }

    /// The first event of a mark.
    #[must_use]
    pub fn mark(&self, mark: Mark) -> Option<&Deletion<'a>> {
        match mark {
            Mark::Hide => self.hidden.as_ref(),
        }
    }

    /// The same, to write it.
    pub fn mark_mut(&mut self, mark: Mark) -> &mut Option<Deletion<'a>> {
        match mark {
            Mark::Hide => &mut self.hidden,
        }
    }
}

/// The numbers of an activity's events that are left out, because there are more than are folded (A10).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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

impl OmittedEvents {
    /// The numbers by the names of their fields.
    #[must_use]
    pub fn numbers(&self) -> [(&'static str, u64); 4] {
        let Self { edits, reactions, suggestions, others } = *self;
        [("edits", edits), ("reactions", reactions), ("suggestions", suggestions), ("others", others)]
    }
}

/// An accepted edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Edit<'a> {
    /// The edit's event.
    pub event_id: Cow<'a, str>,
    /// The edit's time.
    pub at: i64,
    /// Who edited.
    #[serde(default, deserialize_with = "crate::event::owned_actor")]
    pub actor: Option<Actor<'a>>,
    /// The new body; `None` once the activity is deleted.
    pub body: Option<Json<'a>>,
}

/// The deletion of an activity, or its hiding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deletion<'a> {
    /// The deletion's event.
    pub event_id: Cow<'a, str>,
    /// The deletion's time.
    pub at: i64,
    /// Who deleted.
    #[serde(default, deserialize_with = "crate::event::owned_actor")]
    pub actor: Option<Actor<'a>>,
}

/// A reaction that is shown, with the event that decided it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reaction<'a> {
    /// The deciding event.
    pub event_id: Cow<'a, str>,
    /// The deciding event's time.
    pub at: i64,
    /// Who reacted.
    #[serde(default, deserialize_with = "crate::event::owned_actor")]
    pub actor: Option<Actor<'a>>,
    /// Its kind.
    pub kind: ReactionKind,
    /// Its value, for example the emoji or the replying activity's id; `None` when it quotes a deleted activity.
    pub value: Option<Cow<'a, str>>,
}

/// A bot's suggestions of one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suggestion<'a> {
    /// The suggesting event.
    pub event_id: Cow<'a, str>,
    /// The suggesting event's time.
    pub at: i64,
    /// The bot.
    #[serde(default, deserialize_with = "crate::event::owned_actor")]
    pub actor: Option<Actor<'a>>,
    /// The suggestions, as ordered by the bot.
    pub items: Vec<SuggestionItem<'a>>,
}

/// The delivery of an activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery<'a> {
    /// The highest status seen: `ACCEPTED`, `SENT`, `FAILED`, `CONNECTED`, `DELIVERED` or `READ`.
    pub status: Cow<'a, str>,
    /// The reason of the first event with that status.
    pub reason_code: Option<Cow<'a, str>>,
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
    pub read_up_to: Option<Cow<'a, str>>,
}

/// An agent's call leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call<'a> {
    /// The leg's id, which is the activity's.
    pub leg_id: Cow<'a, str>,
    /// The call, or the channel session that represents it.
    pub call_id: Option<Cow<'a, str>>,
    /// The agent.
    pub agent_id: Option<Cow<'a, str>>,
    /// The reason of the first started event.
    pub direction: Option<Cow<'a, str>>,
    /// When it began.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// Its duration in milliseconds, when both ends are known; never negative.
    pub duration_ms: Option<i64>,
    /// The time on hold within it, in milliseconds.
    #[serde(default)]
    pub hold_ms: i64,
    /// Why it ended.
    pub reason: Option<Cow<'a, str>>,
}

/// A rejected event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected<'a> {
    /// The event.
    pub event_id: Cow<'a, str>,
    /// The event's time.
    pub at: i64,
    /// Its relation: `PRIMARY`, `EDIT`, `DELETE`, `REACTION`, `RESPONSE`, `SUGGESTION`, `DELIVERY`, `HIDE` or `HOLD`.
    pub relation: Cow<'a, str>,
    /// Why it was rejected: a constant of section 3, for example `not-author`.
    pub reason: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, text};

    fn bare<'a>() -> Activity<'a> {
        Activity { updated_at: 2, revision: 3, ..Activity::new("m".into(), Kind::Note, 1) }
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
        let items = vec![SuggestionItem { body: Some(body.clone()), confidence: None }];
        let (event_id, at, actor) = (Cow::Borrowed("e"), 9, Some(ann));
        let full = Activity {
            conversation_id: Some("c".into()),
            channel_session_id: Some("s".into()),
            customer_id: Some("k".into()),
            actor: actor.clone(),
            channel: Some(channel),
            body: Some(body.clone()),
            in_reply_to: Some("r".into()),
            provider_message_id: Some("p".into()),
            edits: vec![Edit { event_id: event_id.clone(), at, actor: actor.clone(), body: Some(body) }],
            deletion: Some(Deletion { event_id: event_id.clone(), at, actor: None }),
            reactions: vec![Reaction {
                event_id: event_id.clone(),
                at,
                actor,
                kind: ReactionKind::Flag,
                value: Some("v".into()),
            }],
            suggestions: vec![Suggestion { event_id: event_id.clone(), at, actor: None, items }],
            delivery: Some(Delivery {
                status: "READ".into(),
                reason_code: None,
                accepted_at: Some(1),
                sent_at: Some(2),
                connected_at: None,
                delivered_at: Some(3),
                read_at: Some(4),
                failed_at: None,
                read_up_to: Some("n".into()),
            }),
            call: Some(Call {
                leg_id: "l".into(),
                call_id: Some("k".into()),
                agent_id: Some("a".into()),
                direction: Some("INBOUND".into()),
                started_at: Some(1),
                ended_at: Some(3),
                duration_ms: Some(2),
                hold_ms: 1,
                reason: None,
            }),
            rejected: vec![Rejected {
                event_id: event_id.clone(),
                at,
                relation: "EDIT".into(),
                reason: "not-author".into(),
            }],
            room_id: Some("o".into()),
            hidden: Some(Deletion { event_id: event_id.clone(), at, actor: None }),
            omitted: OmittedEvents { edits: 1, reactions: 2, suggestions: 3, others: 4 },
            ..bare()
        };
        let a = r#"{"type":"AGENT","id":"a","name":null}"#;
        let written = json(&full);
        assert_eq!(serde_json::from_str::<Activity<'_>>(&written).unwrap(), full);
        assert_eq!(
            written,
            format!(
                r#"{{"activityId":"m","conversationId":"c","channelSessionId":"s","customerId":"k","kind":"NOTE","actor":{a},"channel":{{"type":"WEB","serviceIdentifier":null}},"occurredAt":1,"updatedAt":2,"revision":3,"body":{{"x":1.0}},"inReplyTo":"r","providerMessageId":"p","edits":[{{"eventId":"e","at":9,"actor":{a},"body":{{"x":1.0}}}}],"deletion":{{"eventId":"e","at":9,"actor":null}},"reactions":[{{"eventId":"e","at":9,"actor":{a},"kind":"FLAG","value":"v"}}],"suggestions":[{{"eventId":"e","at":9,"actor":null,"items":[{{"body":{{"x":1.0}},"confidence":null}}]}}],"delivery":{{"status":"READ","reasonCode":null,"acceptedAt":1,"sentAt":2,"connectedAt":null,"deliveredAt":3,"readAt":4,"failedAt":null,"readUpTo":"n"}},"call":{{"legId":"l","callId":"k","agentId":"a","direction":"INBOUND","startedAt":1,"endedAt":3,"durationMs":2,"holdMs":1,"reason":null}},"rejected":[{{"eventId":"e","at":9,"relation":"EDIT","reason":"not-author"}}],"roomId":"o","hidden":{{"eventId":"e","at":9,"actor":null}},"omitted":{{"edits":1,"reactions":2,"suggestions":3,"others":4}}}}"#
            )
        );
    }
}
