// SPDX-License-Identifier: Apache-2.0

//! Reference implementation of customer records (contract section 6.2), from summaries and timelines.
#![allow(dead_code, reason = "not every test needs everything")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The final records of all topics, by topic and key.
pub(crate) type Finals = BTreeMap<(String, String), Value>;

const LISTED: usize = 100;
const BESIDE: [&str; 3] = ["SILENT_MONITOR", "WHISPER", "CONSULTED"];

/// The record of a customer with these conversations, which lack only `sincePreviousMs`; `None` without conversations.
pub(crate) fn record(customer: &str, mut conversations: Vec<Value>) -> Option<Value> {
    conversations.sort_by_key(|one| {
        (one["startedAt"].as_i64().unwrap(), one["conversationId"].as_str().unwrap().to_owned())
    });
    let mut listed = conversations.split_off(conversations.len().saturating_sub(LISTED));
    let mut repeats = [0, 0];
    for place in 0..listed.len() {
        let before = listed[..place].iter().map(|one| one["lastEventAt"].as_i64().unwrap()).max();
        let since = before.map(|before| (listed[place]["startedAt"].as_i64().unwrap() - before).max(0));
        for (count, hours) in repeats.iter_mut().zip([24, 72]) {
            *count += i32::from(since.is_some_and(|since| since <= hours * 3_600_000));
        }
        listed[place]["sincePreviousMs"] = json!(since);
    }
    let count = listed.len();
    let record = json!({
        "customerId": customer, "conversations": listed, "count": count,
        "repeatsWithin24h": repeats[0], "repeatsWithin72h": repeats[1],
    });
    (count > 0).then_some(record)
}

/// The same record without a conversation; `None` if no other is listed.
pub(crate) fn without(record_of: &Value, conversation: &str) -> Option<Value> {
    let listed = record_of["conversations"].as_array().unwrap().iter();
    let left = listed.filter(|one| one["conversationId"] != conversation).cloned().collect();
    record(record_of["customerId"].as_str().unwrap(), left)
}

/// The final records without those of a conversation; windows stay unchanged.
pub(crate) fn without_conversation(finals: &Finals, conversation: &str) -> Finals {
    let left = finals.iter().filter_map(|((topic, key), value)| {
        let value = match topic.as_str() {
            "cx.metrics" => value.clone(),
            "cx.customers" => without(value, conversation)?,
            _ if value["conversationId"] == conversation => return None,
            _ => value.clone(),
        };
        Some(((topic.clone(), key.clone()), value))
    });
    left.collect()
}

/// The customer records that these final records imply. No conversation may have more than 100 stays or visits, and no agent
/// may get another role while present. Of all entries with a channel, the first one counts, by time, then by event.
pub(crate) fn records(finals: &Finals) -> Finals {
    let of = |wanted: &'static str| finals.iter().filter(move |((topic, _), _)| topic == wanted);
    let mut channels: BTreeMap<&str, (i64, &str, &str)> = BTreeMap::new();
    for (_, entry) in of("cx.timelines") {
        let Some(channel) = entry["channel"]["type"].as_str() else { continue };
        let this = (entry["at"].as_i64().unwrap(), entry["entryId"].as_str().unwrap(), channel);
        let first = channels.entry(entry["conversationId"].as_str().unwrap()).or_insert(this);
        *first = (*first).min(this);
    }
    let mut customers: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (_, summary) in of("cx.conversations") {
        let Some(customer) = summary["customerId"].as_str() else { continue };
        if summary["mode"] == "PRIVATE" {
            continue;
        }
        let conversation = summary["conversationId"].as_str().unwrap();
        let visits = summary["queueVisits"].as_array().unwrap().iter();
        let visit = visits.rev().find(|visit| visit["waits"] == "CUSTOMER");
        let serves = |stay: &&Value| !stay["role"].as_str().is_some_and(|role| BESIDE.contains(&role));
        let stay = summary["agents"].as_array().unwrap().iter().rev().find(serves);
        customers.entry(customer).or_default().push(json!({
            "conversationId": conversation,
            "startedAt": summary["startedAt"],
            "closedAt": summary["closedAt"],
            "lastEventAt": summary["lastEventAt"],
            "outcome": summary["outcome"],
            "channel": channels.get(conversation).map(|(_, _, channel)| channel),
            "queue": visit.map_or(&Value::Null, |visit| &visit["queue"]),
            "agentId": stay.map_or(&Value::Null, |stay| &stay["agentId"]),
        }));
    }
    let made = customers.into_iter().filter_map(|(customer, conversations)| {
        Some((("cx.customers".to_owned(), customer.to_owned()), record(customer, conversations)?))
    });
    made.collect()
}
