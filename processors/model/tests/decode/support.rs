// SPDX-License-Identifier: Apache-2.0

//! Shared test code.

use model::{Action, Change, Event, Fact, Invalid, Limits, Primary, decode};
use serde_json::{Value, json};

/// A valid event with replaced or additional fields.
pub(crate) fn event(name: &str, fields: &Value) -> Value {
    let mut event =
        json!({"id": "e", "name": name, "timestamp": 1_750_000_000_000_i64, "conversationId": "c"});
    for (field, value) in fields.as_object().unwrap() {
        event[field] = value.clone();
    }
    event
}

pub(crate) fn try_read(value: &str) -> Result<Event<'static>, Invalid> {
    // The result borrows from the record; a test may leak it.
    decode(Box::leak(value.to_owned().into_boxed_str()).as_bytes(), None, &Limits::default())
}

pub(crate) fn read(value: &Value) -> Event<'static> {
    try_read(&value.to_string()).unwrap()
}

pub(crate) fn reason(value: &Value) -> &'static str {
    reason_of(&value.to_string())
}

pub(crate) fn reason_of(value: &str) -> &'static str {
    match try_read(value) {
        Ok(_) => "valid",
        Err(invalid) => invalid.reason.as_str(),
    }
}

pub(crate) fn primary(value: &Value) -> Primary<'static> {
    match read(value).action {
        Action::Primary(primary) => primary,
        other => panic!("no primary: {other:?}"),
    }
}

pub(crate) fn change(value: &Value) -> (String, Change<'static>) {
    match read(value).action {
        Action::Relation(relation) => (relation.target.into_owned(), relation.change),
        other => panic!("no relation: {other:?}"),
    }
}

pub(crate) fn fact(value: &Value) -> Fact<'static> {
    match read(value).action {
        Action::Fact(fact) => fact,
        other => panic!("no fact: {other:?}"),
    }
}
