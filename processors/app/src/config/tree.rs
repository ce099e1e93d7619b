// SPDX-License-Identifier: Apache-2.0

//! Reads an untyped tree field by field, and collects every error with its place instead of stopping at the first.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// All that is wrong, one line each.
#[derive(Debug, Default)]
pub(super) struct Errors(pub(super) Vec<String>);

impl Errors {
    pub(super) fn add(&mut self, path: &str, problem: impl std::fmt::Display) {
        self.0.push(format!("{path}: {problem}"));
    }
}

/// An object of the tree and the keys that were read from it; any other key is reported as unknown.
pub(super) struct Node<'v> {
    path: String,
    fields: Option<&'v Map<String, Value>>,
    asked: BTreeSet<&'static str>,
}

impl<'v> Node<'v> {
    /// The object at this place; an error, and an empty object, where there is something else.
    pub(super) fn new(path: &str, value: &'v Value, errors: &mut Errors) -> Self {
        let fields = value.as_object();
        if fields.is_none() {
            errors.add(path, format_args!("expected keys and values, found {}", kind(value)));
        }
        Self { path: path.to_owned(), fields, asked: BTreeSet::new() }
    }

    pub(super) fn place(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn get(&mut self, key: &'static str) -> Option<&'v Value> {
        self.asked.insert(key);
        self.fields?.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, key: &'static str, errors: &mut Errors) -> Option<&'v str> {
        let value = self.get(key)?;
        let text = value.as_str();
        if text.is_none() {
            errors.add(&self.place(key), format_args!("expected text, found {}", kind(value)));
        }
        text
    }

    /// A number or text, as text: `retention: 7d` and `retention: -1` are both scalars.
    pub(super) fn scalar(&mut self, key: &'static str, errors: &mut Errors) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            other => {
                errors.add(&self.place(key), format_args!("expected one value, found {}", kind(other)));
                None
            }
        }
    }

    pub(super) fn list(&mut self, key: &'static str, errors: &mut Errors) -> &'v [Value] {
        match self.get(key) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(other) => {
                errors.add(&self.place(key), format_args!("expected a list, found {}", kind(other)));
                &[]
            }
        }
    }

    pub(super) fn texts(&mut self, key: &'static str, errors: &mut Errors) -> Vec<String> {
        let place = self.place(key);
        let mut texts = Vec::new();
        for (index, item) in self.list(key, errors).iter().enumerate() {
            match item.as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => errors
                    .add(&format!("{place}[{index}]"), format_args!("expected text, found {}", kind(item))),
            }
        }
        texts
    }

    /// Reports the keys that were not read.
    pub(super) fn finish(self, errors: &mut Errors) {
        for key in self.fields.into_iter().flat_map(Map::keys) {
            if self.asked.contains(key.as_str()) {
                continue;
            }
            let nearest = self.asked.iter().min_by_key(|known| distance(known, key));
            let hint = match nearest {
                Some(known) if distance(known, key) <= 3 => format!("; did you mean `{known}`?"),
                _ => format!("; known here: {}", self.asked.iter().copied().collect::<Vec<_>>().join(", ")),
            };
            errors.add(&self.place(key), format_args!("unknown key{hint}"));
        }
    }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "keys and values",
    }
}

/// Levenshtein's distance, for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((y, above), diagonal) in b.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or(0);
            next.push((diagonal + usize::from(x != *y)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
