//! The records of topic `cx.timelines` (contract, section 4).
//!
//! [`TimelineEntry`] defines only how a record is written: every field is always present, in the contract's order, null or `[]`
//! when empty. The fold computes the content. All times are epoch milliseconds.

use crate::kinds::words;
use crate::{Action, Actor, Change, Channel, FactKind, Kind};
use serde::{Serialize, Serializer};

/// An event of a conversation, with the conversation's state after it. Never any message text. The key is
/// [`crate::timeline_key`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEntry<'a> {
    /// The event's id.
    pub entry_id: &'a str,
    /// The conversation.
    pub conversation_id: &'a str,
    /// The event's time.
    pub at: i64,
    /// The event's name.
    pub name: &'a str,
    /// Its category.
    pub category: Category,
    /// A primary's own activity, or a relation's target; `None` for facts.
    pub activity_id: Option<&'a str>,
    /// The actor.
    pub actor: Option<&'a Actor<'a>>,
    /// The event's channel session.
    pub channel_session_id: Option<&'a str>,
    /// The event's customer.
    pub customer_id: Option<&'a str>,
    /// The event's channel.
    pub channel: Option<&'a Channel<'a>>,
    /// The time since the conversation's start.
    pub elapsed_ms: i64,
    /// The conversation's stage.
    pub stage: Stage,
    /// The agents present, sorted.
    pub agents: &'a [Box<str>],
    /// The queue of the open visit that was opened last.
    pub queue: Option<&'a str>,
    /// The customer's wait; only for a message that closed a turn.
    pub response_ms: Option<i64>,
    /// The activity that opened the turn; only for a message that closed one.
    pub responds_to: Option<&'a str>,
}

words! {
    /// The category of a timeline entry.
    Category {
        /// A message.
        Message = 1 => "MESSAGE",
        /// A part of a call.
        Call = 2 => "CALL",
        /// A wrap-up.
        WrapUp = 3 => "WRAP_UP",
        /// A change of the conversation's data.
        Data = 4 => "DATA",
        /// An action in another system.
        Activity = 5 => "ACTIVITY",
        /// A new body for an activity.
        Edit = 6 => "EDIT",
        /// The deletion of an activity.
        Delete = 7 => "DELETE",
        /// A reaction, added or removed.
        Reaction = 8 => "REACTION",
        /// A bot's suggestions.
        Suggestion = 9 => "SUGGESTION",
        /// A receipt.
        Delivery = 10 => "DELIVERY",
        /// The lifecycle of a channel session.
        Session = 11 => "SESSION",
        /// Participants and their roles.
        Participant = 12 => "PARTICIPANT",
        /// Routing to an agent.
        Routing = 13 => "ROUTING",
        /// A missed service level, or an unavailable bot.
        Sla = 14 => "SLA",
        /// The lifecycle of the conversation.
        Conversation = 15 => "CONVERSATION",
        /// An event of any other name.
        Other = 16 => "OTHER",
        /// A hide by the platform.
        Hide = 17 => "HIDE",
        /// A hold within a call.
        Hold = 18 => "HOLD",
        /// Typing: only in the audit.
        Signal = 19 => "SIGNAL",
    }
}

impl Category {
    /// The category of an event with this action.
    #[must_use]
    pub fn of(action: &Action<'_>) -> Self {
        match action {
            Action::Primary(primary) => Category::of_primary(primary.kind),
            Action::Relation(relation) => match relation.change {
                Change::Edit { .. } => Category::Edit,
                Change::Delete { .. } => Category::Delete,
                Change::Reaction { .. } => Category::Reaction,
                Change::Suggestion { .. } => Category::Suggestion,
                Change::Delivery { .. } => Category::Delivery,
                Change::Hide => Category::Hide,
                Change::Hold { .. } => Category::Hold,
            },
            Action::Fact(fact) => Category::of_fact(fact.kind),
            Action::Signal => Category::Signal,
        }
    }

    /// The category of a primary event whose activity has this kind.
    #[must_use]
    pub fn of_primary(kind: Kind) -> Self {
        match kind {
            Kind::CustomerMessage
            | Kind::AgentMessage
            | Kind::BotMessage
            | Kind::WhisperMessage
            | Kind::EwtMessage
            | Kind::CampaignMessage
            | Kind::CampaignResponse
            | Kind::ActionMessage
            | Kind::SurveyQuestion
            | Kind::Note
            | Kind::Transcript => Category::Message,
            Kind::AgentCallLeg | Kind::Call | Kind::CallRecording | Kind::IvrActivity => Category::Call,
            Kind::WrapUp => Category::WrapUp,
            Kind::ConversationData => Category::Data,
            Kind::ThirdPartyActivity => Category::Activity,
        }
    }

