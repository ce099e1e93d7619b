// SPDX-License-Identifier: Apache-2.0

//! The longest possible identifiers, through every processor, on every store: the engine's keys are bounded by construction.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::Flushing;
use disk::{Budget, Home, Stamp};
use engine::{KEY_BYTES_MAX, MemoryStore, StateStore};
use serde_json::{Map, Value, json};
use testkit::Driver;

const T0: i64 = 1_750_000_000_000;
const DAY_MS: i64 = 86_400_000;
const LONGEST: usize = 512;

/// Characters of the longest ids. The first two become three times as long in keys; the last gives 128 characters.
const FILLERS: [char; 4] = ['/', '%', 'x', '\u{1f600}'];

/// A unique id of 512 bytes.
fn id(filler: char, name: &str) -> String {
    let mut id = String::from(name);
    while id.len() % filler.len_utf8() != 0 {
        id.push('_');
    }
    while id.len() < LONGEST {
        id.push(filler);
    }
    assert_eq!(id.len(), LONGEST);
    id
}

/// The events of a conversation in which every identifier has its maximum length.
struct Script {
    filler: char,
    conversation: String,
    at: i64,
    events: Vec<Value>,
}

impl Script {
    fn of(filler: char, nth: usize) -> Vec<Value> {
        let conversation = id(filler, &format!("conversation {nth}"));
        let mut script = Script { filler, conversation, at: T0, events: Vec::new() };
        script.write(nth);
        script.events
    }

    fn id(&self, name: &str) -> String {
        id(self.filler, name)
    }

    /// An event of this conversation, after a second.
    fn push(&mut self, name: &str, data: Value) {
        let mut fields = Map::from_iter([("data".to_owned(), data)]);
        fields.insert("conversationId".to_owned(), self.conversation.clone().into());
        self.push_with(name, Value::Object(fields));
    }

    fn push_with(&mut self, name: &str, fields: Value) {
        self.at += 1000;
        let of = self.conversation.chars().take(16).collect::<String>();
        let mut event =
            json!({"id": self.id(&format!("event {} of {of}", self.at)), "name": name, "timestamp": self.at});
        let Value::Object(fields) = fields else { panic!("fields are those of an object") };
        event.as_object_mut().unwrap().extend(fields);
        self.events.push(event);
    }

    fn sender(&self, of_type: &str) -> Value {
        json!({"type": of_type, "id": self.id(of_type), "senderName": self.id("name").repeat(10)})
    }

