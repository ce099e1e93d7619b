// SPDX-License-Identifier: Apache-2.0

//! Maximum sizes of the fields of records, as JSON. A record's bound, which its processor declares, is a sum of these.

use model::{NUMBER_BYTES, SUGGESTED_ITEMS};

/// Limits that the bounds depend on, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Maximum size of a value in an input topic, and of the record's key and headers together (`limits.value`).
    pub value: u64,
    /// Maximum size of the bodies in one record (`limits.activity`).
    pub activity: u64,
}

/// Maximum size of an identifier, and of a name (contract section 1).
pub(crate) const IDENTIFIER_BYTES: usize = model::IDENTIFIER_BYTES_MAX;
pub(crate) const NAME_BYTES: usize = 1_024;
/// JSON writes a control character as `\u0001`: six bytes for one.
pub(crate) const ESCAPED: u64 = 6;
pub(crate) const QUOTES: u64 = 2;
/// An identifier as JSON.
pub(crate) const ID: u64 = ESCAPED * IDENTIFIER_BYTES as u64 + QUOTES;
/// A name as JSON.
pub(crate) const NAME_TEXT: u64 = ESCAPED * NAME_BYTES as u64 + QUOTES;
/// A 64-bit integer as text.
pub(crate) const INTEGER: u64 = 20;
/// Field names of one list element, with punctuation.
pub(crate) const FIELDS: u64 = 256;
/// Field names of the record itself, with punctuation.
pub(crate) const OWN_FIELDS: u64 = 2_048;
/// An id in a key: `%` and `/` take three bytes.
pub(crate) const KEY_ID: u64 = 3 * IDENTIFIER_BYTES as u64;
/// Overhead of a record that is sent alone: batch, lengths and the headers of every record.
pub(crate) const AROUND: u64 = 1_024;
/// The longest key, that of an alert: four ids and separators.
pub(crate) const KEY: u64 = 4 * KEY_ID + 64;

pub(crate) const ACTOR: u64 = 2 * ID + NAME_TEXT + FIELDS;
pub(crate) const CHANNEL: u64 = 2 * ID + FIELDS;
/// A list element with event, time and actor.
pub(crate) const EVENT: u64 = ID + INTEGER + ACTOR + FIELDS;

/// The suggestions of one event, without their bodies.
pub(crate) const SUGGESTION: u64 = EVENT + SUGGESTED_ITEMS as u64 * (NUMBER_BYTES as u64 + 64);
pub(crate) const REACTION: u64 = EVENT + ID;
