// SPDX-License-Identifier: Apache-2.0

//! Owner of a changelog record or of a message in the repartition topic: the conversation it belongs to. `erase --verify` uses
//! it to check that an erased conversation left no data.
//!
//! Each processor knows the owners of its own records; [`crate::owners`] selects the processor by the record's namespace.

use std::borrow::Cow;

/// Owner of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner<'r> {
    /// The conversation with this id.
    Conversation(Cow<'r, str>),
    /// The conversation of the channel session with this id.
    Session(Cow<'r, str>),
    /// It belongs to the customer of this id, and to no conversation.
    Customer(Cow<'r, str>),
}

/// Owner of a record, and whether the record outlives an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned<'r> {
    /// The owner.
    pub owner: Owner<'r>,
    /// Whether the record stays when its conversation is erased, or expires by itself: the record that the conversation
    /// existed, the pairs of its sessions, and timers. Such a record holds ids and times, but no text.
    pub stays: bool,
}

impl<'r> Owned<'r> {
    /// A record that belongs to the conversation with this escaped id.
    pub(crate) fn by(escaped: &'r [u8], stays: bool) -> Option<Self> {
        let id = model::unescape(std::str::from_utf8(escaped).ok()?)?;
        Some(Self { owner: Owner::Conversation(id), stays })
    }

    /// Belongs to the customer whose escaped id this is.
    pub(crate) fn by_customer(escaped: &'r [u8]) -> Option<Self> {
        let id = model::unescape(std::str::from_utf8(escaped).ok()?)?;
        Some(Self { owner: Owner::Customer(id), stays: false })
    }

    /// A record that belongs to the conversation in a key that begins with `conversation/…`.
    pub(crate) fn by_key(key: &'r [u8], stays: bool) -> Option<Self> {
        let slash = key.iter().position(|byte| *byte == b'/')?;
        Self::by(key.get(..slash)?, stays)
    }
}
