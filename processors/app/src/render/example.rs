// SPDX-License-Identifier: Apache-2.0

//! Records for tests, of which only what matters is written.

use serde_json::{Map, Value, json};

/// An activity with these fields.
pub fn activity(fields: &Value) -> Value {
    let actor = json!({"type": null, "id": null, "name": null});
    let change = json!({"eventId": "e", "at": 0, "actor": actor});
    let with = |more: Value| merged(&change, &more);
    let whole = json!({
        "activityId": "a", "conversationId": "c", "channelSessionId": null, "customerId": null, "kind": "AGENT_MESSAGE",
        "actor": actor, "channel": {"type": null, "serviceIdentifier": null}, "occurredAt": 0, "updatedAt": 0,
        "revision": 1, "body": null, "inReplyTo": null, "providerMessageId": null,
        "edits": [with(json!({"body": null}))], "deletion": change,
        "reactions": [with(json!({"kind": "EMOJI", "value": null}))], "suggestions": [with(json!({"items": []}))],
        "delivery": {"status": "SENT", "reasonCode": null, "acceptedAt": null, "sentAt": null, "connectedAt": null,
            "deliveredAt": null, "readAt": null, "failedAt": null, "readUpTo": null},
        "call": null, "rejected": [{"eventId": "e", "at": 0, "relation": "EDIT", "reason": "not-author"}],
        "roomId": null, "hidden": change,
    });
    filled(fields, &whole)
}

/// An entry of a timeline with these fields.
pub fn entry(fields: &Value) -> Value {
    let whole = json!({
        "entryId": "e", "conversationId": "c", "at": 0, "name": "CUSTOMER_MESSAGE", "category": "MESSAGE",
        "activityId": null, "actor": {"type": null, "id": null, "name": null}, "channelSessionId": null,
        "customerId": null, "channel": null, "elapsedMs": 0, "stage": "AGENT", "agents": [], "queue": null,
        "responseMs": null, "respondsTo": null,
    });
    filled(fields, &whole)
}

fn merged(one: &Value, more: &Value) -> Value {
    let fields = [one, more].into_iter().filter_map(Value::as_object).flatten();
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// The fields, and what `whole` has besides: its texts and numbers, no object, and lists without items. Items and objects that are
/// there are filled, too.
fn filled(fields: &Value, whole: &Value) -> Value {
    match (fields, whole) {
        (Value::Object(fields), Value::Object(whole)) => {
            let absent = |value: &Value| match value {
                Value::Object(_) => Value::Null,
                Value::Array(_) => json!([]),
                value => value.clone(),
            };
            let mut all: Map<String, Value> = fields.clone();
            for (name, template) in whole {
                let value =
                    fields.get(name).map_or_else(|| absent(template), |value| filled(value, template));
                all.insert(name.clone(), value);
            }
            Value::Object(all)
        }
        (Value::Array(items), Value::Array(whole)) => match whole.first() {
            Some(template) => items.iter().map(|item| filled(item, template)).collect(),
            None => fields.clone(),
        },
        _ => fields.clone(),
    }
}
