// SPDX-License-Identifier: Apache-2.0

//! Channel sessions, and which are active.

use model::{Category, SessionEnd};
use serde::{Deserialize, Serialize};

use super::entry::{Entry, What};
use crate::stored::StoredChannel;

/// All sessions in events, in the order of their first appearance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sessions {
    list: Vec<Session>,
    active: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) id: Box<str>,
    channel: Option<SessionChannel>,
    pub(super) started_at: Option<i64>,
    /// When it last ended, and how: the code of a [`SessionEnd`].
    ended: Option<(i64, u8)>,
    active: bool,
    /// Whether it ended and was not started again; until then no other event makes it active.
    over: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SessionChannel {
    channel_type: Option<Box<str>>,
    service_identifier: Option<Box<str>>,
}

impl Sessions {
    /// Records that an event belongs to a session. Calls and relations may occur long after the session, so they do not make it
    /// active.
    pub(super) fn appear(&mut self, entry: &Entry<'_>) {
        let Some(id) = entry.session else { return };
        let place = self.place(id).unwrap_or_else(|| {
            self.list.push(Session {
                id: id.into(),
                channel: None,
                started_at: None,
                ended: None,
                active: false,
                over: false,
            });
            self.list.len() - 1
        });
        let Some(session) = self.list.get_mut(place) else { return };
        if session.channel.is_none() {
            session.channel = entry.channel.map(|(channel_type, service_identifier)| SessionChannel {
                channel_type: channel_type.map(Into::into),
                service_identifier: service_identifier.map(Into::into),
            });
        }
        let activates = match entry.what {
            What::Relation { .. } => false,
            What::Primary { .. } => entry.category() != Category::Call,
            What::Fact(_) => true,
        };
        if activates && !session.over {
            let begins = !std::mem::replace(&mut session.active, true);
            self.active += usize::from(begins);
        }
    }

    /// Starts the entry's session, which has appeared.
    pub(super) fn start(&mut self, entry: &Entry<'_>) {
        let Some(session) = self.of_entry(entry) else { return };
        session.started_at.get_or_insert(entry.at);
        session.over = false;
        let begins = !std::mem::replace(&mut session.active, true);
        self.active += usize::from(begins);
    }

    /// Ends the entry's session, which has appeared; a removed one has no end of its own. Returns whether it was the last
    /// active session.
    pub(super) fn end(&mut self, entry: &Entry<'_>, by: Option<SessionEnd>) -> bool {
        let Some(session) = self.of_entry(entry) else { return false };
        if let Some(by) = by {
            session.ended = Some((entry.at, by.code()));
        }
        session.over = true;
        let ends = std::mem::replace(&mut session.active, false);
        self.active = self.active.saturating_sub(usize::from(ends));
        ends && self.active == 0
    }

    /// Ends all sessions: no other event makes them active until they start again.
    pub(super) fn end_all(&mut self) {
        for session in &mut self.list {
            (session.active, session.over) = (false, true);
        }
        self.active = 0;
    }

    /// The sessions in session events.
    pub(super) fn listed(&self) -> impl Iterator<Item = &Session> {
        self.list.iter().filter(|session| session.started_at.is_some() || session.ended.is_some())
    }

    /// Number of sessions, listed or not.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    fn of_entry(&mut self, entry: &Entry<'_>) -> Option<&mut Session> {
        let place = self.place(entry.session?)?;
        self.list.get_mut(place)
    }

    /// Index of a session; searched from the end, because it is usually the last one.
    fn place(&self, id: &str) -> Option<usize> {
        self.list.iter().rposition(|session| *session.id == *id)
    }
}

impl Session {
    pub(super) fn channel(&self) -> Option<StoredChannel<'_>> {
        let channel = self.channel.as_ref()?;
        Some((channel.channel_type.as_deref(), channel.service_identifier.as_deref()))
    }

    pub(super) fn ended_at(&self) -> Option<i64> {
        self.ended.map(|(at, _)| at)
    }

    pub(super) fn ended_by(&self) -> Option<SessionEnd> {
        self.ended.and_then(|(_, by)| SessionEnd::from_code(by))
    }
}
