// SPDX-License-Identifier: Apache-2.0

//! Much that goes at once, and requests of other programs.

use cx_timelines_tests::wait_until;
use serde_json::{Value, json};

use super::ground::{GONE, Ground, KEPT, PARTITIONS, TIMEOUT, conversation_in};

/// The number of conversations that close at the same time, and of their events.
const CLOSING: usize = 300;
const EVENTS: usize = 60;

#[test]
fn many_conversations_that_close_together_are_forgotten_within_short_transactions() {
    let mut ground = Ground::new();
    ground.configure("timeout: 10s", "timeout: 1s");
    ground.run();
    let mut events: Vec<(String, Value)> = Vec::new();
    for n in 0..CLOSING {
        let id = format!("closing {n}");
        let of = json!({"conversationId": id});
        for e in 0..EVENTS {
            events.push((id.clone(), ground.message(&format!("e{e} of {n}"), 0, GONE, &of)));
        }
        events.push((id.clone(), ground.event(&format!("z of {n}"), "CONVERSATION_CLOSED", 1, &of)));
    }
    ground.place_all(&events);
    wait_until("all is folded", TIMEOUT, || {
        let summaries = ground.records("cx.conversations");
        let closed = summaries.values().filter(|summary| summary["closedAt"] != Value::Null).count();
        (closed == CLOSING).then_some(())
    });
    // Time runs on, by one event in each partition; nothing else comes.
    for _ in 0..2 {
        for partition in 0..PARTITIONS {
            let kept = conversation_in(partition, "kept");
            let later =
                ground.event(&format!("later-{partition}"), "X", 100, &json!({"conversationId": kept}));
            ground.place(&kept, &later);
        }
    }
    wait_until("all is forgotten", TIMEOUT, || {
        let summaries = ground.records("cx.conversations");
        let forgotten: Vec<_> = summaries.values().filter(|summary| summary["finality"] == "FINAL").collect();
        let is_whole = |summary: &&Value| summary["counts"]["customerMessages"] == EVENTS;
        assert!(forgotten.iter().all(is_whole), "a half-empty one");
        (forgotten.len() == CLOSING).then_some(())
    });
    wait_until("its state is gone", TIMEOUT, || (ground.state_keys() < CLOSING * 8).then_some(()));
    let (code, _) = ground.instance.take().unwrap().terminate();
    assert_eq!(code, Some(0));
}

#[test]
fn a_request_of_another_program_holds_after_a_reset_and_for_a_new_group() {
    let mut ground = Ground::new();
    let of = |id: &str, customer: &str| json!({"conversationId": id, "channelSession": {"id": format!("s {id}"), "customer": {"_id": customer}}});
    // More than a partition's worth, and one that waits for its session.
    let mut asked: Vec<String> =
        (0..PARTITIONS).map(|partition| conversation_in(partition, "gone")).collect();
    asked.push("gone-too".to_owned());
    for id in &asked {
        let event = ground.message(&format!("e {id}"), 0, GONE, &of(id, "cus-1"));
        ground.place(id, &event);
    }
    let waiting = json!({"channelSession": {"id": "unknown", "customer": {"_id": "cus-1"}}});
    let waiting = ground.message("waiting", 0, GONE, &waiting);
    ground.place("unknown", &waiting);
    let kept = ground.message("k", 0, KEPT, &of("kept", "cus-2"));
    ground.place("kept", &kept);
    ground.run();
    wait_until("all is folded", TIMEOUT, || {
        asked.iter().all(|id| ground.record("cx.conversations", id).is_some()).then_some(())
    });
    ground.ask("asked by another program", r#"{"customerId":"cus-1"}"#);
    let is_gone = |ground: &Ground| {
        asked.iter().all(|id| ground.record("cx.conversations", id).is_none())
            && ground.record("cx.conversations", "kept").is_some()
    };
    wait_until("it is erased", TIMEOUT, || is_gone(&ground).then_some(()));
    let (code, _) = ground.instance.take().unwrap().terminate();
    assert_eq!(code, Some(0));

    wait_until("the group is free", TIMEOUT, || {
        ground.output(&["reset", "--yes"]).status.success().then_some(())
    });
    ground.run();
    // What came before these is read again; the requests come by a topic of their own, before or after that.
    ground.send_letters(|partition| format!("[\"behind what is read again, {partition}\""));
    wait_until("it is erased again", TIMEOUT, || is_gone(&ground).then_some(()));
    // What names the session comes only now.
    let pair =
        ground.event("pair", "X", 1, &json!({"conversationId": "pair", "channelSession": {"id": "unknown"}}));
    ground.place("pair", &pair);
    let said = ground.message("k2", 2, KEPT, &of("kept", "cus-2"));
    ground.place("kept", &said);
    wait_until("it goes on", TIMEOUT, || ground.record("cx.timelines", "kept/k2").map(|_| ()));
    assert!(is_gone(&ground), "{:?}", ground.conversations());
    // A new conversation of the same customer is none of before the request.
    let new = ground.message("new", 3, KEPT, &of("new", "cus-1"));
    ground.place("new", &new);
    wait_until("a new one is folded", TIMEOUT, || ground.record("cx.conversations", "new").map(|_| ()));
}
