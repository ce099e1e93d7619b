// SPDX-License-Identifier: Apache-2.0

//! The content of an activity as one text.

use model::{Activity, Json, Kind};
use serde_json::Value;

use super::text::{duration, safe};

/// The text of an activity in at most `columns_max` columns; empty without content.
pub fn of_activity(activity: &Activity<'_>, columns_max: usize) -> String {
    if let Some(call) = &activity.call {
        let reason = call.reason.as_deref().map(|reason| format!(", reason {reason}")).unwrap_or_default();
        return match call.duration_ms {
            Some(ms) => {
                let held = Some(call.hold_ms).filter(|ms| *ms > 0);
                let held = held.map(|ms| format!(", {} of it on hold", duration(ms))).unwrap_or_default();
                safe(&format!("took {}{held}{reason}", duration(ms)), columns_max)
            }
            None => "under way".to_owned(),
        };
    }
    match (&activity.body, activity.kind) {
        (Some(body), Kind::ConversationData) => safe(body.as_str(), columns_max),
        (Some(body), _) => text(body, columns_max),
        (None, _) => String::new(),
    }
}

/// The text of a body: its text, else its wrap-up codes, else its link, else its type.
pub fn text(body: &Json<'_>, columns_max: usize) -> String {
    let body: Value = serde_json::from_str(body.as_str()).unwrap_or_default();
    let field = |name: &&str| body.get(*name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let words = ["markdownText", "caption"].iter().find_map(field).map(str::to_owned);
    let wrap_ups = || body.get("wrapups").and_then(Value::as_array).map(|codes| wrap_ups(codes, &body));
    let other = || ["url", "mediaUrl", "type"].iter().find_map(field).map(str::to_owned);
    safe(&words.or_else(wrap_ups).or_else(other).unwrap_or_default(), columns_max)
}

fn wrap_ups(codes: &[Value], body: &Value) -> String {
    let text = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let code = |code: &Value| {
        let parts = [text(code, "categoryName"), text(code, "value")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
    };
    let mut said: Vec<String> = codes.iter().map(code).collect();
    said.extend(text(body, "note").map(|note| format!("“{note}”")));
    said.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(body: &Value, columns_max: usize) -> String {
        super::text(&Json::from_compact(body.to_string().into()), columns_max)
    }

    #[test]
    fn a_body_is_its_words_else_what_it_points_to() {
        assert_eq!(text(&json!({"markdownText": "Hello", "url": "u"}), 100), "Hello");
        assert_eq!(text(&json!({"type": "URL", "mediaUrl": "https://x"}), 100), "https://x");
        assert_eq!(text(&json!({"type": "LOCATION"}), 100), "LOCATION");
        assert_eq!(text(&json!([1, 2]), 100), "");
    }

    #[test]
    fn a_wrap_up_is_its_codes_and_its_note() {
        let body = json!({"wrapups": [{"categoryName": "Sales", "value": "Sold"}, {"value": "Other"}], "note": "ok"});
        assert_eq!(text(&body, 100), "Sales: Sold, Other, “ok”");
        assert_eq!(text(&json!({"wrapups": [{"value": "Sold"}], "note": ""}), 100), "Sold");
    }
}
