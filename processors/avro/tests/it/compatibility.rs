// SPDX-License-Identifier: Apache-2.0

//! Versions of a schema go together: whatever would break a reader, old or new, is found, with its place and its remedy.

use std::collections::BTreeSet;

use crate::common::folder;
use apache_avro::Schema as Parsed;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use avro::{Schema, conflicts};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What is said of a new version, as text.
fn said(new: &Value, old: &str) -> Vec<String> {
    conflicts(&new.to_string(), old).unwrap().iter().map(ToString::to_string).collect()
}

fn fields(schema: &mut Value) -> &mut Vec<Value> {
    schema["fields"].as_array_mut().unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn without(text: &str, field: &str) -> Value {
    let mut schema = json(text);
    fields(&mut schema).retain(|known| known["name"] != field);
    schema
}

fn with(text: &str, field: Value) -> Value {
    let mut schema = json(text);
    fields(&mut schema).insert(2, field);
    schema
}

#[test]
fn every_schema_goes_together_with_all_that_were_released_of_it() {
    for schema in Schema::ALL {
        let conflicts_with = |old: &&str| conflicts(schema.text, old).unwrap();
        let found: Vec<String> =
            schema.released.iter().flat_map(conflicts_with).map(|conflict| conflict.to_string()).collect();
        assert_eq!(found, Vec::<String>::new(), "schemas/{}.avsc breaks readers", schema.name);
        let versions: Vec<_> = schema.released.iter().chain([&schema.text]).collect();
        for old in &versions {
            for new in &versions {
                assert_eq!(conflicts(new, old).unwrap(), [], "{}", schema.name);
            }
        }
    }
}

#[test]
fn what_lies_in_the_folder_of_schemas_is_what_is_known() {
    let names = |place: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder(place)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let known: BTreeSet<String> = Schema::ALL.iter().map(|schema| format!("{}.avsc", schema.name)).collect();
    let files: BTreeSet<String> =
        names("schemas").into_iter().filter(|name| name.ends_with(".avsc")).collect();
    assert_eq!(files, known);
    for schema in Schema::ALL {
        let released: BTreeSet<String> =
            (1..=schema.released.len()).map(|number| format!("{number}.avsc")).collect();
        assert_eq!(names(&format!("schemas/released/{}", schema.name)), released, "{}", schema.name);
        assert!(!released.is_empty());
    }
}

#[test]
fn every_record_and_field_has_a_doc() {
    fn look(value: &Value, path: &str) {
        match value {
            Value::Object(object) => {
                let is_field = object.contains_key("name");
                let doc = object.get("doc").and_then(Value::as_str).unwrap_or_default();
                assert!(!is_field || doc.ends_with('.'), "{path}: {} has no doc", object["name"]);
                let path =
                    format!("{path}.{}", object.get("name").and_then(Value::as_str).unwrap_or_default());
                object.values().for_each(|inner| look(inner, &path));
            }
            Value::Array(items) => items.iter().for_each(|item| look(item, path)),
            _ => {}
        }
    }
    Schema::ALL.iter().for_each(|schema| look(&json(schema.text), schema.name));
}

#[test]
fn what_may_be_absent_is_null_by_default() {
    fn look(value: &Value) {
        if let (Some("null"), true) = (value["type"][0].as_str(), value.get("name").is_some()) {
            assert_eq!(value.get("default"), Some(&Value::Null), "{value}");
        }
        match value {
            Value::Object(object) => object.values().for_each(look),
            Value::Array(items) => items.iter().for_each(look),
            _ => {}
        }
    }
    Schema::ALL.iter().for_each(|schema| look(&json(schema.text)));
}

#[test]
fn a_required_field_cannot_go() {
    let text = Schema::ACTIVITY.text;
    assert_eq!(
        said(&without(text, "kind"), text),
        [
            "record Activity, field kind: it has been removed, and older versions have no default for it; put it back \
             (readers of an older version could not read new records)"
        ]
    );
}

#[test]
fn a_new_field_needs_a_default() {
    let text = Schema::TIMELINE_ENTRY.text;
    let required = json!({"name": "mood", "type": "string"});
    assert_eq!(
        said(&with(text, required), text),
        [
            "record TimelineEntry, field mood: it is new and has no default; give it one (readers of the new version \
             could not read older records)"
        ]
    );
}

#[test]
fn a_new_field_with_a_default_goes_together_and_old_and_new_readers_read_both() {
    let old = Schema::METRICS_WINDOW.text;
    let new = with(old, json!({"name": "mood", "type": "string", "default": "calm"})).to_string();
    assert_eq!(conflicts(&new, old).unwrap(), []);

    let (old, new) = (Parsed::parse_str(old).unwrap(), Parsed::parse_str(&new).unwrap());
    let record = |mood: Option<&str>| {
        let text = |name: &str, text: &str| (name.to_owned(), Avro::String(text.to_owned()));
        let mut fields = vec![text("dimension", "queue"), text("id", "q")];
        fields.extend(mood.map(|mood| text("mood", mood)));
        fields.push(("windowStart".to_owned(), Avro::TimestampMillis(0)));
        fields.push(("windowEnd".to_owned(), Avro::TimestampMillis(9)));
        fields.push(("figures".to_owned(), Avro::Map([("offered".to_owned(), Avro::Long(1))].into())));
        fields.push(("revision".to_owned(), Avro::Long(1)));
        fields.push(("histograms".to_owned(), Avro::Map([].into())));
        Avro::Record(fields)
    };
    let write = |schema, value| {
        GenericDatumWriter::builder(schema).build().unwrap().write_value_to_vec::<Avro>(value).unwrap()
    };
    let read = |writer, reader, data: Vec<u8>| {
        let datum = GenericDatumReader::builder(writer).reader_schema(reader).build().unwrap();
        datum.read_value(&mut data.as_slice()).unwrap()
    };
    assert_eq!(read(&old, &new, write(&old, record(None))), record(Some("calm")));
    assert_eq!(read(&new, &old, write(&new, record(Some("wild")))), record(None));
}

#[test]
fn a_type_keeps_its_meaning_also_deep_within() {
    let text = Schema::ACTIVITY.text;
    for (from, to, place, what) in [
        (
            r#"{"name": "id", "type": ["null", "string"]"#,
            r#"{"name": "id", "type": ["null", "long"]"#,
            "field actor.id",
            "no branch of the union reads",
        ),
        (
            r#"{"name": "occurredAt", "type": {"type": "long", "logicalType": "timestamp-millis"}"#,
            r#"{"name": "occurredAt", "type": {"type": "long", "logicalType": "timestamp-micros"}"#,
            "field occurredAt",
            "timestamp-micros cannot be read from timestamp-millis",
        ),
        (r#""Deletion""#, r#""Removal""#, "field deletion", "keep the name"),
        (
            r#"{"name": "legId", "type": "string""#,
            r#"{"name": "legId", "type": ["null", "string"], "default": null"#,
            "field call.legId",
            "string cannot be read from null",
        ),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{from}");
        let said = said(&json(&changed), text).join("\n");
        assert!(said.contains(place) && said.contains(what), "{said}");
    }
}

#[test]
fn enums_and_fixed_keep_what_they_have() {
    let schema = |of: Value| json!({"type": "record", "name": "R", "fields": [{"name": "x", "type": of}]});
    let symbols = |symbols: &[&str]| schema(json!({"type": "enum", "name": "E", "symbols": symbols}));
    let found = said(&symbols(&["A", "B"]), &symbols(&["A"]).to_string());
    assert!(found[0].starts_with("record R, field x: the symbol B is not known to all"), "{found:?}");
    let fixed = |size: usize| schema(json!({"type": "fixed", "name": "F", "size": size}));
    assert!(said(&fixed(3), &fixed(2).to_string())[0].contains("the size has changed"));
    assert_eq!(said(&fixed(3), &fixed(3).to_string()), Vec::<String>::new());
}

#[test]
fn a_type_that_holds_itself_is_looked_at_once() {
    let node = |more: &str| {
        format!(r#"{{"type":"record","name":"N","fields":[{{"name":"next","type":["null","N"]}}{more}]}}"#)
    };
    assert_eq!(conflicts(&node(""), &node("")).unwrap(), []);
    let required = r#",{"name":"x","type":"int"}"#;
    assert_eq!(conflicts(&node(required), &node("")).unwrap().len(), 1);
}

/// A possible change of a field.
fn change(field: &mut Value, how: u8) {
    let object = field.as_object_mut().unwrap();
    match how % 6 {
        0 => _ = object.remove("default"),
        1 => object["type"] = json!("string"),
        2 => object["type"] = json!(["null", "string"]),
        3 => object["type"] = json!("long"),
        4 => object["name"] = json!("other"),
        _ => _ = object.insert("doc".to_owned(), json!("Other.")),
    }
}

proptest! {
    #[test]
    fn the_referee_agrees_on_whatever_is_done_to_fields(
        which in 0..Schema::ALL.len(), place: prop::sample::Index, how: u8, removes: bool
    ) {
        let schema = Schema::ALL[which];
        let mut changed = json(schema.text);
        let fields = fields(&mut changed);
        let index = place.index(fields.len());
        if removes {
            fields.remove(index);
        } else {
            change(&mut fields[index], how);
        }
        let changed = changed.to_string();
        // A type that is defined in the field, and named again later, is missing then; and some changes are no schemas.
        let Ok(new) = Parsed::parse_str(&changed) else { return Ok(()) };
        let old = Parsed::parse_str(schema.text).unwrap();
        let referee = SchemaCompatibility::mutual_read(&new, &old);
        let ours = conflicts(&changed, schema.text).unwrap();
        // It takes instants for numbers.
        let is_of_instants = |what: &str| what.contains("long") && what.contains("timestamp-millis");
        prop_assume!(!ours.iter().any(|conflict| is_of_instants(&conflict.what)));
        prop_assert_eq!(ours.is_empty(), referee == Ok(Compatibility::Full), "{:?} {:?}", ours, referee);
    }
}
