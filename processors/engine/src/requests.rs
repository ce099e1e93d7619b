//! What a processor asks of all the others while a transaction is prepared: to forget something.

/// Whose state is to be forgotten. Ids are escaped as in keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope<'s> {
    /// A conversation and all that belongs to it.
    Conversation(&'s [u8]),
    /// An activity that belongs to no conversation.
    Activity(&'s [u8]),
}

impl Scope<'_> {
    /// What the keys of its activities, entries and events begin with: of a conversation with the slash that ends its id.
    #[must_use]
    pub fn prefix(&self) -> Vec<u8> {
        match self {
            Scope::Conversation(id) => [id, b"/".as_slice()].concat(),
            Scope::Activity(id) => id.to_vec(),
        }
    }
}

/// An event that is to be forgotten as if it had never come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retracted<'e> {
    /// Where it was folded.
    pub scope: Scope<'e>,
    /// Its id.
    pub event_id: &'e str,
}

/// How far a processor has come with what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slice {
    /// Nothing is left to be done.
    Last,
    /// The budget of the commit is over: it is asked again in the next one, and goes on from here. Where to find the rest without
    /// being told, since what is done is gone, this may be empty.
    GoesOn(Vec<u8>),
}

impl Slice {
    /// [`Slice::Last`] where all is done; else it goes on, and finds the rest by itself.
    #[must_use]
    pub fn of(is_all: bool) -> Self {
        if is_all { Slice::Last } else { Slice::GoesOn(Vec::new()) }
    }
}

/// An event that is to be forgotten, kept until all have settled.
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
