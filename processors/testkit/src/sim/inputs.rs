// SPDX-License-Identifier: Apache-2.0

//! The input: small conversations with disorder, duplicates, misplaced and undecodable records; and the result of folding it
//! directly.

use std::collections::BTreeMap;

use engine::partition_of;
use serde_json::{Value, json};

use super::broker::{PartitionId, Record};
use super::rng::Rng;
use super::topology::Topics;
use crate::{EventFactory, agent_news, generated_event};

pub(super) const T0: i64 = 1_750_000_000_000;
/// The time at the end of a run, when all timers are due.
pub(super) const AT_LAST: i64 = 2 * T0;
const CONVERSATIONS: [&str; 4] = ["c0", "c/1%", "conversation 2", "ü3"];
/// Conversations with their own topics.
const OWN_TOPICS: [&str; 2] = ["t0", "t1"];
/// In a thousand: how often something expires or is erased. The other runs show faults that this could hide.
const OFTEN: usize = 900;
/// The agents.
const AGENTS: [&str; 3] = ["ann", "ben/2", "ü"];
/// How many customers there are.
const CUSTOMERS: usize = 2;
/// How much later the clocks for expiry are read: more than a day, less than a week.
const LATER_S: i64 = 25 * 3600;

/// A record to be produced.
#[derive(Clone)]
pub(super) struct Input {
    pub(super) place: PartitionId,
    pub(super) record: Record,
}

/// How often an event was produced, and its identification.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Copies {
    pub(super) count: usize,
    /// It names only its session, so it may leave a second audit record once its conversation is known.
    pub(super) by_session: bool,
}

/// All inputs of a run.
pub(super) struct Inputs {
    pub(super) topics: Topics,
    /// Records to produce.
    pub(super) waiting: Vec<Input>,
    /// Produced records, in the form for a direct fold.
    pub(super) produced: Vec<Produced>,
    /// The numbers of records after which the run came to rest.
    pub(super) phases: Vec<usize>,
    pub(super) copies: BTreeMap<String, Copies>,
    /// Whether records expire at the end.
    pub(super) expires: bool,
    /// Whether a conversation is erased.
    pub(super) erases: bool,
    /// Every event with its conversation.
    of_conversations: Vec<(String, Input)>,
    /// Whether one was erased: later events of it are rejected.
    is_late: bool,
}

/// A record that was produced.
pub(super) struct Produced {
    /// As it was produced.
    pub(super) raw: Vec<u8>,
    /// For a direct fold, which has no conversation topics: such a record names its conversation.
    pub(super) value: Vec<u8>,
    pub(super) timestamp_ms: i64,
    pub(super) what: What,
}

/// What a record is, by its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Event,
    Request,
    AgentState,
}

/// The conversations with their own topics in this run.
pub(super) fn own_topics(rng: &mut Rng) -> Vec<String> {
    let count = if rng.chance(300) { rng.between(1, OWN_TOPICS.len()) } else { 0 };
    OWN_TOPICS.iter().take(count).map(|id| (*id).to_owned()).collect()
}

impl Inputs {
    pub(super) fn new(topics: Topics, rng: &mut Rng) -> Self {
        let mut inputs = Self {
            topics,
            waiting: Vec::new(),
            produced: Vec::new(),
            copies: BTreeMap::new(),
            phases: Vec::new(),
            expires: rng.chance(OFTEN),
            erases: rng.chance(OFTEN),
            of_conversations: Vec::new(),
            is_late: false,
        };
        let conversations = rng.between(1, CONVERSATIONS.len());
        for number in 0..rng.between(8, 40) {
            let input = match rng.below(20) {
                0 => inputs.unreadable(number, rng),
                1 => inputs.note(number, rng),
                2 => inputs.agent_state(rng),
                _ => inputs.event(number, conversations, rng),
            };
            inputs.waiting.push(input);
        }
        if rng.chance(700) {
            rng.shuffle(&mut inputs.waiting);
        }
        inputs
    }

