// SPDX-License-Identifier: Apache-2.0

//! The records of topic `cx.timelines` (contract, section 4).
//!
//! [`TimelineEntry`] defines only how a record is written and read: every field is always present, in the contract's order, null or `[]`
//! when empty. The fold computes the content. All times are epoch milliseconds.

use std::borrow::Cow;

use crate::kinds::words;
use crate::{Actor, Category, Channel};
use serde::{Deserialize, Serialize};

/// An event of a conversation, with the conversation's state after it. Never any message text. The key is
/// [`crate::timeline_key`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEntry<'a> {
    /// The event's id.
    pub entry_id: Cow<'a, str>,
    /// The conversation.
    pub conversation_id: Cow<'a, str>,
    /// The event's time.
    pub at: i64,
    /// The event's name.
    pub name: Cow<'a, str>,
    /// Its category.
    pub category: Category,
    /// A primary's own activity, or a relation's target; `None` for facts.
    pub activity_id: Option<Cow<'a, str>>,
    /// The actor.
    #[serde(default, deserialize_with = "crate::event::owned_actor")]
    pub actor: Option<Actor<'a>>,
    /// The event's channel session.
    pub channel_session_id: Option<Cow<'a, str>>,
    /// The event's customer.
    pub customer_id: Option<Cow<'a, str>>,
    /// The event's channel.
    #[serde(default, deserialize_with = "crate::event::owned_channel")]
    pub channel: Option<Channel<'a>>,
    /// The time since the conversation's start.
    pub elapsed_ms: i64,
    /// The conversation's stage.
    pub stage: Stage,
    /// The agents present, sorted.
    pub agents: Cow<'a, [Box<str>]>,
    /// The queue of the open visit that was opened last.
    pub queue: Option<Cow<'a, str>>,
    /// The customer's wait; only for a message that closed a turn.
    pub response_ms: Option<i64>,
    /// The activity that opened the turn; only for a message that closed one.
    pub responds_to: Option<Cow<'a, str>>,
}

words! {
    /// The stage of a conversation.
    Stage {
        /// Bots only, and no agent is requested.
        SelfService = 1 => "SELF_SERVICE",
        /// It waits for an agent.
        Queued = 2 => "QUEUED",
        /// An agent is present.
        Agent = 3 => "AGENT",
        /// All agents present are in wrap-up.
        WrapUp = 4 => "WRAP_UP",
        /// It is closed.
        Closed = 5 => "CLOSED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, text};

    fn bare<'a>() -> TimelineEntry<'a> {
        TimelineEntry {
            entry_id: "e".into(),
            conversation_id: "c".into(),
            at: 1,
            name: "X".into(),
            category: Category::Other,
            activity_id: None,
            actor: None,
            channel_session_id: None,
            customer_id: None,
            channel: None,
            elapsed_ms: 0,
            stage: Stage::SelfService,
            agents: Cow::default(),
            queue: None,
            response_ms: None,
            responds_to: None,
        }
    }

    #[test]
    fn a_bare_entry_has_all_its_fields_in_the_contracts_order() {
        assert_eq!(
            text(|out| bare().write_json(out)),
            r#"{"entryId":"e","conversationId":"c","at":1,"name":"X","category":"OTHER","activityId":null,"actor":null,"channelSessionId":null,"customerId":null,"channel":null,"elapsedMs":0,"stage":"SELF_SERVICE","agents":[],"queue":null,"responseMs":null,"respondsTo":null}"#
        );
    }

    #[test]
    fn a_full_entry_is_written_as_the_public_cases_have_it() {
        let smith = Actor {
            actor_type: Some("AGENT".into()),
            id: Some("22d104bc-c350-4cfb-a000-0002aae4ae04".into()),
            name: Some("agent.smith".into()),
        };
        let channel = Channel { channel_type: Some("WEB".into()), service_identifier: Some("1122".into()) };
        let entry = TimelineEntry {
            entry_id: "79d75d89-fe51-49b1-a000-02065b283190".into(),
            conversation_id: "c7e8dc31-70c2-4c52-a000-01da291ecb41".into(),
            at: 1_750_061_545_085,
            name: "AGENT_MESSAGE".into(),
            category: Category::Message,
            activity_id: Some("e0fb8d0b-0e5d-4524-a000-020515c0a131".into()),
            actor: Some(smith),
            channel_session_id: Some("b7c1ace1dea37e85000001dd".into()),
            customer_id: Some("9f9540be483305fd000001dc".into()),
            channel: Some(channel),
            elapsed_ms: 156_262,
            stage: Stage::Agent,
            agents: vec!["22d104bc-c350-4cfb-a000-0002aae4ae04".into()].into(),
            queue: None,
            response_ms: Some(14_404),
            responds_to: Some("869cf181-9d72-49f3-a000-020015fe9d9b".into()),
        };
        assert_eq!(
            text(|out| entry.write_json(out)),
            r#"{"entryId":"79d75d89-fe51-49b1-a000-02065b283190","conversationId":"c7e8dc31-70c2-4c52-a000-01da291ecb41","at":1750061545085,"name":"AGENT_MESSAGE","category":"MESSAGE","activityId":"e0fb8d0b-0e5d-4524-a000-020515c0a131","actor":{"type":"AGENT","id":"22d104bc-c350-4cfb-a000-0002aae4ae04","name":"agent.smith"},"channelSessionId":"b7c1ace1dea37e85000001dd","customerId":"9f9540be483305fd000001dc","channel":{"type":"WEB","serviceIdentifier":"1122"},"elapsedMs":156262,"stage":"AGENT","agents":["22d104bc-c350-4cfb-a000-0002aae4ae04"],"queue":null,"responseMs":14404,"respondsTo":"869cf181-9d72-49f3-a000-020015fe9d9b"}"#
        );
        let written = text(|out| entry.write_json(out));
        assert_eq!(serde_json::from_str::<TimelineEntry<'_>>(&written).unwrap(), entry);
    }

    #[test]
    fn codes_in_stored_state_stay_what_they_were() {
        let codes: Vec<_> = Stage::ALL.iter().map(|s| format!("{}={}", s.code(), s.as_str())).collect();
        assert_eq!(codes.join(" "), "1=SELF_SERVICE 2=QUEUED 3=AGENT 4=WRAP_UP 5=CLOSED");
        for stage in Stage::ALL {
            assert_eq!(Stage::from_code(stage.code()), Some(*stage));
        }
    }
}
