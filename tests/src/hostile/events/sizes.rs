// SPDX-License-Identifier: Apache-2.0

//! Values, names, keys and headers: as large as they may be, and larger.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use crate::hostile::record::{Fate, Is, Maker, by_agent, filled_up, message, text_of};

/// `limits.value`.
const VALUE_BYTES_MAX: usize = 1 << 20;
/// The longest name that is kept of an actor.
const NAME_BYTES_MAX: usize = 1024;

/// Senders and agents whose names are as long as a value can be.
pub(super) fn names(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    for (number, fill) in ["x", "é", "\u{10ffff}"].into_iter().enumerate() {
        let name = fill.repeat(1_000_000 / fill.len());
        let (agent, activity) = (maker.id(&format!("a{number}")), maker.id(&format!("m{number}")));
        let stay = json!({"agentParticipant": {"participant": {"id": agent, "displayName": name}}});
        maker.tell(&conversation, &maker.id(&format!("j{number}")), "AGENT_SUBSCRIBED", stay);
        let mut written = by_agent(&activity, &agent, "hello");
        written["header"]["sender"]["senderName"] = name.into();
        maker.tell(&conversation, &maker.id(&format!("e{number}")), "AGENT_MESSAGE", written);
        for edit in 0..5 {
            let sender =
                json!({"type": "AGENT", "id": agent, "senderName": fill.repeat(900_000 / fill.len())});
            let edited = json!({"header": {"sender": sender, "originalMessageId": activity},
                "body": {"action": "EDIT", "body": {"type": "PLAIN"}}});
            maker.tell(&conversation, &maker.id(&format!("x{number}-{edit}")), "MODIFY_ACTIVITY", edited);
        }
        let key = model::activity_key(Some(&conversation), &activity);
        maker.claim("cx.activities", key.clone(), Is::TextUpTo("/actor/name", NAME_BYTES_MAX));
        maker.claim("cx.activities", key, Is::Long("/edits", 5));
    }
    maker.claim("cx.conversations", conversation.clone(), Is::TextUpTo("/agents/0/name", NAME_BYTES_MAX));
    maker.batch.conversations.push(conversation);
}

/// Values of just as many bytes as are allowed, one less and one more, with one large text or many small ones.
pub(super) fn values(maker: &mut Maker, rng: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    let mut number = 0;
    for text_bytes in [10, 1_000_000] {
        for (bytes, fate) in [
            (VALUE_BYTES_MAX - 1, Fate::Taken),
            (VALUE_BYTES_MAX, Fate::Taken),
            (VALUE_BYTES_MAX + 1, Fate::Letter("too-large")),
            (2 * VALUE_BYTES_MAX - 4096, Fate::Letter("too-large")),
        ] {
            number += 1;
            let id = maker.id(&format!("{number}"));
            let event = maker.event(
                &id,
                "CUSTOMER_MESSAGE",
                Some(&conversation),
                json!({"data": message(&id, &text_of(text_bytes))}),
            );
            maker.raw(&conversation, Some(filled_up(&event, bytes)), fate);
        }
    }
    // What cannot be compressed.
    let noise: String = (0..1_000_000).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect();
    maker.tell(&conversation, &maker.id("noise"), "CUSTOMER_MESSAGE", message(&maker.id("noise"), &noise));
    maker.claim("cx.conversations", conversation.clone(), Is::At("/counts/customerMessages", 5.into()));
    maker.batch.conversations.push(conversation);
}

/// Keys and headers that say nothing, and much of it; with records that are folded and with records that become letters.
pub(super) fn keys_and_headers(maker: &mut Maker, rng: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    for number in 0..4 {
        let id = maker.id(&format!("{number}"));
        let event =
            maker.event(&id, "CUSTOMER_MESSAGE", Some(&conversation), json!({"data": message(&id, "hello")}));
        // Their keys and headers together are larger than a value may be: neither has a part in the fold.
        let record = if number % 2 == 0 {
            maker.good(&conversation, &event)
        } else {
            maker.raw(&conversation, Some(b"{\"no json".to_vec()), Fate::Letter("malformed"))
        };
        record.key = Some((0..500_000).map(|_| rng.random()).collect());
        record.headers =
            (0..200).map(|header| (format!("h{header}-{}", "x".repeat(1_000)), vec![0xff; 2_000])).collect();
    }
    for number in 4..8 {
        let id = maker.id(&format!("{number}"));
        let event =
            maker.event(&id, "CUSTOMER_MESSAGE", Some(&conversation), json!({"data": message(&id, "hello")}));
        let record = maker.good(&conversation, &event);
        record.key = [None, Some(Vec::new()), Some(vec![0]), Some(vec![0xff; 3])][number - 4].clone();
        // Headers as letters have them are only headers, wherever they come from.
        record.headers =
            vec![("cx.error.reason".to_owned(), b"erased".to_vec()), (String::new(), Vec::new())];
    }
    for number in 8..10 {
        let id = maker.id(&format!("{number}"));
        let event =
            maker.event(&id, "CUSTOMER_MESSAGE", Some(&conversation), json!({"data": message(&id, "hello")}));
        let record = maker.good(&conversation, &event);
        record.key = Some((0..500_000).map(|_| rng.random()).collect());
        record.headers =
            (0..200).map(|header| (format!("h{header}-{}", "x".repeat(500)), vec![0xff; 2_000])).collect();
    }
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", 8.into()));
    maker.batch.conversations.push(conversation);
}

/// Brokers look at the size of what is compressed: a record can be larger than any topic takes once it is not.
pub(super) fn larger_than_letters(maker: &mut Maker, rng: &mut ChaCha8Rng) {
    let bytes = [20 << 20, (32 << 20) + 1, 40 << 20][rng.random_range(0..3)];
    let conversation = maker.id("c");
    maker.raw(&conversation, Some(vec![b'x'; bytes]), Fate::Letter("too-large"));
}

/// Thousands of unknown fields, fields with names of 100 kB, and the same field thousands of times.
pub(super) fn fields(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    let many: Map<String, Value> =
        (0..20_000).map(|number| (format!("field{number}"), number.into())).collect();
    let long: Map<String, Value> =
        (0..5).map(|number| (format!("{number}{}", "n".repeat(100_000)), Value::Null)).collect();
    for (number, body) in [many, long].into_iter().enumerate() {
        let id = maker.id(&number.to_string());
        let data = json!({"id": id, "body": body, "unknown": body, "header": {"sender": {"type": "AGENT", "id": "a"}}});
        maker.tell(&conversation, &id, "AGENT_MESSAGE", data);
    }
    let id = maker.id("repeated");
    let event = maker.event(
        &id,
        "AGENT_MESSAGE",
        Some(&conversation),
        json!({"data": by_agent(&id, "a", "the last counts")}),
    );
    let text = event.to_string();
    let repeated = r#""conversationId":"not this one","data":{"id":"not this one"},"#.repeat(10_000);
    maker.raw(&conversation, Some(format!("{{{repeated}{}", &text[1..]).into_bytes()), Fate::Taken);
    let key = model::activity_key(Some(&conversation), &id);
    maker.claim("cx.activities", key, Is::At("/body/markdownText", "the last counts".into()));
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", 3.into()));
    maker.batch.conversations.push(conversation);
}
