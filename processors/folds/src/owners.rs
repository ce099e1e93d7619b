// SPDX-License-Identifier: Apache-2.0

//! Selects the processor that knows the owner of a record.

use crate::owner::{Owned, Owner};
use crate::{activities, admission, alerts, bot_training, correlate, customers, timelines};

/// Owner of a changelog record; `None` for records that belong to no conversation: windows, times and standalone activities.
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

/// Owner of a processor's message; `None` if it belongs to no conversation. Repartitioned records are not messages of a
/// processor: see [`engine::Carried::of_message`].
#[must_use]
pub fn of_message<'r>(value: &'r [u8]) -> Option<Owner<'r>> {
    match value.split_first()? {
        (&correlate::NAMESPACE, payload) => correlate::owner_of_message(payload),
        (&customers::NAMESPACE, payload) => customers::owner_of_message(payload),
        _ => None,
    }
}
