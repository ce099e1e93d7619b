// SPDX-License-Identifier: Apache-2.0

//! Whole pages from the records of the public cases.

use super::*;

const CHAT: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/cases/web-chat-from-bot-to-close/expected.ndjson"
));
const CALL: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/cases/voice-call-with-legs-and-a-late-recording/expected.ndjson"
));
const EDITS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/cases/edits-and-deletions/expected.ndjson"
));
const REACTIONS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/cases/reactions-suggestions-and-survey-answers/expected.ndjson"
));
const RECEIPTS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/cases/receipts-out-of-order/expected.ndjson"
));
const ALL: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases/kitchen-sink/expected.ndjson"));

/// The topics by their names in the cases.
const PRODUCTS: Products<'static> = Products {
    conversations: Some("cx.conversations"),
    timelines: Some("cx.timelines"),
    activities: Some("cx.activities"),
};

fn conversation(lines: &str, id: &str) -> Conversation {
    let mut found = Conversation::new(id);
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(product) = PRODUCTS.product(line["topic"].as_str().unwrap()) {
            let value = line["value"].to_string();
            found.take(product, line["key"].as_str().unwrap().as_bytes(), Some(value.as_bytes())).unwrap();
        }
    }
    found
}

fn page(found: &Conversation, width: Option<usize>) -> String {
    let mut out = Vec::new();
    found.write_page(&mut out, width).unwrap();
    text::plain(&String::from_utf8(out).unwrap())
}

/// One part of a page, without its title.
fn part(page: &str, part: usize) -> Vec<String> {
    page.split("\n\n").nth(part).unwrap().lines().skip(1).map(str::to_owned).collect()
}

/// The timeline's lines, from the actor on.
fn said(lines: &str) -> Vec<String> {
    let page = page(&conversation(lines, "c"), None);
    part(&page, 1).iter().map(|line| line.chars().skip(56).collect()).collect()
}

#[test]
fn a_page_tells_a_chat_from_its_summary_to_its_last_message() {
    assert_eq!(
        page(&conversation(CHAT, "c"), None),
        "\
conversation c
  state      closed · handled · inbound · WEB · figures provisional · 17 events
  time       started 2025-06-15 15:06:40Z, closed 2025-06-15 15:08:12Z after 1 min 32 s
  customer   Cy (cus)
  session    s · WEB 1 · started 2025-06-15 15:06:40Z · ended 2025-06-15 15:08:11Z
  queue      web · from 2025-06-15 15:06:47Z · waited 14.5 s · answered
  agent      Ann (ann) · joined 2025-06-15 15:07:02Z · left 2025-06-15 15:08:10Z (WRAP_UP_DONE) · engaged 38.0 s · wrap-up 30.0 s · 1 message, 1 response in 20.0 s
  wrap-up    2025-06-15 15:08:00Z · Ann · Parcels: Where is it
  counts     4 customer messages, 1 agent message, 1 bot message, 2 responses
  responses  first after 1.0 s · first of an agent after 45.0 s · agents: 1, mean 20.0 s, longest 20.0 s · bots: 1, mean 1.0 s, longest 1.0 s
  times      waited 14.5 s

timeline, 17 entries
2025-06-15 15:06:40Z      +0:00  self-service           -                      channel session started WEB 1
2025-06-15 15:06:40Z      +0:00  self-service           S (system)             conversation started
2025-06-15 15:06:45Z      +0:05  self-service           Cy (customer)          message: Where is my parcel?
2025-06-15 15:06:46Z      +0:06  self-service           Bo (bot)               message: Let me find somebody. 🙂  ↩ 1.0 s
2025-06-15 15:06:47Z      +0:07  self-service           Bo (bot)               find agent
2025-06-15 15:06:47Z      +0:07  queued · web           -                      task enqueued
2025-06-15 15:07:00Z      +0:20  queued · web           S (system)             agent reserved
2025-06-15 15:07:02Z      +0:22  agent · Ann            -                      agent subscribed
2025-06-15 15:07:10Z      +0:30  agent · Ann            Cy (customer)          message: Hello?
2025-06-15 15:07:13Z      +0:33  agent · Ann            Cy (customer)          message: Order 4711.
2025-06-15 15:07:30Z      +0:50  agent · Ann            Ann (agent)            message: It comes tomorrow.  ↩ 20.0 s
2025-06-15 15:07:35Z      +0:55  agent · Ann            Cy (customer)          message: Thanks!
2025-06-15 15:07:40Z      +1:00  wrap-up · Ann          -                      participant role changed
2025-06-15 15:08:00Z      +1:20  wrap-up · Ann          Ann (agent)            wrap-up: Parcels: Where is it
2025-06-15 15:08:10Z      +1:30  self-service           -                      agent unsubscribed
2025-06-15 15:08:11Z      +1:31  self-service           -                      channel session ended WEB 1
2025-06-15 15:08:12Z      +1:32  closed                 S (system)             conversation closed

7 activities
2025-06-15 15:06:45Z  m-e03         Cy (customer)          message: Where is my parcel?
2025-06-15 15:06:46Z  m-e04         Bo (bot)               message: Let me find somebody. 🙂
2025-06-15 15:07:10Z  m-e09         Cy (customer)          message: Hello?
2025-06-15 15:07:13Z  m-e10         Cy (customer)          message: Order 4711.
2025-06-15 15:07:30Z  m-e11         Ann (agent)            message: It comes tomorrow.
2025-06-15 15:07:35Z  m-e12         Cy (customer)          message: Thanks!
2025-06-15 15:08:00Z  m-e14         Ann (agent)            wrap-up: Parcels: Where is it
"
    );
}

