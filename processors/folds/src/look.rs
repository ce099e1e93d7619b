// SPDX-License-Identifier: Apache-2.0

//! Queries on the state of a running task: the keys of a conversation, and the records emitted from them. Each record is made
//! by the function that emits it, so query results and outputs cannot differ.
//!
//! A query copies bytes only: [`places_of`] a conversation from a task's store into a [`Found`], which [`conversation`]
//! evaluates on another thread.

use std::collections::BTreeMap;

use engine::{Place, ProcessError};
use model::{ConversationSummary, Dimension, Format, JsonFormat, Record, Stage, WindowKey};

use crate::activities::Texts;
use crate::conversations::ShownWrapUps;
use crate::stored::prefixed;
use crate::{activities, conversations, customers, metrics, timelines};

/// Records of the state, by their changelog keys.
pub type Found = BTreeMap<Vec<u8>, Vec<u8>>;

/// A conversation as it was emitted: the values of its records, as JSON.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// The summary; `None` while the conversation has no visible event.
    pub summary: Option<Vec<u8>>,
    /// The timeline's entries in order.
    pub timeline: Vec<Vec<u8>>,
    /// The activities, by the time at which they occurred.
    pub activities: Vec<Vec<u8>>,
}

/// The key that determines a conversation's partition.
#[must_use]
pub fn key_of(conversation: &str) -> &[u8] {
    conversation.as_bytes()
}

/// The key ranges of a conversation in the state.
#[must_use]
pub fn places_of(conversation: &str) -> Vec<Place> {
    let escaped = model::escape(conversation);
    let mut places = timelines::places(escaped.as_bytes()).to_vec();
    let states = format!("{escaped}/").into_bytes();
    let beside = activities::places_beside(&states);
    let under = |prefix: &[u8]| Place::Under(prefixed(activities::NAMESPACE, prefix));
    places.push(under(&states));
    places.extend(beside.iter().map(|prefix| under(prefix)));
    places
}

/// The conversation in the records of its key ranges; `None` if they hold none. `limit` is the configured limit for the bodies
/// in one record ([`crate::Settings::activity_bytes`]).
///
/// # Errors
/// The state cannot be read.
pub fn conversation(id: &str, found: &Found, limit: u64) -> Result<Option<Emitted>, ProcessError> {
    let mut emitted = Emitted { activities: activities_in(found, limit)?, ..Emitted::default() };
    let entries = found.iter().filter(|(key, _)| timelines::is_entry(key)).map(|(_, value)| value.as_slice());
    let first = |activity_id: &str| with_state(id, activity_id, found, activities::first);
    timelines::records(id, entries, first, |record| emitted.timeline.push(json(record)))?;
    for (key, value) in found {
        let get = |key: &[u8]| found.get(key).cloned();
        let Some((_, progress)) = timelines::in_progress(key, value, get)? else { continue };
        let wrap_ups = ShownWrapUps::of(&progress, limit, |activity_id, _| {
            with_state(id, activity_id, found, |key, state| {
                let texts = texts_in(found, key, state, limit)?;
                conversations::shown_body(key, state, (&texts, limit))
            })
        })?;
        let summary = conversations::summary(id, &progress, &wrap_ups, false);
        emitted.summary = Some(json(&summary));
    }
    Ok((emitted != Emitted::default()).then_some(emitted))
}

fn activities_in(found: &Found, limit: u64) -> Result<Vec<Vec<u8>>, ProcessError> {
    let mut all = Vec::new();
    for (key, value) in found {
        let Some(key) = key.strip_prefix(&[activities::NAMESPACE]) else { continue };
        if activities::is_beside(key) {
            continue;
        }
        let texts = texts_in(found, key, Some(value), limit)?;
        let read = match activities::read_place(key, Some(value))? {
            Some(place) => {
                let value = found.get(&prefixed(activities::NAMESPACE, &place));
                activities::read_at(&place, value.map(Vec::as_slice))?
            }
            None => None,
        };
        let around = activities::Around { texts: &texts, limit, read: read.as_ref() };
        all.extend(activities::with_activity(key, Some(value), &around, |activity| {
            activity.map(|activity| (activity.occurred_at, json(activity)))
        })?);
    }
    // Activities of the same time stay in the order of their ids.
    all.sort_by_key(|(occurred_at, _)| *occurred_at);
    Ok(all.into_iter().map(|(_, json)| json).collect())
}

