//! Whose and through what: the rows of section 1 that are found in several places, and the actor.

use super::lenient::{Object, Text};
use super::raw::{ChannelDataFields, ChannelFields, CustomerFields, DataFields, EventFields, HeaderFields};
use super::raw::{ParticipantFields, SenderFields, SessionFields};
use crate::{Actor, Channel, Targets};
use std::borrow::Cow;

type Shared<'a> = Option<Cow<'a, str>>;

/// What the rows of section 1 give for one event.
pub(super) struct Found<'a> {
    pub(super) conversation_id: Shared<'a>,
    pub(super) channel_session_id: Shared<'a>,
    pub(super) customer_id: Shared<'a>,
    pub(super) channel: Option<Channel<'a>>,
    pub(super) direction: Shared<'a>,
    pub(super) actor: Option<Actor<'a>>,
    pub(super) targets: Targets,
}

/// Finds them. `outer` is the socket form's own conversation id, `topic` the one in the topic's name.
pub(super) fn find<'a>(
    event: &EventFields<'a>,
    data: &DataFields<'a>,
    outer: Text<'a>,
    topic: Option<&'a str>,
) -> Found<'a> {
    let header = data.header.get();
    let session = Session::of(event, data);
    let session = session.as_ref();
    let customer_id = session
        .and_then(|s| s.customer.get()?.underscore_id.get())
        .or_else(|| header?.customer.get()?.id.get())
        .or_else(|| header?.customer.get()?.underscore_id.get())
        .or_else(|| data.customer.get()?.underscore_id.get());
    Found {
        conversation_id: conversation_id(event, data, outer)
            .or_else(|| topic.filter(|topic| !topic.is_empty()).map(Cow::Borrowed)),
        channel_session_id: session
            .and_then(|s| s.id.get())
            .or_else(|| header?.channel_session_id.get())
            .or_else(|| data.body.fields()?.call_id.get()),
        channel: channel(session, header.and_then(|h| h.channel_data.get())),
        direction: data.conversation_direction.get().or_else(|| session?.direction.get()),
        actor: actor(event, header, customer_id.as_ref()),
        customer_id,
        targets: targets(session, data),
    }
}

/// Who may take how long, as far as the event says so.
fn targets(session: Option<&Session<'_, '_>>, data: &DataFields<'_>) -> Targets {
    let config = session.and_then(|session| session.channel.get()?.config.get());
    Targets {
        customer_activity: config.and_then(|config| config.customer_activity_timeout.0),
        response: config.and_then(|config| config.response_sla.0),
        agent: data.agent_sla.get().and_then(|sla| sla.total_duration.0),
    }
}

fn conversation_id<'a>(event: &EventFields<'a>, data: &DataFields<'a>, outer: Text<'a>) -> Shared<'a> {
    let header = data.header.get();
    let of_session =
        |session: &SessionFields<'a>| session.conversation_id.get().or_else(|| session.topic_id.get());
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

/// The object of the row `channelSession`: always one object, never merged of several.
struct Session<'s, 'a> {
    id: &'s Text<'a>,
    customer: &'s Object<CustomerFields<'a>>,
    channel: &'s Object<ChannelFields<'a>>,
    channel_data: &'s Object<ChannelDataFields<'a>>,
    direction: &'s Text<'a>,
}

impl<'s, 'a> Session<'s, 'a> {
    fn of(event: &'s EventFields<'a>, data: &'s DataFields<'a>) -> Option<Self> {
        let carried = event.channel_session.get().or_else(|| data.header.get()?.channel_session.get());
        if let Some(SessionFields { id, customer, channel, channel_data, direction, .. }) = carried {
            return Some(Session { id, customer, channel, channel_data, direction });
        }
        let DataFields { id, customer, channel, channel_data, session_direction: direction, .. } = data;
        let is_session = data.participant_type.is("ChannelSession");
        is_session.then_some(Session { id, customer, channel, channel_data, direction })
    }
}

/// Each of the two fields falls back alone.
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
    customer_id: Option<&Cow<'a, str>>,
) -> Option<Actor<'a>> {
    // A header speaks for itself: when it names no sender, the emitter is not asked.
    let sender = match header {
        Some(header) => header.sender.get(),
        None => event.event_emitter.get(),
    }?;
    let participant = sender.participant.get();
    let actor_type = actor_type(event, sender);
    let id = if actor_type.as_deref() == Some("CUSTOMER") {
        customer_id
            .cloned()
            .or_else(|| header?.channel_data.get()?.channel_customer_identifier.get())
            .or_else(|| sender.id.get())
    } else {
        participant.and_then(|p| p.id.get()).or_else(|| sender.id.get())
    };
    Some(Actor { actor_type, id, name: name(&sender.sender_name, participant) })
}

/// The name of a sender, or of an agent who joins: the sender's own, else the participant's.
pub(super) fn name<'a>(
    sender_name: &Text<'a>,
    participant: Option<&ParticipantFields<'a>>,
) -> Option<Cow<'a, str>> {
    (sender_name.get())
        .or_else(|| participant?.display_name.get())
        .or_else(|| participant?.keycloak_user.get()?.username.get())
        .or_else(|| participant?.name.get())
}

fn actor_type<'a>(event: &EventFields<'a>, sender: &SenderFields<'a>) -> Shared<'a> {
    let customer = Some(Cow::Borrowed("CUSTOMER"));
    if sender.participant.get().is_some_and(|p| p.participant_type.is("ChannelSession")) {
        return customer;
    }
    let mut actor_type = sender.sender_type.get()?;
    if actor_type.bytes().any(|b| b.is_ascii_lowercase()) {
        actor_type.to_mut().make_ascii_uppercase();
    }
    // A connector speaks for its customer.
    let customers_words = ["CUSTOMER_MESSAGE", "MODIFY_ACTIVITY", "REACTION"];
    let is_customer = actor_type == "CONNECTOR" && customers_words.iter().any(|name| event.name.is(name));
    if is_customer { customer } else { Some(actor_type) }
}