    /// Everything that the contract knows and each processor handles.
    fn write(&mut self, nth: usize) {
        let filler = self.filler;
        let of = |name: &str| id(filler, &format!("{name} of {nth}"));
        let (session, customer, message, task, agent) =
            (of("session"), of("customer"), of("message"), of("task"), of("AGENT"));
        let channel = json!({"channelType": {"name": self.id("channel")}, "channelConfig": {"customerActivityTimeout": 60, "responseSla": 60}});
        let channel_session = json!({"id": session, "customer": {"_id": customer}, "channel": channel,
            "channelData": {"serviceIdentifier": self.id("service")}, "channelSessionDirection": self.id("direction")});
        let conversation = self.conversation.clone();
        let participant = json!({"participant": {"id": agent, "displayName": self.id("name").repeat(3)}, "role": self.id("role")});
        let header = |more: Value, sender: Value| {
            let mut header =
                json!({"sender": sender, "providerMessageId": of("provider's"), "channelSessionId": session});
            header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            header
        };
        // Known by its session only, before its conversation is known.
        let alone =
            json!({"id": of("early"), "header": header(json!({}), self.sender("CUSTOMER")), "body": {}});
        self.push_with("CUSTOMER_MESSAGE", json!({"data": alone}));
        self.push_with(
            "CHANNEL_SESSION_STARTED",
            json!({"conversationId": conversation, "channelSession": channel_session}),
        );
        let text = json!({"type": "PLAIN", "markdownText": "text"});
        self.push("CUSTOMER_MESSAGE", json!({"id": message, "header": header(json!({"customer": {"id": customer}}), self.sender("CUSTOMER")), "body": text}));
        self.push("BOT_SUGGESTION", json!({"requestedMessage": {"id": message}, "header": header(json!({}), self.sender("BOT")), "suggestions": [{"messageBody": text, "confidenceLevel": 0.5}]}));
        self.push(
            "BOT_MESSAGE",
            json!({"id": of("bot's"), "header": header(json!({}), self.sender("BOT")), "body": text}),
        );
        self.push("BOT_TIMEOUT", json!({"header": header(json!({}), self.sender("BOT"))}));
        let media = json!([{"queue": {"name": self.id("queue")}, "type": {"direction": self.id("direction"), "mode": self.id("mode")}}]);
        self.push("TASK_ENQUEUED", json!({"task": {"id": task, "activeMedia": media}}));
        self.push("AGENT_RESERVED", json!({"task": {"id": task}}));
        self.push("AGENT_SUBSCRIBED", json!({"agentParticipant": participant, "reason": self.id("reason")}));
        self.push("TASK_STATE_CHANGED", json!({"task": {"id": task, "state": self.id("state")}}));
        let own = json!({"type": "AGENT", "id": agent, "senderName": "Ann"});
        for (nth, more) in
            [json!({}), json!({"intent": "REPLY_TO", "originalMessageId": message})].into_iter().enumerate()
        {
            self.push("AGENT_MESSAGE", json!({"id": of(&format!("agent's {nth}")), "header": header(more, own.clone()), "body": text}));
        }
        self.push("CUSTOMER_MESSAGE", json!({"id": of("reply"), "header": header(json!({"intent": "REPLY_TO", "originalMessageId": of("agent's 0"), "customer": {"id": customer}}), self.sender("CUSTOMER")), "body": text}));
        let on = |target: &str| json!({"originalMessageId": target});
        self.push("REACTION", json!({"header": header(on(&message), own.clone()), "body": {"kind": "FLAG", "value": self.id("value")}}));
        self.push("MODIFY_ACTIVITY", json!({"header": header(on(&of("agent's 0")), own.clone()), "body": {"action": "EDIT", "body": text}}));
        self.push(
            "MODIFY_ACTIVITY",
            json!({"header": header(on(&of("agent's 1")), own.clone()), "body": {"action": "DELETE"}}),
        );
        self.push("MESSAGE_DELIVERY_NOTIFICATION", json!({"body": {"messageId": of("agent's 0"), "status": "FAILED", "reasonCode": self.id("reason")}}));
        self.push(
            "MESSAGE_DELIVERY_NOTIFICATION",
            json!({"body": {"messageId": of("agent's 0"), "status": self.id("status")}}),
        );
        // Its target never comes.
        self.push("REACTION", json!({"header": header(on(&of("nowhere")), own.clone()), "body": {"kind": "EMOJI", "value": self.id("value")}}));
        for name in ["CALL_LEG_STARTED", "CALL_LEG_ENDED"] {
            let body = json!({"legId": of("leg"), "callId": of("call"), "reasonCode": self.id("reason")});
            self.push(name, json!({"header": header(json!({}), own.clone()), "body": body}));
        }
        let wrap_up = json!({"type": "WRAPUP"});
        self.push(
            "WRAPUP_APPLIED",
            json!({"id": of("wrap-up"), "header": header(json!({}), own.clone()), "body": wrap_up}),
        );
        let role = json!({"type": "AGENT", "participant": {"id": agent}, "role": self.id("other role")});
        self.push("PARTICIPANT_ROLE_CHANGED", json!({"conversationParticipant": role}));
        self.push("CONVERSATION_DATA_CHANGED", json!({"any": "thing"}));
        let name = self.id("A name of something else");
        self.push(&name, json!({}));
        self.push("TOPIC_STATE_CHANGED", json!({"state": self.id("state")}));
        let note = json!({"id": of("note"), "header": header(json!({"channelSessionId": null}), own), "body": {"type": "NOTE"}});
        self.push_with("AGENT_MESSAGE", json!({"data": note}));
        self.push(
            "AGENT_UNSUBSCRIBED",
            json!({"agentParticipant": participant, "reason": self.id("reason")}),
        );
        self.push_with(
            "CHANNEL_SESSION_ENDED",
            json!({"conversationId": conversation, "channelSession": channel_session}),
        );
        self.push("CONVERSATION_CLOSED", json!({}));
    }
}

/// A state of an agent, in which every identifier has its maximum length.
fn agent_state(filler: char, state: &str, at: i64) -> Value {
    let presence = json!({
        "agent": {"id": id(filler, "AGENT of 0"), "displayName": id(filler, "name").repeat(3)},
        "state": {"name": id(filler, state), "reasonCode": {"label": id(filler, "reason")}},
        "stateChangeTime": at,
        "agentMrdStates": [{"mrd": {"id": id(filler, "mrd"), "name": id(filler, "mrd's name")}, "state": id(filler, state)}],
    });
    json!({"name": "AGENT_STATE_CHANGED", "timestamp": at, "data": {"agentPresence": presence}})
}

