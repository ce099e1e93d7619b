// SPDX-License-Identifier: Apache-2.0

//! The actor, and the identifiers of section 1 that occur in several places.

use super::lenient::{Object, Text};
use super::raw::{ChannelDataFields, ChannelFields, CustomerFields, DataFields, EventFields, HeaderFields};
use super::raw::{ParticipantFields, RoomFields, SenderFields, SessionFields};
use crate::{Actor, Channel, RoomMode, Targets};
use std::borrow::Cow;

type Shared<'a> = Option<Cow<'a, str>>;

/// Longer names are cut (contract section 1).
const NAME_BYTES_MAX: usize = 1024;

/// The path of a field of the object that is the channel session.
macro_rules! within_session {
    ($event:expr, $data:expr, $field:literal) => {
        if $event.channel_session.get().is_some() {
            concat!("channelSession.", $field)
        } else if $data.header.get().is_some_and(|header| header.channel_session.get().is_some()) {
            concat!("data.header.channelSession.", $field)
        } else {
            concat!("data.", $field)
        }
    };
}

/// The identifiers of section 1 of an event.
pub(super) struct Identities<'a> {
    pub(super) conversation_id: Shared<'a>,
    pub(super) channel_session_id: Shared<'a>,
    pub(super) customer_id: Shared<'a>,
    pub(super) channel: Option<Channel<'a>>,
    pub(super) direction: Shared<'a>,
    pub(super) actor: Option<Actor<'a>>,
    pub(super) room_id: Shared<'a>,
    pub(super) mode: Option<RoomMode>,
    pub(super) sent_at: Option<i64>,
    pub(super) targets: Targets,
}

/// Finds them. `outer` is the socket form's own conversation id, `topic` the one in the topic's name.
pub(super) fn find<'a>(
    event: &EventFields<'a>,
    data: &DataFields<'a>,
    outer: Text<'a>,
    topic: Option<&'a str>,
) -> Identities<'a> {
    let header = data.header.get();
    let session = Session::of(event, data);
    let session = session.as_ref();
    // In the order of `customer_places`.
    let customer_id = session
        .and_then(|s| s.customer.get()?.underscore_id.get())
        .or_else(|| header?.customer.get()?.id.get())
        .or_else(|| header?.customer.get()?.underscore_id.get())
        .or_else(|| data.customer.get()?.underscore_id.get())
        .or_else(|| data.customer.get()?.id.get());
    let rooms = rooms(event, session, header);
    Identities {
        conversation_id: conversation_id(event, data, outer)
            .or_else(|| topic.filter(|topic| !topic.is_empty()).map(Cow::Borrowed)),
        // In the order of `session_places`.
        channel_session_id: session
            .and_then(|s| s.id.get())
            .or_else(|| header?.channel_session_id.get())
            .or_else(|| data.body.fields()?.call_id.get()),
        channel: channel(session, header.and_then(|h| h.channel_data.get())),
        direction: data.conversation_direction.get().or_else(|| session?.direction.get()),
        actor: actor(event, header, session, customer_id.as_ref()),
        customer_id,
        // In the order of `room_places`.
        room_id: (rooms.iter().flatten().find_map(|room| room.id.get())).or_else(|| header?.room_id.get()),
        mode: rooms
            .iter()
            .flatten()
            .find_map(|room| room.mode.get())
            .and_then(|mode| RoomMode::from_name(&mode)),
        sent_at: header.and_then(|header| header.timestamp.0),
        targets: targets(event, session, data),
    }
}

/// The rooms that an event names, by priority.
fn rooms<'s, 'a>(
    event: &'s EventFields<'a>,
    session: Option<&Session<'s, 'a>>,
    header: Option<&'s HeaderFields<'a>>,
) -> [Option<&'s RoomFields<'a>>; 3] {
    [
        event.room.get(),
        session.and_then(|session| session.room.get()),
        header.and_then(|header| header.room.get()),
    ]
}

