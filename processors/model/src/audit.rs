// SPDX-License-Identifier: Apache-2.0

//! The records of topic `cx.audit` (contract, section 10).

use crate::{Action, Actor, Category, Channel, Event, Kind};
use serde::Serialize;

/// Who did what, when, to which activity. The key is the event's id. It never contains message text: no body, no reaction
/// value, no reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord<'a> {
    /// The event.
    pub event_id: &'a str,
    /// The conversation that the event itself names; `None` when only its session or its activity is known.
    pub conversation_id: Option<&'a str>,
    /// The event's channel session.
    pub channel_session_id: Option<&'a str>,
    /// The event's customer.
    pub customer_id: Option<&'a str>,
    /// The event's time, epoch milliseconds.
    pub at: i64,
    /// The event's name.
    pub name: &'a str,
    /// The event's category.
    pub category: Category,
    /// The action: `PRIMARY`, `EDIT`, `DELETE`, `REACTION`, `SUGGESTION`, `DELIVERY`, `HIDE` or `HOLD`; `None` for facts.
    pub action: Option<&'static str>,
    /// The activity that the event creates or changes; `None` for facts.
    pub activity_id: Option<&'a str>,
    /// The kind of an activity that the event creates.
    pub kind: Option<Kind>,
    /// The actor.
    pub actor: Option<&'a Actor<'a>>,
    /// The event's channel.
    pub channel: Option<&'a Channel<'a>>,
}

impl<'a> AuditRecord<'a> {
    /// The record of an event.
    #[must_use]
    pub fn of(event: &'a Event<'_>) -> Self {
        AuditRecord {
            event_id: &event.id,
            conversation_id: event.conversation_id.as_deref(),
            channel_session_id: event.channel_session_id.as_deref(),
            customer_id: event.customer_id.as_deref(),
            at: event.at,
            name: &event.name,
            category: Category::of(&event.action),
            action: event.relation_word(),
            activity_id: event.activity_id(),
            kind: match &event.action {
                Action::Primary(primary) => Some(primary.kind),
                Action::Relation(_) | Action::Fact(_) | Action::Signal => None,
            },
            actor: event.actor.as_ref(),
            channel: event.channel.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, text};
    use crate::{Limits, decode};
    use serde_json::{Value, json};

    /// A record's text, of an event of this name in which all other text is the word `secret`.
    fn audited(name: &str, ids: &Value) -> String {
        let mut event = json!({
            "id": "e", "name": name, "timestamp": 1_750_000_000_000_i64,
            "channelSession": {"id": "s", "customer": {"_id": "k"}, "channel": {"channelType": {"name": "WEB"}}},
            "data": {
                "id": "m", "requestedMessage": {"id": "t"}, "suggestions": [{"messageBody": {"x": "secret"}}],
                "header": {"originalMessageId": "t", "providerMessageId": "secret", "sender": {"type": "AGENT", "id": "a"}},
                "body": {"text": "secret", "action": "EDIT", "body": {"x": "secret"}, "messageId": "t",
                    "status": "secret", "reasonCode": "secret"},
                "state": "secret", "reason": "secret", "task": {"id": "secret"}, "queue": {"name": "secret"}
            }
        });
        for (field, value) in ids.as_object().unwrap() {
            event[field] = value.clone();
        }
        if name == "REACTION" {
            event["data"]["body"] = json!({"kind": "EMOJI", "value": "secret"});
        }
        let value = event.to_string();
        let event = decode(value.as_bytes(), None, &Limits::default()).unwrap();
        text(|out| AuditRecord::of(&event).write_json(out))
    }

    fn expected(name: &str, rest: &str) -> String {
        format!(
            r#"{{"eventId":"e","conversationId":"c","channelSessionId":"s","customerId":"k","at":1750000000000,"name":"{name}",{rest},"actor":{{"type":"AGENT","id":"a","name":null}},"channel":{{"type":"WEB","serviceIdentifier":null}}}}"#
        )
    }

    #[test]
    fn every_action_has_a_record_with_all_fields_and_no_text() {
        for (name, rest) in [
            (
                "AGENT_MESSAGE",
                r#""category":"MESSAGE","action":"PRIMARY","activityId":"m","kind":"AGENT_MESSAGE""#,
            ),
            ("MODIFY_ACTIVITY", r#""category":"EDIT","action":"EDIT","activityId":"t","kind":null"#),
            ("REACTION", r#""category":"REACTION","action":"REACTION","activityId":"t","kind":null"#),
            (
                "BOT_SUGGESTION",
                r#""category":"SUGGESTION","action":"SUGGESTION","activityId":"t","kind":null"#,
            ),
            (
                "MESSAGE_DELIVERY_NOTIFICATION",
                r#""category":"DELIVERY","action":"DELIVERY","activityId":"t","kind":null"#,
            ),
            ("AGENT_UNSUBSCRIBED", r#""category":"PARTICIPANT","action":null,"activityId":null,"kind":null"#),
            ("TASK_ENQUEUED", r#""category":"ROUTING","action":null,"activityId":null,"kind":null"#),
            ("ANYTHING", r#""category":"OTHER","action":null,"activityId":null,"kind":null"#),
        ] {
            assert_eq!(audited(name, &json!({"conversationId": "c"})), expected(name, rest), "{name}");
        }
    }

    #[test]
    fn what_an_event_does_not_tell_is_null() {
        let ids = json!({"channelSession": null, "conversationId": "c", "data": null});
        assert_eq!(
            audited("AGENT_RESERVED", &ids),
            r#"{"eventId":"e","conversationId":"c","channelSessionId":null,"customerId":null,"at":1750000000000,"name":"AGENT_RESERVED","category":"ROUTING","action":null,"activityId":null,"kind":null,"actor":null,"channel":null}"#
        );
        let waiting = audited("AGENT_RESERVED", &json!({}));
        assert!(waiting.contains(r#""conversationId":null,"channelSessionId":"s""#), "{waiting}");
    }
}
