// SPDX-License-Identifier: Apache-2.0

//! Replies to campaign messages. Neither belongs to a conversation, so they may be in different partitions: the reply's
//! partition sends the reply to the message's partition, and withdraws it there if it turns out not to be a reply. A reply
//! whose message does not arrive expires.

use engine::{Context, Emitter, ProcessError};

use super::beside;
use super::state::{Events, Stored};
use super::{Edit, Reply, change};
use crate::stored::behind;
use crate::timers;

/// Message type: a reply.
const ANSWER: u8 = b'A';
/// Message type: a withdrawn reply; the reply's event id follows.
const WITHDRAWN: u8 = b'W';
/// Key prefix of timers. Activity keys never contain this byte, because it is not valid UTF-8.
const TIMER: u8 = 0xfa;
/// Separator between the activity's key and the event's id.
const BETWEEN: u8 = 0xff;

/// Sends a reply to the standalone activity that it replies to. It waits there at least until `until_ms`: that partition may
/// have received no event for a long time, so its stream time says nothing about the reply.
pub(super) fn send(
    target: &str,
    answer: &Stored<'_>,
    until_ms: i64,
    context: &mut Context<'_>,
) -> Result<(), ProcessError> {
    let message = behind(ANSWER, &(until_ms, answer)).map_err(|problem| unreadable(&problem.to_string()))?;
    context.send(target.as_bytes(), &message);
    Ok(())
}

/// Withdraws a reply.
pub(super) fn withdraw(target: &str, event_id: &str, context: &mut Context<'_>) {
    context.send(target.as_bytes(), &withdrawn(event_id));
}

/// Withdraws the replies of the activity under this key, which is being erased.
pub(super) fn withdraw_erased(key: &[u8], emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    let reply = emitter.read(key, |state| Events::read(key, state).map(|events| Reply::of(&events)))??;
    match reply {
        Some(reply) => emitter.send(reply.target.as_bytes(), &withdrawn(&reply.event_id)),
        None => Ok(()),
    }
}

/// Takes a reply or its withdrawal; the key is the id of the activity replied to.
pub(super) fn receive(
    key: &[u8],
    payload: &[u8],
    waiting_ms: i64,
    context: &mut Context<'_>,
) -> Result<(), ProcessError> {
    let target = std::str::from_utf8(key).map_err(|_| unreadable("its key is no activity"))?;
    let target = model::activity_key(None, target);
    match payload.split_first() {
        Some((&ANSWER, answer)) => {
            let (until_ms, answer): (i64, Stored<'_>) =
                postcard::from_bytes(answer).map_err(|problem| unreadable(&problem.to_string()))?;
            let name = name(target.as_bytes(), answer.id);
            if !change(&target, Edit::Insert(answer), context)?.is_known {
                let due_ms = context.clock_ms().saturating_add(waiting_ms).max(until_ms);
                timers::set(context, TIMER, due_ms, &name);
            }
            Ok(())
        }
        Some((&WITHDRAWN, event_id)) => {
            let event_id = std::str::from_utf8(event_id).map_err(|_| unreadable("it names no event"))?;
            change(&target, Edit::Withdraw(event_id), context).map(|_| ())
        }
        _ => Err(unreadable("it is about no answer")),
    }
}

/// Deletes replies whose messages did not arrive in time, within the budget.
pub(super) fn expire(now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    timers::each_due(emitter, TIMER, now_ms, |name, emitter| {
        let Some((activity, event_id)) = parts(name) else {
            return Err(super::state::corrupt(name, "its timer is about no answer"));
        };
        let left = emitter.read(activity, |state| {
            let mut events = Events::read(activity, state)?;
            // Once the message is known, the reply stays with it.
            if events.primary().is_some() {
                return Ok(Left::Known);
            }
            match events.withdraw(event_id) {
                true => events.write(activity).map(Left::Changed),
                false => Ok(Left::Elsewhere),
            }
        })??;
        match left {
            Left::Known => {}
            Left::Changed(state) if state.is_empty() => emitter.delete(activity),
            Left::Changed(state) => emitter.put(activity, &state),
            Left::Elsewhere => {
                beside::forget_left_out(activity, event_id, true, emitter)?;
            }
        }
        Ok(())
    })
}

/// Result of giving up a reply.
enum Left {
    /// The activity is known: nothing changes.
    Known,
    /// The activity's state without the reply.
    Changed(Vec<u8>),
    /// The reply was left out of the state, or has already gone.
    Elsewhere,
}

fn withdrawn(event_id: &str) -> Vec<u8> {
    [&[WITHDRAWN], event_id.as_bytes()].concat()
}

fn name(activity: &[u8], event_id: &str) -> Vec<u8> {
    [activity, &[BETWEEN], event_id.as_bytes()].concat()
}

fn parts(name: &[u8]) -> Option<(&[u8], &str)> {
    let between = name.iter().position(|byte| *byte == BETWEEN)?;
    Some((name.get(..between)?, std::str::from_utf8(name.get(between + 1..)?).ok()?))
}

fn unreadable(problem: &str) -> ProcessError {
    ProcessError::UnknownMessage(format!("processor {}: {problem}", super::NAME))
}