#[test]
fn a_call_tells_its_length_where_it_ends() {
    assert_eq!(
        said(CALL),
        [
            "Cy (customer)          transcript: Good morning",
            "-                      channel session started CX_VOICE 1",
            "ivr (app)              IVR activity: IVR",
            "-                      agent subscribed",
            "Ann (agent)            call leg started",
            "Ann (agent)            transcript: How can I help?",
            "Cy (customer)          transcript: My line is dead.",
            "-                      conversation paused",
            "-                      conversation paused",
            "-                      conversation resumed",
            "Ann (agent)            call leg ended: took 1 min 59 s, reason 16",
            "Ann (agent)            call leg started",
            "-                      channel session ended CX_VOICE 1",
            "-                      agent unsubscribed",
            "S (system)             conversation closed",
            "rec (app)              call recording: https://rec.example/call.wav",
        ]
    );
}

#[test]
fn edits_deletions_and_what_was_refused_are_said_in_words() {
    assert_eq!(
        said(EDITS),
        [
            "Bo (bot)               edited a message that is deleted",
            "Ann (agent)            message: as an UPDATE",
            "Bo (bot)               message (deleted)",
            "boss (agent)           edit of a message that is deleted refused (not-author)",
            "Ann (agent)            edited: first",
            "Ben (agent)            edit of “as an UPDATE” refused (not-author)",
            "S (system)             edited: first, by the system",
            "ann (agent)            edited: first, by the same agent",
            "Cy (customer)          message (deleted)",
            "Ben (agent)            deletion of a message that is deleted refused (not-author)",
            "boss (agent)           deleted the message",
            "Cy (customer)          edited a message that is deleted",
            "Cy (customer)          deletion of a message that is deleted refused (already-deleted)",
            "Ann (agent)            edited: as an UPDATE",
            "Ann (agent)            message: UPDATE of nothing  ↩ 31.0 s",
            "gdpr (system)          deleted the message",
            "agent                  deletion of “UPDATE of nothing” refused (not-author)",
        ]
    );
}

#[test]
fn reactions_answers_and_suggestions_are_said_in_words() {
    assert_eq!(
        said(REACTIONS),
        [
            "Ann (agent)            message: Done!",
            "Cy (customer)          a reaction on “Done!”, since changed",
            "Cy (customer)          a reaction on “Done!”, since changed",
            "Cy (customer)          reacted 👍 to “Done!”",
            "Ben (agent)            a reaction on “Done!”, since changed",
            "Ben (agent)            a reaction on “Done!”, since changed",
            "Ben (agent)            reacted ❤️ to “Done!”",
            "boss (agent)           flagged “Done!”: excellent",
            "Cy (customer)          acknowledged “Done!”",
            "customer               reaction on “Done!” refused (no-actor)",
            "survey (app)           survey question: How was it?",
            "Cy (customer)          answered “How was it?”: 3",
            "Cy (customer)          reaction on “How was it?” refused (cannot-remove)",
            "Cy (customer)          reply: It was fine",
            "Bo (bot)               suggested nothing for “It was fine”",
            "Bo (bot)               suggested “You are welcome” (75 %), “Bye” (0 %) for “It was fine”",
            "Ann (agent)            reply: Glad to hear  ↩ 1.0 s",
            "crm (app)              conversation data: {\"phone\":\"0302\",\"plan\":{\"name\":\"gold\"}}",
        ]
    );
}

