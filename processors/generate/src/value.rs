// SPDX-License-Identifier: Apache-2.0

//! What a record is in JSON where that is not what its Avro schema says (schemas/README.md, "Avro").

use avro::{FieldOutline, Kind, RecordOutline};

/// Fields with text in Avro that holds the JSON text of an object, which JSON has as it is.
const OBJECTS: [&str; 3] = ["body", "data", "roomInfo"];
/// Fields that are null in JSON where they are an empty text in Avro, by their record.
const NULLS: [(&str, &str); 1] = [("Reaction", "value")];

/// Whether a field is an object of any fields.
pub(crate) fn is_object(field: &FieldOutline) -> bool {
    field.kind == Kind::Text && OBJECTS.contains(&field.name.as_str())
}

/// Whether a field of a record may be null.
pub(crate) fn is_nullable(record: &RecordOutline, field: &FieldOutline) -> bool {
    field.is_nullable || NULLS.contains(&(record.name.as_str(), field.name.as_str()))
}

/// What a field of a record is in JSON; the schemas describe what it is in Avro.
pub(crate) fn doc(record: &RecordOutline, field: &FieldOutline) -> String {
    let is_null_instead = !field.is_nullable && is_nullable(record, field);
    match &field.doc {
        doc if is_object(field) => doc.replace(" as JSON text", ""),
        doc if is_null_instead => doc.replace("empty where", "null where"),
        doc => doc.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::outline;
    use model::Schema;

    #[test]
    fn a_description_is_that_of_the_value_in_json() {
        let outline = outline(&Schema::ACTIVITY).unwrap();
        let of = |record: &str, name: &str| {
            let record = outline.record(record).unwrap();
            doc(record, record.fields.iter().find(|field| field.name == name).unwrap())
        };
        assert_eq!(of("Edit", "body"), "The new body, an object; null once the activity is deleted.");
        assert!(of("Reaction", "value").ends_with("null where it quotes an activity that is deleted."));
        assert_eq!(of("Edit", "at"), "When.");
    }

    #[test]
    fn the_fields_that_hold_objects_are_those_that_the_schemas_describe_so() {
        for schema in Schema::ALL {
            for record in outline(schema).unwrap().records() {
                for field in record.fields.iter().filter(|field| field.kind == Kind::Text) {
                    let says = field.doc.contains("JSON text") || field.doc.contains("The activity's body");
                    assert_eq!(is_object(field), says, "{}: {}.{}", schema.name, record.name, field.name);
                }
            }
        }
    }
}
