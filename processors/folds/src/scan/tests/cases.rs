// SPDX-License-Identifier: Apache-2.0

//! Test cases of the contract: timelines, summaries and metrics are as expected.
//!
//! Contributions of other folds (deletions, deliveries, bodies) are taken from the expected activities.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use model::{Actor, Event, Json, Record, TimelineEntry, WrapUp};
use serde_json::{Value, json};

use super::super::{ActivityFigures, Amount, Entry, ScanSettings, What};
use super::windows::Windows;
use super::{Whole, whole};
use crate::amounts::Cell;

/// The records of one topic, by key.
type Records = BTreeMap<String, Value>;

/// A test case: the values with the conversation that their topic names, and the expected records by topic.
struct Case {
    name: String,
    values: Vec<(Vec<u8>, Option<String>)>,
    expected: BTreeMap<String, Records>,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases"));
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = folders.filter(|path| path.is_dir()).collect();
    folders.sort();
    assert_eq!(folders.len(), 36);
    folders.iter().map(|folder| Case::read(folder)).collect()
}

impl Case {
    fn read(folder: &Path) -> Self {
        let input = std::fs::read(folder.join("events.ndjson")).unwrap();
        let mut lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
        assert_eq!(lines.pop(), Some(b"".as_slice()), "the last line ends");
        let values = match lines.split_first() {
            Some((&b"{\"#records\":true}", records)) => {
                records.iter().filter_map(|line| record(line)).collect()
            }
            _ => lines.iter().map(|line| (line.to_vec(), None)).collect(),
        };
        let mut expected: BTreeMap<String, Records> = BTreeMap::new();
        for line in std::fs::read_to_string(folder.join("expected.ndjson")).unwrap().lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let text = |field: &str| record[field].as_str().map(ToOwned::to_owned);
            if let (Some(topic), Some(key)) = (text("topic"), text("key")) {
                expected.entry(topic).or_default().insert(key, record["value"].clone());
            }
        }
        Self { name: folder.file_name().unwrap().to_string_lossy().into_owned(), values, expected }
    }

    fn expected(&self, topic: &str) -> Records {
        self.expected.get(topic).cloned().unwrap_or_default()
    }

    /// The distinct valid events of each conversation; events with only a session are with the session's conversation.
    fn conversations(&self) -> BTreeMap<String, Vec<Event<'_>>> {
        let limits = model::Limits::default();
        let decoded = self.values.iter();
        let decoded =
            decoded.filter_map(|(value, topic)| model::decode(value, topic.as_deref(), &limits).ok());
        let mut seen = HashSet::new();
        let decoded = decoded.filter(|event| event.action != model::Action::Signal);
        let events: Vec<Event<'_>> = decoded.filter(|event| seen.insert(event.id.to_string())).collect();
        let mut of_session = HashMap::new();
        for event in &events {
            if let (Some(session), Some(conversation)) = (&event.channel_session_id, &event.conversation_id) {
                of_session.entry(session.to_string()).or_insert_with(|| conversation.to_string());
            }
        }
        let mut conversations: BTreeMap<String, Vec<Event<'_>>> = BTreeMap::new();
        for event in events {
            let own = event.conversation_id.as_deref().map(ToOwned::to_owned);
            let session = event.channel_session_id.as_deref();
            let of_session = || of_session.get(session?).filter(|_| !event.is_of_campaign()).cloned();
            if let Some(id) = own.or_else(of_session) {
                conversations.entry(id).or_default().push(event);
            }
        }
        conversations
    }
}

/// The value of a record and the conversation that its topic names; `None` for tombstones.
fn record(line: &[u8]) -> Option<(Vec<u8>, Option<String>)> {
    let record: Value = serde_json::from_slice(line).unwrap();
    let value = record["value"].as_str()?.as_bytes().to_vec();
    let conversation = record["topic"].as_str()?.strip_prefix("cx.conversation.");
    Some((value, conversation.map(ToOwned::to_owned)))
}

fn parsed(write: impl FnOnce(&mut Vec<u8>)) -> Value {
    let mut bytes = Vec::new();
    write(&mut bytes);
    serde_json::from_slice(&bytes).unwrap()
}

