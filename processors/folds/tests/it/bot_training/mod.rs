// SPDX-License-Identifier: Apache-2.0

//! Tests of the training data for bots (contract section 10), on the real tasks.

mod properties;

use crate::common::driver;
use engine::{InnerTopics, Topology};
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

const TOPIC: &str = "cx.bot-training";
const T0: i64 = 1_750_000_000_000;

fn c() -> EventFactory {
    EventFactory::new("c")
}

/// A message of the customer.
fn asks(id: &str, second: i64, activity: &str) -> Value {
    c().message(id, "CUSTOMER_MESSAGE", second, activity, "CUSTOMER:cus", &format!("question {id}"))
}

fn bot_says(id: &str, second: i64, activity: &str) -> Value {
    c().message(id, "BOT_MESSAGE", second, activity, "BOT:bo", &format!("answer {id}"))
}

fn suggests(id: &str, second: i64, target: &str) -> Value {
    let item = json!({"messageBody": {"type": "PLAIN", "markdownText": format!("idea {id}")}, "confidenceLevel": 0.5});
    let data = json!({"requestedMessage": {"id": target}, "suggestions": [item]});
    c().event(id, "BOT_SUGGESTION", second, data)
}

/// A reaction of a supervisor.
fn reacts(id: &str, second: i64, target: &str, kind: &str, value: &str, action: &str) -> Value {
    let sender = json!({"type": "AGENT", "id": "sue", "role": "SUPERVISOR"});
    let header = json!({"sender": sender, "originalMessageId": target});
    let body = json!({"kind": kind, "value": value, "action": action});
    c().event(id, "REACTION", second, json!({"header": header, "body": body}))
}

fn run(mut driver: Driver, events: &[Value]) -> Driver {
    for event in events {
        driver.push(event.to_string());
    }
    driver.finish();
    driver
}

/// Commits after each event, so that each is processed with the stored state of the earlier ones.
fn run_one_by_one(mut driver: Driver, events: &[Value]) -> Driver {
    for event in events {
        driver = run(driver, std::slice::from_ref(event));
    }
    driver
}

/// The record of `c/m`, which is the same for one commit and for many.
fn record(events: &[Value]) -> Value {
    let at_once = run(driver(), events).record(TOPIC, "c/m").cloned();
    let one_by_one = run_one_by_one(driver(), events).record(TOPIC, "c/m").cloned();
    assert_eq!(at_once, one_by_one);
    at_once.unwrap_or(Value::Null)
}

/// Only this output is selected: the processors it follows run, but write no topic.
fn driver_of_this_product() -> Driver {
    let processor = |name| folds::by_name(name, &folds::Settings::default()).unwrap();
    let mut topology = Topology::new(InnerTopics {
        dead_letters: "cx.dead-letters",
        changelog: "changelog",
        repartition: "repartition",
        erasures: None,
    });
    for name in folds::ALWAYS.into_iter().chain(["activities", "timelines"]) {
        topology.add_silent(processor(name)).unwrap();
    }
    topology.add(processor("bot-training"), &[TOPIC]).unwrap();
    Driver::new(topology)
}

#[test]
fn a_message_with_suggestions_its_flags_and_its_reply_are_one_record() {
    let expected = json!({
        "conversationId": "c", "activityId": "m", "occurredAt": T0 + 1000, "channel": null,
        "body": {"type": "PLAIN", "markdownText": "question e1"},
        "suggestions": [{"eventId": "e2", "at": T0 + 2000, "actor": null, "items": [
            {"body": {"type": "PLAIN", "markdownText": "idea e2"}, "confidence": 0.5}]}],
        "flags": [{"eventId": "e4", "at": T0 + 9000, "actor": {"type": "AGENT", "id": "sue", "name": null},
            "kind": "FLAG", "value": "wrong topic"}],
        "reply": {"activityId": "r", "kind": "BOT_MESSAGE", "actor": {"type": "BOT", "id": "bo", "name": "bo"},
            "at": T0 + 4000, "body": {"type": "PLAIN", "markdownText": "answer e3"}, "responseMs": 3000}
    });
    let events = [
        asks("e1", 1, "m"),
        suggests("e2", 2, "m"),
        bot_says("e3", 4, "r"),
        reacts("e4", 9, "m", "FLAG", "wrong topic", "ADD"),
    ];
    assert_eq!(record(&events), expected);
}

