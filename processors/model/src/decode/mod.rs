// SPDX-License-Identifier: Apache-2.0

//! Decodes a record's value to an event, or to the reason why it is invalid (contract, sections 1, 2 and 7).

mod actor;
mod agents;
mod classify;
mod envelope;
mod facts;
mod identifiers;
mod lenient;
mod raw;
mod verbatim;

use std::fmt::Display;

use crate::{Action, Event, Invalid, Json, Kind, Origin, Reason};
use actor::Identities;
use classify::Subject;
use identifiers::EventParts;
use lenient::{Object, Text, Value, whole};
use raw::{DataFields, Document, EventFields, Form, RawData};
use verbatim::Time;

pub use agents::{decode_agent, decode_agent_envelope};
pub use envelope::{Envelope, EnvelopeTime, decode_envelope};
pub use identifiers::IDENTIFIER_BYTES_MAX;

/// The subject of errors about the whole value.
const VALUE: &str = "the value";
/// The byte order mark that some programs write at the beginning of a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Limits on records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that a value may have.
    pub value_bytes_max: usize,
    /// How far an event's time may be past its record's Kafka timestamp, in milliseconds.
    pub ahead_max_ms: i64,
}

impl Default for Limits {
    /// The contract's limits: 1 MiB, and 24 hours.
    fn default() -> Self {
        Limits { value_bytes_max: 1 << 20, ahead_max_ms: 24 * 60 * 60 * 1000 }
    }
}

/// Decodes a record's value, JSON in any of the three forms, to an event.
///
/// `origin` has other facts about the record, such as the conversation in its topic's name. The event borrows from both.
///
/// The value is read once. Fields that the contract does not read are validated as JSON and not kept, so the cost is
/// proportional to the size, with few allocations: for escaped text, numbers as text, suggestions, wrapped forms, and the
/// agents and tasks of facts.
///
/// # Errors
///
/// [`Invalid`], with the first reason that applies in the order of section 1: [`Reason::TooLarge`],
/// [`Reason::Malformed`], [`Reason::NotAnEvent`], [`Reason::MissingField`], [`Reason::BadTimestamp`],
/// [`Reason::IdentifierTooLong`], [`Reason::MissingIdentifier`], [`Reason::BadRelation`] or [`Reason::NoKey`].
pub fn decode<'a>(
    value: &'a [u8],
    origin: impl Into<Origin<'a>>,
    limits: &Limits,
) -> Result<Event<'a>, Invalid> {
    check_size(value, limits)?;
    let text = utf8(value)?;
    let mut document = Object::<Document<EventFields<'a>>>::default();
    parse(&mut document, &VALUE, text)?;
    let (form, event, outer) = event_of(&document)?;
    event_from(form, event, outer, (origin.into(), limits), || data_of(text))
}

/// Makes the event from its fields. `whole_data` returns the whole data as text, which few events need.
fn event_from<'a>(
    form: Form,
    event: &EventFields<'a>,
    outer: Text<'a>,
    (origin, limits): (Origin<'a>, &Limits),
    whole_data: impl FnOnce() -> Result<Option<Json<'a>>, Invalid>,
) -> Result<Event<'a>, Invalid> {
    let prefix = form.prefix();
    let lacking = |field, text: &Text<'_>| {
        Invalid::new(Reason::MissingField, format!("{prefix}{field} {}", text.lack()))
    };
    let id = event.id.get().ok_or_else(|| lacking("id", &event.id))?;
    let name = event.name.get().ok_or_else(|| lacking("name", &event.name))?;
    let at = at(prefix, event.timestamp, event.time_stamp, origin.timestamp_ms, limits)?;
    let no_data;
    let data = if let Some(data) = event.data.get() {
        data
    } else {
        no_data = DataFields::default();
        &no_data
    };
    let found = actor::find(event, data, outer, origin.conversation);
    let whole = EventParts { form, event, data, outer };
    whole.check_found(&id, &name, &found)?;
    let data_json = if classify::needs_whole_data(&name, data) { whole_data()? } else { None };
    let subject = Subject { form, id: &id, name: &name, data, whole: &event.data, data_json, found: &found };
    let action = match classify::classify(subject) {
        Ok(action) => action,
        Err(invalid) => return Err(whole.check_fields(&name).err().unwrap_or(invalid)),
    };
    whole.check_action(&action)?;
    let Identities {
        conversation_id,
        channel_session_id,
        customer_id,
        channel,
        direction,
        actor,
        room_id,
        mode,
        sent_at,
        targets,
    } = found;
    let read = Event {
        id,
        name,
        at,
        conversation_id,
        channel_session_id,
        customer_id,
        channel,
        actor,
        direction,
        room_id,
        mode,
        sent_at,
        targets,
        action,
    };
    let keyed = read.conversation_id.is_some() || read.channel_session_id.is_some() || stands_alone(&read);
    if !keyed {
        return Err(Invalid::new(Reason::NoKey, no_key(prefix, event, outer)));
    }
    Ok(read)
}

/// Whether the event's activity may have no conversation: a note, a campaign's activity, or a change of one. For a relation the
/// target is unknown here.
fn stands_alone(event: &Event<'_>) -> bool {
    match &event.action {
        Action::Primary(primary) => primary.kind == Kind::Note || event.is_of_campaign(),
        Action::Relation(_) => true,
        Action::Fact(_) | Action::Signal => false,
    }
}

