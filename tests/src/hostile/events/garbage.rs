// SPDX-License-Identifier: Apache-2.0

//! What is no event.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::hostile::record::{Fate, Is, Maker, by_agent, message};

const MALFORMED: Fate = Fate::Letter("malformed");

/// Bytes that are no text.
pub(super) fn bytes(maker: &mut Maker, rng: &mut ChaCha8Rng) {
    let home = maker.id("c");
    let noise = |rng: &mut ChaCha8Rng, first: &[u8], length: usize| {
        let mut bytes = first.to_vec();
        bytes.extend((0..length).map(|_| rng.random::<u8>()));
        bytes
    };
    // The wire format of Avro begins with a zero byte and the id of a schema.
    for first in [&[0xff][..], &[0], &[0, 0, 0, 0, 1], &[0xfe, 0xff], &[0xc3, 0x28], &[0x80]] {
        for length in [0, 1, 16, 1_000, 900_000] {
            let value = noise(rng, first, length);
            maker.raw(&home, Some(value), MALFORMED);
        }
    }
    for value in
        [vec![], vec![0; 1_000_000], b"\n\n\n".to_vec(), vec![b' '; 1_000_000], vec![0xff; 1_048_576]]
    {
        maker.raw(&home, Some(value), MALFORMED);
    }
}

/// Events that were JSON once.
pub(super) fn nearly_json(maker: &mut Maker, rng: &mut ChaCha8Rng) {
    let home = maker.id("c");
    let id = maker.id("e");
    let event = maker
        .event(&id, "AGENT_MESSAGE", Some(&home), json!({"data": by_agent(&id, "ann", "hello")}))
        .to_string();
    for _ in 0..30 {
        let cut = rng.random_range(1..event.len());
        maker.raw(&home, Some(event.as_bytes()[..cut].to_vec()), MALFORMED);
    }
    let broken = |what: &str, with: &str| event.replacen(what, with, 1).into_bytes();
    let in_text = |bytes: &[u8]| {
        let at = event.find("hello").unwrap();
        [&event.as_bytes()[..at], bytes, &event.as_bytes()[at..]].concat()
    };
    let with_mark = |mark: &[u8]| [mark, event.as_bytes()].concat();
    let utf16: Vec<u8> = event.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for value in [
        with_mark(b"\xef\xbb\xbf"),
        with_mark(b"\xff\xfe"),
        with_mark(b"\0"),
        utf16,
        [event.as_bytes(), event.as_bytes()].concat(),
        [event.as_bytes(), b"\0"].concat(),
        broken("{", "{,"),
        broken("{\"", "{'"),
        broken("hello", "\\ud800"),
        broken("hello", "\\udc00\\ud800"),
        broken("hello", "\\x41"),
        broken("hello", "\\u12"),
        broken("{\"", "{\"a\":NaN,\""),
        broken("{\"", "{\"a\":Infinity,\""),
        broken("{\"", "{\"a\":1e999,\""),
        broken("{\"", "{\"a\":-1e999,\""),
        broken("{\"", "{\"a\":01,\""),
        broken("{\"", "{\"a\":1.,\""),
        broken("{\"", "{\"a\":+1,\""),
        broken("{\"", "{\"a\":0x1,\""),
        broken("{\"", "{\"a\":undefined,\""),
        broken("{\"", "/* */ {\""),
        broken("{\"", "{\"a\":[1,],\""),
        in_text(b"\n"),
        in_text(b"\0"),
        in_text(b"\x1f"),
        in_text(b"\xff"),
        in_text(b"\xc0\xaf"),
        in_text(b"\xed\xa0\x80"),
        in_text(b"\xf4\x90\x80\x80"),
        in_text(b"\xe2\x82"),
    ] {
        maker.raw(&home, Some(value), MALFORMED);
    }
}

/// JSON that is no event, or lacks what makes one.
pub(super) fn no_events(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let home = maker.id("c");
    let at = maker.now_ms;
    let (id, session) = (maker.id("e"), maker.id("s"));
    for (reason, value) in [
        ("not-an-event", json!(null)),
        ("not-an-event", json!(5)),
        ("not-an-event", json!("text")),
        ("not-an-event", json!([])),
        ("not-an-event", json!([{"id": id, "name": "X", "timestamp": at}])),
        ("not-an-event", json!({})),
        ("not-an-event", json!({"payload": {"entities": {}}})),
        ("not-an-event", json!({"timestamp": at, "conversationId": home})),
        ("missing-field", json!({"id": id})),
        ("missing-field", json!({"name": "X"})),
        ("missing-field", json!({"id": "", "name": "X", "timestamp": at, "conversationId": home})),
        ("missing-field", json!({"id": id, "name": {}, "timestamp": at, "conversationId": home})),
        ("missing-field", json!({"cimEvent": {}})),
        ("bad-timestamp", json!({"id": id, "name": "X", "conversationId": home})),
        ("missing-identifier", json!({"id": id, "name": "WRAPUP_APPLIED", "timestamp": at})),
        (
            "missing-identifier",
            json!({"id": id, "name": "CALL_LEG_STARTED", "timestamp": at, "conversationId": home}),
        ),
        (
            "missing-identifier",
            json!({"id": id, "name": "CALL_LEG_STARTED", "timestamp": at, "channelSession": {"id": session}}),
        ),
        ("no-key", json!({"id": id, "name": "X", "timestamp": at})),
        ("no-key", json!({"id": id, "name": "CUSTOMER_MESSAGE", "timestamp": at, "data": {"id": id}})),
    ] {
        maker.send(&home, &value, Fate::Letter(reason));
    }
    maker.claim("cx.conversations", home, Is::Gone);
}

