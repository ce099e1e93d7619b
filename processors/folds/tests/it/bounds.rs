// SPDX-License-Identifier: Apache-2.0

//! Tests of size limits: no input makes a record larger than its topic accepts, and no state grows without limit (contract
//! section 3, A10, and section 5 "Bounds"). What is left out depends only on the set of events.

use std::collections::BTreeMap;

use crate::common::{driver, driver_of, driver_of_activities};
use folds::sizes::{self, Sizes};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

const MIB: usize = 1 << 20;
const SIZES: Sizes = Sizes { value: 1 << 20, activity: 4 << 20 };

fn c() -> EventFactory {
    EventFactory::new("c")
}

/// A message of the agent ann with the id `m`.
fn message() -> Value {
    c().message("a", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "hi")
}

fn folded(mut driver: Driver, events: &[Value]) -> Driver {
    for event in events {
        driver.push(event.to_string());
    }
    driver.finish();
    assert!(
        driver.letters().is_empty(),
        "{:?}",
        driver.letters().iter().map(|l| &l.reason).collect::<Vec<_>>()
    );
    driver
}

fn activity(events: &[Value]) -> Value {
    folded(driver_of_activities(), events).record("cx.activities", "c/m").cloned().unwrap()
}

fn summary(events: &[Value]) -> Value {
    folded(driver(), events).record("cx.conversations", "c").cloned().unwrap()
}

/// A text of this many bytes.
fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

#[test]
fn seventeen_edits_of_a_megabyte_leave_the_last_bodies_and_the_activitys_own() {
    let edit =
        |number: i64| c().edit(&format!("e{number:02}"), 2 + number, "m", "AGENT:ann", &long(1_000_000));
    let events: Vec<Value> = [message()].into_iter().chain((0..17).map(edit)).collect();
    let shown = activity(&events);
    let edits = shown["edits"].as_array().unwrap();
    let with_body = edits.iter().filter(|edit| !edit["body"].is_null()).count();
    assert_eq!((edits.len(), with_body), (17, 4));
    assert!(edits[13]["body"].is_object() && edits[12]["body"].is_null());
    assert_eq!(shown["body"], edits[16]["body"]);
    assert_eq!(shown["omitted"], json!({"edits": 0, "reactions": 0, "suggestions": 0, "others": 0}));
    let turned: Vec<Value> = events.iter().rev().cloned().collect();
    assert_eq!(activity(&turned), shown);
}

#[test]
fn after_the_edits_the_suggestions_lose_their_bodies_all_of_one_together() {
    let suggestion = |number: i64| {
        let item = |text: &str| json!({"messageBody": {"t": text}, "confidenceLevel": 0.5});
        let data = json!({
            "requestedMessage": {"id": "m"},
            "suggestions": [item(&long(450_000)), item(&long(450_000)), {"confidenceLevel": 1}],
        });
        c().event(&format!("s{number}"), "BOT_SUGGESTION", 10 + number, data)
    };
    let edit = c().edit("e", 2, "m", "AGENT:ann", &long(1_000));
    let events: Vec<Value> = [message(), edit].into_iter().chain((0..6).map(suggestion)).collect();
    let shown = activity(&events);
    assert_eq!(shown["edits"][0]["body"], Value::Null);
    assert_eq!(shown["body"]["markdownText"].as_str().unwrap().len(), 1_000);
    let bodies = |number: usize| {
        let items = shown["suggestions"][number]["items"].as_array().unwrap();
        items.iter().map(|item| item["body"].is_object()).collect::<Vec<_>>()
    };
    assert_eq!(bodies(1), [false, false, false]);
    assert_eq!(bodies(2), [true, true, false]);
    assert_eq!(shown["suggestions"][0]["items"][0]["confidence"], 0.5);
}

#[test]
fn of_a_suggestion_twenty_items_are_taken_and_no_number_is_spelled_at_length() {
    let long_number =
        serde_json::value::RawValue::from_string(format!("0.5{}", "0".repeat(500_000))).unwrap();
    let item = |number: usize| json!({"messageBody": {"n": number}, "confidenceLevel": 0.1});
    let items: Vec<Value> = (0..30).map(item).collect();
    let data = json!({"requestedMessage": {"id": "m"}, "suggestions": items});
    let event = c().event("s", "BOT_SUGGESTION", 5, data).to_string();
    let event = event.replacen("0.1", long_number.get(), 1);
    let mut driver = driver_of_activities();
    driver.push(message().to_string());
    driver.push(event);
    driver.finish();
    let shown = driver.record("cx.activities", "c/m").unwrap();
    let items = shown["suggestions"][0]["items"].as_array().unwrap();
    assert_eq!(
        (items.len(), &items[0]["confidence"], &items[19]["body"]["n"]),
        (20, &json!(0.5), &json!(19))
    );
    assert!(driver.largest()["cx.activities"] < 10_000);
}

