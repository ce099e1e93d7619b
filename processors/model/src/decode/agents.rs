// SPDX-License-Identifier: Apache-2.0

//! Agents' states as the routing engine publishes them (contract, section 6.1).

use std::borrow::Cow;

use super::actor;
use super::identifiers::IDENTIFIER_BYTES_MAX;
use super::lenient::{Array, Boxed, Fields, Object, Text, TextOrName, Value, are_distinct, key, wanted};
use super::raw::ParticipantFields;
use super::verbatim::Time;
use super::{Envelope, Limits, VALUE, ahead, check_size, envelope, parse, utf8};
use crate::agent::{AgentNews, MRDS_MAX, MrdState};
use crate::reader::{Reader, Refused};
use crate::{Invalid, Origin, Reason};

wanted! {
    /// A published state.
    NewsFields {
        "timestamp" => timestamp: Time,
        "timeStamp" => time_stamp: Time,
        "data" => data: Object<DataFields<'de>>,
        "agentPresence" => presence: Boxed<PresenceFields<'de>>,
    }

    /// Its data.
    DataFields {
        "agentPresence" => presence: Boxed<PresenceFields<'de>>,
    }

    /// State of an agent.
    PresenceFields {
        "agent" => agent: Object<ParticipantFields<'de>>,
        "state" => state: AgentState<'de>,
        "stateChangeTime" => state_change_time: Time,
        "agentLoginTime" => agent_login_time: Time,
        "agentMrdStates" => mrds: Array<Object<MrdStateFields<'de>>>,
    }

    /// State of an agent in a media routing domain.
    MrdStateFields {
        "mrd" => mrd: Object<MrdFields<'de>>,
        "state" => state: TextOrName<'de>,
        "stateChangeTime" => state_change_time: Time,
    }

    /// A media routing domain.
    MrdFields {
        "id" => id: Text<'de>,
        "name" => name: Text<'de>,
    }

    /// Fields of an agent's state object.
    AgentStateFields {
        "name" => name: Text<'de>,
        "reasonCode" => reason_code: ReasonCode<'de>,
    }

    /// Fields of a reason.
    ReasonFields {
        "label" => label: Text<'de>,
        "name" => name: Text<'de>,
        "code" => code: Text<'de>,
    }
}

/// An agent's state: text, or an object's name with the object's reason.
#[derive(Default)]
pub(super) struct AgentState<'a>(AgentStateFields<'a>);

impl<'a> Value<'a> for AgentState<'a> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        self.0 = AgentStateFields::default();
        if json.peek()? != b'{' {
            return self.0.name.read(json);
        }
        let mut object = Object::<AgentStateFields<'a>>::default();
        object.read(json)?;
        self.0 = object.0.unwrap_or_default();
        Ok(())
    }
}

/// Reason of a state: text, or an object's label, name or code, whichever comes first.
#[derive(Default)]
pub(super) struct ReasonCode<'a> {
    own: Text<'a>,
    fields: ReasonFields<'a>,
}

impl<'a> ReasonCode<'a> {
    fn get(&self) -> Option<Cow<'a, str>> {
        let Self { own, fields } = self;
        own.get().or_else(|| fields.label.get()).or_else(|| fields.name.get()).or_else(|| fields.code.get())
    }
}

impl<'a> Value<'a> for ReasonCode<'a> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        *self = Self::default();
        if json.peek()? != b'{' {
            return self.own.read(json);
        }
        let mut object = Object::<ReasonFields<'a>>::default();
        object.read(json)?;
        self.fields = object.0.unwrap_or_default();
        Ok(())
    }
}

/// Decodes a record's JSON value to an agent's state. Only the timestamp of the origin is used.
///
/// # Errors
///
/// [`Invalid`], with the first reason that applies: [`Reason::TooLarge`], [`Reason::Malformed`], [`Reason::NotAnEvent`],
/// [`Reason::BadTimestamp`], [`Reason::IdentifierTooLong`] or [`Reason::MissingIdentifier`].
pub fn decode_agent<'a>(
    value: &'a [u8],
    origin: impl Into<Origin<'a>>,
    limits: &Limits,
) -> Result<AgentNews<'a>, Invalid> {
    check_size(value, limits)?;
    let text = utf8(value)?;
    let mut document = Object::<NewsFields<'a>>::default();
    parse(&mut document, &VALUE, text)?;
    let Some(news) = document.get() else {
        return Err(Invalid::new(Reason::NotAnEvent, "the value is no object"));
    };
    news_of(news, origin.into(), limits)
}