#[test]
fn receipts_are_said_with_what_they_are_for() {
    assert_eq!(
        said(RECEIPTS),
        [
            "-                      receipt: accepted “one”",
            "Ann (agent)            message: one",
            "-                      receipt: sent “one”",
            "-                      receipt: delivered “one”",
            "-                      receipt: read “one”",
            "-                      receipt for “one”",
            "Ann (agent)            message: two",
            "-                      receipt: failed “two”",
            "-                      receipt: sent “two”",
            "-                      receipt for “two”",
            "-                      receipt for “two” refused (unknown-status)",
            "Ann (agent)            message: three",
            "-                      receipt: delivered “three”",
            "-                      receipt: failed “three”",
            "Cy (customer)          message: four",
            "-                      receipt: delivered “four”",
        ]
    );
}

#[test]
fn what_became_of_a_message_stands_below_it() {
    let page = page(&conversation(EDITS, "c"), None);
    let m2 = part(&page, 2).into_iter().skip_while(|line| !line.contains("  m2 ")).take(5);
    assert_eq!(
        m2.collect::<Vec<_>>(),
        [
            "2025-06-15 15:06:50Z  m2            Cy (customer)          message (deleted)",
            "    2025-06-15 15:06:52Z deletion of it refused (not-author)",
            "    2025-06-15 15:06:54Z boss (agent) deleted it",
            "    2025-06-15 15:07:00Z Cy (customer) edited (the text is removed)",
            "    2025-06-15 15:07:10Z deletion of it refused (already-deleted)",
        ]
    );
}

#[test]
fn on_a_terminal_a_line_is_a_line() {
    let people = People::default();
    for id in ["c95ae8602ce77f2f00000230", "43786ebc-68d3-4984-a000-014c6fea6df6"] {
        let found = conversation(ALL, id);
        let known: Vec<Known> =
            found.activities().unwrap().iter().map(|(activity, _)| Known::of(activity)).collect();
        for (entry, _) in found.timeline().unwrap() {
            for width in [80, 100, 120, 200] {
                let look = LineStyle { width: Some(width), names_conversation: true, is_correction: true };
                for known in &known {
                    let line = text::plain(&entry::line(&entry, Some(known), &people, look));
                    assert!(text::columns(&line) <= width, "{width}: {line}");
                }
            }
        }
    }
}

#[test]
fn a_conversation_in_a_stream_is_called_by_its_customer() {
    let mut people = People::default();
    let fields = serde_json::json!({"conversationId": "43786ebc-68d3-4984", "customerId": "cus"});
    let record = example::entry(&fields).to_string();
    let entry: TimelineEntry<'_> = serde_json::from_str(&record).unwrap();
    let line = |people: &People, width| {
        let look = LineStyle { width, names_conversation: true, is_correction: false };
        text::plain(&entry::line(&entry, None, people, look))
    };
    assert!(line(&people, Some(120)).contains("43786ebc-68…"));
    people.name("cus", "Maya Ferris");
    for width in [80, 120] {
        let line = line(&people, Some(width));
        assert!(line.contains("Maya Fe") && !line.contains("43786ebc"), "{line}");
        assert!(text::columns(&line) <= width, "{line}");
    }
    // Where lines are not cut, they can be searched for the id, too.
    let line = line(&people, None);
    assert!(line.contains("43786ebc-68d… Maya Ferris"), "{line}");
}

#[test]
fn of_too_many_names_the_new_ones_are_known() {
    let mut people = People::default();
    (0..20_001).for_each(|id: i32| people.name(&id.to_string(), "x"));
    assert_eq!(people.name_of("20000"), Some("x"));
    assert_eq!(people.name_of("0"), None);
}

#[test]
fn agents_are_called_by_their_names() {
    let page = page(&conversation(ALL, "c95ae8602ce77f2f00000230"), None);
    let places = part(&page, 1).join("\n");
    assert!(places.contains("agent · agent.smith") && !places.contains("22d104bc"), "{places}");
}

