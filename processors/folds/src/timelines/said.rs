// SPDX-License-Identifier: Apache-2.0

//! Notifications from the timelines to downstream processors. The first byte is the type.

use engine::Note;
use serde::{Deserialize, Serialize};

use super::ledger::Ledger;
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
    /// What a conversation is to its customer has changed; see [`Moved::read`]. The note's key is the conversation's id, escaped.
    Contact(&'n [u8]),
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

impl<'n> Moved<'n> {
    /// Reads the text of a [`Said::Contact`].
    pub(crate) fn read(bytes: &'n [u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// The text of the note with these changes of contributions; `None` if there are none.
pub(super) fn amounts(ledger: &Ledger) -> Option<Vec<u8>> {
    ledger.bytes(AMOUNTS)
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
            (&CONTACT, moved) => Some(Said::Contact(moved)),
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
            Said::Contact(moved) => [&[CONTACT], *moved].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTACT_OF_ONE: Contact<'_> = Contact {
        customer: "cus",
        started_at: 1,
        closed_at: None,
        last_event_at: 2,
        outcome: Some(1),
        channel: Some("WEB"),
        queue: None,
        agent: None,
    };

    #[test]
    fn what_a_conversation_was_and_is_to_its_customer_is_heard_of_the_bytes_of_both() {
        let unknown = contact(&Scan::default());
        let text = moved(&unknown, &unknown);
        let note = Note { from: super::super::NAME, key: b"c", text: &text };
        let Some(Said::Contact(bytes)) = Said::of(&note) else { panic!("{text:?}") };
        assert_eq!(Moved::read(bytes), Some(Moved { was: None, is: None }));
        let known = Moved { was: None, is: Some(CONTACT_OF_ONE) };
        assert_eq!(Moved::read(&postcard::to_stdvec(&known).unwrap()), Some(known));
    }

    #[test]
    fn what_is_said_is_heard() {
        let reply = Reply { activity_id: "m2", response_ms: 1500 };
        for said in [
            Said::Summary,
            Said::Turn(Some(reply)),
            Said::Turn(None),
            Said::Amounts(b"x"),
            Said::Watched(b"x"),
            Said::Contact(b"x"),
        ] {
            let text = said.text();
            let note = Note { from: super::super::NAME, key: b"c", text: &text };
            assert_eq!(Said::of(&note), Some(said.clone()));
            assert_eq!(Said::of(&Note { from: "activities", ..note }), None);
        }
    }
}
