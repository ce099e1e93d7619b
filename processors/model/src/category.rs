// SPDX-License-Identifier: Apache-2.0

//! What an event is (contract, section 4), and the relations that only mark an activity.
//!
//! A new mark needs a category and a [`Mark`] here, its field in [`crate::Activity`] and its count in [`crate::Counts`]; nothing else
//! names it.

use crate::kinds::words;
use crate::{FactKind, Kind};

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
    /// A relation that only marks an activity: the first event of each mark counts (contract section 3, A4). Its constant names the
    /// relation, its category and the `itemType` of the comments that ask for it.
    Mark {
        /// The platform hides the activity from its readers.
        Hide = 1 => "HIDE",
    }
}

/// How people say a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkWords {
    /// What an activity with the mark is: `hidden`.
    pub marked: &'static str,
    /// What its actor did to the activity: `hid`.
    pub did: &'static str,
    /// The act: `hiding`.
    pub act: &'static str,
}

impl Mark {
    /// The category of its events.
    #[must_use]
    pub fn category(self) -> Category {
        match self {
            Mark::Hide => Category::Hide,
        }
    }

    /// How people say it.
    #[must_use]
    pub fn words(self) -> MarkWords {
        match self {
            Mark::Hide => MarkWords { marked: "hidden", did: "hid", act: "hiding" },
        }
    }
}

impl Category {
    /// The mark whose events have this category.
    #[must_use]
    pub fn mark(self) -> Option<Mark> {
        Mark::ALL.iter().copied().find(|mark| mark.category() == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_in_stored_state_stay_what_they_were() {
        let codes: Vec<_> = Category::ALL.iter().map(|c| format!("{}={}", c.code(), c.as_str())).collect();
        assert_eq!(
            codes.join(" "),
            "1=MESSAGE 2=CALL 3=WRAP_UP 4=DATA 5=ACTIVITY 6=EDIT 7=DELETE 8=REACTION 9=SUGGESTION 10=DELIVERY 11=SESSION 12=PARTICIPANT 13=ROUTING 14=SLA 15=CONVERSATION 16=OTHER 17=HIDE 18=HOLD 19=SIGNAL"
        );
        for category in Category::ALL {
            assert_eq!(Category::from_code(category.code()), Some(*category));
        }
        let marks: Vec<_> =
            Mark::ALL.iter().map(|mark| format!("{}={}", mark.code(), mark.as_str())).collect();
        assert_eq!(marks.join(" "), "1=HIDE");
    }

    #[test]
    fn a_mark_and_its_category_have_one_name() {
        for mark in Mark::ALL {
            assert_eq!(mark.category().as_str(), mark.as_str());
            assert_eq!(mark.category().mark(), Some(*mark));
        }
        assert_eq!(Category::Edit.mark(), None);
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
        }
    }
}
