// SPDX-License-Identifier: Apache-2.0

//! Read receipts of a conversation (rule A7): a `READ` on a message marks all earlier messages of its side as read.
//!
//! Once a side of a conversation has its first `READ`, its messages are kept in a list of small records. Each holds the time of
//! the message's own `READ` and the earliest `READ` of it and all later messages. Keys are in the reverse of the total order,
//! so a scan goes from a message to the earlier ones. A new `READ` updates earlier messages only until it reaches one with an
//! earlier `READ`. A conversation without receipts costs one look-up at each commit.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use engine::{Emitter, ProcessError};
use model::Kind;
use serde::{Deserialize, Serialize};

use super::beside::READS;
use super::delivery::Rank;
use super::state::{Events, Stored, What, corrupt};
use crate::stored::behind;

/// Format version of a list record; its first byte.
const VERSION: u8 = 1;
/// Takes the place of a side in the key of the record that says which sides have a list.
const BEGUN: u8 = 0;
/// Key prefix of the dirty mark of an activity with a `READ` that may be the first of its side. Activity keys never begin with
/// this byte.
const MARK: u8 = READS;
/// Ends an event id in a key. The id's bytes are inverted, and no byte of an id is 0.
const END: u8 = 0xff;

/// When a message was read, and which message's receipt says so: its own, or that of a later message of its side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadAt {
    pub(crate) at: i64,
    /// The activity that the receipt was sent for.
    pub(crate) message: Box<str>,
}

/// A message's record in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Listed {
    /// The message's activity.
    message: Box<str>,
    /// The earliest time of the message's own `READ`s.
    own: Option<i64>,
    /// The earliest of its own `READ`s and those of later messages; among equal times that of the first message.
    read: Option<ReadAt>,
}

impl Listed {
    fn read(key: &[u8], bytes: &[u8]) -> Result<Self, ProcessError> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => {
                postcard::from_bytes(rest).map_err(|problem| corrupt(key, &problem.to_string()))
            }
            _ => Err(corrupt(key, "it is no message of the list of those that were read")),
        }
    }

    fn write(&self) -> Vec<u8> {
        // Serializing plain data into memory cannot fail.
        behind(VERSION, self).unwrap_or_default()
    }

    /// The read time, given that of the next message.
    fn after(&self, later: Option<&ReadAt>) -> Option<ReadAt> {
        match (self.own, later) {
            (Some(own), Some(later)) if later.at < own => Some(later.clone()),
            (Some(own), _) => Some(ReadAt { at: own, message: self.message.clone() }),
            (None, later) => later.cloned(),
        }
    }
}

/// The side of a message, as a bit; `None` if the kind is not a message.
fn side(kind: u8) -> Option<u8> {
    match Kind::from_code(kind)? {
        Kind::CustomerMessage => Some(1),
        Kind::AgentMessage
        | Kind::BotMessage
        | Kind::CampaignMessage
        | Kind::SurveyQuestion
        | Kind::EwtMessage => Some(2),
        _ => None,
    }
}

/// A message according to its own state.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    side: u8,
    /// The key of its record in the list.
    key: Vec<u8>,
    own: Option<i64>,
}

impl Message {
    fn of(activity: &[u8], events: &Events<'_>) -> Option<Self> {
        let escaped = conversation_of(activity)?;
        let primary = events.primary()?;
        let What::Primary(fields) = &primary.what else { return None };
        let side = side(fields.kind)?;
        let mut receipts = events.list.iter();
        let own = receipts.find_map(|event| is_read(&event.what).then_some(event.at));
        let mut key = side_key(escaped, side);
        key.extend(primary.at.to_be_bytes().iter().map(|byte| !byte));
        key.push(!primary.rank);
        key.extend(primary.id.bytes().map(|byte| !byte));
        key.push(END);
        Some(Self { side, key, own })
    }

