// SPDX-License-Identifier: Apache-2.0

//! Events from JSON, for producers that have JSON: `cx-timelines load` and the demo.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{Limits, Reason, avro_long as long, decode};
use serde_json::value::RawValue;

use crate::header::begin;

/// An object's fields; of repeated names the last.
type Fields<'j> = BTreeMap<Cow<'j, str>, &'j RawValue>;

/// The branches of a field in `cim-event`, by index.
const NULL: i64 = 0;
const TEXT: i64 = 1;
const TIME: i64 = 1;
const TIME_AS_TEXT: i64 = 2;
const OBJECT_AS_TEXT: i64 = 2;

/// Encodes an event of any of the three JSON forms with `cim-event`, in the wire format with this schema id. Decoding it gives
/// the same event as decoding the JSON. `None` when it is no event in JSON.
#[must_use]
pub fn event_value(json: &[u8], schema_id: u32) -> Option<Vec<u8>> {
    let read = decode(json, None, &Limits { value_bytes_max: usize::MAX, ..Limits::default() });
    if read.is_err_and(|invalid| matches!(invalid.reason, Reason::Malformed | Reason::NotAnEvent)) {
        return None;
    }
    let whole: Fields<'_> = serde_json::from_slice(json).ok()?;
    let (event, outer) = event_of(&whole)?;
    let mut out = Vec::with_capacity(json.len());
    begin(schema_id, &mut out);
    text(event.get("id"), &mut out);
    text(event.get("name"), &mut out);
    text(event.get("type"), &mut out);
    time(event.get("timestamp").filter(|raw| !is_absent(raw)).or_else(|| event.get("timeStamp")), &mut out);
    text(event.get("conversationId"), &mut out);
    // The conversation outside the event, in the socket form, has the lowest priority.
    text(event.get("topicId").filter(|raw| text_of(raw).is_some()).or(outer.as_ref()), &mut out);
    object(event.get("eventEmitter"), OBJECT_AS_TEXT, &mut out);
    object(event.get("channelSession"), OBJECT_AS_TEXT, &mut out);
    object(event.get("roomInfo"), TEXT, &mut out);
    data(event.get("data"), &mut out);
    Some(out)
}

/// The event in the document, and the conversation outside it.
fn event_of<'j>(whole: &Fields<'j>) -> Option<(Fields<'j>, Option<&'j RawValue>)> {
    if let Some(event) = fields(whole.get("cimEvent")) {
        return Some((event, whole.get("conversationId").copied()));
    }
    let payload = fields(whole.get("payload"));
    let inside = |outer: &Fields<'j>| fields(fields(outer.get("entities"))?.get("cimEvent"));
    if let Some(event) = payload.as_ref().and_then(inside).or_else(|| inside(whole)) {
        return Some((event, None));
    }
    let is_bare =
        ["id", "name"].iter().any(|name| whole.get(*name).is_some_and(|raw| text_of(raw).is_some()));
    is_bare.then(|| (whole.clone(), None))
}

fn fields<'j>(raw: Option<&&'j RawValue>) -> Option<Fields<'j>> {
    serde_json::from_str(raw?.get()).ok()
}

/// The value as text: a string, or a whole number's digits; `None` when it counts as absent.
fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let raw = raw.get();
    if raw.starts_with('"') {
        return serde_json::from_str::<String>(raw).ok().filter(|text| !text.is_empty()).map(Cow::Owned);
    }
    raw.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-').then_some(Cow::Borrowed(raw))
}

fn is_absent(raw: &RawValue) -> bool {
    matches!(raw.get(), "null" | "\"\"" | "true" | "false") || raw.get().starts_with(['{', '['])
}

fn text(raw: Option<&&RawValue>, out: &mut Vec<u8>) {
    match raw.and_then(|raw| text_of(raw)) {
        Some(text) => text_branch(TEXT, &text, out),
        None => long(NULL, out),
    }
}

fn time(raw: Option<&&RawValue>, out: &mut Vec<u8>) {
    let raw = raw.filter(|raw| !is_absent(raw));
    let Some(raw) = raw.map(|raw| raw.get()) else { return long(NULL, out) };
    if raw.starts_with('"') {
        let text: String = serde_json::from_str(raw).unwrap_or_default();
        return text_branch(TIME_AS_TEXT, &text, out);
    }
    match millis(raw) {
        Some(millis) => [TIME, millis].into_iter().for_each(|number| long(number, out)),
        // An invalid time stays invalid.
        None => text_branch(TIME_AS_TEXT, raw, out),
    }
}

/// Milliseconds; fractions are truncated.
fn millis(number: &str) -> Option<i64> {
    if let Ok(whole) = number.parse() {
        return Some(whole);
    }
    let number: f64 = number.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast keeps to the range of its type, and so do times"
    )]
    Some(number.trunc() as i64)
}

fn object(raw: Option<&&RawValue>, place: i64, out: &mut Vec<u8>) {
    match raw.filter(|raw| raw.get().starts_with('{')) {
        Some(raw) => text_branch(place, raw.get(), out),
        None => long(NULL, out),
    }
}

/// The data: an object or a text, as JSON.
fn data(raw: Option<&&RawValue>, out: &mut Vec<u8>) {
    match raw.filter(|raw| raw.get().starts_with(['{', '"'])) {
        Some(raw) => text_branch(TEXT, raw.get(), out),
        None => long(NULL, out),
    }
}

/// A string in a branch of a union.
fn text_branch(branch: i64, text: &str, out: &mut Vec<u8>) {
    long(branch, out);
    // Nothing in memory is longer than an i64.
    long(i64::try_from(text.len()).unwrap_or(i64::MAX), out);
    out.extend_from_slice(text.as_bytes());
}
