// SPDX-License-Identifier: Apache-2.0

//! The right to be forgotten: what conversations said is on no broker's disk any more, whatever crashed meanwhile, and what
//! others said still is.

mod ground;
mod slices;

use std::collections::BTreeSet;

use cx_timelines_tests::{Program, wait_until};
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use serde_json::{Value, json};

use ground::{
    COMPACTED, GONE, Ground, KEPT, LETTERS, PARTITIONS, TIMEOUT, block_on, conversation_in, partition_of,
};

/// A conversation that is to be erased, as lists of customers have it.
const LISTED: &str = "\"conversationId\":\"gone-";

/// Three customers' conversations, everywhere where a producer may put them, and others between them.
fn fill(ground: &mut Ground) {
    let session = |id: &str, customer: &str| json!({"id": id, "customer": {"_id": customer}});
    // A live one, with a suggestion, a relation that becomes a dead letter, and an event that names only the session.
    let live = json!({"conversationId": "gone-live", "channelSession": session("s1", "cus-1")});
    let alone = json!({"channelSession": {"id": "s1"}});
    let mut edit = ground.message("e4", 3, GONE, &live);
    edit["name"] = "MODIFY_ACTIVITY".into();
    edit["data"]["header"]["originalMessageId"] = "unknown".into();
    edit["data"]["body"] = json!({"action": "EDIT", "body": {"markdownText": GONE}});
    for event in [
        ground.message("e1", 0, GONE, &live),
        ground.suggestion("e2", 1, "e1", GONE, &live),
        ground.message("e3", 2, GONE, &alone),
        edit,
    ] {
        ground.place("gone-live", &event);
    }
    // One in the wrong partition.
    let misplaced = json!({"conversationId": "gone-misplaced", "channelSession": session("s2", "cus-2")});
    let event = ground.message("e5", 0, GONE, &misplaced).to_string();
    ground.send("cx.events", (partition_of("gone-misplaced") + 1) % PARTITIONS, &event);
    // One that was closed, and is forgotten by now: no state knows its keys.
    let closed = json!({"conversationId": "gone-closed", "channelSession": session("s3", "cus-2")});
    let said = ground.message("e6", 0, GONE, &closed);
    let end = ground.event("e7", "CONVERSATION_CLOSED", 1, &closed);
    ground.place("gone-closed", &said);
    ground.place("gone-closed", &end);
    // One with a topic of its own.
    let topic = NewTopic::new("cx.conversation.gone-topic", 1, TopicReplication::Fixed(1));
    block_on(ground.admin.create_topics([&topic], &AdminOptions::new())).unwrap();
    let event = ground.message("e8", 0, GONE, &json!({})).to_string();
    ground.send("cx.conversation.gone-topic", 0, &event);
    // What cannot be read, of these and of others.
    ground.send_letters(|_| format!("{{\"conversationId\":\"gone-live\",\"text\":\"{GONE}\""));
    ground.send_letters(|partition| format!("{KEPT}, {partition}"));
    for partition in 0..PARTITIONS {
        let kept = conversation_in(partition, "kept");
        let said = ground.message(&format!("k{partition}"), 0, KEPT, &json!({"conversationId": kept}));
        ground.place(&kept, &said);
    }
}

/// Stream time runs on: what waits has waited in vain, and what was closed is forgotten.
fn let_time_pass(ground: &mut Ground) {
    for partition in 0..PARTITIONS {
        let kept = conversation_in(partition, "kept");
        let later = ground.event(&format!("later-{partition}"), "X", 150, &json!({"conversationId": kept}));
        ground.place(&kept, &later);
    }
}

