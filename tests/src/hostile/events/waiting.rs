// SPDX-License-Identifier: Apache-2.0

//! What waits: for sessions and targets that never come, or come late.

use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::hostile::record::{Fate, Is, Maker, message, text_of};

/// Session-keyed events whose session is never named with a conversation.
pub(super) fn for_sessions(maker: &mut Maker, _: &mut ChaCha8Rng) {
    for number in 0..60 {
        let session = maker.id(&format!("s{}", number % 20));
        let id = maker.id(&format!("e{number}"));
        let bytes = if number % 10 == 0 { 900_000 } else { 100 };
        let fields = json!({"channelSession": {"id": session}, "data": message(&id, &text_of(bytes))});
        let event = maker.event(&id, "CUSTOMER_MESSAGE", None, fields);
        maker.send(&session, &event, Fate::LetterInTheEnd("unresolved-session"));
    }
}

/// Events that name only their session, and at last one that names the conversation too.
pub(super) fn for_late_sessions(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let (conversation, session) = (maker.id("c"), maker.id("s"));
    for number in 0..250 {
        let id = maker.id(&format!("e{number}"));
        let bytes = if number % 50 == 0 { 900_000 } else { 100 };
        let fields = json!({"channelSession": {"id": session}, "data": message(&id, &text_of(bytes))});
        let event = maker.event(&id, "CUSTOMER_MESSAGE", None, fields);
        maker.good(&session, &event);
    }
    let both = json!({"channelSession": {"id": session}, "data": {}});
    let event = maker.event(&maker.id("both"), "CHANNEL_SESSION_STARTED", Some(&conversation), both);
    maker.good(&conversation, &event);
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", 251.into()));
    maker.batch.conversations.push(conversation);
}

/// Relations on what never comes, beside one message.
pub(super) fn for_targets(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    let id = maker.id("m");
    maker.tell(&conversation, &id, "CUSTOMER_MESSAGE", message(&id, "hello"));
    for number in 0..150 {
        let header = json!({"sender": {"type": "AGENT", "id": "ann"}, "originalMessageId": maker.id(&format!("none{}", number % 30))});
        let (name, data) = match number % 4 {
            0 => ("REACTION", json!({"header": header, "body": {"kind": "EMOJI", "value": "x"}})),
            1 => (
                "MODIFY_ACTIVITY",
                json!({"header": header, "body": {"action": "EDIT", "body": {"text": text_of(number * 4_000)}}}),
            ),
            2 => ("MODIFY_ACTIVITY", json!({"header": header, "body": {"action": "DELETE"}})),
            _ => (
                "MESSAGE_DELIVERY_NOTIFICATION",
                json!({"body": {"messageId": maker.id("none"), "status": "READ"}}),
            ),
        };
        let event =
            maker.event(&maker.id(&format!("e{number}")), name, Some(&conversation), json!({"data": data}));
        maker.send(&conversation, &event, Fate::LetterInTheEnd("target-not-found"));
    }
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", 1.into()));
    maker.batch.conversations.push(conversation);
}
