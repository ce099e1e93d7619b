// SPDX-License-Identifier: Apache-2.0

//! Final records, and how they differ.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// The topic whose records are counted by reason instead of compared by key.
pub const DEAD_LETTERS: &str = "cx.dead-letters";

/// The topic in which what is still `raised` follows from the clock, and all else from the events.
const ALERTS: &str = "cx.alerts";

/// All topics that the program writes for others.
pub static OUTPUTS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let products = folds::products().map(|(_, product)| product.topic);
    products.chain([DEAD_LETTERS]).collect()
});

/// The last record of every key, and the dead letters by reason.
#[derive(Debug, Default, PartialEq)]
pub struct Records {
    /// By topic and key; without tombstones.
    pub finals: BTreeMap<(String, String), Value>,
    /// How many dead letters of each reason.
    pub reasons: BTreeMap<String, usize>,
}

impl Records {
    /// Takes one record, later ones over earlier ones. A window's `revision` says how its changes came, so it is left out
    /// (contract section 6); and so are alerts that are not resolved.
    pub fn take(&mut self, topic: &str, key: Option<&str>, mut value: Value) {
        if topic == "cx.metrics"
            && let Some(fields) = value.as_object_mut()
        {
            fields.remove("revision");
        }
        let key = (topic.to_owned(), key.unwrap_or_default().to_owned());
        if value.is_null() || (topic == ALERTS && value["state"] == "raised") {
            self.finals.remove(&key);
        } else {
            self.finals.insert(key, value);
        }
    }

    /// Takes one dead letter.
    pub fn take_letter(&mut self, reason: &str) {
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
    }

    /// Leaves only the records of these topics (dead letters stay).
    #[must_use]
    pub fn only(mut self, topics: &[&str]) -> Self {
        self.finals.retain(|(topic, _), _| topics.contains(&topic.as_str()));
        self
    }
}

/// The records of output lines, as `fold` prints them and as the cases expect them.
#[must_use]
pub fn of_lines(lines: &str) -> Records {
    let mut records = Records::default();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let topic = line["topic"].as_str().unwrap();
        if topic == DEAD_LETTERS {
            let reason =
                line["headers"]["cx.error.reason"].as_str().or_else(|| line["value"]["reason"].as_str());
            records.take_letter(reason.unwrap());
        } else {
            records.take(topic, line["key"].as_str(), line["value"].clone());
        }
    }
    records
}

/// What differs, one line each; empty when nothing does. Numbers compare by value.
#[must_use]
pub fn differences(expected: &Records, actual: &Records) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in &expected.finals {
        match actual.finals.get(key) {
            None => found.push(format!("{key:?}: missing")),
            Some(other) if !same(value, other) => {
                found.push(format!("{key:?}:\n  expected {value}\n  actual   {other}"));
            }
            Some(_) => {}
        }
    }
    for key in actual.finals.keys().filter(|key| !expected.finals.contains_key(key)) {
        found.push(format!("{key:?}: one too many"));
    }
    if expected.reasons != actual.reasons {
        found.push(format!("dead letters: expected {:?}, actual {:?}", expected.reasons, actual.reasons));
    }
    found
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

/// The list in another order, the same for the same seed.
#[must_use]
pub fn shuffled<T: Clone>(list: &[T], seed: u64) -> Vec<T> {
    let mut list = list.to_vec();
    list.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    list
}
