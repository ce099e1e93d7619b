// SPDX-License-Identifier: Apache-2.0

//! Queries: key ranges of a conversation in the state, and its entries as they were emitted.

use engine::{Place, ProcessError};
use model::TimelineEntry;

use super::changes::{First, standing};
use super::conversation::Conversation;
use super::{NAMESPACE, Progress, keys, parts};
use crate::scan::{Amount, Entry, Scan, ScanSettings};
use crate::stored::prefixed;

/// Key ranges of a conversation's entries and progress, by its escaped id.
pub(crate) fn places(escaped: &[u8]) -> [Place; 3] {
    let [parts, _] = keys::parts_of(escaped);
    [
        Place::Under(prefixed(NAMESPACE, &keys::entries_of(escaped))),
        Place::Key(prefixed(NAMESPACE, &keys::progress(escaped))),
        Place::Under(prefixed(NAMESPACE, &parts)),
    ]
}

/// Key range of the progress of all conversations.
pub(crate) fn place_of_all() -> Vec<u8> {
    prefixed(NAMESPACE, keys::PROGRESS_OF_ALL)
}

/// Whether the key is that of an entry.
pub(crate) fn is_entry(key: &[u8]) -> bool {
    key.split_first().is_some_and(|(namespace, key)| *namespace == NAMESPACE && keys::is_entry(key))
}

/// The progress in a record of the state, with the escaped id of its conversation; `None` for any other record. `get` reads
/// other keys of the state, because a long scan has several records.
///
/// # Errors
/// The progress cannot be read.
pub(crate) fn in_progress<'k>(
    key: &'k [u8],
    value: &[u8],
    get: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<Option<(&'k [u8], Progress)>, ProcessError> {
    let Some(rest) = key.strip_prefix(&[NAMESPACE]) else { return Ok(None) };
    let Some(escaped) = keys::conversation_in_progress(rest) else { return Ok(None) };
    let progress = parts::read_value(rest, value, |part| Ok(get(&prefixed(NAMESPACE, part))))?;
    Ok(progress.map(|progress| (escaped, progress)))
}

/// Whether a record of the state is only the first part of a conversation's progress.
pub(crate) fn is_first_part(key: &[u8], value: &[u8]) -> bool {
    let progress = key.strip_prefix(&[NAMESPACE]).and_then(keys::conversation_in_progress);
    progress.is_some() && parts::is_parted(value)
}

/// Passes each record of a conversation's timeline to `see`, in the total order, given the bytes of its entries. `first`
/// returns the first primary of an activity. Relations that wait for their target are left out.
///
/// # Errors
/// An entry cannot be read, or `first` fails.
pub(crate) fn records<'b>(
    id: &str,
    entries: impl Iterator<Item = &'b [u8]>,
    mut first: impl FnMut(&str) -> Result<First, ProcessError>,
    mut see: impl FnMut(&TimelineEntry<'_>),
) -> Result<(), ProcessError> {
    let conversation = Conversation { id, escaped: id.as_bytes() };
    let entries = entries.map(|bytes| conversation.entry(bytes));
    let mut entries = entries.collect::<Result<Vec<Entry<'_>>, ProcessError>>()?;
    entries.sort_unstable_by_key(Entry::order);
    let mut scan = Scan::default();
    // Settings affect only the contributions, which are discarded here.
    let settings = ScanSettings::default();
    for entry in &entries {
        let first = match entry.activity_id() {
            Some(activity_id) => first(activity_id)?,
            None => None,
        };
        let Some(standing) = standing(entry, &first) else { continue };
        let derived = scan.apply(entry, standing, &settings, &mut |_| {});
        conversation.with_record(entry, &derived, &mut see);
    }
    Ok(())
}

impl super::Timelines {
    /// Lets `see` have each contribution of a conversation to the metrics, with the event at which it is made, of its entries' bytes.
    /// `first` gives the first primary of an activity. Returns whether the conversation is among agents only: then it contributes
    /// nothing, whatever `see` was given.
    ///
    /// # Errors
    /// An entry cannot be read, or `first` fails.
    pub(crate) fn contributions<'b>(
        &self,
        id: &str,
        entries: impl Iterator<Item = &'b [u8]>,
        mut first: impl FnMut(&str) -> Result<First, ProcessError>,
        mut see: impl FnMut(&str, &Amount<'_>),
    ) -> Result<bool, ProcessError> {
        let conversation = Conversation { id, escaped: id.as_bytes() };
        let entries = entries.map(|bytes| conversation.entry(bytes));
        let mut entries = entries.collect::<Result<Vec<Entry<'_>>, ProcessError>>()?;
        entries.sort_unstable_by_key(Entry::order);
        let mut scan = Scan::default();
        for entry in &entries {
            let first = match entry.activity_id() {
                Some(activity_id) => first(activity_id)?,
                None => None,
            };
            let Some(standing) = standing(entry, &first) else { continue };
            scan.apply(entry, standing, &self.settings, &mut |amount| see(entry.id, &amount));
        }
        Ok(scan.is_private())
    }
}
