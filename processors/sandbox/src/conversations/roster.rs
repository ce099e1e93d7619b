// SPDX-License-Identifier: Apache-2.0

//! Agents' states for generated conversations: an agent who joins a conversation is logged in and ready.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Planned;

/// Time from login to the first conversation, and from ready to joining a conversation, in ms.
const LOGIN_MS: i64 = 20_000;
const READY_MS: i64 = 2_000;
/// Time from leaving a conversation to a break, in ms.
const BREAK_MS: i64 = 500;
/// Number of conversations that an agent leaves before each break.
const BREAK_EVERY: usize = 4;
const REASONS: [&str; 3] = ["Break", "Lunch", "Training"];
/// Each agent has one media routing domain.
const DOMAIN: &str = "cx-chat";

/// A state that the routing engine publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentState {
    /// The time of publication, in epoch milliseconds.
    pub at_ms: i64,
    /// The agent, the key of the record.
    pub agent_id: String,
    /// The record's value.
    pub value: String,
}

/// Follows conversations and returns the states that the routing engine publishes for their agents.
#[derive(Debug, Default)]
pub struct Roster {
    agents: BTreeMap<String, Agent>,
}

#[derive(Debug)]
struct Agent {
    /// The agent as named in conversations.
    participant: Value,
    login_ms: i64,
    changed_ms: i64,
    state: &'static str,
    reason: Option<&'static str>,
    /// Number of the agent's conversations.
    conversations: usize,
    /// Number of conversations that the agent has left.
    left: usize,
}

impl Roster {
    /// No agent is logged in yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The states to publish for an event, in the order of time. Only events of agents who join or leave cause any.
    pub fn follow(&mut self, event: &Planned) -> Vec<AgentState> {
        let Ok(whole) = serde_json::from_str::<Value>(&event.value) else { return Vec::new() };
        let places = ["/cimEvent", "/payload/entities/cimEvent", "/entities/cimEvent"];
        let inner = places.iter().find_map(|place| whole.pointer(place)).unwrap_or(&whole);
        let Some(participant) = inner.pointer("/data/agentParticipant/participant") else {
            return Vec::new();
        };
        let Some(id) = participant.get("id").and_then(Value::as_str) else { return Vec::new() };
        let mut published = Vec::new();
        match inner.get("name").and_then(Value::as_str) {
            Some("AGENT_SUBSCRIBED") => {
                let agent = self.agents.entry(id.to_owned()).or_insert_with(|| {
                    Agent::log_in(participant.clone(), event.at_ms - LOGIN_MS, &mut published)
                });
                agent.join(event.at_ms, &mut published);
            }
            Some("AGENT_UNSUBSCRIBED") => {
                if let Some(agent) = self.agents.get_mut(id) {
                    agent.leave(event.at_ms, &mut published);
                }
            }
            _ => {}
        }
        published
    }
}

impl Agent {
    fn log_in(participant: Value, at_ms: i64, published: &mut Vec<AgentState>) -> Self {
        let mut agent = Self {
            participant,
            login_ms: at_ms,
            changed_ms: at_ms - 1,
            state: "LOGOUT",
            reason: None,
            conversations: 0,
            left: 0,
        };
        agent.change(at_ms, "LOGIN", None, published);
        agent.change(at_ms + 100, "NOT_READY", None, published);
        agent
    }

    fn join(&mut self, at_ms: i64, published: &mut Vec<AgentState>) {
        if self.state != "READY" {
            self.change(at_ms - READY_MS, "READY", None, published);
        }
        self.conversations += 1;
        published.push(self.publish(at_ms));
    }

    fn leave(&mut self, at_ms: i64, published: &mut Vec<AgentState>) {
        if self.conversations == 0 {
            return;
        }
        self.conversations -= 1;
        published.push(self.publish(at_ms));
        self.left += 1;
        if self.left.is_multiple_of(BREAK_EVERY) {
            let reason = REASONS.get(self.left / BREAK_EVERY % REASONS.len()).copied();
            self.change(at_ms + BREAK_MS, "NOT_READY", reason, published);
        }
    }

