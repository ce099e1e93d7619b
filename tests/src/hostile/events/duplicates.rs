// SPDX-License-Identifier: Apache-2.0

//! The same again, or nearly.

use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::hostile::PARTITIONS;
use crate::hostile::record::{Fate, Is, Maker, message};

/// Another content under an id that was there before. What was seen first stays.
pub(super) fn conflicting(maker: &mut Maker, _: &mut ChaCha8Rng) {
    maker.in_order();
    let conversation = maker.id("c");
    for number in 0..5 {
        let id = maker.id(&format!("e{number}"));
        for version in 0..20 {
            let event = maker.event(
                &id,
                "CUSTOMER_MESSAGE",
                Some(&conversation),
                json!({"data": message(&id, &format!("version {version}"))}),
            );
            let fate = if version == 0 { Fate::Taken } else { Fate::Letter("conflicting-duplicate") };
            maker.send(&conversation, &event, fate);
        }
        let key = model::activity_key(Some(&conversation), &id);
        maker.claim("cx.activities", key, Is::At("/body/markdownText", "version 0".into()));
    }
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", 5.into()));
    maker.batch.conversations.push(conversation);
}

/// The same content under the same id, in other spellings.
pub(super) fn the_same(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    for number in 0..10 {
        let id = maker.id(&format!("e{number}"));
        let event =
            maker.event(&id, "CUSTOMER_MESSAGE", Some(&conversation), json!({"data": message(&id, "hello")}));
        maker.good(&conversation, &event);
        let mut other = event.clone();
        other["unknown"] = number.into();
        maker.good(&conversation, &other);
        let bare = event.as_object().unwrap().clone();
        maker.good(&conversation, &json!({"cimEvent": bare, "conversationId": conversation}));
        maker.good(&conversation, &json!({"payload": {"entities": {"cimEvent": bare}}}));
        let pretty = serde_json::to_vec_pretty(&event).unwrap();
        maker.raw(&conversation, Some(pretty), Fate::Taken);
    }
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", 10.into()));
    maker.batch.conversations.push(conversation);
}

/// One event id in two conversations of one partition: the first seen counts.
pub(super) fn in_two_conversations(maker: &mut Maker, _: &mut ChaCha8Rng) {
    maker.in_order();
    let first = maker.id("c");
    let partition = engine::partition_of(first.as_bytes(), PARTITIONS);
    let second = (0..)
        .map(|number| maker.id(&format!("d{number}")))
        .find(|id| engine::partition_of(id.as_bytes(), PARTITIONS) == partition);
    let second = second.unwrap();
    for number in 0..10 {
        let id = maker.id(&format!("e{number}"));
        let event =
            maker.event(&id, "CUSTOMER_MESSAGE", Some(&first), json!({"data": message(&id, "hello")}));
        maker.good(&first, &event);
        let mut other = event;
        other["conversationId"] = second.clone().into();
        maker.send(&second, &other, Fate::Letter("conflicting-duplicate"));
    }
    maker.claim("cx.conversations", first.clone(), Is::At("/revision", 10.into()));
    maker.claim("cx.conversations", second, Is::Gone);
    maker.batch.conversations.push(first);
}

/// One session that many conversations claim.
pub(super) fn one_session(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let session = maker.id("s");
    for number in 0..40 {
        let conversation = maker.id(&format!("c{number}"));
        let fields = json!({"channelSession": {"id": session}, "data": {}});
        let event = maker.event(
            &maker.id(&format!("e{number}")),
            "CHANNEL_SESSION_STARTED",
            Some(&conversation),
            fields,
        );
        maker.good(&conversation, &event);
        maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", 1.into()));
        maker.batch.conversations.push(conversation);
    }
}
