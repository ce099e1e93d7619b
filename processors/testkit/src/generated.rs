// SPDX-License-Identifier: Apache-2.0

//! Events from a few small numbers, with few activities, actors and instants, so that many collide.

use serde_json::{Value, json};

use crate::EventFactory;

const ACTORS: [&str; 6] = ["CUSTOMER:cus", "AGENT:ann", "AGENT:ben", "SYSTEM:sys", "BOT:", "CUSTOMER:merged"];
const ACTIVITIES: [&str; 4] = ["m1", "m2", "m/3%", "m4"];

fn pick<'l>(list: &[&'l str], n: u8) -> &'l str {
    list.get(usize::from(n) % list.len()).copied().unwrap_or_default()
}

/// The event of these numbers: kind, activity, actor, second, and further choices. It can always be decoded. `number` makes its
/// id.
#[must_use]
pub fn generated_event(
    conversation: &str,
    number: usize,
    [what, activity, actor, second, detail]: [u8; 5],
) -> Value {
    let id = format!("e{number:03}");
    let factory = EventFactory::new(conversation);
    let (activity, actor, at) = (pick(&ACTIVITIES, activity), pick(&ACTORS, actor), i64::from(second % 8));
    let text = format!("text of {id}");
    match what % 40 {
        0 => factory.message(&id, "AGENT_MESSAGE", at, activity, actor, &text),
        1 => factory.message(&id, "CUSTOMER_MESSAGE", at, activity, actor, &text),
        2 => factory.reply(&id, at, activity, actor, pick(&ACTIVITIES, detail)),
        3 | 4 => factory.edit(&id, at, activity, actor, &text),
        5 => factory.delete(&id, at, activity, actor),
        6 | 7 => {
            let action = pick(&["ADD", "REMOVE"], detail);
            factory.reaction(&id, at, activity, actor, pick(&["👍", "🎉"], detail / 2), action)
        }
        8 => factory.receipt(
            &id,
            at,
            activity,
            pick(&["SENT", "FAILED", "DELIVERED", "SEEN", "LOST", "CONNECTED", "read"], detail),
        ),
        9 => {
            let item = json!({"messageBody": {"n": detail}, "confidenceLevel": 0.5});
            let data = json!({"requestedMessage": {"id": activity}, "suggestions": [item, 1]});
            factory.event(&id, "BOT_SUGGESTION", at, data)
        }
        10 => {
            let body = json!({"legId": activity, "callId": "call", "endTime": 1_750_000_100_000_i64 + at});
            let name = pick(&["CALL_LEG_STARTED", "CALL_LEG_ENDED"], detail);
            factory.event(&id, name, at, json!({"body": body}))
        }
        11 => {
            let data = json!({"header": {"sender": {"type": "AGENT", "id": "ann"}, "intent": "UPDATE",
                "originalMessageId": activity}, "body": {"edited by": id}});
            factory.event(&id, "AGENT_MESSAGE", at, data)
        }
        12 => factory.message(&id, "BOT_MESSAGE", at, activity, "BOT:bo", &text),
        what @ 24..=31 => of_platform(&factory, &id, what, (activity, actor), at, detail),
        32 | 33 => of_campaign(&id, (activity, actor), at, detail),
        what @ 34..=38 => routed(&factory, &id, what, at, detail),
        39 => in_room(factory.message(&id, "AGENT_MESSAGE", at, activity, actor, &text), detail),
        what => fact(&factory, &id, what, at, detail),
    }
}

