// SPDX-License-Identifier: Apache-2.0

//! A decoded event (contract, sections 1 and 2).

use crate::order::{Order, rank};
use crate::{Category, FactKind, Json, Kind, LegPhase, Mark, ReactionKind, RoomMode};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;

/// A valid event. Text is borrowed from the record unless it needed unescaping; no text is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The event's id, which identifies it.
    pub id: Cow<'a, str>,
    /// The event's name, even if the contract does not list it.
    pub name: Cow<'a, str>,
    /// When it happened: epoch milliseconds, from [`crate::AT_MIN`] to [`crate::AT_MAX`].
    pub at: i64,
    /// The conversation that the event itself or its topic names.
    pub conversation_id: Option<Cow<'a, str>>,
    /// The channel session, which may be a call.
    pub channel_session_id: Option<Cow<'a, str>>,
    /// The customer.
    pub customer_id: Option<Cow<'a, str>>,
    /// The channel; absent if both of its fields are unknown.
    pub channel: Option<Channel<'a>>,
    /// The actor; absent if the event has no sender.
    pub actor: Option<Actor<'a>>,
    /// `data.conversationDirection`, else the channel session's `channelSessionDirection` (contract section 5).
    pub direction: Option<Cow<'a, str>>,
    /// The room.
    pub room_id: Option<Cow<'a, str>>,
    /// The room's purpose.
    pub mode: Option<RoomMode>,
    /// When the message was sent, by its header: epoch milliseconds, in the range of [`at`](Self::at).
    pub sent_at: Option<i64>,
    /// Service levels named by the event.
    pub targets: Targets,
    /// The action.
    pub action: Action<'a>,
}

/// Service levels: positive integers, unchanged. Producers use seconds or milliseconds; the consumer of these values knows
/// which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Targets {
    /// The channel session's `channel.channelConfig.customerActivityTimeout`: how long its customer may be silent.
    pub customer_activity: Option<i64>,
    /// The channel session's `channel.channelConfig.responseSla`: the agents' response time in that channel.
    pub response: Option<i64>,
    /// `data.agentSla.totalDuration`, or the `data.totalDuration` of an event about an agent's service level: the agents'
    /// response time in this conversation.
    pub agent: Option<i64>,
}

impl Targets {
    /// Whether the event names none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An actor. Written as `{"type","id","name"}`, null where absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor<'a> {
    /// `CUSTOMER`, `AGENT`, `BOT`, …: in upper case, whatever the sender's spelling.
    #[serde(rename = "type", borrow, deserialize_with = "borrowed")]
    pub actor_type: Option<Cow<'a, str>>,
    /// The person's or program's id; for customers the customer's.
    #[serde(borrow, deserialize_with = "borrowed")]
    pub id: Option<Cow<'a, str>>,
    /// The display name.
    #[serde(borrow, deserialize_with = "borrowed")]
    pub name: Option<Cow<'a, str>>,
}

impl Actor<'_> {
    /// Whether both are the same actor (A2): equal `type` and `id`, and a present `id`. Names do not matter. That all customers
    /// of a conversation are the same actor has to be checked by the caller.
    #[must_use]
    pub fn is_same(&self, other: &Actor<'_>) -> bool {
        self.id.is_some() && self.id == other.id && self.actor_type == other.actor_type
    }

    /// A copy that does not borrow from the record.
    #[must_use]
    pub fn into_static(self) -> Actor<'static> {
        Actor { actor_type: owned(self.actor_type), id: owned(self.id), name: owned(self.name) }
    }
}

/// The channel of an event. Written as `{"type","serviceIdentifier"}`, null where absent; at least one is present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel<'a> {
    /// `WEB`, `CX_VOICE`, …: unchanged.
    #[serde(rename = "type", borrow, deserialize_with = "borrowed")]
    pub channel_type: Option<Cow<'a, str>>,
    /// The contact centre's number or name on the channel.
    #[serde(rename = "serviceIdentifier", borrow, deserialize_with = "borrowed")]
    pub service_identifier: Option<Cow<'a, str>>,
}

impl Channel<'_> {
    /// A copy that does not borrow from the record.
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

/// An actor of a record that is read back.
pub(crate) fn owned_actor<'de, D>(deserializer: D) -> Result<Option<Actor<'static>>, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(Option::<Actor<'de>>::deserialize(deserializer)?.map(Actor::into_static))
}