    /// An event of some conversation.
    fn event(&self, number: usize, conversations: usize, rng: &mut Rng) -> Input {
        let numbers = [(); 5].map(|()| rng.byte());
        let own: Vec<usize> = self.topics.of_conversations().collect();
        if let Some(topic) = rng.pick(&own).copied()
            && rng.chance(300)
        {
            let id = self.topics.conversation_of(topic).unwrap_or_default();
            let mut event = generated_event(id, number, numbers);
            if rng.chance(500) {
                remove(&mut event, "conversationId");
            }
            return self.input(PartitionId { topic, partition: 0 }, &event, rng);
        }
        let id = CONVERSATIONS.get(rng.below(conversations)).copied().unwrap_or_default();
        let mut event = generated_event(id, number, numbers);
        if rng.chance(300) {
            let mut session = json!({"id": format!("session {} of {id}", rng.below(2))});
            if rng.chance(400) {
                set(&mut session, "customer", json!({"_id": format!("customer {}", rng.below(CUSTOMERS))}));
            }
            set(&mut event, "channelSession", session);
            if rng.chance(500) {
                remove(&mut event, "conversationId");
            }
        }
        let partition = self.partition(id, rng);
        self.input(PartitionId { topic: self.topics.input, partition }, &event, rng)
    }

