// SPDX-License-Identifier: Apache-2.0

//! Tests of rules A1 to A9, one by one, on the real task.

use crate::common::driver_of_activities as driver;
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

fn folded(events: &[Value]) -> Driver {
    let mut driver = driver();
    for event in events {
        driver.push(event.to_string());
    }
    driver.finish();
    driver
}

fn activity(events: &[Value], key: &str) -> Value {
    folded(events).record("cx.activities", key).cloned().unwrap_or(Value::Null)
}

fn c() -> EventFactory {
    EventFactory::new("c")
}

#[test]
fn a_relation_waits_for_its_message_and_is_then_part_of_it() {
    let reaction = c().reaction("r", 5, "m", "CUSTOMER:cus", "👍", "ADD");
    assert_eq!(activity(std::slice::from_ref(&reaction), "c/m"), Value::Null);
    let shown = activity(&[reaction, c().message("a", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "hi")], "c/m");
    assert_eq!(shown["reactions"][0]["value"], "👍");
    assert_eq!(shown["revision"], 2);
}

#[test]
fn a_relation_of_another_conversation_does_not_reach_the_message() {
    let elsewhere = EventFactory::new("d").reaction("r", 5, "m", "CUSTOMER:cus", "👍", "ADD");
    let shown = activity(&[c().message("a", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "hi"), elsewhere], "c/m");
    assert_eq!(shown["reactions"], json!([]));
}

#[test]
fn the_earliest_primary_counts_even_when_it_comes_last() {
    let late = c().message("b", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "first");
    let early = c().message("a", "AGENT_MESSAGE", 2, "m", "AGENT:ann", "second");
    let shown = activity(&[early, late], "c/m");
    assert_eq!(shown["body"]["markdownText"], "first");
    assert_eq!(
        shown["rejected"][0],
        json!({"eventId": "a", "at": 1_750_000_002_000_i64,
        "relation": "PRIMARY", "reason": "duplicate-primary"})
    );
}

#[test]
fn a_reply_that_turns_out_to_be_a_duplicate_takes_its_response_back() {
    let target = c().message("t", "AGENT_MESSAGE", 0, "t", "AGENT:ann", "?");
    let reply = c().reply("b", 5, "m", "CUSTOMER:cus", "t");
    let earlier = c().message("a", "CUSTOMER_MESSAGE", 4, "m", "CUSTOMER:cus", "no reply at all");
    assert_eq!(activity(&[target.clone(), reply.clone()], "c/t")["reactions"][0]["kind"], "RESPONSE");
    assert_eq!(activity(&[target, reply, earlier], "c/t")["reactions"], json!([]));
}

#[test]
fn a_reply_to_itself_counts_once() {
    let shown = activity(&[c().reply("a", 1, "m", "CUSTOMER:cus", "m")], "c/m");
    assert_eq!(shown["revision"], 1);
    assert_eq!(shown["reactions"][0]["value"], "m");
}

#[test]
fn only_the_author_and_the_system_edit() {
    let shown = activity(
        &[
            c().message("a", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "hi"),
            c().edit("b", 2, "m", "AGENT:ann", "by the author"),
            c().edit("d", 3, "m", "SYSTEM:sys", "by the system"),
            c().edit("e", 4, "m", "AGENT:ben", "by another"),
        ],
        "c/m",
    );
    assert_eq!(shown["body"]["markdownText"], "by the system");
    assert_eq!(shown["edits"].as_array().unwrap().len(), 2);
    assert_eq!(shown["rejected"][0]["reason"], "not-author");
    assert_eq!(shown["updatedAt"], 1_750_000_003_000_i64);
}

#[test]
fn an_edit_dated_before_its_message_counts_all_the_same() {
    let shown = activity(
        &[
            c().message("a", "AGENT_MESSAGE", 5, "m", "AGENT:ann", "hi"),
            c().edit("b", 2, "m", "AGENT:ann", "edited"),
        ],
        "c/m",
    );
    assert_eq!(shown["body"]["markdownText"], "edited");
    assert_eq!(shown["occurredAt"], 1_750_000_005_000_i64);
    assert_eq!(shown["updatedAt"], 1_750_000_005_000_i64);
}

#[test]
fn the_text_of_a_deleted_message_is_in_no_record_and_not_in_the_state() {
    let driver = folded(&[
        c().message("a", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "secret one"),
        c().edit("b", 2, "m", "AGENT:ann", "secret two"),
        c().delete("d", 3, "m", "AGENT:ann"),
        c().edit("e", 4, "m", "AGENT:ann", "secret three"),
    ]);
    let record = driver.record("cx.activities", "c/m").unwrap();
    assert!(!record.to_string().contains("secret"), "{record}");
    assert_eq!(record["edits"].as_array().unwrap().len(), 2);
    assert!(!driver.changelog_holds("secret"));
}

