//! From a record's value to an event, or to the reason why it is none (contract, sections 1, 2 and 7).

mod actor;
mod classify;
mod envelope;
mod facts;
mod lenient;
mod raw;
mod verbatim;

use std::fmt::Display;

use crate::{Action, Event, Invalid, Json, Kind, Reason};
use actor::Found;
use classify::Subject;
use lenient::{Object, Text, Value, whole};
use raw::{Document, EventFields, Form, RawData};
use verbatim::Time;

pub use envelope::{Envelope, EnvelopeTime, decode_envelope};

/// What is read when all of a record is JSON.
const VALUE: &str = "the value";

/// What a record may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that a value may have.
    pub value_bytes_max: usize,
}

impl Default for Limits {
    /// The contract's: 1 MiB.
    fn default() -> Self {
        Limits { value_bytes_max: 1 << 20 }
    }
}

/// Reads a record's value, JSON in any of the three forms, into an event.
///
/// `topic_conversation` is the conversation id in the name of the record's topic, if that has one: the last that
/// counts. The event borrows from both.
///
/// The value is read once. What the contract does not read is checked for being JSON and not kept, so the cost of an
/// event is that of its bytes, with few allocations: for escaped text, numbers as text, suggestions, wrapped forms,
/// and the agents and tasks of facts.
///
/// # Errors
///
/// [`Invalid`], with the first reason that applies in the order of section 1: [`Reason::TooLarge`],
/// [`Reason::Malformed`], [`Reason::NotAnEvent`], [`Reason::MissingField`], [`Reason::BadTimestamp`],
/// [`Reason::MissingIdentifier`], [`Reason::BadRelation`] or [`Reason::NoKey`].
pub fn decode<'a>(
    value: &'a [u8],
    topic_conversation: Option<&'a str>,
    limits: &Limits,
) -> Result<Event<'a>, Invalid> {
    if value.len() > limits.value_bytes_max {
        let (length, max) = (value.len(), limits.value_bytes_max);
        return Err(Invalid::new(
            Reason::TooLarge,
            format!("the value has {length} bytes, the limit is {max}"),
        ));
    }
    let text = utf8(value)?;
    let (form, event, outer) = event_of(text)?;
    event_from(form, event, &outer, topic_conversation, || data_of(text))
}

/// Makes the event of its fields. `whole_data` gives its whole data as text, which few events need.
fn event_from<'a>(
    form: Form,
    mut event: EventFields<'a>,
    outer: &Text<'a>,
    topic_conversation: Option<&'a str>,
    whole_data: impl FnOnce() -> Result<Option<Json<'a>>, Invalid>,
) -> Result<Event<'a>, Invalid> {
    let prefix = form.prefix();
    let absent = |field| Invalid::new(Reason::MissingField, format!("{prefix}{field} is absent"));
    let id = event.id.get().ok_or_else(|| absent("id"))?;
    let name = event.name.get().ok_or_else(|| absent("name"))?;
    let at = at(prefix, event.timestamp, event.time_stamp)?;
    let data = event.data.take().unwrap_or_default();
    let found = actor::find(&event, &data, outer, topic_conversation);
    let data_json = if name == "CONVERSATION_DATA_CHANGED" { whole_data()? } else { None };
    let action =
        classify::classify(Subject { form, id: &id, name: &name, data: &data, data_json, found: &found })?;
    let Found { conversation_id, channel_session_id, customer_id, channel, direction, actor, targets } =
        found;
    let keyed = conversation_id.is_some() || channel_session_id.is_some() || stands_alone(&action);
    if !keyed {
        let what =
            format!("{prefix}conversationId and {prefix}channelSession.id are absent, also everywhere else");
        return Err(Invalid::new(Reason::NoKey, what));
    }
    Ok(Event {
        id,
        name,
        at,
        conversation_id,
        channel_session_id,
        customer_id,
        channel,
        actor,
        direction,
        targets,
        action,
    })
}

/// Whether the event's activity may be in no conversation: a note, or what changes one. Whether a relation's target
/// is a note is not known here.
fn stands_alone(action: &Action<'_>) -> bool {
    match action {
        Action::Primary(primary) => primary.kind == Kind::Note,
        Action::Relation(_) => true,
        Action::Fact(_) => false,
    }
}

fn utf8(value: &[u8]) -> Result<&str, Invalid> {
    simdutf8::basic::from_utf8(value).map_err(|_| {
        // The fast check does not tell where.
        let at = simdutf8::compat::from_utf8(value).map_or_else(|error| error.valid_up_to(), str::len);
        Invalid::new(Reason::Malformed, format!("the value is no UTF-8 from byte {at} on (counted from 0)"))
    })
}

/// Reads JSON; `what` it is says the error.
fn parse<'a, T: Value<'a>>(what: &dyn Display, text: &'a str) -> Result<T, Invalid> {
    whole(text).map_err(|problem| {
        Invalid::new(Reason::Malformed, format!("{what} is no JSON: {}", problem.within(text)))
    })
}

/// The event in the document, where it lies, and the conversation id that the socket form has beside it.
fn event_of<'a>(text: &'a str) -> Result<(Form, EventFields<'a>, Text<'a>), Invalid> {
    let not_an_event = |what| Err(Invalid::new(Reason::NotAnEvent, what));
    let Some(mut document) = parse::<Object<Document<EventFields<'a>>>>(&VALUE, text)?.0 else {
        return not_an_event("the value is no object");
    };
    let outer = std::mem::take(&mut document.bare.conversation_id);
    match document.into_event() {
        (Form::Bare, bare) if bare.id.as_str().is_none() && bare.name.as_str().is_none() => {
            not_an_event("the value has neither an object cimEvent nor an id or a name")
        }
        (Form::Bare, bare) => Ok((Form::Bare, EventFields { conversation_id: outer, ..bare }, Text(None))),
        (Form::Socket, event) => Ok((Form::Socket, event, outer)),
        (form @ Form::Studio(_), event) => Ok((form, event, Text(None))),
    }
}

/// The event's whole data as text. Only one rare kind of event needs it, and whether it is one is known too late: its
/// name may come after the data. So this reads the value again.
fn data_of(text: &str) -> Result<Option<Json<'_>>, Invalid> {
    let document = parse::<Object<Document<RawData<'_>>>>(&VALUE, text)?.0;
    Ok(document.and_then(|document| document.into_event().1.data.json()))
}

/// When the event happened. A `timestamp` that is present decides alone, also when it cannot be read.
fn at(prefix: &str, timestamp: Time, time_stamp: Time) -> Result<i64, Invalid> {
    let (field, time) = match timestamp {
        Time::Absent => ("timeStamp", time_stamp),
        _ => ("timestamp", timestamp),
    };
    let detail = match time {
        Time::At(at) => return Ok(at),
        Time::Absent => format!("{prefix}timestamp and {prefix}timeStamp are absent"),
        Time::Unreadable => format!(
            "{prefix}{field} is no time from 2000-01-01T00:00:00Z to 2100-01-01T00:00:00Z, in epoch milliseconds or \
             RFC 3339"
        ),
    };
    Err(Invalid::new(Reason::BadTimestamp, detail))
}
