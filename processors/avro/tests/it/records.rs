// SPDX-License-Identifier: Apache-2.0

//! Encoder and schemas agree: apache-avro decodes the encoder's output with the schema files to the record's JSON, and encodes
//! the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crate::common::{decoded, driver, folder, json_of, parsed};
use apache_avro::Schema;
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use avro::AvroFormat;
use model::{Format, JsonFormat, Record};
use proptest::prelude::*;
use sandbox::conversations::{Options, Size, events};
use serde_json::{Value, json};

/// Schema paths for which a record had a value.
type Seen = Arc<Mutex<BTreeSet<String>>>;

/// Checks each record of an output, and passes its JSON on.
struct Checking {
    name: &'static str,
    schema: Schema,
    avro: AvroFormat,
    seen: Seen,
}

impl Checking {
    fn new(schema: avro::Schema, seen: Seen) -> Self {
        let avro = AvroFormat::new(77, &schema).unwrap();
        Self { name: schema.name, schema: parsed(schema), avro, seen }
    }

    fn check(&self, record: &dyn Record, json: &[u8]) {
        let (name, schema) = (self.name, &self.schema);
        let mut value = Vec::new();
        self.avro.write(record, &mut value);
        let (id, data) = avro::split(&value).unwrap();
        assert_eq!(id, 77);

        let read = decoded(schema, data);
        let text = String::from_utf8_lossy(json);
        assert_eq!(json_of("", &read), with_doubles(serde_json::from_slice(json).unwrap()), "{name}: {text}");

        // apache-avro's maps have no order.
        if name != avro::Schema::METRICS_WINDOW.name {
            let writer = GenericDatumWriter::builder(schema).build().unwrap();
            assert_eq!(writer.write_value_to_vec(read.clone()).unwrap(), data, "{name}: {text}");
        }
        note(name, &read, &mut self.seen.lock().unwrap());
    }
}

/// Folds the events, checks each record, and notes what was seen.
fn fold<'e>(seen: &Seen, events: impl Iterator<Item = &'e str>) {
    fold_with(seen, events, std::iter::empty());
}

/// With agents' states besides.
fn fold_with<'e>(
    seen: &Seen,
    events: impl Iterator<Item = &'e str>,
    agent_states: impl Iterator<Item = &'e str>,
) {
    let mut driver = driver(|product| {
        let schema = avro::Schema::of_header(product.schema).unwrap();
        Arc::new(Checking::new(schema, Arc::clone(seen)))
    });
    events.for_each(|event| driver.push(event));
    agent_states.for_each(|state| driver.push_agent(state));
    // All timers are due.
    driver.punctuate(i64::MAX);
    assert_eq!(driver.violations(), Vec::<&str>::new());
}

impl Format for Checking {
    fn write(&self, record: &dyn Record, out: &mut Vec<u8>) {
        let start = out.len();
        JsonFormat.write(record, out);
        self.check(record, &out[start..]);
    }
}

/// A confidence is a double in Avro, and the value of a removed reaction an empty text.
fn with_doubles(mut json: Value) -> Value {
    match &mut json {
        Value::Object(fields) => {
            for (name, value) in fields {
                let double = (name == "confidence").then(|| value.as_f64()).flatten();
                *value = if let Some(double) = double {
                    json!(double)
                } else if name == "value" && value.is_null() {
                    json!("")
                } else if name == "body" {
                    continue;
                } else {
                    with_doubles(value.take())
                };
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = with_doubles(item.take())),
        _ => {}
    }
    json
}

/// Notes every field that has a value, as a path.
fn note(path: &str, value: &Avro, seen: &mut BTreeSet<String>) {
    match value {
        Avro::Null => {}
        Avro::Union(_, inner) => note(path, inner, seen),
        Avro::Record(fields) => {
            fields.iter().for_each(|(name, value)| note(&format!("{path}.{name}"), value, seen));
        }
        Avro::Array(items) => items.iter().for_each(|item| note(path, item, seen)),
        _ => _ = seen.insert(path.to_owned()),
    }
}

/// Every path of a schema that has a value.
fn paths(path: &str, schema: &Schema, named: &mut BTreeMap<String, Schema>, all: &mut BTreeSet<String>) {
    match schema {
        Schema::Null => {}
        Schema::Union(union) => union.variants().iter().for_each(|variant| paths(path, variant, named, all)),
        Schema::Array(array) => paths(path, &array.items, named, all),
        Schema::Record(record) => {
            named.insert(record.name.name().to_owned(), schema.clone());
            for field in &record.fields {
                paths(&format!("{path}.{}", field.name), &field.schema, named, all);
            }
        }
        Schema::Ref { name } => paths(path, &named[name.name()].clone(), named, all),
        _ => _ = all.insert(path.to_owned()),
    }
}

#[test]
fn the_examples_read_the_same_in_json_and_avro() {
    let events = std::fs::read_to_string(folder("schemas/examples/events.ndjson")).unwrap();
    fold(&Seen::default(), events.lines());
}

#[test]
fn every_field_of_every_schema_is_written_by_some_record_of_the_cases() {
    let seen = Seen::default();
    let mut count = 0;
    for case in std::fs::read_dir(folder("tests/cases")).unwrap() {
        let Ok(events) = std::fs::read_to_string(case.unwrap().path().join("events.ndjson")) else {
            continue;
        };
        count += 1;
        if let Some(records) = events.strip_prefix("{\"#records\":true}\n") {
            let record = |line| serde_json::from_str::<Value>(line).unwrap();
            let records: Vec<Value> = records.lines().map(record).collect();
            let (states, events): (Vec<&Value>, Vec<&Value>) =
                records.iter().partition(|record| record["topic"] == testkit::AGENT_STATES);
            let values = |records: Vec<&'_ Value>| -> Vec<String> {
                records.into_iter().filter_map(|record| Some(record["value"].as_str()?.to_owned())).collect()
            };
            let (states, events) = (values(states), values(events));
            fold_with(&seen, events.iter().map(String::as_str), states.iter().map(String::as_str));
        } else {
            fold(&seen, events.lines());
        }
    }
    assert!(count >= 16, "{count}");
    fold(&seen, std::fs::read_to_string(folder("schemas/examples/events.ndjson")).unwrap().lines());

    let mut all = BTreeSet::new();
    for schema in avro::Schema::ALL.iter().filter(|schema| **schema != avro::Schema::CIM_EVENT) {
        paths(schema.name, &parsed(*schema), &mut BTreeMap::new(), &mut all);
    }
    let seen = seen.lock().unwrap();
    let missing: Vec<_> = all.difference(&seen).collect();
    assert_eq!(missing, Vec::<&String>::new(), "no record has a value for these fields");
}

#[test]
fn realistic_conversations_read_the_same_in_json_and_avro() {
    let planned = events(&Options { seed: 11, size: Size::Real, ..Options::default() }, 2_000);
    fold(&Seen::default(), planned.iter().map(|planned| planned.value.as_str()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_reads_the_same_in_json_and_avro(events in crate::generated::events()) {
        fold(&Seen::default(), events.iter().map(String::as_str));
    }
}