fn timeline(id: &str, whole: &Whole<'_>) -> Records {
    let record = |(entry, derived): &(Entry<'_>, super::Derived)| {
        let actor: Option<Actor<'_>> = entry.actor.map(crate::stored::StoredActor::to_model);
        let channel = entry.channel.map(crate::stored::channel);
        let record = TimelineEntry {
            entry_id: entry.id.into(),
            conversation_id: id.into(),
            at: entry.at,
            name: entry.name.into(),
            category: entry.category(),
            activity_id: entry.activity_id().map(Into::into),
            actor,
            channel_session_id: entry.session.map(Into::into),
            customer_id: entry.customer.map(Into::into),
            channel,
            elapsed_ms: derived.elapsed_ms,
            stage: derived.stage,
            agents: Cow::Borrowed(&derived.agents),
            queue: derived.queue.as_deref().map(Into::into),
            response_ms: derived.response_ms,
            responds_to: derived.responds_to.as_deref().map(Into::into),
        };
        (model::timeline_key(id, entry.id), parsed(|out| record.write_json(out)))
    };
    whole.entries.iter().map(record).collect()
}

/// The contributions of the conversation's expected activities to its summary.
fn figures(activities: &[&Value], whole: &Whole<'_>) -> ActivityFigures {
    let primaries = whole.entries.iter().filter(|(entry, _)| matches!(entry.what, What::Primary { .. }));
    let primaries: HashSet<&str> = primaries.map(|(entry, _)| entry.id).collect();
    let mut figures = ActivityFigures::default();
    for activity in activities {
        let status = activity["delivery"]["status"].as_str();
        let responses = activity["reactions"].as_array().unwrap().iter();
        let responses: Vec<&Value> = responses.filter(|reaction| reaction["kind"] == "RESPONSE").collect();
        let replies = responses.iter().filter(|reply| primaries.contains(reply["eventId"].as_str().unwrap()));
        let count = |holds: bool, number: usize| if holds { i64::try_from(number).unwrap() } else { 0 };
        let held = activity["call"]["holdMs"].as_i64().unwrap_or_default();
        figures += ActivityFigures {
            delivered: count(matches!(status, Some("CONNECTED" | "DELIVERED" | "READ")), 1),
            read: count(status == Some("READ"), 1),
            failed: count(status == Some("FAILED"), 1),
            survey_answers: count(activity["kind"] == "SURVEY_QUESTION", responses.len()),
            talk_ms: activity["call"]["durationMs"].as_i64().map_or(0, |duration| duration - held),
            call_hold_ms: held,
            reply_reactions: count(true, replies.count()),
        };
    }
    figures
}

fn summary(id: &str, whole: &Whole<'_>, activities: &Records) -> Value {
    let own: Vec<&Value> = activities.values().filter(|activity| activity["conversationId"] == id).collect();
    let activity = |activity_id: &str| &activities[&model::activity_key(Some(id), activity_id)];
    let shown = whole.scan.wrap_ups().iter().filter(|one| activity(&one.activity_id)["deletion"].is_null());
    let body = |one| Json::from_compact(activity(one)["body"].to_string().into());
    let shown: Vec<_> = shown.map(|one| (one, body(&one.activity_id))).collect();
    let wrap_ups = shown.iter().map(|(one, body)| WrapUp {
        activity_id: Cow::Borrowed(&one.activity_id),
        at: one.at,
        agent_id: one.agent_id.as_deref().map(Into::into),
        body: Some(body.borrowed()),
    });
    let figures = figures(&own, whole);
    parsed(|out| whole.scan.summary(id, &figures, wrap_ups.collect(), false).write_json(out))
}

/// The windows as the cases have them: figures and histograms by their names.
fn metrics(windows: &Windows) -> Records {
    let named = |(key, cells): (&String, &BTreeMap<Cell, i64>)| {
        let (mut figures, mut histograms) = (json!({}), json!({}));
        for (cell, value) in cells {
            match cell {
                Cell::Figure(code) => {
                    figures[model::Figure::from_code(*code).unwrap().as_str()] = json!(value);
                }
                Cell::Count(code, place) => {
                    let bound = model::Bucket::at(*place).unwrap().bound().to_string();
                    let name = model::Histogram::from_code(*code).unwrap().as_str();
                    histograms[name][bound] = json!(value);
                }
            }
        }
        (key.clone(), json!({"figures": figures, "histograms": histograms}))
    };
    windows.0.iter().map(named).collect()
}

