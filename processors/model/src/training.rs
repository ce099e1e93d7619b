// SPDX-License-Identifier: Apache-2.0

//! The records of topic `cx.bot-training` (contract, section 10).

use crate::{Actor, Channel, Json, Kind, Reaction, Suggestion};
use serde::Serialize;

/// A customer's message with a bot's suggestions, and what became of them. The key is [`crate::activity_key`]'s. All times are
/// epoch milliseconds, lists are in the total order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrainingRecord<'a> {
    /// The conversation.
    pub conversation_id: &'a str,
    /// The message.
    pub activity_id: &'a str,
    /// The message's time.
    pub occurred_at: i64,
    /// The message's channel.
    pub channel: Option<&'a Channel<'a>>,
    /// The customer's text, in its last version.
    pub body: Option<&'a Json<'a>>,
    /// The bots' suggestions.
    pub suggestions: Vec<Suggestion<'a>>,
    /// The reactions of kind `FLAG` that are shown.
    pub flags: Vec<Reaction<'a>>,
    /// The message that closed the turn opened by this one; `None` if it opened none, or the turn is open.
    pub reply: Option<TrainingReply<'a>>,
}

/// An answer to a customer's message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrainingReply<'a> {
    /// The answer.
    pub activity_id: &'a str,
    /// Whether a bot or an agent answered.
    pub kind: Kind,
    /// The actor.
    pub actor: Option<&'a Actor<'a>>,
    /// The answer's time.
    pub at: i64,
    /// Its body; `None` once it is deleted.
    pub body: Option<&'a Json<'a>>,
    /// The customer's wait for it.
    pub response_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, text};
    use crate::{ReactionKind, SuggestionItem};
    use std::borrow::Cow;

    fn bare<'a>() -> TrainingRecord<'a> {
        TrainingRecord {
            conversation_id: "c",
            activity_id: "m",
            occurred_at: 1,
            channel: None,
            body: None,
            suggestions: vec![],
            flags: vec![],
            reply: None,
        }
    }

    #[test]
    fn a_bare_record_has_all_its_fields_in_order() {
        assert_eq!(
            text(|out| bare().write_json(out)),
            r#"{"conversationId":"c","activityId":"m","occurredAt":1,"channel":null,"body":null,"suggestions":[],"flags":[],"reply":null}"#
        );
    }

    #[test]
    fn a_full_record_has_all_nested_fields_in_order() {
        let bot = Actor { actor_type: Some("BOT".into()), id: Some("b".into()), name: None };
        let channel = Channel { channel_type: Some("WEB".into()), service_identifier: None };
        let body = Json::from_compact(Cow::Borrowed(r#"{"x":1.0}"#));
        let items = vec![SuggestionItem {
            body: Some(body.clone()),
            confidence: Some(Json::from_compact(Cow::Borrowed("0.90"))),
        }];
        let (event_id, at, actor) = (Cow::Borrowed("e"), 9, Some(bot.clone()));
        let full = TrainingRecord {
            channel: Some(&channel),
            body: Some(&body),
            suggestions: vec![Suggestion { event_id: event_id.clone(), at, actor: actor.clone(), items }],
            flags: vec![Reaction {
                event_id,
                at,
                actor,
                kind: ReactionKind::Flag,
                value: Some("bad".into()),
            }],
            reply: Some(TrainingReply {
                activity_id: "r",
                kind: Kind::BotMessage,
                actor: Some(&bot),
                at,
                body: None,
                response_ms: 8,
            }),
            ..bare()
        };
        let b = r#"{"type":"BOT","id":"b","name":null}"#;
        assert_eq!(
            text(|out| full.write_json(out)),
            format!(
                r#"{{"conversationId":"c","activityId":"m","occurredAt":1,"channel":{{"type":"WEB","serviceIdentifier":null}},"body":{{"x":1.0}},"suggestions":[{{"eventId":"e","at":9,"actor":{b},"items":[{{"body":{{"x":1.0}},"confidence":0.90}}]}}],"flags":[{{"eventId":"e","at":9,"actor":{b},"kind":"FLAG","value":"bad"}}],"reply":{{"activityId":"r","kind":"BOT_MESSAGE","actor":{b},"at":9,"body":null,"responseMs":8}}}}"#
            )
        );
    }
}
