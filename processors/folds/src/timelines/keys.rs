// SPDX-License-Identifier: Apache-2.0

//! Keys of a conversation's entries and its scan, and the dirty marks of new entries.

use std::borrow::Cow;
use std::collections::BTreeMap;

use engine::News;
use model::Order;

use crate::owner::Owned;

const ENTRY: u8 = b'e';
const ORDER: u8 = b'o';
const CHECKPOINT: u8 = b'k';
const PROGRESS: u8 = b's';
/// Key prefix of the parts of scans; the scan's own key follows.
const PART: u8 = b'p';
/// Separator between a scan's key and the part number. Ids never contain it, because it is not valid UTF-8.
const BETWEEN: u8 = 0xff;
const AT_BYTES: usize = size_of::<i64>();
/// Bytes before an event's id: time and rank.
const PLACE_BYTES: usize = AT_BYTES + 1;

/// Prefix of all entries of a conversation, by its escaped id.
pub(super) fn entries_of(escaped: &[u8]) -> Vec<u8> {
    prefix(ENTRY, escaped, 0)
}

/// Key of an entry.
pub(super) fn entry(escaped: &[u8], event_id: &str) -> Vec<u8> {
    let mut key = prefix(ENTRY, escaped, event_id.len());
    key.extend_from_slice(event_id.as_bytes());
    key
}

/// Prefix of the order of a conversation's entries.
pub(super) fn orders_of(escaped: &[u8]) -> Vec<u8> {
    prefix(ORDER, escaped, 0)
}

/// Key of an entry's position in the total order.
pub(super) fn order(escaped: &[u8], place: Order<'_>) -> Vec<u8> {
    placed(prefix(ORDER, escaped, PLACE_BYTES + place.2.len()), place)
}

/// Prefix of all checkpoints of a conversation's scan.
pub(super) fn checkpoints_of(escaped: &[u8]) -> Vec<u8> {
    prefix(CHECKPOINT, escaped, 0)
}

/// Key of the checkpoint after an entry.
pub(super) fn checkpoint(escaped: &[u8], place: Order<'_>) -> Vec<u8> {
    placed(prefix(CHECKPOINT, escaped, PLACE_BYTES + place.2.len()), place)
}

/// Key of a conversation's progress.
pub(super) fn progress(escaped: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(escaped.len() + 1);
    key.push(PROGRESS);
    key.extend_from_slice(escaped);
    key
}

/// Key of a part of the scan at `scan`.
pub(super) fn part(scan: &[u8], number: u32) -> Vec<u8> {
    [&[PART], scan, &[BETWEEN], number.to_be_bytes().as_slice()].concat()
}

/// Prefixes of the parts of a conversation's progress and of its checkpoints.
pub(super) fn parts_of(escaped: &[u8]) -> [Vec<u8>; 2] {
    let mut of_progress = vec![PART];
    of_progress.extend_from_slice(&progress(escaped));
    of_progress.push(BETWEEN);
    let mut of_checkpoints = vec![PART];
    of_checkpoints.extend_from_slice(&checkpoints_of(escaped));
    [of_progress, of_checkpoints]
}

/// Dirty mark of a new entry. Those of one conversation sort in the total order.
pub(super) fn mark(escaped: &str, place: Order<'_>) -> Vec<u8> {
    let mut mark = Vec::with_capacity(escaped.len() + 1 + PLACE_BYTES + place.2.len());
    mark.extend_from_slice(escaped.as_bytes());
    mark.push(b'/');
    placed(mark, place)
}

/// Prefix of the progress of all conversations.
pub(super) const PROGRESS_OF_ALL: &[u8] = &[PROGRESS];

/// The escaped conversation id in the key of its progress; `None` for any other key.
pub(super) fn conversation_in_progress(key: &[u8]) -> Option<&[u8]> {
    key.strip_prefix(PROGRESS_OF_ALL)
}

/// Whether the key is that of an entry.
pub(super) fn is_entry(key: &[u8]) -> bool {
    key.first() == Some(&ENTRY)
}