#[test]
fn a_deletion_by_the_wrong_author_of_a_later_primary_does_not_erase_the_earlier_ones_edits() {
    // ann's message is deleted by ann; then ben's earlier message with the same id arrives, and ann's deletion has no effect.
    let shown = activity(
        &[
            c().message("b", "AGENT_MESSAGE", 5, "m", "AGENT:ann", "ann's"),
            c().delete("d", 6, "m", "AGENT:ann"),
            c().edit("s", 7, "m", "SYSTEM:sys", "the system's"),
            c().message("a", "AGENT_MESSAGE", 1, "m", "AGENT:ben", "ben's"),
        ],
        "c/m",
    );
    assert_eq!(shown["deletion"], Value::Null);
    assert_eq!(shown["body"]["markdownText"], "the system's");
}

#[test]
fn the_last_event_of_an_identity_decides_whether_a_reaction_shows() {
    let events = [
        c().message("a", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "hi"),
        c().reaction("b", 2, "m", "CUSTOMER:cus", "👍", "ADD"),
        c().reaction("d", 3, "m", "CUSTOMER:cus", "👍", "REMOVE"),
        c().reaction("e", 4, "m", "AGENT:ann", "👍", "ADD"),
    ];
    let shown = activity(&events, "c/m");
    assert_eq!(shown["reactions"].as_array().unwrap().len(), 1);
    assert_eq!(shown["reactions"][0]["actor"]["id"], "ann");
    assert_eq!(shown["revision"], 4, "what is hidden is accepted all the same");
}

#[test]
fn a_receipt_never_moves_a_status_back() {
    let events = [
        c().message("a", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "hi"),
        c().receipt("b", 5, "m", "SEEN"),
        c().receipt("d", 6, "m", "DELIVERED"),
        c().receipt("e", 2, "m", "DELIVERED"),
        c().receipt("f", 7, "m", "PIGEON"),
    ];
    let shown = activity(&events, "c/m");
    assert_eq!(shown["delivery"]["status"], "READ");
    assert_eq!(shown["delivery"]["deliveredAt"], 1_750_000_002_000_i64);
    assert_eq!(shown["rejected"][0]["reason"], "unknown-status");
}

#[test]
fn an_event_that_is_known_only_by_its_session_waits_and_is_in_no_output() {
    let body = json!({"type": "RECORDING_LINK", "callId": "call"});
    let event =
        EventFactory::homeless().event("a", "THIRD_PARTY_ACTIVITY", 1, json!({"id": "rec", "body": body}));
    let driver = folded(&[event]);
    assert!(driver.finals().is_empty());
    assert!(driver.letters().is_empty());
    assert!(driver.changelog_holds("RECORDING_LINK"), "it is kept in its original bytes");
}

#[test]
fn one_commit_emits_each_activity_once() {
    let driver = folded(&[
        c().message("a", "AGENT_MESSAGE", 1, "m", "AGENT:ann", "hi"),
        c().reaction("b", 2, "m", "CUSTOMER:cus", "👍", "ADD"),
        c().reaction("d", 3, "m", "CUSTOMER:cus", "🎉", "ADD"),
    ]);
    assert_eq!(driver.emissions(), 1);
}

#[test]
fn a_record_that_cannot_be_read_is_dead_lettered_as_it_came_with_its_position() {
    let mut driver = driver();
    driver.push("not json");
    driver.finish();
    let letter = &driver.letters()[0];
    assert_eq!(
        (letter.reason.as_str(), letter.value.as_deref()),
        ("malformed", Some(b"not json".as_slice()))
    );
    let header =
        |name: &str| letter.headers.iter().find(|(key, _)| key == name).and_then(|(_, v)| v.clone()).unwrap();
    assert_eq!(header("cx.error.topic"), b"cx.events");
    assert_eq!(header("cx.error.partition"), b"0");
    assert_eq!(header("cx.error.offset"), b"0");
    assert!(!header("cx.error.detail").is_empty());
    assert!(!header("cx.error.at").is_empty());
    assert!(!header("cx.error.processor").is_empty());
}

#[test]
fn an_aborted_transaction_leaves_no_dead_letter_behind() {
    let mut driver = driver();
    driver.push("not json");
    driver.step();
    driver.abort();
    driver.finish();
    assert_eq!(driver.letters().len(), 1);
}
