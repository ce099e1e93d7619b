// SPDX-License-Identifier: Apache-2.0

//! What `as-of` shows of a file equals what `fold` returns for the events up to that time.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::commands::as_of::selection::OrderedRecord;
use crate::commands::as_of::source::{Gap, RecordVisitor};
use crate::render::text;
use engine::{NoHeaders, SourceRecord};

const CALL: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/cases/voice-call-with-legs-and-a-late-recording/events.ndjson"
));
const EVER: i64 = model::AT_MAX;

/// Events, each with its ingestion time.
struct Events(Vec<(Option<i64>, String)>);

impl Events {
    fn of(lines: &str) -> Self {
        Self(lines.lines().map(|line| (None, line.to_owned())).collect())
    }
}

impl Source for Events {
    fn each(&mut self, visit: &mut RecordVisitor<'_>) -> anyhow::Result<()> {
        for (number, (timestamp_ms, value)) in (0..).zip(&self.0) {
            let record = SourceRecord {
                topic: "cx.events",
                partition: 0,
                offset: number,
                timestamp_ms: *timestamp_ms,
                key: None,
                value: Some(value.as_bytes()),
                headers: &NoHeaders,
                conversation: None,
            };
            visit(&OrderedRecord { record, place: (0, 0, number) })?;
        }
        Ok(())
    }

    fn place(&self) -> String {
        "the test".to_owned()
    }
}

