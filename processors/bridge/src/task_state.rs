// SPDX-License-Identifier: Apache-2.0

//! State changes of tasks that ExpertFlow's routing engine broadcasts beside the events.
//!
//! On its state channel the routing engine publishes `{"name","data","timestamp","topicId"}`, for agents' states and for tasks'.
//! `topicId` is the channel, and there is no `id`: this is no event. An agent's state is input all the same, with a topic of its
//! own. A task's state comes as an event on the topic of the conversations too, with its conversation; here it names none. Passed
//! on, each would become a dead letter, and hide those that matter.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::message::Received;

/// The name of these messages.
const NAME: &str = "TASK_STATE_CHANGED";

/// Whether this message is such a state change. An event of this name that lost its id is not: its `topicId` is a conversation.
#[must_use]
pub fn is_broadcast(message: &Received) -> bool {
    #[derive(Deserialize)]
    struct Fields {
        name: Option<String>,
        #[serde(rename = "topicId")]
        topic_id: Option<String>,
        id: Option<IgnoredAny>,
        #[serde(rename = "cimEvent")]
        event: Option<IgnoredAny>,
        #[serde(rename = "conversationId")]
        conversation: Option<IgnoredAny>,
    }
    let may_be = message.jms_type.as_deref().is_none_or(|jms_type| jms_type == NAME);
    if !may_be || message.destination.is_none() {
        return false;
    }
    serde_json::from_slice(&message.body).is_ok_and(|fields: Fields| {
        fields.name.as_deref() == Some(NAME)
            && fields.topic_id == message.destination
            && fields.id.is_none()
            && fields.event.is_none()
            && fields.conversation.is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGE: &str = r#"{"name":"TASK_STATE_CHANGED","data":{"id":"t","state":{"name":"ACTIVE"}},"timestamp":1750000000000,"topicId":"STATE_CHANNEL"}"#;

    fn message(body: &str, jms_type: Option<&str>, destination: Option<&str>) -> Received {
        Received {
            body: body.as_bytes().to_vec(),
            jms_type: jms_type.map(str::to_owned),
            destination: destination.map(str::to_owned),
            ..Received::default()
        }
    }

    #[test]
    fn a_task_s_state_on_the_channel_that_it_names_is_no_event() {
        for jms_type in [Some("TASK_STATE_CHANGED"), None] {
            assert!(is_broadcast(&message(CHANGE, jms_type, Some("STATE_CHANNEL"))), "{jms_type:?}");
        }
        let renamed = CHANGE.replace("STATE_CHANNEL", "states.eu");
        assert!(
            is_broadcast(&message(&renamed, None, Some("states.eu"))),
            "the channel's name can be another"
        );
    }

    #[test]
    fn whatever_may_be_an_event_is_passed_on() {
        let with = |field: &str| CHANGE.replacen('{', &format!("{{{field},"), 1);
        for (body, destination) in [
            (with(r#""id":"e""#), "STATE_CHANNEL"),
            (with(r#""id":7"#), "STATE_CHANNEL"),
            (with(r#""conversationId":"c""#), "STATE_CHANNEL"),
            (with(r#""cimEvent":{}"#), "STATE_CHANNEL"),
            // An event that has lost its id names its conversation.
            (CHANGE.replace("STATE_CHANNEL", "c-21"), "conversation-topic"),
            (CHANGE.replace("TASK_STATE_CHANGED", "AGENT_STATE_CHANGED"), "STATE_CHANNEL"),
            (CHANGE.replace("TASK_STATE_CHANGED", "NEW_STATE_CHANGED"), "STATE_CHANNEL"),
            (CHANGE.replace(r#","topicId":"STATE_CHANNEL""#, ""), "STATE_CHANNEL"),
            ("no json".to_owned(), "STATE_CHANNEL"),
            (format!("[{CHANGE}]"), "STATE_CHANNEL"),
        ] {
            assert!(!is_broadcast(&message(&body, None, Some(destination))), "{body}");
        }
        assert!(!is_broadcast(&message(CHANGE, Some("CUSTOMER_MESSAGE"), Some("STATE_CHANNEL"))));
        assert!(!is_broadcast(&message(CHANGE, None, None)));
    }
}