/// Waits until all is folded, what waited in vain is a dead letter, and what was closed is forgotten.
fn let_all_be_folded(ground: &mut Ground) {
    wait_until("what names only its session is folded", TIMEOUT, || {
        ground.record("cx.timelines", "gone-live/e3").map(|_| ())
    });
    let_time_pass(ground);
    wait_until("all is folded, and what waited in vain is a dead letter", TIMEOUT, || {
        ground.tick();
        let known = ground.conversations();
        let has_all =
            ["gone-live", "gone-misplaced", "gone-closed", "gone-topic"].iter().all(|id| known.contains(*id));
        let closed = ground.record("cx.conversations", "gone-closed");
        let is_final = closed.is_some_and(|closed| closed["finality"] == "FINAL");
        (has_all && is_final && ground.letters("target-not-found") == 1).then_some(())
    });
}

/// Sends one of the letters that stay back: that must still be known afterwards. Then comes another one that has to go.
fn send_one_back(ground: &mut Ground) {
    let letters = ground.ok(&["dead-letters", "list", "--json"]);
    let letters: Vec<Value> = letters.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut positions = letters.iter().map(|letter| letter["position"].as_str().unwrap());
    let kept =
        positions.find(|position| ground.ok(&["dead-letters", "show", "--json", position]).contains(KEPT));
    let sent_back = ground.ok(&["dead-letters", "replay", "--yes", kept.unwrap()]);
    assert!(sent_back.ends_with("sent back 1 dead letter\n"), "{sent_back}");
    wait_until("what was sent back is a dead letter again", TIMEOUT, || {
        (ground.letters("malformed") == 5).then_some(())
    });
    ground.send_letters(|partition| format!("[\"gone-live\", \"{GONE} {partition}\""));
}

/// The command with these conversations and customers.
fn erase<'f>(flags: &[&'f str]) -> Vec<&'f str> {
    let whose = ["erase", "--conversation", "gone-topic", "--customer", "cus-1", "--customer", "cus-2"];
    [&whose[..], flags].concat()
}

fn check_what_there_is(ground: &Ground) {
    let before = ground.on_disk(GONE);
    for topic in [
        "cx.activities",
        "cx.bot-training",
        "cx.events",
        "cx.conversation.gone-topic",
        "cx-timelines-changelog",
        "cx-timelines-repartition",
        LETTERS,
    ] {
        assert!(before.contains(topic), "{topic} is missing in {before:?}");
    }
    assert!(ground.record("cx.customers", "cus-1").is_some(), "cus-1 has a list");
    assert!(ground.on_disk(LISTED).contains("cx.customers"), "the list is on a disk");
    assert!(!before.contains("cx.timelines") && !before.contains("cx.audit"), "{before:?}");
    let verified = ground.fails(1, &erase(&["--verify", "--text", GONE]));
    assert!(verified.contains("not overwritten: run `cx-timelines erase`"), "{verified}");
    assert!(ground.fails(2, &erase(&[])).contains("--yes"), "without a terminal");
    assert!(ground.fails(2, &["erase", "--yes"]).contains("--customer"));
    let dry = ground.ok(&erase(&["--dry-run"]));
    assert!(dry.starts_with("4 conversations to erase\n  gone-closed\n  gone-live\n"), "{dry}");
    assert!(dry.contains("delete the topic") && dry.contains("(retention)"), "{dry}");
    assert!(ground.conversations().contains("gone-live"), "a dry run changes nothing");
}

/// The pipeline is killed before the request, after it, and while it is carried out.
fn erase_while_all_crashes(ground: &mut Ground) {
    ground.kill();
    let late = ground.fails(1, &erase(&["--yes", "--timeout", "1s"]));
    assert!(late.contains("the requests are written") && late.contains("again"), "{late}");
    ground.run();
    ground.kill();
    let arguments = erase(&["--yes", "--timeout", "120s"]);
    let mut command = Program::start(&ground.arguments(&arguments), ground.folder.path().join("erase.log"));
    ground.run();
    wait_until("the requests are taken", TIMEOUT, || {
        (!ground.conversations().contains("gone-live")).then_some(())
    });
    ground.kill();
    ground.run();
    wait_until("the command ends", TIMEOUT, || (!command.is_running()).then_some(()));
    assert!(command.log().contains("nothing of it is current any more"), "{}", command.log());
}

