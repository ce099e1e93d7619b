//! What several processors keep in their state alike.

use model::Actor;
use serde::{Deserialize, Serialize};

/// An actor, borrowed from the state or from an event.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredActor<'a> {
    #[serde(borrow)]
    actor_type: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> StoredActor<'a> {
    pub(crate) fn of(actor: &'a Actor<'_>) -> Self {
        Self { actor_type: actor.actor_type.as_deref(), id: actor.id.as_deref(), name: actor.name.as_deref() }
    }

    /// The same actor as the model has it.
    pub(crate) fn to_model(self) -> Actor<'a> {
        Actor {
            actor_type: self.actor_type.map(Into::into),
            id: self.id.map(Into::into),
            name: self.name.map(Into::into),
        }
    }

    /// Rule A2: the same type and the same id, which must be known.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id.is_some() && self.id == other.id && self.actor_type == other.actor_type
    }

    pub(crate) fn is_system(&self) -> bool {
        self.actor_type == Some("SYSTEM")
    }
}

/// A key of one kind of state: a byte that says which kind, then what it is about.
pub(crate) fn prefixed(first: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(rest.len() + 1);
    key.push(first);
    key.extend_from_slice(rest);
    key
}
