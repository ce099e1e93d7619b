// SPDX-License-Identifier: Apache-2.0

//! The fields that `model::decode` reads, as structs with derived `Deserialize`: one set of types for all libraries. They differ
//! in what they can keep of a body.
#![allow(dead_code, reason = "what is read is compared in part, and the rest is only read")]

use serde::Deserialize;
use serde_json::value::RawValue;
use sonic_rs::{JsonValueTrait as _, LazyValue};

use crate::lenient::{Array, Number, Object, Text, TextOr};

/// Declares structs by their fields' JSON names.
macro_rules! wanted {
    ($($name:ident $(<$body:ident>)? { $($word:literal => $field:ident: $type:ty,)* $(; $own:ident: $owned:ty,)? })*) => { $(
        #[derive(Debug, Default, Clone, PartialEq, Deserialize)]
        #[serde(default)]
        pub(crate) struct $name<'a $(, $body: Default)?> {
            $(#[serde(borrow, rename = $word)] pub(crate) $field: $type,)*
            $(pub(crate) $own: $owned,)?
        }
    )* };
}

wanted! {
    EventFields<B> {
        "id" => id: Text<'a>,
        "name" => name: Text<'a>,
        "timestamp" => timestamp: Number<'a>,
        "timeStamp" => time_stamp: Number<'a>,
        "conversationId" => conversation_id: Text<'a>,
        "topicId" => topic_id: Text<'a>,
        "channelSession" => channel_session: Object<Box<SessionFields<'a>>>,
        "eventEmitter" => event_emitter: Object<SenderFields<'a>>,
        "roomInfo" => room: Object<RoomFields<'a>>,
        "data" => data: TextOr<'a, Box<DataFields<'a, B>>>,
    }
    RoomFields {
        "id" => id: Text<'a>,
        "mode" => mode: Text<'a>,
    }
    SessionFields {
        "id" => id: Text<'a>,
        "conversationId" => conversation_id: Text<'a>,
        "topicId" => topic_id: Text<'a>,
        "customer" => customer: Object<CustomerFields<'a>>,
        "channel" => channel: Object<ChannelFields<'a>>,
        "channelData" => channel_data: Object<ChannelDataFields<'a>>,
        "channelSessionDirection" => direction: Text<'a>,
        "roomInfo" => room: Object<RoomFields<'a>>,
    }
    DataFields<B> {
        "id" => id: Text<'a>,
        "participantType" => participant_type: Text<'a>,
        "conversationId" => conversation_id: Text<'a>,
        "topicId" => topic_id: Text<'a>,
        "customer" => customer: Object<CustomerFields<'a>>,
        "channel" => channel: Object<ChannelFields<'a>>,
        "channelData" => channel_data: Object<ChannelDataFields<'a>>,
        "channelSessionDirection" => session_direction: Text<'a>,
        "conversationDirection" => conversation_direction: Text<'a>,
        "header" => header: Object<Box<HeaderFields<'a>>>,
        "suggestions" => suggestions: Array<Object<SuggestionFields<'a>>, 20>,
        "requestedMessage" => requested_message: Object<IdFields<'a>>,
        "agentParticipant" => agent_participant: Object<Box<AgentFields<'a>>>,
        "conversationParticipant" => conversation_participant: Object<Box<AgentFields<'a>>>,
        "task" => task: Object<Box<TaskFields<'a>>>,
        "ccUser" => user: Object<IdFields<'a>>,
        "queue" => queue: Object<NameFields<'a>>,
        "requestType" => request_type: Object<MediaTypeFields<'a>>,
        "state" => state: TextOr<'a, StateFields<'a>>,
        "topicState" => topic_state: TextOr<'a, NameFields<'a>>,
        "reason" => reason: Text<'a>,
        "agentSla" => agent_sla: Object<SlaFields<'a>>,
        "totalDuration" => total_duration: Number<'a>,
        "roomInfo" => room: Object<RoomFields<'a>>,
        "name" => name: Text<'a>,
        "assignedTo" => assigned_to: Object<IdFields<'a>>,
        "activeMedia" => active_media: Array<Object<MediaFields<'a>>, 1>,
        "type" => task_type: Object<MediaTypeFields<'a>>,
        "agentRequestTtlTimerId" => timer_id: Text<'a>,
        ; body: B,
    }
    HeaderFields {
        "conversationId" => conversation_id: Text<'a>,
        "channelSessionId" => channel_session_id: Text<'a>,
        "channelSession" => channel_session: Object<Box<SessionFields<'a>>>,
        "customer" => customer: Object<CustomerFields<'a>>,
        "channelData" => channel_data: Object<ChannelDataFields<'a>>,
        "sender" => sender: Object<SenderFields<'a>>,
        "intent" => intent: Text<'a>,
        "originalMessageId" => original_message_id: Text<'a>,
        "replyToMessageId" => reply_to_message_id: Text<'a>,
        "timestamp" => timestamp: Number<'a>,
        "roomInfo" => room: Object<RoomFields<'a>>,
        "roomId" => room_id: Text<'a>,
        "providerMessageId" => provider_message_id: Text<'a>,
    }
    BodyFields {
        "type" => body_type: Text<'a>,
        "callId" => call_id: Text<'a>,
        "legId" => leg_id: Text<'a>,
        "leg" => leg: Text<'a>,
        "startTime" => start_time: Number<'a>,
        "endTime" => end_time: Number<'a>,
        "reasonCode" => reason_code: Text<'a>,
        "action" => action: Text<'a>,
        "kind" => kind: Text<'a>,
        "value" => value: Text<'a>,
        "messageId" => message_id: Text<'a>,
        "status" => status: Text<'a>,
        "itemType" => item_type: Text<'a>,
        "notificationType" => notification_type: Text<'a>,
    }
    SenderFields {
        "id" => id: Text<'a>,
        "type" => sender_type: Text<'a>,
        "role" => role: Text<'a>,
        "senderName" => sender_name: Text<'a>,
        "participant" => participant: Object<ParticipantFields<'a>>,
    }
    ParticipantFields {
        "id" => id: Text<'a>,
        "participantType" => participant_type: Text<'a>,
        "displayName" => display_name: Text<'a>,
        "name" => name: Text<'a>,
        "keycloakUser" => keycloak_user: Object<UserFields<'a>>,
    }
    UserFields {
        "username" => username: Text<'a>,
    }
    CustomerFields {
        "id" => id: Text<'a>,
        "_id" => underscore_id: Text<'a>,
        "firstName" => first_name: Text<'a>,
    }
    ChannelFields {
        "channelType" => channel_type: Object<NameFields<'a>>,
        "channelConfig" => config: Object<ConfigFields<'a>>,
    }
    ConfigFields {
        "customerActivityTimeout" => customer_activity_timeout: Number<'a>,
        "responseSla" => response_sla: Number<'a>,
    }
    SlaFields {
        "totalDuration" => total_duration: Number<'a>,
    }
    ChannelDataFields {
        "channelTypeCode" => channel_type_code: Text<'a>,
        "serviceIdentifier" => service_identifier: Text<'a>,
        "channelCustomerIdentifier" => channel_customer_identifier: Text<'a>,
        "customerFirstName" => customer_first_name: Text<'a>,
    }
    IdFields {
        "id" => id: Text<'a>,
    }
    NameFields {
        "name" => name: Text<'a>,
    }
    StateFields {
        "name" => name: Text<'a>,
        "reasonCode" => reason_code: Text<'a>,
    }
    AgentFields {
        "id" => id: Text<'a>,
        "conversationId" => conversation_id: Text<'a>,
        "type" => participant_type: Text<'a>,
        "role" => role: Text<'a>,
        "senderName" => sender_name: Text<'a>,
        "participant" => participant: Object<ParticipantFields<'a>>,
    }
    TaskFields {
        "id" => id: Text<'a>,
        "conversationId" => conversation_id: Text<'a>,
        "state" => state: TextOr<'a, StateFields<'a>>,
        "assignedTo" => assigned_to: Object<IdFields<'a>>,
        "activeMedia" => active_media: Array<Object<MediaFields<'a>>, 1>,
        "queue" => queue: Object<NameFields<'a>>,
        "type" => task_type: Object<MediaTypeFields<'a>>,
        "agentRequestTtlTimerId" => timer_id: Text<'a>,
    }
    MediaFields {
        "queue" => queue: Object<NameFields<'a>>,
        "type" => media_type: Object<MediaTypeFields<'a>>,
        "state" => state: TextOr<'a, StateFields<'a>>,
        "requestSession" => request_session: Object<IdFields<'a>>,
    }
    MediaTypeFields {
        "direction" => direction: Text<'a>,
        "mode" => mode: Text<'a>,
    }
    SuggestionFields {
        "messageBody" => message_body: Object<IdFields<'a>>,
    }
}

