// SPDX-License-Identifier: Apache-2.0

//! Record keys made of ids (contract, section 3): `conversationId/activityId`, with `%` and `/` escaped.

use std::borrow::Cow;

use crate::AlertKind;

/// Escapes an id as a part of a key: `%` becomes `%25` and `/` becomes `%2F`. Otherwise `a` + `b/c` and `a/b` + `c` would share
/// a key.
#[must_use]
pub fn escape(id: &str) -> Cow<'_, str> {
    if is_plain(id) {
        return Cow::Borrowed(id);
    }
    let mut escaped = String::with_capacity(id.len() + 4);
    push_escaped(&mut escaped, id);
    Cow::Owned(escaped)
}

/// Reads the output of [`escape`]. `None` if a `%` begins neither `%25` nor `%2F`, or for a bare `/`: no key of this pipeline
/// contains these.
#[must_use]
pub fn unescape(part: &str) -> Option<Cow<'_, str>> {
    if is_plain(part) {
        return Some(Cow::Borrowed(part));
    }
    if part.contains('/') {
        return None;
    }
    let mut id = String::with_capacity(part.len());
    let mut rest = part;
    while let Some((before, after)) = rest.split_once('%') {
        id.push_str(before);
        if let Some(tail) = after.strip_prefix("25") {
            id.push('%');
            rest = tail;
        } else {
            id.push('/');
            rest = after.strip_prefix("2F")?;
        }
    }
    id.push_str(rest);
    Some(Cow::Owned(id))
}

/// The key of an activity in `cx.activities`: `conversationId/activityId`, or `activityId` without a conversation, both
/// escaped.
#[must_use]
pub fn activity_key(conversation: Option<&str>, activity: &str) -> String {
    let mut key = String::with_capacity(conversation.map_or(0, |c| c.len() + 1) + activity.len());
    if let Some(conversation) = conversation {
        push_escaped(&mut key, conversation);
        key.push('/');
    }
    push_escaped(&mut key, activity);
    key
}

/// Reads the output of [`activity_key`]: the conversation's id, if any, and the activity's. `None` for any other text.
#[must_use]
pub fn parse_activity_key(key: &str) -> Option<(Option<Cow<'_, str>>, Cow<'_, str>)> {
    match key.split_once('/') {
        Some((conversation, activity)) => Some((Some(unescape(conversation)?), unescape(activity)?)),
        None => Some((None, unescape(key)?)),
    }
}

/// The id that determines the partition of such a key (contract, section 7): the conversation's, else the activity's. For other
/// text the whole key.
#[must_use]
pub fn partition_id(key: &[u8]) -> Cow<'_, [u8]> {
    let part = slash_in(key).and_then(|slash| key.get(..slash)).unwrap_or(key);
    if has_none(part, b'%') {
        return Cow::Borrowed(part);
    }
    match std::str::from_utf8(part).ok().and_then(unescape) {
        Some(id) => Cow::Owned(id.into_owned().into_bytes()),
        None => Cow::Borrowed(key),
    }
}

/// The key of an entry in `cx.timelines`: `conversationId/eventId`, both escaped. [`parse_activity_key`] reads it too.
#[must_use]
pub fn timeline_key(conversation: &str, event: &str) -> String {
    activity_key(Some(conversation), event)
}

/// The key of an alert in `cx.alerts`: `conversationId/kind/eventId`, with the event that started the wait; and
/// `/channelSessionId` if one event may start several. Ids are escaped.
#[must_use]
pub fn alert_key(conversation: &str, kind: AlertKind, event: &str, session: Option<&str>) -> String {
    let mut key = activity_key(Some(conversation), kind.as_str());
    for part in [Some(event), session].into_iter().flatten() {
        key.push('/');
        push_escaped(&mut key, part);
    }
    key
}

/// Whether an id needs no escape, like nearly all. Checking each byte is faster than a search, and the compiler vectorizes it
/// in blocks of sixteen. The rest after the last whole block is checked with the end of that block.
fn is_plain(id: &str) -> bool {
    has_neither(id.as_bytes(), [b'%', b'/'])
}

fn has_neither(bytes: &[u8], [one, other]: [u8; 2]) -> bool {
    let look = |found: u8, byte: &u8| found | u8::from(*byte == one) | u8::from(*byte == other);
    match bytes.last_chunk::<16>() {
        Some(last) => {
            let (blocks, _) = bytes.as_chunks::<16>();
            let found = last.iter().fold(0, look);
            blocks.iter().fold(found, |found, block| found | block.iter().fold(0, look)) == 0
        }
        None => bytes.iter().fold(0, look) == 0,
    }
}

