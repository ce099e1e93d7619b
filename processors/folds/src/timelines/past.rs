// SPDX-License-Identifier: Apache-2.0

//! Handles events in the past: repeats the scan from the position before them, for the old and the new entries, and emits the
//! differences.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use engine::{Emitter, ProcessError};
use model::Order;

use super::changes::{ChangedActivities, standing_before};
use super::conversation::{Conversation, turn};
use super::flush::keep_checkpoint;
use super::keys::{self, Came};
use super::ledger::{Ledger, Sight};
use super::said::Reply;
use super::{Progress, Timelines, parts};
use crate::activities;
use crate::scan::{Derived, Entry};

/// Entries with their derived fields.
type Scanned<'e> = Vec<(Entry<'e>, Derived)>;

impl Timelines {
    /// Repeats the scan from before `earliest`, the first entry that becomes visible.
    pub(super) fn go_back(
        &self,
        conversation: Conversation<'_>,
        before: &Progress,
        earliest: Order<'_>,
        (came, activities): (&[Came<'_>], &ChangedActivities<'_>),
        ledger: &mut Ledger,
        emitter: &mut Emitter<'_>,
    ) -> Result<Progress, ProcessError> {
        let start = if before.is_ordered() {
            last_checkpoint(conversation, earliest, emitter)?
        } else {
            Progress::default()
        };
        let bytes = if before.is_ordered() {
            ordered_entries(conversation, &start, emitter)?
        } else {
            all_entries(conversation, emitter)?
        };
        let entries = bytes.iter().map(|bytes| conversation.entry(bytes));
        let mut entries = entries.collect::<Result<Vec<Entry<'_>>, ProcessError>>()?;
        entries.retain(|entry| start.is_before(entry.order()));
        entries.sort_unstable_by_key(Entry::order);

        let was = self.scan_old(conversation, start.clone(), (&entries, came), ledger, emitter)?;
        let mut progress = start;
        progress.set_ordered(before.is_ordered());
        let is = self.scan_new(conversation, &mut progress, (&entries, activities), ledger, emitter)?;
        let known: HashMap<&str, &Derived> = was.iter().map(|(entry, derived)| (entry.id, derived)).collect();
        for (entry, derived) in &is {
            if known.get(entry.id) != Some(&derived) {
                conversation.emit(entry, derived, emitter)?;
            }
        }
        tell_turns(conversation, &was, &is, emitter);
        Ok(progress)
    }

    /// Enters all contributions, old or new, of a conversation that turns out to be private, or not to be.
    pub(super) fn all(
        &self,
        conversation: Conversation<'_>,
        (came, activities): (&[Came<'_>], &ChangedActivities<'_>),
        sight: Sight,
        emitter: &mut Emitter<'_>,
    ) -> Result<Ledger, ProcessError> {
        let bytes = all_entries(conversation, emitter)?;
        let entries = bytes.iter().map(|bytes| conversation.entry(bytes));
        let mut entries = entries.collect::<Result<Vec<Entry<'_>>, ProcessError>>()?;
        entries.sort_unstable_by_key(Entry::order);
        let mut ledger = Ledger::default();
        enter_legs(conversation, sight, &mut ledger, emitter)?;
        match sight {
            Sight::Was => {
                let start = Progress::default();
                self.scan_old(conversation, start, (&entries, came), &mut ledger, emitter)?;
            }
            Sight::Is => {
                let mut progress = Progress::default();
                for entry in &entries {
                    if let Some(standing) = activities.standing(conversation, entry, emitter)? {
                        self.pass(&mut progress, (entry, standing), sight, &mut ledger);
                    }
                }
            }
        }
        Ok(ledger)
    }

    /// Scans the conversation as of the last commit; its contributions are subtracted.
    fn scan_old<'e>(
        &self,
        conversation: Conversation<'_>,
        mut progress: Progress,
        (entries, came): (&[Entry<'e>], &[Came<'_>]),
        ledger: &mut Ledger,
        emitter: &mut Emitter<'_>,
    ) -> Result<Scanned<'e>, ProcessError> {
        let came: HashSet<&str> = came.iter().map(|came| came.entry.id).collect();
        let mut scanned = Vec::with_capacity(entries.len());
        for entry in entries.iter().filter(|entry| !came.contains(entry.id)) {
            let Some(standing) = standing_before(conversation, entry, emitter)? else { continue };
            let derived = self.pass(&mut progress, (entry, standing), Sight::Was, ledger);
            scanned.push((*entry, derived));
        }
        Ok(scanned)
    }

    /// Scans the current conversation and stores its checkpoints again.
    fn scan_new<'e>(
        &self,
        conversation: Conversation<'_>,
        progress: &mut Progress,
        (entries, activities): (&[Entry<'e>], &ChangedActivities<'_>),
        ledger: &mut Ledger,
        emitter: &mut Emitter<'_>,
    ) -> Result<Scanned<'e>, ProcessError> {
        forget_checkpoints(conversation, progress, emitter)?;
        let mut scanned = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(standing) = activities.standing(conversation, entry, emitter)? else { continue };
            let derived = self.pass(progress, (entry, standing), Sight::Is, ledger);
            keep_checkpoint(conversation, progress, emitter)?;
            scanned.push((*entry, derived));
        }
        Ok(scanned)
    }
}