/// The text of a body, for `serde_json`; its fields are read from it where the event's name asks for them.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct JsonBody<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl JsonBody<'_> {
    pub(crate) fn text(&self) -> Option<String> {
        self.0.map(|raw| raw.get().to_owned())
    }
}

/// The text of a body, for sonic-rs.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct SonicBody<'a>(#[serde(borrow)] Option<LazyValue<'a>>);

impl SonicBody<'_> {
    pub(crate) fn text(&self) -> Option<String> {
        self.0.as_ref().filter(|raw| !raw.is_null()).map(|raw| raw.as_raw_str().to_owned())
    }
}

/// The fields of a body, without its text, for simd-json.
pub(crate) type NoText<'a> = Object<BodyFields<'a>>;

/// An event, and the fields of its body.
pub(crate) struct Typed<'a, B: Default> {
    event: EventFields<'a, B>,
    body: Option<BodyFields<'a>>,
}

/// What is compared.
#[derive(Debug, PartialEq)]
pub(crate) struct Summary<'e> {
    pub(crate) id: Option<&'e str>,
    pub(crate) name: Option<&'e str>,
    pub(crate) at: Option<i64>,
    pub(crate) session: &'e Object<Box<SessionFields<'e>>>,
    pub(crate) header: Option<&'e HeaderFields<'e>>,
    pub(crate) body: Option<String>,
}