/// The paths of a room's id, by priority.
pub(super) fn room_places<'a>(
    event: &EventFields<'a>,
    data: &DataFields<'a>,
) -> [(&'static str, Option<Text<'a>>); 4] {
    let header = data.header.get();
    let session = Session::of(event, data);
    let [own, of_session, of_header] =
        rooms(event, session.as_ref(), header).map(|room| room.map(|room| room.id));
    [
        ("roomInfo.id", own),
        (within_session!(event, data, "roomInfo.id"), of_session),
        ("data.header.roomInfo.id", of_header),
        ("data.header.roomId", header.map(|header| header.room_id)),
    ]
}

/// The service levels that the event names.
fn targets(event: &EventFields<'_>, session: Option<&Session<'_, '_>>, data: &DataFields<'_>) -> Targets {
    let config = session.and_then(|session| session.channel.get()?.config.get());
    // An event about a service level has its duration itself.
    let of_named =
        |names: &[&str]| data.total_duration.0.filter(|_| names.iter().any(|name| event.name.is(name)));
    Targets {
        customer_activity: of_named(&CUSTOMERS_LEVELS)
            .or_else(|| config.and_then(|config| config.customer_activity_timeout.0)),
        response: config.and_then(|config| config.response_sla.0),
        agent: data.agent_sla.get().and_then(|sla| sla.total_duration.0).or_else(|| of_named(&AGENTS_LEVELS)),
    }
}

/// The events about agents' service levels, and about customers'.
const AGENTS_LEVELS: [&str; 4] = ["AGENT_SLA_STARTED", "AGENT_SLA_STOPPED", "AGENT_SLA", "RESET_AGENT_SLA"];
const CUSTOMERS_LEVELS: [&str; 3] = ["CUSTOMER_SLA_STARTED", "CUSTOMER_SLA_STOPPED", "CUSTOMER_SLA"];

fn conversation_id<'a>(event: &EventFields<'a>, data: &DataFields<'a>, outer: Text<'a>) -> Shared<'a> {
    let header = data.header.get();
    let of_session =
        |session: &SessionFields<'a>| session.conversation_id.get().or_else(|| session.topic_id.get());
    // In the order of `conversation_places`.
    (event.conversation_id.get())
        .or_else(|| event.topic_id.get())
        .or_else(|| outer.get())
        .or_else(|| data.conversation_id.get())
        .or_else(|| data.topic_id.get())
        .or_else(|| header?.conversation_id.get())
        .or_else(|| event.channel_session.get().and_then(of_session))
        .or_else(|| header?.channel_session.get().and_then(of_session))
        .or_else(|| data.agent_participant.get()?.conversation_id.get())
        .or_else(|| data.conversation_participant.get()?.conversation_id.get())
        .or_else(|| data.task.get()?.conversation_id.get())
}

/// The socket form's own conversation id, beside the event.
pub(super) const OUTER: &str = "conversationId beside cimEvent";

/// The paths of a conversation's id, by priority; for messages to people.
pub(super) fn conversation_places<'a>(
    event: &EventFields<'a>,
    data: &DataFields<'a>,
    outer: Text<'a>,
) -> [(&'static str, Option<Text<'a>>); 13] {
    let header = data.header.get();
    let session = event.channel_session.get();
    let of_header = header.and_then(|header| header.channel_session.get());
    [
        ("conversationId", Some(event.conversation_id)),
        ("topicId", Some(event.topic_id)),
        (OUTER, Some(outer)),
        ("data.conversationId", Some(data.conversation_id)),
        ("data.topicId", Some(data.topic_id)),
        ("data.header.conversationId", header.map(|header| header.conversation_id)),
        ("channelSession.conversationId", session.map(|session| session.conversation_id)),
        ("channelSession.topicId", session.map(|session| session.topic_id)),
        ("data.header.channelSession.conversationId", of_header.map(|session| session.conversation_id)),
        ("data.header.channelSession.topicId", of_header.map(|session| session.topic_id)),
        ("data.agentParticipant.conversationId", data.agent_participant.get().map(|p| p.conversation_id)),
        (
            "data.conversationParticipant.conversationId",
            data.conversation_participant.get().map(|p| p.conversation_id),
        ),
        ("data.task.conversationId", data.task.get().map(|task| task.conversation_id)),
    ]
}