/// The texts that an activity's record shows and that are stored outside its state.
fn texts_in(found: &Found, key: &[u8], state: Option<&[u8]>, limit: u64) -> Result<Texts, ProcessError> {
    let wanted = activities::wanted_texts(key, state, limit)?;
    activities::texts(key, wanted, |text| Ok(found.get(&prefixed(activities::NAMESPACE, text)).cloned()))
}

/// Passes the state of one of the conversation's activities to `read`.
pub(crate) fn with_state<R>(
    conversation: &str,
    activity_id: &str,
    found: &Found,
    read: impl FnOnce(&[u8], Option<&[u8]>) -> Result<R, ProcessError>,
) -> Result<R, ProcessError> {
    let key = model::activity_key(Some(conversation), activity_id);
    let state = found.get(&prefixed(activities::NAMESPACE, key.as_bytes()));
    read(key.as_bytes(), state.map(Vec::as_slice))
}

fn json(record: &dyn Record) -> Vec<u8> {
    let mut value = Vec::with_capacity(1024);
    JsonFormat.write(record, &mut value);
    value
}

/// Key range of the conversations' progress: one record each, which changes whenever the conversation does.
#[must_use]
pub fn all_standing() -> Vec<u8> {
    timelines::place_of_all()
}

/// The conversation id of a record of [`all_standing`]; `None` for any other record.
#[must_use]
pub fn standing_of(key: &[u8]) -> Option<String> {
    let escaped = key.strip_prefix(timelines::place_of_all().as_slice())?;
    Some(timelines::conversation_id(escaped)?.into_owned())
}

/// Current state of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<'s> {
    /// The summary without wrap-ups.
    pub summary: ConversationSummary<'s>,
    /// The conversation's stage.
    pub stage: Stage,
    /// When the customer message that awaits a reply arrived.
    pub awaits_reply_since: Option<i64>,
}