impl<B: Default> Typed<'_, B> {
    pub(crate) fn summary<'e>(&'e self, text: impl Fn(&B) -> Option<String>) -> Summary<'e> {
        let data = self.event.data.object.as_deref();
        Summary {
            id: self.event.id.0.as_deref(),
            name: self.event.name.0.as_deref(),
            at: self.event.timestamp.0.or(self.event.time_stamp.0),
            session: &self.event.channel_session,
            header: data.and_then(|data| data.header.0.as_deref()),
            body: data.and_then(|data| text(&data.body)),
        }
    }
}

/// Whether the fields of the body are needed: in messages they are not.
fn needs_body<B: Default>(event: &EventFields<'_, B>) -> bool {
    event.name.0.as_ref().is_some_and(|name| !name.ends_with("_MESSAGE"))
}

pub(crate) fn from_serde_json(value: &str) -> Typed<'_, JsonBody<'_>> {
    let event: EventFields<'_, JsonBody<'_>> = serde_json::from_slice(value.as_bytes()).unwrap();
    let raw = event.data.object.as_ref().and_then(|data| data.body.0).filter(|_| needs_body(&event));
    let body = raw.and_then(|raw| serde_json::from_str::<Object<_>>(raw.get()).unwrap().0);
    Typed { event, body }
}

pub(crate) fn from_sonic(value: &str) -> Typed<'_, SonicBody<'_>> {
    let event: EventFields<'_, SonicBody<'_>> = sonic_rs::from_slice(value.as_bytes()).unwrap();
    let body =
        event.data.object.as_ref().and_then(|data| data.body.0.as_ref()).filter(|_| needs_body(&event));
    // The text borrows from the value, not from the event.
    let raw = body.map(|body| value.get(offset(value, body.as_raw_str())..).unwrap()).zip(body);
    let body = raw.and_then(|(rest, body)| {
        let text = rest.get(..body.as_raw_str().len()).unwrap();
        sonic_rs::from_str::<Object<_>>(text).unwrap().0
    });
    Typed { event, body }
}

/// Where a part of a text begins.
fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

pub(crate) fn from_simd_json<'a>(
    value: &'a mut [u8],
    buffers: &mut simd_json::Buffers,
) -> Typed<'a, NoText<'a>> {
    let event: EventFields<'a, NoText<'a>> =
        simd_json::serde::from_slice_with_buffers(value, buffers).unwrap();
    Typed { event, body: None }
}

/// An event split into its fields, objects as text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Split<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    #[serde(borrow)]
    pub(crate) timestamp: &'a RawValue,
    pub(crate) conversation_id: Option<&'a str>,
    pub(crate) topic_id: Option<&'a str>,
    #[serde(borrow)]
    pub(crate) channel_session: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) event_emitter: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) room_info: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) data: Option<&'a RawValue>,
}