    fn read(activity: &[u8], state: Option<&[u8]>) -> Result<Option<Self>, ProcessError> {
        if state.is_none() || conversation_of(activity).is_none() {
            return Ok(None);
        }
        Ok(Self::of(activity, &Events::read(activity, state)?))
    }
}

/// The escaped conversation id in an activity's key.
pub(super) fn conversation_of(activity: &[u8]) -> Option<&[u8]> {
    activity.get(..activity.iter().position(|byte| *byte == b'/')?)
}

fn side_key(escaped: &[u8], side: u8) -> Vec<u8> {
    [&[READS], escaped, b"/", &[side]].concat()
}

/// Key of the record that says which sides of a conversation have a list; absent if none has.
pub(super) fn begun_key(escaped: &[u8]) -> Vec<u8> {
    [&[READS], escaped, b"/", &[BEGUN]].concat()
}

/// The dirty mark of an activity with a `READ`.
pub(super) fn mark(activity: &[u8]) -> Vec<u8> {
    [&[MARK], activity].concat()
}

/// Whether an activity is a message with a `READ` of its own.
pub(super) fn has_read(events: &Events<'_>) -> bool {
    let is_message = |event: &Stored<'_>| match &event.what {
        What::Primary(fields) => side(fields.kind).is_some(),
        _ => false,
    };
    events.of_conversation
        && events.primary().is_some_and(is_message)
        && events.list.iter().any(|event| is_read(&event.what))
}

/// Whether an event is a `READ` receipt.
pub(super) fn is_read(what: &What<'_>) -> bool {
    matches!(what, What::Delivery { status, .. } if Rank::of(status) == Some(Rank::Read))
}

/// Key of a message's read time, by its activity's state; `None` for anything but a message of a conversation.
///
/// # Errors
/// The state is corrupt: wipe and restore it.
pub(crate) fn place(activity: &[u8], state: Option<&[u8]>) -> Result<Option<Vec<u8>>, ProcessError> {
    Ok(Message::read(activity, state)?.map(|message| message.key))
}

/// Like [`place`], with the events already parsed.
pub(super) fn place_of(activity: &[u8], events: &Events<'_>) -> Option<Vec<u8>> {
    Message::of(activity, events).map(|message| message.key)
}

/// The read time in the record at that key.
///
/// # Errors
/// The state is corrupt: wipe and restore it.
pub(crate) fn read_at(place: &[u8], value: Option<&[u8]>) -> Result<Option<ReadAt>, ProcessError> {
    value.map_or(Ok(None), |value| Listed::read(place, value).map(|listed| listed.read))
}

/// The activities that changed since the last commit.
pub(super) struct Marked<'m> {
    /// Their keys, ascending.
    activities: Vec<&'m [u8]>,
    /// The keys of those with a `READ`, which may be the first of their side, ascending.
    reads: Vec<&'m [u8]>,
}

impl<'m> Marked<'m> {
    /// `marks` are in ascending order, as [`engine::News::marked`] returns them.
    pub(super) fn of(marks: impl Iterator<Item = &'m [u8]>) -> Self {
        let mut marked = Self { activities: Vec::new(), reads: Vec::new() };
        for mark in marks {
            match mark.split_first() {
                Some((&MARK, activity)) => marked.reads.push(activity),
                _ => marked.activities.push(mark),
            }
        }
        marked
    }

    /// The keys of the changed activities and of those in `others`, without duplicates, ascending.
    pub(super) fn with<'a>(&self, others: &'a BTreeSet<Vec<u8>>) -> Vec<&'a [u8]>
    where
        'm: 'a,
    {
        let mut keys = self.activities.clone();
        if !others.is_empty() {
            keys.extend(others.iter().map(Vec::as_slice));
            keys.sort_unstable();
            keys.dedup();
        }
        keys
    }
}

