// SPDX-License-Identifier: Apache-2.0

//! Records as columns.

use arrow_schema::{DataType, TimeUnit};
use export::{Row, Table};
use model::Schema;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::generated::{records, schemas};
use crate::reading::rows;

fn table(name: &str) -> Table {
    Table::of(Schema::by_name(name).unwrap()).unwrap()
}

fn row(table: &Table, value: &str) -> Option<Row> {
    table.row("k", 3, 17, Some(1_750_000_000_000), value.as_bytes())
}

/// The only row of a record, without the columns of the record itself.
fn converted(table: &Table, value: &str) -> Value {
    let batch = table.batch(&[row(table, value).unwrap()]).unwrap();
    let mut row = rows(&batch).remove(0);
    let own = row.as_object_mut().unwrap();
    assert_eq!(own.remove("_key"), Some(json!("k")));
    assert_eq!(own.remove("_partition"), Some(json!(3)));
    assert_eq!(own.remove("_offset"), Some(json!(17)));
    assert_eq!(own.remove("_timestamp"), Some(json!(1_750_000_000_000_i64)));
    row
}

#[test]
fn the_example_of_every_schema_is_a_row_with_the_same_values() {
    for (schema, topic) in [
        ("activity", "activities"),
        ("agent", "agents"),
        ("alert", "alerts"),
        ("audit", "audit"),
        ("bot-training", "bot-training"),
        ("conversation", "conversations"),
        ("customer", "customers"),
        ("metrics-window", "metrics"),
        ("timeline-entry", "timelines"),
    ] {
        let file = format!("{}/../../schemas/examples/cx.{topic}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(file).unwrap();
        let example: Value = serde_json::from_str(&text).unwrap();
        assert_same(&example, &converted(&table(schema), &text), schema);
    }
}

/// The column has what the record has; an object in a text is its JSON.
fn assert_same(record: &Value, column: &Value, place: &str) {
    match (record, column) {
        (Value::Object(_) | Value::Array(_), Value::String(text)) => {
            assert_eq!(record, &serde_json::from_str::<Value>(text).unwrap(), "{place}");
        }
        (Value::Object(record), Value::Object(column)) => {
            assert!(record.keys().all(|name| column.contains_key(name)), "{place}");
            for (name, value) in column {
                assert_same(record.get(name).unwrap_or(&Value::Null), value, &format!("{place}.{name}"));
            }
        }
        (Value::Array(record), Value::Array(column)) => {
            assert_eq!(record.len(), column.len(), "{place}");
            record.iter().zip(column).for_each(|(record, column)| assert_same(record, column, place));
        }
        _ => assert_eq!(record, column, "{place}"),
    }
}

#[test]
fn any_record_of_every_schema_is_a_row_with_the_same_values() {
    for schema in schemas() {
        let table = Table::of(schema).unwrap();
        let mut runner = TestRunner::new(Config { cases: 48, ..Config::default() });
        runner
            .run(&prop::collection::vec(records(&schema), 1..5), |records| {
                let read: Vec<Row> =
                    records.iter().map(|record| row(&table, &record.to_string()).unwrap()).collect();
                let found = rows(&table.batch(&read).unwrap());
                for (mut found, record) in found.into_iter().zip(records) {
                    found.as_object_mut().unwrap().retain(|name, _| !name.starts_with('_'));
                    prop_assert_eq!(found, record);
                }
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{}: {error}", schema.name));
    }
}

#[test]
fn the_day_of_every_schema_is_that_of_a_time_that_each_record_has() {
    for schema in schemas() {
        let table = Table::of(schema).unwrap();
        let Some(name) = table.time_field() else {
            assert_eq!(schema.name, "customer", "name its time field, or say here that it has none");
            continue;
        };
        let column = table.columns().field_with_name(name).unwrap();
        assert!(matches!(column.data_type(), DataType::Timestamp(TimeUnit::Millisecond, Some(_))));
        assert!(!column.is_nullable(), "{}.{name}", schema.name);
    }
}

#[test]
fn absent_fields_have_their_default_and_unknown_ones_are_left_out() {
    let value =
        r#"{"activityId":"a","kind":"NOTE","occurredAt":1,"updatedAt":2,"revision":1,"later":{"x":[1]}}"#;
    let row = converted(&table("activity"), value);
    assert_eq!(row["conversationId"], Value::Null);
    assert_eq!(row["edits"], json!([]));
    assert_eq!(row["omitted"], json!({"edits": 0, "reactions": 0, "suggestions": 0, "others": 0}));
    assert_eq!(row.get("later"), None);
}

#[test]
fn a_text_that_is_an_object_is_its_json_unchanged() {
    let body = r#"{ "amount": 1.10, "id": 123456789012345678901234567890, "b": 1, "a": "\u00e9" }"#;
    let value = format!(
        r#"{{"activityId":"a","kind":"NOTE","occurredAt":1,"updatedAt":2,"revision":1,"body":{body}}}"#
    );
    assert_eq!(converted(&table("activity"), &value)["body"], json!(body));
}

#[test]
fn a_number_that_no_column_can_have_a_missing_field_or_another_type_is_no_record() {
    let table = table("metrics-window");
    let of = |start: &str| {
        format!(r#"{{"dimension":"queue","id":"q","windowStart":{start},"windowEnd":1,"revision":1}}"#)
    };
    assert!(row(&table, &of("0")).is_some());
    for start in ["9223372036854775808", "1e30", "1.5", "null", "\"1\"", "true", "[]", "{}"] {
        assert!(row(&table, &of(start)).is_none(), "{start}");
    }
    for value in ["", "null", "[]", "{}", "{\"dimension\":1}", "\u{feff}{}", r#"{"dimension":"queue"}"#] {
        assert!(row(&table, value).is_none(), "{value}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(row(&table, &format!(r#"{{"x":{deep}}}"#)).is_none());
    assert!(table.row("k", 0, 0, None, b"\xff{}").is_none());
}

#[test]
fn a_key_of_a_map_that_comes_twice_counts_once() {
    let value = r#"{"dimension":"queue","id":"q","windowStart":0,"windowEnd":1,"revision":1,"figures":{"a":1,"b":2,"a":3}}"#;
    assert_eq!(converted(&table("metrics-window"), value)["figures"], json!({"a": 3, "b": 2}));
}
