//! Which processor to ask for the owner of a record.

use crate::owner::{Owned, Owner};
use crate::{activities, admission, alerts, bot_training, correlate, customers, timelines};

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
        customers::NAMESPACE => customers::owned(key),
        _ => None,
    }
}

/// Whose a processor's message is; `None` for what belongs to no conversation. Records that were moved are no messages of a
/// processor: see [`engine::Carried::of_message`].
#[must_use]
pub fn of_message<'r>(value: &'r [u8]) -> Option<Owner<'r>> {
    match value.split_first()? {
        (&correlate::NAMESPACE, payload) => correlate::owner_of_message(payload),
        (&customers::NAMESPACE, payload) => customers::owner_of_message(payload),
        _ => None,
    }
}
