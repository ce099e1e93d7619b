//! Events from a handful of small numbers. Few activities, actors and instants, so that everything collides.

use serde_json::{Value, json};

use crate::EventFactory;

const ACTORS: [&str; 5] = ["CUSTOMER:cus", "AGENT:ann", "AGENT:ben", "SYSTEM:sys", "BOT:"];
const ACTIVITIES: [&str; 4] = ["m1", "m2", "m/3%", "m4"];

fn pick<'l>(list: &[&'l str], n: u8) -> &'l str {
    list.get(usize::from(n) % list.len()).copied().unwrap_or_default()
}

/// The event of these numbers: its kind, activity, actor, second, and whatever else there is to choose. It is always one
/// that can be read. `number` makes its id.
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
    let one_of = |list: &[&'static str]| pick(list, detail).to_owned();
    let agent = one_of(&["ann", "ben"]);
    let role = one_of(&["PRIMARY", "WRAP_UP", "SILENT_MONITOR"]);
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
            "channel": {"channelType": {"name": one_of(&["WEB", "SMS"])}}, "channelSessionDirection": "INBOUND"});
        if let Some(fields) = event.as_object_mut() {
            fields.insert("channelSession".to_owned(), session);
        }
    }
    event
}
