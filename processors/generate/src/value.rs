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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::outline;
    use model::Schema;

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
