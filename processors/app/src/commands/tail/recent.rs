// SPDX-License-Identifier: Apache-2.0

//! A bounded map of recent values.

use std::collections::{HashMap, VecDeque};

/// Values by key; the oldest keys are evicted.
#[derive(Debug)]
pub(super) struct Recent<V> {
    max: usize,
    order: VecDeque<String>,
    values: HashMap<String, V>,
}

impl<V> Recent<V> {
    /// Keeps at most `max` keys.
    pub(super) fn new(max: usize) -> Self {
        Self { max, order: VecDeque::new(), values: HashMap::new() }
    }

    /// Stores a value; returns the previous one.
    pub(super) fn insert(&mut self, key: &str, value: V) -> Option<V> {
        let old = self.values.insert(key.to_owned(), value);
        if old.is_none() {
            self.order.push_back(key.to_owned());
            while self.order.len() > self.max {
                if let Some(oldest) = self.order.pop_front() {
                    self.values.remove(&oldest);
                }
            }
        }
        old
    }

    /// The value of a key, if it is still kept.
    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.values.get(key)
    }

    /// Removes a key.
    pub(super) fn remove(&mut self, key: &str) {
        if self.values.remove(key).is_some() {
            self.order.retain(|other| other != key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_key_is_forgotten_first() {
        let mut recent = Recent::new(2);
        for (key, value) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            recent.insert(key, value);
        }
        assert_eq!((recent.get("a"), recent.get("b"), recent.get("c")), (None, Some(&2), Some(&4)));
        assert_eq!(recent.insert("b", 5), Some(2));
    }

    #[test]
    fn a_removed_key_is_no_longer_counted() {
        let mut recent = Recent::new(2);
        recent.insert("a", 1);
        recent.insert("b", 2);
        recent.remove("a");
        recent.insert("c", 3);
        assert_eq!((recent.get("b"), recent.get("c")), (Some(&2), Some(&3)));
    }
}