/// Passes the conversation in a record of [`all_standing`] to `look`; `None` for any other record, and for a conversation whose
/// scan is too long for one record.
///
/// # Errors
/// The state cannot be read.
pub fn with_standing<R>(
    key: &[u8],
    value: &[u8],
    look: impl FnOnce(&Standing<'_>) -> R,
) -> Result<Option<R>, ProcessError> {
    if timelines::is_first_part(key, value) {
        return Ok(None);
    }
    let Some((escaped, progress)) = timelines::in_progress(key, value, |_| None)? else { return Ok(None) };
    let Some(id) = timelines::conversation_id(escaped) else { return Ok(None) };
    let without = ShownWrapUps::default();
    let standing = Standing {
        summary: conversations::summary(&id, &progress, &without, false),
        stage: progress.scan.stage(),
        awaits_reply_since: progress.scan.awaits_reply_since(),
    };
    Ok(Some(look(&standing)))
}

/// The key that a customer's partition is found by.
#[must_use]
pub fn key_of_customer(customer: &str) -> &[u8] {
    customer.as_bytes()
}

/// Where a customer's conversations lie in the state.
#[must_use]
pub fn place_of_customer(customer: &str) -> Place {
    customers::place(customer)
}

/// The record of a customer, as JSON, of what was found in his place; `None` where that is nothing.
///
/// # Errors
/// The state cannot be read.
pub fn customer(id: &str, found: &Found) -> Result<Option<Vec<u8>>, ProcessError> {
    let found = found.iter().map(|(key, value)| (key.as_slice(), value.as_slice()));
    customers::with_record(id, found, |record| record.map(|record| json(record)))
}

/// What lies in the place of this customer ([`place_of_customer`]), of what was found in those of several.
#[must_use]
pub fn found_of_customer(customer: &str, found: &Found) -> Found {
    of_places(&[place_of_customer(customer)], found)
}

/// Key ranges of an index, in each partition, of the conversations of its customers that began in `from..to`, in epoch
/// milliseconds; it has keys only, and a few of others.
#[must_use]
pub fn places_of_contacts(from: i64, to: i64) -> Vec<Place> {
    customers::places_of_starts(from, to)
}

/// The customer and the start of a conversation in that index; `None` for another key.
#[must_use]
pub fn contact(key: &[u8]) -> Option<(String, i64)> {
    customers::started(key)
}

/// What lies in the places of this conversation ([`places_of`]), of what was found in those of several.
#[must_use]
pub fn found_of(conversation: &str, found: &Found) -> Found {
    of_places(&places_of(conversation), found)
}

/// The part of what was found that lies in these places.
fn of_places(places: &[Place], found: &Found) -> Found {
    let of_place = |place: &Place| {
        let (first, is_key) = (place.first().to_vec(), matches!(place, Place::Key(_)));
        let from = found.range(first.clone()..);
        let of_it =
            from.take_while(move |(key, _)| if is_key { **key == first } else { key.starts_with(&first) });
        of_it.map(|(key, value)| (key.clone(), value.clone())).collect::<Vec<_>>()
    };
    places.iter().flat_map(of_place).collect()
}

/// The key that determines the partition of a metrics subject.
#[must_use]
pub fn key_of_subject(dimension: Dimension, id: &str) -> Vec<u8> {
    metrics::subject_key(dimension, id).into_bytes()
}

/// The key range of a subject's windows in the state.
#[must_use]
pub fn place_of_windows(dimension: Dimension, id: &str) -> Place {
    metrics::place(dimension, id)
}

/// The windows in the records of their key range as JSON: by size, then by start.
///
/// # Errors
/// The state cannot be read.
pub fn windows(found: &Found) -> Result<Vec<Vec<u8>>, ProcessError> {
    let mut all = Vec::new();
    for (key, value) in found {
        all.extend(metrics::with_window(key, value, |window| {
            window.map(|window| {
                let size = window.window_end - window.window_start;
                ((size, window.window_start), json(window))
            })
        })?);
    }
    all.sort_by_key(|(order, _)| *order);
    Ok(all.into_iter().map(|(_, json)| json).collect())
}

/// A window that there is, without its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowName {
    /// The key of its record.
    pub key: String,
    /// What the key says of the dimension, the subject and the first instant.
    pub of: WindowKey,
    /// The first instant after it, in epoch milliseconds.
    pub end: i64,
}

impl WindowName {
    /// Its size, as the key of its record says it.
    #[must_use]
    pub fn size(&self) -> &str {
        self.key.rsplit('/').nth(1).unwrap_or_default()
    }
}

/// Where the names of all windows lie that end in `from..to`, in epoch milliseconds; names of a few others lie there too.
#[must_use]
pub fn places_of_window_names(from: i64, to: i64) -> Vec<Place> {
    metrics::places_of_ends(from, to)
}

/// Where the names of a subject's windows lie that end at an instant, in epoch milliseconds.
#[must_use]
pub fn place_of_window_names(dimension: Dimension, id: &str, end: i64) -> Place {
    metrics::place_of_end(dimension, id, end)
}

/// The window that is named in one of these places; `None` for another key.
#[must_use]
pub fn window_name(key: &[u8]) -> Option<WindowName> {
    let (name, end) = metrics::ending(key)?;
    Some(WindowName { key: name.to_owned(), of: model::parse_window_key(name)?, end })
}

/// Where the window lies whose record has this key.
#[must_use]
pub fn place_of_window(key: &str) -> Place {
    metrics::place_of_name(key)
}

/// The record of the window with this key, as JSON, of what was found in its place; `None` where nothing was.
///
/// # Errors
/// The state cannot be read.
pub fn window(key: &str, found: &Found) -> Result<Option<Vec<u8>>, ProcessError> {
    let place = place_of_window(key);
    let Some((key, value)) = found.get_key_value(place.first()) else { return Ok(None) };
    metrics::with_window(key, value, |window| window.map(|window| json(window)))
}