    /// An agent's state, or an invalid one.
    fn agent_state(&self, rng: &mut Rng) -> Input {
        let place = PartitionId { topic: self.topics.agent_states(), partition: 0 };
        if rng.chance(100) {
            return self.record(place, Some(br#"{"agentPresence":{"agent":{"id":"ann"}}}"#.to_vec()), rng);
        }
        let id = rng.pick(&AGENTS).copied().unwrap_or_default();
        let second = i64::try_from(rng.below(8)).unwrap_or(0);
        let states = ["LOGIN", "READY", "NOT_READY", "LOGOUT"];
        let state = rng.pick(&states).copied().unwrap_or_default();
        let reason = rng.chance(300).then_some("Lunch");
        self.input(place, &agent_news(id, second, state, reason), rng)
    }

    /// A note on its own, or an edit of one.
    fn note(&self, number: usize, rng: &mut Rng) -> Input {
        let factory = EventFactory::homeless();
        let (id, note) = (format!("e{number:03}"), format!("note {}", rng.below(2)));
        let second = i64::try_from(rng.below(8)).unwrap_or(0);
        let event = if rng.chance(600) {
            let data = json!({"id": note, "body": {"type": "NOTE", "text": id}});
            factory.event(&id, "THIRD_PARTY_ACTIVITY", second, data)
        } else {
            factory.edit(&id, second, &note, "SYSTEM:sys", "edited")
        };
        let partition = self.partition(&note, rng);
        self.input(PartitionId { topic: self.topics.input, partition }, &event, rng)
    }

    /// A record that becomes a dead letter, or a tombstone.
    fn unreadable(&self, number: usize, rng: &mut Rng) -> Input {
        let text = match rng.below(5) {
            0 => None,
            1 => Some(format!("{{not JSON {number}")),
            2 => Some(json!({"name": "ANYTHING", "timestamp": T0, "n": number}).to_string()),
            3 => Some(json!({"id": format!("u{number}"), "name": "ANYTHING", "timestamp": T0}).to_string()),
            _ => {
                let event = EventFactory::new("c0").event(&format!("u{number}"), "ANYTHING", 0, json!({}));
                Some(event.to_string().replace(&T0.to_string(), "\"yesterday\""))
            }
        };
        let places = [self.topics.input].into_iter().chain(self.topics.of_conversations());
        let topics: Vec<usize> =
            places.filter(|topic| *topic == self.topics.input || text.is_some()).collect();
        let topic = rng.pick(&topics).copied().unwrap_or(self.topics.input);
        // In a conversation's own topic, an event without a conversation belongs to it.
        let topic = if text.as_ref().is_some_and(|text| text.starts_with("{not")) {
            topic
        } else {
            self.topics.input
        };
        let partition = if topic == self.topics.input { self.any_partition(rng) } else { 0 };
        self.record(PartitionId { topic, partition }, text.map(String::into_bytes), rng)
    }

    /// Mostly the correct partition.
    fn partition(&self, key: &str, rng: &mut Rng) -> i32 {
        if rng.chance(700) {
            partition_of(key.as_bytes(), self.topics.partitions)
        } else {
            self.any_partition(rng)
        }
    }

    fn any_partition(&self, rng: &mut Rng) -> i32 {
        i32::try_from(rng.below(usize::try_from(self.topics.partitions).unwrap_or(1))).unwrap_or(0)
    }

    fn input(&self, place: PartitionId, event: &Value, rng: &mut Rng) -> Input {
        self.record(place, Some(event.to_string().into_bytes()), rng)
    }

    fn record(&self, place: PartitionId, value: Option<Vec<u8>>, rng: &mut Rng) -> Input {
        let headers =
            if rng.chance(200) { vec![("trace".to_owned(), Some(vec![rng.byte()]))] } else { Vec::new() };
        let key = rng.chance(500).then(|| b"some key".to_vec());
        Input { place, record: Record { key, value, headers, timestamp_ms: T0 } }
    }

    /// Takes the next record to produce, sometimes one that was produced before.
    pub(super) fn next(&mut self) -> Option<Input> {
        (!self.waiting.is_empty()).then(|| self.waiting.remove(0))
    }

    /// Notes that a record was produced.
    pub(super) fn note_produced(&mut self, input: &Input) {
        let Some(value) = &input.record.value else { return };
        let raw = value.clone();
        let event = serde_json::from_slice::<Value>(value).ok();
        let id = event.as_ref().and_then(|event| event.get("id")?.as_str().map(str::to_owned));
        let value = match (&event, self.topics.conversation_of(input.place.topic)) {
            (Some(event), Some(conversation)) if event.get("conversationId").is_none() => {
                let mut event = event.clone();
                set(&mut event, "conversationId", json!(conversation));
                event.to_string().into_bytes()
            }
            _ => value.clone(),
        };
        let what = match input.place.topic {
            topic if topic == self.topics.erasures() => What::Request,
            topic if topic == self.topics.agent_states() => What::AgentState,
            _ => What::Event,
        };
        self.produced.push(Produced { raw, value, timestamp_ms: input.record.timestamp_ms, what });
        if let Some((id, event)) = id.zip(event)
            && id.starts_with(['e', 'k'])
            && !(self.is_late && id.starts_with('e'))
        {
            if let Some(conversation) = event.get("conversationId").and_then(Value::as_str) {
                self.of_conversations.push((conversation.to_owned(), input.clone()));
            }
            let is_homeless = event.get("conversationId").is_none();
            let has_session = event.get("channelSession").is_some();
            let copies = self.copies.entry(id).or_default();
            copies.count += 1;
            copies.by_session =
                is_homeless && has_session && self.topics.conversation_of(input.place.topic).is_none();
        }
    }

    /// Ends a phase: everything produced so far is processed before more comes.
    pub(super) fn end_phase(&mut self) {
        self.phases.push(self.produced.len());
    }

    /// A request to erase a conversation, or all of a customer's, and later records of it.
    pub(super) fn erasure(&mut self, rng: &mut Rng) -> (Input, Vec<Input>) {
        self.is_late = true;
        let known = rng.pick(&self.of_conversations).map(|(id, _)| id.clone());
        let id = known.unwrap_or_else(|| "unknown".to_owned());
        let customer = rng.chance(400).then(|| format!("customer {}", rng.below(CUSTOMERS)));
        let request = match &customer {
            Some(customer) => json!({"customerId": customer}),
            None => json!({"conversationId": id}),
        };
        let request = self.input(PartitionId { topic: self.topics.erasures(), partition: 0 }, &request, rng);
        let is_of_it = |of: &str, input: &Input| match &customer {
            Some(customer) => names_customer(input, customer),
            None => of == id,
        };
        let of_it = self.of_conversations.iter().filter(|(of, input)| is_of_it(of, input));
        let mut late: Vec<Input> = of_it.map(|(_, input)| input.clone()).collect();
        rng.shuffle(&mut late);
        late.truncate(rng.between(1, 4));
        (request, late)
    }

    /// Events more than a day later, in another conversation in each partition, so that everything waiting or closed is due.
    pub(super) fn clocks(&self, round: usize) -> Vec<Input> {
        let second = LATER_S + i64::try_from(round).unwrap_or(0);
        let mut inputs = Vec::new();
        for partition in 0..self.topics.partitions {
            let names = (0..).map(|number| format!("clock {number}"));
            let mut here =
                names.filter(|id| partition_of(id.as_bytes(), self.topics.partitions) == partition);
            let Some(id) = here.next() else { continue };
            let event_id = format!("k{round} of {id}");
            let event = EventFactory::new(&id).event(&event_id, "ANYTHING", second, json!({}));
            let record = Record {
                key: None,
                value: Some(event.to_string().into_bytes()),
                headers: Vec::new(),
                timestamp_ms: T0 + second * 1000,
            };
            inputs.push(Input { place: PartitionId { topic: self.topics.input, partition }, record });
        }
        inputs
    }
}

fn names_customer(input: &Input, customer: &str) -> bool {
    let event: Option<Value> =
        input.record.value.as_deref().and_then(|value| serde_json::from_slice(value).ok());
    event.is_some_and(|event| event.pointer("/channelSession/customer/_id") == Some(&json!(customer)))
}

fn set(event: &mut Value, field: &str, value: Value) {
    if let Some(fields) = event.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

fn remove(event: &mut Value, field: &str) {
    if let Some(fields) = event.as_object_mut() {
        fields.remove(field);
    }
}
