//! What a record says, once read: one event (contract, sections 1 and 2).

use crate::order::{Order, rank};
use crate::{FactKind, Json, Kind, LegPhase, ReactionKind, RoomMode, content};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;

/// One valid event. Text is borrowed from the record wherever it needed no unescaping; no text is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The event's own id; events are distinct by it.
    pub id: Cow<'a, str>,
    /// The event's name, also of one that the contract does not list.
    pub name: Cow<'a, str>,
    /// When it happened: epoch milliseconds, from [`crate::AT_MIN`] to [`crate::AT_MAX`].
    pub at: i64,
    /// The conversation that the event itself names, or else its topic.
    pub conversation_id: Option<Cow<'a, str>>,
    /// The channel session, which a call is too.
    pub channel_session_id: Option<Cow<'a, str>>,
    /// The customer.
    pub customer_id: Option<Cow<'a, str>>,
    /// The channel; absent when neither of its fields is known.
    pub channel: Option<Channel<'a>>,
    /// Who did it; absent when the event has no sender at all.
    pub actor: Option<Actor<'a>>,
    /// `data.conversationDirection`, else the channel session's `channelSessionDirection` (contract section 5).
    pub direction: Option<Cow<'a, str>>,
    /// The room that the conversation is in.
    pub room_id: Option<Cow<'a, str>>,
    /// What the room is for.
    pub mode: Option<RoomMode>,
    /// When the message was sent, by its header: epoch milliseconds, in the range of [`at`](Self::at).
    pub sent_at: Option<i64>,
    /// Who may take how long, as far as the event says so.
    pub targets: Targets,
    /// What the event does.
    pub action: Action<'a>,
}

/// Who may take how long: whole numbers above 0, as they came. Some producers mean seconds, others milliseconds; which ones is
/// for whoever uses them to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Targets {
    /// The channel session's `channel.channelConfig.customerActivityTimeout`: how long its customer may be silent.
    pub customer_activity: Option<i64>,
    /// The channel session's `channel.channelConfig.responseSla`: how long agents may take to respond in that channel.
    pub response: Option<i64>,
    /// `data.agentSla.totalDuration`, or the `data.totalDuration` of an event about an agent's service level: how long agents may
    /// take to respond in this conversation.
    pub agent: Option<i64>,
}

impl Targets {
    /// Whether the event says nothing of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Who did something. Written as `{"type","id","name"}`, null where absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor<'a> {
    /// `CUSTOMER`, `AGENT`, `BOT`, …: in upper case, whatever the sender wrote.
    #[serde(rename = "type", borrow, deserialize_with = "borrowed")]
    pub actor_type: Option<Cow<'a, str>>,
    /// The person's or program's id; for customers the customer's.
    #[serde(borrow, deserialize_with = "borrowed")]
    pub id: Option<Cow<'a, str>>,
    /// A name to show.
    #[serde(borrow, deserialize_with = "borrowed")]
    pub name: Option<Cow<'a, str>>,
}

impl Actor<'_> {
    /// Whether both are the same actor (A2): `type` and `id` are equal, and `id` is present. Names do not matter. That all customers of a
    /// conversation are one is for whoever knows the conversation to say.
    #[must_use]
    pub fn is_same(&self, other: &Actor<'_>) -> bool {
        self.id.is_some() && self.id == other.id && self.actor_type == other.actor_type
    }

    /// The same actor, independent of the record it was read from.
    #[must_use]
    pub fn into_static(self) -> Actor<'static> {
        Actor { actor_type: owned(self.actor_type), id: owned(self.id), name: owned(self.name) }
    }
}

/// The channel of an event. Written as `{"type","serviceIdentifier"}`, null where absent; at least one is present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel<'a> {
    /// `WEB`, `CX_VOICE`, …: as it came.
    #[serde(rename = "type", borrow, deserialize_with = "borrowed")]
    pub channel_type: Option<Cow<'a, str>>,
    /// The number or name under which the contact centre was reached.
    #[serde(rename = "serviceIdentifier", borrow, deserialize_with = "borrowed")]
    pub service_identifier: Option<Cow<'a, str>>,
}

