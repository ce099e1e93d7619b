// SPDX-License-Identifier: Apache-2.0

//! Keys of a conversation's entries and its scan, and the dirty marks of new entries.

use std::borrow::Cow;

use engine::News;
use model::Order;

use crate::activities::Digests;
use crate::owner::Owned;
use crate::scan::Entry;

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
/// Bytes of the length of an entry in a mark.
const LENGTH_BYTES: usize = size_of::<u32>();

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

/// Ends an event's id in a mark. No byte of an id is 0, so marks sort by the whole id.
const END: u8 = 0;

/// Dirty mark of a new entry, with the entry itself: then the flush need not look it up. Those of one conversation sort in the
/// total order.
pub(super) fn mark(escaped: &str, place: Order<'_>, entry: &[u8]) -> Vec<u8> {
    let length = u32::try_from(entry.len()).unwrap_or(u32::MAX).to_be_bytes();
    let room = escaped.len() + place.2.len() + entry.len() + PLACE_BYTES + 2 + length.len();
    let mut mark = Vec::with_capacity(room);
    mark.extend_from_slice(escaped.as_bytes());
    mark.push(b'/');
    let mut mark = placed(mark, place);
    mark.push(END);
    mark.extend_from_slice(entry);
    mark.extend_from_slice(&length);
    mark
}

/// The rank and the entry in what follows the conversation in a mark.
fn came_in(mark: &[u8]) -> Option<(u8, &[u8])> {
    let (rest, length) = mark.split_last_chunk::<LENGTH_BYTES>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (place, entry) = rest.split_at_checked(rest.len().checked_sub(length)?)?;
    Some((*place.get(AT_BYTES)?, entry))
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
#[derive(Debug, Default)]
pub(super) struct Changes<'n> {
    /// The ranks and the entries of new events, in the total order.
    pub(super) events: Vec<(u8, &'n [u8])>,
    /// The changed activities by their keys, ascending.
    pub(super) activities: Vec<(&'n [u8], Digests)>,
}

/// The entry of a new event.
#[derive(Debug)]
pub(super) struct Came<'n> {
    pub(super) rank: u8,
    pub(super) entry: Entry<'n>,
}

impl<'n> Came<'n> {
    /// Its position, with the rank as the event had it.
    pub(super) fn order(&self) -> Order<'n> {
        (self.entry.at, self.rank, self.entry.id)
    }
}

/// The changes by escaped conversation id, ascending, without standalone activities.
pub(super) fn by_conversation<'n>(news: &News<'n>) -> Vec<(&'n [u8], Changes<'n>)> {
    let mut conversations = Vec::new();
    for mark in news.marked() {
        let Some((changes, mark)) = of_key(&mut conversations, mark) else { continue };
        changes.events.extend(came_in(mark));
    }
    for note in news.heard() {
        if let Some(digests) = Digests::of(&note)
            && let Some((changes, _)) = of_key(&mut conversations, note.key)
        {
            changes.activities.push((note.key, digests));
        }
    }
    // Both lists are sorted, so each has a conversation's changes together: at most two are for the same one.
    conversations.sort_by_key(|(escaped, _)| *escaped);
    conversations.dedup_by(|(later, more), (escaped, changes)| {
        let is_same = later == escaped;
        if is_same {
            changes.events.append(&mut more.events);
            changes.activities.append(&mut more.activities);
        }
        is_same
    });
    conversations
}

/// The changes of the conversation of a key, which are the last ones or new, and the rest of the key.
fn of_key<'c, 'n>(
    conversations: &'c mut Vec<(&'n [u8], Changes<'n>)>,
    key: &'n [u8],
) -> Option<(&'c mut Changes<'n>, &'n [u8])> {
    let of_last = conversations.last().and_then(|(last, _)| key.strip_prefix(*last)?.strip_prefix(b"/"));
    let rest = match of_last {
        Some(rest) => rest,
        None => {
            let (escaped, rest) = split(key)?;
            conversations.push((escaped, Changes::default()));
            rest
        }
    };
    conversations.last_mut().map(|(_, changes)| (changes, rest))
}

fn split(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = key.iter().position(|byte| *byte == b'/')?;
    Some((key.get(..slash)?, key.get(slash + 1..)?))
}

fn place_of(place: &[u8]) -> Option<Order<'_>> {
    let (at, rest) = place.split_first_chunk::<AT_BYTES>()?;
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
            (5, 4, "b1"),
            (5, 4, "c"),
            (40, 0, "a"),
            (1_750_000_000_000, 8, ""),
            (1_750_000_000_000, 8, "é/x"),
        ];
        let marks: Vec<Vec<u8>> =
            events.iter().map(|(at, rank, id)| mark("c%2F1", (*at, *rank, id), id.as_bytes())).collect();
        assert!(marks.is_sorted());
        for (mark, (_, rank, id)) in marks.iter().zip(events) {
            let (escaped, rest) = split(mark).unwrap();
            assert_eq!((escaped, came_in(rest)), (b"c%2F1".as_slice(), Some((rank, id.as_bytes()))));
        }
        assert_eq!(came_in(b"too short to have an entry of\0\0\x01\0"), None);
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
