// SPDX-License-Identifier: Apache-2.0

//! Records of any schema: what the schema's text allows, generated without the code that is tested.

use std::collections::HashMap;

use model::Schema;
use proptest::prelude::*;
use proptest::strategy::Union;
use serde_json::{Map, Value, json};

/// The schemas of records.
pub(crate) fn schemas() -> Vec<Schema> {
    Schema::ALL.iter().filter(|schema| **schema != Schema::CIM_EVENT).copied().collect()
}

/// Records of a schema.
pub(crate) fn records(schema: &Schema) -> BoxedStrategy<Value> {
    of_type(&serde_json::from_str(schema.text).unwrap(), &mut HashMap::new())
}

fn of_type(schema: &Value, named: &mut HashMap<String, Value>) -> BoxedStrategy<Value> {
    if let Some(branches) = schema.as_array() {
        let branches: Vec<_> = branches.iter().map(|branch| of_type(branch, named)).collect();
        return Union::new(branches).boxed();
    }
    if let Some(name) = schema.as_str() {
        return match name {
            "null" => Just(Value::Null).boxed(),
            "string" => texts(),
            "long" => prop_oneof![any::<i64>(), Just(i64::MAX), Just(i64::MIN), 0..10_i64]
                .prop_map(|value| json!(value))
                .boxed(),
            "double" => (-1e300..1e300).prop_map(|value: f64| json!(value)).boxed(),
            named_before => of_type(&named[named_before].clone(), named),
        };
    }
    match schema["type"].as_str().unwrap() {
        // Within the years of four digits, since it may decide the day.
        "long" => (0..4_102_444_800_000_i64).prop_map(|time| json!(time)).boxed(),
        "array" => {
            prop::collection::vec(of_type(&schema["items"], named), 0..3).prop_map(Value::Array).boxed()
        }
        "map" => prop::collection::btree_map("[a-zA-Z0-9]{1,6}|é🙂", of_type(&schema["values"], named), 0..3)
            .prop_map(|pairs| Value::Object(pairs.into_iter().collect()))
            .boxed(),
        "record" => {
            named.insert(schema["name"].as_str().unwrap().to_owned(), schema.clone());
            let fields = schema["fields"].as_array().unwrap();
            let fields: Vec<_> = fields
                .iter()
                .map(|field| (field["name"].as_str().unwrap().to_owned(), of_type(&field["type"], named)))
                .collect();
            let (names, values): (Vec<String>, Vec<_>) = fields.into_iter().unzip();
            values
                .prop_map(move |values| {
                    Value::Object(names.iter().cloned().zip(values).collect::<Map<_, _>>())
                })
                .boxed()
        }
        other => panic!("a type {other}"),
    }
}

fn texts() -> BoxedStrategy<Value> {
    let odd = prop_oneof![
        Just(String::new()),
        Just("null".to_owned()),
        Just("{\"type\": \"PLAIN\"}".to_owned()),
        Just("مرحبا 🙂 \u{0}\u{202e}\"\\\n".to_owned()),
        "\\PC{0,12}",
    ];
    odd.prop_map(Value::String).boxed()
}
