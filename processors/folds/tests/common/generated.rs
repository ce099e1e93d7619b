//! Events from a handful of small numbers. Few activities, actors and instants, so that everything collides.

use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::EventFactory;

const ACTORS: [&str; 5] = ["CUSTOMER:cus", "AGENT:ann", "AGENT:ben", "SYSTEM:sys", "BOT:"];
const ACTIVITIES: [&str; 4] = ["m1", "m2", "m/3%", "m4"];

/// One event from a handful of small numbers. Few activities, actors and instants, so that everything collides.
pub(crate) fn event(number: usize, [what, activity, actor, second, detail]: [u8; 5]) -> Value {
    let id = format!("e{number:03}");
    let pick = |list: &[&'static str], n: u8| list[usize::from(n) % list.len()];
    let factory = match detail % 7 {
        0 => EventFactory::new("other conversation"),
        _ => EventFactory::new("c"),
    };
    let (activity, actor, at) = (pick(&ACTIVITIES, activity), pick(&ACTORS, actor), i64::from(second % 8));
    let text = format!("text of {id}");
    match what % 24 {
        0 => factory.message(&id, "AGENT_MESSAGE", at, activity, actor, &text),
        1 => factory.message(&id, "CUSTOMER_MESSAGE", at, activity, actor, &text),
        2 => factory.reply(&id, at, activity, actor, pick(&ACTIVITIES, detail)),
        3 | 4 => factory.edit(&id, at, activity, actor, &text),
        5 => factory.delete(&id, at, activity, actor),
        6 | 7 => {
            let action = pick(&["ADD", "REMOVE"], detail);
            factory.reaction(&id, at, activity, actor, pick(&["👍", "🎉"], detail / 2), action)
        }
        8 => {
            factory.receipt(&id, at, activity, pick(&["SENT", "FAILED", "DELIVERED", "SEEN", "LOST"], detail))
        }
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
        what => fact(&factory, &id, what, at, detail),
    }
}

/// A fact of the conversation: sessions, agents, queues, states.
fn fact(factory: &EventFactory, id: &str, what: u8, at: i64, detail: u8) -> Value {
    let pick = |list: &[&'static str]| list[usize::from(detail) % list.len()];
    let agent = pick(&["ann", "ben"]);
    let role = pick(&["PRIMARY", "WRAP_UP", "SILENT_MONITOR"]);
    let participant = json!({"role": role, "participant": {"id": agent}});
    let task = json!({"id": pick(&["t1", "t2", "t3"]), "state": pick(&["CLOSED", "RESERVED"])});
    let (name, data) = match what {
        13 | 14 => ("TASK_ENQUEUED", json!({"task": task, "queue": {"name": pick(&["sales", "vip/%"])}})),
        15 => ("TASK_STATE_CHANGED", json!({"task": task})),
        16 | 17 => ("AGENT_SUBSCRIBED", json!({"agentParticipant": participant})),
        18 => ("AGENT_UNSUBSCRIBED", json!({"agentParticipant": participant, "reason": "LEFT"})),
        19 => {
            let participant = json!({"type": "AGENT", "role": role, "participant": {"id": agent}});
            ("PARTICIPANT_ROLE_CHANGED", json!({"conversationParticipant": participant}))
        }
        20 => (pick(&["CONVERSATION_CLOSED", "CONVERSATION_STARTED"]), json!({})),
        21 => (pick(&["CONVERSATION_PAUSED", "CONVERSATION_RESUMED", "NO_AGENT_AVAILABLE"]), json!({})),
        _ => (pick(&["CHANNEL_SESSION_STARTED", "CHANNEL_SESSION_ENDED", "ANYTHING"]), json!({})),
    };
    let mut event = factory.event(id, name, at, data);
    if what.is_multiple_of(2) {
        let session = json!({"id": format!("{} of {}", pick(&["s1", "s2"]), event["conversationId"]),
            "channel": {"channelType": {"name": pick(&["WEB", "SMS"])}}, "channelSessionDirection": "INBOUND"});
        event["channelSession"] = session;
    }
    event
}

pub(crate) fn events() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(any::<[u8; 5]>(), 1..40).prop_map(|numbers| {
        numbers.into_iter().enumerate().map(|(n, numbers)| event(n, numbers).to_string()).collect()
    })
}