/// Applies the changes and adds the keys of all other activities whose delivery status changed as a result.
pub(super) fn follow(
    marked: &Marked<'_>,
    changed: &mut BTreeSet<Vec<u8>>,
    emitter: &mut Emitter<'_>,
) -> Result<(), ProcessError> {
    let mut conversation: Option<Sides<'_>> = None;
    for activity in &marked.activities {
        let Some(escaped) = conversation_of(activity) else { continue };
        // The keys of one conversation are adjacent.
        let sides = match &mut conversation {
            Some(sides) if sides.escaped == escaped => sides,
            other => other.insert(Sides::of(escaped, emitter)?),
        };
        if sides.listed != 0 {
            sides.follow(activity, changed, emitter)?;
        }
        if marked.reads.binary_search(activity).is_ok() {
            sides.begin(activity, changed, emitter)?;
        }
    }
    Ok(())
}

/// The sides of a conversation that have a list.
struct Sides<'k> {
    escaped: &'k [u8],
    /// One bit for each side.
    listed: u8,
    /// The sides whose list was created at this commit from all messages: nothing needs to be added.
    new: u8,
}

impl<'k> Sides<'k> {
    fn of(escaped: &'k [u8], emitter: &mut Emitter<'_>) -> Result<Self, ProcessError> {
        let listed =
            emitter.read(&begun_key(escaped), |value| value.and_then(|value| value.first().copied()))?;
        Ok(Self { escaped, listed: listed.unwrap_or(0), new: 0 })
    }

    /// Updates the lists for an activity.
    fn follow(
        &self,
        activity: &[u8],
        changed: &mut BTreeSet<Vec<u8>>,
        emitter: &mut Emitter<'_>,
    ) -> Result<(), ProcessError> {
        let is_kept = |message: &Message| self.listed & !self.new & message.side != 0;
        let after = emitter.read(activity, |state| Message::read(activity, state))??;
        let before = emitter.read_committed(activity, |state| Message::read(activity, state))??;
        if let Some(before) = before.filter(is_kept)
            && after.as_ref().is_none_or(|after| after.key != before.key)
        {
            remove(self.escaped, &before, changed, emitter)?;
        }
        match after.filter(is_kept) {
            Some(after) => enter(activity, self.escaped, &after, changed, emitter),
            None => Ok(()),
        }
    }

    /// Creates the list for the side of a message that has a `READ`, if it does not exist.
    fn begin(
        &mut self,
        activity: &[u8],
        changed: &mut BTreeSet<Vec<u8>>,
        emitter: &mut Emitter<'_>,
    ) -> Result<(), ProcessError> {
        let message = emitter.read(activity, |state| Message::read(activity, state))??;
        let Some(message) =
            message.filter(|message| message.own.is_some() && self.listed & message.side == 0)
        else {
            return Ok(());
        };
        begin(self.escaped, message.side, changed, emitter)?;
        self.listed |= message.side;
        self.new |= message.side;
        emitter.put(&begun_key(self.escaped), &[self.listed]);
        Ok(())
    }
}

/// Creates the list from all messages of the side, at its first `READ`.
fn begin(
    escaped: &[u8],
    side: u8,
    changed: &mut BTreeSet<Vec<u8>>,
    emitter: &mut Emitter<'_>,
) -> Result<(), ProcessError> {
    let prefix = [escaped, b"/"].concat();
    let mut messages: Vec<(Message, Vec<u8>)> = Vec::new();
    let mut problem = None;
    emitter.scan_all(&prefix, |activity, state| match Message::read(activity, Some(state)) {
        Ok(Some(message)) if message.side == side => messages.push((message, activity.to_vec())),
        Ok(_) => {}
        Err(error) => problem = Some(error),
    })?;
    problem.map_or(Ok(()), Err)?;
    // The keys are in the reverse of the total order: the last message comes first.
    messages.sort_by(|(a, _), (b, _)| a.key.cmp(&b.key));
    let mut later: Option<ReadAt> = None;
    for (message, activity) in messages {
        let mut listed = Listed { message: message_id(&activity), own: message.own, read: None };
        listed.read = listed.after(later.as_ref());
        emitter.put(&message.key, &listed.write());
        if listed.read.is_some() {
            changed.insert(activity);
        }
        later = listed.read;
    }
    Ok(())
}