impl Channel<'_> {
    /// The same channel, independent of the record it was read from.
    #[must_use]
    pub fn into_static(self) -> Channel<'static> {
        Channel { channel_type: owned(self.channel_type), service_identifier: owned(self.service_identifier) }
    }
}

fn owned(text: Option<Cow<'_, str>>) -> Option<Cow<'static, str>> {
    text.map(|text| Cow::Owned(text.into_owned()))
}

/// Serde borrows for a field of type `Cow<str>`, but not within an `Option`.
fn borrowed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);
    Ok(Option::<Borrowed<'de>>::deserialize(deserializer)?.map(|text| text.0))
}

/// What an event does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<'a> {
    /// It creates an activity, or completes one (call legs).
    Primary(Primary<'a>),
    /// It changes an activity that exists or will exist.
    Relation(Relation<'a>),
    /// It changes no activity, only the conversation.
    Fact(Fact<'a>),
    /// It changes nothing: somebody types. It is in no output but the audit, and nothing of it is remembered.
    Signal,
}

impl Action<'_> {
    /// Whether it may be an activity of a campaign, or a change of one.
    pub(crate) fn is_of_campaign(&self) -> bool {
        match self {
            Action::Primary(primary) => {
                matches!(
                    primary.kind,
                    Kind::CampaignMessage | Kind::CampaignResponse | Kind::ThirdPartyActivity
                )
            }
            Action::Relation(_) => true,
            Action::Fact(_) | Action::Signal => false,
        }
    }
}

/// What an event says that changes no activity (contract, section 2, third list).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact<'a> {
    /// Which of the facts it is.
    pub kind: FactKind,
    /// What it says, as far as the contract reads it.
    pub detail: FactDetail<'a>,
}

/// The data of a fact that section 4 reads. Which variant it is depends on the kind alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactDetail<'a> {
    /// Of all kinds that are not listed below.
    None,
    /// Of `AGENT_SUBSCRIBED` and `AGENT_UNSUBSCRIBED`: `data.agentParticipant` and `data.reason`.
    Agent(AgentDetail<'a>),
    /// Of `PARTICIPANT_ROLE_CHANGED` whose `data.conversationParticipant.type` is `AGENT`; of others it is
    /// [`FactDetail::None`].
    Role {
        /// `.participant.id`, else `.id`.
        agent_id: Option<Cow<'a, str>>,
        /// `.role`.
        role: Option<Cow<'a, str>>,
    },
    /// Of `TASK_ENQUEUED`, `AGENT_RESERVED` and `TASK_STATE_CHANGED`.
    Task(Box<TaskDetail<'a>>),
    /// Of `TOPIC_STATE_CHANGED`, `TOPIC_STATE_CHANGE_EVENT` and `CONVERSATION_STATE_CHANGED`: the first that can be read of
    /// `data.state`, `data.topicState` (each a string or an object's `name`), and `data` itself, if it is a string.
    State(Option<Cow<'a, str>>),
    /// Of `NO_AGENT_AVAILABLE`: `data.requestType.direction`.
    Request {
        /// The direction.
        direction: Option<Cow<'a, str>>,
    },
}

impl Fact<'_> {
    /// Whether it closes the conversation (`true`) or opens it again (`false`); most facts do neither (contract section 4).
    #[must_use]
    pub fn closes(&self) -> Option<bool> {
        match (self.kind, &self.detail) {
            (FactKind::ConversationClosed, _) => Some(true),
            (FactKind::ConversationStarted, _) => Some(false),
            (_, FactDetail::State(state)) => closes(state.as_deref()?),
            _ => None,
        }
    }
}

/// Whether a topic or a conversation in this state is closed (`true`) or opened again (`false`); other states do neither.
#[must_use]
pub fn closes(state: &str) -> Option<bool> {
    match state {
        "CLOSED" => Some(true),
        "CREATED" | "ACTIVE" => Some(false),
        _ => None,
    }
}

/// An agent who joins or leaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentDetail<'a> {
    /// `data.agentParticipant.participant.id`, else `data.agentParticipant.id`.
    pub agent_id: Option<Cow<'a, str>>,
    /// `data.agentParticipant.role`.
    pub role: Option<Cow<'a, str>>,
    /// The participant's name, found as an actor's.
    pub name: Option<Cow<'a, str>>,
    /// `data.reason`.
    pub reason: Option<Cow<'a, str>>,
}

