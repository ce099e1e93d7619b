// SPDX-License-Identifier: Apache-2.0

//! What it costs to read an event, beside the JSON libraries.
//!
//! `cargo bench -p model --bench decode` reads realistic events, over and over, and prints nanoseconds of processor time for
//! each: the least of all rounds, over all events in the order in which a topic would hold them, so that no two in a row are of
//! one kind. The rows:
//!
//! - `model::decode` reads a record's value to an [`model::Event`]: fields by the contract's lenient rules, checks, the action.
//! - `… typed` reads the fields that `model::decode` reads into structs with derived `Deserialize`, as leniently, and keeps the
//!   body's text. That is where these libraries end: no identifier is checked or chosen, no action is found.
//! - `simd-json, typed` cannot keep a body's text, because it has no raw values; and it changes its input, so it reads a copy.
//! - `serde_json, then decode_envelope` gives the same [`model::Event`], which is asserted: the library splits the event into
//!   its fields and objects' texts, and this crate reads those.
//! - `serde_json, tree` and `serde_json, syntax only` read to a `Value` and to nothing.
//!
//! The last table has the cost of a time by its spelling.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark, for a terminal"
)]

mod lenient;
mod typed;

use std::hint::black_box;

use chrono::DateTime;
use model::{Action, Envelope, EnvelopeTime, Event, Json, Limits};
use rustix::time::{ClockId, clock_gettime};
use sandbox::conversations::{Options, Size, events};
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use typed::{JsonBody, NoText, SonicBody, Split};

const EVENTS: usize = 5_000;
const ROUNDS: usize = 15;

/// Seconds that the processor has worked for this thread.
fn busy() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The least time that reading all values takes, in seconds.
fn least(values: &[String], mut read: impl FnMut(&str)) -> f64 {
    let mut round = || {
        let began = busy();
        values.iter().for_each(|value| read(black_box(value)));
        busy() - began
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn decoded<'a>(value: &'a str, limits: &Limits) -> Event<'a> {
    model::decode(value.as_bytes(), None, limits).unwrap()
}

/// The same event: split by `serde_json`, its objects read by this crate. Events in other forms than the bare one are `None`.
fn by_envelope<'a>(split: &'a Split<'a>, limits: &Limits) -> Option<Event<'a>> {
    let timestamp = match split.timestamp.get() {
        text if text.starts_with('"') => EnvelopeTime::Text(text.trim_matches('"')),
        number => EnvelopeTime::Millis(number.parse().ok()?),
    };
    let envelope = Envelope {
        id: split.id,
        name: split.name,
        timestamp: Some(timestamp),
        conversation_id: split.conversation_id,
        topic_id: split.topic_id,
        channel_session: split.channel_session.map(RawValue::get),
        event_emitter: split.event_emitter.map(RawValue::get),
        room_info: split.room_info.map(RawValue::get),
        data: split.data.map(RawValue::get),
    };
    model::decode_envelope(&envelope, None, limits).ok()
}

/// Every way of reading, with its name: all read each of these values.
fn rows(values: &[String]) -> Vec<(&'static str, f64)> {
    let limits = Limits::default();
    let mut copy = Vec::new();
    let mut buffers = simd_json::Buffers::default();
    vec![
        ("**`model::decode`**", least(values, |value| _ = black_box(decoded(value, &limits)))),
        (
            "serde_json, typed",
            least(values, |value| {
                _ = black_box(typed::from_serde_json(value));
            }),
        ),
        (
            "sonic-rs, typed",
            least(values, |value| {
                _ = black_box(typed::from_sonic(value));
            }),
        ),
        (
            "simd-json, typed, without the body's text",
            least(values, |value| {
                copy.clear();
                copy.extend_from_slice(value.as_bytes());
                _ = black_box(typed::from_simd_json(&mut copy, &mut buffers));
            }),
        ),
        (
            "serde_json, then `decode_envelope`",
            least(values, |value| {
                let split: Split<'_> = serde_json::from_str(value).unwrap();
                _ = black_box(by_envelope(&split, &limits).unwrap());
            }),
        ),
        (
            "serde_json, tree",
            least(values, |value| {
                _ = black_box(serde_json::from_str::<Value>(value).unwrap());
            }),
        ),
        (
            "serde_json, syntax only",
            least(values, |value| {
                _ = black_box(serde_json::from_str::<IgnoredAny>(value).unwrap());
            }),
        ),
    ]
}