#[test]
fn a_page_says_who_let_it_ring_what_was_held_and_how_often_it_was_opened() {
    let summary = |case: &str| {
        let path = format!("{}/../../tests/cases/{case}/expected.ndjson", env!("CARGO_MANIFEST_DIR"));
        let lines = std::fs::read_to_string(path).unwrap();
        // The largest conversation of the case.
        let of = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            Some((line["value"]["revision"].as_i64()?, line["key"].as_str()?.to_owned()))
        };
        let summaries = lines.lines().filter(|line| line.contains("\"cx.conversations\"")).filter_map(of);
        page(&conversation(&lines, &summaries.max().unwrap().1), None)
    };
    let has = |page: &str, wanted: &[&str]| {
        for wanted in wanted {
            assert!(page.lines().any(|line| line.contains(wanted)), "{wanted}: {page}");
        }
    };
    let rang = summary("rona-then-answered");
    has(&rang, &["let ring for", "answered after", "let ring once", "1 RONA"]);
    has(&summary("reopened-conversation"), &["  cycle      opened ", " · contained", " · handled"]);
    has(&summary("consult-and-transfer"), &["was asked for advice", "consult transfer", "1 consultation"]);
    has(
        &summary("voice-call-with-body-leg-and-hold"),
        &["put the call on hold", "took the call off hold", "of it on hold", "on hold in calls"],
    );
    has(&summary("silent-monitor-of-an-abandoned-conversation"), &["only listened"]);
    has(&summary("comments-liked-hidden-deleted"), &["hid “"]);
}

#[test]
fn json_has_the_records_as_they_are_in_their_order() {
    let mut found = Conversation::new("c");
    // A field that this version does not know stays, and numbers keep their spelling.
    let entry = |id: &str, at: i64| {
        let record = example::entry(&serde_json::json!({"entryId": id, "at": at})).to_string();
        record.replacen('{', r#"{"n":1.50,"#, 1)
    };
    for (id, at) in [("a", 7), ("c", 5), ("b", 5)] {
        found.take(Product::Entry, format!("c/{id}").as_bytes(), Some(entry(id, at).as_bytes())).unwrap();
    }
    let mut out = Vec::new();
    found.write_json(&mut out).unwrap();
    let wanted = format!(
        "{{\"conversationId\":\"c\",\"summary\":null,\"timeline\":[{},{},{}],\"activities\":[]}}\n",
        entry("b", 5),
        entry("c", 5),
        entry("a", 7)
    );
    assert_eq!(String::from_utf8(out).unwrap(), wanted);
}

#[test]
fn a_conversation_takes_only_its_own_records_and_a_tombstone_removes_one() {
    let mut found = Conversation::new("a/b");
    for (product, key) in [
        (Product::Summary, "a%2Fb"),
        (Product::Entry, "a/b"),
        (Product::Activity, "a%2Fbc/m"),
        (Product::Activity, "m"),
    ] {
        found.take(product, key.as_bytes(), Some(b"{}")).unwrap();
        assert!(found.is_empty(), "{key}");
    }
    for (product, key) in
        [(Product::Summary, "a/b"), (Product::Entry, "a%2Fb/e"), (Product::Activity, "a%2Fb/m")]
    {
        found.take(product, key.as_bytes(), Some(b"{}")).unwrap();
        assert!(!found.is_empty(), "{key}");
        found.take(product, key.as_bytes(), None).unwrap();
        assert!(found.is_empty(), "{key}");
    }
}

#[test]
fn a_record_of_something_else_is_an_error_that_names_it() {
    let mut found = Conversation::new("c");
    assert!(found.take(Product::Entry, b"c/e", Some(b"no json")).unwrap_err().to_string().contains("c/e"));
    found.take(Product::Entry, b"c/e", Some(b"[]")).unwrap();
    let error = found.write_page(&mut Vec::new(), None).unwrap_err();
    assert!(error.to_string().contains("\"c/e\" is not as cx-timelines writes it"), "{error}");
}

#[test]
fn what_is_left_out_of_a_record_is_said() {
    let lines: Vec<String> = CHAT
        .lines()
        .map(|line| {
            let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
            match record["topic"].as_str().unwrap() {
                "cx.conversations" => record["value"]["omitted"]["queueVisits"] = 2.into(),
                "cx.activities" => {
                    record["value"]["omitted"]["edits"] = 5.into();
                    record["value"]["omitted"]["others"] = 1.into();
                }
                _ => {}
            }
            record.to_string()
        })
        .collect();
    let lines = lines.join("\n");
    let page = page(&conversation(&lines, "c"), None);
    assert!(page.contains("  left out   2 queue visits\n"), "{page}");
    assert!(page.contains("    left out: 5 edits, 1 other events\n"), "{page}");
}

/// Each record of these topics, in all public cases.
fn each_record(mut take: impl FnMut(&str, &str)) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases");
    for case in std::fs::read_dir(folder).unwrap() {
        let Ok(lines) = std::fs::read_to_string(case.unwrap().path().join("expected.ndjson")) else {
            continue;
        };
        for line in lines.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            take(line["topic"].as_str().unwrap(), &line["value"].to_string());
        }
    }
}