fn has_none(bytes: &[u8], unwanted: u8) -> bool {
    has_neither(bytes, [unwanted; 2])
}

/// The position of the first slash; only the block that contains it is searched.
fn slash_in(key: &[u8]) -> Option<usize> {
    let (blocks, _) = key.as_chunks::<16>();
    let before = blocks.iter().take_while(|block| has_none(block.as_slice(), b'/')).count() * 16;
    let behind = key.get(before..)?.iter().position(|byte| *byte == b'/')?;
    Some(before + behind)
}

fn push_escaped(key: &mut String, id: &str) {
    if is_plain(id) {
        key.push_str(id);
        return;
    }
    let mut rest = id;
    while let Some(at) = rest.find(['%', '/']) {
        let (before, from) = rest.split_at(at);
        key.push_str(before);
        key.push_str(if from.starts_with('%') { "%25" } else { "%2F" });
        // Both characters are one byte long.
        rest = from.get(1..).unwrap_or_default();
    }
    key.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_names_the_conversation_and_the_activity() {
        assert_eq!(activity_key(Some("c"), "m1"), "c/m1");
        assert_eq!(activity_key(None, "m1"), "m1");
        assert_eq!(timeline_key("c/d", "50%"), "c%2Fd/50%25");
    }

    #[test]
    fn the_key_of_an_alert_names_what_began_it() {
        assert_eq!(alert_key("c/d", AlertKind::LeftOpen, "e", None), "c%2Fd/left-open/e");
        assert_eq!(
            alert_key("c", AlertKind::CustomerInactive, "e", Some("s/1")),
            "c/customer-inactive/e/s%2F1"
        );
    }

    #[test]
    fn percent_and_slash_are_escaped_and_nothing_else() {
        assert_eq!(activity_key(None, "50%/2"), "50%25%2F2");
        assert_eq!(activity_key(Some("a/b"), "c d?é"), "a%2Fb/c d?é");
        assert!(matches!(escape("plain"), Cow::Borrowed("plain")));
        let long = "0123456789abcdef0123456789abcdef0123";
        assert!(matches!(escape(long), Cow::Borrowed(_)));
        for place in 0..long.len() {
            let (before, behind) = long.split_at(place);
            assert_eq!(escape(&format!("{before}/{behind}")), format!("{before}%2F{behind}"));
        }
        assert_eq!(escape("%2F"), "%252F");
    }

    #[test]
    fn the_id_that_decides_the_partition_ends_at_the_first_slash_wherever_it_stands() {
        let long = "0123456789abcdef0123456789abcdef0123456789";
        for length in 0..long.len() {
            let (id, rest) = long.split_at(length);
            assert_eq!(*partition_id(id.as_bytes()), *id.as_bytes());
            for key in [format!("{id}/{rest}"), format!("{id}/{rest}/"), format!("{id}//")] {
                assert_eq!(*partition_id(key.as_bytes()), *id.as_bytes(), "{key}");
            }
            let key = activity_key(Some(&format!("{id}%/{rest}")), "a/b");
            assert_eq!(*partition_id(key.as_bytes()), *format!("{id}%/{rest}").as_bytes());
        }
    }

    #[test]
    fn two_activities_never_share_a_key() {
        assert_ne!(activity_key(Some("a"), "b/c"), activity_key(Some("a/b"), "c"));
        assert_ne!(activity_key(None, "a/b"), activity_key(Some("a"), "b"));
    }

    #[test]
    fn text_that_is_no_key_is_not_read() {
        for text in ["a/b/c", "%", "a%2f", "100%", "%2", "a/%zz"] {
            assert_eq!(parse_activity_key(text), None, "{text}");
        }
        assert_eq!(unescape("a/b"), None);
    }

    proptest! {
        #[test]
        fn a_key_reads_back_as_what_it_was_made_of(c in proptest::option::of("[ab%/25F\\PC]{0,8}"), a in "[ab%/25F\\PC]{0,8}") {
            let key = activity_key(c.as_deref(), &a);
            let partition_id = partition_id(key.as_bytes()).into_owned();
            prop_assert_eq!(partition_id, c.clone().unwrap_or_else(|| a.clone()).into_bytes());
            let parsed = parse_activity_key(&key).map(|(c, a)| (c.map(Cow::into_owned), a.into_owned()));
            prop_assert_eq!(parsed, Some((c, a)));
        }
    }
}
