// SPDX-License-Identifier: Apache-2.0

//! Relations that wait for their activity. Their records are kept unchanged, so that they can become dead letters when they
//! have waited too long (contract section 9). Meanwhile their effects are in the activity's state.

use std::ops::ControlFlow;

use engine::{Carried, Context, Emitter, ProcessError, Rejection, Retracted, Scope, SourceRecord};
use model::Reason;

use super::beside::{self, Writes};
use super::bounds::Group;
use super::state::Events;
use crate::owner::Owned;
use crate::timers;

/// Key prefix of waiting records. Activity keys never contain this byte, because it is not valid UTF-8.
const WAITING: u8 = 0xff;
/// Key prefix of their timers.
const TIMER: u8 = 0xfe;
/// Separator between the activity's key and the event's id.
const BETWEEN: u8 = 0xff;
const CAME_BYTES: usize = size_of::<i64>();

/// Stores the record of a relation whose activity is unknown.
pub(super) fn hold(
    activity: &str,
    event_id: &str,
    record: &SourceRecord<'_>,
    limit_ms: i64,
    context: &mut Context<'_>,
) {
    let came_ms = context.clock_ms();
    let name = name(activity.as_bytes(), event_id.as_bytes());
    let mut value = came_ms.to_be_bytes().to_vec();
    value.extend_from_slice(&context.carried(record, None));
    context.put(&key(&name), &value);
    timers::set(context, TIMER, came_ms.saturating_add(limit_ms), &name);
}

/// Deletes an activity's waiting records, once it is known.
pub(super) fn release(activity: &str, limit_ms: i64, context: &mut Context<'_>) -> Result<(), ProcessError> {
    let mut released: Vec<(Vec<u8>, i64)> = Vec::new();
    context.scan(&key(&name(activity.as_bytes(), b"")), |key, value| {
        let came = value.first_chunk::<CAME_BYTES>().map(|came| i64::from_be_bytes(*came));
        released.push((key.to_vec(), came.unwrap_or(0)));
        ControlFlow::Continue(())
    })?;
    for (key, came_ms) in released {
        context.delete(&key);
        timers::clear(context, TIMER, came_ms.saturating_add(limit_ms), key.get(1..).unwrap_or_default());
    }
    Ok(())
}

/// Gives up records that have waited too long, within the budget.
pub(super) fn expire(now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    timers::each_due(emitter, TIMER, now_ms, |name, emitter| {
        let Some((activity, event_id)) = parts(name) else { return Err(corrupt(name)) };
        let scope = scope_of(activity);
        // A record that is being erased must not become a dead letter just before.
        if emitter.is_being_erased(&scope)? {
            emitter.delete(&key(name));
            return Ok(());
        }
        if !give_up(name, emitter)? {
            return Ok(());
        }
        take_out(activity, event_id, emitter)?;
        emitter.retract(&Retracted { scope, event_id });
        Ok(())
    })
}

/// Turns the waiting records of a forgotten conversation into dead letters, within the budget, so that nothing gets lost
/// silently; `false` if some remain.
pub(super) fn forget(scope: &Scope<'_>, emitter: &mut Emitter<'_>) -> Result<bool, ProcessError> {
    emitter.drain(&key(&names_of(scope)), |key, emitter| {
        give_up(key.get(1..).unwrap_or_default(), emitter).map(|_| ())
    })
}

/// Deletes the waiting records of an erased conversation, within the budget; `false` if some remain.
pub(super) fn drop_all(scope: &Scope<'_>, emitter: &mut Emitter<'_>) -> Result<bool, ProcessError> {
    emitter.delete_under(&key(&names_of(scope)))
}

/// Prefix of the names of all records that wait in a conversation, or for an activity.
fn names_of(scope: &Scope<'_>) -> Vec<u8> {
    let mut prefix = scope.prefix();
    if let Scope::Activity(_) = scope {
        prefix.push(BETWEEN);
    }
    prefix
}

/// Turns a waiting record into a dead letter; returns whether there was one.
fn give_up(name: &[u8], emitter: &mut Emitter<'_>) -> Result<bool, ProcessError> {
    let waiting = key(name);
    let Some(value) = emitter.read(&waiting, |value| value.map(<[u8]>::to_vec))? else { return Ok(false) };
    emitter.delete(&waiting);
    let carried = Carried::unpack(value.get(CAME_BYTES..).unwrap_or_default()).map_err(|_| corrupt(name))?;
    let detail = "the activity that it changes did not come within the limit".to_owned();
    emitter.dead_letter(&carried, Rejection { reason: Reason::TargetNotFound, detail });
    Ok(true)
}

/// The scope of an activity.
fn scope_of(activity: &[u8]) -> Scope<'_> {
    let conversation = activity.iter().position(|byte| *byte == b'/').and_then(|slash| activity.get(..slash));
    conversation.map_or(Scope::Activity(activity), Scope::Conversation)
}

/// Removes an event from the activity's state, as if it had never arrived.
fn take_out(activity: &[u8], event_id: &str, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    let removed = emitter.read(activity, |state| {
        let mut events = Events::read(activity, state)?;
        let Some(event) = events.remove_relation(event_id) else { return Ok(None) };
        let mut writes = Writes::default();
        writes.drop_texts(activity, &event);
        let group = Group::of(&event.what);
        Ok::<_, ProcessError>(Some((events.write(activity)?, writes, group)))
    })??;
    let Some((left, writes, group)) = removed else {
        return beside::forget_left_out(activity, event_id, false, emitter).map(|_| ());
    };
    if left.is_empty() {
        emitter.delete(activity);
    } else {
        emitter.put(activity, &left);
    }
    writes.carry_out(emitter);
    beside::take_back(activity, group, emitter)
}

/// The key prefix of all records that wait for an activity.
pub(crate) fn of(activity: &[u8]) -> Vec<u8> {
    key(&name(activity, b""))
}

/// The event of a waiting record, by its key, which begins with `prefix`.
pub(crate) fn event_in<'k>(prefix: &[u8], key: &'k [u8]) -> Option<&'k str> {
    std::str::from_utf8(key.strip_prefix(prefix)?).ok()
}

/// Owner of a waiting record or of its timer, by its key.
pub(super) fn owned(key: &[u8]) -> Option<Owned<'_>> {
    match key.split_first()? {
        (&WAITING, name) => Owned::by_key(name, false),
        (&TIMER, timer) => Owned::by_key(timers::about(timer)?, true),
        _ => None,
    }
}

fn key(name: &[u8]) -> Vec<u8> {
    [&[WAITING], name].concat()
}

fn name(activity: &[u8], event_id: &[u8]) -> Vec<u8> {
    [activity, &[BETWEEN], event_id].concat()
}

fn parts(name: &[u8]) -> Option<(&[u8], &str)> {
    let between = name.iter().position(|byte| *byte == BETWEEN)?;
    Some((name.get(..between)?, std::str::from_utf8(name.get(between + 1..)?).ok()?))
}

fn corrupt(name: &[u8]) -> ProcessError {
    ProcessError::Corrupt {
        processor: super::NAME,
        key: String::from_utf8_lossy(name).into_owned(),
        problem: "it holds no waiting record".to_owned(),
    }
}
