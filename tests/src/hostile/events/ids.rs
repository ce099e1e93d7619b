// SPDX-License-Identifier: Apache-2.0

//! Identifiers: as long as they may be, of characters that grow when they are escaped, and longer.

use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::hostile::record::{Fate, Is, Maker, by_agent, message};

/// The longest identifier (contract section 1).
const ID_BYTES_MAX: usize = 512;

/// Every kind of identifier, each of 512 bytes: of what is escaped in keys, of what is escaped in JSON, of four bytes each.
pub(super) fn at_the_limit(maker: &mut Maker, _: &mut ChaCha8Rng) {
    for (number, fill) in ['/', '%', '\u{0}', '"', '\\', '\u{10ffff}', 'é', '\u{7f}'].into_iter().enumerate()
    {
        let id = |name: &str| maker.long_id(&format!("{number}{name}"), fill, ID_BYTES_MAX);
        let [conversation, session, customer, activity, agent] = ["c", "s", "u", "m", "a"].map(&id);
        let [task, queue, leg, type_, service] = ["t", "q", "l", "k", "i"].map(&id);
        let [role, reason, direction, mode, name, provider, value] =
            ["r", "o", "d", "f", "n", "p", "v"].map(&id);
        let events: Vec<String> = (0..16).map(|event| id(&format!("e{event}"))).collect();
        let mut ids = events.iter().map(String::as_str);
        let mut next = || ids.next().unwrap();

        let channel_session = json!({"id": session, "customer": {"_id": customer}, "channelSessionDirection": direction,
            "channel": {"channelType": {"name": type_}}, "channelData": {"serviceIdentifier": service}});
        let started = json!({"channelSession": channel_session, "data": {}});
        let event = maker.event(next(), "CHANNEL_SESSION_STARTED", Some(&conversation), started);
        maker.good(&conversation, &event);
        let mut written = message(&activity, "hello");
        written["header"]["providerMessageId"] = provider.into();
        maker.tell(&conversation, next(), "CUSTOMER_MESSAGE", written);
        let edit = json!({"header": {"sender": {"type": "CONNECTOR"}, "originalMessageId": activity},
            "body": {"action": "EDIT", "body": {"type": "PLAIN"}}});
        maker.tell(&conversation, next(), "MODIFY_ACTIVITY", edit);
        let sender = json!({"type": "AGENT", "id": agent});
        let reaction = json!({"header": {"sender": sender, "originalMessageId": activity},
            "body": {"kind": "EMOJI", "value": value}});
        maker.tell(&conversation, next(), "REACTION", reaction);
        let receipt = json!({"body": {"messageId": activity, "status": "READ", "reasonCode": reason}});
        maker.tell(&conversation, next(), "MESSAGE_DELIVERY_NOTIFICATION", receipt);
        let suggestion = json!({"requestedMessage": {"id": activity}, "suggestions": [{"messageBody": {}}]});
        maker.tell(&conversation, next(), "BOT_SUGGESTION", suggestion);
        let media = json!([{"type": {"direction": direction, "mode": mode}}]);
        let queued = json!({"task": {"id": task, "activeMedia": media}, "queue": {"name": queue}});
        maker.tell(&conversation, next(), "TASK_ENQUEUED", queued);
        let stay = json!({"agentParticipant": {"participant": {"id": agent}, "role": role}});
        maker.tell(&conversation, next(), "AGENT_SUBSCRIBED", stay.clone());
        maker.tell(&conversation, next(), "AGENT_MESSAGE", by_agent(&id_of(&activity, "2"), &agent, "hello"));
        maker.tell(
            &conversation,
            next(),
            "CALL_LEG_STARTED",
            json!({"body": {"legId": leg, "callId": session}}),
        );
        let ended = json!({"body": {"legId": leg, "callId": session, "reasonCode": reason}});
        maker.tell(&conversation, next(), "CALL_LEG_ENDED", ended);
        let mut left = stay;
        left["reason"] = reason.clone().into();
        maker.tell(&conversation, next(), "AGENT_UNSUBSCRIBED", left);
        maker.tell(&conversation, next(), &name, json!({}));
        maker.tell(&conversation, next(), "TASK_STATE_CHANGED", json!({"task": {"id": task, "state": mode}}));
        // It names its session alone: known by now, or in a moment.
        let of_session = json!({"channelSession": {"id": session}, "data": {"id": id_of(&activity, "3")}});
        let event = maker.event(next(), "CUSTOMER_MESSAGE", None, of_session);
        maker.good(&session, &event);

        let key = model::activity_key(Some(&conversation), &activity);
        maker.claim("cx.activities", key, Is::At("/delivery/status", "READ".into()));
        let key = model::timeline_key(&conversation, events.last().unwrap());
        maker.claim("cx.timelines", key, Is::Gone);
        maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", 15.into()));
        maker.batch.conversations.push(conversation);
    }
}