#[test]
fn a_reaction_that_was_left_out_comes_back_when_a_reply_turns_out_to_be_none() {
    let reaction = |number: i64| {
        c().reaction(&format!("r{number:03}"), 10 + number, "m", &format!("AGENT:{number}"), "👍", "ADD")
    };
    let mut events: Vec<Value> = [message()].into_iter().chain((0..200).map(reaction)).collect();
    events.push(c().reply("x", 900, "reply", "CUSTOMER:cus", "m"));
    let with_reply = activity(&events);
    assert_eq!(with_reply["reactions"][0]["eventId"], "r001");
    assert_eq!(with_reply["omitted"]["reactions"], 1);
    // An earlier event of the same message says that it is not a reply.
    events.push(c().message("w", "CUSTOMER_MESSAGE", 5, "reply", "CUSTOMER:cus", "no answer"));
    let without = activity(&events);
    assert_eq!(without["reactions"].as_array().unwrap().len(), 200);
    assert_eq!(
        (&without["reactions"][0]["eventId"], &without["omitted"]["reactions"]),
        (&json!("r000"), &json!(0))
    );
    events.reverse();
    assert_eq!(activity(&events), without);
}

#[test]
fn a_deletion_counts_however_many_there_are_and_whoever_turns_out_to_be_the_author() {
    let by_ben = c().delete("d", 2, "m", "AGENT:ben");
    let by_others =
        |number: i64| c().delete(&format!("o{number:03}"), 10 + number, "m", &format!("AGENT:{number}"));
    let mut events: Vec<Value> = [message(), by_ben].into_iter().chain((0..300).map(by_others)).collect();
    let shown = activity(&events);
    assert_eq!((&shown["deletion"], &shown["omitted"]["others"]), (&Value::Null, &json!(101)));
    // The first event of the message was ben's.
    events.push(c().message("0", "AGENT_MESSAGE", 0, "m", "AGENT:ben", "secret"));
    let shown = activity(&events);
    assert_eq!((&shown["deletion"]["eventId"], &shown["body"]), (&json!("d"), &Value::Null));
    // 300 by others and ann's primary are rejected; 200 of them are listed.
    assert_eq!(shown["omitted"]["others"], 101);
    events.reverse();
    assert_eq!(activity(&events), shown);
}

#[test]
fn what_waited_for_its_message_is_whole_though_much_of_it_was_given_up() {
    let mut driver = driver_of_activities().with_expiry();
    let take = |driver: &mut Driver, event: Value| {
        driver.set_clock(event["timestamp"].as_i64().unwrap());
        driver.push(event.to_string());
        driver.finish();
    };
    let tick = |id: &str, hours: i64| c().event(id, "ANYTHING", hours * 3_600, json!({}));
    // The earliest edit arrives last, when 200 later ones already wait; those are given up before it.
    for number in 0..200 {
        take(&mut driver, c().edit(&format!("e{number:03}"), 1_000 + number, "m", "AGENT:ann", "later"));
    }
    take(&mut driver, tick("some hours later", 20));
    take(&mut driver, c().edit("first", 10, "m", "AGENT:ann", "first"));
    (0..4).for_each(|number| {
        take(&mut driver, tick(&format!("a day after the beginning {number}"), 26 + number));
    });
    take(&mut driver, c().message("a", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "hi"));
    let given_up = driver.letters().iter().filter(|letter| letter.reason == "target-not-found").count();
    let shown = driver.record("cx.activities", "c/m").unwrap();
    assert_eq!(given_up, 200);
    assert_eq!(shown["edits"][0]["eventId"], "first");
    assert_eq!((&shown["omitted"]["edits"], &shown["revision"]), (&json!(0), &json!(2)));
}

