// SPDX-License-Identifier: Apache-2.0

//! Where a message goes: topic, key and partition; and whether its JMS type is its event's name.

use model::{Home, Limits, Origin};
use serde::Deserialize;

use crate::message::Received;

/// The content of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds<'c> {
    /// Events; of this conversation for a conversation topic.
    Events(Option<&'c str>),
    /// Agents' states.
    AgentStates,
}

/// The key of a value: an event's conversation, else its session, else its activity (contract section 7); an agent's state's
/// agent. `None`: it cannot be read.
#[must_use]
pub fn key_of(value: &[u8], holds: Holds<'_>, timestamp_ms: Option<i64>, limits: &Limits) -> Option<Vec<u8>> {
    let origin = |conversation| Origin { conversation, timestamp_ms };
    match holds {
        Holds::AgentStates => {
            let news = model::decode_agent(value, origin(None), limits).ok()?;
            Some(news.agent_id.as_bytes().to_vec())
        }
        Holds::Events(conversation) => {
            let event = model::decode(value, origin(conversation), limits).ok()?;
            match event.home() {
                Home::Conversation(id) | Home::Session(id) | Home::Activity(id) => {
                    Some(id.as_bytes().to_vec())
                }
            }
        }
    }
}

/// A topic on Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: i32,
}

/// The topics that messages go to.
#[derive(Debug, Clone)]
pub struct Rules {
    /// For events, and for all that cannot be read.
    pub events: Topic,
    /// For agents' states; without it they go to the events.
    pub agent_states: Option<Topic>,
    /// What is too large or too long.
    pub limits: Limits,
}

/// A message's place on Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed<'r> {
    /// The topic.
    pub topic: &'r str,
    /// The key; `None` for what cannot be read.
    pub key: Option<Vec<u8>>,
    /// The partition of the key; `None`: any.
    pub partition: Option<i32>,
    /// Whether the JMS type is the event's name.
    pub type_check: TypeCheck,
}

/// The JMS type, compared with the name in the JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeCheck {
    /// They are equal.
    Same,
    /// One of them is absent.
    Incomplete,
    /// They differ: one of the two is wrong at the sender. The name in the JSON counts.
    Differs,
}

/// The names under which the routing engine publishes agents' states.
const AGENT_STATES: [&str; 2] = ["AGENT_STATE_CHANGED", "AGENT_STATE_UNCHANGED"];

impl Rules {
    /// Where this message goes.
    #[must_use]
    pub fn route(&self, message: &Received) -> Routed<'_> {
        let name = name_of(&message.body);
        let type_check = match (&name, &message.jms_type) {
            (Some(name), Some(jms_type)) if name == jms_type => TypeCheck::Same,
            (Some(_), Some(_)) => TypeCheck::Differs,
            _ => TypeCheck::Incomplete,
        };
        if let Some(states) = &self.agent_states {
            let key = key_of(&message.body, Holds::AgentStates, None, &self.limits);
            if key.is_some() {
                return placed(states, key, type_check);
            }
            let named = name.as_ref().or(message.jms_type.as_ref());
            let is_named = named.is_some_and(|name| AGENT_STATES.contains(&name.as_str()));
            let event = key_of(&message.body, Holds::Events(None), None, &self.limits);
            if is_named && event.is_none() {
                return placed(states, None, type_check);
            }
            return placed(&self.events, event, type_check);
        }
        placed(&self.events, key_of(&message.body, Holds::Events(None), None, &self.limits), type_check)
    }
}

fn placed(topic: &Topic, key: Option<Vec<u8>>, type_check: TypeCheck) -> Routed<'_> {
    let partition = key.as_ref().map(|key| engine::partition_of(key, topic.partitions));
    Routed { topic: &topic.name, key, partition, type_check }
}