#[test]
fn suggestions_that_come_before_their_message_wait_for_it() {
    assert_eq!(record(&[suggests("e2", 2, "m")]), Value::Null);
    let shown = record(&[suggests("e3", 3, "m"), suggests("e2", 2, "m"), asks("e1", 1, "m")]);
    assert_eq!(
        (&shown["suggestions"][0]["eventId"], &shown["suggestions"][1]["eventId"]),
        (&json!("e2"), &json!("e3"))
    );
}

#[test]
fn without_suggestions_there_is_no_record() {
    let flagged = [asks("e1", 1, "m"), reacts("e2", 2, "m", "FLAG", "rude", "ADD"), bot_says("e3", 3, "r")];
    assert_eq!(record(&flagged), Value::Null);
}

#[test]
fn only_a_customers_message_has_a_record() {
    let answer = c().message("e1", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "hi");
    assert_eq!(record(&[answer, suggests("e2", 2, "m")]), Value::Null);
}

#[test]
fn a_note_on_its_own_has_no_record_whatever_is_suggested() {
    let homeless = EventFactory::homeless();
    let mut note = homeless.message("e1", "CUSTOMER_MESSAGE", 1, "n", "CUSTOMER:cus", "note");
    note["data"]["body"]["type"] = json!("NOTE");
    let data = json!({"requestedMessage": {"id": "n"}, "suggestions": [{"messageBody": {}}]});
    let driver = run(driver(), &[note, homeless.event("e2", "BOT_SUGGESTION", 2, data)]);
    assert_eq!(driver.letters(), []);
    assert_eq!(driver.record("cx.activities", "n").unwrap()["suggestions"].as_array().unwrap().len(), 1);
    assert!(!driver.finals().keys().any(|(topic, _)| topic == TOPIC));
}

#[test]
fn only_flags_that_are_shown_are_listed() {
    let events = [
        asks("e1", 1, "m"),
        suggests("e2", 2, "m"),
        reacts("e3", 3, "m", "EMOJI", "👍", "ADD"),
        reacts("e4", 4, "m", "FLAG", "rude", "ADD"),
        reacts("e5", 5, "m", "FLAG", "excellent", "ADD"),
        reacts("e6", 6, "m", "FLAG", "rude", "REMOVE"),
        c().reply("e7", 7, "m7", "CUSTOMER:cus", "m"),
    ];
    let shown = record(&events);
    let values: Vec<&Value> = shown["flags"].as_array().unwrap().iter().map(|flag| &flag["value"]).collect();
    assert_eq!(values, ["excellent"]);
}

#[test]
fn an_edit_of_the_message_or_of_its_reply_is_followed() {
    let events = [
        asks("e1", 1, "m"),
        suggests("e2", 2, "m"),
        bot_says("e3", 3, "r"),
        c().edit("e4", 4, "m", "CUSTOMER:cus", "asked better"),
        c().edit("e5", 5, "r", "BOT:bo", "answered better"),
    ];
    let shown = record(&events);
    assert_eq!(shown["body"]["markdownText"], "asked better");
    assert_eq!(shown["reply"]["body"]["markdownText"], "answered better");
}

#[test]
fn a_message_that_opened_no_turn_or_is_not_answered_has_no_reply() {
    let suggestions = [suggests("e3", 3, "m"), suggests("e4", 3, "before")];
    let second =
        [&[asks("e1", 1, "before"), asks("e2", 2, "m"), bot_says("e5", 5, "r")], suggestions.as_slice()]
            .concat();
    assert_eq!(record(&second)["reply"], Value::Null);
    assert_eq!(run(driver(), &second).record(TOPIC, "c/before").unwrap()["reply"]["activityId"], "r");
    assert_eq!(record(&[asks("e1", 1, "m"), suggests("e2", 2, "m")])["reply"], Value::Null);
}

#[test]
fn only_the_first_answer_is_the_reply_whoever_gives_it() {
    let agent = c().message("e3", "AGENT_MESSAGE", 3, "r1", "AGENT:ann", "hi");
    let whisper = c().message("e0", "WHISPER_MESSAGE", 2, "w", "AGENT:ann", "psst");
    let shown =
        record(&[asks("e1", 1, "m"), suggests("e2", 2, "m"), whisper, bot_says("e4", 4, "r2"), agent]);
    assert_eq!(
        (&shown["reply"]["kind"], &shown["reply"]["activityId"]),
        (&json!("AGENT_MESSAGE"), &json!("r1"))
    );
    assert_eq!(shown["reply"]["responseMs"], 2000);
}

