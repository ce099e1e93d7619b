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

/// The same, kept until all have settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    Forget(OwnedScope),
    Erase(OwnedScope),
    Retract(OwnedScope, Box<str>),
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
