// SPDX-License-Identifier: Apache-2.0

//! The fields of sections 1 and 2, as a record's value has them.

use super::lenient::{
    Array, Boxed, Fields, First, NameFields, Object, Positive, Presence, State, Text, TextOrName, Value,
    are_distinct, key, wanted,
};
use super::verbatim::{ANumber, AnObject, Anything, Raw, RawAnd, SentTime, Time};
use crate::reader::{Reader, Refused};

// Objects with many fields are boxed: few events have all of them, and each would take stack space. Without boxes reading was
// not measurably faster.
wanted! {
    /// A bare `CimEvent`.
    EventFields {
        "id" => id: Text<'de>,
        "name" => name: Text<'de>,
        "timestamp" => timestamp: Time,
        "timeStamp" => time_stamp: Time,
        "conversationId" => conversation_id: Text<'de>,
        "topicId" => topic_id: Text<'de>,
        "channelSession" => channel_session: Boxed<SessionFields<'de>>,
        "eventEmitter" => event_emitter: Object<SenderFields<'de>>,
        "roomInfo" => room: Object<RoomFields<'de>>,
        "data" => data: Data<'de>,
    }

    /// A room.
    RoomFields {
        "id" => id: Text<'de>,
        "mode" => mode: Text<'de>,
    }

    /// A channel session.
    SessionFields {
        "id" => id: Text<'de>,
        "conversationId" => conversation_id: Text<'de>,
        "topicId" => topic_id: Text<'de>,
        "customer" => customer: Object<CustomerFields<'de>>,
        "channel" => channel: Object<ChannelFields<'de>>,
        "channelData" => channel_data: Object<ChannelDataFields<'de>>,
        "channelSessionDirection" => direction: Text<'de>,
        "roomInfo" => room: Object<RoomFields<'de>>,
    }

    /// An event's data. It may itself be a channel session.
    DataFields {
        "id" => id: Text<'de>,
        "participantType" => participant_type: Text<'de>,
        "conversationId" => conversation_id: Text<'de>,
        "topicId" => topic_id: Text<'de>,
        "customer" => customer: Object<CustomerFields<'de>>,
        "channel" => channel: Object<ChannelFields<'de>>,
        "channelData" => channel_data: Object<ChannelDataFields<'de>>,
        "channelSessionDirection" => session_direction: Text<'de>,
        "conversationDirection" => conversation_direction: Text<'de>,
        "header" => header: Boxed<HeaderFields<'de>>,
        "body" => body: RawAnd<'de, BodyFields<'de>>,
        "suggestions" => suggestions: Array<Object<SuggestionFields<'de>>>,
        "requestedMessage" => requested_message: Object<IdFields<'de>>,
        "agentParticipant" => agent_participant: Boxed<AgentFields<'de>>,
        "conversationParticipant" => conversation_participant: Boxed<RoleFields<'de>>,
        "task" => task: Boxed<TaskFields<'de>>,
        "ccUser" => user: Object<IdFields<'de>>,
        "queue" => queue: Object<NameFields<'de>>,
        "requestType" => request_type: Object<MediaTypeFields<'de>>,
        "state" => state: State<'de>,
        "topicState" => topic_state: TextOrName<'de>,
        "reason" => reason: Text<'de>,
        "agentSla" => agent_sla: Object<SlaFields<'de>>,
        "totalDuration" => total_duration: Positive<'de>,
        "roomInfo" => room: Object<RoomFields<'de>>,
        "name" => name: Text<'de>,
        "data" => data: Raw<'de, Anything>,
        // It may itself be a task.
        "assignedTo" => assigned_to: Object<IdFields<'de>>,
        "activeMedia" => active_media: First<Object<MediaFields<'de>>>,
        "type" => task_type: Object<MediaTypeFields<'de>>,
        "agentRequestTtlTimerId" => timer_id: Text<'de>,
    }

    /// A message's header.
    HeaderFields {
        "conversationId" => conversation_id: Text<'de>,
        "channelSessionId" => channel_session_id: Text<'de>,
        "channelSession" => channel_session: Boxed<SessionFields<'de>>,
        "customer" => customer: Object<CustomerFields<'de>>,
        "channelData" => channel_data: Object<ChannelDataFields<'de>>,
        "sender" => sender: Object<SenderFields<'de>>,
        "intent" => intent: Text<'de>,
        "originalMessageId" => original_message_id: Text<'de>,
        "replyToMessageId" => reply_to_message_id: Text<'de>,
        "timestamp" => timestamp: SentTime,
        "roomInfo" => room: Object<RoomFields<'de>>,
        "roomId" => room_id: Text<'de>,
        "providerMessageId" => provider_message_id: Text<'de>,
        "schedulingMetaData" => scheduling_meta_data: Presence,
    }

    /// A message's body; which fields it has depends on the event.
    BodyFields {
        "type" => body_type: Text<'de>,
        "callId" => call_id: Text<'de>,
        "legId" => leg_id: Text<'de>,
        "leg" => leg: Text<'de>,
        "startTime" => start_time: Time,
        "endTime" => end_time: Time,
        "reasonCode" => reason_code: Text<'de>,
        "action" => action: Text<'de>,
        "body" => body: Raw<'de, AnObject>,
        "kind" => kind: Text<'de>,
        "value" => value: Text<'de>,
        "messageId" => message_id: Text<'de>,
        "status" => status: Text<'de>,
        "itemType" => item_type: Text<'de>,
        "notificationType" => notification_type: Text<'de>,
    }

    /// A header's sender, or an event's emitter.
    SenderFields {
        "id" => id: Text<'de>,
        "type" => sender_type: Text<'de>,
        "role" => role: Text<'de>,
        "senderName" => sender_name: Text<'de>,
        "participant" => participant: Object<ParticipantFields<'de>>,
    }

    /// A sender's participant.
    ParticipantFields {
        "id" => id: Text<'de>,
        "participantType" => participant_type: Text<'de>,
        "displayName" => display_name: Text<'de>,
        "name" => name: Text<'de>,
        "keycloakUser" => keycloak_user: Object<UserFields<'de>>,
    }

    /// An account.
    UserFields {
        "username" => username: Text<'de>,
    }

    /// A customer, by either spelling of the id.
    CustomerFields {
        "id" => id: Text<'de>,
        "_id" => underscore_id: Text<'de>,
        "firstName" => first_name: Text<'de>,
    }

    /// A session's channel.
    ChannelFields {
        "channelType" => channel_type: Object<NameFields<'de>>,
        "channelConfig" => config: Object<ConfigFields<'de>>,
    }

    /// A channel's configuration.
    ConfigFields {
        "customerActivityTimeout" => customer_activity_timeout: Positive<'de>,
        "responseSla" => response_sla: Positive<'de>,
    }

    /// Service levels of agents.
    SlaFields {
        "totalDuration" => total_duration: Positive<'de>,
    }

    /// A channel's data, of a session or of a header.
    ChannelDataFields {
        "channelTypeCode" => channel_type_code: Text<'de>,
        "serviceIdentifier" => service_identifier: Text<'de>,
        "channelCustomerIdentifier" => channel_customer_identifier: Text<'de>,
        "customerFirstName" => customer_first_name: Text<'de>,
    }

    /// An object with an id.
    IdFields {
        "id" => id: Text<'de>,
    }

    /// An agent who joins or leaves.
    AgentFields {
        "id" => id: Text<'de>,
        "conversationId" => conversation_id: Text<'de>,
        "role" => role: Text<'de>,
        "senderName" => sender_name: Text<'de>,
        "participant" => participant: Object<ParticipantFields<'de>>,
    }

    /// A participant whose role changed.
    RoleFields {
        "id" => id: Text<'de>,
        "conversationId" => conversation_id: Text<'de>,
        "type" => participant_type: Text<'de>,
        "role" => role: Text<'de>,
        "participant" => participant: Object<IdFields<'de>>,
    }

    /// A task in a queue.
    TaskFields {
        "id" => id: Text<'de>,
        "conversationId" => conversation_id: Text<'de>,
        "state" => state: State<'de>,
        "assignedTo" => assigned_to: Object<IdFields<'de>>,
        "activeMedia" => active_media: First<Object<MediaFields<'de>>>,
        "queue" => queue: Object<NameFields<'de>>,
        "type" => task_type: Object<MediaTypeFields<'de>>,
        "agentRequestTtlTimerId" => timer_id: Text<'de>,
    }

    /// A task's medium.
    MediaFields {
        "queue" => queue: Object<NameFields<'de>>,
        "type" => media_type: Object<MediaTypeFields<'de>>,
        "state" => state: State<'de>,
        "requestSession" => request_session: Object<IdFields<'de>>,
    }

    /// The origin of a medium's contact.
    MediaTypeFields {
        "direction" => direction: Text<'de>,
        "mode" => mode: Text<'de>,
    }

    /// One suggestion of a bot.
    SuggestionFields {
        "messageBody" => message_body: Raw<'de, AnObject>,
        "confidenceLevel" => confidence_level: Raw<'de, ANumber>,
    }

    /// An event of which only the data's text is read.
    RawData {
        "data" => data: Raw<'de, AnObject>,
    }
}

