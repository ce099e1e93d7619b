// SPDX-License-Identifier: Apache-2.0

//! Comments, hides, deletions and emoji.

use serde_json::{Value, json};

use super::{activity, c, folded};
use crate::common::{driver, driver_of_activities};

fn comment(id: &str, second: i64, item_type: &str, sender_type: &str) -> Value {
    let sender = json!({"type": sender_type, "id": "page"});
    let header = json!({"sender": sender, "originalMessageId": "m"});
    let body = json!({"type": "COMMENT", "itemType": item_type});
    c().event(id, "AGENT_MESSAGE", second, json!({"id": "own", "header": header, "body": body}))
}

fn message() -> Value {
    c().message("a", "CUSTOMER_MESSAGE", 1, "m", "CUSTOMER:cus", "secret")
}

#[test]
fn a_hidden_comment_keeps_its_text_and_the_first_hide_counts() {
    let shown =
        activity(&[message(), comment("h2", 5, "HIDE", "AGENT"), comment("h1", 4, "HIDE", "AGENT")], "c/m");
    assert_eq!(
        (&shown["hidden"]["eventId"], &shown["body"]["markdownText"]),
        (&json!("h1"), &json!("secret"))
    );
    assert_eq!(shown["revision"], 3);
}

#[test]
fn what_the_platform_has_deleted_already_is_deleted_whoever_wrote_it() {
    for (sender_type, is_deleted) in [("AGENT", true), ("connector", true), ("BOT", false)] {
        let shown = activity(&[message(), comment("d", 5, "DELETE", sender_type)], "c/m");
        assert_eq!(shown["deletion"].is_object(), is_deleted, "{sender_type}");
    }
}

#[test]
fn a_customer_who_is_merged_deletes_and_edits_what_was_his_before() {
    let shown = activity(&[message(), c().delete("d", 5, "m", "CUSTOMER:merged")], "c/m");
    assert_eq!(shown["deletion"]["eventId"], "d");
    let shown = activity(&[message(), c().edit("e", 5, "m", "CUSTOMER:merged", "new")], "c/m");
    assert_eq!(shown["body"]["markdownText"], "new");
}

#[test]
fn what_quotes_a_deleted_message_says_nothing_of_it_any_more() {
    let flag = |id: &str, kind: &str| {
        let header = json!({"sender": {"type": "AGENT", "id": "ann"}, "originalMessageId": "m"});
        c().event(
            id,
            "REACTION",
            3,
            json!({"header": header, "body": {"kind": kind, "value": format!("{kind} of secret")}}),
        )
    };
    let item = json!({"messageBody": {"text": "about the secret"}, "confidenceLevel": 0.5});
    let data = json!({"requestedMessage": {"id": "m"}, "suggestions": [item]});
    let events = [
        message(),
        flag("f", "FLAG"),
        flag("g", "RESPONSE"),
        c().reaction("r", 4, "m", "AGENT:ann", "👍", "ADD"),
        c().event("s", "BOT_SUGGESTION", 4, data),
        c().delete("d", 5, "m", "CUSTOMER:cus"),
    ];
    let shown = activity(&events, "c/m");
    assert!(!shown.to_string().contains("secret"), "{shown}");
    let values: Vec<&Value> =
        shown["reactions"].as_array().unwrap().iter().map(|one| &one["value"]).collect();
    assert_eq!(values, [&Value::Null, &Value::Null, &json!("👍")]);
    assert_eq!(shown["suggestions"][0]["items"], json!([{"body": null, "confidence": 0.5}]));
}

#[test]
fn an_emoji_without_a_value_takes_back_all_of_its_actor_and_nobody_elses() {
    let none = |id: &str, second: i64| {
        let header = json!({"sender": {"type": "AGENT", "id": "ann"}, "originalMessageId": "m"});
        c().event(id, "REACTION", second, json!({"header": header, "body": {"kind": "EMOJI"}}))
    };
    let events = [
        message(),
        c().reaction("r1", 2, "m", "AGENT:ann", "👍", "ADD"),
        c().reaction("r2", 3, "m", "AGENT:ann", "🎉", "ADD"),
        c().reaction("r3", 3, "m", "AGENT:ben", "🎉", "ADD"),
        none("n", 4),
        c().reaction("r4", 5, "m", "AGENT:ann", "👎", "ADD"),
    ];
    let shown = activity(&events, "c/m");
    let ids: Vec<&str> =
        shown["reactions"].as_array().unwrap().iter().map(|one| one["eventId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["r3", "r4"]);
    assert_eq!(shown["revision"], 6);
}

#[test]
fn an_emoji_is_the_same_in_any_spelling_and_shown_as_it_came() {
    let events = [
        message(),
        c().reaction("r1", 2, "m", "CUSTOMER:cus", "\u{2764}", "ADD"),
        c().reaction("r2", 3, "m", "CUSTOMER:merged", "\u{2764}\u{fe0f}", "ADD"),
    ];
    let shown = activity(&events, "c/m");
    assert_eq!(shown["reactions"].as_array().unwrap().len(), 1);
    assert_eq!(shown["reactions"][0]["value"], "\u{2764}\u{fe0f}");
}

#[test]
fn who_types_is_in_the_audit_alone_and_is_not_remembered() {
    let typing = |id: &str, text: &str| {
        let body =
            json!({"type": "NOTIFICATION", "notificationType": "TYPING_STARTED", "markdownText": text});
        let mut event = c().event(id, "CUSTOMER_MESSAGE", 9, json!({"id": "t", "body": body}));
        event["channelSession"] = json!({"id": "s", "customer": {"_id": "cus"}});
        event
    };
    let of_session = || {
        let mut event = typing("t3", "");
        event.as_object_mut().unwrap().remove("conversationId");
        event
    };
    let driver = folded(driver(), &[message(), typing("t1", ""), typing("t1", "other"), of_session()]);
    assert!(driver.letters().is_empty(), "{:?}", driver.letters());
    assert_eq!(driver.record("cx.audit", "c/t1").unwrap()["category"], "SIGNAL");
    assert_eq!(driver.record("cx.audit", "t3").unwrap()["category"], "SIGNAL");
    assert_eq!(driver.record("cx.conversations", "c").unwrap()["revision"], 1);
    assert_eq!(driver.record("cx.timelines", "c/t1"), None);
    let of_signals = folded(driver_of_activities(), &[typing("t1", ""), of_session()]);
    assert!(of_signals.finals().is_empty());
}

#[test]
fn a_signal_of_an_erased_conversation_is_refused_and_leaves_no_trace() {
    let body = json!({"type": "NOTIFICATION", "notificationType": "TYPING_STARTED"});
    let typing = c().event("t", "CUSTOMER_MESSAGE", 9, json!({"id": "t", "body": body}));
    let mut driver = folded(driver(), &[message()]);
    driver.push_erasure(r#"{"conversationId":"c"}"#);
    driver.finish();
    driver.push(typing.to_string());
    driver.finish();
    assert_eq!(driver.letters().last().map(|letter| letter.reason.as_str()), Some("erased"));
    assert_eq!(driver.record("cx.audit", "c/t"), None);
}
