// SPDX-License-Identifier: Apache-2.0

//! State formats shared by several processors.

use std::borrow::Cow;

use model::{Actor, Channel};
use serde::{Deserialize, Serialize};

/// Few states are longer; a longer one reallocates once or twice.
const BYTES_USUAL: usize = 1024;

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

    /// The actor in the model's form.
    pub(crate) fn to_model(self) -> Actor<'a> {
        Actor {
            actor_type: self.actor_type.map(Into::into),
            id: self.id.map(Into::into),
            name: self.name.map(Into::into),
        }
    }

    /// Rule A2: the same type and the same known id; and all customers of a conversation are one actor.
    pub(crate) fn is_same(&self, other: &Self, of_conversation: bool) -> bool {
        let are_customers = of_conversation && self.is_customer() && other.is_customer();
        are_customers || (self.id.is_some() && self.id == other.id && self.actor_type == other.actor_type)
    }

    /// Whether it is a customer.
    pub(crate) fn is_customer(&self) -> bool {
        self.actor_type == Some("CUSTOMER")
    }

    /// Its type, in upper case.
    pub(crate) fn actor_type(&self) -> Option<&'a str> {
        self.actor_type
    }

    pub(crate) fn is_system(&self) -> bool {
        self.actor_type == Some("SYSTEM")
    }
}

/// A channel: its type, and the number or name at which the customer reached the contact centre.
pub(crate) type StoredChannel<'a> = (Option<&'a str>, Option<&'a str>);

/// The channel in the model's form.
pub(crate) fn channel((channel_type, service_identifier): StoredChannel<'_>) -> Channel<'_> {
    Channel {
        channel_type: channel_type.map(Cow::Borrowed),
        service_identifier: service_identifier.map(Cow::Borrowed),
    }
}

/// A key: a byte for the kind of state, then the subject.
pub(crate) fn prefixed(first: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(rest.len() + 1);
    key.push(first);
    key.extend_from_slice(rest);
    key
}

/// Serializes a value after a byte that identifies its format or type.
///
/// # Errors
/// Those of the serializer; plain data cannot fail.
pub(crate) fn behind(first: u8, value: &impl Serialize) -> postcard::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(BYTES_USUAL);
    bytes.push(first);
    postcard::to_extend(value, bytes)
}