/// The paths of a channel session's id.
pub(super) fn session_places<'a>(
    event: &EventFields<'a>,
    data: &DataFields<'a>,
) -> [(&'static str, Option<Text<'a>>); 3] {
    let session = Session::of(event, data);
    [
        (within_session!(event, data, "id"), session.map(|session| *session.id)),
        ("data.header.channelSessionId", data.header.get().map(|header| header.channel_session_id)),
        ("data.body.callId", data.body.fields().map(|body| body.call_id)),
    ]
}

/// The paths of a customer's id.
pub(super) fn customer_places<'a>(
    event: &EventFields<'a>,
    data: &DataFields<'a>,
) -> [(&'static str, Option<Text<'a>>); 5] {
    let of_session =
        Session::of(event, data).and_then(|session| session.customer.get().map(|c| c.underscore_id));
    let of_header = data.header.get().and_then(|header| header.customer.get());
    [
        (within_session!(event, data, "customer._id"), of_session),
        ("data.header.customer.id", of_header.map(|customer| customer.id)),
        ("data.header.customer._id", of_header.map(|customer| customer.underscore_id)),
        ("data.customer._id", data.customer.get().map(|customer| customer.underscore_id)),
        ("data.customer.id", data.customer.get().map(|customer| customer.id)),
    ]
}

/// The object of the row `channelSession`: always a single object, never merged.
struct Session<'s, 'a> {
    id: &'s Text<'a>,
    customer: &'s Object<CustomerFields<'a>>,
    channel: &'s Object<ChannelFields<'a>>,
    channel_data: &'s Object<ChannelDataFields<'a>>,
    direction: &'s Text<'a>,
    room: &'s Object<RoomFields<'a>>,
}

impl<'s, 'a> Session<'s, 'a> {
    fn of(event: &'s EventFields<'a>, data: &'s DataFields<'a>) -> Option<Self> {
        let carried = event.channel_session.get().or_else(|| data.header.get()?.channel_session.get());
        if let Some(SessionFields { id, customer, channel, channel_data, direction, room, .. }) = carried {
            return Some(Session { id, customer, channel, channel_data, direction, room });
        }
        let DataFields { id, customer, channel, channel_data, session_direction: direction, room, .. } = data;
        let is_session = data.participant_type.is("ChannelSession");
        is_session.then_some(Session { id, customer, channel, channel_data, direction, room })
    }
}

/// Each of the two fields has its own fallback.
fn channel<'a>(
    session: Option<&Session<'_, 'a>>,
    header: Option<&ChannelDataFields<'a>>,
) -> Option<Channel<'a>> {
    let channel_type = session
        .and_then(|s| s.channel.get()?.channel_type.get()?.name.get())
        .or_else(|| header?.channel_type_code.get());
    let service_identifier = session
        .and_then(|s| s.channel_data.get()?.service_identifier.get())
        .or_else(|| header?.service_identifier.get());
    let known = channel_type.is_some() || service_identifier.is_some();
    known.then_some(Channel { channel_type, service_identifier })
}

fn actor<'a>(
    event: &EventFields<'a>,
    header: Option<&HeaderFields<'a>>,
    session: Option<&Session<'_, 'a>>,
    customer_id: Option<&Cow<'a, str>>,
) -> Option<Actor<'a>> {
    // A header is authoritative: without a sender in it, the emitter is not used.
    let sender = match header {
        Some(header) => header.sender.get(),
        None => event.event_emitter.get(),
    }?;
    let participant = sender.participant.get();
    let actor_type = actor_type(event, header, sender);
    let is_customer = actor_type.as_deref() == Some("CUSTOMER");
    let id = if is_customer {
        customer_id
            .cloned()
            .or_else(|| header?.channel_data.get()?.channel_customer_identifier.get())
            .or_else(|| sender.id.get())
    } else {
        participant.and_then(|p| p.id.get()).or_else(|| sender.id.get())
    };
    let name = if is_customer {
        customers_name(event, header, session, sender)
    } else {
        name(&sender.sender_name, participant)
    };
    Some(Actor { actor_type, id, name })
}