#[test]
fn of_a_summarys_lists_the_last_hundred_are_there_and_figures_count_all() {
    let mut events = vec![c().event("start", "CONVERSATION_STARTED", 0, json!({}))];
    for number in 0..130 {
        let second = 10 + number * 10;
        let session = json!({"id": format!("s{number:03}"), "channel": {"channelType": {"name": format!("T{number:03}")}}});
        let mut started = c().event(&format!("cs{number}"), "CHANNEL_SESSION_STARTED", second, json!({}));
        started["channelSession"] = session;
        events.push(started);
        let task =
            json!({"task": {"id": format!("t{number:03}"), "state": "QUEUED"}, "queue": {"name": "q"}});
        events.push(c().event(&format!("te{number}"), "TASK_ENQUEUED", second + 1, task));
        let agent = json!({"agentParticipant": {"participant": {"id": format!("agent-{number:03}")}, "role": "PRIMARY"}});
        events.push(c().event(&format!("as{number}"), "AGENT_SUBSCRIBED", second + 2, agent));
        let wrap_up = json!({"id": format!("w{number:03}"), "header": {"sender": {"type": "AGENT", "id": "ann"}}, "body": {"type": "WRAPUP", "n": number}});
        events.push(c().event(&format!("wu{number}"), "WRAPUP_APPLIED", second + 3, wrap_up));
    }
    events.push(c().delete("gone", 5_000, "w129", "AGENT:ann"));
    let driver = folded(driver(), &events);
    let shown = driver.record("cx.conversations", "c").unwrap();
    assert_eq!(
        shown["omitted"],
        json!({"sessions": 30, "agents": 30, "queueVisits": 30, "wrapUps": 29, "cycles": 0, "tasks": 30})
    );
    for (list, key, first) in [
        ("sessions", "channelSessionId", "s030"),
        ("agents", "agentId", "agent-030"),
        ("queueVisits", "taskId", "t030"),
        ("tasks", "taskId", "t030"),
        ("wrapUps", "activityId", "w029"),
    ] {
        let list = shown[list].as_array().unwrap();
        assert_eq!((list.len(), &list[0][key]), (100, &json!(first)));
    }
    assert_eq!(shown["waitMs"], 130_000);
    let channels = shown["channels"].as_array().unwrap();
    assert_eq!((channels.len(), &channels[0], &channels[99]), (100, &json!("T000"), &json!("T099")));
    let last = driver.record("cx.timelines", "c/gone").unwrap();
    let agents = last["agents"].as_array().unwrap();
    assert_eq!((agents.len(), &agents[99]), (100, &json!("agent-099")));
    assert!(driver.violations().is_empty(), "{:?}", driver.violations());
}

#[test]
fn of_many_long_wrap_ups_the_oldest_lose_their_bodies() {
    let wrap_up = |number: i64| {
        let data = json!({"id": format!("w{number}"), "header": {"sender": {"type": "AGENT", "id": "ann"}}, "body": {"type": "WRAPUP", "text": long(1_000_000)}});
        c().event(&format!("e{number}"), "WRAPUP_APPLIED", number, data)
    };
    let events: Vec<Value> = (0..12).map(wrap_up).collect();
    let shown = summary(&events);
    let list = shown["wrapUps"].as_array().unwrap();
    let with_body: Vec<&str> = list
        .iter()
        .filter(|one| one["body"].is_object())
        .map(|one| one["activityId"].as_str().unwrap())
        .collect();
    assert_eq!((list.len(), with_body), (12, vec!["w8", "w9", "w10", "w11"]));
}

/// Checks that records of all topics are within the bounds derived from the limits.
fn assert_bounded(driver: &Driver) {
    for (topic, bytes) in driver.largest() {
        let bound = match topic.as_str() {
            "changelog" => sizes::changelog_bytes(SIZES),
            "repartition" => sizes::repartition_bytes(SIZES),
            "cx.dead-letters" => sizes::dead_letter_bytes(2 * SIZES.value),
            output => sizes::output_bytes(output.strip_prefix("cx.").unwrap(), SIZES).unwrap(),
        };
        assert!(*bytes as u64 <= bound, "a record of {topic} has {bytes} bytes, the bound is {bound}");
    }
}