    /// Changes the state, after all earlier changes.
    fn change(
        &mut self,
        at_ms: i64,
        state: &'static str,
        reason: Option<&'static str>,
        published: &mut Vec<AgentState>,
    ) {
        self.changed_ms = at_ms.max(self.changed_ms + 1);
        (self.state, self.reason) = (state, reason);
        published.push(self.publish(self.changed_ms));
    }

    fn publish(&self, at_ms: i64) -> AgentState {
        let agent_id = self.participant.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let of_domain = match self.state {
            "READY" if self.conversations > 0 => "BUSY",
            "LOGIN" => "NOT_READY",
            state => state,
        };
        let value = json!({
            "name": "AGENT_STATE_CHANGED",
            "data": {
                "agentPresence": {
                    "agent": self.participant,
                    "state": {
                        "name": self.state,
                        "reasonCode": self.reason.map(|reason| json!({"label": reason})),
                    },
                    "stateChangeTime": self.changed_ms,
                    "agentLoginTime": self.login_ms,
                    "agentMrdStates": [{
                        "mrd": {"id": DOMAIN, "name": "CHAT"},
                        "state": of_domain,
                        "stateChangeTime": at_ms,
                    }],
                },
                "agentStateChanged": at_ms == self.changed_ms,
            },
            "timestamp": at_ms.max(self.changed_ms),
        });
        AgentState { at_ms, agent_id, value: value.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::conversations::{Options, events};

    fn field<'v>(value: &'v Value, path: &str) -> &'v Value {
        value.pointer(path).unwrap()
    }

    #[test]
    fn who_is_in_a_conversation_is_logged_in_and_ready() {
        let mut roster = Roster::new();
        let mut states: BTreeMap<String, String> = BTreeMap::new();
        let (mut joins, mut breaks, mut last) = (0, 0, BTreeMap::new());
        for event in events(&Options { seed: 5, ..Options::default() }, 6_000) {
            let published = roster.follow(&event);
            joins += usize::from(!published.is_empty());
            for state in published {
                let value: Value = serde_json::from_str(&state.value).unwrap();
                let name = field(&value, "/data/agentPresence/state/name").as_str().unwrap().to_owned();
                breaks += usize::from(field(&value, "/data/agentPresence/state/reasonCode").is_object());
                let changed = field(&value, "/data/agentPresence/stateChangeTime").as_i64().unwrap();
                let before = last.insert(state.agent_id.clone(), changed);
                assert!(before.is_none_or(|before| before <= changed), "changes of an agent are in order");
                states.insert(state.agent_id, name);
            }
            let json: Value = serde_json::from_str(&event.value).unwrap();
            let inner = ["/cimEvent", "/payload/entities/cimEvent", "/entities/cimEvent"];
            let inner = inner.iter().find_map(|place| json.pointer(place)).unwrap_or(&json);
            if inner["name"] == "AGENT_SUBSCRIBED" {
                let id = field(inner, "/data/agentParticipant/participant/id").as_str().unwrap();
                assert_eq!(states[id], "READY");
            }
        }
        assert!(joins > 100 && breaks > 3 && states.len() > 3, "{joins} {breaks} {}", states.len());
    }

    #[test]
    fn what_is_no_event_of_an_agent_says_nothing() {
        let planned =
            |value: &str| Planned { at_ms: 0, conversation: String::new(), value: value.to_owned() };
        for value in ["{", "{}", r#"{"name":"AGENT_SUBSCRIBED","data":{}}"#] {
            assert!(Roster::new().follow(&planned(value)).is_empty(), "{value}");
        }
        let leaves =
            r#"{"name":"AGENT_UNSUBSCRIBED","data":{"agentParticipant":{"participant":{"id":"a"}}}}"#;
        assert!(Roster::new().follow(&planned(leaves)).is_empty(), "no agent with that id was there");
    }
}
