//! Answers to messages of campaigns. Both belong to no conversation, so they may lie in different partitions: the answer is told to
//! where the message lies, and taken back there if it turns out to be none. One whose message does not come is forgotten when
//! its time is over.

use engine::{Context, Emitter, ProcessError};

use super::beside;
use super::state::{Events, Stored};
use super::{Edit, Reply, change};
use crate::stored::behind;
use crate::timers;

/// Begins a message that brings an answer.
const ANSWER: u8 = b'A';
/// Begins a message that takes one back: behind it comes the answer's event.
const WITHDRAWN: u8 = b'W';
/// Begins the keys of timers. No activity's key begins with it, nor holds it: it is no UTF-8.
const TIMER: u8 = 0xfa;
/// Between the activity's key and the event's id.
const BETWEEN: u8 = 0xff;

/// Sends an answer to the activity that it answers and that belongs to no conversation. It waits there until `until_ms` at least:
/// where the activity lies no event may have come for long, or none at all, so the stream time there says nothing of the answer.
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

/// Takes an answer back.
pub(super) fn withdraw(target: &str, event_id: &str, context: &mut Context<'_>) {
    context.send(target.as_bytes(), &withdrawn(event_id));
}

/// The activity under this key is erased: so is what it was to another one.
pub(super) fn withdraw_erased(key: &[u8], emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    let reply = emitter.read(key, |state| Events::read(key, state).map(|events| Reply::of(&events)))??;
    match reply {
        Some(reply) => emitter.send(reply.target.as_bytes(), &withdrawn(&reply.event_id)),
        None => Ok(()),
    }
}

/// An answer has come, or is taken back: the key is the answered activity's id.
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

/// Forgets answers whose messages did not come in time, as far as the budget goes.
pub(super) fn expire(now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    timers::each_due(emitter, TIMER, now_ms, |name, emitter| {
        let Some((activity, event_id)) = parts(name) else {
            return Err(super::state::corrupt(name, "its timer is about no answer"));
        };
        let left = emitter.read(activity, |state| {
            let mut events = Events::read(activity, state)?;
            // Once the message is known, the answer stays with it.
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

/// What becomes of an activity whose answer is given up.
enum Left {
    /// It is known: nothing.
    Known,
    /// Its state without the answer.
    Changed(Vec<u8>),
    /// The answer was left out of the state, or is gone already.
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