/// Owner of a record of the state.
pub(crate) fn owned(key: &[u8]) -> Option<Owned<'_>> {
    match key.split_first()? {
        (&(ENTRY | ORDER | CHECKPOINT), of) | (&PART, [CHECKPOINT, of @ ..]) => Owned::by_key(of, false),
        (&PROGRESS, of) => Owned::by(of, false),
        (&PART, [PROGRESS, of @ ..]) => Owned::by(of.split(|byte| *byte == BETWEEN).next()?, false),
        _ => None,
    }
}

/// Prefix of one kind of key in a conversation, with capacity for `room` more bytes.
fn prefix(first: u8, escaped: &[u8], room: usize) -> Vec<u8> {
    let mut key = Vec::with_capacity(escaped.len() + 2 + room);
    key.push(first);
    key.extend_from_slice(escaped);
    key.push(b'/');
    key
}

/// Appends a position so that keys sort in the total order: times are never negative.
fn placed(mut key: Vec<u8>, (at, rank, event_id): Order<'_>) -> Vec<u8> {
    key.extend_from_slice(&at.to_be_bytes());
    key.push(rank);
    key.extend_from_slice(event_id.as_bytes());
    key
}

/// The event id in a key of [`order`] with this prefix.
pub(super) fn ordered_event<'k>(prefix: &[u8], key: &'k [u8]) -> Option<&'k str> {
    Some(place_of(key.strip_prefix(prefix)?)?.2)
}

/// Changes in one conversation.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'n> {
    /// New events in the total order: times and ids.
    pub(super) events: Vec<Order<'n>>,
    /// Keys of the changed activities.
    pub(super) activities: Vec<&'n [u8]>,
}

/// The changes by escaped conversation id, without standalone activities.
pub(super) fn by_conversation<'n>(news: &News<'n>) -> BTreeMap<&'n [u8], Changes<'n>> {
    let mut conversations: BTreeMap<&[u8], Changes<'_>> = BTreeMap::new();
    for (escaped, event) in news.marked().filter_map(split) {
        if let Some(event) = place_of(event) {
            conversations.entry(escaped).or_default().events.push(event);
        }
    }
    for note in news.heard() {
        if let Some((escaped, _)) = split(note.key) {
            conversations.entry(escaped).or_default().activities.push(note.key);
        }
    }
    conversations
}

fn split(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = key.iter().position(|byte| *byte == b'/')?;
    Some((key.get(..slash)?, key.get(slash + 1..)?))
}

fn place_of(mark: &[u8]) -> Option<Order<'_>> {
    let (at, rest) = mark.split_first_chunk::<AT_BYTES>()?;
    let (rank, id) = rest.split_first()?;
    Some((i64::from_be_bytes(*at), *rank, std::str::from_utf8(id).ok()?))
}

/// The conversation id of this escaped id.
pub(crate) fn conversation_id(escaped: &[u8]) -> Option<Cow<'_, str>> {
    model::unescape(std::str::from_utf8(escaped).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_a_conversation_sort_in_the_total_order() {
        let events = [
            (5, 3, "z"),
            (5, 4, "b"),
            (5, 4, "c"),
            (40, 0, "a"),
            (1_750_000_000_000, 8, ""),
            (1_750_000_000_000, 8, "é/x"),
        ];
        let marks: Vec<Vec<u8>> =
            events.iter().map(|(at, rank, id)| mark("c%2F1", (*at, *rank, id))).collect();
        assert!(marks.is_sorted());
        for (mark, event) in marks.iter().zip(events) {
            let (escaped, rest) = split(mark).unwrap();
            assert_eq!((escaped, place_of(rest)), (b"c%2F1".as_slice(), Some(event)));
        }
    }

    #[test]
    fn entries_of_one_conversation_share_a_prefix_that_no_other_has() {
        assert!(entry(b"a", "x/y").starts_with(&entries_of(b"a")));
        assert!(!entry(b"ab", "x").starts_with(&entries_of(b"a")));
    }

    #[test]
    fn a_place_in_the_order_gives_its_event() {
        let prefix = orders_of(b"c");
        assert_eq!(ordered_event(&prefix, &order(b"c", (7, 4, "e/1"))), Some("e/1"));
        assert!(order(b"c", (7, 4, "z")) < order(b"c", (8, 0, "a")));
        assert_eq!(ordered_event(&prefix, &checkpoint(b"c", (7, 4, "e/1"))), None);
    }
}