/// Further events of the platform: comments, deletions, receipts for all earlier messages, calls with holds, signals.
fn of_platform(
    factory: &EventFactory,
    id: &str,
    what: u8,
    (activity, actor): (&str, &str),
    at: i64,
    detail: u8,
) -> Value {
    let (actor_type, actor_id) = actor.split_once(':').unwrap_or_default();
    let sender = json!({"type": actor_type, "id": actor_id});
    let header = json!({"sender": sender, "originalMessageId": activity, "timestamp": 1_750_000_000 + at});
    match what {
        24 => {
            let item = pick(&["LIKE", "UNLIKE", "HIDE", "DELETE", "COMMENT"], detail);
            let body = json!({"type": "COMMENT", "itemType": item});
            factory.event(
                id,
                "AGENT_MESSAGE",
                at,
                json!({"id": format!("comment {activity}"), "header": header, "body": body}),
            )
        }
        25 => {
            let body = json!({"type": "DELETEDNOTIFICATION", "messageId": activity});
            factory.event(id, "CUSTOMER_MESSAGE", at, json!({"header": header, "body": body}))
        }
        26 => {
            let body = json!({"kind": pick(&["FLAG", "RESPONSE", "EMOJI"], detail), "value": pick(&["\u{2764}\u{fe0f}", "\u{2764}"], detail)});
            factory.event(id, "REACTION", at, json!({"header": header, "body": body}))
        }
        27 => factory.event(id, "REACTION", at, json!({"header": header, "body": {"kind": "EMOJI"}})),
        28 => {
            let name = pick(&["CALL_HOLD", "CALL_RESUME"], detail);
            factory.event(id, name, at, json!({"header": header, "body": {"leg": activity}}))
        }
        29 | 30 => factory.receipt(id, at, activity, "READ"),
        _ => {
            let body = json!({"type": "NOTIFICATION", "notificationType": pick(&["TYPING_STARTED", "INFO"], detail)});
            let name = pick(&["CUSTOMER_MESSAGE", "TYPING_INDICATOR"], detail / 2);
            factory.event(id, name, at, json!({"id": activity, "header": header, "body": body}))
        }
    }
}

/// Events of a campaign: activities without a conversation, with answers and receipts.
fn of_campaign(id: &str, (activity, actor): (&str, &str), at: i64, detail: u8) -> Value {
    let (_, actor_id) = actor.split_once(':').unwrap_or_default();
    let customer = json!({"_id": "cus"});
    let body = json!({"type": "PLAIN", "markdownText": format!("text of {id}")});
    let data = match detail % 4 {
        0 | 1 => {
            let header = json!({"sender": {"type": "APP", "id": actor_id}, "customer": customer, "schedulingMetaData": {"at": 1}});
            json!({"id": activity, "header": header, "body": body})
        }
        2 => {
            let header = json!({"sender": {"type": "CONNECTOR", "id": actor_id}, "customer": customer,
                "originalMessageId": pick(&ACTIVITIES, detail / 4), "intent": "REPLY_TO"});
            json!({"id": format!("answer {activity}"), "header": header, "body": body})
        }
        _ => {
            let header = json!({"sender": {"type": "CONNECTOR", "id": actor_id}, "customer": customer});
            let body = json!({"type": "DELIVERYNOTIFICATION", "messageId": activity, "status": pick(&["SENT", "READ"], detail / 4)});
            json!({"id": activity, "header": header, "body": body})
        }
    };
    EventFactory::homeless().event(id, "THIRD_PARTY_ACTIVITY", at, data)
}

