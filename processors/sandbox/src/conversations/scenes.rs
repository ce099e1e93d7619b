// SPDX-License-Identifier: Apache-2.0

//! Parts of conversations: opening, bot, queue, agent, wrap-up, close.

use rand::RngExt as _;
use serde_json::json;

use super::cast::pick;
use super::script::{Component, Message, Script, Speaker, Stay};
use super::texts::{EMOJI, WRAP_UPS};

impl Script<'_> {
    /// The session and the conversation begin.
    pub(super) fn open(&mut self) {
        self.session_fact("CHANNEL_SESSION_STARTED");
        self.wait(10, 120);
        let data = self.conversation_data("CREATED");
        self.fact("CONVERSATION_STARTED", Component::Monitor, data);
    }

    /// The session ends, and with it the conversation.
    pub(super) fn close(&mut self) {
        let end = if self.chance(0.8) { "CHANNEL_SESSION_ENDED" } else { "CHANNEL_SESSION_EXPIRED" };
        self.session_fact(end);
        self.wait(50, 900);
        match self.rng.random_range(0..4) {
            0 => {
                let data = self.conversation_data("CLOSED");
                self.fact("TOPIC_STATE_CHANGED", Component::Monitor, data);
            }
            1 => {
                let data = self.conversation_data("CLOSED");
                self.fact("CONVERSATION_STATE_CHANGED", Component::Monitor, data);
            }
            _ => {
                let data = json!({"id": self.conversation()});
                self.fact("CONVERSATION_CLOSED", Component::Monitor, data);
            }
        }
    }

    /// The customer sends one of these texts, or sometimes something other than text.
    pub(super) fn customer_says(&mut self, texts: &[&'static str]) -> String {
        let text = self.one_of(texts);
        let body = match self.rng.random_range(0..24) {
            0 => json!({"type": "IMAGE", "caption": text, "attachment": {
                "mediaUrl": "https://media.example/upload/invoice.jpg", "mimeType": "image/jpeg", "size": 184_220}}),
            1 => {
                json!({"type": "LOCATION", "location": {"latitude": 52.5163, "longitude": 13.3777, "name": text}})
            }
            2 => {
                json!({"type": "BUTTON", "markdownText": text, "buttons": [{"title": "Yes", "payload": "/affirm"}]})
            }
            _ => json!({"type": "PLAIN", "markdownText": text}),
        };
        let provider = self.rng.random_range(100_000_000_i64..1_000_000_000);
        let message = Message::new("CUSTOMER_MESSAGE", &Speaker::Customer, body);
        self.say(message.with("providerMessageId", format!("wamid.{provider}")))
    }

    pub(super) fn bot_says(&mut self) -> String {
        let text = self.one_of(self.language.bot);
        let bot = Speaker::Bot(self.bot.clone());
        self.say(Message::text("BOT_MESSAGE", &bot, text))
    }

    pub(super) fn agent_says(&mut self, stay: &Stay) -> String {
        let text = self.one_of(self.language.agent);
        self.say(Message::text("AGENT_MESSAGE", &Speaker::Agent(stay.clone()), text))
    }

    /// The customer asks and the bot answers, `turns` times.
    pub(super) fn bot_dialogue(&mut self, turns: usize) {
        for turn in 0..turns {
            self.wait(1_500, 15_000);
            let texts = if turn == 0 { self.language.questions } else { self.language.details };
            self.customer_says(texts);
            self.wait(300, 2_500);
            if self.chance(0.06) {
                self.bot_fact("BOT_TIMEOUT", json!({"reasonCode": "NO_ANSWER"}));
                self.wait(500, 2_000);
            }
            self.bot_says();
        }
    }

    /// The bot hands over, and a task is queued. Returns the task's id.
    pub(super) fn hand_over(&mut self) -> String {
        self.wait(100, 800);
        let bot = Speaker::Bot(self.bot.clone());
        self.say(Message::new("ACTION_MESSAGE", &bot, json!({"type": "ACTION", "name": "FIND_AGENT"})));
        self.wait(20, 200);
        self.bot_fact("FIND_AGENT", json!({"queue": null, "requestType": null, "additionalDetails": null}));
        self.wait(50, 400);
        let task = self.enqueue("INBOUND", "QUEUE");
        if self.chance(0.3) {
            self.wait(100, 500);
            let body =
                json!({"type": "EWT", "markdownText": "About 2 minutes ⏳", "ewt": 120, "position": 3});
            self.say(Message::new("EWT_MESSAGE", &Speaker::System, body));
        }
        task
    }

    pub(super) fn enqueue(&mut self, direction: &str, mode: &str) -> String {
        let task = self.new_id();
        let data = self.task_data(&task, direction, mode);
        self.fact("TASK_ENQUEUED", Component::Router, data);
        task
    }

    /// An agent is assigned and joins.
    pub(super) fn joins(&mut self, stay: &Stay) {
        let data = json!({"ccUser": {"id": stay.agent.id}, "topicId": self.conversation()});
        self.fact("AGENT_RESERVED", Component::Router, data);
        self.wait(400, 3_000);
        self.subscribes(stay);
    }

    pub(super) fn subscribes(&mut self, stay: &Stay) {
        let data = self.agent_data(stay, None);
        self.fact("AGENT_SUBSCRIBED", Component::Agents, data);
        self.present.push(stay.clone());
    }

    pub(super) fn leaves(&mut self, stay: &Stay, reason: Option<&str>) {
        let data = self.agent_data(stay, reason);
        self.fact("AGENT_UNSUBSCRIBED", Component::Agents, data);
        self.present.retain(|present| present.id != stay.id);
    }

    /// Agent and customer talk for `turns` turns, sometimes with a suggestion, a late answer, a reaction.
    pub(super) fn dialogue(&mut self, stay: &Stay, turns: usize) {
        for _ in 0..turns {
            self.wait(3_000, 30_000);
            let asked = self.customer_says(self.language.details);
            if self.chance(0.2) {
                self.wait(200, 900);
                self.suggests(&asked);
            }
            if self.chance(0.08) {
                self.wait(40_000, 60_000);
                let data = self.conversation_data("ACTIVE");
                self.fact("AGENT_SLA_EXPIRED", Component::Monitor, data);
            }
            self.wait(4_000, 35_000);
            let answered = self.agent_says(stay);
            if self.chance(0.15) {
                self.wait(1_000, 6_000);
                let emoji = self.one_of(EMOJI);
                self.reacts(&Speaker::Customer, &answered, "EMOJI", emoji, None);
            }
        }
    }

    /// A bot suggests answers to a message.
    pub(super) fn suggests(&mut self, to: &str) {
        let first = self.one_of(self.language.agent);
        let bot = Speaker::Bot(self.bot.clone());
        let suggestion = |text: &str, confidence: f64| json!({"messageBody": {"type": "PLAIN", "markdownText": text}, "confidenceLevel": confidence});
        let suggestions = json!([suggestion(first, 0.82), suggestion("One moment please.", 0.41)]);
        let message = Message::new("BOT_SUGGESTION", &bot, json!(null))
            .data("suggestions", suggestions)
            .data("requestedMessage", json!({"id": to}));
        self.say(message);
    }

    pub(super) fn reacts(&mut self, who: &Speaker, to: &str, kind: &str, value: &str, action: Option<&str>) {
        let mut body = json!({"type": "REACTION", "kind": kind, "value": value});
        if let (Some(action), Some(body)) = (action, body.as_object_mut()) {
            body.insert("action".to_owned(), json!(action));
        }
        self.say(Message::new("REACTION", who, body).with("originalMessageId", to));
    }

    /// An edit of a message: by its own name with an update intent, or as a modification.
    pub(super) fn edits(&mut self, who: &Speaker, name: &'static str, target: &str, text: &str) {
        let new = json!({"type": "PLAIN", "markdownText": text});
        let message = if self.chance(0.5) {
            Message::new(name, who, new).with("intent", "UPDATE")
        } else {
            Message::new("MODIFY_ACTIVITY", who, json!({"type": "MODIFY", "action": "EDIT", "body": new}))
        };
        self.say(message.with("originalMessageId", target));
    }

    pub(super) fn deletes(&mut self, who: &Speaker, target: &str) {
        let body = json!({"type": "MODIFY", "action": "DELETE"});
        self.say(Message::new("MODIFY_ACTIVITY", who, body).with("originalMessageId", target));
    }

    /// The channel reports the delivery of a message.
    pub(super) fn receipt(&mut self, of: &str, status: &str, reason: Option<i64>) {
        self.receipt_by(&Speaker::Connector, "MESSAGE_DELIVERY_NOTIFICATION", (of, status, reason));
    }

    /// Like [`receipt`](Self::receipt), with a given sender and name.
    pub(super) fn receipt_by(
        &mut self,
        by: &Speaker,
        name: &'static str,
        (of, status, reason): (&str, &str, Option<i64>),
    ) {
        let body =
            json!({"type": "DELIVERYNOTIFICATION", "messageId": of, "status": status, "reasonCode": reason});
        self.say(Message::new(name, by, body));
    }

    /// After-call work: role, wrap-up, leave.
    pub(super) fn wrap_up(&mut self, stay: &Stay) {
        self.wait(500, 4_000);
        let data = self.role_data(stay, "WRAP_UP");
        self.fact("PARTICIPANT_ROLE_CHANGED", Component::Monitor, data);
        self.wait(5_000, 40_000);
        let (category, value) = pick(&mut self.rng, WRAP_UPS);
        let wrapups = json!([{"categoryName": category, "value": value}]);
        let body = json!({"type": "WRAPUP", "markdownText": null, "wrapups": wrapups, "note": ""});
        let name = if self.chance(0.7) { "WRAPUP_APPLIED" } else { "AGENT_MESSAGE" };
        self.say(Message::new(name, &Speaker::Agent(stay.clone()), body));
        self.wait(200, 3_000);
        self.leaves(stay, Some("WRAP_UP_DONE"));
    }

    /// From the first message to an agent who has joined.
    pub(super) fn up_to_agent(&mut self) -> Stay {
        self.open();
        self.bot_dialogue(1);
        self.hand_over();
        self.wait(3_000, 45_000);
        let stay = self.agent("PRIMARY");
        self.joins(&stay);
        stay
    }

    /// The rest of a conversation with an agent.
    pub(super) fn thanks_to_close(&mut self, stay: &Stay) {
        self.wait(1_000, 9_000);
        self.customer_says(self.language.thanks);
        self.wrap_up(stay);
        self.wait(100, 2_000);
        self.close();
    }
}