/// Adds a message, or updates its own `READ`.
fn enter(
    activity: &[u8],
    escaped: &[u8],
    message: &Message,
    changed: &mut BTreeSet<Vec<u8>>,
    emitter: &mut Emitter<'_>,
) -> Result<(), ProcessError> {
    let key = &message.key;
    let known = emitter.read(key, |value| value.map(|value| Listed::read(key, value)).transpose())??;
    if known.as_ref().is_some_and(|known| known.own == message.own) {
        return Ok(());
    }
    let mut listed = Listed { message: message_id(activity), own: message.own, read: None };
    // An earlier `READ` than before needs no look at later messages.
    let is_earlier = |known: &Listed| match (message.own, known.own) {
        (Some(_), None) => true,
        (Some(own), Some(was)) => own < was,
        (None, _) => false,
    };
    listed.read = match &known {
        Some(known) if is_earlier(known) => listed.after(known.read.as_ref()),
        _ => listed.after(later_than(escaped, message, emitter)?.as_ref()),
    };
    emitter.put(key, &listed.write());
    let was = known.and_then(|known| known.read);
    if was != listed.read {
        changed.insert(activity.to_vec());
        go_back(escaped, message, listed.read, changed, emitter)?;
    }
    Ok(())
}

/// Removes a message from its old position.
fn remove(
    escaped: &[u8],
    message: &Message,
    changed: &mut BTreeSet<Vec<u8>>,
    emitter: &mut Emitter<'_>,
) -> Result<(), ProcessError> {
    emitter.delete(&message.key);
    let later = later_than(escaped, message, emitter)?;
    go_back(escaped, message, later, changed, emitter)
}

/// The record of the next message of the side.
fn later_than(
    escaped: &[u8],
    message: &Message,
    emitter: &mut Emitter<'_>,
) -> Result<Option<ReadAt>, ProcessError> {
    let prefix = side_key(escaped, message.side);
    let mut last: Option<(Vec<u8>, Vec<u8>)> = None;
    emitter.scan_from(&prefix, &prefix, |key, value| {
        if key >= message.key.as_slice() {
            return ControlFlow::Break(());
        }
        last = Some((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })?;
    last.map_or(Ok(None), |(key, value)| read_at(&key, Some(&value)))
}

/// Propagates `read` from a message to the earlier ones until nothing changes.
fn go_back(
    escaped: &[u8],
    message: &Message,
    read: Option<ReadAt>,
    changed: &mut BTreeSet<Vec<u8>>,
    emitter: &mut Emitter<'_>,
) -> Result<(), ProcessError> {
    let prefix = side_key(escaped, message.side);
    let mut later = read;
    let mut writes: Vec<(Vec<u8>, Listed)> = Vec::new();
    let mut problem = None;
    emitter.scan_from(&prefix, &message.key, |key, value| {
        if key == message.key.as_slice() {
            return ControlFlow::Continue(());
        }
        let mut listed = match Listed::read(key, value) {
            Ok(listed) => listed,
            Err(error) => {
                problem = Some(error);
                return ControlFlow::Break(());
            }
        };
        let now = listed.after(later.as_ref());
        if now == listed.read {
            return ControlFlow::Break(());
        }
        listed.read.clone_from(&now);
        later = now;
        writes.push((key.to_vec(), listed));
        ControlFlow::Continue(())
    })?;
    problem.map_or(Ok(()), Err)?;
    for (key, listed) in writes {
        changed.insert([escaped, b"/", model::escape(&listed.message).as_bytes()].concat());
        emitter.put(&key, &listed.write());
    }
    Ok(())
}

/// The activity id in this key.
fn message_id(activity: &[u8]) -> Box<str> {
    let key = std::str::from_utf8(activity).ok().and_then(model::parse_activity_key);
    key.map(|(_, id)| id.into()).unwrap_or_default()
}
