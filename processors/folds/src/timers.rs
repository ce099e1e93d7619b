// SPDX-License-Identifier: Apache-2.0

//! Timers in a processor's state, sorted by due time.

use std::ops::ControlFlow;

use engine::{Committed, Emitter, ProcessError, State};

const DUE_BYTES: usize = size_of::<i64>();

/// The key of a timer: `first`, due time and subject. Times are never negative, so keys sort by time.
fn key(first: u8, due_ms: i64, about: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + DUE_BYTES + about.len());
    key.push(first);
    key.extend_from_slice(&due_ms.max(0).to_be_bytes());
    key.extend_from_slice(about);
    key
}

/// The subject of a timer, given its key without the first byte.
pub(crate) fn about(key: &[u8]) -> Option<&[u8]> {
    key.get(DUE_BYTES..)
}

/// Sets a timer.
pub(crate) fn set(state: &mut State<'_>, first: u8, due_ms: i64, about: &[u8]) {
    state.put(&key(first, due_ms, about), b"");
}

/// Removes a timer.
pub(crate) fn clear(state: &mut State<'_>, first: u8, due_ms: i64, about: &[u8]) {
    state.delete(&key(first, due_ms, about));
}

/// Due time of the first timer; `None` if none is set.
///
/// # Errors
/// The store failed; propagate the error.
pub(crate) fn first_due(state: &Committed<'_>, first: u8) -> Result<Option<i64>, ProcessError> {
    let due = state.first(&[first], |key| {
        let (at, _) = key.get(1..)?.split_first_chunk::<DUE_BYTES>()?;
        Some(i64::from_be_bytes(*at))
    })?;
    Ok(due.flatten())
}

/// Takes the due timers within the commit's budget: removes each and calls `each` with its subject.
///
/// # Errors
/// Those of `each`, or the store failed; propagate the error.
pub(crate) fn each_due(
    emitter: &mut Emitter<'_>,
    first: u8,
    now_ms: i64,
    mut each: impl FnMut(&[u8], &mut Emitter<'_>) -> Result<(), ProcessError>,
) -> Result<(), ProcessError> {
    let most = emitter.keys_max();
    let mut due: Vec<Vec<u8>> = Vec::new();
    emitter.scan_committed(&[first], |key, _| {
        let at = key.get(1..).and_then(|rest| rest.split_first_chunk::<DUE_BYTES>());
        let is_due = at.is_some_and(|(at, _)| i64::from_be_bytes(*at) <= now_ms);
        if !is_due || due.len() > most {
            return ControlFlow::Break(());
        }
        due.push(key.to_vec());
        ControlFlow::Continue(())
    })?;
    for key in due {
        if !emitter.has_budget() {
            return Ok(());
        }
        // A timer that was cleared since the last commit is no longer due.
        let is_set = emitter.read(&key, |timer| timer.is_some())?;
        emitter.delete(&key);
        if let Some(about) = key.get(1..).and_then(about).filter(|_| is_set) {
            each(about, emitter)?;
        }
    }
    Ok(())
}
