// SPDX-License-Identifier: Apache-2.0

//! Writes one conversation, event by event.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use super::cast::{Agent, Bot, CHATS, Cast, Channel, object_id, pick, uuid};
use super::shapes::{self, Customer, Session};
use super::texts::{LANGUAGES, Language};
use super::{Options, Planned, Size};

/// The share of events without a conversation id, among those that a session can correlate.
const SESSION_KEYED_SHARE: f64 = 0.7;
/// Slim facts with more data than this omit their channel session.
const SLIM_DATA: usize = 190;

/// Which identifiers an event has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carry {
    /// Its conversation, and mostly its session.
    Conversation,
    /// Only its session.
    Session,
    /// None.
    Nothing,
}

/// The components that emit facts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Component {
    Router,
    Monitor,
    Agents,
}

/// An agent's stay in the conversation.
#[derive(Debug, Clone)]
pub(super) struct Stay {
    pub(super) agent: Agent,
    pub(super) id: String,
    pub(super) role: &'static str,
}

/// The author of a message.
#[derive(Debug, Clone)]
pub(super) enum Speaker {
    Customer,
    Bot(Bot),
    Agent(Stay),
    /// A supervisor outside the conversation.
    Supervisor(Stay),
    /// The channel connector itself.
    Connector,
    /// An application: the voice menu, the recorder, the campaign manager.
    App(&'static str),
    System,
}

/// An event with a header and a body.
#[derive(Debug, Clone)]
pub(super) struct Message {
    name: &'static str,
    speaker: Speaker,
    body: Value,
    header: Vec<(&'static str, Value)>,
    data: Vec<(&'static str, Value)>,
    carry: Carry,
    id: Option<String>,
}

impl Message {
    pub(super) fn new(name: &'static str, speaker: &Speaker, body: Value) -> Message {
        Message {
            name,
            speaker: speaker.clone(),
            body,
            header: Vec::new(),
            data: Vec::new(),
            carry: Carry::Conversation,
            id: None,
        }
    }

    /// A text message.
    pub(super) fn text(name: &'static str, speaker: &Speaker, text: &str) -> Message {
        Message::new(name, speaker, json!({"type": "PLAIN", "markdownText": text}))
    }

    /// Adds a field to the header.
    pub(super) fn with(mut self, field: &'static str, value: impl Into<Value>) -> Message {
        self.header.push((field, value.into()));
        self
    }

    /// Adds a field to the data.
    pub(super) fn data(mut self, field: &'static str, value: Value) -> Message {
        self.data.push((field, value));
        self
    }

    pub(super) fn carrying(mut self, carry: Carry) -> Message {
        self.carry = carry;
        self
    }

    /// Uses the id of an existing activity.
    pub(super) fn of_activity(mut self, id: &str) -> Message {
        self.id = Some(id.to_owned());
        self
    }

    /// A quoting reply to an activity.
    pub(super) fn replying(self, to: &str) -> Message {
        self.with("intent", "REPLY_TO").with("originalMessageId", to)
    }
}

/// A conversation being written.
#[derive(Debug)]
pub(super) struct Script<'a> {
    pub(super) rng: ChaCha8Rng,
    pub(super) cast: &'a Cast,
    pub(super) now: i64,
    pub(super) session: Session,
    pub(super) language: &'static Language,
    pub(super) bot: Bot,
    /// The agents present.
    pub(super) present: Vec<Stay>,
    pub(super) size: Size,
    conversation: String,
    customer: Customer,
    session_keyed: bool,
    planned: Vec<Planned>,
}

impl<'a> Script<'a> {
    pub(super) fn new(mut rng: ChaCha8Rng, cast: &'a Cast, options: &Options, now: i64) -> Script<'a> {
        let language = rng.random_range(0..LANGUAGES.len().max(1));
        let language = LANGUAGES.get(language).unwrap_or(&EMPTY);
        let channel = pick(&mut rng, CHATS);
        let conversation = if rng.random_bool(0.5) { uuid(&mut rng) } else { object_id(&mut rng) };
        let customer = Customer {
            id: object_id(&mut rng),
            name: pick(&mut rng, language.names),
            address: format!("+49155{:08}", rng.random_range(0..100_000_000)),
            anonymous: rng.random_bool(0.4),
        };
        let session = Session {
            id: object_id(&mut rng),
            channel,
            direction: "INBOUND",
            room: object_id(&mut rng),
            mode: "CONTACT_CENTER",
        };
        let bot = pick(&mut rng, &cast.bots);
        let Options { size, session_keyed, .. } = *options;
        Script {
            rng,
            cast,
            now,
            session,
            language,
            bot,
            present: Vec::new(),
            conversation,
            customer,
            size,
            session_keyed,
            planned: Vec::new(),
        }
    }

    /// The events, in time order.
    pub(super) fn finish(mut self) -> Vec<Planned> {
        self.planned.sort_by_key(|planned| planned.at_ms);
        self.planned
    }

    /// Moves the conversation to another channel, before its first event.
    pub(super) fn use_channel(&mut self, channel: Channel, direction: &'static str) {
        self.session.id = uuid(&mut self.rng);
        self.session.channel = channel;
        self.session.direction = direction;
    }

    /// Begins another channel session of the same customer.
    pub(super) fn next_session(&mut self) {
        self.session.id = object_id(&mut self.rng);
    }

    /// Lets some time pass, in ms.
    pub(super) fn wait(&mut self, least: i64, most: i64) {
        self.now += self.rng.random_range(least..=most);
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.rng.random_bool(share)
    }

    /// One of these texts.
    pub(super) fn one_of(&mut self, texts: &[&'static str]) -> &'static str {
        pick(&mut self.rng, texts)
    }

    pub(super) fn new_id(&mut self) -> String {
        uuid(&mut self.rng)
    }

    /// The identifiers of a call's event.
    pub(super) fn carry_of_a_call(&mut self) -> Carry {
        if self.session_keyed && self.chance(SESSION_KEYED_SHARE) {
            Carry::Session
        } else {
            Carry::Conversation
        }
    }

    pub(super) fn agent(&mut self, role: &'static str) -> Stay {
        let agent = pick(&mut self.rng, &self.cast.agents);
        Stay { agent, id: self.new_id(), role }
    }

    /// An agent who is not this one.
    pub(super) fn other_agent(&mut self, than: &Stay, role: &'static str) -> Stay {
        let others: Vec<Agent> =
            self.cast.agents.iter().filter(|agent| agent.id != than.agent.id).cloned().collect();
        Stay { agent: pick(&mut self.rng, &others), id: self.new_id(), role }
    }

    pub(super) fn supervisor(&mut self, role: &'static str) -> Stay {
        let agent = pick(&mut self.rng, &self.cast.supervisors);
        Stay { agent, id: self.new_id(), role }
    }

    /// Sends a message, and returns the id of its activity.
    pub(super) fn say(&mut self, message: Message) -> String {
        let Message { name, speaker, body, header: fields, data: more, carry, id } = message;
        let mut header = self.header(name, &speaker, carry);
        header.extend(fields.into_iter().map(|(field, value)| (field.to_owned(), value)));
        let id = id.unwrap_or_else(|| uuid(&mut self.rng));
        let mut data = Map::new();
        data.insert("id".to_owned(), json!(id));
        data.insert("header".to_owned(), Value::Object(header));
        if !body.is_null() {
            data.insert("body".to_owned(), body);
        }
        data.extend(more.into_iter().map(|(field, value)| (field.to_owned(), value)));
        self.emit(name, "ACTIVITY", carry, Map::new(), Value::Object(data));
        id
    }

    fn header(&mut self, name: &str, speaker: &Speaker, carry: Carry) -> Map<String, Value> {
        let mut header = Map::new();
        header.insert("sender".to_owned(), self.sender(name, speaker));
        if self.size == Size::Real {
            for (field, value) in [
                ("language", json!({})),
                ("timestamp", json!(self.now)),
                ("securityInfo", json!({})),
                ("stamps", json!([])),
                ("entities", json!({})),
                ("replyToMessageId", Value::Null),
            ] {
                header.insert(field.to_owned(), value);
            }
        }
        if carry == Carry::Nothing {
            return header;
        }
        header.insert("channelSessionId".to_owned(), json!(self.session.id));
        header.insert("customer".to_owned(), json!({"id": self.customer.id}));
        let mut channel = shapes::channel_data(&self.customer, self.session.channel, self.size);
        channel.insert("channelTypeCode".to_owned(), json!(self.session.channel.kind));
        header.insert("channelData".to_owned(), Value::Object(channel));
        if self.size == Size::Real {
            header.insert("channelSession".to_owned(), self.channel_session(carry));
        }
        header
    }

    fn sender(&mut self, name: &str, speaker: &Speaker) -> Value {
        let size = self.size;
        match speaker {
            Speaker::Customer => {
                let Customer { id, name: called, .. } = &self.customer;
                let by_connector = matches!(name, "CUSTOMER_MESSAGE" | "MODIFY_ACTIVITY" | "REACTION");
                match self.rng.random_range(0..4) {
                    0 if by_connector => {
                        json!({"type": "CONNECTOR", "id": self.cast.connector, "senderName": called})
                    }
                    1 if size == Size::Real => json!({
                        "type": "CUSTOMER", "role": "CUSTOMER", "id": id, "senderName": called,
                        "participant": self.channel_session(Carry::Nothing)
                    }),
                    _ => json!({"type": "CUSTOMER", "id": id, "senderName": called}),
                }
            }
            Speaker::Bot(bot) => shapes::bot_sender(bot, size),
            Speaker::Agent(stay) => {
                let mut sender = shapes::agent_participant(&stay.agent, &stay.id, stay.role, size);
                sender.insert("senderName".to_owned(), json!(stay.agent.first));
                Value::Object(sender)
            }
            Speaker::Supervisor(stay) => {
                let mut sender = shapes::agent_participant(&stay.agent, &stay.id, "SUPERVISOR", size);
                sender.insert("senderName".to_owned(), json!(stay.agent.first));
                Value::Object(sender)
            }
            Speaker::Connector => {
                let name = format!("{}_CONNECTOR", self.session.channel.kind);
                json!({"type": "CONNECTOR", "id": self.cast.connector, "senderName": name})
            }
            Speaker::App(name) => json!({"type": "APP", "id": name, "senderName": name}),
            Speaker::System => self.emitter(Component::Monitor),
        }
    }

    fn emitter(&self, component: Component) -> Value {
        let [router, monitor, agents] = &self.cast.components;
        let (id, name) = match component {
            Component::Router => router,
            Component::Monitor => monitor,
            Component::Agents => agents,
        };
        json!({"id": id, "type": "SYSTEM", "senderName": name, "additionalDetail": null})
    }

    fn channel_session(&self, carry: Carry) -> Value {
        let conversation = (carry == Carry::Conversation).then_some(self.conversation.as_str());
        shapes::channel_session(
            &self.session,
            &self.customer,
            conversation,
            &self.cast.media_domain,
            self.size,
        )
    }

    /// A fact of a component.
    pub(super) fn fact(&mut self, name: &'static str, component: Component, data: Value) {
        let mut fields = Map::new();
        fields.insert("eventEmitter".to_owned(), self.emitter(component));
        if self.size == Size::Real || data.to_string().len() < SLIM_DATA {
            fields.insert("channelSession".to_owned(), self.channel_session(Carry::Conversation));
        }
        self.emit(name, "NOTIFICATION", Carry::Conversation, fields, data);
    }

    /// A fact of a bot.
    pub(super) fn bot_fact(&mut self, name: &'static str, data: Value) {
        let mut fields = Map::new();
        let Bot { id, name: called } = &self.bot;
        fields.insert("eventEmitter".to_owned(), json!({"id": id, "type": "BOT", "senderName": called}));
        fields.insert("channelSession".to_owned(), self.channel_session(Carry::Conversation));
        self.emit(name, "NOTIFICATION", Carry::Conversation, fields, data);
    }

    /// A fact about the channel session, which is beside the data or the data itself; in full payloads both.
    pub(super) fn session_fact(&mut self, name: &'static str) {
        let mut fields = Map::new();
        let Customer { id, name: called, .. } = &self.customer;
        fields.insert("eventEmitter".to_owned(), json!({"id": id, "type": "CUSTOMER", "senderName": called}));
        let session = self.channel_session(Carry::Conversation);
        let beside = self.size == Size::Real || self.chance(0.6);
        if beside {
            fields.insert("channelSession".to_owned(), session.clone());
        }
        let data = if beside && self.size == Size::Slim { json!({}) } else { session };
        self.emit(name, "NOTIFICATION", Carry::Conversation, fields, data);
    }

    /// The conversation as in facts about it.
    pub(super) fn conversation_data(&mut self, state: &str) -> Value {
        let state = if self.chance(0.2) { json!({"name": state, "reasonCode": null}) } else { json!(state) };
        let direction = self.session.direction;
        let mut data = json!({"id": self.conversation, "state": state, "conversationDirection": direction});
        let Some(object) = data.as_object_mut() else { return data };
        if self.size == Size::Real {
            let session = self.channel_session(Carry::Conversation);
            object.insert(
                "customer".to_owned(),
                shapes::customer(&self.customer, self.session.channel, self.size),
            );
            object.insert(
                "participants".to_owned(),
                json!([{
                    "type": "CUSTOMER", "role": "CUSTOMER", "participant": session, "id": self.customer.id,
                    "joiningTime": self.now, "isActive": true, "state": "SUBSCRIBED", "userCredentials": {}
                }]),
            );
            object.insert(
                "metadata".to_owned(),
                json!({"botId": self.bot.id, "lastUsedChannelSession": session}),
            );
            object.insert("roomInfo".to_owned(), shapes::room(&self.session));
            let agents: Vec<Value> =
                self.present.iter().map(|stay| self.participant(stay, stay.role)).collect();
            object.insert("agentParticipants".to_owned(), json!(agents));
            object.insert("channelSession".to_owned(), self.channel_session(Carry::Conversation));
            object.insert("conversationData".to_owned(), json!([]));
            object.insert("creationTime".to_owned(), json!(self.now));
            object.insert("endTime".to_owned(), Value::Null);
            object.insert("wrapUps".to_owned(), json!([]));
        }
        data
    }

    /// The data of an agent joining or leaving.
    pub(super) fn agent_data(&self, stay: &Stay, reason: Option<&str>) -> Value {
        json!({"agentParticipant": self.participant(stay, stay.role), "reason": reason})
    }

    /// The data of an agent's role change.
    pub(super) fn role_data(&self, stay: &Stay, role: &str) -> Value {
        json!({"conversationParticipant": self.participant(stay, role), "metadata": {"reason": null}})
    }

    fn participant(&self, stay: &Stay, role: &str) -> Value {
        let mut part = shapes::agent_participant(&stay.agent, &stay.id, role, self.size);
        part.insert("conversationId".to_owned(), json!(self.conversation));
        Value::Object(part)
    }

    /// The data of a queued task.
    pub(super) fn task_data(&mut self, task: &str, direction: &str, mode: &str) -> Value {
        let queue = pick(&mut self.rng, &self.cast.queues);
        let queue = json!({"id": queue.id, "name": queue.name});
        let mut media = json!({"taskId": task, "state": "QUEUED", "queue": queue,
            "type": {"direction": direction, "mode": mode}, "priority": 1});
        if self.size == Size::Real {
            let session = self.channel_session(Carry::Conversation);
            if let Some(media) = media.as_object_mut() {
                media.insert("id".to_owned(), json!(uuid(&mut self.rng)));
                media.insert("mrdId".to_owned(), json!(self.cast.media_domain));
                media.insert("requestSession".to_owned(), session.clone());
                media.insert("channelSessions".to_owned(), json!([session]));
                media.insert("enqueueTime".to_owned(), json!(self.now));
                media.insert("answerTime".to_owned(), json!(0));
            }
        }
        let mut data = json!({"task": {"id": task, "conversationId": self.conversation, "state": {"name": "ACTIVE"},
            "activeMedia": [media]}});
        // Some routers name the queue beside the task, others only within it.
        if self.chance(0.5)
            && let Some(data) = data.as_object_mut()
        {
            data.insert("queue".to_owned(), queue);
        }
        data
    }

    /// The conversation's id.
    pub(super) fn conversation(&self) -> &str {
        &self.conversation
    }

    /// Writes an event in one of the three forms.
    fn emit(&mut self, name: &str, sort: &str, carry: Carry, mut event: Map<String, Value>, data: Value) {
        let id = if self.chance(0.5) { uuid(&mut self.rng) } else { object_id(&mut self.rng) };
        let spelling = self.rng.random_range(0..32);
        event.insert("id".to_owned(), json!(id));
        event.insert("name".to_owned(), json!(name));
        event.insert("type".to_owned(), json!(sort));
        let stamp = if self.chance(0.05) { "timeStamp" } else { "timestamp" };
        event.insert(stamp.to_owned(), shapes::timestamp(self.now, spelling));
        event.insert("data".to_owned(), data);
        if carry != Carry::Nothing {
            event.insert("roomInfo".to_owned(), shapes::room(&self.session));
        }
        let form = self.rng.random_range(0..20);
        let named = carry == Carry::Conversation;
        if named {
            let outer_only = form == 17;
            let field = if self.chance(0.1) { "topicId" } else { "conversationId" };
            if !outer_only {
                event.insert(field.to_owned(), json!(self.conversation));
            }
        }
        let value = match form {
            17 | 18 if named => json!({"cimEvent": event, "conversationId": self.conversation}),
            17 | 18 => json!({"cimEvent": event}),
            19 => {
                json!({"payload": {"intent": name, "entities": {"cimEvent": event}}, "metadata": {}, "slots": {}})
            }
            _ => Value::Object(event),
        };
        let conversation = if carry == Carry::Nothing { String::new() } else { self.conversation.clone() };
        self.planned.push(Planned { at_ms: self.now, conversation, value: value.to_string() });
    }
}

/// The fallback without a language.
static EMPTY: Language =
    Language { names: &[], questions: &[], details: &[], thanks: &[], bot: &[], agent: &[] };
