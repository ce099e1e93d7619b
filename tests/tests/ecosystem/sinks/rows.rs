// SPDX-License-Identifier: Apache-2.0

//! What the tables of `connect/` hold, and what they have to hold for the final records of `fold`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::postgres::Postgres;

/// How the records land in tables, each by a file of `connect/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    /// A column for each field, from Avro.
    Columns,
    /// The whole record, from JSON.
    Documents,
}

impl Tables {
    /// The name of its connector.
    pub(super) fn connector(self) -> &'static str {
        match self {
            Tables::Columns => "cx-postgres-avro",
            Tables::Documents => "cx-postgres-json",
        }
    }
}

pub(super) const TOPICS: [&str; 3] = ["cx.conversations", "cx.activities", "cx.metrics"];

/// The rows of all tables by topic and key.
pub(super) type Rows = BTreeMap<(String, String), Value>;

/// The table of a topic.
pub(super) fn table(topic: &str) -> String {
    topic.replace('.', "_")
}

/// What the tables hold. The column `revision` of cx_metrics says how changes came, so it is left out.
pub(super) fn actual(postgres: &Postgres, tables: Tables) -> Rows {
    let mut found = Rows::new();
    for topic in TOPICS {
        for mut row in postgres.json(&query(postgres, &table(topic), tables)) {
            let key = row["key"].as_str().unwrap().to_owned();
            let mut value = row["value"].take();
            if topic == "cx.metrics" {
                value.as_object_mut().unwrap().remove("revision");
            }
            found.insert((topic.to_owned(), key), value);
        }
    }
    found
}

/// A query for each row as `{"key": …, "value": {…}}`.
fn query(postgres: &Postgres, table: &str, tables: Tables) -> String {
    if tables == Tables::Documents {
        return format!("SELECT jsonb_build_object('key', key, 'value', value) FROM {table}");
    }
    let columns = postgres.sql(&format!(
        "SELECT column_name || '=' || udt_name FROM information_schema.columns WHERE table_name = '{table}' AND column_name <> 'key'"
    ));
    let columns = columns.lines().map(|line| {
        let (name, of) = line.split_once('=').unwrap();
        match of {
            "timestamp" => format!("(extract(epoch FROM \"{name}\") * 1000)::bigint AS \"{name}\""),
            "hstore" => format!("hstore_to_json_loose(\"{name}\") AS \"{name}\""),
            _ => format!("\"{name}\""),
        }
    });
    let columns: Vec<String> = columns.collect();
    if columns.is_empty() {
        return "SELECT 1 WHERE false".to_owned();
    }
    let columns = columns.join(", ");
    format!(
        "SELECT jsonb_build_object('key', key, 'value', (SELECT to_jsonb(r) FROM (SELECT {columns}) r)) FROM {table}"
    )
}

/// The row of a record.
pub(super) fn expected(topic: &str, record: &Value, tables: Tables) -> Value {
    match tables {
        Tables::Documents => without_nul(record),
        Tables::Columns => {
            let mut row = Map::new();
            flatten(record, "", &mut row);
            if topic == "cx.metrics" {
                // A map stays one column.
                row.retain(|column, _| !column.starts_with("figures_") && !column.starts_with("histograms_"));
                row.insert("figures".to_owned(), record["figures"].clone());
            }
            Value::Object(row)
        }
    }
}

/// What differs, as lines. A column that a record does not have is null in its row.
pub(super) fn differences(expected: &Rows, actual: &Rows) -> Vec<String> {
    let mut found = Vec::new();
    for (key, wanted) in expected {
        match actual.get(key) {
            None => found.push(format!("{key:?}: missing")),
            Some(row) => found.extend(of_row(wanted, row).map(|column| format!("{key:?}: {column}"))),
        }
    }
    found.extend(
        actual.keys().filter(|key| !expected.contains_key(key)).map(|key| format!("{key:?}: one too many")),
    );
    found
}

fn of_row<'r>(wanted: &'r Value, row: &'r Value) -> impl Iterator<Item = String> + 'r {
    let (wanted, row) = (wanted.as_object().unwrap(), row.as_object().unwrap());
    let columns = wanted.keys().chain(row.keys().filter(|column| !wanted.contains_key(*column)));
    columns.filter_map(|column| {
        let (wanted, actual) = (wanted.get(column), row.get(column));
        let is_null = |value: Option<&Value>| value.is_none_or(Value::is_null);
        let is_same =
            (is_null(wanted) && is_null(actual)) || wanted == actual || is_body(column, wanted, actual);
        (!is_same).then(|| format!("{column} is {actual:?} instead of {wanted:?}"))
    })
}

/// Bodies are objects as JSON text in columns.
fn is_body(column: &str, wanted: Option<&Value>, actual: Option<&Value>) -> bool {
    let text = actual.and_then(Value::as_str);
    let parsed = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    column == "body" && parsed.as_ref() == wanted
}

/// The columns of a record: those of nested records by their path, lists left out.
fn flatten(record: &Value, path: &str, row: &mut Map<String, Value>) {
    for (name, value) in record.as_object().unwrap() {
        let column = format!("{path}{}", snake_case(name));
        match value {
            Value::Array(_) => {}
            Value::Object(_) if name != "body" => flatten(value, &format!("{column}_"), row),
            _ => {
                row.insert(column, value.clone());
            }
        }
    }
}

fn snake_case(name: &str) -> String {
    let mut found = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            found.push('_');
        }
        found.push(letter.to_ascii_lowercase());
    }
    found
}

/// jsonb cannot have the character U+0000.
fn without_nul(value: &Value) -> Value {
    match value {
        Value::String(text) => text.replace('\0', "").into(),
        Value::Array(items) => items.iter().map(without_nul).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), without_nul(value)))
            .collect::<Map<_, _>>()
            .into(),
        _ => value.clone(),
    }
}