#[test]
fn the_longest_identifiers_and_names_there_can_be_make_no_record_larger_than_its_bound() {
    // A control character takes six bytes in JSON: no other text of this size is longer there.
    let id = |number: usize| format!("{number:05}{}", "\u{1}".repeat(507));
    let name = "\u{1}".repeat(1_024);
    let conversation = "\u{1}".repeat(512);
    let factory = EventFactory::new(&conversation);
    let sender = |number: usize| json!({"type": "\u{1}".repeat(512), "id": id(number), "senderName": name});
    let header = |number: usize| {
        json!({"sender": sender(number), "originalMessageId": id(0), "channelSessionId": id(number), "customer": {"id": id(number)},
        "channelData": {"channelTypeCode": id(number), "serviceIdentifier": id(number)}, "providerMessageId": id(number)})
    };
    let mut events = vec![factory.event(
        "first",
        "CUSTOMER_MESSAGE",
        0,
        json!({"id": id(0), "header": header(0), "body": {"text": long(1_000_000)}}),
    )];
    for number in 1..215 {
        let second = i64::try_from(number).unwrap();
        let mut push = |kind: &str, name: &str, data: Value| {
            events.push(factory.event(&format!("{kind}{}", &id(number)[1..]), name, second, data));
        };
        push(
            "e",
            "MODIFY_ACTIVITY",
            json!({"header": {"sender": {"type": "SYSTEM", "id": id(number), "senderName": name}, "originalMessageId": id(0)},
            "body": {"action": "EDIT", "body": {"text": long(if number < 20 { 900_000 } else { 9 })}}}),
        );
        push(
            "r",
            "REACTION",
            json!({"header": header(number), "body": {"kind": "FLAG", "value": id(number)}}),
        );
        push(
            "s",
            "BOT_SUGGESTION",
            json!({"header": header(number), "requestedMessage": {"id": id(0)},
            "suggestions": vec![json!({"messageBody": {"t": long(300)}, "confidenceLevel": 0.123_456_789_012_345_6}); 25]}),
        );
        push("d", "MODIFY_ACTIVITY", json!({"header": header(number), "body": {"action": "DELETE"}}));
        push(
            "n",
            "MESSAGE_DELIVERY_NOTIFICATION",
            json!({"header": header(number), "body": {"messageId": id(0), "status": id(number), "reasonCode": id(number)}}),
        );
        push("p", "CUSTOMER_MESSAGE", json!({"id": id(0), "header": header(number), "body": {}}));
        push(
            "a",
            "AGENT_SUBSCRIBED",
            json!({"agentParticipant": {"participant": {"id": id(number), "displayName": name}, "role": id(number)}}),
        );
        push("t", "TASK_ENQUEUED", json!({"task": {"id": id(number)}, "queue": {"name": id(number)}}));
        push(
            "w",
            "WRAPUP_APPLIED",
            json!({"id": format!("w{}", &id(number)[1..]), "header": header(number), "body": {"text": long(200_000)}}),
        );
        let mut session =
            factory.event(&format!("c{}", &id(number)[1..]), "CHANNEL_SESSION_STARTED", second, json!({}));
        session["channelSession"] = json!({"id": id(number), "channel": {"channelType": {"name": id(number)}}, "channelData": {"serviceIdentifier": id(number)}});
        events.push(session);
    }
    let mut driver = driver_of(2);
    for event in events.iter().rev() {
        driver.push(event.to_string());
    }
    for _ in 0..events.len() {
        driver.step();
        if driver.emissions() == 0 {
            driver.commit();
        }
    }
    driver.finish();
    assert!(driver.letters().is_empty(), "{:?}", driver.letters()[0].reason);
    assert_bounded(&driver);
    // The bounds are tight: these records come near them.
    let activity = driver.largest()["cx.activities"];
    assert!(activity > 10 * MIB, "{activity}");
    let summary = driver.largest()["cx.conversations"];
    assert!(summary > 6 * MIB, "{summary}");
}

/// A number as the documents write it.
fn written(number: u64) -> String {
    let digits = number.to_string();
    let with_comma = |(place, digit): (usize, char)| {
        let comma = if place > 0 && (digits.len() - place).is_multiple_of(3) { "," } else { "" };
        format!("{comma}{digit}")
    };
    digits.chars().enumerate().map(with_comma).collect()
}

#[test]
fn the_documents_table_of_bounds_is_what_the_program_computes() {
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/limits.md")).unwrap();
    let mut bounds: Vec<(&str, u64, u64)> = folds::products()
        .map(|(processor, product)| {
            let of = |sizes| sizes::output_bytes(processor, sizes).unwrap();
            (product.topic, of(Sizes { value: 0, activity: 0 }), of(SIZES))
        })
        .collect();
    let none = Sizes { value: 0, activity: 0 };
    bounds.push(("{group}-changelog", sizes::changelog_bytes(none), sizes::changelog_bytes(SIZES)));
    bounds.push(("{group}-repartition", sizes::repartition_bytes(none), sizes::repartition_bytes(SIZES)));
    for (topic, fixed, all) in bounds {
        let row = document.lines().find(|line| line.starts_with(&format!("| `{topic}` |"))).expect(topic);
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(cells[2].starts_with(&written(fixed)), "{row}: {}", written(fixed));
        assert_eq!(cells[3], written(all), "{row}");
    }
}