fn config() -> Config {
    Config::load(Some(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../topics.yaml"))), "g", None)
        .unwrap()
}

fn seen(mut events: Events, id: &str, event_time: i64, known_at: Option<i64>) -> Result<Value, String> {
    match look(&mut events, id, Window { event_time, known_at }, &config()) {
        Ok(found) => {
            let mut out = Vec::new();
            found.write_json(&mut out).unwrap();
            Ok(serde_json::from_slice(&out).unwrap())
        }
        Err(Failure::Failed(error)) => Err(format!("{error:#}")),
        Err(other) => panic!("{other:?}"),
    }
}

fn ids(seen: &Value) -> Vec<&str> {
    let entries = seen["timeline"].as_array().unwrap();
    entries.iter().map(|entry| entry["entryId"].as_str().unwrap()).collect()
}

fn event(id: &str, at: i64, fields: &Value) -> String {
    let mut event =
        json!({"id": id, "name": "CUSTOMER_MESSAGE", "timestamp": at, "data": {"id": format!("m-{id}")}});
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    event.to_string()
}

const AT: i64 = 1_750_000_000_000;

#[test]
fn the_time_that_is_printed_of_an_event_is_not_before_it() {
    for at in [AT, AT + 1, AT + 500, AT + 999, EVER] {
        let printed = text::time(at);
        assert!(crate::cli::until(&printed).unwrap() >= at, "{printed}");
    }
}

#[test]
fn where_beginnings_are_gone_it_is_said_which_and_since_when() {
    let gap = |partition, first, first_ms| Gap { topic: "cx.events".to_owned(), partition, first, first_ms };
    assert_eq!(incomplete(&[]), None);
    let said = incomplete(&[gap(0, 17, Some(AT)), gap(3, 5, None)]).unwrap();
    assert!(said.starts_with("the answer may be incomplete: "), "{said}");
    assert!(said.contains("cx.events/0 begins at offset 17 (came 2025-06-15 15:06:40Z)"), "{said}");
    assert!(said.contains("cx.events/3 begins at offset 5 (no record is left)"), "{said}");
    let many: Vec<Gap> = (0..20).map(|partition| gap(partition, 1, None)).collect();
    let said = incomplete(&many).unwrap();
    assert!(said.contains("cx.events/7 ") && !said.contains("cx.events/8 "), "{said}");
    assert!(said.contains("12 more partitions begin after offset 0"), "{said}");
}

#[test]
fn only_what_had_happened_is_seen() {
    let then = seen(Events::of(CALL), "c", AT + 45_000, None).unwrap();
    let until: Vec<&str> = CALL
        .lines()
        .filter(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["timestamp"].as_i64().unwrap() <= AT + 45_000
        })
        .collect();
    assert_eq!(then, seen(Events::of(&until.join("\n")), "c", EVER, None).unwrap());
    assert_eq!(then["summary"]["state"], "OPEN");
    assert!(ids(&then).contains(&"v10") && !ids(&then).contains(&"v11"));
}

#[test]
fn only_what_had_come_is_seen() {
    let events = || {
        let first = event("a", AT, &json!({"conversationId": "c"}));
        let late = event("b", AT - 5_000, &json!({"conversationId": "c"}));
        Events(vec![(Some(AT + 100), first), (Some(AT + 60_000), late)])
    };
    assert_eq!(ids(&seen(events(), "c", EVER, Some(AT + 59_999)).unwrap()), ["a"]);
    assert_eq!(ids(&seen(events(), "c", EVER, Some(AT + 60_000)).unwrap()), ["b", "a"]);
    let early = seen(events(), "c", EVER, Some(AT)).unwrap_err();
    assert!(
        early.contains("did not exist") && early.contains("the first came at 2025-06-15 15:06:40Z"),
        "{early}"
    );
}

#[test]
fn a_record_without_a_timestamp_cannot_be_asked_when_it_came() {
    let events = Events::of(&event("a", AT, &json!({"conversationId": "c"})));
    let error = seen(events, "c", EVER, Some(EVER)).unwrap_err();
    assert!(error.contains("cx.events/0@0") && error.contains("leave out --known-at"), "{error}");
}

#[test]
fn an_event_that_names_only_the_session_is_brought_by_the_correlation() {
    let now = seen(Events::of(CALL), "c", EVER, None).unwrap();
    assert_eq!(now["summary"]["revision"], 16);
    assert_eq!(
        ids(&now).first(),
        Some(&"v01"),
        "it named its session before the session's conversation was known"
    );
}

#[test]
fn a_session_belongs_to_the_first_conversation_seen_with_it() {
    let session = json!({"channelSession": {"id": "s"}});
    let of = |conversation: &str| json!({"channelSession": {"id": "s"}, "conversationId": conversation});
    let events = || {
        Events::of(
            &[
                event("1", AT, &of("other")),
                event("2", AT + 1, &of("c")),
                event("3", AT + 2, &session),
                event("4", AT + 3, &json!({"conversationId": "third", "channelSession": {"id": "t"}})),
            ]
            .join("\n"),
        )
    };
    assert_eq!(ids(&seen(events(), "c", EVER, None).unwrap()), ["2"]);
    assert_eq!(ids(&seen(events(), "other", EVER, None).unwrap()), ["1", "3"]);
}

#[test]
fn a_conversation_that_nobody_names_is_said_to_be_unknown() {
    let error = seen(Events::of(CALL), "d", EVER, None).unwrap_err();
    assert_eq!(error, "no event names conversation \"d\" (16 records were read); looked at the test");
}

#[test]
fn a_conversation_that_had_not_begun_is_said_to_be_later() {
    let error = seen(Events::of(CALL), "c", AT - 1, None).unwrap_err();
    assert_eq!(
        error,
        "conversation \"c\" did not exist at 2025-06-15 15:06:39Z: it has 12 events by now, it begins at \
         2025-06-15 15:06:41Z; looked at the test"
    );
}

#[test]
fn what_only_waits_shows_nothing_and_it_is_said_why() {
    let reaction = json!({"name": "REACTION", "conversationId": "c",
        "data": {"header": {"originalMessageId": "m"}, "body": {"kind": "EMOJI", "value": "x"}}});
    let error = seen(Events::of(&event("r", AT, &reaction)), "c", EVER, None).unwrap_err();
    assert!(error.contains("1 event until then wait"), "{error}");
}

#[test]
fn a_conversation_that_was_erased_is_not_made_up_again() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let line = |topic: &str, value: &str| json!({"topic": topic, "key": null, "value": value}).to_string();
    let lines = [
        "{\"#records\":true}".to_owned(),
        line("cx.events", &event("a", AT, &json!({"conversationId": "c"}))),
        line("cx.erasures", r#"{"conversationId":"c"}"#),
        line("cx.events", &event("b", AT, &json!({"conversationId": "d"}))),
    ];
    std::io::Write::write_all(&mut file, lines.join("\n").as_bytes()).unwrap();
    let config = config();
    let window = Window { event_time: EVER, known_at: None };
    let mut source = FileSource::open(file.path(), &config).unwrap();
    let refused = look(&mut source, "c", window, &config).unwrap_err();
    assert!(format!("{refused:?}").contains("was erased on request"), "{refused:?}");
    assert!(look(&mut source, "d", window, &config).is_ok());
}

#[test]
fn a_file_is_read_as_fold_reads_it() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let line = |topic: &str, id: &str, conversation: &Value| {
        let value = event(id, AT, conversation);
        json!({"topic": topic, "key": null, "value": value, "timestamp": AT}).to_string()
    };
    let of_its_own = line("cx.conversation.c", "a", &json!({}));
    let shared = line("cx.events", "b", &json!({"conversationId": "c"}));
    let output = line("cx.activities", "x", &json!({"conversationId": "c"}));
    std::io::Write::write_all(
        &mut file,
        format!("{{\"#records\":true}}\n{of_its_own}\n{shared}\n{output}\n").as_bytes(),
    )
    .unwrap();
    let config = config();
    let mut source = FileSource::open(file.path(), &config).unwrap();
    let window = Window { event_time: EVER, known_at: Some(AT) };
    let found = look(&mut source, "c", window, &config).unwrap();
    let mut out = Vec::new();
    found.write_json(&mut out).unwrap();
    assert_eq!(ids(&serde_json::from_slice(&out).unwrap()), ["a", "b"]);
}
