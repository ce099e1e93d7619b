// SPDX-License-Identifier: Apache-2.0

//! Removes message texts from records. Texts occur only in bodies: of activities, edits, suggestions and wrap-ups.

use serde_json::{Map, Value, json};

/// The field with a text.
const BODY: &str = "body";
/// The maximum length of a body's type.
const WORD_MAX: usize = 32;

/// Removes all bodies from a record, except for their types.
pub(crate) fn texts(record: &mut Value) {
    match record {
        Value::Object(fields) => hide_in(fields),
        Value::Array(items) => items.iter_mut().for_each(texts),
        _ => {}
    }
}

fn hide_in(fields: &mut Map<String, Value>) {
    for (name, value) in fields {
        if name == BODY {
            if !value.is_null() {
                *value = hidden(value);
            }
        } else {
            texts(value);
        }
    }
}

/// A body's type is a short constant; anything else in its place may be text.
fn hidden(body: &Value) -> Value {
    let is_word = |text: &&str| {
        text.len() <= WORD_MAX && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    match body.get("type").and_then(Value::as_str).filter(is_word) {
        Some(word) => json!({"hidden": true, "type": word}),
        None => json!({"hidden": true}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_body_is_left_wherever_it_stands() {
        let mut record = json!({
            "activityId": "m", "body": {"type": "PLAIN", "markdownText": "secret"},
            "edits": [{"eventId": "e", "body": {"type": "secret words"}}, {"body": null}],
            "suggestions": [{"items": [{"body": {"type": "secret"}, "confidence": 1}]}],
            "wrapUps": [{"body": ["secret"]}],
        });
        texts(&mut record);
        assert!(!record.to_string().contains("secret"), "{record}");
        assert_eq!(record["body"], json!({"hidden": true, "type": "PLAIN"}));
        assert_eq!(record["edits"][0]["body"], json!({"hidden": true}));
        assert_eq!(record["edits"][1]["body"], Value::Null);
        assert_eq!(record["suggestions"][0]["items"][0]["confidence"], 1);
    }
}
