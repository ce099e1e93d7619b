// SPDX-License-Identifier: Apache-2.0

//! Requests to erase: of conversations, of customers, and of programs that do not know how to ask.

use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::hostile::record::{Fate, Is, Maker, REQUESTS, message, text_of};

/// A request of a program that keys it by something else.
fn request(maker: &mut Maker, value: Vec<u8>) {
    request_that(maker, value, Fate::Taken);
}

fn request_that(maker: &mut Maker, value: Vec<u8>, fate: Fate) {
    let later = maker.now_ms + 1_000;
    let key = maker.id(&format!("request{}", maker.batch.records.len()));
    let record = maker.raw("", Some(value), fate);
    record.topic = REQUESTS.to_owned();
    // A compacted topic takes none without a key.
    record.key = Some(key.into_bytes());
    record.timestamp_ms = later;
}

/// Large conversations that are erased in the middle of their events.
pub(super) fn conversations(maker: &mut Maker, _: &mut ChaCha8Rng) {
    maker.batch.is_beyond_fold = true;
    let conversation = maker.id("c");
    for number in 0..400 {
        let id = maker.id(&format!("m{number}"));
        let bytes = if number % 40 == 0 { 500_000 } else { 100 };
        let event = maker.event(
            &id,
            "CUSTOMER_MESSAGE",
            Some(&conversation),
            json!({"data": message(&id, &text_of(bytes))}),
        );
        maker.send(&conversation, &event, Fate::TakenOrErased);
        if number == 300 {
            request(maker, json!({"conversationId": conversation}).to_string().into_bytes());
        }
        maker.claim("cx.activities", model::activity_key(Some(&conversation), &id), Is::Gone);
        maker.claim("cx.timelines", model::timeline_key(&conversation, &id), Is::Gone);
    }
    maker.claim("cx.conversations", conversation, Is::Gone);
}

/// A customer with many conversations, some known only by what wrote them.
pub(super) fn customers(maker: &mut Maker, _: &mut ChaCha8Rng) {
    maker.batch.is_beyond_fold = true;
    let customer = maker.id("u");
    for number in 0..60 {
        let conversation = maker.id(&format!("c{number}"));
        let id = maker.id(&format!("m{number}"));
        let mut data = message(&id, "forget me");
        let fields = if number % 2 == 0 {
            json!({"channelSession": {"id": maker.id(&format!("s{number}")), "customer": {"_id": customer}}, "data": data})
        } else {
            data["header"]["channelData"] = json!({"channelCustomerIdentifier": customer});
            json!({"data": data})
        };
        let event = maker.event(&id, "CUSTOMER_MESSAGE", Some(&conversation), fields);
        maker.send(&conversation, &event, Fate::TakenOrErased);
        maker.claim("cx.activities", model::activity_key(Some(&conversation), &id), Is::Gone);
        maker.claim("cx.conversations", conversation, Is::Gone);
    }
    // What waits for its session is his, too.
    let id = maker.id("waits");
    let fields = json!({"channelSession": {"id": maker.id("never"), "customer": {"_id": customer}}, "data": message(&id, "forget me")});
    let event = maker.event(&id, "CUSTOMER_MESSAGE", None, fields);
    maker.send(&maker.id("never"), &event, Fate::TakenOrErased);
    request(maker, json!({"customerId": customer}).to_string().into_bytes());
}

/// What asks for nothing, in many ways; and requests for ids that there cannot be.
pub(super) fn strange_requests(maker: &mut Maker, _: &mut ChaCha8Rng) {
    maker.batch.is_beyond_fold = true;
    let requests: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"null".to_vec(),
        b"{}".to_vec(),
        vec![0xff; 100],
        vec![0; 5],
        b"{\"conversationId\":".to_vec(),
        json!({"conversationId": 5}).to_string().into_bytes(),
        json!({"conversationId": Value::Null, "customerId": ""}).to_string().into_bytes(),
        json!({"conversationId": maker.long_id("c", '/', 70_000)}).to_string().into_bytes(),
        json!({"customerId": maker.long_id("u", '/', 70_000)}).to_string().into_bytes(),
        json!({"customerId": maker.long_id("u", '%', 900_000)}).to_string().into_bytes(),
        "[".repeat(100_000).into_bytes(),
    ];
    for value in requests {
        request_that(maker, value, Fate::Letter("malformed"));
    }
    let unknown = json!({"conversationId": maker.id("x"), "unknown": text_of(900_000)});
    request(maker, unknown.to_string().into_bytes());
    let conversation = maker.id("c");
    let id = maker.id("m");
    maker.tell(&conversation, &id, "CUSTOMER_MESSAGE", message(&id, "not me"));
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", 1.into()));
    maker.batch.conversations.push(conversation);
}
