// SPDX-License-Identifier: Apache-2.0

//! Campaign messages: standalone activities, each with its own session.

use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

use super::folded;
use crate::common::driver_of;

fn sent(id: &str, second: i64, activity: &str, sender: &str, more: &Value, body: &Value) -> Value {
    let mut header = json!({"sender": {"type": sender, "id": "x"}, "customer": {"_id": "cus"}});
    for (field, value) in more.as_object().unwrap() {
        header[field] = value.clone();
    }
    let mut event = EventFactory::homeless().event(
        id,
        "THIRD_PARTY_ACTIVITY",
        second,
        json!({"id": activity, "header": header, "body": body}),
    );
    event["channelSession"] = json!({"id": format!("own {id}")});
    event
}

fn offer() -> Value {
    sent("e1", 1, "offer", "APP", &json!({"schedulingMetaData": {"at": 1}}), &json!({"type": "PLAIN"}))
}

fn receipt() -> Value {
    let body = json!({"type": "DELIVERYNOTIFICATION", "messageId": "offer", "status": "Delivered"});
    sent("e2", 2, "receipt", "APP", &json!({}), &body)
}

fn answer() -> Value {
    let reply = json!({"originalMessageId": "offer", "intent": "REPLY_TO"});
    sent("e3", 3, "answer", "CONNECTOR", &reply, &json!({"type": "PLAIN", "markdownText": "yes"}))
}

fn offered(driver: &Driver) -> Value {
    driver.record("cx.activities", "offer").cloned().unwrap_or(Value::Null)
}

#[test]
fn a_campaigns_message_has_its_receipts_and_answers_whatever_the_order_and_the_partitions() {
    let mut events = [offer(), receipt(), answer()];
    for partitions in [1, 2, 7] {
        for _ in 0..3 {
            events.rotate_left(1);
            let driver = folded(driver_of(partitions), &events);
            let shown = offered(&driver);
            assert_eq!(
                (&shown["kind"], &shown["delivery"]["status"]),
                (&json!("CAMPAIGN_MESSAGE"), &json!("DELIVERED"))
            );
            let reaction = &shown["reactions"][0];
            assert_eq!((&reaction["kind"], &reaction["value"]), (&json!("RESPONSE"), &json!("answer")));
            let response = driver.record("cx.activities", "answer").unwrap();
            assert_eq!(
                (&response["kind"], &response["inReplyTo"]),
                (&json!("CAMPAIGN_RESPONSE"), &json!("offer"))
            );
            assert!(driver.letters().is_empty());
            assert!(driver.finals().keys().all(|(topic, _)| topic == "cx.activities" || topic == "cx.audit"));
        }
    }
}

#[test]
fn an_answer_that_turns_out_to_be_a_duplicate_takes_its_response_back() {
    let reply = json!({"originalMessageId": "another", "intent": "REPLY_TO"});
    let earlier = sent("e0", 2, "answer", "CONNECTOR", &reply, &json!({"type": "PLAIN"}));
    for partitions in [1, 5] {
        let driver = folded(driver_of(partitions), &[offer(), answer(), earlier.clone()]);
        assert_eq!(offered(&driver)["reactions"], json!([]));
    }
}

#[test]
fn a_customers_erasure_takes_the_answer_out_of_the_message_too() {
    let mut in_room = offer();
    in_room["data"]["header"]["customer"] = json!(null);
    in_room["roomInfo"] = json!({"id": "r"});
    let mut driver = driver_of(3);
    for event in [&in_room, &answer()] {
        driver.push(event.to_string());
    }
    driver.finish();
    assert_eq!(offered(&driver)["reactions"].as_array().unwrap().len(), 1);
    driver.push_erasure(r#"{"customerId":"cus"}"#);
    driver.finish();
    assert_eq!(driver.record("cx.activities", "answer"), None);
    assert_eq!(offered(&driver)["reactions"], json!([]));
}

#[test]
fn an_answer_whose_message_never_comes_is_forgotten_in_time() {
    let mut driver = driver_of(1).with_expiry();
    let day = 24 * 60 * 60;
    driver.set_clock(1_750_000_003_000);
    driver.push(answer().to_string());
    driver.finish();
    let later = EventFactory::new("other").event("x", "ANYTHING", day + 60, json!({}));
    driver.set_clock(1_750_000_000_000 + (day + 60) * 1000);
    driver.push(later.to_string());
    driver.finish();
    assert!(driver.letters().is_empty());
    assert!(driver.record("cx.activities", "answer").is_some());
    driver.push(offer().to_string());
    driver.finish();
    assert_eq!(offered(&driver)["reactions"], json!([]));
}

/// A conversation in the same partition as a standalone activity.
fn neighbour_of(activity: &str, partitions: i32) -> String {
    let home = engine::partition_of(activity.as_bytes(), partitions);
    let is_there = |id: &String| engine::partition_of(id.as_bytes(), partitions) == home;
    (0..).map(|number| format!("neighbour {number}")).find(is_there).unwrap()
}

#[test]
fn an_answer_waits_its_whole_time_where_no_event_has_come_yet_or_none_for_days() {
    const PARTITIONS: i32 = 5;
    let day = 24 * 60 * 60;
    let neighbour = EventFactory::new(&neighbour_of("offer", PARTITIONS));
    assert_ne!(
        engine::partition_of(b"offer", PARTITIONS),
        engine::partition_of(b"answer", PARTITIONS),
        "the answer has to be sent there"
    );
    for seconds_before in [None, Some(-3 * day)] {
        let mut driver = driver_of(PARTITIONS).with_expiry();
        driver.set_clock(1_750_000_003_000);
        let before = seconds_before.map(|second| neighbour.event("before", "ANYTHING", second, json!({})));
        let after = neighbour.event("after", "ANYTHING", 4, json!({}));
        for event in before.into_iter().chain([answer(), after, offer()]) {
            driver.push(event.to_string());
            driver.finish();
        }
        assert_eq!(offered(&driver)["reactions"][0]["value"], json!("answer"), "{seconds_before:?}");
    }
}