    /// The category of a fact.
    #[must_use]
    pub fn of_fact(kind: FactKind) -> Self {
        match kind {
            FactKind::ChannelSessionStarted
            | FactKind::ChannelSessionEnded
            | FactKind::ChannelSessionExpired
            | FactKind::ChannelSessionDataUpdated
            | FactKind::RemoveChannelSession => Category::Session,
            FactKind::AgentSubscribed
            | FactKind::AgentUnsubscribed
            | FactKind::BotSubscribed
            | FactKind::BotUnsubscribed
            | FactKind::AdvisorSubscribed
            | FactKind::RemoveAllAgents
            | FactKind::RoomCreated
            | FactKind::RoomMemberStatusChanged
            | FactKind::ParticipantRoleChanged
            | FactKind::AssociatedCustomerChanged => Category::Participant,
            FactKind::FindAgent
            | FactKind::AssignResourceRequested
            | FactKind::AgentReserved
            | FactKind::AgentReservedTimeout
            | FactKind::AgentAcceptTimeout
            | FactKind::TaskEnqueued
            | FactKind::TaskStateChanged
            | FactKind::NoAgentAvailable
            | FactKind::AcceptTimeout
            | FactKind::RevokeResource
            | FactKind::AgentOutbound
            | FactKind::AgentMrdInterrupted => Category::Routing,
            FactKind::AgentSlaExpired
            | FactKind::AgentSlaStarted
            | FactKind::AgentSlaStopped
            | FactKind::AgentSla
            | FactKind::ResetAgentSla
            | FactKind::ResponseSlaBreached
            | FactKind::AgentResponseTimeout
            | FactKind::CustomerSlaExpired
            | FactKind::CustomerSlaStarted
            | FactKind::CustomerSlaStopped
            | FactKind::CustomerSla
            | FactKind::CustomerResponseTimeout
            | FactKind::CustomerActivityTimeout
            | FactKind::NoResponseEntity
            | FactKind::BotTimeout
            | FactKind::BotNotAvailable => Category::Sla,
            FactKind::ConversationStarted
            | FactKind::ConversationPaused
            | FactKind::ConversationResumed
            | FactKind::ConversationStateChanged
            | FactKind::ConversationClosed
            | FactKind::TopicStateChanged
            | FactKind::TopicStateChangeEvent
            | FactKind::CustomerLeft
            | FactKind::HoldTimer => Category::Conversation,
            FactKind::CiscoVoiceEvent
            | FactKind::ExternalGadgetRequested
            | FactKind::HandRaised
            | FactKind::HandDown
            | FactKind::Other => Category::Other,
        }
    }
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
    use crate::{Fact, FactDetail};

    fn bare<'a>() -> TimelineEntry<'a> {
        TimelineEntry {
            entry_id: "e",
            conversation_id: "c",
            at: 1,
            name: "X",
            category: Category::Other,
            activity_id: None,
            actor: None,
            channel_session_id: None,
            customer_id: None,
            channel: None,
            elapsed_ms: 0,
            stage: Stage::SelfService,
            agents: &[],
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
            entry_id: "79d75d89-fe51-49b1-a000-02065b283190",
            conversation_id: "c7e8dc31-70c2-4c52-a000-01da291ecb41",
            at: 1_750_061_545_085,
            name: "AGENT_MESSAGE",
            category: Category::Message,
            activity_id: Some("e0fb8d0b-0e5d-4524-a000-020515c0a131"),
            actor: Some(&smith),
            channel_session_id: Some("b7c1ace1dea37e85000001dd"),
            customer_id: Some("9f9540be483305fd000001dc"),
            channel: Some(&channel),
            elapsed_ms: 156_262,
            stage: Stage::Agent,
            agents: &["22d104bc-c350-4cfb-a000-0002aae4ae04".into()],
            queue: None,
            response_ms: Some(14_404),
            responds_to: Some("869cf181-9d72-49f3-a000-020015fe9d9b"),
        };
        assert_eq!(
            text(|out| entry.write_json(out)),
            r#"{"entryId":"79d75d89-fe51-49b1-a000-02065b283190","conversationId":"c7e8dc31-70c2-4c52-a000-01da291ecb41","at":1750061545085,"name":"AGENT_MESSAGE","category":"MESSAGE","activityId":"e0fb8d0b-0e5d-4524-a000-020515c0a131","actor":{"type":"AGENT","id":"22d104bc-c350-4cfb-a000-0002aae4ae04","name":"agent.smith"},"channelSessionId":"b7c1ace1dea37e85000001dd","customerId":"9f9540be483305fd000001dc","channel":{"type":"WEB","serviceIdentifier":"1122"},"elapsedMs":156262,"stage":"AGENT","agents":["22d104bc-c350-4cfb-a000-0002aae4ae04"],"queue":null,"responseMs":14404,"respondsTo":"869cf181-9d72-49f3-a000-020015fe9d9b"}"#
        );
    }