/// The name in the JSON, also of the form in which the sockets send events.
fn name_of(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        name: Option<String>,
    }
    #[derive(Deserialize)]
    struct Outer {
        name: Option<String>,
        #[serde(rename = "cimEvent")]
        event: Option<Named>,
    }
    let outer: Outer = serde_json::from_slice(body).ok()?;
    outer.event.and_then(|event| event.name).or(outer.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        let topic = |name: &str, partitions| Topic { name: name.to_owned(), partitions };
        Rules {
            events: topic("cx.events", 8),
            agent_states: Some(topic("cx.agent-states", 2)),
            limits: Limits::default(),
        }
    }

    fn message(body: &str, jms_type: Option<&str>) -> Received {
        Received {
            body: body.as_bytes().to_vec(),
            jms_type: jms_type.map(str::to_owned),
            ..Received::default()
        }
    }

    const EVENT: &str =
        r#"{"id":"e","name":"CUSTOMER_LEFT","timestamp":1750000000000,"conversationId":"21"}"#;
    const STATE: &str = r#"{"name":"AGENT_STATE_CHANGED","data":{"agentPresence":{"agent":{"id":"21"},"stateChangeTime":1750000000000}}}"#;

    #[test]
    fn an_event_goes_by_its_conversation_as_load_sends_it() {
        let rules = rules();
        let message = message(EVENT, Some("CUSTOMER_LEFT"));
        let routed = rules.route(&message);
        assert_eq!((routed.topic, routed.key.as_deref()), ("cx.events", Some(&b"21"[..])));
        assert_eq!(routed.partition, Some(engine::partition_of(b"21", 8)));
        assert_eq!(routed.type_check, TypeCheck::Same);
    }

    #[test]
    fn an_agents_state_goes_by_the_agent_whatever_its_jms_type() {
        let rules = rules();
        for jms_type in [Some("AGENT_STATE_CHANGED"), Some("AGENT_STATE_UNCHANGED"), None] {
            let message = message(STATE, jms_type);
            let routed = rules.route(&message);
            assert_eq!((routed.topic, routed.key.as_deref()), ("cx.agent-states", Some(&b"21"[..])));
            assert_eq!(routed.partition, Some(engine::partition_of(b"21", 2)));
        }
    }

    #[test]
    fn a_state_that_cannot_be_read_becomes_a_dead_letter_of_the_agents_states() {
        let rules = rules();
        for (body, jms_type) in [
            (r#"{"name":"AGENT_STATE_CHANGED","data":{"agentPresence":{}}}"#, None),
            ("{", Some("AGENT_STATE_CHANGED")),
        ] {
            let message = message(body, jms_type);
            let routed = rules.route(&message);
            assert_eq!((routed.topic, routed.key, routed.partition), ("cx.agent-states", None, None));
        }
    }

    #[test]
    fn what_is_no_event_goes_to_the_events_without_a_key() {
        let rules = rules();
        for body in ["", "no json", "[]", r#"{"name":"TASK_STATE_CHANGED","data":{}}"#] {
            let message = message(body, Some("TASK_STATE_CHANGED"));
            let routed = rules.route(&message);
            assert_eq!((routed.topic, routed.key, routed.partition), ("cx.events", None, None), "{body}");
        }
    }

    #[test]
    fn without_a_topic_for_agents_states_they_go_to_the_events() {
        let rules = Rules { agent_states: None, ..rules() };
        assert_eq!(rules.route(&message(STATE, None)).topic, "cx.events");
    }

    #[test]
    fn a_jms_type_that_is_not_the_name_is_noticed() {
        let rules = rules();
        let check = |body, jms_type| rules.route(&message(body, jms_type)).type_check;
        assert_eq!(check(EVENT, Some("CUSTOMER_MESSAGE")), TypeCheck::Differs);
        assert_eq!(check(EVENT, None), TypeCheck::Incomplete);
        assert_eq!(check("no json", Some("CUSTOMER_MESSAGE")), TypeCheck::Incomplete);
        let socket = format!(r#"{{"cimEvent":{EVENT},"conversationId":"21"}}"#);
        assert_eq!(check(&socket, Some("CUSTOMER_LEFT")), TypeCheck::Same);
    }
}
