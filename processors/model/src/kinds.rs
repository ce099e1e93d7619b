// SPDX-License-Identifier: Apache-2.0

//! The constants of events and activities (contract, section 2).

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Declares an enum whose variants each have a constant of the contract and a stable code for stored state.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal => $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// All variants, by code.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The contract's constant.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The variant of a constant, compared exactly.
            #[must_use]
            pub fn from_name(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }

            /// The code in stored state. It never changes, even if variants are added or moved.
            #[must_use]
            pub fn code(self) -> u8 {
                match self { $($name::$variant => $code,)* }
            }

            /// The variant of a stored code; `None` for an unknown code.
            #[must_use]
            pub fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some($name::$variant),)* _ => None }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::kinds::word(deserializer, $name::from_name)
            }
        }
    };
}
pub(crate) use words;

/// Reads a constant.
pub(crate) fn word<'de, D: Deserializer<'de>, W>(
    deserializer: D,
    from_name: fn(&str) -> Option<W>,
) -> Result<W, D::Error> {
    let word = Cow::<str>::deserialize(deserializer)?;
    let unknown = || D::Error::custom(format_args!("{word:?} is no constant of this version"));
    from_name(&word).ok_or_else(unknown)
}

words! {
    /// The kind of an activity.
    Kind {
        /// A customer's message.
        CustomerMessage = 1 => "CUSTOMER_MESSAGE",
        /// An agent's message.
        AgentMessage = 2 => "AGENT_MESSAGE",
        /// A bot's message.
        BotMessage = 3 => "BOT_MESSAGE",
        /// A message among agents, hidden from the customer.
        WhisperMessage = 4 => "WHISPER_MESSAGE",
        /// An estimated wait time for the customer.
        EwtMessage = 5 => "EWT_MESSAGE",
        /// An action in another system.
        ThirdPartyActivity = 6 => "THIRD_PARTY_ACTIVITY",
        /// A scheduled, outbound message.
        CampaignMessage = 7 => "CAMPAIGN_MESSAGE",
        /// A message of an automated action.
        ActionMessage = 8 => "ACTION_MESSAGE",
        /// A wrap-up.
        WrapUp = 9 => "WRAP_UP",
        /// A note, with or without a conversation.
        Note = 10 => "NOTE",
        /// A link to a call's recording.
        CallRecording = 11 => "CALL_RECORDING",
        /// A question of a survey.
        SurveyQuestion = 12 => "SURVEY_QUESTION",
        /// A sentence of a call, from speech to text.
        Transcript = 13 => "TRANSCRIPT",
        /// A customer's action in a voice menu.
        IvrActivity = 14 => "IVR_ACTIVITY",
        /// An agent's call leg.
        AgentCallLeg = 15 => "AGENT_CALL_LEG",
        /// A change of the conversation's data.
        ConversationData = 16 => "CONVERSATION_DATA",
        /// A customer's answer to a campaign message.
        CampaignResponse = 17 => "CAMPAIGN_RESPONSE",
        /// The platform's record of a whole call.
        Call = 18 => "CALL",
    }
}

impl Kind {
    /// Whether a reply of this kind is also a reaction of kind `RESPONSE` (contract section 2).
    #[must_use]
    pub fn responds(self) -> bool {
        matches!(self, Kind::CustomerMessage | Kind::CampaignResponse)
    }
}

words! {
    /// The kind of a reaction.
    ReactionKind {
        /// An emoji.
        Emoji = 1 => "EMOJI",
        /// A flag, for example on a bad answer.
        Flag = 2 => "FLAG",
        /// An acknowledgement.
        Acknowledgement = 3 => "ACKNOWLEDGEMENT",
        /// An answer, for example to a survey's question.
        Response = 4 => "RESPONSE",
    }
}

words! {
    /// The purpose of a conversation's room.
    RoomMode {
        /// For a customer.
        ContactCenter = 1 => "CONTACT_CENTER",
        /// For agents only: it is in no figure.
        Private = 2 => "PRIVATE",
    }
}

/// The end of a call leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LegPhase {
    /// `CALL_LEG_STARTED`.
    Started,
    /// `CALL_LEG_ENDED`.
    Ended,
}