/// A task: `data.task`, else `data`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskDetail<'a> {
    /// Its `id`; of `TASK_ENQUEUED` else the event's own id.
    pub task_id: Option<Cow<'a, str>>,
    /// The queue's name: `data.queue.name`, else `activeMedia[0].queue.name`, else `queue.name`.
    pub queue: Option<Cow<'a, str>>,
    /// `activeMedia[0].type.direction`, else `type.direction`.
    pub direction: Option<Cow<'a, str>>,
    /// `activeMedia[0].type.mode`, else `type.mode`.
    pub mode: Option<Cow<'a, str>>,
    /// What it changes to: its `state`, or the `state` of `activeMedia[0]` while the former is `ACTIVE`; each a string or an
    /// object's `name`.
    pub state: Option<Cow<'a, str>>,
    /// The `reasonCode` of that state, or of the task's own.
    pub reason: Option<Cow<'a, str>>,
    /// The agent whom it is offered or assigned to: `assignedTo.id`; of `AGENT_RESERVED` first `data.ccUser.id`.
    pub agent_id: Option<Cow<'a, str>>,
    /// `agentRequestTtlTimerId`: the timer of the request that it serves.
    pub timer_id: Option<Cow<'a, str>>,
    /// `activeMedia[0].requestSession.id`.
    pub session_id: Option<Cow<'a, str>>,
}

/// What a primary event says of its activity (contract, section 2, first table).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Primary<'a> {
    /// The activity that it creates.
    pub activity_id: Cow<'a, str>,
    /// What the activity is.
    pub kind: Kind,
    /// Its body, an object; absent when the event has none.
    pub body: Option<Json<'a>>,
    /// The activity that it replies to.
    pub in_reply_to: Option<Cow<'a, str>>,
    /// The channel provider's own id of the message.
    pub provider_message_id: Option<Cow<'a, str>>,
    /// The call leg; present exactly for [`Kind::AgentCallLeg`].
    pub leg: Option<Leg<'a>>,
}

impl Primary<'_> {
    /// The activity on which this primary is also a reaction of kind `RESPONSE` (contract, section 2): that which a
    /// customer's message, or a customer's answer to a campaign, replies to. The reaction's value is the primary's own `activity_id`. Whether it counts is
    /// for the fold to say: not when the primary is rejected as a duplicate.
    #[must_use]
    pub fn response_target(&self) -> Option<&str> {
        if self.kind.responds() { self.in_reply_to.as_deref() } else { None }
    }
}

/// One end of an agent's part in a call (A9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg<'a> {
    /// Which end.
    pub phase: LegPhase,
    /// The body's `callId`.
    pub call_id: Option<Cow<'a, str>>,
    /// The body's `startTime`, epoch milliseconds; absent when unreadable or out of range.
    pub start_time: Option<i64>,
    /// The body's `endTime`, epoch milliseconds; absent when unreadable or out of range.
    pub end_time: Option<i64>,
    /// The body's `reasonCode`.
    pub reason: Option<Cow<'a, str>>,
}

/// A change to an activity (contract, section 2, second table).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation<'a> {
    /// The id of the activity that it changes.
    pub target: Cow<'a, str>,
    /// What it changes.
    pub change: Change<'a>,
}