#[test]
fn an_earlier_message_that_comes_late_takes_the_turn() {
    let events = [
        asks("e2", 2, "m"),
        suggests("e3", 3, "m"),
        suggests("e4", 3, "late"),
        bot_says("e5", 5, "r"),
        asks("e1", 1, "late"),
        c().edit("e6", 6, "r", "BOT:bo", "answered better"),
    ];
    assert_eq!(record(&events)["reply"], Value::Null);
    let late = run_one_by_one(driver(), &events).record(TOPIC, "c/late").cloned().unwrap();
    assert_eq!((&late["reply"]["activityId"], &late["reply"]["responseMs"]), (&json!("r"), &json!(4000)));
    assert_eq!(late["reply"]["body"]["markdownText"], "answered better");
}

#[test]
fn an_earlier_answer_that_comes_late_takes_the_place_of_the_reply() {
    let events =
        [asks("e1", 1, "m"), suggests("e2", 2, "m"), bot_says("e4", 4, "r2"), bot_says("e3", 3, "r1")];
    assert_eq!(record(&events)["reply"]["activityId"], "r1");
}

#[test]
fn an_answer_that_turns_out_to_be_something_else_is_the_reply_no_more() {
    let events = [
        asks("e1", 1, "m"),
        suggests("e2", 2, "m"),
        bot_says("e4", 4, "r"),
        c().message("e3", "WHISPER_MESSAGE", 3, "r", "AGENT:ann", "psst"),
    ];
    assert_eq!(record(&events)["reply"], Value::Null);
}

#[test]
fn a_deleted_message_leaves_a_tombstone_and_never_comes_back() {
    let deleted = [asks("e1", 1, "m"), suggests("e2", 2, "m"), c().delete("e3", 3, "m", "CUSTOMER:cus")];
    assert_eq!(record(&deleted), Value::Null);
    let after = [
        suggests("e4", 4, "m"),
        bot_says("e5", 5, "r"),
        c().edit("e6", 6, "m", "CUSTOMER:cus", "still here"),
    ];
    assert_eq!(record(&[deleted.as_slice(), &after].concat()), Value::Null);
}

#[test]
fn a_deletion_that_does_not_count_leaves_the_record() {
    let refused = [asks("e1", 1, "m"), suggests("e2", 2, "m"), c().delete("e3", 3, "m", "AGENT:ann")];
    assert_eq!(record(&refused)["body"]["markdownText"], "question e1");
}

#[test]
fn a_deleted_reply_is_still_the_reply_and_says_nothing() {
    let events = [
        asks("e1", 1, "m"),
        suggests("e2", 2, "m"),
        bot_says("e3", 3, "r"),
        c().delete("e4", 4, "r", "BOT:bo"),
    ];
    let shown = record(&events);
    assert_eq!((&shown["reply"]["activityId"], &shown["reply"]["body"]), (&json!("r"), &Value::Null));
}

#[test]
fn a_message_that_turns_out_to_be_something_else_leaves_a_tombstone() {
    let events = [
        asks("e2", 2, "m"),
        suggests("e3", 3, "m"),
        c().message("e1", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "mine"),
    ];
    assert_eq!(record(&events), Value::Null);
}

#[test]
fn nothing_keeps_a_text_that_was_deleted() {
    let events = [
        asks("e1", 1, "m"),
        suggests("e2", 2, "m"),
        bot_says("e3", 3, "r"),
        c().edit("e4", 4, "m", "CUSTOMER:cus", "asked better"),
        c().delete("e5", 5, "m", "CUSTOMER:cus"),
        c().delete("e6", 6, "r", "BOT:bo"),
    ];
    for driver in [run(driver(), &events), run_one_by_one(driver(), &events)] {
        for text in ["question e1", "answer e3", "asked better"] {
            assert!(!driver.changelog_holds(text), "the state holds {text:?}");
            assert!(!driver.finals().values().any(|record| record.to_string().contains(text)), "{text:?}");
        }
    }
}

#[test]
fn chosen_alone_it_says_the_same_and_sends_a_tombstone_only_where_there_was_a_record() {
    let (question, idea) = (asks("e1", 1, "m"), suggests("e2", 2, "m"));
    let deletion = c().delete("e3", 3, "m", "CUSTOMER:cus");
    let driver = run_one_by_one(driver_of_this_product(), &[question.clone(), idea.clone()]);
    assert_eq!(driver.record(TOPIC, "c/m").unwrap(), &record(&[question.clone(), idea.clone()]));
    assert_eq!(driver.emissions(), 1);
    let driver = run_one_by_one(driver, &[deletion.clone(), suggests("e4", 4, "m")]);
    assert_eq!(driver.emissions(), 2);
    let never = run_one_by_one(driver_of_this_product(), &[question, deletion, idea]);
    assert_eq!(never.emissions(), 0);
}