/// A channel of a record that is read back.
pub(crate) fn owned_channel<'de, D>(deserializer: D) -> Result<Option<Channel<'static>>, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(Option::<Channel<'de>>::deserialize(deserializer)?.map(Channel::into_static))
}

/// The action of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<'a> {
    /// Creates an activity, or completes one (call legs).
    Primary(Primary<'a>),
    /// Changes an activity that exists or will exist.
    Relation(Relation<'a>),
    /// Changes only the conversation, not an activity.
    Fact(Fact<'a>),
    /// Changes nothing: a participant is typing. Only the audit records it, and no state is kept.
    Signal,
}

impl Action<'_> {
    /// Whether it may create or change an activity of a campaign.
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

/// An event that changes no activity (contract, section 2, third list).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact<'a> {
    /// The kind of fact.
    pub kind: FactKind,
    /// Its content, as far as the contract reads it.
    pub detail: FactDetail<'a>,
}

/// The data of a fact that section 4 reads. The kind alone determines the variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactDetail<'a> {
    /// All other kinds.
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
    /// Whether it closes the conversation (`true`) or reopens it (`false`); most facts do neither (contract section 4).
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

/// Whether a topic or conversation in this state is closed (`true`) or reopened (`false`); other states do neither.
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
    /// Its `id`; for `TASK_ENQUEUED` else the event's own id.
    pub task_id: Option<Cow<'a, str>>,
    /// The queue's name: `data.queue.name`, else `activeMedia[0].queue.name`, else `queue.name`.
    pub queue: Option<Cow<'a, str>>,
    /// `activeMedia[0].type.direction`, else `type.direction`.
    pub direction: Option<Cow<'a, str>>,
    /// `activeMedia[0].type.mode`, else `type.mode`.
    pub mode: Option<Cow<'a, str>>,
    /// The new state: its `state`, or the `state` of `activeMedia[0]` while the former is `ACTIVE`; each a string or an
    /// object's `name`.
    pub state: Option<Cow<'a, str>>,
    /// The `reasonCode` of that state, or of the task's own.
    pub reason: Option<Cow<'a, str>>,
    /// The agent of the reservation or assignment: `assignedTo.id`; for `AGENT_RESERVED` first `data.ccUser.id`.
    pub agent_id: Option<Cow<'a, str>>,
    /// `agentRequestTtlTimerId`: the timer of its request.
    pub timer_id: Option<Cow<'a, str>>,
    /// `activeMedia[0].requestSession.id`.
    pub session_id: Option<Cow<'a, str>>,
}

/// The activity that a primary event creates (contract, section 2, first table).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Primary<'a> {
    /// The activity's id.
    pub activity_id: Cow<'a, str>,
    /// The activity's kind.
    pub kind: Kind,
    /// Its body, an object; absent when the event has none.
    pub body: Option<Json<'a>>,
    /// The activity that it replies to.
    pub in_reply_to: Option<Cow<'a, str>>,
    /// The channel provider's id of the message.
    pub provider_message_id: Option<Cow<'a, str>>,
    /// The call leg; present exactly for [`Kind::AgentCallLeg`].
    pub leg: Option<Leg<'a>>,
}

impl Primary<'_> {
    /// The activity on which this primary is also a reaction of kind `RESPONSE` (contract, section 2): the one that a
    /// customer's message, or a customer's answer to a campaign, replies to. The reaction's value is the primary's own
    /// `activity_id`. The fold decides whether it counts: not if the primary is rejected as a duplicate.
    #[must_use]
    pub fn response_target(&self) -> Option<&str> {
        if self.kind.responds() { self.in_reply_to.as_deref() } else { None }
    }
}

/// One end of an agent's call leg (A9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg<'a> {
    /// The end.
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