/// What all call legs of the conversation contribute, or did.
fn enter_legs(
    conversation: Conversation<'_>,
    sight: Sight,
    ledger: &mut Ledger,
    emitter: &mut Emitter<'_>,
) -> Result<(), ProcessError> {
    let prefix = [conversation.escaped, b"/"].concat();
    let mut problem = Ok(());
    let enter = |key: &[u8], state: &[u8]| {
        match activities::leg_figures(key, state) {
            Ok(Some(leg)) => ledger.enter_leg(&leg, sight),
            Ok(None) => {}
            Err(error) => {
                problem = Err(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    };
    match sight {
        Sight::Was => emitter.scan_committed_of(activities::NAME, &prefix, enter)?,
        Sight::Is => emitter.scan_of_from(activities::NAME, (&prefix, &prefix), enter)?,
    }
    problem
}

/// The last checkpoint before a position; the start of the conversation if there is none.
fn last_checkpoint(
    conversation: Conversation<'_>,
    place: Order<'_>,
    emitter: &mut Emitter<'_>,
) -> Result<Progress, ProcessError> {
    let end = keys::checkpoint(conversation.escaped, place);
    let mut last: Option<(Vec<u8>, Vec<u8>)> = None;
    emitter.scan_all(&keys::checkpoints_of(conversation.escaped), |key, bytes| {
        let is_later = last.as_ref().is_none_or(|(known, _)| known.as_slice() < key);
        if key < end.as_slice() && is_later {
            last = Some((key.to_vec(), bytes.to_vec()));
        }
    })?;
    let Some((key, bytes)) = last else { return Ok(Progress::default()) };
    let get = |part: &[u8]| emitter.read(part, |value| value.map(<[u8]>::to_vec));
    Ok(parts::read_value(&key, &bytes, get)?.unwrap_or_default())
}

/// Deletes the checkpoints after the scan's position, which are no longer valid.
fn forget_checkpoints(
    conversation: Conversation<'_>,
    progress: &Progress,
    emitter: &mut Emitter<'_>,
) -> Result<(), ProcessError> {
    let prefix = keys::checkpoints_of(conversation.escaped);
    let here = progress.last().map(|place| keys::checkpoint(conversation.escaped, place));
    let from = here.as_deref().unwrap_or(&prefix);
    let mut later: Vec<(Vec<u8>, u32)> = Vec::new();
    emitter.scan_from(&prefix, from, |key, value| {
        later.push((key.to_vec(), parts::count(value)));
        ControlFlow::Continue(())
    })?;
    for (key, parts) in later.iter().filter(|(key, _)| Some(key.as_slice()) != here.as_deref()) {
        parts::delete(key, *parts, emitter);
    }
    Ok(())
}

fn all_entries(
    conversation: Conversation<'_>,
    emitter: &mut Emitter<'_>,
) -> Result<Vec<Vec<u8>>, ProcessError> {
    let mut all = Vec::new();
    emitter.scan_all(&keys::entries_of(conversation.escaped), |_, bytes| all.push(bytes.to_vec()))?;
    Ok(all)
}

/// The entries from the scan's position.
fn ordered_entries(
    conversation: Conversation<'_>,
    start: &Progress,
    emitter: &mut Emitter<'_>,
) -> Result<Vec<Vec<u8>>, ProcessError> {
    let prefix = keys::orders_of(conversation.escaped);
    let from = start.last().map_or_else(|| prefix.clone(), |place| keys::order(conversation.escaped, place));
    let mut wanted: Vec<Vec<u8>> = Vec::new();
    emitter.scan_from(&prefix, &from, |key, _| {
        wanted.extend(keys::ordered_event(&prefix, key).map(|id| keys::entry(conversation.escaped, id)));
        ControlFlow::Continue(())
    })?;
    let mut entries = Vec::with_capacity(wanted.len());
    for key in wanted {
        entries.extend(emitter.read(&key, |bytes| bytes.map(<[u8]>::to_vec))?);
    }
    Ok(entries)
}

/// Notifies downstream processors of each turn that another message closes now.
fn tell_turns(
    conversation: Conversation<'_>,
    was: &Scanned<'_>,
    is: &Scanned<'_>,
    emitter: &mut Emitter<'_>,
) {
    let (was, is) = (turns(was), turns(is));
    for (opening, reply) in &is {
        if was.get(opening) != Some(reply) {
            conversation.tell_turn(opening, Some(*reply), emitter);
        }
    }
    for opening in was.keys().filter(|opening| !is.contains_key(*opening)) {
        conversation.tell_turn(opening, None, emitter);
    }
}

/// The closed turns: the opening activity and the reply.
fn turns<'s>(entries: &'s Scanned<'_>) -> BTreeMap<&'s str, Reply<'s>> {
    entries.iter().filter_map(|(entry, derived)| turn(entry, derived)).collect()
}
