// SPDX-License-Identifier: Apache-2.0

//! What is remembered of a value: enough to know it again.

use openssl::sha::sha256;
use serde_json::Value;

/// A value's hash.
pub(super) type Hash = [u8; 16];

/// The hash of these bytes.
pub(super) fn of(bytes: &[u8]) -> Hash {
    let [first @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = sha256(bytes);
    first
}

/// The hash of an output's value, without what is not the same for the same events: a window's `revision` says how its changes came
/// (contract section 6), and a conversation is final only where things expire.
pub(super) fn of_output(topic: &str, value: &[u8]) -> Hash {
    let left_out = match topic {
        "cx.metrics" => "revision",
        "cx.conversations" => "finality",
        _ => return of(value),
    };
    let mut value: Value = serde_json::from_slice(value).unwrap();
    value.as_object_mut().unwrap().remove(left_out);
    of(value.to_string().as_bytes())
}