    #[test]
    fn codes_in_stored_state_stay_what_they_were() {
        let codes: Vec<_> = Category::ALL.iter().map(|c| format!("{}={}", c.code(), c.as_str())).collect();
        assert_eq!(
            codes.join(" "),
            "1=MESSAGE 2=CALL 3=WRAP_UP 4=DATA 5=ACTIVITY 6=EDIT 7=DELETE 8=REACTION 9=SUGGESTION 10=DELIVERY 11=SESSION 12=PARTICIPANT 13=ROUTING 14=SLA 15=CONVERSATION 16=OTHER 17=HIDE 18=HOLD 19=SIGNAL"
        );
        let codes: Vec<_> = Stage::ALL.iter().map(|s| format!("{}={}", s.code(), s.as_str())).collect();
        assert_eq!(codes.join(" "), "1=SELF_SERVICE 2=QUEUED 3=AGENT 4=WRAP_UP 5=CLOSED");
        for category in Category::ALL {
            assert_eq!(Category::from_code(category.code()), Some(*category));
        }
        for stage in Stage::ALL {
            assert_eq!(Stage::from_code(stage.code()), Some(*stage));
        }
    }

    /// The names that section 4 lists for a category.
    fn listed(category: Category) -> &'static str {
        match category {
            Category::Message => {
                "CUSTOMER_MESSAGE AGENT_MESSAGE BOT_MESSAGE WHISPER_MESSAGE EWT_MESSAGE CAMPAIGN_MESSAGE CAMPAIGN_RESPONSE ACTION_MESSAGE SURVEY_QUESTION NOTE TRANSCRIPT"
            }
            Category::Call => "AGENT_CALL_LEG CALL CALL_RECORDING IVR_ACTIVITY",
            Category::WrapUp => "WRAP_UP",
            Category::Data => "CONVERSATION_DATA",
            Category::Activity => "THIRD_PARTY_ACTIVITY",
            Category::Session => {
                "CHANNEL_SESSION_STARTED CHANNEL_SESSION_ENDED CHANNEL_SESSION_EXPIRED CHANNEL_SESSION_DATA_UPDATED REMOVE_CHANNEL_SESSION"
            }
            Category::Participant => {
                "AGENT_SUBSCRIBED AGENT_UNSUBSCRIBED BOT_SUBSCRIBED BOT_UNSUBSCRIBED ADVISOR_SUBSCRIBED REMOVE_ALL_AGENTS ROOM_CREATED ROOM_MEMBER_STATUS_CHANGED PARTICIPANT_ROLE_CHANGED ASSOCIATED_CUSTOMER_CHANGED"
            }
            Category::Routing => {
                "FIND_AGENT ASSIGN_RESOURCE_REQUESTED AGENT_RESERVED AGENT_RESERVED_TIMEOUT AGENT_ACCEPT_TIMEOUT TASK_ENQUEUED TASK_STATE_CHANGED NO_AGENT_AVAILABLE ACCEPT_TIMEOUT REVOKE_RESOURCE AGENT_OUTBOUND AGENT_MRD_INTERRUPTED"
            }
            Category::Sla => {
                "AGENT_SLA AGENT_SLA_STARTED AGENT_SLA_STOPPED AGENT_SLA_EXPIRED RESET_AGENT_SLA RESPONSE_SLA_BREACHED AGENT_RESPONSE_TIMEOUT CUSTOMER_SLA CUSTOMER_SLA_STARTED CUSTOMER_SLA_STOPPED CUSTOMER_SLA_EXPIRED CUSTOMER_RESPONSE_TIMEOUT CUSTOMER_ACTIVITY_TIMEOUT NO_RESPONSE_ENTITY BOT_TIMEOUT BOT_NOT_AVAILABLE"
            }
            Category::Conversation => {
                "CONVERSATION_STARTED CONVERSATION_PAUSED CONVERSATION_RESUMED CONVERSATION_STATE_CHANGED CONVERSATION_CLOSED TOPIC_STATE_CHANGED TOPIC_STATE_CHANGE_EVENT CUSTOMER_LEFT HOLD_TIMER"
            }
            Category::Edit
            | Category::Delete
            | Category::Reaction
            | Category::Suggestion
            | Category::Delivery
            | Category::Hide
            | Category::Hold
            | Category::Signal => "",
            Category::Other => "CISCO_VOICE_EVENT EXTERNAL_GADGET_REQUESTED HAND_RAISED HAND_DOWN",
        }
    }

    #[test]
    fn every_kind_and_every_fact_is_of_the_category_that_lists_it() {
        let of =
            |word: &str| Category::ALL.iter().copied().find(|c| listed(*c).split(' ').any(|w| w == word));
        for kind in Kind::ALL {
            assert_eq!(Some(Category::of_primary(*kind)), of(kind.as_str()), "{kind:?}");
        }
        for kind in FactKind::ALL {
            let category = kind.as_str().map_or(Some(Category::Other), of);
            assert_eq!(Some(Category::of_fact(*kind)), category, "{kind:?}");
            let fact = Action::Fact(Fact { kind: *kind, detail: FactDetail::None });
            assert_eq!(Category::of(&fact), Category::of_fact(*kind));
        }
    }
}