/// The change of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'a> {
    /// A new body.
    Edit {
        /// The new body, an object.
        body: Json<'a>,
    },
    /// The deletion of the activity.
    Delete {
        /// Whether the sender's role is `SUPERVISOR`, who may delete others' activities (A4).
        by_supervisor: bool,
        /// Whether the platform has deleted it already, reported by an agent or a connector (A4).
        is_done: bool,
    },
    /// A reaction that is added or removed.
    Reaction {
        /// Its kind.
        kind: ReactionKind,
        /// Its value, for example the emoji; `None` only if all emoji of the actor are removed.
        value: Option<Cow<'a, str>>,
        /// Whether it is removed.
        remove: bool,
    },
    /// A bot's suggestions.
    Suggestion {
        /// The suggestions, as ordered by the bot; may be none.
        items: Vec<SuggestionItem<'a>>,
    },
    /// A receipt. The status is unchanged; A7 defines which ones count.
    Delivery {
        /// The status, unchanged.
        status: Cow<'a, str>,
        /// The reason, mostly of failures.
        reason_code: Option<Cow<'a, str>>,
    },
    /// A mark on it, for example a hide (A4).
    Mark(Mark),
    /// A call leg is put on hold or resumed (A9).
    Hold {
        /// Whether the hold begins.
        begins: bool,
    },
}

impl Change<'_> {
    /// The constant of section 2 for the relation.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Change::Edit { .. } => "EDIT",
            Change::Delete { .. } => "DELETE",
            Change::Reaction { .. } => "REACTION",
            Change::Suggestion { .. } => "SUGGESTION",
            Change::Delivery { .. } => "DELIVERY",
            Change::Mark(mark) => mark.as_str(),
            Change::Hold { .. } => "HOLD",
        }
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
                Change::Mark(mark) => mark.category(),
                Change::Hold { .. } => Category::Hold,
            },
            Action::Fact(fact) => Category::of_fact(fact.kind),
            Action::Signal => Category::Signal,
        }
    }
}

/// The maximum of suggestions taken from an event (contract section 3, A10).
pub const SUGGESTED_ITEMS: usize = 20;
/// The maximum length of a number that is passed through; any double has a shorter spelling.
pub const NUMBER_BYTES: usize = 32;

/// One suggestion of a bot. Written as `{"body","confidence"}`, null where absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuggestionItem<'a> {
    /// The suggested message, an object.
    pub body: Option<Json<'a>>,
    /// A number, unchanged or shortened to [`NUMBER_BYTES`].
    pub confidence: Option<Json<'a>>,
}

/// The unit that an event is folded with (contract, section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home<'a> {
    /// The conversation with this id.
    Conversation(&'a str),
    /// The conversation of the session with this id, once it is known.
    Session(&'a str),
    /// The activity with this id, which has no conversation.
    Activity(&'a str),
}

impl Event<'_> {
    /// The unit that the event is folded with: its conversation, else that of its channel session, else the activity that it
    /// creates or changes. A campaign's event has its own session that no other event names: its activity has no conversation.
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
        // A fact without both is never decoded. A constructed one is a unit of its own.
        Home::Activity(self.activity_id().unwrap_or(&self.id))
    }

    /// Whether an event without a conversation belongs to a campaign, which has none (contract section 7).
    #[must_use]
    pub fn is_of_campaign(&self) -> bool {
        let is_named = matches!(&*self.name, "THIRD_PARTY_ACTIVITY" | "CAMPAIGN_MESSAGE");
        is_named && (self.customer_id.is_some() || self.room_id.is_some()) && self.action.is_of_campaign()
    }

    /// The rank within one millisecond (contract section 0).
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

    /// The event's position in the total order.
    #[must_use]
    pub fn order(&self) -> Order<'_> {
        (self.at, self.rank(), &self.id)
    }

    /// The activity that the event creates or changes; `None` for facts.
    #[must_use]
    pub fn activity_id(&self) -> Option<&str> {
        match &self.action {
            Action::Primary(primary) => Some(&primary.activity_id),
            Action::Relation(relation) => Some(&relation.target),
            Action::Fact(_) | Action::Signal => None,
        }
    }

    /// The constant of this event in a list of rejected events (A1): a relation's of section 2, or `PRIMARY`; `None` for facts.
    /// The `RESPONSE` of a reply, an effect of its primary, has the constant `RESPONSE` instead.
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
        let unknown = actor(Some("AGENT"), None, Some("Ann"));
        assert!(!unknown.is_same(&unknown.clone()));
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

    #[test]
    fn the_category_of_a_fact_is_that_of_its_kind() {
        for kind in FactKind::ALL {
            let fact = Action::Fact(Fact { kind: *kind, detail: FactDetail::None });
            assert_eq!(Category::of(&fact), Category::of_fact(*kind));
        }
    }
}