/// What a relation changes of its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'a> {
    /// A new body.
    Edit {
        /// The new body, an object.
        body: Json<'a>,
    },
    /// The removal of the activity's text.
    Delete {
        /// Whether the sender's role is `SUPERVISOR`, who may delete what others wrote (A4).
        by_supervisor: bool,
        /// Whether the platform has deleted it already, and an agent or a connector tells so (A4).
        is_done: bool,
    },
    /// A reaction that is set or taken back.
    Reaction {
        /// What it is.
        kind: ReactionKind,
        /// Its value, for example the emoji; none only where all emoji of the actor are taken back.
        value: Option<Cow<'a, str>>,
        /// Whether it is taken back.
        remove: bool,
    },
    /// A bot's suggestions.
    Suggestion {
        /// The suggestions, as ordered by the bot; may be none.
        items: Vec<SuggestionItem<'a>>,
    },
    /// A receipt. The status is any word: which ones count is A7's matter.
    Delivery {
        /// The status as it came.
        status: Cow<'a, str>,
        /// Why, mostly of failures.
        reason_code: Option<Cow<'a, str>>,
    },
    /// The platform hides it from its readers (A4).
    Hide,
    /// A call leg is put on hold, or goes on (A9).
    Hold {
        /// Whether the hold begins.
        begins: bool,
    },
}

impl Change<'_> {
    /// The relation's word of section 2.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Change::Edit { .. } => "EDIT",
            Change::Delete { .. } => "DELETE",
            Change::Reaction { .. } => "REACTION",
            Change::Suggestion { .. } => "SUGGESTION",
            Change::Delivery { .. } => "DELIVERY",
            Change::Hide => "HIDE",
            Change::Hold { .. } => "HOLD",
        }
    }
}

/// So many suggestions of one event are taken, the first ones (contract section 3, A10).
pub const SUGGESTED_ITEMS: usize = 20;
/// A number that is carried through is not spelled at greater length; any double has a spelling that is shorter.
pub const NUMBER_BYTES: usize = 32;

/// One suggestion of a bot. Written as `{"body","confidence"}`, null where absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuggestionItem<'a> {
    /// The suggested message, an object.
    pub body: Option<Json<'a>>,
    /// A number, spelled as it came, or shorter than [`NUMBER_BYTES`].
    pub confidence: Option<Json<'a>>,
}