fn check_size(value: &[u8], limits: &Limits) -> Result<(), Invalid> {
    let (length, max) = (value.len(), limits.value_bytes_max);
    if length > max {
        let detail = format!("the value has {length} bytes, the limit is {max}");
        return Err(Invalid::new(Reason::TooLarge, detail));
    }
    Ok(())
}

fn utf8(value: &[u8]) -> Result<&str, Invalid> {
    simdutf8::basic::from_utf8(value).map_err(|_| {
        // The fast check does not report the position.
        let at = simdutf8::compat::from_utf8(value).map_or_else(|error| error.valid_up_to(), str::len);
        let why = match value {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                ": it begins with the byte order mark of UTF-16, write UTF-8"
            }
            _ => "",
        };
        let detail = format!("the value is no UTF-8 from byte {at} on (counted from 0){why}");
        Invalid::new(Reason::Malformed, detail)
    })
}

/// Reads JSON in place; errors name it `what`.
fn parse<'a>(value: &mut impl Value<'a>, what: &dyn Display, text: &'a str) -> Result<(), Invalid> {
    whole(value, text).map_err(|problem| {
        let why = if text.starts_with(BYTE_ORDER_MARK) {
            "it begins with a byte order mark (U+FEFF), which no JSON may have: leave it out".to_owned()
        } else {
            problem.within(text).to_string()
        };
        Invalid::new(Reason::Malformed, format!("{what} is no JSON: {why}"))
    })
}

/// The event in the document: its form, its fields, and the conversation id beside it in the socket form.
fn event_of<'d, 'a>(
    document: &'d Object<Document<EventFields<'a>>>,
) -> Result<(Form, &'d EventFields<'a>, Text<'a>), Invalid> {
    let not_an_event = |what| Err(Invalid::new(Reason::NotAnEvent, what));
    let Some(document) = document.get() else {
        return not_an_event("the value is no object");
    };
    match document.event() {
        (Form::Bare, bare) if !bare.id.is_present() && !bare.name.is_present() => {
            not_an_event("the value has neither an object cimEvent nor an id or a name")
        }
        (Form::Socket, event) => Ok((Form::Socket, event, document.bare.conversation_id)),
        (form @ (Form::Bare | Form::Studio(_)), event) => Ok((form, event, Text::default())),
    }
}

/// The event's whole data as text. Only one rare kind of event needs it, which is known only after the data has been read,
/// because the name may follow the data. So this reads the value again.
fn data_of(text: &str) -> Result<Option<Json<'_>>, Invalid> {
    let mut document = Object::<Document<RawData<'_>>>::default();
    parse(&mut document, &VALUE, text)?;
    Ok(document.get().and_then(|document| document.event().1.data.json()))
}

/// Why an event has no key: it names neither a conversation nor a session.
fn no_key(prefix: &str, event: &EventFields<'_>, outer: Text<'_>) -> String {
    let session = event.channel_session.get().map(|session| session.id).unwrap_or_default();
    let places = [("conversationId", event.conversation_id), ("channelSession.id", session)];
    // A value of a wrong type explains more than an absent one.
    let found = places.iter().find(|(_, text)| matches!(text, Text::Other(_)));
    if let Some((path, text)) = found {
        return format!(
            "{prefix}{path} {}, and there is neither a conversation nor a session elsewhere",
            text.lack()
        );
    }
    if matches!(outer, Text::Other(_)) {
        return format!(
            "conversationId {}, and there is neither a conversation nor a session elsewhere",
            outer.lack()
        );
    }
    format!("{prefix}conversationId and {prefix}channelSession.id are absent, also everywhere else")
}

/// The event's time. A `timestamp` that is present is used even if it is invalid.
fn at(
    prefix: &str,
    timestamp: Time,
    time_stamp: Time,
    record_ms: Option<i64>,
    limits: &Limits,
) -> Result<i64, Invalid> {
    let (field, time) = match (timestamp, time_stamp) {
        // Of two absent fields, name the one with a value of a wrong type.
        (Time::Other(_), Time::Absent) => ("timestamp", timestamp),
        (Time::Absent | Time::Other(_), _) => ("timeStamp", time_stamp),
        _ => ("timestamp", timestamp),
    };
    let detail = match time {
        Time::At(at) => match ahead(&format_args!("{prefix}{field}"), at, record_ms, limits) {
            Some(detail) => detail,
            None => return Ok(at),
        },
        Time::Absent => format!("{prefix}timestamp and {prefix}timeStamp are absent"),
        Time::Other(other) => format!("{prefix}{field} {other}, where a time is expected"),
        Time::Unreadable => format!(
            "{prefix}{field} is no time from 2000-01-01T00:00:00Z to 2100-01-01T00:00:00Z, in epoch milliseconds or \
             RFC 3339"
        ),
    };
    Err(Invalid::new(Reason::BadTimestamp, detail))
}

/// What is said of a time that lies too far past its record's; nothing of any other.
fn ahead(field: &dyn Display, at: i64, record_ms: Option<i64>, limits: &Limits) -> Option<String> {
    let ahead_ms = at.saturating_sub(record_ms?);
    (ahead_ms > limits.ahead_max_ms).then(|| {
        format!(
            "{field} lies {} s past the record's own Kafka timestamp, limits.ahead allows {} s: is a clock wrong?",
            ahead_ms / 1000,
            limits.ahead_max_ms / 1000,
        )
    })
}
