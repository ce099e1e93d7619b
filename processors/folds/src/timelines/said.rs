// SPDX-License-Identifier: Apache-2.0

//! Notifications from the timelines to downstream processors. The first byte is the type.

use engine::Note;
use serde::{Deserialize, Serialize};

use crate::scan::{Contact, Scan};
use crate::stored::behind;

const SUMMARY: u8 = b'S';
const TURN: u8 = b'T';
const AMOUNTS: u8 = b'A';
const WATCHED: u8 = b'W';
const CONTACT: u8 = b'C';

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said<'n> {
    /// The scan of a conversation, or its activities' contributions, changed. The note's key is the conversation's escaped id.
    Summary,
    /// Another message, or no message any more, closes the turn that an activity opened. The note's key is that activity's.
    Turn(Option<Reply<'n>>),
    /// Contributions to the metrics changed; in the format of `metrics`.
    Amounts(&'n [u8]),
    /// The spans that run in a conversation, or that ended too late, may have changed; in the format of `alerts`. The note's
    /// key is the conversation's escaped id.
    Watched(&'n [u8]),
    /// What a conversation is to its customer has changed. The note's key is the conversation's id, escaped.
    Contact(Moved<'n>),
}

/// What a conversation was to its customer at the last commit, and what it is now; none: it had, or has, none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moved<'n> {
    #[serde(borrow)]
    pub(crate) was: Option<Contact<'n>>,
    pub(crate) is: Option<Contact<'n>>,
}

/// The message that closed a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply<'n> {
    /// Its activity.
    pub(crate) activity_id: &'n str,
    /// Response time.
    pub(crate) response_ms: i64,
}

/// What a conversation is to its customer, as bytes: kept while its scan moves on.
pub(super) fn contact(scan: &Scan) -> Vec<u8> {
    // Writing plain data into memory cannot fail.
    postcard::to_allocvec(&scan.contact()).unwrap_or_default()
}

/// The text of [`Said::Contact`], of both bytes: a struct is written as its fields behind each other.
pub(super) fn moved(was: &[u8], is: &[u8]) -> Vec<u8> {
    [&[CONTACT], was, is].concat()
}

impl<'n> Said<'n> {
    /// Parses a note of the timelines; `None` for another processor's.
    pub(crate) fn of(note: &Note<'n>) -> Option<Self> {
        if note.from != super::NAME {
            return None;
        }
        match note.text.split_first()? {
            (&SUMMARY, _) => Some(Said::Summary),
            (&TURN, reply) => postcard::from_bytes(reply).ok().map(Said::Turn),
            (&AMOUNTS, amounts) => Some(Said::Amounts(amounts)),
            (&WATCHED, changes) => Some(Said::Watched(changes)),
            (&CONTACT, moved) => postcard::from_bytes(moved).ok().map(Said::Contact),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Vec<u8> {
        match self {
            Said::Summary => vec![SUMMARY],
            // Serializing plain data into memory cannot fail.
            Said::Turn(reply) => behind(TURN, reply).unwrap_or_default(),
            Said::Amounts(amounts) => [&[AMOUNTS], *amounts].concat(),
            Said::Watched(changes) => [&[WATCHED], *changes].concat(),
            Said::Contact(moved) => behind(CONTACT, moved).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_conversation_was_and_is_to_its_customer_is_heard_of_the_bytes_of_both() {
        let unknown = contact(&Scan::default());
        let text = moved(&unknown, &unknown);
        assert_eq!(text, Said::Contact(Moved { was: None, is: None }).text());
    }

    #[test]
    fn what_is_said_is_heard() {
        let reply = Reply { activity_id: "m2", response_ms: 1500 };
        let contact = Contact {
            customer: "cus",
            started_at: 1,
            closed_at: None,
            last_event_at: 2,
            outcome: Some(1),
            channel: Some("WEB"),
            queue: None,
            agent: None,
        };
        for said in [
            Said::Summary,
            Said::Turn(Some(reply)),
            Said::Turn(None),
            Said::Amounts(b"x"),
            Said::Watched(b"x"),
            Said::Contact(Moved { was: None, is: Some(contact) }),
        ] {
            let text = said.text();
            let note = Note { from: super::super::NAME, key: b"c", text: &text };
            assert_eq!(Said::of(&note), Some(said.clone()));
            assert_eq!(Said::of(&Note { from: "activities", ..note }), None);
        }
    }
}
