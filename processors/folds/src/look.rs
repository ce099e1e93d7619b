//! Looking at the state of a running task from outside: where something lies, and what the records say that were emitted
//! of it. Every record is made by the function that emits it, so there is no second truth.
//!
//! Who asks carries bytes: [`places_of`] a conversation from a task's store into a [`Found`], and that to
//! [`conversation`], on another thread.

use std::collections::BTreeMap;

use engine::{Place, ProcessError};
use model::{ConversationSummary, Dimension, Format, JsonFormat, Record, Stage};

use crate::stored::prefixed;
use crate::{activities, conversations, metrics, timelines};

/// Records of the state, by their keys as the changelog has them.
pub type Found = BTreeMap<Vec<u8>, Vec<u8>>;

/// A conversation as it was emitted: the values of its records, as JSON.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// The summary; none while nothing of the conversation is to be seen.
    pub summary: Option<Vec<u8>>,
    /// The timeline's entries in their order.
    pub timeline: Vec<Vec<u8>>,
    /// The activities, by the time at which they occurred.
    pub activities: Vec<Vec<u8>>,
}

/// The key that a conversation's partition is found by.
#[must_use]
pub fn key_of(conversation: &str) -> &[u8] {
    conversation.as_bytes()
}

/// Where a conversation lies in the state.
#[must_use]
pub fn places_of(conversation: &str) -> Vec<Place> {
    let escaped = model::escape(conversation);
    let mut places = timelines::places(escaped.as_bytes()).to_vec();
    places.push(Place::Under(prefixed(activities::NAMESPACE, format!("{escaped}/").as_bytes())));
    places
}

/// The conversation, of what was found in its places; `None` where that is nothing.
///
/// # Errors
/// The state cannot be read.
pub fn conversation(id: &str, found: &Found) -> Result<Option<Emitted>, ProcessError> {
    let mut emitted = Emitted { activities: activities_in(found)?, ..Emitted::default() };
    let entries = found.iter().filter(|(key, _)| timelines::is_entry(key)).map(|(_, value)| value.as_slice());
    let first = |activity_id: &str| with_state(id, activity_id, found, activities::first);
    timelines::records(id, entries, first, |record| emitted.timeline.push(json(&record.into())))?;
    for (key, value) in found {
        let Some((_, progress)) = timelines::in_progress(key, value)? else { continue };
        let mut bodies = Vec::new();
        for wrap_up in progress.scan.wrap_ups() {
            let body = with_state(id, &wrap_up.activity_id, found, conversations::shown_body)?;
            bodies.extend(body.map(|body| (wrap_up, body)));
        }
        let summary = conversations::summary(id, &progress, &bodies, false);
        emitted.summary = Some(json(&Record::from(&summary)));
    }
    Ok((emitted != Emitted::default()).then_some(emitted))
}

fn activities_in(found: &Found) -> Result<Vec<Vec<u8>>, ProcessError> {
    let mut all = Vec::new();
    for (key, value) in found {
        let Some(key) = key.strip_prefix(&[activities::NAMESPACE]) else { continue };
        all.extend(activities::with_activity(key, Some(value), |activity| {
            activity.map(|activity| (activity.occurred_at, json(&activity.into())))
        })?);
    }
    // Those of one time stay in the order of their ids.
    all.sort_by_key(|(occurred_at, _)| *occurred_at);
    Ok(all.into_iter().map(|(_, json)| json).collect())
}

/// Lets `read` see the state of one of the conversation's activities.
fn with_state<R>(
    conversation: &str,
    activity_id: &str,
    found: &Found,
    read: impl FnOnce(&[u8], Option<&[u8]>) -> Result<R, ProcessError>,
) -> Result<R, ProcessError> {
    let key = model::activity_key(Some(conversation), activity_id);
    let state = found.get(&prefixed(activities::NAMESPACE, key.as_bytes()));
    read(key.as_bytes(), state.map(Vec::as_slice))
}

fn json(record: &Record<'_>) -> Vec<u8> {
    let mut value = Vec::with_capacity(1024);
    JsonFormat.write(record, &mut value);
    value
}

/// Where lies how each conversation stands: one record each, which changes with every change of the conversation.
#[must_use]
pub fn all_standing() -> Vec<u8> {
    timelines::place_of_all()
}

/// The id of the conversation that a record of [`all_standing`] is about; `None` for another record.
#[must_use]
pub fn standing_of(key: &[u8]) -> Option<String> {
    let escaped = key.strip_prefix(timelines::place_of_all().as_slice())?;
    Some(timelines::conversation_id(escaped)?.into_owned())
}

/// How a conversation stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<'s> {
    /// The summary, but for the wrap-ups, which are left out.
    pub summary: ConversationSummary<'s>,
    /// What the conversation is in.
    pub stage: Stage,
    /// When the customer's message came that still waits for its answer.
    pub awaits_reply_since: Option<i64>,
}

/// Lets `look` see how a conversation stands, of a record of [`all_standing`]; `None` for another record.
///
/// # Errors
/// The state cannot be read.
pub fn with_standing<R>(
    key: &[u8],
    value: &[u8],
    look: impl FnOnce(&Standing<'_>) -> R,
) -> Result<Option<R>, ProcessError> {
    let Some((escaped, progress)) = timelines::in_progress(key, value)? else { return Ok(None) };
    let Some(id) = timelines::conversation_id(escaped) else { return Ok(None) };
    let standing = Standing {
        summary: conversations::summary(&id, &progress, &[], false),
        stage: progress.scan.stage(),
        awaits_reply_since: progress.scan.awaits_reply_since(),
    };
    Ok(Some(look(&standing)))
}

/// The key that the partition of a subject of metrics is found by.
#[must_use]
pub fn key_of_subject(dimension: Dimension, id: &str) -> Vec<u8> {
    metrics::subject_key(dimension, id).into_bytes()
}

/// Where the windows of a subject lie in the state.
#[must_use]
pub fn place_of_windows(dimension: Dimension, id: &str) -> Place {
    metrics::place(dimension, id)
}

/// The windows, as JSON, of what was found in their place: by size, then by start.
///
/// # Errors
/// The state cannot be read.
pub fn windows(found: &Found) -> Result<Vec<Vec<u8>>, ProcessError> {
    let mut all = Vec::new();
    for (key, value) in found {
        all.extend(metrics::with_window(key, value, |window| {
            window.map(|window| {
                let size = window.window_end - window.window_start;
                ((size, window.window_start), json(&window.into()))
            })
        })?);
    }
    all.sort_by_key(|(order, _)| *order);
    Ok(all.into_iter().map(|(_, json)| json).collect())
}
