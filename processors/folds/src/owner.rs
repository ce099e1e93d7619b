//! The owner of a record of the changelog or of a message of the repartition topic: the conversation that it belongs to. `erase --verify`
//! shows by it that an erased conversation left nothing behind.
//!
//! Each processor says who owns what it writes; [`crate::owners`] asks the one of the record's namespace.

use std::borrow::Cow;

/// Whose something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner<'r> {
    /// It belongs to the conversation of this id.
    Conversation(Cow<'r, str>),
    /// It belongs to whichever conversation has the channel session of this id.
    Session(Cow<'r, str>),
    /// It belongs to the customer of this id, and to no conversation.
    Customer(Cow<'r, str>),
}

/// Whose it is, and whether it outlives an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned<'r> {
    /// Whose it is.
    pub owner: Owner<'r>,
    /// It has to stay when its conversation is erased, or goes by itself when it is due: the knowledge that there was one,
    /// the pairs of its sessions, timers. It holds ids and times, and never any text.
    pub stays: bool,
}

impl<'r> Owned<'r> {
    /// Belongs to the conversation whose escaped id this is.
    pub(crate) fn by(escaped: &'r [u8], stays: bool) -> Option<Self> {
        let id = model::unescape(std::str::from_utf8(escaped).ok()?)?;
        Some(Self { owner: Owner::Conversation(id), stays })
    }

    /// Belongs to the customer whose escaped id this is.
    pub(crate) fn by_customer(escaped: &'r [u8]) -> Option<Self> {
        let id = model::unescape(std::str::from_utf8(escaped).ok()?)?;
        Some(Self { owner: Owner::Customer(id), stays: false })
    }

    /// Belongs to the conversation that a key `conversation/…` begins with.
    pub(crate) fn by_key(key: &'r [u8], stays: bool) -> Option<Self> {
        let slash = key.iter().position(|byte| *byte == b'/')?;
        Self::by(key.get(..slash)?, stays)
    }
}