/// Relations that cannot be read.
pub(super) fn relations(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let home = maker.id("c");
    let header = json!({"sender": {"type": "AGENT", "id": "ann"}, "originalMessageId": "m"});
    let without = json!({"sender": {"type": "AGENT", "id": "ann"}});
    for (number, (reason, name, data)) in [
        (
            "missing-identifier",
            "REACTION",
            json!({"header": without, "body": {"kind": "EMOJI", "value": "x"}}),
        ),
        ("missing-identifier", "MODIFY_ACTIVITY", json!({"header": without, "body": {"action": "DELETE"}})),
        ("missing-identifier", "MESSAGE_DELIVERY_NOTIFICATION", json!({"body": {"status": "READ"}})),
        ("missing-identifier", "BOT_SUGGESTION", json!({"suggestions": []})),
        ("bad-relation", "REACTION", json!({"header": header, "body": {"kind": "SHOUT", "value": "x"}})),
        ("bad-relation", "REACTION", json!({"header": header, "body": {"kind": "FLAG"}})),
        (
            "bad-relation",
            "REACTION",
            json!({"header": header, "body": {"kind": "FLAG", "value": "x", "action": "DOUBLE"}}),
        ),
        ("bad-relation", "MODIFY_ACTIVITY", json!({"header": header, "body": {"action": "BURN"}})),
        (
            "bad-relation",
            "MODIFY_ACTIVITY",
            json!({"header": header, "body": {"action": "EDIT", "body": "text"}}),
        ),
        ("bad-relation", "MODIFY_ACTIVITY", json!({"header": header})),
        ("bad-relation", "MESSAGE_DELIVERY_NOTIFICATION", json!({"body": {"messageId": "m"}})),
        ("bad-relation", "BOT_SUGGESTION", json!({"requestedMessage": {"id": "m"}, "suggestions": {}})),
    ]
    .into_iter()
    .enumerate()
    {
        let event = maker.event(&maker.id(&format!("e{number}")), name, Some(&home), json!({"data": data}));
        maker.send(&home, &event, Fate::Letter(reason));
    }
    maker.claim("cx.conversations", home, Is::Gone);
}

/// JSON in JSON in JSON.
pub(super) fn nesting(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    let nested =
        |depth: usize, open: &str, close: &str| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    for (number, (open, close)) in [("[", "]"), ("{\"a\":", "}"), ("[{\"\":", "}]")].into_iter().enumerate() {
        for (depth, fate) in [(40, Fate::Taken), (200, MALFORMED), (60_000, MALFORMED)] {
            let id = maker.id(&format!("e{number}-{depth}"));
            let data = json!({"id": id, "body": {"deep": "HERE"}, "header": {"sender": {"type": "AGENT", "id": "ann"}}});
            let event = maker.event(
                &id,
                "AGENT_MESSAGE",
                Some(&conversation),
                json!({"data": data, "unknown": "HERE"}),
            );
            let text = event.to_string().replace("\"HERE\"", &nested(depth, open, close));
            maker.raw(&conversation, Some(text.into_bytes()), fate);
        }
    }
    // Never closed.
    for open in ["[", "{\"a\":"] {
        maker.raw(&conversation, Some(open.repeat(1_000_000 / open.len()).into_bytes()), MALFORMED);
    }
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", 3.into()));
    maker.batch.conversations.push(conversation);
}

/// Null values, with keys and without.
pub(super) fn tombstones(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let home = maker.id("c");
    for number in 0..20 {
        let record = maker.raw(&home, None, Fate::Taken);
        if number % 2 == 0 {
            record.key = None;
        }
        record.headers.push(("nothing".to_owned(), Vec::new()));
    }
}

/// A topic of one conversation, in which much is none of its events.
pub(super) fn own_topic(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let conversation = maker.id("own");
    let topic = format!("cx.conversation.{conversation}");
    for number in 0..30 {
        let id = maker.id(&format!("e{number}"));
        if number % 3 == 0 {
            maker.raw(&conversation, Some(b"\xef\xbb\xbf{}".to_vec()), MALFORMED).topic.clone_from(&topic);
            continue;
        }
        let event = maker.event(&id, "CUSTOMER_MESSAGE", None, json!({"data": message(&id, "hello")}));
        maker.good(&conversation, &event).topic.clone_from(&topic);
    }
    let none = Value::Null;
    maker.send(&conversation, &none, Fate::Letter("not-an-event")).topic = topic;
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", 20.into()));
    maker.batch.conversations.push(conversation);
}