macro_rules! facts {
    ($($(#[$doc:meta])* $variant:ident => $word:literal,)*) => {
        /// An event that changes only the conversation: one variant for each name that section 2 lists.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FactKind {
            $($(#[$doc])* $variant,)*
            /// Any other name, which only the event has.
            Other,
        }

        impl FactKind {
            /// All variants, `Other` last.
            pub const ALL: &'static [FactKind] = &[$(FactKind::$variant,)* FactKind::Other];

            /// The event's name; `None` for [`FactKind::Other`].
            #[must_use]
            pub fn as_str(self) -> Option<&'static str> {
                match self { $(FactKind::$variant => Some($word),)* FactKind::Other => None }
            }

            /// The fact with this name, which is no primary's and no relation's. Names are compared exactly.
            #[must_use]
            pub fn from_name(name: &str) -> Self {
                match name { $($word => FactKind::$variant,)* _ => FactKind::Other }
            }
        }
    };
}

facts! {
    /// A channel session began.
    ChannelSessionStarted => "CHANNEL_SESSION_STARTED",
    /// A channel session ended.
    ChannelSessionEnded => "CHANNEL_SESSION_ENDED",
    /// A channel session expired.
    ChannelSessionExpired => "CHANNEL_SESSION_EXPIRED",
    /// A channel session's data changed.
    ChannelSessionDataUpdated => "CHANNEL_SESSION_DATA_UPDATED",
    /// A conversation began, or was reopened.
    ConversationStarted => "CONVERSATION_STARTED",
    /// A conversation was put on hold.
    ConversationPaused => "CONVERSATION_PAUSED",
    /// A conversation was resumed after a hold.
    ConversationResumed => "CONVERSATION_RESUMED",
    /// A topic's state changed.
    TopicStateChanged => "TOPIC_STATE_CHANGED",
    /// A conversation's state changed.
    ConversationStateChanged => "CONVERSATION_STATE_CHANGED",
    /// A conversation was closed.
    ConversationClosed => "CONVERSATION_CLOSED",
    /// A conversation's customer changed.
    AssociatedCustomerChanged => "ASSOCIATED_CUSTOMER_CHANGED",
    /// An agent was reserved.
    AgentReserved => "AGENT_RESERVED",
    /// An agent joined.
    AgentSubscribed => "AGENT_SUBSCRIBED",
    /// An agent left.
    AgentUnsubscribed => "AGENT_UNSUBSCRIBED",
    /// An agent did not answer in time.
    AgentResponseTimeout => "AGENT_RESPONSE_TIMEOUT",
    /// An agent's service level was missed.
    AgentSlaExpired => "AGENT_SLA_EXPIRED",
    /// An agent's media routing domain was interrupted.
    AgentMrdInterrupted => "AGENT_MRD_INTERRUPTED",
    /// An agent began an outbound contact.
    AgentOutbound => "AGENT_OUTBOUND",
    /// A participant's role changed.
    ParticipantRoleChanged => "PARTICIPANT_ROLE_CHANGED",
    /// No agent was available.
    NoAgentAvailable => "NO_AGENT_AVAILABLE",
    /// An agent did not accept in time.
    AcceptTimeout => "ACCEPT_TIMEOUT",
    /// A resource was revoked.
    RevokeResource => "REVOKE_RESOURCE",
    /// An agent is being found.
    FindAgent => "FIND_AGENT",
    /// A task entered a queue.
    TaskEnqueued => "TASK_ENQUEUED",
    /// A task's state changed.
    TaskStateChanged => "TASK_STATE_CHANGED",
    /// A bot did not answer in time.
    BotTimeout => "BOT_TIMEOUT",
    /// A bot could not be reached.
    BotNotAvailable => "BOT_NOT_AVAILABLE",
    /// A customer did not answer in time.
    CustomerResponseTimeout => "CUSTOMER_RESPONSE_TIMEOUT",
    /// A customer's service level was missed.
    CustomerSlaExpired => "CUSTOMER_SLA_EXPIRED",
    /// A reservation of an agent timed out.
    AgentReservedTimeout => "AGENT_RESERVED_TIMEOUT",
    /// An agent did not accept in time.
    AgentAcceptTimeout => "AGENT_ACCEPT_TIMEOUT",
    /// A bot joined.
    BotSubscribed => "BOT_SUBSCRIBED",
    /// A bot left.
    BotUnsubscribed => "BOT_UNSUBSCRIBED",
    /// An agent's response time was exceeded.
    ResponseSlaBreached => "RESPONSE_SLA_BREACHED",
    /// A customer was silent for too long.
    CustomerActivityTimeout => "CUSTOMER_ACTIVITY_TIMEOUT",
    /// A topic's state changed, by another name.
    TopicStateChangeEvent => "TOPIC_STATE_CHANGE_EVENT",
    /// An event of Cisco's telephony.
    CiscoVoiceEvent => "CISCO_VOICE_EVENT",
    /// An agent or a bot is requested.
    AssignResourceRequested => "ASSIGN_RESOURCE_REQUESTED",
    /// A channel session is removed from its conversation.
    RemoveChannelSession => "REMOVE_CHANNEL_SESSION",
    /// The customer left.
    CustomerLeft => "CUSTOMER_LEFT",
    /// An advisor joined.
    AdvisorSubscribed => "ADVISOR_SUBSCRIBED",
    /// An agent's time to respond began.
    AgentSlaStarted => "AGENT_SLA_STARTED",
    /// An agent's time to respond ended.
    AgentSlaStopped => "AGENT_SLA_STOPPED",
    /// An agent's time to respond.
    AgentSla => "AGENT_SLA",
    /// An agent's response time restarts.
    ResetAgentSla => "RESET_AGENT_SLA",
    /// A customer's time to respond began.
    CustomerSlaStarted => "CUSTOMER_SLA_STARTED",
    /// A customer's time to respond ended.
    CustomerSlaStopped => "CUSTOMER_SLA_STOPPED",
    /// A customer's time to respond.
    CustomerSla => "CUSTOMER_SLA",
    /// All agents are removed.
    RemoveAllAgents => "REMOVE_ALL_AGENTS",
    /// A room was created.
    RoomCreated => "ROOM_CREATED",
    /// The status of a room's member changed.
    RoomMemberStatusChanged => "ROOM_MEMBER_STATUS_CHANGED",
    /// A gadget of the agent desktop was requested.
    ExternalGadgetRequested => "EXTERNAL_GADGET_REQUESTED",
    /// A timer of a hold.
    HoldTimer => "HOLD_TIMER",
    /// No agent or bot is available to respond.
    NoResponseEntity => "NO_RESPONSE_ENTITY",
    /// A hand was raised.
    HandRaised => "HAND_RAISED",
    /// A hand was lowered.
    HandDown => "HAND_DOWN",
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_kind_reads_back_from_its_word_and_from_its_code() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.as_str()), Some(*kind));
            assert_eq!(Kind::from_code(kind.code()), Some(*kind));
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", kind.as_str()));
        }
        for kind in ReactionKind::ALL {
            assert_eq!(ReactionKind::from_name(kind.as_str()), Some(*kind));
            assert_eq!(ReactionKind::from_code(kind.code()), Some(*kind));
        }
        assert_eq!((Kind::from_code(0), Kind::from_code(19), Kind::from_name("wrap_up")), (None, None, None));
        assert_eq!((ReactionKind::from_code(0), ReactionKind::from_name("SHRUG")), (None, None));
    }

    #[test]
    fn codes_in_stored_state_stay_what_they_were() {
        let codes: Vec<_> = Kind::ALL.iter().map(|k| format!("{}={}", k.code(), k.as_str())).collect();
        assert_eq!(
            codes.join(" "),
            "1=CUSTOMER_MESSAGE 2=AGENT_MESSAGE 3=BOT_MESSAGE 4=WHISPER_MESSAGE 5=EWT_MESSAGE 6=THIRD_PARTY_ACTIVITY 7=CAMPAIGN_MESSAGE 8=ACTION_MESSAGE 9=WRAP_UP 10=NOTE 11=CALL_RECORDING 12=SURVEY_QUESTION 13=TRANSCRIPT 14=IVR_ACTIVITY 15=AGENT_CALL_LEG 16=CONVERSATION_DATA 17=CAMPAIGN_RESPONSE 18=CALL"
        );
        let codes: Vec<_> =
            ReactionKind::ALL.iter().map(|k| format!("{}={}", k.code(), k.as_str())).collect();
        assert_eq!(codes.join(" "), "1=EMOJI 2=FLAG 3=ACKNOWLEDGEMENT 4=RESPONSE");
    }

    #[test]
    fn every_fact_reads_back_from_its_name() {
        for fact in FactKind::ALL {
            assert_eq!(FactKind::from_name(fact.as_str().unwrap_or("ANYTHING")), *fact);
        }
        let names: HashSet<_> = FactKind::ALL.iter().filter_map(|f| f.as_str()).collect();
        assert_eq!((FactKind::ALL.len(), names.len()), (57, 56));
        assert_eq!(FactKind::from_name("agent_reserved"), FactKind::Other);
    }
}
