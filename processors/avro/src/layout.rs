// SPDX-License-Identifier: Apache-2.0

//! How records are written, from their schemas.

use std::collections::HashMap;

use model::{Encoded, Layout, LayoutId};

use crate::shape::{SchemaError, Shape, Type, TypeId};

/// The layout of a schema.
///
/// # Errors
/// It is no schema, or has a type that no record has.
pub(crate) fn of(schema: &str) -> Result<Layout, SchemaError> {
    let shape = Shape::parse(schema)?;
    let mut builder = Builder { shape: &shape, layout: Layout::new(), known: HashMap::new() };
    let root = builder.add(shape.root())?;
    let mut layout = builder.layout;
    layout.set_root(root);
    Ok(layout)
}

struct Builder<'s> {
    shape: &'s Shape,
    layout: Layout,
    known: HashMap<TypeId, LayoutId>,
}

impl Builder<'_> {
    fn add(&mut self, id: TypeId) -> Result<LayoutId, SchemaError> {
        if let Some(known) = self.known.get(&id) {
            return Ok(*known);
        }
        // Known before its parts, which may be of its own type.
        let own = self.layout.add(Encoded::Null);
        self.known.insert(id, own);
        let encoded = self.encoded(id)?;
        self.layout.replace(own, encoded);
        Ok(own)
    }

    fn encoded(&mut self, id: TypeId) -> Result<Encoded, SchemaError> {
        Ok(match self.shape.get(id) {
            Type::Null => Encoded::Null,
            Type::Boolean => Encoded::Boolean,
            Type::Int | Type::Long(_) => Encoded::Long,
            Type::Double => Encoded::Double,
            Type::Text => Encoded::Text,
            Type::Array(of) => Encoded::Array(self.add(*of)?),
            Type::Map(of) => Encoded::Map(self.add(*of)?),
            Type::Record { fields, .. } => {
                let fields = fields.iter().map(|field| Ok((field.name.clone(), self.add(field.of)?)));
                Encoded::Record(fields.collect::<Result<_, SchemaError>>()?)
            }
            Type::Union(branches) => match branches.as_slice() {
                [null, of] if *self.shape.get(*null) == Type::Null => Encoded::Nullable(self.add(*of)?),
                _ => return Err(unwritable("a union of other types than null and one that follows it")),
            },
            Type::Float => return Err(unwritable("float: use double")),
            Type::Bytes | Type::Fixed { .. } => return Err(unwritable("bytes")),
            Type::Enum { .. } => {
                return Err(unwritable("an enum: use string, so that a new symbol breaks no reader"));
            }
        })
    }
}

fn unwritable(what: &str) -> SchemaError {
    SchemaError::Unreadable(format!("no record can have {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Record;
    use model::Schema;
    use serde::Serialize;

    fn written(schema: &str, value: &impl Serialize) -> Vec<u8> {
        let mut out = vec![9];
        value.write_avro(&of(schema).unwrap(), &mut out);
        out.split_off(1)
    }

    #[test]
    fn every_schema_of_records_can_be_written() {
        for schema in Schema::ALL.iter().filter(|schema| **schema != Schema::CIM_EVENT) {
            of(schema.text).unwrap_or_else(|error| panic!("{}: {error}", schema.name));
        }
    }

    #[test]
    fn what_no_record_has_is_refused() {
        for schema in [
            r#""bytes""#,
            r#"["string","null"]"#,
            r#"["null","string","long"]"#,
            r#"{"type":"enum","name":"E","symbols":["A"]}"#,
        ] {
            assert!(of(schema).unwrap_err().to_string().contains("no record can have"), "{schema}");
        }
    }

    #[derive(Serialize)]
    struct Node {
        last: i64,
        next: Option<Box<Node>>,
        first: &'static str,
    }

    #[test]
    fn fields_are_written_in_the_schemas_order_also_within_themselves() {
        let schema = r#"{"type":"record","name":"Node","fields":[{"name":"first","type":"string"},
            {"name":"next","type":["null","Node"]},{"name":"last","type":"long"}]}"#;
        let inner = Node { last: 1, next: None, first: "b" };
        let outer = Node { last: -2, next: Some(Box::new(inner)), first: "a" };
        assert_eq!(written(schema, &outer), b"\x02a\x02\x02b\x00\x02\x03");
    }

    #[test]
    fn long_lists_have_the_count_of_their_items_before_them() {
        let schema = r#"{"type":"array","items":"long"}"#;
        for count in [0, 1, 63, 64, 10_000] {
            let items = vec![-1_i64; count];
            let parsed = apache_avro::Schema::parse_str(schema).unwrap();
            let writer = apache_avro::writer::datum::GenericDatumWriter::builder(&parsed).build().unwrap();
            let values = items.iter().map(|item| (*item).into()).collect();
            let expected = writer.write_value_to_vec(apache_avro::types::Value::Array(values)).unwrap();
            assert_eq!(written(schema, &items), expected, "{count}");
        }
    }

    #[test]
    fn an_absent_text_is_empty_where_the_schema_has_no_null() {
        assert_eq!(written(r#""string""#, &None::<&str>), [0]);
        assert_eq!(written(r#"["null","string"]"#, &None::<&str>), [0]);
        assert_eq!(written(r#"["null","string"]"#, &Some("")), [2, 0]);
    }
}