/// Events of the routing: tasks with timers and reasons, offers, consultations; and events that end or hold a conversation.
fn routed(factory: &EventFactory, id: &str, what: u8, at: i64, detail: u8) -> Value {
    let one_of = |list: &[&'static str], by: u8| pick(list, detail / by).to_owned();
    let task = one_of(&["t1", "t2", "t3"], 1);
    let agent = one_of(&["ann", "ben"], 3);
    let media = |state: &str| {
        json!([{"queue": {"name": one_of(&["sales", "vip/%"], 6)}, "state": state,
            "type": {"direction": one_of(&["INBOUND", "CONSULT", "DIRECT_TRANSFER", "SILENT_MONITOR"], 5), "mode": "QUEUE"}}])
    };
    let (name, data) = match what {
        34 => {
            let timer = one_of(&["", "timer"], 7);
            let task = json!({"id": task, "state": "ACTIVE", "agentRequestTtlTimerId": timer, "activeMedia": media("QUEUED")});
            ("TASK_ENQUEUED".to_owned(), json!({"task": task}))
        }
        35 => ("AGENT_RESERVED".to_owned(), json!({"task": {"id": task}, "ccUser": {"id": agent}})),
        36 => {
            let reason = one_of(&["RONA", "CANCELLED", "NO_AGENT_AVAILABLE", "DONE", "REROUTE"], 2);
            let task = json!({"id": task, "state": {"name": "CLOSED", "reasonCode": reason}});
            ("TASK_STATE_CHANGED".to_owned(), json!({"task": task}))
        }
        37 => {
            let task = json!({"id": task, "state": {"name": "ACTIVE"}, "assignedTo": {"id": agent},
                "activeMedia": media(pick(&["ACTIVE", "RESERVED", "WRAP_UP"], detail))});
            ("TASK_STATE_CHANGED".to_owned(), json!({"task": task}))
        }
        _ => match detail % 4 {
            0 => ("CUSTOMER_LEFT".to_owned(), json!({})),
            1 => ("REMOVE_CHANNEL_SESSION".to_owned(), json!({})),
            2 => (
                "NO_AGENT_AVAILABLE".to_owned(),
                json!({"requestType": {"direction": one_of(&["INBOUND", "CONSULT"], 4)}}),
            ),
            _ => (
                "TOPIC_STATE_CHANGE_EVENT".to_owned(),
                json!({"state": one_of(&["CREATED", "CLOSED", "ON_HOLD", "ACTIVE"], 4)}),
            ),
        },
    };
    factory.event(id, &name, at, data)
}

/// The same event in a room, rarely one for agents only.
fn in_room(mut event: Value, detail: u8) -> Value {
    let mode = if detail.is_multiple_of(8) { "PRIVATE" } else { "CONTACT_CENTER" };
    if let Some(fields) = event.as_object_mut() {
        fields.insert("roomInfo".to_owned(), json!({"id": pick(&["r1", "r2"], detail), "mode": mode}));
    }
    event
}

/// A fact of the conversation: sessions, agents, queues, states.
fn fact(factory: &EventFactory, id: &str, what: u8, at: i64, detail: u8) -> Value {
    let one_of = |list: &[&'static str]| pick(list, detail).to_owned();
    let agent = one_of(&["ann", "ben"]);
    let role = one_of(&["PRIMARY", "WRAP_UP", "SILENT_MONITOR", "CONSULTED", "BARGE_IN"]);
    let participant = json!({"role": role, "participant": {"id": agent}});
    let task = json!({"id": one_of(&["t1", "t2", "t3"]), "state": one_of(&["CLOSED", "RESERVED"])});
    let (name, data) = match what {
        13 | 14 => (
            "TASK_ENQUEUED".to_owned(),
            json!({"task": task, "queue": {"name": one_of(&["sales", "vip/%"])}}),
        ),
        15 => ("TASK_STATE_CHANGED".to_owned(), json!({"task": task})),
        16 | 17 => ("AGENT_SUBSCRIBED".to_owned(), json!({"agentParticipant": participant})),
        18 => ("AGENT_UNSUBSCRIBED".to_owned(), json!({"agentParticipant": participant, "reason": "LEFT"})),
        19 => {
            let participant = json!({"type": "AGENT", "role": role, "participant": {"id": agent}});
            ("PARTICIPANT_ROLE_CHANGED".to_owned(), json!({"conversationParticipant": participant}))
        }
        20 => (one_of(&["CONVERSATION_CLOSED", "CONVERSATION_STARTED"]), json!({})),
        21 => (one_of(&["CONVERSATION_PAUSED", "CONVERSATION_RESUMED", "NO_AGENT_AVAILABLE"]), json!({})),
        _ => (one_of(&["CHANNEL_SESSION_STARTED", "CHANNEL_SESSION_ENDED", "ANYTHING"]), json!({})),
    };
    let mut event = factory.event(id, &name, at, data);
    if what.is_multiple_of(2) {
        let conversation = event.get("conversationId").cloned().unwrap_or_default();
        let session = json!({"id": format!("{} of {conversation}", one_of(&["s1", "s2"])),
            "channel": {"channelType": {"name": one_of(&["WEB", "SMS"])}}, "channelSessionDirection": "INBOUND",
            "customer": {"_id": one_of(&["cus", "", "merged"])}});
        if let Some(fields) = event.as_object_mut() {
            fields.insert("channelSession".to_owned(), session);
        }
    }
    event
}