fn written_again<T: DeserializeOwned + Serialize>(record: &str) -> serde_json::Value {
    let typed: T = serde_json::from_str(record).unwrap_or_else(|error| panic!("{error}: {record}"));
    let mut again = Vec::new();
    model::Record::write_json(&typed, &mut again);
    serde_json::from_slice(&again).unwrap()
}

/// Whether it has all of the record; a field that a record of an earlier version lacks has its default.
fn has_all(again: &serde_json::Value, record: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Object};
    match (again, record) {
        (Object(again), Object(record)) => {
            record.iter().all(|(name, value)| again.get(name).is_some_and(|again| has_all(again, value)))
        }
        (Array(again), Array(record)) => {
            again.len() == record.len() && again.iter().zip(record).all(|(again, one)| has_all(again, one))
        }
        _ => again == record,
    }
}

#[test]
fn what_is_read_back_is_what_was_written() {
    let mut read = BTreeMap::<String, usize>::new();
    each_record(|topic, record| {
        let again = match topic {
            "cx.activities" => written_again::<Activity<'_>>(record),
            "cx.timelines" => written_again::<TimelineEntry<'_>>(record),
            "cx.conversations" => written_again::<ConversationSummary<'_>>(record),
            "cx.customers" => written_again::<model::CustomerRecord<'_>>(record),
            _ => return,
        };
        *read.entry(topic.to_owned()).or_default() += 1;
        assert!(
            has_all(&again, &serde_json::from_str(record).unwrap()),
            "{topic}: {again}, read from {record}"
        );
    });
    assert!(read.len() == 4 && read.values().all(|records| *records > 20), "{read:?}");
}

/// The fields of a record that a schema has, and of the records within it.
fn of_schema(
    record: &mut serde_json::Value,
    schema: &serde_json::Value,
    named: &mut BTreeMap<String, serde_json::Value>,
) {
    use serde_json::Value;
    match schema {
        Value::Array(union) => union.iter().for_each(|branch| of_schema(record, branch, named)),
        Value::String(name) => {
            if let Some(schema) = named.get(name).cloned() {
                of_schema(record, &schema, named);
            }
        }
        Value::Object(of) => match (of["type"].as_str(), &mut *record) {
            (Some("record"), record) => {
                let fields = of["fields"].as_array().unwrap();
                named.insert(of["name"].as_str().unwrap().to_owned(), schema.clone());
                if let Value::Object(record) = record {
                    record.retain(|name, _| fields.iter().any(|field| field["name"] == **name));
                }
                for field in fields {
                    let value = record.get_mut(field["name"].as_str().unwrap());
                    of_schema(value.unwrap_or(&mut Value::Null), &field["type"], named);
                }
            }
            (Some("array"), Value::Array(items)) => {
                items.iter_mut().for_each(|item| of_schema(item, &of["items"], named));
                of_schema(&mut Value::Null, &of["items"], named);
            }
            (Some("array"), _) => of_schema(&mut Value::Null, &of["items"], named),
            _ => {}
        },
        _ => {}
    }
}

#[test]
fn records_of_the_first_released_schemas_are_read() {
    let mut read = BTreeMap::<String, usize>::new();
    each_record(|topic, record| {
        let schema = match topic {
            "cx.activities" => model::Schema::ACTIVITY,
            "cx.conversations" => model::Schema::CONVERSATION,
            _ => return,
        };
        let first: serde_json::Value = serde_json::from_str(schema.released[0]).unwrap();
        let mut old: serde_json::Value = serde_json::from_str(record).unwrap();
        of_schema(&mut old, &first, &mut BTreeMap::new());
        assert!(old.get("omitted").is_none() && old.get("roomId").is_none(), "{old}");
        let again = match topic {
            "cx.activities" => written_again::<Activity<'_>>(&old.to_string()),
            _ => written_again::<ConversationSummary<'_>>(&old.to_string()),
        };
        *read.entry(topic.to_owned()).or_default() += 1;
        assert!(has_all(&again, &old), "{topic}: {again}, read from {old}");
    });
    assert!(read.len() == 2 && read.values().all(|records| *records > 20), "{read:?}");
}
