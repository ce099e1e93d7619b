// SPDX-License-Identifier: Apache-2.0

//! Disorder of events in transit: delays, duplicates, and invalid records.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::Planned;
use super::cast::object_id;

/// The reasons of the invalid records that [`disturb`] inserts, in turn: the first record is invalid for the first reason, the
/// eighth again.
pub const INVALID_REASONS: [&str; 7] = [
    "malformed",
    "not-an-event",
    "missing-field",
    "bad-timestamp",
    "missing-identifier",
    "bad-relation",
    "no-key",
];

/// The amount of disorder. Shares are from 0 to 1 of the given events. The default changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Disorder {
    /// How many events are delayed.
    pub late_share: f64,
    /// How many events are duplicated, byte for byte.
    pub duplicate_share: f64,
    /// For how many events an invalid record is added.
    pub invalid_share: f64,
    /// The longest delay, also of duplicates, in ms.
    pub late_ms_max: i64,
    /// The seed of the disorder.
    pub seed: u64,
}

/// Interleaves events by time, delays and duplicates some, and adds invalid records. Every given event occurs at least once and
/// unchanged; no two different events share an id.
pub fn disturb(events: Vec<Planned>, disorder: &Disorder) -> Vec<Planned> {
    let mut rng = ChaCha8Rng::seed_from_u64(disorder.seed);
    let [late, duplicate, invalid] = [disorder.late_share, disorder.duplicate_share, disorder.invalid_share]
        .map(|share| share.clamp(0.0, 1.0));
    let longest = disorder.late_ms_max.max(1);
    let mut disturbed = Vec::with_capacity(events.len());
    let mut reasons = INVALID_REASONS.into_iter().cycle();
    for mut planned in events {
        if invalid > 0.0
            && rng.random_bool(invalid)
            && let Some(reason) = reasons.next()
        {
            disturbed.push(invalid_record(reason, &planned, &mut rng));
        }
        if duplicate > 0.0 && rng.random_bool(duplicate) {
            let mut again = planned.clone();
            again.at_ms += rng.random_range(0..=longest);
            disturbed.push(again);
        }
        if late > 0.0 && rng.random_bool(late) {
            planned.at_ms += rng.random_range(1..=longest);
        }
        disturbed.push(planned);
    }
    disturbed.sort_by_key(|planned| planned.at_ms);
    disturbed
}

/// A record that is invalid for this reason and no earlier one, with an event's time and conversation.
fn invalid_record(reason: &str, beside: &Planned, rng: &mut ChaCha8Rng) -> Planned {
    let at = beside.at_ms;
    let id = format!("invalid-{}", object_id(rng));
    let conversation =
        if beside.conversation.is_empty() { object_id(rng) } else { beside.conversation.clone() };
    let sender = json!({"type": "CUSTOMER", "id": "nobody"});
    let message = |id: Value, name: Value, time: Value| {
        json!({"id": id, "name": name, "type": "ACTIVITY", "timestamp": time, "conversationId": conversation,
            "data": {"header": {"sender": sender}, "body": {"type": "PLAIN", "markdownText": "Hello? 🙃"}}})
    };
    let relation = |name: &str, header: Value, body: Value| {
        json!({"id": id, "name": name, "type": "NOTIFICATION", "timestamp": at, "conversationId": conversation,
            "data": {"header": header, "body": body}})
    };
    let target = json!({"sender": sender, "originalMessageId": "some-message"});
    let choice = rng.random_range(0..3);
    let (keyed, value) = match (reason, choice) {
        ("malformed", 0) => (false, "this is no JSON".to_owned()),
        ("malformed", 1) => (true, cut(&beside.value, rng)),
        ("malformed", _) => {
            (true, format!("{{\"id\":\"{id}\",\"name\":\"AGENT_MESSAGE\",\"timestamp\":NaN}}"))
        }
        ("not-an-event", 0) => (false, "[1,2,3]".to_owned()),
        ("not-an-event", 1) => (false, json!({"status": "UP", "components": {}}).to_string()),
        ("not-an-event", _) => {
            (true, json!({"payload": {"entities": {"channelSession": {"id": id}}}}).to_string())
        }
        ("missing-field", 0) => {
            (true, message(Value::Null, json!("CUSTOMER_MESSAGE"), json!(at)).to_string())
        }
        ("missing-field", 1) => (true, message(json!(""), json!("CUSTOMER_MESSAGE"), json!(at)).to_string()),
        ("missing-field", _) => (true, message(json!(id), Value::Null, json!(at)).to_string()),
        ("bad-timestamp", 0) => {
            (true, message(json!(id), json!("CUSTOMER_MESSAGE"), json!("yesterday")).to_string())
        }
        ("bad-timestamp", 1) => {
            // In seconds instead of milliseconds: long ago.
            (true, message(json!(id), json!("CUSTOMER_MESSAGE"), json!(at / 1_000)).to_string())
        }
        ("bad-timestamp", _) => {
            (true, message(json!(id), json!("CUSTOMER_MESSAGE"), Value::Null).to_string())
        }
        ("missing-identifier", 0) => {
            let body = json!({"type": "DELIVERYNOTIFICATION", "status": "READ"});
            (true, relation("MESSAGE_DELIVERY_NOTIFICATION", json!({"sender": sender}), body).to_string())
        }
        ("missing-identifier", 1) => {
            let body = json!({"kind": "EMOJI", "value": "👍"});
            (true, relation("REACTION", json!({"sender": sender}), body).to_string())
        }
        ("missing-identifier", _) => {
            let body = json!({"type": "CALL_LEG", "callId": "some-call", "startTime": at});
            (true, relation("CALL_LEG_STARTED", json!({"sender": sender}), body).to_string())
        }
        ("bad-relation", 0) => {
            (true, relation("REACTION", target, json!({"kind": "SHRUG", "value": "🤷"})).to_string())
        }
        ("bad-relation", 1) => {
            (true, relation("MODIFY_ACTIVITY", target, json!({"action": "UNDO"})).to_string())
        }
        ("bad-relation", _) => {
            let body = json!({"action": "EDIT", "body": "no object"});
            (true, relation("MODIFY_ACTIVITY", target, body).to_string())
        }
        // no-key: neither a conversation nor a session.
        _ => {
            let mut value = message(json!(id), json!("CUSTOMER_MESSAGE"), json!(at));
            if let Some(value) = value.as_object_mut() {
                value.remove("conversationId");
            }
            (false, value.to_string())
        }
    };
    Planned { at_ms: at, conversation: if keyed { conversation } else { String::new() }, value }
}

