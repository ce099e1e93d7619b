// SPDX-License-Identifier: Apache-2.0

//! The events of the story: many generated conversations, and two that it follows.

use sandbox::conversations::{Options, events};
use serde_json::{Value, json};

/// The conversation that is edited and corrected, and its customer.
pub(super) const KEPT: &str = "kept-conversation";
pub(super) const KEPT_CUSTOMER: &str = "kept-customer";
/// The conversation that is erased with its customer, and what was said in it.
pub(super) const ERASED: &str = "erased-conversation";
pub(super) const ERASED_CUSTOMER: &str = "erased-customer";
pub(super) const ERASED_TEXT: &str = "forget what I said";
/// The agent's message before and after its edit.
pub(super) const FIRST_TEXT: &str = "It arrives on Monday.";
pub(super) const EDITED_TEXT: &str = "It arrives on Tuesday.";

const BEGIN_MS: i64 = 1_750_000_000_000;

fn event(id: &str, name: &str, second: i64, conversation: &str, customer: &str, data: &Value) -> String {
    json!({
        "id": id, "name": name, "timestamp": BEGIN_MS + second * 1000, "conversationId": conversation, "data": data,
        "channelSession": {"id": format!("session-of-{customer}"), "customer": {"_id": customer}},
    })
    .to_string()
}

fn message(id: &str, text: &str, sender: &Value) -> Value {
    json!({"id": id, "header": {"sender": sender}, "body": {"type": "PLAIN", "markdownText": text}})
}

fn agent() -> Value {
    json!({"type": "AGENT", "id": "ann", "senderName": "Ann"})
}

fn customer(id: &str) -> Value {
    json!({"type": "CUSTOMER", "id": id, "senderName": "Cy"})
}

/// What is sent first, in two halves. The customer's message has a character that PostgreSQL's jsonb cannot have.
pub(super) fn halves() -> [String; 2] {
    let mut lines: Vec<String> =
        events(&Options::default(), 800).into_iter().map(|event| event.value).collect();
    let asked = message("m1", "Where is\u{0} my order?", &customer(KEPT_CUSTOMER));
    let answered = message("m2", FIRST_TEXT, &agent());
    let secret = message("m3", ERASED_TEXT, &customer(ERASED_CUSTOMER));
    lines.insert(10, event("k1", "CUSTOMER_MESSAGE", 0, KEPT, KEPT_CUSTOMER, &asked));
    lines.insert(20, event("e1", "CUSTOMER_MESSAGE", 5, ERASED, ERASED_CUSTOMER, &secret));
    let middle = lines.len() / 2;
    lines.insert(middle + 10, event("k2", "AGENT_MESSAGE", 60, KEPT, KEPT_CUSTOMER, &answered));
    let (first, second) = lines.split_at(middle);
    [first, second].map(|lines| lines.join("\n") + "\n")
}

/// The agent edits the message.
pub(super) fn edit() -> String {
    let data = json!({
        "header": {"sender": agent(), "originalMessageId": "m2"},
        "body": {"action": "EDIT", "body": {"type": "PLAIN", "markdownText": EDITED_TEXT}},
    });
    event("k3", "MODIFY_ACTIVITY", 90, KEPT, KEPT_CUSTOMER, &data) + "\n"
}

/// An earlier answer, which arrives last.
pub(super) fn late() -> String {
    let data = message("m4", "I look it up.", &agent());
    event("k4", "AGENT_MESSAGE", 20, KEPT, KEPT_CUSTOMER, &data) + "\n"
}
/// The time from the customer's message to that answer.
pub(super) const LATE_RESPONSE_MS: i64 = 20_000;

/// Conversations of several partitions, which show that a sink has passed what came before.
pub(super) fn marked() -> Vec<String> {
    (0..20).map(|number| format!("marker-{number}")).collect()
}

/// A message of each of them.
pub(super) fn markers() -> Vec<String> {
    let of = |id: String| {
        let data = message("m", "here", &customer("marker"));
        event(&format!("event-of-{id}"), "CUSTOMER_MESSAGE", 100, &id, &format!("customer-of-{id}"), &data)
            + "\n"
    };
    marked().into_iter().map(of).collect()
}