/// What an event is to be folded with (contract, section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home<'a> {
    /// The conversation of this id.
    Conversation(&'a str),
    /// The conversation that the session of this id belongs to, once that is known.
    Session(&'a str),
    /// The activity of this id, which belongs to no conversation.
    Activity(&'a str),
}

impl Event<'_> {
    /// What the event is to be folded with: its conversation, else that of its channel session, else the activity
    /// that it creates or changes. What a campaign sends has a session of its own that nothing else ever names: it is an activity on
    /// its own.
    #[must_use]
    pub fn home(&self) -> Home<'_> {
        if let Some(conversation) = &self.conversation_id {
            return Home::Conversation(conversation);
        }
        if let Some(session) = &self.channel_session_id
            && !self.is_of_campaign()
        {
            return Home::Session(session);
        }
        // A fact that names neither is never decoded. One built by hand is alone with itself.
        Home::Activity(self.activity_id().unwrap_or(&self.id))
    }

    /// Whether an event without a conversation is one of a campaign, which belongs to none (contract section 7).
    #[must_use]
    pub fn is_of_campaign(&self) -> bool {
        let is_named = matches!(&*self.name, "THIRD_PARTY_ACTIVITY" | "CAMPAIGN_MESSAGE");
        is_named && (self.customer_id.is_some() || self.room_id.is_some()) && self.action.is_of_campaign()
    }

    /// What comes first within one millisecond (contract section 0).
    #[must_use]
    pub fn rank(&self) -> u8 {
        match &self.action {
            Action::Fact(Fact { detail: FactDetail::Task(task), .. }) => {
                rank(&self.name, task.state.as_deref(), task.reason.as_deref())
            }
            Action::Fact(Fact { detail: FactDetail::State(state), .. }) => {
                rank(&self.name, state.as_deref(), None)
            }
            _ => rank(&self.name, None, None),
        }
    }

    /// The event's place in the total order.
    #[must_use]
    pub fn order(&self) -> Order<'_> {
        (self.at, self.rank(), &self.id)
    }

    /// A number for what the event says, in the fields that the contract reads: two events of one id with the same
    /// number are the same event, sent twice. The conversation is left out, since an event may say it or be found by its
    /// session. It lies in stored state, so it is made of bytes that are written down one by one.
    #[must_use]
    pub fn content_hash(&self) -> u64 {
        content::number(self)
    }

    /// The activity that the event creates or changes; none for facts.
    #[must_use]
    pub fn activity_id(&self) -> Option<&str> {
        match &self.action {
            Action::Primary(primary) => Some(&primary.activity_id),
            Action::Relation(relation) => Some(&relation.target),
            Action::Fact(_) | Action::Signal => None,
        }
    }

    /// The word that a rejected entry has for this event (A1): a relation's of section 2, or `PRIMARY`; none for
    /// facts. A reply's `RESPONSE`, which is an effect of its primary, has the word `RESPONSE` and not this one.
    #[must_use]
    pub fn relation_word(&self) -> Option<&'static str> {
        match &self.action {
            Action::Primary(_) => Some("PRIMARY"),
            Action::Relation(relation) => Some(relation.change.word()),
            Action::Fact(_) | Action::Signal => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(
        actor_type: Option<&'static str>,
        id: Option<&'static str>,
        name: Option<&'static str>,
    ) -> Actor<'static> {
        Actor {
            actor_type: actor_type.map(Cow::Borrowed),
            id: id.map(Cow::Borrowed),
            name: name.map(Cow::Borrowed),
        }
    }

    #[test]
    fn actors_are_the_same_by_type_and_id_and_only_with_an_id() {
        let ann = actor(Some("AGENT"), Some("1"), Some("Ann"));
        assert!(ann.is_same(&actor(Some("AGENT"), Some("1"), None)));
        assert!(!ann.is_same(&actor(Some("BOT"), Some("1"), Some("Ann"))));
        assert!(!ann.is_same(&actor(Some("AGENT"), Some("2"), Some("Ann"))));
        assert!(!ann.is_same(&actor(None, Some("1"), Some("Ann"))));
        assert!(actor(None, Some("1"), None).is_same(&actor(None, Some("1"), None)));
        let nobody = actor(Some("AGENT"), None, Some("Ann"));
        assert!(!nobody.is_same(&nobody.clone()));
    }

    #[test]
    fn an_actor_is_written_in_full_and_read_back_without_a_copy() {
        let text = r#"{"type":"AGENT","id":null,"name":"Ann"}"#;
        let ann: Actor<'_> = serde_json::from_str(text).unwrap();
        assert!(matches!(ann.name, Some(Cow::Borrowed("Ann"))));
        assert_eq!(serde_json::to_string(&ann).unwrap(), text);
        assert_eq!(ann.clone().into_static(), ann);
    }

    #[test]
    fn a_channel_is_written_in_full_and_read_back() {
        let text = r#"{"type":null,"serviceIdentifier":"1122"}"#;
        let channel: Channel<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&channel).unwrap(), text);
        assert_eq!(channel.clone().into_static(), channel);
    }

    #[test]
    fn a_suggestion_keeps_its_numbers_spelling() {
        let item = SuggestionItem { body: None, confidence: Some(Json::from_compact(Cow::Borrowed("0.90"))) };
        assert_eq!(serde_json::to_string(&item).unwrap(), r#"{"body":null,"confidence":0.90}"#);
    }
}
