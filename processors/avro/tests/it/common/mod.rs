// SPDX-License-Identifier: Apache-2.0

//! Shared test code: the real task with all processors, writing in a format that inspects each record.
#![allow(dead_code, reason = "not every test needs everything")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use engine::Product;
use model::Format;
use serde_json::{Map, Value, json};
use testkit::Driver;

/// All processors, in one partition, with a format for each output.
pub(crate) fn driver(format: impl Fn(Product) -> Arc<dyn Format>) -> Driver {
    let mut topology = testkit::topology();
    folds::products().for_each(|(_, product)| topology.set_format(product.topic, &format(product)));
    Driver::new(topology)
}

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(name)
}

/// One of our schemas, parsed by apache-avro.
pub(crate) fn parsed(schema: avro::Schema) -> Schema {
    Schema::parse_str(schema.text).unwrap_or_else(|error| panic!("schemas/{}.avsc: {error}", schema.name))
}

/// The data as apache-avro reads it, completely.
pub(crate) fn decoded(schema: &Schema, mut data: &[u8]) -> Avro {
    let reader = GenericDatumReader::builder(schema).build().unwrap();
    let value = reader.read_value(&mut data).unwrap();
    assert_eq!(data.len(), 0, "data is left over after {value:?}");
    value
}

/// The JSON of a value; bodies are parsed, as consumers do.
pub(crate) fn json_of(field: &str, value: &Avro) -> Value {
    match value {
        Avro::Null => Value::Null,
        Avro::Union(_, inner) => json_of(field, inner),
        Avro::Record(fields) => {
            let field = |(name, value): &(String, Avro)| (name.clone(), json_of(name, value));
            Value::Object(fields.iter().map(field).collect())
        }
        Avro::Map(entries) => {
            let entries: Map<_, _> =
                entries.iter().map(|(key, value)| (key.clone(), json_of(key, value))).collect();
            Value::Object(entries)
        }
        Avro::Array(items) => items.iter().map(|item| json_of("", item)).collect(),
        Avro::String(text) if field == "body" => serde_json::from_str(text).unwrap(),
        Avro::String(text) => json!(text),
        Avro::Long(number) | Avro::TimestampMillis(number) => json!(number),
        Avro::Double(number) => json!(number),
        other => panic!("{field} is {other:?}"),
    }
}

/// A JSON value as apache-avro's, by a schema. Unknown fields are dropped; an object is JSON text where the schema has a
/// string, and with `as_text` also where it has a choice.
pub(crate) fn avro_of(schema: &Schema, json: &Value, as_text: bool) -> Option<Avro> {
    Some(match (schema, json) {
        (Schema::Union(union), json) => {
            let branches = union.variants().iter().enumerate();
            let fitting =
                branches.filter_map(|(index, branch)| Some((index, avro_of(branch, json, as_text)?)));
            let mut fitting: Vec<_> = fitting.collect();
            // Text is the last branch in our schemas.
            let (index, value) = if as_text { fitting.pop()? } else { fitting.into_iter().next()? };
            Avro::Union(index.try_into().unwrap(), Box::new(value))
        }
        (Schema::Null, Value::Null) => Avro::Null,
        (Schema::Boolean, Value::Bool(is)) => Avro::Boolean(*is),
        (Schema::String, Value::String(text)) => Avro::String(text.clone()),
        (Schema::Bytes, Value::String(text)) => Avro::Bytes(text.clone().into()),
        (Schema::String, Value::Object(_)) => Avro::String(json.to_string()),
        (Schema::Bytes, Value::Object(_)) => Avro::Bytes(json.to_string().into()),
        (Schema::Int, Value::Number(number)) => Avro::Int(number.as_i64()?.try_into().unwrap()),
        (Schema::Long, Value::Number(number)) => Avro::Long(number.as_i64()?),
        (Schema::Double, Value::Number(number)) => Avro::Double(number.as_f64()?),
        (Schema::TimestampMillis, Value::Number(number)) => Avro::TimestampMillis(number.as_i64()?),
        (Schema::TimestampMicros, Value::Number(number)) => {
            Avro::TimestampMicros(number.as_i64()? * 1000 + 999)
        }
        (Schema::Map(map), Value::Object(object)) => {
            let entries =
                object.iter().map(|(key, value)| Some((key.clone(), avro_of(&map.types, value, as_text)?)));
            Avro::Map(entries.collect::<Option<_>>()?)
        }
        (Schema::Array(array), Value::Array(items)) => {
            Avro::Array(items.iter().map(|item| avro_of(&array.items, item, as_text)).collect::<Option<_>>()?)
        }
        (Schema::Enum(of), Value::String(text)) => {
            let index = of.symbols.iter().position(|symbol| symbol == text)?;
            Avro::Enum(index.try_into().unwrap(), text.clone())
        }
        (Schema::Record(record), Value::Object(object)) => {
            let field = |field: &apache_avro::schema::RecordField| {
                let value = avro_of(&field.schema, object.get(&field.name).unwrap_or(&Value::Null), as_text)?;
                Some((field.name.clone(), value))
            };
            Avro::Record(record.fields.iter().map(field).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