/// An event's data: an object, or a text.
#[derive(Default)]
pub(super) struct Data<'a> {
    object: Boxed<DataFields<'a>>,
    text: Text<'a>,
}

impl<'a> Data<'a> {
    /// The object's fields.
    pub(super) fn get(&self) -> Option<&DataFields<'a>> {
        self.object.get()
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> &Text<'a> {
        &self.text
    }
}

impl<'a> Value<'a> for Data<'a> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        *self = Self::default();
        match json.peek()? {
            b'"' => self.text.read(json),
            _ => self.object.read(json),
        }
    }
}

/// A whole document with events of type `E`: its own fields, in case it is an event, and the events it may wrap. Those are
/// boxed because they are rare, so that a document is not four events large.
#[derive(Default)]
pub(super) struct Document<E> {
    pub(super) bare: E,
    pub(super) socket: Boxed<E>,
    pub(super) payload: Object<Payload<E>>,
    pub(super) entities: Object<Entities<E>>,
}

/// An object with `entities`.
pub(super) struct Payload<E>(Object<Entities<E>>);

/// An object with a `cimEvent`.
pub(super) struct Entities<E>(Boxed<E>);

impl<E> Default for Payload<E> {
    fn default() -> Self {
        Payload(Object(None))
    }
}

impl<E> Default for Entities<E> {
    fn default() -> Self {
        Entities(Boxed::default())
    }
}

