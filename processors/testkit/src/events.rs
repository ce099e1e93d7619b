// SPDX-License-Identifier: Apache-2.0

//! Short constructors of test events.

#![expect(clippy::needless_pass_by_value, reason = "a test hands over what it has just made")]

use serde_json::{Value, json};

/// Makes events of one conversation. Ids and times are arguments, so that a test states what matters.
#[derive(Debug, Clone)]
pub struct EventFactory {
    conversation: Option<String>,
}

/// An agent's state as the routing engine publishes it, so many seconds after time 0.
#[must_use]
pub fn agent_news(agent: &str, second: i64, state: &str, reason: Option<&str>) -> Value {
    let at = T0 + second * 1000;
    let presence = json!({
        "agent": {"id": agent, "keycloakUser": {"username": format!("{agent}.k")}},
        "state": {"name": state, "reasonCode": reason.map(|reason| json!({"label": reason}))},
        "stateChangeTime": at,
        "agentMrdStates": [],
    });
    json!({"name": "AGENT_STATE_CHANGED", "timestamp": at + 3, "data": {"agentPresence": presence}})
}

/// Time 0 of a test, in epoch milliseconds.
const T0: i64 = 1_750_000_000_000;

impl EventFactory {
    /// Events of this conversation.
    #[must_use]
    pub fn new(conversation: &str) -> Self {
        Self { conversation: Some(conversation.to_owned()) }
    }

    /// Events of no conversation.
    #[must_use]
    pub fn homeless() -> Self {
        Self { conversation: None }
    }

    /// Any event: id, name, seconds after time 0, data.
    #[must_use]
    pub fn event(&self, id: &str, name: &str, second: i64, data: Value) -> Value {
        let mut event = json!({"id": id, "name": name, "timestamp": T0 + second * 1000, "data": data});
        if let (Some(conversation), Some(fields)) = (&self.conversation, event.as_object_mut()) {
            fields.insert("conversationId".to_owned(), json!(conversation));
        }
        event
    }

    fn sender(actor: &str) -> Value {
        let (actor_type, id) = actor.split_once(':').unwrap_or(("AGENT", actor));
        json!({"type": actor_type, "id": id, "senderName": id})
    }

    /// A message `activity` by `actor` (`TYPE:id`): `CUSTOMER_MESSAGE`, `AGENT_MESSAGE`, …
    #[must_use]
    pub fn message(
        &self,
        id: &str,
        name: &str,
        second: i64,
        activity: &str,
        actor: &str,
        text: &str,
    ) -> Value {
        let body = json!({"type": "PLAIN", "markdownText": text});
        let data = json!({"id": activity, "header": {"sender": Self::sender(actor)}, "body": body});
        self.event(id, name, second, data)
    }

    /// A customer's reply that quotes `target`.
    #[must_use]
    pub fn reply(&self, id: &str, second: i64, activity: &str, actor: &str, target: &str) -> Value {
        let header =
            json!({"sender": Self::sender(actor), "intent": "REPLY_TO", "originalMessageId": target});
        let body = json!({"type": "PLAIN", "markdownText": "re"});
        self.event(id, "CUSTOMER_MESSAGE", second, json!({"id": activity, "header": header, "body": body}))
    }

    fn on(&self, id: &str, name: &str, second: i64, target: &str, actor: &str, body: Value) -> Value {
        let header = json!({"sender": Self::sender(actor), "originalMessageId": target});
        self.event(id, name, second, json!({"header": header, "body": body}))
    }

    /// An edit of `target`.
    #[must_use]
    pub fn edit(&self, id: &str, second: i64, target: &str, actor: &str, text: &str) -> Value {
        let body = json!({"action": "EDIT", "body": {"type": "PLAIN", "markdownText": text}});
        self.on(id, "MODIFY_ACTIVITY", second, target, actor, body)
    }

    /// A deletion of `target`.
    #[must_use]
    pub fn delete(&self, id: &str, second: i64, target: &str, actor: &str) -> Value {
        self.on(id, "MODIFY_ACTIVITY", second, target, actor, json!({"action": "DELETE"}))
    }

    /// A reaction on `target`: `ADD` or `REMOVE` an emoji.
    #[must_use]
    pub fn reaction(
        &self,
        id: &str,
        second: i64,
        target: &str,
        actor: &str,
        emoji: &str,
        action: &str,
    ) -> Value {
        let body = json!({"kind": "EMOJI", "value": emoji, "action": action});
        self.on(id, "REACTION", second, target, actor, body)
    }

    /// A receipt for `target`.
    #[must_use]
    pub fn receipt(&self, id: &str, second: i64, target: &str, status: &str) -> Value {
        let body = json!({"messageId": target, "status": status});
        self.event(id, "MESSAGE_DELIVERY_NOTIFICATION", second, json!({"body": body}))
    }
}
