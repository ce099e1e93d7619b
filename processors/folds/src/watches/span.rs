// SPDX-License-Identifier: Apache-2.0

//! A span: a wait that runs, or ran, against a target.

use model::{AlertKind, AlertRecord, AlertState};
use serde::{Deserialize, Serialize};

/// Start of a span: the event and its time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Began {
    pub(crate) at: i64,
    pub(crate) by: Box<str>,
}

/// End of a span: the event, its time and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) at: i64,
    pub(crate) by: Box<str>,
    pub(crate) name: Box<str>,
}

/// Subject of a span. Append new variants at the end: the state stores their numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum About {
    Conversation,
    Session { id: Box<str>, channel: Option<Box<str>> },
    Agents(Vec<Box<str>>),
    Task { id: Box<str>, queue: Option<Box<str>> },
}

/// A wait that runs against a target, or that ended after it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Span {
    /// Code of an [`AlertKind`].
    kind: u8,
    pub(crate) began: Began,
    target_ms: i64,
    about: About,
    ended: Option<Ended>,
}

impl Span {
    /// A running span.
    pub(crate) fn running(kind: AlertKind, began: &Began, target_ms: i64, about: About) -> Self {
        Self { kind: kind.code(), began: began.clone(), target_ms, about, ended: None }
    }

    /// The span ended by an event; `None` if that was in time.
    pub(crate) fn ended_late(self, at: i64, by: &str, name: &str) -> Option<Self> {
        (at > self.due_at())
            .then(|| Self { ended: Some(Ended { at, by: by.into(), name: name.into() }), ..self })
    }

    /// When it is due to end.
    pub(crate) fn due_at(&self) -> i64 {
        self.began.at.saturating_add(self.target_ms)
    }

    /// Whether both are the same alert, in any state.
    pub(crate) fn is_same_alert(&self, other: &Self) -> bool {
        self.kind == other.kind && self.began.by == other.began.by && self.session() == other.session()
    }

    fn kind(&self) -> AlertKind {
        // The state contains only numbers that a version has written.
        AlertKind::from_code(self.kind).unwrap_or(AlertKind::LeftOpen)
    }

    fn session(&self) -> Option<&str> {
        match &self.about {
            About::Session { id, .. } => Some(id),
            About::Conversation | About::Agents(_) | About::Task { .. } => None,
        }
    }

    /// The alert's key in its topic.
    pub(crate) fn key(&self, conversation: &str) -> String {
        model::alert_key(conversation, self.kind(), &self.began.by, self.session())
    }

    /// The alert's record.
    pub(crate) fn record<'s>(&'s self, conversation_id: &'s str) -> AlertRecord<'s> {
        let (channel_type, agents, task) = match &self.about {
            About::Conversation => (None, [].as_slice(), (None, None)),
            About::Session { channel, .. } => (channel.as_deref(), [].as_slice(), (None, None)),
            About::Agents(agents) => (None, agents.as_slice(), (None, None)),
            About::Task { id, queue } => (None, [].as_slice(), (Some(&**id), queue.as_deref())),
        };
        AlertRecord {
            conversation_id,
            kind: self.kind(),
            state: if self.ended.is_some() { AlertState::Resolved } else { AlertState::Raised },
            started_at: self.began.at,
            started_by: &self.began.by,
            target_ms: self.target_ms,
            due_at: self.due_at(),
            resolved_at: self.ended.as_ref().map(|ended| ended.at),
            resolved_by: self.ended.as_ref().map(|ended| &*ended.by),
            resolution: self.ended.as_ref().map(|ended| &*ended.name),
            channel_session_id: self.session(),
            channel_type,
            agents,
            task_id: task.0,
            queue: task.1,
        }
    }
}
