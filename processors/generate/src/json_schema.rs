// SPDX-License-Identifier: Apache-2.0

//! JSON Schemas (2020-12) of the outputs in JSON, beside the Avro ones.

use avro::{FieldOutline, Kind, RecordOutline};

use crate::json::{Json, object, reference};
use crate::value::{doc, is_nullable, is_object};
use crate::{Definition, File, Output};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
const DEFINITIONS: &str = "#/$defs/";

/// One schema for each output topic: `activity.schema.json` beside `activity.avsc`.
#[must_use]
pub fn files(definition: &Definition) -> Vec<File> {
    let mut files: Vec<File> = Vec::new();
    for (_, output) in definition.outputs() {
        let name = format!("{}.schema.json", output.schema.name);
        if files.iter().all(|file| file.name != name) {
            files.push(File { name, text: schema(output).pretty() });
        }
    }
    files
}

/// All of them in one document, by the names of the schemas.
#[must_use]
pub fn bundle(definition: &Definition) -> String {
    let mut all = object();
    let mut known: Vec<&str> = Vec::new();
    for (_, output) in definition.outputs() {
        if !known.contains(&output.schema.name) {
            known.push(output.schema.name);
            all = all.with(output.schema.name, schema(output));
        }
    }
    object().with("$schema", DIALECT).with("title", "Records of cx-timelines").with("$defs", all).pretty()
}

fn schema(output: &Output) -> Json {
    let head = object()
        .with("$schema", DIALECT)
        // The value of header cx.schema.
        .with("$id", format!("urn:cx-timelines:{}", output.schema.header));
    let records = output.outline.records();
    let Some((root, inner)) = records.split_last() else { return head };
    let schema = fields_of(head, root, DEFINITIONS);
    if inner.is_empty() {
        return schema;
    }
    let definitions =
        inner.iter().fold(object(), |all, record| all.with(&record.name, of(record, DEFINITIONS)));
    schema.with("$defs", definitions)
}

/// The schema of a record; others are referred to by `prefix` and their names.
pub(crate) fn of(record: &RecordOutline, prefix: &str) -> Json {
    fields_of(object(), record, prefix)
}

/// A record has each of its fields, and newer versions have more.
fn fields_of(head: Json, record: &RecordOutline, prefix: &str) -> Json {
    let properties = record
        .fields
        .iter()
        .fold(object(), |all, field| all.with(&field.name, property(record, field, prefix)));
    let required: Vec<&str> = record.fields.iter().map(|field| field.name.as_str()).collect();
    head.with("title", record.name.as_str())
        .with("description", record.doc.as_str())
        .with("type", "object")
        .with("properties", properties)
        .with("required", required)
}

fn property(record: &RecordOutline, field: &FieldOutline, prefix: &str) -> Json {
    let is_null_too = is_nullable(record, field);
    let described = object().with("description", doc(record, field));
    let word = if is_object(field) { Some("object") } else { word(&field.kind) };
    if let Some(word) = word {
        return with_type(described, word, is_null_too);
    }
    let whole = value(&field.kind, prefix);
    match whole {
        // An array or a map.
        Json::Object(parts) if matches!(field.kind, Kind::List(_) | Kind::Map(_)) && !is_null_too => {
            parts.into_iter().fold(described, |all, (name, part)| all.with(&name, part))
        }
        whole if is_null_too => described.with("anyOf", vec![whole, object().with("type", "null")]),
        whole => described.with("allOf", vec![whole]),
    }
}

fn with_type(schema: Json, word: &str, is_null_too: bool) -> Json {
    if is_null_too { schema.with("type", vec![word, "null"]) } else { schema.with("type", word) }
}

/// The types that have no parts.
fn word(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Boolean => Some("boolean"),
        Kind::Long | Kind::Time => Some("integer"),
        Kind::Double => Some("number"),
        Kind::Text => Some("string"),
        Kind::List(_) | Kind::Map(_) | Kind::Record(_) | Kind::OneOf(_) => None,
    }
}

fn value(kind: &Kind, prefix: &str) -> Json {
    match kind {
        Kind::List(of) => object().with("type", "array").with("items", value(of, prefix)),
        Kind::Map(of) => object().with("type", "object").with("additionalProperties", value(of, prefix)),
        Kind::Record(name) => reference(&format!("{prefix}{name}")),
        Kind::OneOf(kinds) => {
            let all: Vec<Json> = kinds.iter().map(|of| value(of, prefix)).collect();
            object().with("anyOf", all)
        }
        other => word(other).map_or_else(object, |word| object().with("type", word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::definition;

    fn text_of(name: &str) -> String {
        files(&definition()).into_iter().find(|file| file.name == name).unwrap().text
    }

    #[test]
    fn every_output_has_a_schema_with_its_fields_in_their_order() {
        let files = files(&definition());
        assert_eq!(files.len(), definition().outputs().count());
        let customer = text_of("customer.schema.json");
        let start = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "urn:cx-timelines:customer/1",
  "title": "Customer",
  "description": "A customer with his last conversations, and how soon he came back. Topic cx.customers, key the customer's id as it is.",
  "type": "object",
  "properties": {
    "customerId": {
      "description": "The customer.",
      "type": "string"
    },
    "conversations": {
      "description": "The last 100 of the conversations whose summary names him, private ones left out, by start, then by id.",
      "type": "array",
      "items": {
        "$ref": "#/$defs/CustomerConversation"
      }
    },"##;
        assert!(customer.starts_with(start), "{customer}");
    }

    #[test]
    fn what_may_be_null_says_so_also_where_avro_has_an_empty_text() {
        let activity: serde_json::Value = serde_json::from_str(&text_of("activity.schema.json")).unwrap();
        let property = |record: &str, field: &str| activity["$defs"][record]["properties"][field].clone();
        assert_eq!(property("Reaction", "value")["type"], serde_json::json!(["string", "null"]));
        assert_eq!(property("Edit", "body")["type"], serde_json::json!(["object", "null"]));
        assert_eq!(property("Edit", "at")["type"], "integer");
        let any = &activity["properties"]["actor"]["anyOf"];
        assert_eq!(any, &serde_json::json!([{"$ref": "#/$defs/Actor"}, {"type": "null"}]));
    }

    #[test]
    fn the_bundle_has_all_of_them() {
        let bundle: serde_json::Value = serde_json::from_str(&bundle(&definition())).unwrap();
        for file in files(&definition()) {
            let name = file.name.strip_suffix(".schema.json").unwrap();
            let alone: serde_json::Value = serde_json::from_str(&file.text).unwrap();
            assert_eq!(bundle["$defs"][name], alone);
        }
    }
}
