// SPDX-License-Identifier: Apache-2.0

//! Lists of generated events, for property tests.

use proptest::prelude::*;
use serde_json::Value;
use testkit::generated_event;

/// One event of two conversations.
pub(crate) fn event(number: usize, numbers: [u8; 5]) -> Value {
    let conversation = if numbers[4].is_multiple_of(7) { "other conversation" } else { "c" };
    generated_event(conversation, number, numbers)
}

pub(crate) fn events() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(any::<[u8; 5]>(), 1..40).prop_map(|numbers| {
        numbers.into_iter().enumerate().map(|(n, numbers)| event(n, numbers).to_string()).collect()
    })
}