/// A truncated event, which is never valid JSON.
fn cut(value: &str, rng: &mut ChaCha8Rng) -> String {
    let wanted = rng.random_range(0..value.len().max(1));
    value.get(..value.floor_char_boundary(wanted)).filter(|cut| !cut.is_empty()).unwrap_or("{").to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::super::{Options, Size, events};
    use super::*;

    const MUCH: Disorder =
        Disorder { late_share: 0.2, duplicate_share: 0.2, invalid_share: 0.1, late_ms_max: 120_000, seed: 3 };

    fn counted(events: &[Planned]) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for planned in events {
            *counts.entry(planned.value.as_str()).or_default() += 1;
        }
        counts
    }

    #[test]
    fn disorder_keeps_the_distinct_valid_events() {
        let given = events(&Options { seed: 8, size: Size::Slim, ..Options::default() }, 3_000);
        let disturbed = disturb(given.clone(), &MUCH);
        let (before, after) = (counted(&given), counted(&disturbed));
        assert!(before.iter().all(|(value, count)| after.get(value).is_some_and(|now| now >= count)));
        let added = after.keys().filter(|value| !before.contains_key(*value)).count();
        assert!(added > 100, "{added} invalid records");
        assert!(disturbed.len() > given.len() + added + 300, "hardly a duplicate");
        assert!(disturbed.is_sorted_by_key(|planned| planned.at_ms));
        let at: HashMap<_, _> = given.iter().map(|planned| (&planned.value, planned.at_ms)).collect();
        let late =
            disturbed.iter().filter(|planned| at.get(&planned.value).is_some_and(|at| planned.at_ms > *at));
        assert!(late.count() > 300);
    }

    #[test]
    fn the_same_seed_disturbs_in_the_same_way_and_no_disorder_only_interleaves() {
        let given = events(&Options::default(), 500);
        assert_eq!(disturb(given.clone(), &MUCH), disturb(given.clone(), &MUCH));
        assert_eq!(disturb(given.clone(), &Disorder::default()), given);
        let shuffled: Vec<_> = given.iter().rev().cloned().collect();
        assert!(disturb(shuffled, &Disorder::default()).is_sorted_by_key(|planned| planned.at_ms));
    }

    #[test]
    fn a_part_of_an_event_is_never_json() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for planned in events(&Options::default(), 300) {
            let cut = cut(&planned.value, &mut rng);
            assert!(serde_json::from_str::<Value>(&cut).is_err(), "{cut}");
        }
    }
}
