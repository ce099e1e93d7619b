// SPDX-License-Identifier: Apache-2.0

//! Conversations of which there is too much of something.

use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::hostile::CONVERSATION_EVENTS_MAX;
use crate::hostile::record::{Fate, Is, Maker, by_agent, message, text_of};

/// The number of entries in each list of a summary (contract section 5, "Bounds").
const LISTED_MAX: usize = 100;
/// The number of entries sent.
const COUNT: usize = 300;

/// Says of a summary's list that so many are listed, and how many are not.
fn claim_list(maker: &mut Maker, conversation: &str, list: &'static str, omitted: &'static str) {
    maker.claim("cx.conversations", conversation.to_owned(), Is::Long(list, LISTED_MAX));
    maker.claim("cx.conversations", conversation.to_owned(), Is::At(omitted, (COUNT - LISTED_MAX).into()));
}

/// Thousands of events, some of them late by thousands of places.
pub(super) fn long(maker: &mut Maker, rng: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    let count = rng.random_range(2_000..4_000);
    let mut events: Vec<Value> = (0..count)
        .map(|number| {
            let id = maker.id(&format!("e{number}"));
            let data = if number % 2 == 0 { message(&id, "hello") } else { by_agent(&id, "ann", "hello") };
            let name = if number % 2 == 0 { "CUSTOMER_MESSAGE" } else { "AGENT_MESSAGE" };
            maker.event(&id, name, Some(&conversation), json!({"data": data}))
        })
        .collect();
    // The first come last, and some lie anywhere.
    events.rotate_left(10);
    for _ in 0..50 {
        let (one, other) = (rng.random_range(0..count), rng.random_range(0..count));
        events.swap(one, other);
    }
    maker.all_good(&conversation, &events);
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", count.into()));
    maker.claim(
        "cx.conversations",
        conversation.clone(),
        Is::At("/counts/customerMessages", count.div_ceil(2).into()),
    );
    maker.batch.conversations.push(conversation);
}

/// More events than one conversation may have: the first seen count.
pub(super) fn full(maker: &mut Maker, _: &mut ChaCha8Rng) {
    maker.in_order();
    let conversation = maker.id("c");
    let more = 300;
    for number in 0..CONVERSATION_EVENTS_MAX + more {
        let id = maker.id(&format!("e{number}"));
        let fields = json!({"data": message(&id, "hello")});
        let event = maker.event(&id, "CUSTOMER_MESSAGE", Some(&conversation), fields);
        let fate =
            if number < CONVERSATION_EVENTS_MAX { Fate::Taken } else { Fate::Letter("conversation-full") };
        maker.send(&conversation, &event, fate);
    }
    maker.claim(
        "cx.conversations",
        conversation.clone(),
        Is::At("/revision", CONVERSATION_EVENTS_MAX.into()),
    );
    maker.batch.conversations.push(conversation);
}

/// Hundreds of agents at once, who all leave again, or never.
pub(super) fn many_agents(maker: &mut Maker, rng: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    let mut events = Vec::new();
    for number in 0..COUNT {
        let stay = json!({"agentParticipant": {"participant": {"id": maker.id(&format!("agent{number:03}")), "displayName": text_of(900)},
            "role": (["PRIMARY", "WRAP_UP", "SILENT_MONITOR"][number % 3])}});
        events.push(maker.event(
            &maker.id(&format!("j{number}")),
            "AGENT_SUBSCRIBED",
            Some(&conversation),
            json!({"data": stay}),
        ));
        if number % 2 == 0 {
            let event = maker.event(
                &maker.id(&format!("l{number}")),
                "AGENT_UNSUBSCRIBED",
                Some(&conversation),
                json!({"data": stay}),
            );
            events.push(event);
        }
    }
    events.shuffle(rng);
    maker.all_good(&conversation, &events);
    claim_list(maker, &conversation, "/agents", "/omitted/agents");
    maker.batch.conversations.push(conversation);
}

/// Hundreds of tasks in hundreds of queues.
pub(super) fn many_visits(maker: &mut Maker, rng: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    let mut events = Vec::new();
    for number in 0..COUNT {
        let task = json!({"task": {"id": maker.id(&format!("t{number}")), "state": "CLOSED"}, "queue": {"name": maker.id(&format!("q/{number}"))}});
        events.push(maker.event(
            &maker.id(&format!("q{number}")),
            "TASK_ENQUEUED",
            Some(&conversation),
            json!({"data": task}),
        ));
        if number % 2 == 0 {
            let event = maker.event(
                &maker.id(&format!("s{number}")),
                "TASK_STATE_CHANGED",
                Some(&conversation),
                json!({"data": task}),
            );
            events.push(event);
        }
    }
    events.shuffle(rng);
    maker.all_good(&conversation, &events);
    claim_list(maker, &conversation, "/queueVisits", "/omitted/queueVisits");
    maker.batch.conversations.push(conversation);
}

/// Hundreds of sessions that start, and end or expire.
pub(super) fn many_sessions(maker: &mut Maker, rng: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    let mut events = Vec::new();
    for number in 0..COUNT {
        let session = json!({"channelSession": {"id": maker.id(&format!("s{number:03}")),
            "channel": {"channelType": {"name": maker.id(&format!("channel{}", number % 150))}}}, "data": {}});
        let ends = ["CHANNEL_SESSION_ENDED", "CHANNEL_SESSION_EXPIRED"][number % 2];
        for (name, id) in [("CHANNEL_SESSION_STARTED", format!("b{number}")), (ends, format!("e{number}"))] {
            events.push(maker.event(&maker.id(&id), name, Some(&conversation), session.clone()));
        }
    }
    events.shuffle(rng);
    maker.all_good(&conversation, &events);
    claim_list(maker, &conversation, "/sessions", "/omitted/sessions");
    maker.batch.conversations.push(conversation);
}

/// Hundreds of wrap-ups, most of them with much text.
pub(super) fn many_wrap_ups(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    for number in 0..COUNT {
        let id = maker.id(&format!("w{number:03}"));
        let bytes = if number % 4 == 0 { 10 } else { 80_000 };
        let data = json!({"id": id, "header": {"sender": {"type": "AGENT", "id": "ann"}},
            "body": {"type": "WRAPUP", "markdownText": text_of(bytes)}});
        maker.tell(&conversation, &id, "AGENT_MESSAGE", data);
    }
    claim_list(maker, &conversation, "/wrapUps", "/omitted/wrapUps");
    maker.claim("cx.conversations", conversation.clone(), Is::At("/wrapUps/1/body", Value::Null));
    maker.claim(
        "cx.conversations",
        conversation.clone(),
        Is::At("/wrapUps/99/body/markdownText", text_of(80_000).into()),
    );
    maker.batch.conversations.push(conversation);
}

/// Closed and opened again hundreds of times.
pub(super) fn closed_and_opened(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    for number in 0..COUNT {
        let id = maker.id(&format!("m{number}"));
        maker.tell(&conversation, &id, "CUSTOMER_MESSAGE", message(&id, "hello?"));
        maker.tell(&conversation, &maker.id(&format!("c{number}")), "CONVERSATION_CLOSED", json!({}));
        maker.tell(
            &conversation,
            &maker.id(&format!("o{number}")),
            "CONVERSATION_STATE_CHANGED",
            json!({"state": {"name": "ACTIVE"}}),
        );
    }
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", (3 * COUNT).into()));
    maker.batch.conversations.push(conversation);
}