/// Another id of the same length.
fn id_of(id: &str, last: &str) -> String {
    let cut = id.char_indices().rev().map(|(at, _)| at).find(|at| id.len() - at >= last.len()).unwrap();
    format!("{}{}{last}", &id[..cut], "x".repeat(id.len() - cut - last.len()))
}

/// Every identifier that the rules for some event read, each too long alone in an event that is good otherwise.
#[expect(clippy::too_many_lines, reason = "a table of events, and of the identifiers in each")]
pub(super) fn beyond_the_limit(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    let cases: Vec<(&str, Value, &[&str])> = vec![
        (
            "AGENT_MESSAGE",
            json!({
                "channelSession": {"id": "s", "customer": {"_id": "u"}, "channelSessionDirection": "INBOUND",
                    "channel": {"channelType": {"name": "WEB"}}, "channelData": {"serviceIdentifier": "1"}},
                "data": {"id": "m", "body": {"type": "PLAIN"}, "header": {"sender": {"type": "AGENT", "id": "ann"},
                    "providerMessageId": "p"}}}),
            &[
                "/id",
                "/conversationId",
                "/channelSession/id",
                "/channelSession/customer/_id",
                "/channelSession/channelSessionDirection",
                "/channelSession/channel/channelType/name",
                "/channelSession/channelData/serviceIdentifier",
                "/data/id",
                "/data/header/sender/type",
                "/data/header/sender/id",
                "/data/header/providerMessageId",
            ],
        ),
        (
            "CUSTOMER_MESSAGE",
            json!({"data": {"id": "m2", "header": {"intent": "REPLY_TO", "originalMessageId": "m", "channelSessionId": "s",
                "customer": {"id": "u"}, "sender": {"type": "CUSTOMER", "id": "x"}}}}),
            &["/data/header/originalMessageId", "/data/header/channelSessionId", "/data/header/customer/id"],
        ),
        ("SOMETHING", json!({}), &["/name"]),
        (
            "MODIFY_ACTIVITY",
            json!({"data": {"header": {"sender": {"type": "AGENT", "id": "ann"}, "originalMessageId": "m"},
                "body": {"action": "DELETE"}}}),
            &["/data/header/originalMessageId"],
        ),
        (
            "REACTION",
            json!({"data": {"header": {"sender": {"type": "AGENT", "id": "ann"}, "originalMessageId": "m"},
                "body": {"kind": "EMOJI", "value": "x"}}}),
            &["/data/header/originalMessageId", "/data/body/value"],
        ),
        (
            "MESSAGE_DELIVERY_NOTIFICATION",
            json!({"data": {"body": {"messageId": "m", "status": "SENT", "reasonCode": "x"}}}),
            &["/data/body/messageId", "/data/body/status", "/data/body/reasonCode"],
        ),
        (
            "BOT_SUGGESTION",
            json!({"data": {"requestedMessage": {"id": "m"}, "suggestions": []}}),
            &["/data/requestedMessage/id"],
        ),
        (
            "CALL_LEG_ENDED",
            json!({"data": {"body": {"legId": "l", "callId": "s", "reasonCode": "x"}}}),
            &["/data/body/legId", "/data/body/callId", "/data/body/reasonCode"],
        ),
        (
            "AGENT_SUBSCRIBED",
            json!({"data": {"agentParticipant": {"participant": {"id": "ann"}, "role": "PRIMARY"}}}),
            &["/data/agentParticipant/participant/id", "/data/agentParticipant/role"],
        ),
        (
            "AGENT_UNSUBSCRIBED",
            json!({"data": {"agentParticipant": {"id": "ann"}, "reason": "x"}}),
            &["/data/agentParticipant/id", "/data/reason"],
        ),
        (
            "PARTICIPANT_ROLE_CHANGED",
            json!({"data": {"conversationParticipant": {"type": "AGENT", "participant": {"id": "ann"}, "role": "WRAP_UP"}}}),
            &["/data/conversationParticipant/participant/id", "/data/conversationParticipant/role"],
        ),
        (
            "TASK_ENQUEUED",
            json!({"data": {"task": {"id": "t", "activeMedia": [{"type": {"direction": "INBOUND", "mode": "QUEUE"}}]},
                "queue": {"name": "q"}}}),
            &[
                "/data/task/id",
                "/data/queue/name",
                "/data/task/activeMedia/0/type/direction",
                "/data/task/activeMedia/0/type/mode",
            ],
        ),
        (
            "TASK_STATE_CHANGED",
            json!({"data": {"task": {"id": "t", "state": "CLOSED"}}}),
            &["/data/task/id", "/data/task/state"],
        ),
        ("CONVERSATION_STATE_CHANGED", json!({"data": {"state": "ON_HOLD"}}), &["/data/state"]),
        (
            "FIND_AGENT",
            json!({"data": {"conversationDirection": "INBOUND"}}),
            &["/data/conversationDirection"],
        ),
    ];
    // So that the relations would find it.
    maker.tell(&conversation, &maker.id("m"), "AGENT_MESSAGE", by_agent("m", "ann", "hello"));
    let mut number = 0;
    for (name, fields, pointers) in cases {
        for pointer in pointers {
            for (bytes, fill) in [(ID_BYTES_MAX + 1, '/'), (70_000, 'x')] {
                number += 1;
                let id = maker.id(&format!("e{number}"));
                let mut event = maker.event(&id, name, Some(&conversation), fields.clone());
                let long = maker.long_id(&format!("b{number}"), fill, bytes);
                *event.pointer_mut(pointer).unwrap() = long.into();
                let home = event["conversationId"].as_str().unwrap().to_owned();
                maker.send(&home, &event, Fate::Letter("identifier-too-long"));
            }
        }
    }
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", 1.into()));
    maker.batch.conversations.push(conversation);
}

/// Identifiers as numbers, and things that are no identifiers.
pub(super) fn numbers(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    let unique = maker.now_ms % 1_000_000_000 * 1_000_000;
    for (number, id) in [json!(unique + 1), json!(unique + 2)].into_iter().enumerate() {
        let mut event = maker.event(
            "",
            "AGENT_MESSAGE",
            Some(&conversation),
            json!({"data": by_agent(&maker.id(&number.to_string()), "a", "x")}),
        );
        event["id"] = id;
        maker.good(&conversation, &event);
    }
    for id in [json!(true), json!({}), json!([1]), json!(1.5), json!(null), json!("")] {
        let mut event = maker.event("", "AGENT_MESSAGE", Some(&conversation), json!({"data": {"id": "x"}}));
        event["id"] = id;
        maker.send(&conversation, &event, Fate::Letter("missing-field"));
    }
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", 2.into()));
    maker.batch.conversations.push(conversation);
}