/// The form of an event in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The document is the event.
    Bare,
    /// The socket form.
    Socket,
    /// The studio form, with or without `payload`.
    Studio(&'static str),
}

impl Form {
    /// The prefix that makes a path within the event a path within the document.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Form::Bare => "",
            Form::Socket => "cimEvent.",
            Form::Studio(prefix) => prefix,
        }
    }
}

impl<E> Document<E> {
    /// The event and its form. The document's own fields count as the event only if nothing is wrapped; the caller checks
    /// whether they are one.
    pub(super) fn event(&self) -> (Form, &E) {
        if let Some(event) = self.socket.get() {
            return (Form::Socket, event);
        }
        if let Some(event) = self.payload.get().and_then(|p| p.0.get()?.0.get()) {
            return (Form::Studio("payload.entities.cimEvent."), event);
        }
        if let Some(event) = self.entities.get().and_then(|e| e.0.get()) {
            return (Form::Studio("entities.cimEvent."), event);
        }
        (Form::Bare, &self.bare)
    }
}

impl<'a, E: Fields<'a>> Fields<'a> for Document<E> {
    fn read_field(&mut self, name: &[u8], json: &mut Reader<'a>) -> Result<bool, Refused> {
        match name {
            b"cimEvent" => self.socket.read(json)?,
            b"payload" => self.payload.read(json)?,
            b"entities" => self.entities.read(json)?,
            _ => return self.bare.read_field(name, json),
        }
        Ok(true)
    }
}

impl<'a, E: Fields<'a>> Fields<'a> for Payload<E> {
    fn read_field(&mut self, name: &[u8], json: &mut Reader<'a>) -> Result<bool, Refused> {
        let is_wanted = name == b"entities";
        if is_wanted {
            self.0.read(json)?;
        }
        Ok(is_wanted)
    }
}

impl<'a, E: Fields<'a>> Fields<'a> for Entities<E> {
    fn read_field(&mut self, name: &[u8], json: &mut Reader<'a>) -> Result<bool, Refused> {
        let is_wanted = name == b"cimEvent";
        if is_wanted {
            self.0.read(json)?;
        }
        Ok(is_wanted)
    }
}