/// The visible results of a driver.
#[derive(Debug, PartialEq)]
struct Seen {
    outputs: BTreeMap<(String, String), Value>,
    changelog: BTreeMap<Vec<u8>, Vec<u8>>,
    letters: Vec<String>,
}

fn seen(driver: &Driver) -> Seen {
    let mut letters: Vec<String> = driver.letters().iter().map(|letter| letter.reason.clone()).collect();
    letters.sort();
    let changelog = driver.changelog().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    Seen { outputs: driver.finals().clone(), changelog, letters }
}

/// Two conversations, one of which is erased; then all timers fire and what is left expires. Returns the results before and
/// after.
fn walk(filler: char, stores: impl FnMut(i32) -> Box<dyn StateStore>) -> [Seen; 2] {
    let mut driver = Driver::with_stores(testkit::topology(), 3, stores).with_expiry();
    driver.set_clock(T0);
    // In batches, so that much of the state is read from the store again.
    let (mut first, mut second) = (Script::of(filler, 0), Script::of(filler, 1));
    let ends: Vec<_> =
        [&mut first, &mut second].into_iter().map(|events| events.split_off(events.len() - 3)).collect();
    for (place, event) in first.iter().chain(&second).enumerate() {
        driver.push(event.to_string());
        if place % 5 == 0 {
            driver.finish();
        }
    }
    for (state, after_ms) in [("READY", 0), ("NOT_READY", 1_800_000)] {
        driver.push_agent(agent_state(filler, state, T0 + after_ms).to_string());
    }
    driver.finish();
    driver.punctuate(T0 + 3_600_000);
    let lived = seen(&driver);
    for event in ends.iter().flatten() {
        driver.push(event.to_string());
    }
    driver.finish();
    driver.push_erasure(json!({"customerId": id(filler, "customer of 0")}).to_string());
    driver.push_erasure(json!({"conversationId": id(filler, "erased before it came")}).to_string());
    driver.finish();
    for days in [2, 40, 80] {
        driver.set_clock(T0 + days * DAY_MS);
        for other in 0..12 {
            let at = T0 + days * DAY_MS;
            let conversation = format!("{other} after {days} days");
            driver.push(json!({"id": format!("{other} {days}"), "name": "X", "timestamp": at, "conversationId": conversation}).to_string());
        }
        driver.finish();
        driver.punctuate(T0 + days * DAY_MS + 3_600_000);
    }
    assert_eq!(driver.violations(), Vec::<&str>::new());
    [lived, seen(&driver)]
}

#[test]
fn the_longest_ids_there_can_be_go_through_every_processor_in_memory_as_on_disk() {
    for filler in FILLERS {
        let in_memory = walk(filler, |_| Box::new(MemoryStore::default()));
        let directory = tempfile::tempdir().unwrap();
        let home = Home::open(directory.path(), Budget::default()).unwrap();
        let on_disk =
            walk(filler, |partition| Box::new(Flushing(home.store(partition, &Stamp::default()).unwrap().0)));
        assert_eq!(in_memory, on_disk, "{filler}");

        let [lived, over] = &in_memory;
        let lengths = lived.changelog.keys().map(Vec::len);
        let longest = lengths.max().unwrap();
        assert!((LONGEST..KEY_BYTES_MAX / 2).contains(&longest), "{longest} bytes with {filler}");
        // Each has its own first byte; audit has no state, and conversations share that of timelines.
        let namespaces: BTreeSet<u8> =
            lived.changelog.keys().map(|key| key[0]).filter(|first| *first != 0).collect();
        let topics: BTreeSet<&str> = lived.outputs.keys().map(|(topic, _)| topic.as_str()).collect();
        assert_eq!(
            namespaces.len(),
            testkit::writes().len() - 2,
            "every processor has a state: {namespaces:?}"
        );
        let written: BTreeSet<&str> = testkit::writes().into_iter().flat_map(|(_, topics)| topics).collect();
        assert_eq!(topics, written, "every processor has written");
        assert_eq!(lived.letters, Vec::<String>::new());
        assert_eq!(over.letters, ["target-not-found"], "of the conversation that was not erased");
    }
}