/// A customer's own name, never the connector's.
fn customers_name<'a>(
    event: &EventFields<'a>,
    header: Option<&HeaderFields<'a>>,
    session: Option<&Session<'_, 'a>>,
    sender: &SenderFields<'a>,
) -> Option<Cow<'a, str>> {
    let emitter = event.event_emitter.get().filter(|emitter| is_type(emitter, "CUSTOMER"));
    (header.and_then(|header| header.customer.get()?.first_name.get()))
        .or_else(|| session?.customer.get()?.first_name.get())
        .or_else(|| emitter?.sender_name.get())
        .or_else(|| header?.channel_data.get()?.customer_first_name.get())
        .map(cut_name)
        .or_else(|| {
            let is_connector = is_type(sender, "CONNECTOR");
            if is_connector { None } else { name(&sender.sender_name, sender.participant.get()) }
        })
}

/// Whether a sender has this type, in upper case.
pub(super) fn is_type(sender: &SenderFields<'_>, wanted: &str) -> bool {
    sender.sender_type.get().is_some_and(|own| own.eq_ignore_ascii_case(wanted))
}

/// The name of a sender or a joining agent: the sender's own, else the participant's; cut to whole characters within 1,024
/// bytes.
pub(super) fn name<'a>(
    sender_name: &Text<'a>,
    participant: Option<&ParticipantFields<'a>>,
) -> Option<Cow<'a, str>> {
    (sender_name.get())
        .or_else(|| participant?.display_name.get())
        .or_else(|| participant?.keycloak_user.get()?.username.get())
        .or_else(|| participant?.name.get())
        .map(cut_name)
}

pub(super) fn cut_name(name: Cow<'_, str>) -> Cow<'_, str> {
    if name.len() > NAME_BYTES_MAX { cut(name) } else { name }
}

#[cold]
fn cut(name: Cow<'_, str>) -> Cow<'_, str> {
    let end = name.floor_char_boundary(NAME_BYTES_MAX);
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.get(..end).unwrap_or_default()),
        Cow::Owned(mut name) => {
            name.truncate(end);
            Cow::Owned(name)
        }
    }
}

/// The type of ExpertFlow's controller, which is no bot in any case.
const CONTROLLER: &str = "CONVERSATION_MONITOR";

fn actor_type<'a>(
    event: &EventFields<'a>,
    header: Option<&HeaderFields<'a>>,
    sender: &SenderFields<'a>,
) -> Shared<'a> {
    let customer = Some(Cow::Borrowed("CUSTOMER"));
    if sender.sender_name.is(CONTROLLER) {
        return Some(Cow::Borrowed("SYSTEM"));
    }
    if sender.participant.get().is_some_and(|p| p.participant_type.is("ChannelSession")) {
        return customer;
    }
    let mut actor_type = sender.sender_type.get()?;
    if actor_type.bytes().any(|b| b.is_ascii_lowercase()) {
        actor_type.to_mut().make_ascii_uppercase();
    }
    if actor_type != "CONNECTOR" {
        return Some(actor_type);
    }
    // A connector acts for its customer.
    let customers_words = ["CUSTOMER_MESSAGE", "MODIFY_ACTIVITY", "REACTION"];
    let is_customer = customers_words.iter().any(|name| event.name.is(name))
        || event.event_emitter.get().is_some_and(|emitter| is_type(emitter, "CUSTOMER"))
        || (event.name.is("THIRD_PARTY_ACTIVITY")
            && header.is_some_and(|header| header.original_message_id.is_present()));
    if is_customer { customer } else { Some(actor_type) }
}
