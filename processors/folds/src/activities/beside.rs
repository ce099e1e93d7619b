// SPDX-License-Identifier: Apache-2.0

//! Records stored next to an activity's state, each under its own key so that no record becomes large: long texts, and events
//! that are left out but may be needed again (rule A10).

use std::collections::{BTreeMap, HashMap};

use engine::{Emitter, ProcessError, Scope, State};

use super::bounds::{self, Group, KEPT};
use super::state::{Events, Stored, corrupt};
use crate::owner::Owned;
use crate::stored::behind;

/// Key prefix of texts. Activity keys never contain this byte, because it is not valid UTF-8.
const TEXT: u8 = 0xfd;
/// Key prefix of events that are left out.
const LEFT_OUT: u8 = 0xfc;
/// Key prefix of a conversation's read positions.
pub(super) const READS: u8 = 0xfb;
/// Separator between the activity's key and the rest.
const BETWEEN: u8 = 0xff;
/// Format version of an event that is left out; the first byte of the record.
const VERSION: u8 = 2;

/// Texts that a record shows and that are stored outside the state, by event id.
pub(crate) type Texts = HashMap<Box<str>, Vec<u8>>;

/// Pending writes next to a state, by key; `None` deletes the record.
#[derive(Debug, Default)]
pub(super) struct Writes(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Writes {
    /// Applies the pending writes.
    pub(super) fn carry_out(self, state: &mut State<'_>) {
        for (key, value) in self.0 {
            match value {
                Some(value) => state.put(&key, &value),
                None => state.delete(&key),
            }
        }
    }

    /// Deletes an event's texts, which are no longer needed.
    pub(super) fn drop_texts(&mut self, activity: &[u8], event: &Stored<'_>) {
        if event.beside_bytes > 0 {
            self.0.push((text_key(activity, event.id), None));
        }
    }

    /// Enforces the limits: leaves out excess events and moves long texts to their own records.
    pub(super) fn bound(&mut self, activity: &[u8], events: &mut Events<'_>) -> Result<(), ProcessError> {
        while let Some(event) = events.leave_out() {
            // Events that wait for their activity must not get lost: a later one may be given up before them.
            let may_come_back = events.primary().is_none() || Group::of(&event.what).comes_back();
            if may_come_back {
                self.0.push((left_out_key(activity, &event), Some(write(activity, &event)?)));
            } else {
                self.drop_texts(activity, &event);
            }
        }
        let long = events.take_long_texts();
        self.0.extend(long.into_iter().map(|(id, text)| (text_key(activity, id), Some(text))));
        Ok(())
    }
}

/// Checks the left-out events of a relation and restores those that count now. The state is within its limits afterwards.
pub(super) fn take_back(activity: &[u8], group: Group, state: &mut State<'_>) -> Result<(), ProcessError> {
    let Some(bytes) = state.read(activity, |value| value.map(<[u8]>::to_vec))? else { return Ok(()) };
    let mut events = Events::read(activity, Some(&bytes))?;
    if events.omitted.count(group) == 0 {
        return Ok(());
    }
    let candidates = candidates(activity, group, &events, state)?;
    let mut writes = Writes::default();
    for (key, value) in &candidates {
        let event = read(activity, value)?;
        events.omitted.remove(&event);
        writes.0.push((key.clone(), None));
        events.insert(event);
    }
    super::erase::removed_texts(activity, &mut events, &mut writes);
    writes.bound(activity, &mut events)?;
    let bytes = events.write(activity)?;
    writes.carry_out(state);
    state.put(activity, &bytes);
    Ok(())
}

/// Left-out events that may count: the last ones, and the first deletions that count.
fn candidates(
    activity: &[u8],
    group: Group,
    events: &Events<'_>,
    state: &mut State<'_>,
) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, ProcessError> {
    let mut last: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut first: [Option<(Vec<u8>, Vec<u8>)>; 2] = [None, None];
    let mut problem = None;
    state.scan_all(&left_out_of(activity, group), |key, value| {
        if group == Group::Deletions {
            match read(activity, value) {
                Ok(event) => {
                    let counts = events
                        .primary()
                        .is_some_and(|primary| bounds::deletes(&event, primary, events.of_conversation));
                    for (place, is_it) in first.iter_mut().zip([counts, bounds::always_deletes(&event)]) {
                        let is_earlier = place.as_ref().is_none_or(|(known, _)| key < known.as_slice());
                        if is_it && is_earlier {
                            *place = Some((key.to_vec(), value.to_vec()));
                        }
                    }
                }
                Err(error) => problem = Some(error),
            }
        }
        last.insert(key.to_vec(), value.to_vec());
        if last.len() > KEPT {
            last.pop_first();
        }
    })?;
    last.extend(first.into_iter().flatten());
    problem.map_or(Ok(last), Err)
}

/// Deletes a left-out event by id; `false` if there is none.
pub(super) fn forget_left_out(
    activity: &[u8],
    event_id: &str,
    is_response: bool,
    state: &mut State<'_>,
) -> Result<bool, ProcessError> {
    let Some(bytes) = state.read(activity, |value| value.map(<[u8]>::to_vec))? else { return Ok(false) };
    let mut events = Events::read(activity, Some(&bytes))?;
    if events.omitted.is_empty() {
        return Ok(false);
    }
    let mut found: Option<(Vec<u8>, Vec<u8>)> = None;
    state.scan_all(&left_out_under(activity), |key, value| {
        let is_it = read(activity, value)
            .is_ok_and(|event| event.id == event_id && event.is_response() == is_response);
        if is_it {
            found = Some((key.to_vec(), value.to_vec()));
        }
    })?;
    let Some((key, value)) = found else { return Ok(false) };
    let event = read(activity, &value)?;
    let mut writes = Writes(vec![(key, None)]);
    writes.drop_texts(activity, &event);
    events.omitted.remove(&event);
    let bytes = events.write(activity)?;
    writes.carry_out(state);
    if bytes.is_empty() {
        state.delete(activity);
    } else {
        state.put(activity, &bytes);
    }
    Ok(true)
}

/// Deletes left-out events that can never count again. Call it once the activity's primary is known and no waiting event is
/// given up any more.
pub(super) fn settle(activity: &[u8], state: &mut State<'_>) -> Result<(), ProcessError> {
    for group in Group::all().filter(|group| !group.comes_back()) {
        let mut gone: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
        let mut problem = None;
        state.scan_all(&left_out_of(activity, group), |key, value| {
            match read(activity, value) {
                Ok(event) if event.beside_bytes > 0 => gone.push((text_key(activity, event.id), None)),
                Ok(_) => {}
                Err(error) => problem = Some(error),
            }
            gone.push((key.to_vec(), None));
        })?;
        problem.map_or(Ok(()), Err)?;
        Writes(gone).carry_out(state);
    }
    Ok(())
}

/// Deletes all side records of a conversation's activities, or of a standalone activity, within the budget; `false` if some
/// remain.
pub(super) fn forget(scope: &Scope<'_>, emitter: &mut Emitter<'_>) -> Result<bool, ProcessError> {
    let mut under = scope.prefix();
    if let Scope::Activity(_) = scope {
        under.push(BETWEEN);
    }
    for prefix in prefixes(&under) {
        if !emitter.delete_under(&prefix)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The stored texts of these events.
pub(super) fn texts(
    activity: &[u8],
    ids: Vec<Box<str>>,
    mut get: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, ProcessError>,
) -> Result<Texts, ProcessError> {
    let mut texts = Texts::new();
    for id in ids {
        if let Some(text) = get(&text_key(activity, &id))? {
            texts.insert(id, text);
        }
    }
    Ok(texts)
}

/// Key prefixes of all side records, given the prefix of the states.
pub(crate) fn prefixes(states: &[u8]) -> [Vec<u8>; 3] {
    [TEXT, LEFT_OUT, READS].map(|first| [&[first], states].concat())
}

/// Whether the key is that of a side record.
pub(crate) fn is_beside(key: &[u8]) -> bool {
    matches!(key.first(), Some(&(TEXT | LEFT_OUT | READS)))
}

/// Owner of a side record, by its key.
pub(super) fn owned(key: &[u8]) -> Option<Owned<'_>> {
    match key.split_first()? {
        (&(TEXT | LEFT_OUT | READS), name) => Owned::by_key(name, false),
        _ => None,
    }
}

fn text_key(activity: &[u8], event_id: &str) -> Vec<u8> {
    [&[TEXT], activity, &[BETWEEN], event_id.as_bytes()].concat()
}

fn left_out_under(activity: &[u8]) -> Vec<u8> {
    [&[LEFT_OUT], activity, &[BETWEEN]].concat()
}

fn left_out_of(activity: &[u8], group: Group) -> Vec<u8> {
    let mut prefix = left_out_under(activity);
    prefix.push(group.number());
    prefix
}

/// Keys of one relation sort in the total order, because times are never negative.
fn left_out_key(activity: &[u8], event: &Stored<'_>) -> Vec<u8> {
    let mut key = left_out_of(activity, Group::of(&event.what));
    key.extend_from_slice(&event.at.to_be_bytes());
    key.push(event.rank);
    key.extend_from_slice(event.id.as_bytes());
    key
}

fn write(activity: &[u8], event: &Stored<'_>) -> Result<Vec<u8>, ProcessError> {
    behind(VERSION, &(event.beside_bytes, event)).map_err(|problem| corrupt(activity, &problem.to_string()))
}

fn read<'b>(activity: &[u8], bytes: &'b [u8]) -> Result<Stored<'b>, ProcessError> {
    let Some([VERSION, rest @ ..]) = Some(bytes) else {
        return Err(corrupt(activity, "an event that was left out has another version of its form"));
    };
    let (beside_bytes, event): (u64, Stored<'b>) =
        postcard::from_bytes(rest).map_err(|problem| corrupt(activity, &problem.to_string()))?;
    Ok(Stored { beside_bytes, ..event })
}
