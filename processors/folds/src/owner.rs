//! Whose a record of the changelog, or a message of the repartition topic, is: for whoever has to show that an erased
//! conversation left nothing behind.

use std::borrow::Cow;

use crate::{activities, admission, alerts, bot_training, correlate, timelines};

/// Whose something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner<'r> {
    /// It belongs to the conversation of this id.
    Conversation(Cow<'r, str>),
    /// It belongs to whichever conversation has the channel session of this id.
    Session(Cow<'r, str>),
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

/// Whose a record of the changelog is; `None` for what belongs to no conversation: windows, times, activities that stand
/// alone.
#[must_use]
pub fn of_state<'r>(key: &'r [u8], value: &'r [u8]) -> Option<Owned<'r>> {
    let (namespace, key) = key.split_first()?;
    match *namespace {
        admission::NAMESPACE => admission::owned(key, value),
        correlate::NAMESPACE => correlate::owned(key, value),
        activities::NAMESPACE => activities::owned(key),
        timelines::NAMESPACE => timelines::owned(key),
        bot_training::NAMESPACE => bot_training::owned(key),
        alerts::NAMESPACE => alerts::owned(key),
        _ => None,
    }
}

/// Whose a processor's message is; `None` for what belongs to no conversation. Records that were moved are no messages of a
/// processor: see [`engine::Carried::of_message`].
#[must_use]
pub fn of_message<'r>(value: &'r [u8]) -> Option<Owner<'r>> {
    match value.split_first()? {
        (&correlate::NAMESPACE, payload) => correlate::owner_of_message(payload),
        _ => None,
    }
}

impl<'r> Owned<'r> {
    /// Belongs to the conversation whose escaped id this is.
    pub(crate) fn by(escaped: &'r [u8], stays: bool) -> Option<Self> {
        let id = model::unescape(std::str::from_utf8(escaped).ok()?)?;
        Some(Self { owner: Owner::Conversation(id), stays })
    }

    /// Belongs to the conversation that a key `conversation/…` begins with.
    pub(crate) fn by_key(key: &'r [u8], stays: bool) -> Option<Self> {
        let slash = key.iter().position(|byte| *byte == b'/')?;
        Self::by(key.get(..slash)?, stays)
    }
}