/// Whether all ways read this value, and read the same.
fn is_comparable(value: &str) -> bool {
    let limits = Limits::default();
    let event = decoded(value, &limits);
    let Ok(split) = serde_json::from_str::<Split<'_>>(value) else { return false };
    let Some(same) = by_envelope(&split, &limits) else { return false };
    assert_eq!(event, same);
    let by_serde = typed::from_serde_json(value);
    let by_sonic = typed::from_sonic(value);
    let mut copy = value.as_bytes().to_vec();
    let by_simd = typed::from_simd_json(&mut copy, &mut simd_json::Buffers::default());
    assert_eq!(by_serde.summary(JsonBody::text), by_sonic.summary(SonicBody::text));
    assert_eq!(by_serde.summary(|_| None), by_simd.summary(|_: &NoText<'_>| None));
    let summary = by_serde.summary(JsonBody::text);
    assert_eq!((summary.id, summary.name), (Some(&*event.id), Some(&*event.name)));
    assert_eq!(summary.at, Some(event.at));
    if let Action::Primary(primary) = &event.action {
        // A body that is no object is none in the contract; some activities have all of the data as their body.
        if let Some(body) = summary.body.filter(|body| body.starts_with('{')) {
            assert_eq!(Some(&*body), primary.body.as_ref().map(Json::as_str));
        }
    }
    true
}

fn decoding(size: Size) {
    let planned = events(&Options { size, ..Options::default() }, EVENTS);
    let all: Vec<String> = planned.into_iter().map(|planned| planned.value).collect();
    let values: Vec<String> = all.iter().filter(|value| is_comparable(value)).cloned().collect();
    let count = values.len() as f64;
    let bytes = values.iter().map(String::len).sum::<usize>() as f64;
    println!(
        "\n{size:?}: {count:.0} events of {} that all can read, {:.0} bytes each\n",
        all.len(),
        bytes / count
    );
    println!("| reader | ns each | MB/s | times `model::decode` |");
    println!("| --- | ---: | ---: | ---: |");
    let rows = rows(&values);
    let own = rows.first().map_or(f64::NAN, |(_, seconds)| *seconds);
    for (what, seconds) in &rows {
        println!(
            "| {what} | {:.0} | {:.0} | {:.2} |",
            seconds * 1e9 / count,
            bytes / seconds / 1e6,
            seconds / own
        );
    }
    let is_primary =
        |value: &&String| matches!(decoded(value, &Limits::default()).action, Action::Primary(_));
    let (primaries, others): (Vec<&String>, Vec<&String>) = all.iter().partition(is_primary);
    for (what, values) in [("all", all.iter().collect()), ("primaries", primaries), ("others", others)] {
        let values: Vec<String> = values.into_iter().cloned().collect();
        let seconds = least(&values, |value| _ = black_box(decoded(value, &Limits::default())));
        let bytes = values.iter().map(String::len).sum::<usize>() as f64;
        println!(
            "| `model::decode`, {what}, {} | {:.0} | {:.0} | |",
            values.len(),
            seconds * 1e9 / values.len() as f64,
            bytes / seconds / 1e6
        );
    }
}

/// What a time costs: as digits, which this crate reads, and as RFC 3339, which chrono reads.
fn times() {
    let texts = |spell: fn(i64) -> String| -> Vec<String> {
        (0..5_000).map(|number| spell(number * 7_654_321)).collect()
    };
    let spelled: [(&str, Vec<String>); 3] = [
        ("`1750000000123`", texts(|more| (1_750_000_000_000 + more).to_string())),
        ("`2025-06-15T15:06:40.123Z`", texts(|more| stamp(more, "%Y-%m-%dT%H:%M:%S%.3fZ"))),
        ("`2025-06-15T15:06:40+05:30`", texts(|more| stamp(more, "%Y-%m-%dT%H:%M:%S+05:30"))),
    ];
    println!("\n| time, as text | ns |");
    println!("| --- | ---: |");
    for (what, texts) in spelled {
        let seconds = least(&texts, |text| _ = black_box(model::parse_time_text(text).unwrap()));
        println!("| {what} | {:.0} |", seconds * 1e9 / texts.len() as f64);
    }
}

fn stamp(more: i64, format: &str) -> String {
    DateTime::from_timestamp_millis(1_750_000_000_000 + more).unwrap().format(format).to_string()
}

fn main() {
    decoding(Size::Slim);
    decoding(Size::Real);
    times();
}