fn check_what_is_left(ground: &mut Ground) {
    let left = ground.conversations();
    assert!(!left.iter().any(|id| id.starts_with("gone")), "{left:?}");
    assert!(left.iter().any(|id| id.starts_with("kept")), "{left:?}");
    for customer in ["cus-1", "cus-2"] {
        assert_eq!(ground.record("cx.customers", customer), None);
    }
    let replay = ground.ok(&["dead-letters", "replay", "--dry-run"]);
    assert!(replay.contains("left out: 1 dead letter sent back before"), "{replay}");
    let ever = "2099-01-01T00:00:00Z";
    let as_of = ground.fails(1, &["as-of", "--conversation", "gone-live", "--event-time", ever]);
    assert!(as_of.contains("was erased"), "{as_of}");
    let unknown = ground.ok(&["erase", "--conversation", "never-seen", "--yes"]);
    assert!(unknown.contains("nothing is known of conversation \"never-seen\""), "{unknown}");
    for id in ["gone-live", "never-seen"] {
        let event = ground.message(&format!("late-{id}"), 40, GONE, &json!({"conversationId": id}));
        ground.place(id, &event);
    }
    wait_until("what comes later is refused", TIMEOUT, || (ground.letters("erased") >= 2).then_some(()));
    let replay = ground.ok(&["dead-letters", "replay", "--dry-run", "--reason", "erased"]);
    assert!(
        replay.starts_with("0 dead letters to send back") && replay.contains("no value any more"),
        "{replay}"
    );
}

/// Lets the brokers do within seconds what takes them days.
fn let_the_broker_clean(ground: &mut Ground) {
    for topic in COMPACTED {
        let soon = [
            ("cleanup.policy", "compact"),
            ("segment.ms", "50"),
            ("max.compaction.lag.ms", "1"),
            ("min.cleanable.dirty.ratio", "0"),
            ("delete.retention.ms", "0"),
        ];
        ground.set(topic, &soon);
    }
    ground.set("cx-timelines-repartition", &[("cleanup.policy", "delete"), ("segment.ms", "50")]);
    let inputs = BTreeSet::from(["cx.events".to_owned(), "cx.conversation.gone-topic".to_owned()]);
    wait_until("only the producers' topics hold it", TIMEOUT, || {
        ground.tick();
        // The segment under way is never deleted: what was taken is cut off again once it is another one.
        ground.ok(&["erase", "--conversation", "gone-topic", "--yes"]);
        let left = ground.on_disk(GONE);
        // Lists of customers have no text, but the conversations.
        let listed = ground.on_disk(LISTED).contains("cx.customers");
        eprintln!("it lies in {left:?}, and in lists of customers: {listed}");
        (!listed && left.is_subset(&inputs)).then_some(())
    });
    let (code, _) = ground.instance.take().unwrap().terminate();
    assert_eq!(code, Some(0));
    for topic in &inputs {
        ground.set(topic, &[("retention.ms", "1")]);
    }
    wait_until("it is on no disk", TIMEOUT, || ground.on_disk(GONE).is_empty().then_some(()));
}

#[test]
fn what_is_erased_is_on_no_disk_any_more_and_all_else_is_whatever_crashes_meanwhile() {
    let mut ground = Ground::new();
    ground.run();
    fill(&mut ground);
    let_all_be_folded(&mut ground);
    send_one_back(&mut ground);
    check_what_there_is(&ground);
    // As if a day went by since the first letters: the next one begins another file.
    ground.set(LETTERS, &[("cleanup.policy", "delete"), ("segment.ms", "1"), ("retention.ms", "-1")]);
    erase_while_all_crashes(&mut ground);
    check_what_is_left(&mut ground);
    let_the_broker_clean(&mut ground);
    let kept = ground.on_disk(KEPT);
    assert!(kept.contains("cx.activities") && kept.contains(LETTERS), "{kept:?}");
    let verified = ground.ok(&erase(&["--verify", "--text", GONE, "--json"]));
    assert!(verified.lines().all(|line| line.contains("\"records\":0")), "{verified}");
}