/// Decodes an envelope like [`decode_agent`] decodes a record's value: only its timestamp and its data are used. The size of
/// the value is not checked.
///
/// # Errors
///
/// [`Invalid`], as with [`decode_agent`]: [`Reason::Malformed`] if the data is not JSON, and all reasons that follow it.
pub fn decode_agent_envelope<'a>(
    envelope: &Envelope<'a>,
    origin: impl Into<Origin<'a>>,
    limits: &Limits,
) -> Result<AgentNews<'a>, Invalid> {
    let news = NewsFields {
        timestamp: envelope::time(envelope.timestamp),
        data: envelope::object("data", envelope.data)?,
        ..NewsFields::default()
    };
    news_of(&news, origin.into(), limits)
}

fn news_of<'a>(news: &NewsFields<'a>, origin: Origin<'a>, limits: &Limits) -> Result<AgentNews<'a>, Invalid> {
    let of_data = news.data.get().and_then(|data| data.presence.get());
    let (prefix, presence) = match (of_data, news.presence.get()) {
        (Some(presence), _) => ("data.agentPresence", presence),
        (None, Some(presence)) => ("agentPresence", presence),
        (None, None) => {
            let detail = "neither data.agentPresence nor agentPresence is an object";
            return Err(Invalid::new(Reason::NotAnEvent, detail));
        }
    };
    let published_at = news.timestamp.at().or_else(|| news.time_stamp.at());
    let at = at(prefix, presence.state_change_time, published_at, origin.timestamp_ms, limits)?;
    let agent = presence.agent.get();
    let agent_id = agent.and_then(|agent| agent.id.get());
    let state = presence.state.0.name.get();
    let reason = presence.state.0.reason_code.get();
    let mrds = mrds(&presence.mrds);
    check(&format_args!("{prefix}.agent.id"), agent_id.as_ref())?;
    check(&format_args!("{prefix}.state.name"), state.as_ref())?;
    check(&format_args!("{prefix}.state.reasonCode"), reason.as_ref())?;
    for mrd in &mrds {
        check(&format_args!("{prefix}.agentMrdStates[].mrd.id"), mrd.id.as_ref())?;
        check(&format_args!("{prefix}.agentMrdStates[].state"), mrd.state.as_ref())?;
    }
    let Some(agent_id) = agent_id else {
        let lack = agent.map_or_else(|| super::lenient::ABSENT.to_owned(), |agent| agent.id.lack());
        return Err(Invalid::new(Reason::MissingIdentifier, format!("{prefix}.agent.id {lack}")));
    };
    Ok(AgentNews {
        agent_id,
        at,
        state,
        reason,
        published_at,
        name: actor::name(&Text::Absent, agent),
        login_at: presence.agent_login_time.at(),
        mrds,
    })
}

/// The states in the domains, by domain id; equal ids stay in the order of arrival.
fn mrds<'a>(found: &Array<Object<MrdStateFields<'a>>>) -> Vec<MrdState<'a>> {
    let found = found.0.iter().flatten().filter_map(Object::get);
    let state = |fields: &MrdStateFields<'a>| {
        let mrd = fields.mrd.get();
        MrdState {
            id: mrd.and_then(|mrd| mrd.id.get()),
            name: mrd.and_then(|mrd| mrd.name.get()).map(actor::cut_name),
            state: fields.state.get(),
            since: fields.state_change_time.at(),
        }
    };
    let mut mrds: Vec<MrdState<'a>> = found.map(state).collect();
    mrds.sort_by(|one, other| one.id.cmp(&other.id));
    mrds.truncate(MRDS_MAX);
    mrds
}

/// When the state changed. Unlike an event's, an unreadable time falls back to the other one.
fn at(
    prefix: &str,
    changed: Time,
    published_at: Option<i64>,
    record_ms: Option<i64>,
    limits: &Limits,
) -> Result<i64, Invalid> {
    let (field, at) = match (changed.at(), published_at) {
        (Some(at), _) => (format!("{prefix}.stateChangeTime"), at),
        (None, Some(at)) => ("timestamp".to_owned(), at),
        (None, None) => {
            let detail = format!(
                "neither {prefix}.stateChangeTime nor timestamp is a time from 2000-01-01T00:00:00Z to 2100-01-01T00:00:00Z, in \
                 epoch milliseconds or RFC 3339"
            );
            return Err(Invalid::new(Reason::BadTimestamp, detail));
        }
    };
    match ahead(&field, at, record_ms, limits) {
        Some(detail) => Err(Invalid::new(Reason::BadTimestamp, detail)),
        None => Ok(at),
    }
}

fn check(path: &std::fmt::Arguments<'_>, text: Option<&Cow<'_, str>>) -> Result<(), Invalid> {
    match text.map(|text| text.len()).filter(|length| *length > IDENTIFIER_BYTES_MAX) {
        Some(length) => Err(super::identifiers::said(&path.to_string(), length)),
        None => Ok(()),
    }
}
