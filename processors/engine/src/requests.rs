// SPDX-License-Identifier: Apache-2.0

//! Requests of a processor to all others while a transaction is prepared: to forget something.

/// Scope of state to be forgotten. Ids are escaped as in keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope<'s> {
    /// A conversation with everything in it.
    Conversation(&'s [u8]),
    /// A standalone activity.
    Activity(&'s [u8]),
}

impl Scope<'_> {
    /// Key prefix of its activities, entries and events; for a conversation with the slash that ends its id.
    #[must_use]
    pub fn prefix(&self) -> Vec<u8> {
        match self {
            Scope::Conversation(id) => [id, b"/".as_slice()].concat(),
            Scope::Activity(id) => id.to_vec(),
        }
    }
}

/// An event to be retracted, as if it had never arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retracted<'e> {
    /// The scope in which it was folded.
    pub scope: Scope<'e>,
    /// Its id.
    pub event_id: &'e str,
}

/// Progress of a processor with such a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slice {
    /// Nothing is left.
    Last,
    /// The commit's budget is used up: the processor is called again in the next commit with this position. It may be empty if
    /// the processor finds the rest without it, because the finished part is deleted.
    GoesOn(Vec<u8>),
}

impl Slice {
    /// [`Slice::Last`] if all is done; otherwise it continues and finds the rest by itself.
    #[must_use]
    pub fn of(is_all: bool) -> Self {
        if is_all { Slice::Last } else { Slice::GoesOn(Vec::new()) }
    }
}

/// An event to be retracted after the flush of all processors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) scope: OwnedScope,
    pub(crate) event_id: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OwnedScope {
    Conversation(Box<[u8]>),
    Activity(Box<[u8]>),
}

impl OwnedScope {
    pub(crate) fn of(scope: &Scope<'_>) -> Self {
        match scope {
            Scope::Conversation(id) => Self::Conversation((*id).into()),
            Scope::Activity(id) => Self::Activity((*id).into()),
        }
    }

    pub(crate) fn scope(&self) -> Scope<'_> {
        match self {
            Self::Conversation(id) => Scope::Conversation(id),
            Self::Activity(id) => Scope::Activity(id),
        }
    }
}