#[test]
fn a_scan_that_is_long_lies_in_several_records_and_is_the_same() {
    let session = |number: i64| {
        let mut event = c().event(&format!("e{number:05}"), "ANYTHING", number, json!({}));
        event["channelSession"] = json!({"id": format!("{number:05}{}", long(500)), "channelData": {"serviceIdentifier": long(500)}});
        event
    };
    let mut events: Vec<Value> = (0..2_000).map(session).collect();
    let late = c().event("late", "ANYTHING", 700, json!({}));
    let straight = {
        let mut all = events.clone();
        all.push(late.clone());
        all.sort_by_key(|event| event["timestamp"].as_i64());
        folded(driver(), &all)
    };
    events.push(late);
    let mut driver = driver();
    for (number, event) in events.iter().enumerate() {
        driver.push(event.to_string());
        driver.step();
        if number % 100 == 0 {
            driver.commit();
            driver.crash();
        }
    }
    driver.finish();
    let shown = |driver: &Driver| driver.record("cx.conversations", "c").cloned().unwrap();
    assert_eq!(shown(&driver), shown(&straight));
    assert!(driver.largest()["changelog"] <= 1 << 20, "{}", driver.largest()["changelog"]);
}

/// About a hundred small events on one message, so that each relation exceeds its limit: three authors who may be the first,
/// their edits and deletions, and replies that turn out not to be replies.
fn crowd() -> impl Strategy<Value = Vec<Value>> {
    let event = (0..9_u8, 0..900_i64, 0..4_u8);
    (prop::collection::vec(event, 700..900), 0..4_u8).prop_map(|(events, weight)| {
        let actor =
            |number: u8| ["AGENT:ann", "AGENT:ben", "CUSTOMER:cus", "SYSTEM:sys"][usize::from(number)];
        let mut all = vec![message()];
        for (number, (kind, second, by)) in events.into_iter().enumerate() {
            // The frequent kinds differ between cases.
            let kind = if number % 3 == 0 { kind } else { (kind % 2) + 2 * weight };
            let (id, by) = (format!("{kind}-{number:04}"), actor(by));
            let reply = format!("reply-{}", number % 40);
            all.push(match kind {
                0 | 8 => c().edit(&id, second, "m", by, &format!("text {number}")),
                1 => c().delete(&id, second, "m", if number % 50 == 0 { by } else { "AGENT:other" }),
                2 => c().reaction(&id, second, "m", &format!("CUSTOMER:{}", number % 300), "👍", "ADD"),
                3 => c().reply(
                    &id,
                    second,
                    &reply,
                    "CUSTOMER:cus",
                    if number % 5 == 0 { "other" } else { "m" },
                ),
                4 => c().receipt(&id, second, "m", ["SENT", "DELIVERED", "READ", "WHAT"][number % 4]),
                5 => c().message(
                    &id,
                    "AGENT_MESSAGE",
                    second,
                    "m",
                    if number % 30 == 0 { by } else { "AGENT:ann" },
                    "again",
                ),
                6 => c().event(
                    &id,
                    "BOT_SUGGESTION",
                    second,
                    json!({"requestedMessage": {"id": "m"}, "suggestions": [{"messageBody": {"t": number}}]}),
                ),
                _ => c().message(&id, "CUSTOMER_MESSAGE", second, &reply, "CUSTOMER:cus", "no reply at all"),
            });
        }
        all
    })
}

fn finals(driver: &Driver) -> BTreeMap<(String, String), Value> {
    let mut finals = driver.finals().clone();
    finals.retain(|(topic, _), _| topic != "cx.metrics");
    finals
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_is_left_out_depends_on_nothing_but_the_set_of_events(
        (events, shuffled) in crowd().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        commits in prop::collection::vec(any::<Index>(), 6),
        crashes in prop::collection::vec(any::<Index>(), 3),
    ) {
        let straight = folded(driver(), &events);
        let mut driver = driver();
        let places = |places: &[Index]| places.iter().map(|place| place.index(shuffled.len())).collect::<Vec<_>>();
        let (commits, crashes) = (places(&commits), places(&crashes));
        for (number, event) in shuffled.iter().enumerate() {
            driver.push(event.to_string());
            driver.step();
            if commits.contains(&number) {
                driver.commit();
            }
            if crashes.contains(&number) {
                driver.crash();
            }
        }
        driver.finish();
        prop_assert_eq!(finals(&driver), finals(&straight));
    }
}
