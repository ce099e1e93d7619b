// SPDX-License-Identifier: Apache-2.0

//! Events from another format than JSON: the event's own fields are decoded, objects are JSON text.

use super::lenient::{Other, Text, Value};
use super::raw::{EventFields, Form};
use super::verbatim::Time;
use super::{event_from, parse};
use crate::{AT_MAX, AT_MIN, Event, Invalid, Json, Limits, Origin, parse_time_text};

/// The fields of a bare `CimEvent`. Absent and empty are equal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The event's id.
    pub id: Option<&'a str>,
    /// The event's name.
    pub name: Option<&'a str>,
    /// When it happened.
    pub timestamp: Option<EnvelopeTime<'a>>,
    /// The conversation.
    pub conversation_id: Option<&'a str>,
    /// The conversation, by an older name.
    pub topic_id: Option<&'a str>,
    /// The channel session, as JSON text.
    pub channel_session: Option<&'a str>,
    /// The emitter, as JSON text.
    pub event_emitter: Option<&'a str>,
    /// The room, as JSON text.
    pub room_info: Option<&'a str>,
    /// The data, as JSON text.
    pub data: Option<&'a str>,
}

/// A time in the format's representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeTime<'a> {
    /// Epoch milliseconds.
    Millis(i64),
    /// Text in one of the forms that JSON's `timestamp` may have.
    Text(&'a str),
}

/// Decodes an event from its envelope, as [`crate::decode()`] decodes a record's value. The event borrows from the envelope's
/// data. The size limit of values is not checked.
///
/// # Errors
///
/// [`Invalid`], as for [`crate::decode()`]: [`crate::Reason::Malformed`] if a field's text is not JSON, and all later reasons.
pub fn decode_envelope<'a>(
    envelope: &Envelope<'a>,
    origin: impl Into<Origin<'a>>,
    limits: &Limits,
) -> Result<Event<'a>, Invalid> {
    let event = EventFields {
        id: Text::new(envelope.id),
        name: Text::new(envelope.name),
        timestamp: time(envelope.timestamp),
        time_stamp: Time::Absent,
        conversation_id: Text::new(envelope.conversation_id),
        topic_id: Text::new(envelope.topic_id),
        channel_session: object("channelSession", envelope.channel_session)?,
        event_emitter: object("eventEmitter", envelope.event_emitter)?,
        room: object("roomInfo", envelope.room_info)?,
        data: object("data", envelope.data)?,
    };
    let data = event.data.get().and(envelope.data);
    let around = (origin.into(), limits);
    event_from(Form::Bare, &event, Text::default(), around, || Ok(data.map(Json::compacted)))
}

pub(super) fn time(time: Option<EnvelopeTime<'_>>) -> Time {
    let at = match time {
        None => return Time::Absent,
        Some(EnvelopeTime::Text("")) => return Time::Other(Other::Empty),
        Some(EnvelopeTime::Millis(at)) => Some(at).filter(|at| (AT_MIN..=AT_MAX).contains(at)),
        Some(EnvelopeTime::Text(text)) => parse_time_text(text),
    };
    at.map_or(Time::Unreadable, Time::At)
}

pub(super) fn object<'a, T: Value<'a>>(field: &str, text: Option<&'a str>) -> Result<T, Invalid> {
    let mut value = T::default();
    match text {
        None | Some("") => {}
        Some(text) => parse(&mut value, &format_args!("field {field}"), text)?,
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;

    const DATA: &str =
        r#" {"id": "m", "header": {"sender": {"type": "agent", "id": "a"}}, "body": {"x": 1.50} } "#;
    const SESSION: &str = r#"{"id":"s","customer":{"_id":"k"}}"#;
    const EMITTER: &str = r#"{"id":"e","type":"BOT"}"#;

    fn envelope(name: &str) -> Envelope<'_> {
        Envelope {
            id: Some("e"),
            name: Some(name),
            timestamp: Some(EnvelopeTime::Millis(1_750_000_000_000)),
            conversation_id: Some("c"),
            topic_id: Some("t"),
            channel_session: Some(SESSION),
            event_emitter: Some(EMITTER),
            room_info: Some(r#"{"id":"r","mode":"PRIVATE"}"#),
            data: Some(DATA),
        }
    }

    fn reason(envelope: &Envelope<'_>) -> &'static str {
        decode_envelope(envelope, None, &Limits::default())
            .map_or_else(|invalid| invalid.reason.as_str(), |_| "valid")
    }

    #[test]
    fn an_envelope_says_what_the_same_event_says_as_json() {
        for name in ["AGENT_MESSAGE", "CONVERSATION_DATA_CHANGED", "AGENT_SUBSCRIBED", "ANYTHING"] {
            let json = format!(
                r#"{{"id":"e","name":"{name}","timestamp":1750000000000,"conversationId":"c","topicId":"t","channelSession":{SESSION},"eventEmitter":{EMITTER},"roomInfo":{{"id":"r","mode":"PRIVATE"}},"data":{DATA}}}"#
            );
            let of_json = decode(json.as_bytes(), Some("topic"), &Limits::default()).unwrap();
            assert_eq!(
                decode_envelope(&envelope(name), Some("topic"), &Limits::default()).unwrap(),
                of_json,
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_empty_is_absent() {
        let empty = Envelope {
            conversation_id: Some(""),
            channel_session: Some(""),
            event_emitter: Some(""),
            data: Some(""),
            ..envelope("ANYTHING")
        };
        assert_eq!(
            decode_envelope(&empty, None, &Limits::default()).unwrap().conversation_id.as_deref(),
            Some("t")
        );
        assert_eq!(reason(&Envelope { id: Some(""), ..envelope("X") }), "missing-field");
        assert_eq!(
            reason(&Envelope { timestamp: Some(EnvelopeTime::Text("")), ..envelope("X") }),
            "bad-timestamp"
        );
    }

    #[test]
    fn times_are_numbers_or_text_within_the_contracts_range() {
        let text = Some(EnvelopeTime::Text("2025-06-15T15:06:40Z"));
        let of_text =
            decode_envelope(&Envelope { timestamp: text, ..envelope("X") }, None, &Limits::default())
                .unwrap();
        assert_eq!(of_text.at, 1_750_000_000_000);
        for timestamp in [None, Some(EnvelopeTime::Millis(AT_MAX + 1)), Some(EnvelopeTime::Text("soon"))] {
            assert_eq!(reason(&Envelope { timestamp, ..envelope("X") }), "bad-timestamp");
        }
    }

    #[test]
    fn text_that_is_no_json_is_malformed_with_its_field_and_cannot_say_more_than_its_field() {
        let broken = Envelope { data: Some(r#"{},"id":"other""#), ..envelope("X") };
        let invalid = decode_envelope(&broken, None, &Limits::default()).unwrap_err();
        assert_eq!(
            invalid.to_string(),
            "malformed: field data is no JSON: something comes after the value at line 1 column 3"
        );
        for text in ["{", "nul", "{\"a\":\"\\ud800\"}", "1e400"] {
            assert_eq!(
                reason(&Envelope { channel_session: Some(text), ..envelope("X") }),
                "malformed",
                "{text}"
            );
            assert_eq!(
                reason(&Envelope { event_emitter: Some(text), ..envelope("X") }),
                "malformed",
                "{text}"
            );
        }
    }

    #[test]
    fn json_that_is_no_object_is_absent() {
        let other = Envelope { data: Some("[1]"), channel_session: Some("null"), ..envelope("ANYTHING") };
        assert_eq!(decode_envelope(&other, None, &Limits::default()).unwrap().channel_session_id, None);
    }
}