/// The same of the expected windows, without what the scan does not know: call legs, and the states of agents.
fn expected_metrics(case: &Case) -> Records {
    let of_scan = |(key, value): (String, Value)| {
        let mut figures = value["figures"].as_object().unwrap().clone();
        for other in ["callLegs", "talkMs", "holdMs", "loggedInMs", "readyMs", "notReadyMs"] {
            figures.remove(other);
        }
        let histograms = &value["histograms"];
        let is_empty = figures.is_empty() && histograms == &json!({});
        (!is_empty).then(|| (key, json!({"figures": figures, "histograms": histograms})))
    };
    case.expected("cx.metrics").into_iter().filter_map(of_scan).collect()
}

fn assert_same(case: &str, what: &str, given: &Records, expected: &Records) {
    for (key, value) in expected {
        assert_eq!(given.get(key), Some(value), "{case}: {what} {key}");
    }
    let more: Vec<_> = given.keys().filter(|key| !expected.contains_key(*key)).collect();
    assert!(more.is_empty(), "{case}: {what} {more:?} are not expected");
}

#[test]
fn the_cases_give_the_expected_timelines_summaries_and_metrics() {
    for case in cases() {
        let activities = case.expected("cx.activities");
        let (mut timelines, mut summaries, mut windows) =
            (Records::new(), Records::new(), Windows::default());
        for (id, events) in &case.conversations() {
            let whole = whole(events.iter().map(Entry::of).collect());
            if whole.entries.is_empty() {
                continue;
            }
            timelines.extend(timeline(id, &whole));
            summaries.insert(id.clone(), summary(id, &whole, &activities));
            // Conversations among agents are in no metrics.
            if !whole.scan.is_private() {
                windows.join(whole.windows);
            }
        }
        assert_same(&case.name, "entry", &timelines, &case.expected("cx.timelines"));
        assert_same(&case.name, "summary", &summaries, &case.expected("cx.conversations"));
        windows.drop_zeros();
        assert_same(&case.name, "window", &metrics(&windows), &expected_metrics(&case));
    }
}

#[test]
fn entries_of_the_cases_read_back_as_they_were_written_and_hold_no_text_of_a_message() {
    for case in cases() {
        for event in case.conversations().values().flatten() {
            let entry = Entry::of(event);
            let bytes = entry.write().unwrap();
            assert_eq!(Entry::read(&bytes), Ok(entry), "{}: {}", case.name, event.id);
            if let model::Action::Primary(model::Primary { body: Some(body), .. }) = &event.action {
                let body: Value = serde_json::from_str(body.as_str()).unwrap();
                // A short text may well be part of an id.
                let text =
                    body["markdownText"].as_str().filter(|text| text.len() > 16).unwrap_or("no such text");
                let kept = bytes.windows(text.len()).any(|part| part == text.as_bytes());
                assert!(!kept, "{}: {}", case.name, event.id);
            }
        }
    }
}

#[test]
fn another_target_of_the_service_level_changes_only_what_was_answered_in_time() {
    let case = cases().into_iter().find(|case| case.name == "queue-visits-across-windows").unwrap();
    let conversations = case.conversations();
    let sum = |service_level_ms: i64| {
        let mut windows = Windows::default();
        let mut add = |amount: Amount<'_>| windows.add(&amount);
        for events in conversations.values() {
            let mut entries: Vec<Entry<'_>> = events.iter().map(Entry::of).collect();
            entries.sort_by_key(Entry::order);
            let settings = ScanSettings { service_level_ms, ..ScanSettings::default() };
            super::scan_all(&entries, &settings, &mut |_, _| {}, &mut add);
        }
        let cells = || windows.0.values().flatten();
        let of = |wanted| {
            cells().filter(|(cell, _)| **cell == Cell::of(wanted)).map(|(_, value)| value).sum::<i64>()
        };
        (of(model::Figure::Answered), of(model::Figure::AnsweredInTarget))
    };
    let (answered, never) = sum(-1);
    assert_eq!((never, sum(i64::MAX)), (0, (answered, answered)));
}
